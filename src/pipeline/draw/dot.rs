//! Digraphs in Graphviz' language (<https://graphviz.org/doc/info/lang.html>).

use super::scene::{Kind, Node, Panel, State};
use std::fmt::Write as _;

pub(super) fn draw(panels: &[Panel]) -> String {
    let mut text = String::from(
        "digraph pipeline {\n  rankdir=LR;\n  graph [fontname=\"sans-serif\", fontsize=12, \
         color=\"#9ca3af\", style=rounded];\n  node [fontname=\"sans-serif\", fontsize=11, \
         shape=box, style=\"rounded,filled\", fillcolor=\"#f3f4f6\", color=\"#6b7280\"];\n  edge \
         [color=\"#6b7280\"];\n",
    );
    for (at, panel) in panels.iter().enumerate() {
        let named = !panel.title.is_empty();
        let pad = if named { "    " } else { "  " };
        if named {
            let _ =
                writeln!(text, "  subgraph cluster_{at} {{\n    label={};", quote(&panel.title));
        }
        let mut grouped = vec![false; panel.nodes.len()];
        for (place, group) in panel.groups.iter().enumerate() {
            let label = quote(&group.label);
            let _ = writeln!(text, "{pad}subgraph cluster_{at}_{place} {{\n{pad}  label={label};");
            for node in &group.nodes {
                if let (Some(shown), Some(mark)) = (panel.nodes.get(*node), grouped.get_mut(*node))
                {
                    *mark = true;
                    let _ = writeln!(text, "{pad}  {}", boxed(at, *node, shown));
                }
            }
            let _ = writeln!(text, "{pad}}}");
        }
        for (place, node) in panel.nodes.iter().enumerate() {
            if grouped.get(place) != Some(&true) {
                let _ = writeln!(text, "{pad}{}", boxed(at, place, node));
            }
        }
        for edge in &panel.edges {
            let mut style: Vec<&str> = match (edge.state, edge.critical) {
                (State::Goes, _) => vec!["color=\"#dc2626\"", "style=dashed", "penwidth=2"],
                (State::Comes, _) => vec!["color=\"#16a34a\"", "penwidth=2"],
                (State::Stays, true) => vec!["color=\"#d97706\"", "penwidth=2.5"],
                (State::Stays, false) => vec![],
            };
            if panel.nodes.get(edge.to).is_some_and(|node| node.kind == Kind::Hub) {
                style.push("arrowhead=none");
            }
            let style =
                if style.is_empty() { String::new() } else { format!(" [{}]", style.join(", ")) };
            let _ = writeln!(text, "{pad}n{at}_{} -> n{at}_{}{style};", edge.from, edge.to);
        }
        if named {
            text.push_str("  }\n");
        }
    }
    text.push_str("}\n");
    text
}

fn boxed(panel: usize, place: usize, node: &Node) -> String {
    if node.kind == Kind::Hub {
        let color = if node.critical { ", fillcolor=\"#d97706\", color=\"#d97706\"" } else { "" };
        return format!("n{panel}_{place} [shape=point, width=0.08, label=\"\"{color}];");
    }
    let mut label = node.label.clone();
    if !node.time.is_empty() {
        label += "\n";
        label += &node.time;
    }
    let mut style = vec![format!("label={}", quote(&label))];
    let shape = match node.kind {
        Kind::Deploy => Some("shape=cds, style=filled, fillcolor=\"#dbeafe\""),
        Kind::Approval => Some("shape=octagon, style=filled, fillcolor=\"#fef3c7\""),
        Kind::Scan => Some("shape=component, style=filled, fillcolor=\"#ede9fe\""),
        Kind::Call => Some("shape=box3d, style=filled"),
        Kind::Work | Kind::Hub => None,
    };
    style.extend(shape.map(str::to_owned));
    if node.critical {
        style.push("color=\"#d97706\", penwidth=2.5".to_owned());
    }
    format!("n{panel}_{place} [{}];", style.join(", "))
}

/// A quoted string: its own escapes for quotes, backslashes and lines.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for mark in text.chars() {
        match mark {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            mark if mark.is_control() => out.push(' '),
            mark => out.push(mark),
        }
    }
    out.push('"');
    out
}
