//! Flowcharts in Mermaid's language (<https://mermaid.js.org/syntax/flowchart.html>).
//! Ids are made up, so no name can be a keyword; labels are quoted, with everything
//! that could end them or mean something written as an entity code.

use super::scene::{Kind, Node, Panel, State};
use std::fmt::Write as _;

pub(super) fn draw(panels: &[Panel]) -> String {
    let mut text = String::from("flowchart LR\n");
    let mut styles: Vec<(usize, &str)> = Vec::new();
    let mut edge_count = 0;
    for (at, panel) in panels.iter().enumerate() {
        let named = panels.len() > 1 || !panel.title.is_empty();
        let pad = if named { "    " } else { "  " };
        if named {
            let title = if panel.title.is_empty() { "pipeline" } else { &panel.title };
            let _ = writeln!(text, "  subgraph p{at}[\"{}\"]\n    direction LR", escape(title));
        }
        let mut grouped = vec![false; panel.nodes.len()];
        for (place, group) in panel.groups.iter().enumerate() {
            let _ = writeln!(text, "{pad}subgraph p{at}g{place}[\"{}\"]", escape(&group.label));
            for node in &group.nodes {
                if let (Some(shown), Some(mark)) = (panel.nodes.get(*node), grouped.get_mut(*node))
                {
                    *mark = true;
                    let _ = writeln!(text, "{pad}  {}", boxed(at, *node, shown));
                }
            }
            let _ = writeln!(text, "{pad}end");
        }
        for (place, node) in panel.nodes.iter().enumerate() {
            if grouped.get(place) != Some(&true) {
                let _ = writeln!(text, "{pad}{}", boxed(at, place, node));
            }
        }
        for edge in &panel.edges {
            let arrow = match edge.state {
                State::Goes => "-.->",
                _ if edge.critical => "==>",
                _ => "-->",
            };
            let to_hub = panel.nodes.get(edge.to).is_some_and(|node| node.kind == Kind::Hub);
            let arrow = match arrow {
                "==>" if to_hub => "===",
                "-->" if to_hub => "---",
                arrow => arrow,
            };
            let _ = writeln!(text, "{pad}p{at}n{} {arrow} p{at}n{}", edge.from, edge.to);
            match (edge.state, edge.critical) {
                (State::Goes, _) => styles.push((edge_count, "goes")),
                (State::Comes, _) => styles.push((edge_count, "comes")),
                (State::Stays, true) => styles.push((edge_count, "critical")),
                (State::Stays, false) => {}
            }
            edge_count += 1;
        }
        if named {
            text.push_str("  end\n");
        }
    }
    for (name, style) in [
        ("critical", "stroke:#d97706,stroke-width:2px"),
        ("goes", "stroke:#dc2626,stroke-width:2px"),
        ("comes", "stroke:#16a34a,stroke-width:2px"),
    ] {
        let of: Vec<String> = (styles.iter())
            .filter(|(_, kind)| *kind == name)
            .map(|(edge, _)| edge.to_string())
            .collect();
        if !of.is_empty() {
            let _ = writeln!(text, "  linkStyle {} {style}", of.join(","));
        }
    }
    text.push_str("  classDef critical stroke:#d97706,stroke-width:3px\n");
    for (place, panel) in panels.iter().enumerate() {
        let on: Vec<String> = (panel.nodes.iter().enumerate())
            .filter(|(_, node)| node.critical)
            .map(|(node, _)| format!("p{place}n{node}"))
            .collect();
        if !on.is_empty() {
            let _ = writeln!(text, "  class {} critical", on.join(","));
        }
    }
    text
}

/// A node by its kind: deployments with round ends, approvals as hexagons, scans as
/// trapezoids, calls as subroutines.
fn boxed(panel: usize, place: usize, node: &Node) -> String {
    let (open, close) = match node.kind {
        Kind::Work => ("[", "]"),
        Kind::Deploy => ("([", "])"),
        Kind::Approval => ("{{", "}}"),
        Kind::Scan => ("[/", "/]"),
        Kind::Call => ("[[", "]]"),
        Kind::Hub => return format!("p{panel}n{place}(( ))"),
    };
    let mut label = escape(&node.label);
    if !node.time.is_empty() {
        label += "<br/>";
        label += &escape(&node.time);
    }
    format!("p{panel}n{place}{open}\"{label}\"{close}")
}

/// Entity codes for what Mermaid, Markdown or HTML would read.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for mark in text.chars() {
        match mark {
            '"' => out.push_str("#quot;"),
            '&' => out.push_str("#amp;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '#' | '`' | '[' | ']' | '{' | '}' | '(' | ')' | '|' | '\\' | ';' | '*' | '_' | '~'
            | '%' | '@' | ':' => {
                let _ = write!(out, "#{};", mark as u32);
            }
            mark if mark.is_control() => out.push(' '),
            mark => out.push(mark),
        }
    }
    // A leading number and dot would be read as a list.
    if out.trim().is_empty() { "#nbsp;".to_owned() } else { out.replace(". ", "#46; ") }
}
