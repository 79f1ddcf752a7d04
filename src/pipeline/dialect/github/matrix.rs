//! The matrix of a job: how many copies there are, and what their values are.

use std::sync::LazyLock;

use regex::Regex;

use crate::pipeline::dialect::walk::Node;
use crate::pipeline::graph::Matrix;

/// Most combinations that are laid out to apply `exclude` and `include`. The service
/// runs 256 at most.
const MOST: usize = 4096;

static CONTEXT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\$\{\{\s*matrix\.([A-Za-z0-9_.-]+)\s*\}\}").expect("the pattern is fixed")
});

/// Reads `strategy`; `None` where it has no matrix.
pub(super) fn read(strategy: &Node<'_>) -> Option<Matrix> {
    let matrix = strategy.get("matrix")?;
    let axes: Vec<(String, Vec<String>)> = matrix
        .fields()
        .filter(|field| !is_rest(field.key) && field.value.is_seq())
        .map(|field| {
            (field.key.to_owned(), field.value.items().map(|item| item.written()).collect())
        })
        .collect();
    Some(Matrix {
        cells: cells(&matrix, &axes),
        axes,
        fail_fast: strategy.get("fail-fast").and_then(|value| value.bool()),
        span: matrix.span(),
    })
}

fn is_rest(key: &str) -> bool {
    key == "include" || key == "exclude"
}

/// Copies: all combinations of the axes without those that an item of `exclude`
/// matches, and one more for each item of `include` that fits none of them.
fn cells(matrix: &Node<'_>, axes: &[(String, Vec<String>)]) -> Option<usize> {
    if !matrix.is_map() || matrix.fields().any(|field| !field.value.is_seq()) {
        return None;
    }
    let rest = |key: &str| -> Vec<Vec<(&str, String)>> {
        let items = matrix.get(key).map(|node| node.items().collect::<Vec<_>>());
        items
            .unwrap_or_default()
            .iter()
            .map(|item| item.fields().map(|field| (field.key, field.value.written())).collect())
            .collect()
    };
    let computed = ["include", "exclude"]
        .iter()
        .any(|key| matrix.get(key).is_some_and(|node| node.items().any(|item| !item.is_map())));
    if computed {
        return None;
    }
    let product = axes.iter().try_fold(1usize, |all, (_, values)| all.checked_mul(values.len()))?;
    let (exclude, include) = (rest("exclude"), rest("include"));
    if exclude.is_empty() && include.is_empty() {
        return Some(if axes.is_empty() { 0 } else { product });
    }
    if product > MOST {
        return None;
    }
    let mut combinations: Vec<Vec<&str>> = Vec::new();
    if !axes.is_empty() {
        combinations.push(Vec::new());
        for (_, values) in axes {
            combinations = combinations
                .iter()
                .flat_map(|so_far| {
                    values.iter().map(move |value| {
                        let mut next = so_far.clone();
                        next.push(value.as_str());
                        next
                    })
                })
                .collect();
        }
    }
    let axis = |key: &str| axes.iter().position(|(name, _)| name == key);
    combinations.retain(|cell| {
        !exclude.iter().any(|item| {
            item.iter().all(|(key, value)| {
                axis(key).and_then(|place| cell.get(place)).is_some_and(|has| has == value)
            })
        })
    });
    let added = include.iter().filter(|item| {
        !combinations.iter().any(|cell| {
            item.iter().all(|(key, value)| match axis(key) {
                Some(place) => cell.get(place).is_some_and(|has| has == value),
                None => true,
            })
        })
    });
    Some(combinations.len() + added.count())
}

/// The values of a text with one `${{ matrix.… }}` in it, one for each value of the
/// matrix, without doubles. `None` where there is no such thing, or it is computed.
pub(super) fn expand(text: &str, matrix: Option<&Node<'_>>) -> Option<Vec<String>> {
    let found = CONTEXT.captures(text)?;
    let (whole, path) = (found.get(0)?, found.get(1)?.as_str());
    let (before, after) = (text.get(..whole.start())?, text.get(whole.end()..)?);
    if before.contains("${{") || after.contains("${{") {
        return None;
    }
    let mut all: Vec<String> = Vec::new();
    for value in values(matrix?, path)? {
        let one = format!("{before}{value}{after}");
        if !all.contains(&one) {
            all.push(one);
        }
    }
    (!all.is_empty()).then_some(all)
}

/// What `matrix.<path>` may be: scalars of an axis, or entries of its mappings, and
/// what `include` says.
fn values(matrix: &Node<'_>, path: &str) -> Option<Vec<String>> {
    let mut keys = path.split('.');
    let first = keys.next()?;
    let keys: Vec<&str> = keys.collect();
    let mut sources: Vec<Node<'_>> = Vec::new();
    if let Some(axis) = matrix.get(first) {
        if !axis.is_seq() {
            return None;
        }
        sources.extend(axis.items());
    }
    match matrix.get("include") {
        Some(include) if include.is_seq() => {
            sources.extend(include.items().filter_map(|item| item.get(first)));
        }
        Some(_) => return None,
        None => {}
    }
    let mut all = Vec::new();
    for source in sources {
        let mut node = Some(source);
        for key in &keys {
            node = node.and_then(|node| node.get(key));
        }
        match node.and_then(|node| node.text().map(str::to_owned)) {
            Some(text) if text.contains("${{") => return None,
            Some(text) => all.push(text),
            None => {}
        }
    }
    Some(all)
}
