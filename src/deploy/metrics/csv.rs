//! Tables as text: RFC 4180, and what spreadsheets make of it (`;` or tab between
//! columns).

/// The rows of a table, each as long as it came. Empty lines are left out.
pub(super) fn rows(text: &str) -> Vec<Vec<String>> {
    let text = text.trim_start_matches('\u{feff}');
    let separator = separator(text);
    let mut rows = Vec::new();
    let mut row: Vec<String> = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.trim().is_empty() => {
                cell.clear();
                quoted = true;
            }
            '\n' if !quoted => {
                end(&mut rows, &mut row, &mut cell);
            }
            '\r' if !quoted => {}
            c if c == separator && !quoted => row.push(std::mem::take(&mut cell).trim().to_owned()),
            c => cell.push(c),
        }
    }
    end(&mut rows, &mut row, &mut cell);
    rows
}

fn end(rows: &mut Vec<Vec<String>>, row: &mut Vec<String>, cell: &mut String) {
    row.push(std::mem::take(cell).trim().to_owned());
    let row = std::mem::take(row);
    if row.len() > 1 || !row[0].is_empty() {
        rows.push(row);
    }
}

/// What stands most often in the first line.
fn separator(text: &str) -> char {
    let head = text.lines().next().unwrap_or_default();
    [',', ';', '\t']
        .into_iter()
        .max_by_key(|c| (head.matches(*c).count(), *c == ','))
        .unwrap_or(',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_any_make() {
        for (text, expect) in [
            ("a,b\n1,2\n", vec![vec!["a", "b"], vec!["1", "2"]]),
            (
                "\u{feff}a;b\r\n\r\n1;\"x;\"\"y\"\"\"\r\n",
                vec![vec!["a", "b"], vec!["1", "x;\"y\""]],
            ),
            ("a\tb\n\"1\n2\"\t3", vec![vec!["a", "b"], vec!["1\n2", "3"]]),
            ("a\n\n", vec![vec!["a"]]),
            ("", vec![]),
            ("a,\"b", vec![vec!["a", "b"]]),
        ] {
            assert_eq!(rows(text), expect, "{text:?}");
        }
    }
}
