//! Pictures that stand alone: SVG 1.1 with its own style, for light and dark grounds.

use super::layout::{self, Placed};
use super::scene::{Edge, Kind, Node, Panel, State};
use super::{Layout, duration};
use std::fmt::Write as _;
use unicode_width::UnicodeWidthChar;

const MARGIN: f64 = 24.0;
const TITLE: f64 = 30.0;
/// Panels stand beside each other up to this width together, else one below the other.
const BESIDE: f64 = 1_300.0;

/// Colours are set on classes twice: viewers that know no dark mode take the first.
const STYLE: &str = "\
text{font:12px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;fill:#1f2937}\
.t{font-size:14px;font-weight:600}.s{font-size:10.5px;fill:#4b5563}\
.g{font-size:10.5px;fill:#6b7280}.G{fill:#f3f4f6;stroke:#d1d5db}\
.n{fill:#fff;stroke:#9ca3af}.d{fill:#dbeafe;stroke:#60a5fa}.a{fill:#fef3c7;stroke:#d9b44a}\
.c{fill:#ede9fe;stroke:#a78bfa}.l{fill:#e5e7eb;stroke:#9ca3af;stroke-dasharray:4 2}\
.x{stroke:#d97706;stroke-width:2.5;stroke-dasharray:none}.h{fill:#6b7280}.X{fill:#d97706}\
.e{fill:none;stroke:#9ca3af;stroke-width:1.3}.k{fill:none;stroke:#d97706;stroke-width:2.5}\
.o{fill:none;stroke:#dc2626;stroke-width:1.8;stroke-dasharray:6 4}\
.i{fill:none;stroke:#16a34a;stroke-width:2}.r{stroke:#e5e7eb}.w{fill:#d1d5db}\
.E{fill:#9ca3af}.K{fill:#d97706}.O{fill:#dc2626}.I{fill:#16a34a}\
@media(prefers-color-scheme:dark){text{fill:#e5e7eb}.s{fill:#9ca3af}.g{fill:#9ca3af}\
.G{fill:#161b22;stroke:#30363d}.n{fill:#21262d;stroke:#6e7681}.d{fill:#12305a;stroke:#388bfd}\
.a{fill:#3d2e00;stroke:#bb8009}.c{fill:#2a1f4d;stroke:#8957e5}.l{fill:#2d333b;stroke:#6e7681}\
.x{stroke:#f0a030}.h{fill:#8b949e}.X{fill:#f0a030}.e{stroke:#6e7681}.k{stroke:#f0a030}.o{stroke:#f85149}\
.i{stroke:#3fb950}.r{stroke:#30363d}.w{fill:#484f58}.E{fill:#6e7681}.K{fill:#f0a030}\
.O{fill:#f85149}.I{fill:#3fb950}}";

pub(super) fn draw(panels: &[Panel], layout: Layout) -> String {
    // Without times there is no time axis to draw on.
    let timed = layout == Layout::Timeline && panels.iter().any(|panel| panel.seconds > 0.0);
    let most = panels.iter().map(|panel| panel.seconds).fold(0.0, f64::max);
    let drawn: Vec<(String, f64, f64)> = panels
        .iter()
        .map(|panel| if timed { timeline(panel, most) } else { graph(panel) })
        .collect();
    let beside = !timed && drawn.iter().map(|(_, width, _)| width + MARGIN).sum::<f64>() <= BESIDE;
    let (mut body, mut x, mut y) = (String::new(), MARGIN, MARGIN);
    let (mut width, mut height) = (0.0f64, 0.0f64);
    for (panel, (text, wide, high)) in panels.iter().zip(&drawn) {
        let title = if panel.title.is_empty() { 0.0 } else { TITLE };
        let _ = write!(body, "<g transform=\"translate({} {})\">", n(x), n(y));
        if title > 0.0 {
            let _ =
                write!(body, "<text class=\"t\" x=\"0\" y=\"14\">{}</text>", escape(&panel.title));
        }
        let _ = write!(body, "<g transform=\"translate(0 {})\">{text}</g></g>", n(title));
        width = width.max(x + wide);
        height = height.max(y + title + high);
        if beside {
            x += wide + 2.0 * MARGIN;
        } else {
            y += title + high + 2.0 * MARGIN;
        }
    }
    let below = height + MARGIN;
    let (legend, legend_width) = legend(panels);
    let _ = write!(body, "<g transform=\"translate({} {})\">{legend}</g>", n(MARGIN), n(below));
    let (width, height) = (width.max(MARGIN + legend_width) + MARGIN, below + 12.0 + MARGIN);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} \
         {1}\" role=\"img\"><style>{STYLE}</style><defs>{2}</defs>{body}</svg>\n",
        n(width),
        n(height),
        ["E", "K", "O", "I"].map(arrow).concat(),
    )
}

fn arrow(class: &str) -> String {
    format!(
        "<marker id=\"m{class}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" \
         markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"{class}\" \
         d=\"M0 0L8 4L0 8z\"/></marker>"
    )
}

/// Boxes and edges of a panel, with its width and height.
fn graph(panel: &Panel) -> (String, f64, f64) {
    let placed = layout::place(panel);
    let mut text = String::new();
    let mut labelled = vec![false; panel.nodes.len()];
    // Room for the names of groups above the topmost boxes.
    let top = if panel.groups.is_empty() { 0.0 } else { 22.0 };
    let side = if panel.groups.is_empty() { 0.0 } else { 10.0 };
    for group in &panel.groups {
        if let Some((x, y, width, height)) = around(&group.nodes, panel, &placed) {
            let (label, cut) = clip(&group.label, width + 4.0, 6.2);
            let title = if cut { title(&group.label) } else { String::new() };
            let _ = write!(
                text,
                "<g>{title}<rect class=\"G\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" \
                 rx=\"8\"/><text class=\"g\" x=\"{}\" y=\"{}\">{}</text></g>",
                n(x + side - 9.0),
                n(y + top - 20.0),
                n(width + 18.0),
                n(height + 29.0),
                n(x + side - 2.0),
                n(y + top - 7.0),
                escape(&label),
            );
        } else {
            for node in &group.nodes {
                if let Some(slot) = labelled.get_mut(*node) {
                    *slot = true;
                }
            }
        }
    }
    // What matters most is drawn last, above the rest.
    for last in [false, true] {
        for (edge, way) in panel.edges.iter().zip(&placed.ways) {
            if (edge.critical || edge.state != State::Stays) == last {
                text += &line(edge, way, (side, top), panel);
            }
        }
    }
    for (place, (node, (x, y, width, height))) in panel.nodes.iter().zip(&placed.boxes).enumerate()
    {
        let group = node.group.filter(|_| labelled.get(place) == Some(&true));
        let stage =
            group.and_then(|group| panel.groups.get(group)).map(|group| group.label.as_str());
        text += &boxed(node, stage, (x + side, y + top, *width, *height));
    }
    (text, placed.width + 2.0 * side, placed.height + top + side)
}

/// The box around a group's nodes; `None` where another node stands in it.
fn around(nodes: &[usize], panel: &Panel, placed: &Placed) -> Option<(f64, f64, f64, f64)> {
    let (mut left, mut top) = (f64::INFINITY, f64::INFINITY);
    let (mut right, mut bottom) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    for (x, y, width, height) in nodes.iter().filter_map(|node| placed.boxes.get(*node)) {
        (left, top) = (left.min(*x), top.min(*y));
        (right, bottom) = (right.max(x + width), bottom.max(y + height));
    }
    let own = |node: usize| nodes.binary_search(&node).is_ok();
    let meets = |(node, (x, y, width, height)): (usize, &(f64, f64, f64, f64))| {
        !own(node)
            && panel.nodes.get(node).is_some_and(|node| node.kind != Kind::Hub)
            && *x < right + 18.0
            && x + width > left - 18.0
            && *y < bottom + 30.0
            && y + height > top - 30.0
    };
    let free = left.is_finite() && !placed.boxes.iter().enumerate().any(meets);
    free.then_some((left, top, right - left, bottom - top))
}

fn line(edge: &Edge, way: &[(f64, f64)], (side, top): (f64, f64), panel: &Panel) -> String {
    let (class, head) = match (edge.state, edge.critical) {
        (State::Goes, _) => ("o", "O"),
        (State::Comes, _) => ("i", "I"),
        (State::Stays, true) => ("k", "K"),
        (State::Stays, false) => ("e", "E"),
    };
    let mut path = String::new();
    let mut last: Option<(f64, f64)> = None;
    for (place, (x, y)) in way.iter().enumerate() {
        let (x, y) = (x + side, y + top);
        match last {
            None => {
                let _ = write!(path, "M{} {}", n(x), n(y));
            }
            // Straight through a column, bent between columns.
            Some((_, from)) if place % 2 == 0 && (from - y).abs() < 0.01 => {
                let _ = write!(path, "H{}", n(x));
            }
            Some((from_x, from_y)) => {
                let bend = ((x - from_x) / 2.0).abs().clamp(12.0, 60.0);
                let _ = write!(
                    path,
                    "C{} {} {} {} {} {}",
                    n(from_x + bend),
                    n(from_y),
                    n(x - bend),
                    n(y),
                    n(x),
                    n(y)
                );
            }
        }
        last = Some((x, y));
    }
    let to_hub = panel.nodes.get(edge.to).is_some_and(|node| node.kind == Kind::Hub);
    let head = if to_hub { String::new() } else { format!(" marker-end=\"url(#m{head})\"") };
    format!("<path class=\"{class}\" d=\"{path}\"{head}/>")
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Work => "n",
        Kind::Deploy => "d",
        Kind::Approval => "a",
        Kind::Scan => "c",
        Kind::Call => "l",
        Kind::Hub => "h",
    }
}

fn boxed(node: &Node, stage: Option<&str>, (x, y, width, height): (f64, f64, f64, f64)) -> String {
    if node.kind == Kind::Hub {
        let class = if node.critical { "h X" } else { "h" };
        let (x, y) = (n(x + width / 2.0), n(y + height / 2.0));
        return format!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"4\"/>");
    }
    let critical = if node.critical { " x" } else { "" };
    // Deployments have round ends, approvals slanted ones, so that colours are not all.
    let (left, right, bottom) = (x, x + width, y + height);
    let shape = match node.kind {
        Kind::Approval => format!(
            "<path class=\"a{critical}\" d=\"M{} {}H{}L{} {}L{} {}H{}L{} {}z\"/>",
            n(left + 14.0),
            n(y),
            n(right - 14.0),
            n(right),
            n(y + height / 2.0),
            n(right - 14.0),
            n(bottom),
            n(left + 14.0),
            n(left),
            n(y + height / 2.0),
        ),
        kind => format!(
            "<rect class=\"{}{critical}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"/>",
            class(kind),
            n(x),
            n(y),
            n(width),
            n(height),
            if kind == Kind::Deploy { "21" } else { "6" },
        ),
    };
    let inside =
        width - if matches!(node.kind, Kind::Deploy | Kind::Approval) { 34.0 } else { 16.0 };
    let (label, _) = clip(&node.label, inside, 6.9);
    let middle = n(x + width / 2.0);
    let mut second = node.time.clone();
    if let Some(stage) = stage {
        second = if second.is_empty() { stage.to_owned() } else { format!("{second} · {stage}") };
    }
    let all =
        if second.is_empty() { node.label.clone() } else { format!("{}\n{second}", node.label) };
    let lower = if second.is_empty() { 4.0 } else { -3.0 };
    let mut text = format!(
        "<g>{}{shape}<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        title(&all),
        n(y + height / 2.0 + lower),
        escape(&label)
    );
    if !second.is_empty() {
        let (second, _) = clip(&second, inside, 6.1);
        let at = n(y + height / 2.0 + 12.0);
        let second = escape(&second);
        let _ = write!(
            text,
            "<text class=\"s\" x=\"{middle}\" y=\"{at}\" text-anchor=\"middle\">{second}</text>"
        );
    }
    text + "</g>"
}

/// Bars over time, with the panel's width and height.
fn timeline(panel: &Panel, most: f64) -> (String, f64, f64) {
    const NAMES: f64 = 200.0;
    const AXIS: f64 = 700.0;
    const ROW: f64 = 24.0;
    let scale = AXIS / most.max(1.0);
    let mut text = String::new();
    let mut jobs: Vec<&Node> = panel.nodes.iter().filter(|node| node.kind != Kind::Hub).collect();
    jobs.sort_by(|one, two| {
        one.start.total_cmp(&two.start).then(one.finish.total_cmp(&two.finish))
    });
    let high = jobs.len() as f64 * ROW;
    let step = step(most);
    let mut at = 0.0;
    while at <= most + 1e-9 {
        let x = n(NAMES + at * scale);
        let _ = write!(
            text,
            "<path class=\"r\" d=\"M{x} 0V{}\"/><text class=\"s\" x=\"{x}\" y=\"{}\" \
             text-anchor=\"middle\">{}</text>",
            n(high),
            n(high + 14.0),
            duration(at)
        );
        at += step;
    }
    for (row, node) in jobs.iter().enumerate() {
        let y = row as f64 * ROW;
        let (label, _) = clip(&node.label, NAMES - 14.0, 6.9);
        let critical = if node.critical { " x" } else { "" };
        let (start, began) = (NAMES + node.start * scale, NAMES + node.began * scale);
        let width = ((node.finish - node.began) * scale).max(2.0);
        let _ = write!(
            text,
            "<g>{}<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text><rect class=\"w\" x=\"{}\" \
             y=\"{}\" width=\"{}\" height=\"2\"/><rect class=\"{}{critical}\" x=\"{}\" y=\"{}\" \
             width=\"{}\" height=\"16\" rx=\"3\"/>",
            title(&format!("{}\n{}", node.label, node.time)),
            n(NAMES - 10.0),
            n(y + 16.0),
            escape(&label),
            n(start),
            n(y + 11.0),
            n((began - start).max(0.0)),
            class(node.kind),
            n(began),
            n(y + 4.0),
            n(width),
        );
        // Beside the bar where it is too short for its time, on whichever side has room.
        let long = node.time.chars().count() as f64 * 6.1 + 10.0;
        let (x, anchor) = if width > long {
            (began + 6.0, "start")
        } else if began + width + long < NAMES + AXIS + 60.0 {
            (began + width + 6.0, "start")
        } else {
            (start - 6.0, "end")
        };
        let time = escape(&node.time);
        let _ = write!(
            text,
            "<text class=\"s\" x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\">{time}</text></g>",
            n(x),
            n(y + 16.0)
        );
    }
    (text, NAMES + AXIS + 60.0, high + 20.0)
}

/// A round distance between marks of the axis, for about seven of them.
fn step(seconds: f64) -> f64 {
    const ROUND: [f64; 14] = [
        1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0,
        7_200.0,
    ];
    let wanted = seconds / 7.0;
    ROUND
        .into_iter()
        .find(|step| *step >= wanted)
        .unwrap_or_else(|| (wanted / 14_400.0).ceil() * 14_400.0)
}

/// What the marks mean, of those that are drawn, with its width.
fn legend(panels: &[Panel]) -> (String, f64) {
    let nodes = || panels.iter().flat_map(|panel| &panel.nodes);
    let edges = || panels.iter().flat_map(|panel| &panel.edges);
    let mut parts: Vec<(String, &str)> = Vec::new();
    let stroke = |class: &str| format!("<path class=\"{class}\" d=\"M0 8H18\"/>");
    if nodes().any(|node| node.critical) {
        parts.push((stroke("k"), "critical path"));
    }
    if edges().any(|edge| edge.state == State::Goes) {
        parts.push((stroke("o"), "goes"));
    }
    if edges().any(|edge| edge.state == State::Comes) {
        parts.push((stroke("i"), "comes"));
    }
    for (kind, word) in [
        (Kind::Deploy, "deployment"),
        (Kind::Approval, "approval"),
        (Kind::Scan, "scan"),
        (Kind::Call, "call"),
    ] {
        if nodes().any(|node| node.kind == kind) {
            let rect = format!(
                "<rect class=\"{}\" x=\"0\" y=\"3\" width=\"18\" height=\"10\" rx=\"3\"/>",
                class(kind)
            );
            parts.push((rect, word));
        }
    }
    let (mut text, mut x) = (String::new(), 0.0);
    for (mark, word) in parts {
        let _ = write!(
            text,
            "<g transform=\"translate({} -10)\">{mark}<text class=\"s\" x=\"24\" y=\"12\">{word}</text></g>",
            n(x)
        );
        x += 44.0 + word.len() as f64 * 6.2;
    }
    (text, x)
}

/// As much of the text as fits, with dots in its middle where some is left out: copies
/// of a job differ at their end.
fn clip(text: &str, width: f64, letter: f64) -> (String, bool) {
    let room = (width / letter).max(3.0) as usize;
    let cells = |mark: &char| mark.width().unwrap_or(0);
    if text.chars().map(|mark| cells(&mark)).sum::<usize>() <= room {
        return (text.to_owned(), false);
    }
    let some = |marks: &mut dyn Iterator<Item = char>, room: usize| -> Vec<char> {
        let mut used = 0;
        marks
            .take_while(|mark| {
                used += cells(mark);
                used <= room
            })
            .collect()
    };
    let back = (room - 1) * 2 / 5;
    let front = some(&mut text.chars(), room - 1 - back);
    let end = some(&mut text.chars().rev(), back);
    let kept = front.into_iter().chain(['…']).chain(end.into_iter().rev());
    (kept.collect(), true)
}

fn title(text: &str) -> String {
    format!("<title>{}</title>", escape(text))
}

/// Text of XML: its own marks as entities, what XML 1.0 has no place for as a blank.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for mark in text.chars() {
        match mark {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(mark),
            mark if mark.is_control() || matches!(mark, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            mark => out.push(mark),
        }
    }
    out
}

/// A number with at most one digit behind the point.
fn n(number: f64) -> String {
    let rounded = (number * 10.0).round() / 10.0;
    if rounded == 0.0 { "0".to_owned() } else { format!("{rounded}") }
}
