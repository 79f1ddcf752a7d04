//! A matrix as the list of its cells.

use super::super::Matrix;
use super::context::identifier;

/// Most cells that are written out one by one.
const MOST: usize = 256;

/// The cells, each with a name of letters, digits and `_`.
pub fn cells(matrix: &Matrix) -> Vec<(String, Vec<(String, String)>)> {
    let mut cells: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for (axis, values) in &matrix.axes {
        let mut next = Vec::new();
        for cell in &cells {
            for value in values {
                if next.len() < MOST {
                    let mut cell = cell.clone();
                    cell.push((axis.clone(), value.clone()));
                    next.push(cell);
                }
            }
        }
        cells = next;
    }
    cells.retain(|cell| !cell.is_empty());
    cells.retain(|cell| {
        !matrix.exclude.iter().any(|gone| gone.iter().all(|pair| cell.contains(pair)))
    });
    for more in &matrix.include {
        // It adds to the cells that agree with it on the axes, else it is one of its own.
        let on_axes =
            |(key, _): &&(String, String)| matrix.axes.iter().any(|(axis, _)| axis == key);
        let mut added = false;
        for cell in &mut cells {
            if more.iter().filter(on_axes).all(|pair| cell.contains(pair))
                && more.iter().filter(on_axes).count() > 0
            {
                added = true;
                for pair in more {
                    if !cell.contains(pair) {
                        cell.push(pair.clone());
                    }
                }
            }
        }
        if !added && cells.len() < MOST {
            cells.push(more.clone());
        }
    }
    let mut names: Vec<String> = Vec::new();
    cells
        .into_iter()
        .map(|cell| {
            let words: Vec<&str> = cell.iter().map(|(_, value)| value.as_str()).collect();
            let mut name = identifier(&words.join("_")).trim_start_matches('_').to_owned();
            if name.is_empty() || names.contains(&name) {
                name = format!("{name}_{}", names.len() + 1);
            }
            names.push(name.clone());
            (name, cell)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_follow_axes_exclusions_and_inclusions() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let matrix = Matrix {
            axes: vec![
                ("os".into(), vec!["l".into(), "w".into()]),
                ("v".into(), vec!["1.0".into(), "2".into()]),
            ],
            exclude: vec![vec![pair("os", "w"), pair("v", "1.0")]],
            include: vec![
                vec![pair("os", "w"), pair("extra", "x")],
                vec![pair("os", "m"), pair("v", "3")],
            ],
            ..Matrix::default()
        };
        let names: Vec<String> = cells(&matrix)
            .iter()
            .map(|(_, cell)| {
                cell.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ")
            })
            .collect();
        assert_eq!(names, ["os=l v=1.0", "os=l v=2", "os=w v=2 extra=x", "os=m v=3"]);
    }
}
