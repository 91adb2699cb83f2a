/// Longest word that is looked at, in bytes: the time to compare two grows with the product of their lengths.
const LONGEST: usize = 100;

/// The known word that a misspelt one stands for, where one is near enough.
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let lower = word.to_lowercase();
    known
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            *distance <= (candidate.chars().count().max(word.chars().count()) / 3).clamp(1, 3)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_only_and_no_endless_ones() {
        assert_eq!(suggest("Seeder", ["trials", "seeders"]), Some("seeders"));
        assert_eq!(suggest("seeders", ["trials"]), None);
        // compared, these two would take a terabyte
        let long = "x".repeat(1 << 20);
        assert_eq!(suggest(&long[1..], [long.as_str()]), None);
    }
}
