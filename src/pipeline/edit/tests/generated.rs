//! Any edit of any document means what it says, or is refused.

use proptest::prelude::*;

use super::super::Text;
use super::*;

/// A value's text in some style, at a column, behind a key or dash: what stands on
/// its line, and the lines below.
fn node(depth: u32) -> BoxedStrategy<Shape> {
    let scalar = prop_oneof![
        Just("x".to_owned()),
        Just("some words".to_owned()),
        Just("'it''s'".to_owned()),
        Just("\"a \\\"b\\\" #\"".to_owned()),
        Just("12".to_owned()),
        Just("true".to_owned()),
        Just(String::new()),
        Just("~".to_owned()),
        Just("&id x".to_owned()),
        Just("!tag x".to_owned()),
        Just("[a, 'b' , {c: d}]".to_owned()),
        Just("{a: 1, b, c: [] }".to_owned()),
        Just("[]".to_owned()),
        Just("{ }".to_owned()),
        Just("[\n  a, # one\n  b\n]".to_owned()),
        Just("{\n  a: 1,\n\n  b: 2,\n}".to_owned()),
        Just("|\n  one\n\n    two # no".to_owned()),
        Just("|-\n  one".to_owned()),
        Just("|+\n  one\n".to_owned()),
        Just(">-\n  one\n  two".to_owned()),
        Just("\"one\n  two\"".to_owned()),
        Just("one\n  two".to_owned()),
    ]
    .prop_map(Shape::Scalar);
    if depth == 0 {
        return scalar.boxed();
    }
    let child = (node(depth - 1), any::<u8>());
    prop_oneof![
        2 => scalar,
        3 => (prop::collection::vec(child.clone(), 1..4), any::<u8>())
            .prop_map(|(children, style)| Shape::Map(children, style)),
        2 => (prop::collection::vec(child, 1..4), any::<u8>())
            .prop_map(|(children, style)| Shape::Seq(children, style)),
    ]
    .boxed()
}

#[derive(Debug, Clone)]
enum Shape {
    Scalar(String),
    Map(Vec<(Shape, u8)>, u8),
    Seq(Vec<(Shape, u8)>, u8),
}

/// Writes a value behind a key or dash at `column`; bits of `noise` are comments,
/// blank lines and indentation.
fn write(shape: &Shape, column: usize, dash: bool, noise: u8, out: &mut String) {
    match shape {
        Shape::Scalar(text) => {
            let pad = " ".repeat(column);
            let mut lines = text.split('\n');
            let first = lines.next().unwrap_or_default();
            if !first.is_empty() {
                out.push(' ');
                out.push_str(first);
            }
            let block = first.starts_with(['|', '>']);
            let single = !text.contains('\n') || block;
            if noise & 1 == 1 && single {
                out.push_str(" # why");
            }
            out.push('\n');
            for line in lines {
                if !line.is_empty() {
                    out.push_str(&pad);
                    // A flow collection's closing bracket is indented too.
                    out.push_str(if line.starts_with(' ') { "" } else { " " });
                    out.push_str(line);
                }
                out.push('\n');
            }
        }
        Shape::Map(children, style) | Shape::Seq(children, style) => {
            let is_map = matches!(shape, Shape::Map(..));
            let step = match style & 3 {
                0 if !is_map && !dash => 0,
                1 => 4,
                _ => 2,
            };
            let inline = dash && style & 4 == 4;
            let inner = if inline { column + 2 } else { column + step.max(usize::from(dash) * 2) };
            for (nth, (child, noise)) in children.iter().enumerate() {
                if nth == 0 && inline {
                    out.push(' ');
                } else {
                    if nth == 0 {
                        out.push_str(if style & 8 == 8 { " # note\n" } else { "\n" });
                    }
                    if noise & 2 == 2 && nth > 0 {
                        out.push('\n');
                    }
                    if noise & 4 == 4 {
                        out.push_str(&format!("{}# about {nth}\n", " ".repeat(inner)));
                    }
                    out.push_str(&" ".repeat(inner));
                }
                if is_map {
                    out.push_str(&if noise & 8 == 8 {
                        format!("'k{nth}':")
                    } else {
                        format!("k{nth}:")
                    });
                } else {
                    out.push('-');
                }
                write(child, inner, !is_map, *noise, out);
            }
            if style & 16 == 16 {
                out.push_str(&format!("{}# end\n", " ".repeat(inner)));
            }
        }
    }
}

fn document(children: &[(Shape, u8)]) -> String {
    let mut out = String::new();
    for (nth, (child, noise)) in children.iter().enumerate() {
        if noise & 2 == 2 {
            out.push('\n');
        }
        if noise & 4 == 4 {
            out.push_str("# about it\n");
        }
        out.push_str(&format!("top{nth}:"));
        write(child, 0, false, *noise, &mut out);
    }
    out
}

/// An op at some node.
fn op(tree: &yaml::Tree, choice: (u16, u8, u8, u8)) -> Op {
    let mut at = Vec::new();
    let mut id = tree.root().unwrap_or_default();
    let mut bits = choice.0;
    loop {
        let children = tree.entries(id).len() + tree.items(id).len();
        if children == 0 || (bits & 3 == 0 && !at.is_empty()) {
            break;
        }
        let nth = (bits as usize >> 2) % children;
        bits = bits.rotate_right(5);
        if let Some(entry) = tree.entries(id).get(nth) {
            at.push(Seg::Key(entry.key.clone()));
            id = entry.value;
        } else {
            at.push(Seg::Index(nth));
            id = tree.items(id)[nth];
        }
    }
    let value = match choice.2 % 7 {
        0 => Plain::text("plain"),
        1 => Plain::text("yes"),
        2 => Plain::Int(3),
        3 => Plain::texts(["a", "b: c"]),
        4 => Plain::text("l1\n\nl2\n"),
        5 => Plain::map([("m", Plain::texts(["x"])), ("n", Plain::Null)]),
        _ => Plain::Seq(vec![Plain::map([("o", Plain::Int(1)), ("p", "q".into())])]),
    };
    let count = tree.items(id).len();
    match choice.1 % 8 {
        0 => Op::Replace { at, value },
        1 => Op::Remove { at },
        2 => {
            let text = tree.text(id).unwrap_or_default();
            let find: String = text.chars().take(1 + choice.3 as usize % 3).collect();
            let replace = "new".to_owned();
            if choice.3 & 8 == 8 {
                Op::Remark { at, find, replace, remark: "noted".to_owned() }
            } else {
                Op::Text { at, find, replace }
            }
        }
        3 if count > 0 && choice.3 & 16 == 16 => {
            let from = choice.3 as usize % count;
            let to = (from + 1 + choice.2 as usize % 2).min(count);
            let beside =
                if choice.2 & 8 == 8 { vec![("fail-fast", Plain::Bool(true))] } else { Vec::new() };
            Op::Wrap { at, from, to, keys: vec!["parallel", "steps"], beside }
        }
        3 if count > 1 => {
            Op::Move { at, from: choice.3 as usize % count, to: choice.2 as usize % (count + 1) }
        }
        3..=5 if tree.text(id).is_none() && count > 0 => {
            Op::Push { at, index: choice.3 as usize % (count + 1), value }
        }
        _ => {
            let place = match choice.3 % 4 {
                0 => Place::First,
                1 => Place::Last,
                2 => Place::After(vec!["k0", "a"]),
                _ => Place::Before(vec!["k1", "b"]),
            };
            Op::Insert { at, key: format!("new{}", choice.3 % 2), value, place }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
    ))]
    #[test]
    fn any_edits_of_any_document_mean_what_they_say(
        children in prop::collection::vec((node(3), any::<u8>()), 1..4),
        choices in prop::collection::vec(any::<(u16, u8, u8, u8)>(), 1..4),
        ends in 0u8..6,
    ) {
        let mut before = document(&children);
        if ends & 1 == 1 {
            before = before.replace('\n', "\r\n");
        }
        if ends > 3 {
            before = before.trim_end_matches(['\r', '\n']).to_owned();
        }
        let Ok(tree) = yaml::parse(&before) else {
            return Err(TestCaseError::reject("no document"));
        };
        let ops: Vec<Op> = choices.iter().map(|choice| op(&tree, *choice)).collect();
        let made = splice(&before, &tree, &ops);
        // What is known without making it is the same, the second time as well.
        let text = Text::new(&before, &tree);
        for _ in 0..2 {
            prop_assert_eq!(text.takes(&ops), made.is_ok(), "{:?}\n{}", ops, before);
        }
        if let Ok(after) = made
            && let Err(why) = verify(&before, &tree, &ops, &after)
        {
            prop_assert!(false, "{}\n--- before\n{}", why, before);
        }
    }
}
