//! Names that were probably meant.

/// The `names` nearest to `wanted`, nearest first, at most three: few edits
/// away, or with `wanted` as their last part (`origin/topic` for `topic`).
pub(super) fn nearest(wanted: &str, names: impl IntoIterator<Item = String>) -> Vec<String> {
    let allowed = (wanted.chars().count() / 3).clamp(1, 4);
    let mut near: Vec<(usize, String)> = names
        .into_iter()
        .filter_map(|name| {
            if name.strip_suffix(wanted).is_some_and(|rest| rest.ends_with('/')) {
                return Some((0, name));
            }
            let distance = distance(wanted, &name);
            (distance <= allowed).then_some((distance, name))
        })
        .collect();
    near.sort();
    near.dedup();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// How many characters have to be put in, taken out or replaced (Levenshtein),
/// letter case aside.
fn distance(one: &str, two: &str) -> usize {
    let lower = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<Vec<_>>();
    let (one, two) = (lower(one), lower(two));
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in two.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[two.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_come_first_and_far_ones_not_at_all() {
        let names = ["main", "maint", "origin/topic", "release/1.0", "v1.0", "V1.1"];
        let check = |wanted: &str, expect: &[&str]| {
            assert_eq!(nearest(wanted, names.map(String::from)), expect, "{wanted}");
        };
        check("mian", &[]);
        check("mai", &["main"]);
        check("mainn", &["main", "maint"]);
        check("topic", &["origin/topic"]);
        check("relase/1.0", &["release/1.0"]);
        check("v1.1", &["V1.1", "v1.0"]);
        check("entirely-different", &[]);
        check("", &[]);
    }
}
