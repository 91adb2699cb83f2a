use std::fmt::Write;

/// Characters of a digest that are stored.
const DIGEST: usize = 6;

/// Which part of what was measured is wanted. What is not said, is not asked for; of several words, one suffices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Name of the lab.
    pub lab: Option<String>,
    /// Name of the scenario.
    pub scenario: Option<String>,
    /// Ids of cells.
    pub cells: Vec<String>,
    /// Digests of cells, their first 6 hex digits or more.
    pub digests: Vec<String>,
    /// Names of attempts.
    pub attempts: Vec<String>,
}

impl Selection {
    /// Everything of a lab.
    pub fn of_lab(lab: &str) -> Self {
        Self { lab: Some(lab.to_owned()), ..Self::default() }
    }

    /// What each label may be, in the order in which they narrow; only those that were said.
    pub(super) fn wanted(&self) -> Vec<(&'static str, Vec<&str>)> {
        fn all(words: &[String]) -> Vec<&str> {
            words.iter().map(String::as_str).collect()
        }
        let stored = |digest| <str>::get(digest, ..DIGEST).unwrap_or(digest);
        let labels = [
            ("lab", self.lab.as_deref().into_iter().collect()),
            ("scenario", self.scenario.as_deref().into_iter().collect()),
            ("cell", all(&self.cells)),
            ("digest", all(&self.digests).into_iter().map(stored).collect::<Vec<_>>()),
            ("attempt", all(&self.attempts)),
        ];
        labels.into_iter().filter(|(_, words)| !words.is_empty()).collect()
    }

    /// Whether something with these labels is wanted.
    pub(super) fn wants<'a>(&self, label: impl Fn(&str) -> &'a str) -> bool {
        self.wanted().iter().all(|(name, words)| words.contains(&label(name)))
    }

    /// The selection as people read it: `lab a, cell b or c`; empty where everything is wanted.
    pub(super) fn words(&self) -> String {
        let named = |(name, words): &(&str, Vec<&str>)| format!("{name} {}", words.join(" or "));
        self.wanted().iter().map(named).collect::<Vec<_>>().join(", ")
    }
}

/// The store's selector of the series with these labels, of metrics whose name matches.
pub(super) fn selector(metrics: &str, wanted: &[(&str, Vec<&str>)]) -> String {
    let mut text = format!("{{__name__=~\"{metrics}\"");
    for (name, words) in wanted {
        // Writing to a string can't fail.
        let _ = match &words[..] {
            [word] => write!(text, ",{name}=\"{}\"", quoted(word)),
            words => {
                let words: Vec<String> = words.iter().map(|word| quoted(&pattern(word))).collect();
                write!(text, ",{name}=~\"{}\"", words.join("|"))
            }
        };
    }
    text + "}"
}

/// A text within quotes.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// A regular expression that matches a text alone.
fn pattern(text: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_ /:".contains(letter);
    text.chars().fold(String::new(), |all, letter| if plain(letter) { all } else { all + "\\" } + &letter.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Selection {
        Selection {
            lab: Some("a \"lab\"".to_owned()),
            cells: vec!["c.1".to_owned(), "c2".to_owned()],
            digests: vec!["abcdef0123".to_owned()],
            ..Selection::default()
        }
    }

    #[test]
    fn a_selector_says_what_is_wanted() {
        let text = selector("benchgrid_.+", &some().wanted());
        assert_eq!(text, r#"{__name__=~"benchgrid_.+",lab="a \"lab\"",cell=~"c\\.1|c2",digest="abcdef"}"#);
        assert_eq!(selector("benchgrid_.+", &Selection::default().wanted()), r#"{__name__=~"benchgrid_.+"}"#);
        assert_eq!(some().words(), "lab a \"lab\", cell c.1 or c2, digest abcdef");
    }

    #[test]
    fn labels_are_held_against_it() {
        let of = |cell: &'static str, digest: &'static str| {
            move |name: &str| match name {
                "lab" => "a \"lab\"",
                "cell" => cell,
                "digest" => digest,
                _ => "",
            }
        };
        assert!(some().wants(of("c2", "abcdef")));
        assert!(!some().wants(of("c3", "abcdef")));
        assert!(!some().wants(of("c2", "abcdee")));
        assert!(Selection::default().wants(|_| ""));
    }
}
