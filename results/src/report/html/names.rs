use std::collections::BTreeSet;

/// Longest name of a file that is made from a slug, in bytes: file systems allow 255, people read less.
const LONGEST: usize = 120;

/// Names of files, each given once.
#[derive(Default)]
pub(super) struct Names {
    given: BTreeSet<String>,
}

impl Names {
    /// The name of a cell's page: its slug; where that is no file name everywhere, or is taken, with a digest of what the cell is called.
    pub(super) fn give(&mut self, slug: &str, id: &str) -> String {
        let plain = plain(slug);
        let mut name = plain.clone();
        let mut salt = 0;
        // systems of files that take upper for lower case are common
        while name.is_empty() || (salt == 0 && name != slug) || self.given.contains(&name.to_lowercase()) {
            name = format!("{plain}-{:08x}", digest(slug, id, salt));
            salt += 1;
        }
        self.given.insert(name.to_lowercase());
        format!("{name}.html")
    }
}

/// What is left of a text in a file's name and in a URL, without any escape.
fn plain(text: &str) -> String {
    let safe = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let letters: String = text.chars().map(|letter| if safe(letter) { letter } else { '-' }).take(LONGEST).collect();
    letters.trim_matches(['-', '.']).to_owned()
}

/// FNV-1a (Fowler, Noll, Vo), folded to 32 bits: names need to differ, not to be secret.
fn digest(slug: &str, id: &str, salt: u64) -> u64 {
    let bytes = slug.bytes().chain([0]).chain(id.bytes()).chain(salt.to_le_bytes());
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 32) ^ (hash & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_differ() {
        let mut names = Names::default();
        assert_eq!(names.give("system-codex.size-5mb", "a"), "system-codex.size-5mb.html");
        let again = names.give("system-CODEX.size-5mb", "b");
        assert!(again.starts_with("system-CODEX.size-5mb-"), "{again}");
        let hostile = [("../../etc/passwd", "a"), ("..-..-etc-passwd", "a"), ("", "a"), ("", "b"), ("<script>", "a")];
        let given: BTreeSet<String> = hostile.iter().map(|(slug, id)| names.give(slug, id)).collect();
        assert_eq!(given.len(), hostile.len());
        assert!(given.iter().all(|name| !name.contains(['/', '<']) && !name.starts_with('.')), "{given:?}");
        assert!(names.give(&"x".repeat(1000), "a").len() < 200);
    }

    #[test]
    fn a_name_does_not_depend_on_other_cells() {
        let (mut one, mut two) = (Names::default(), Names::default());
        one.give("b", "1");
        assert_eq!(one.give("a b", "2"), two.give("a b", "2"));
    }
}
