//! "Did you mean": the nearest of some words.

/// The word with the fewest edits to `word`, if that is few enough to be a slip:
/// at most a third of its length, and at least one. Case and the difference of
/// `-` and `_` do not count.
pub fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let word = plain(word);
    let length = word.chars().count();
    // Nothing here is that long; and the table below grows with it.
    if length > 64 {
        return None;
    }
    words
        .into_iter()
        .map(|candidate| (edits(&word, &plain(candidate)), candidate))
        .min_by_key(|(edits, _)| *edits)
        .filter(|(edits, _)| *edits <= (length / 3).max(1))
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one
/// into the other (optimal string alignment).
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_word_and_strangers_do_not() {
        let words = ["max_findings", "fail_on", "findings_file", "model"];
        for (word, expect) in [
            ("max-finding", Some("max_findings")),
            ("MAX_FINDNIGS", Some("max_findings")),
            ("fial_on", Some("fail_on")),
            ("modell", Some("model")),
            ("colour", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, words), expect, "{word}");
        }
        assert_eq!(nearest(&"m".repeat(10_000), words), None);
    }

    #[test]
    fn edits_count_swaps_once() {
        for (a, b, expect) in
            [("", "", 0), ("ab", "ba", 1), ("abc", "", 3), ("high", "hgih", 1), ("é", "e", 1)]
        {
            assert_eq!(edits(a, b), expect, "{a} {b}");
        }
    }
}
