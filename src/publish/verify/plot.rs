//! A decision as a picture (SVG): for each signal the new version against the baseline,
//! with windows, limit and verdict. The worst stand first.

use std::fmt::Write as _;

use super::number;
use super::scale::{Scale, clock, time_ticks, value_ticks};
use crate::decide::decision::{Action, Decision, SignalResult, Verdict};
use crate::decide::series::Point;
use crate::decide::spec::{Kind, Role, Signal, Spec};
use crate::redact::Scrubber;

/// Width of the picture, in pixels.
const WIDTH: f64 = 960.0;
/// Height of one signal's panel.
const PANEL: f64 = 190.0;
/// Height of the head.
const HEAD: f64 = 92.0;
/// Room left of a panel's plot, for numbers.
const LEFT: f64 = 74.0;
/// Room right of it, for what the lines are called.
const RIGHT: f64 = 96.0;
/// Room above a panel's plot, for its name and verdict.
const TOP: f64 = 44.0;
/// Room below it, for times.
const BOTTOM: f64 = 26.0;
/// Most panels: beyond them a picture is no longer looked at.
const MOST_PANELS: usize = 40;

const INK: &str = "#1f2328";
const FAINT: &str = "#656d76";
const GRID: &str = "#eaeef2";
const BASELINE: &str = "#8c959f";
const LIMIT: &str = "#bc4c00";
const WARMUP: &str = "#fff3c4";

/// The picture.
pub fn svg(spec: &Spec, decision: &Decision, scrubber: &Scrubber) -> String {
    let mut shown: Vec<(&Signal, &SignalResult)> =
        spec.signals.iter().zip(&decision.signals).collect();
    // The order of a spec is kept among equals.
    shown.sort_by_key(|(_, result)| rank(result));
    let left_out = shown.len().saturating_sub(MOST_PANELS);
    shown.truncate(MOST_PANELS);
    let height = HEAD + PANEL * shown.len() as f64 + if left_out > 0 { 28.0 } else { 12.0 };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"-apple-system, 'Segoe UI', 'DejaVu Sans', \
         Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"{INK}\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    head(&mut out, spec, decision, scrubber);
    for (at, (signal, result)) in shown.iter().enumerate() {
        let _ = writeln!(out, "<g transform=\"translate(0 {})\">", HEAD + PANEL * at as f64);
        panel(&mut out, spec, signal, result, scrubber);
        out.push_str("</g>\n");
    }
    if left_out > 0 {
        let text =
            format!("{left_out} further signals are not drawn; none of them is worse than these.");
        let _ = writeln!(
            out,
            "<text x=\"{LEFT}\" y=\"{}\" fill=\"{FAINT}\">{text}</text>",
            height - 10.0
        );
    }
    out.push_str("</svg>\n");
    out
}

/// Worse and critical before others, what could not be judged before what is well.
fn rank(result: &SignalResult) -> u8 {
    let by_verdict = match result.verdict {
        Verdict::Worse => 0,
        Verdict::NoData => 2,
        Verdict::Insufficient => 4,
        Verdict::Same => 6,
        Verdict::Better => 8,
    };
    by_verdict + u8::from(!result.critical)
}

fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Worse => "#cf222e",
        Verdict::Better => "#1a7f37",
        Verdict::Same => "#0969da",
        Verdict::NoData | Verdict::Insufficient => "#9a6700",
    }
}

fn head(out: &mut String, spec: &Spec, decision: &Decision, scrubber: &Scrubber) {
    let (word, fill) = match decision.action {
        Action::Proceed => ("PROCEED", "#1a7f37"),
        Action::Investigate => ("INVESTIGATE", "#9a6700"),
        Action::Rollback => ("ROLL BACK", "#cf222e"),
    };
    let width = 22.0 + 9.6 * word.len() as f64;
    let version = spec.deployment.version.as_deref().unwrap_or("new version");
    let title = match spec.deployment.previous.as_deref() {
        Some(previous) => format!("{} {version} against {previous}", spec.service),
        None => format!("{} {version}", spec.service),
    };
    let _ = write!(
        out,
        "<rect x=\"16\" y=\"16\" width=\"{width}\" height=\"26\" rx=\"5\" fill=\"{fill}\"/>\n\
         <text x=\"{}\" y=\"34\" fill=\"#ffffff\" font-weight=\"bold\" font-size=\"14\" \
         text-anchor=\"middle\">{word}</text>\n\
         <text x=\"{}\" y=\"34\" font-size=\"15\" font-weight=\"bold\">{}</text>\n",
        16.0 + width / 2.0,
        28.0 + width,
        text(&title, 80, scrubber),
    );
    for (line, y) in wrapped(&decision.reason, 140).iter().take(2).zip([60.0, 76.0]) {
        let _ = writeln!(out, "<text x=\"16\" y=\"{y}\">{}</text>", text(line, 150, scrubber));
    }
}

/// What a role's points show: share of failures, value, or increase a second.
fn shown_points(signal: &Signal, role: &Role) -> Vec<(i64, f64)> {
    let Some(series) = signal.series.get(role) else { return Vec::new() };
    let mut points: Vec<&Point> = series.iter().filter(|point| point.value.is_finite()).collect();
    points.sort_by_key(|point| point.at);
    match signal.kind {
        Kind::Gauge => points.iter().map(|point| (point.at, point.value)).collect(),
        Kind::Ratio => points
            .iter()
            .filter(|point| point.total > 0.0)
            .map(|point| (point.at, point.value / point.total))
            .collect(),
        Kind::Counter => points
            .windows(2)
            .filter(|pair| pair[1].at > pair[0].at)
            .map(|pair| {
                // After a reset the counter began at nothing.
                let grown = pair[1].value - pair[0].value;
                let grown = if grown < 0.0 { pair[1].value } else { grown };
                (pair[1].at, grown * 1000.0 / pair[1].at.saturating_sub(pair[0].at) as f64)
            })
            .collect(),
    }
}

/// Brings the baseline of a count to the new version's share of traffic where the
/// decision did so, too, and says what the line is called then.
fn scaled(
    spec: &Spec,
    signal: &Signal,
    result: &SignalResult,
    baseline: &mut [(i64, f64)],
) -> String {
    let plain = || "baseline".to_owned();
    let weight = spec.deployment.weight.filter(|weight| *weight > 0.0 && *weight < 1.0);
    let (Some(weight), Some(level)) = (weight, result.baseline) else { return plain() };
    if signal.kind == Kind::Ratio || baseline.is_empty() {
        return plain();
    }
    let mut values: Vec<f64> = baseline.iter().map(|point| point.1).collect();
    values.sort_by(f64::total_cmp);
    let factor = weight / (1.0 - weight);
    let used = level / values[values.len() / 2];
    if used.is_nan() || (used - 1.0).abs() <= (used - factor).abs() {
        return plain();
    }
    baseline.iter_mut().for_each(|point| point.1 *= factor);
    format!("baseline × {}", number::short(factor))
}

fn panel(
    out: &mut String,
    spec: &Spec,
    signal: &Signal,
    result: &SignalResult,
    scrubber: &Scrubber,
) {
    let canary = shown_points(signal, &Role::Canary);
    let mut baseline = shown_points(signal, &Role::Baseline);
    let scaled = scaled(spec, signal, result, &mut baseline);
    let stroke = colour(result.verdict);
    let name = match (&signal.unit, signal.kind) {
        (Some(unit), _) => format!("{} ({unit})", signal.name),
        (None, Kind::Counter) => format!("{} (a second)", signal.name),
        (None, _) => signal.name.clone(),
    };
    let verdict = match result.verdict {
        Verdict::Better => "better",
        Verdict::Same => "same",
        Verdict::Worse => "worse",
        Verdict::NoData => "no data",
        Verdict::Insufficient => "too little to tell",
    };
    let critical = if signal.critical { ", critical" } else { "" };
    let _ = write!(
        out,
        "<text x=\"16\" y=\"18\" font-weight=\"bold\" font-size=\"13\">{}</text>\n\
         <text x=\"{}\" y=\"18\" text-anchor=\"end\" font-weight=\"bold\" fill=\"{stroke}\">{verdict}{critical}</text>\n\
         <text x=\"16\" y=\"34\" fill=\"{FAINT}\">{}</text>\n",
        text(&name, 90, scrubber),
        WIDTH - 16.0,
        text(&result.why, 140, scrubber),
    );
    let all = || canary.iter().chain(&baseline);
    let (Some(first), Some(last)) =
        (all().map(|point| point.0).min(), all().map(|point| point.0).max())
    else {
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"{FAINT}\">no points</text>",
            WIDTH / 2.0,
            PANEL / 2.0
        );
        return;
    };
    let low = all().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let high = all().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
    // A limit far away would press the lines flat; it is then named at the edge.
    let reach = (high - low).max(high.abs() * 0.1).max(1e-9);
    let near =
        signal.limit.filter(|limit| *limit <= high + 3.0 * reach && *limit >= low - 3.0 * reach);
    let low = near.map_or(low, |limit| low.min(limit));
    let high = near.map_or(high, |limit| high.max(limit));
    let low = if low >= 0.0 && low < high * 0.5 { 0.0 } else { low };
    let x =
        Scale::new((first as f64, last.max(first.saturating_add(1)) as f64), (LEFT, WIDTH - RIGHT));
    let y = Scale::padded((low, high), (PANEL - BOTTOM, TOP));
    windows(out, spec, &x, (first, last));
    for tick in value_ticks(y.domain()) {
        let at = y.at(tick);
        let _ = write!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"{GRID}\"/>\n\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{FAINT}\" font-size=\"11\">{}</text>\n",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0,
            axis_label(tick, signal.kind),
        );
    }
    for tick in time_ticks(first, last) {
        let at = x.at(tick as f64);
        let _ = writeln!(
            out,
            "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"{FAINT}\" font-size=\"11\">{}</text>",
            PANEL - BOTTOM + 15.0,
            clock(tick),
        );
    }
    warm_up_label(out, spec, &x, (first, last));
    line(out, &baseline, &x, &y, BASELINE, "1.3");
    line(out, &canary, &x, &y, stroke, "1.7");
    limit(out, signal, near, &y);
    names(out, &canary, &baseline, &y, stroke, &scaled);
}

/// The start of the new version and its warm-up.
fn windows(out: &mut String, spec: &Spec, x: &Scale, (first, last): (i64, i64)) {
    let Some(start) = spec.deployment.started_at.filter(|at| (first..=last).contains(at)) else {
        return;
    };
    let from = x.at(start as f64);
    let to = x.at(start.saturating_add(spec.windows.warmup).min(last) as f64);
    let height = PANEL - BOTTOM - TOP;
    if to > from {
        let _ = writeln!(
            out,
            "<rect x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{height}\" fill=\"{WARMUP}\"/>",
            to - from
        );
    }
    let _ = writeln!(
        out,
        "<line x1=\"{from:.1}\" x2=\"{from:.1}\" y1=\"{TOP}\" y2=\"{}\" stroke=\"{FAINT}\" stroke-dasharray=\"2 3\"/>",
        PANEL - BOTTOM
    );
}

/// The warm-up's name, above the grid.
fn warm_up_label(out: &mut String, spec: &Spec, x: &Scale, (first, last): (i64, i64)) {
    let Some(start) = spec.deployment.started_at.filter(|at| (first..=last).contains(at)) else {
        return;
    };
    let from = x.at(start as f64);
    let to = x.at(start.saturating_add(spec.windows.warmup).min(last) as f64);
    if to - from > 60.0 {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{}\" fill=\"{FAINT}\" font-size=\"10\">warm-up</text>",
            from + 4.0,
            TOP + 11.0
        );
    }
}

fn limit(out: &mut String, signal: &Signal, near: Option<f64>, y: &Scale) {
    let Some(limit) = signal.limit else { return };
    let label = axis_label(limit, signal.kind);
    let right = WIDTH - RIGHT;
    let _ = match near {
        Some(limit) => {
            let at = y.at(limit);
            writeln!(
                out,
                "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"{LIMIT}\" \
                 stroke-dasharray=\"6 4\"/>\n<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{LIMIT}\" \
                 font-size=\"11\">limit {label}</text>",
                right - 4.0,
                at - 4.0
            )
        }
        None => writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"{LIMIT}\" font-size=\"11\">limit {label}, far off</text>",
            right - 4.0,
            TOP + 11.0
        ),
    };
}

/// What the lines are called, beside their ends and apart from each other.
fn names(
    out: &mut String,
    canary: &[(i64, f64)],
    baseline: &[(i64, f64)],
    y: &Scale,
    stroke: &str,
    scaled: &str,
) {
    let end = |points: &[(i64, f64)]| points.last().map(|point| y.at(point.1));
    let (new, old) = (end(canary), end(baseline));
    let new_at = new.map(|new| match old {
        Some(old) if (new - old).abs() < 13.0 => {
            if new <= old {
                old - 13.0
            } else {
                old + 13.0
            }
        }
        _ => new,
    });
    for (at, name, fill) in [(old, scaled, BASELINE), (new_at, "new version", stroke)] {
        if let Some(at) = at {
            let _ = writeln!(
                out,
                "<text x=\"{}\" y=\"{:.1}\" fill=\"{fill}\" font-size=\"11\">{name}</text>",
                WIDTH - RIGHT + 6.0,
                at.clamp(TOP + 4.0, PANEL - BOTTOM + 4.0) + 4.0
            );
        }
    }
}

/// A line; where there are more points than pixels, the lowest and highest of each pixel.
/// Gaps of more than five usual spacings stay open.
fn line(out: &mut String, points: &[(i64, f64)], x: &Scale, y: &Scale, stroke: &str, width: &str) {
    if points.is_empty() {
        return;
    }
    let mut steps: Vec<i64> =
        points.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].0)).collect();
    steps.sort_unstable();
    let usual = steps.get(steps.len() / 2).copied().unwrap_or(0).max(1);
    let mut path = String::new();
    let (mut pixel, mut low, mut high) = (i64::MIN, f64::INFINITY, f64::NEG_INFINITY);
    let mut before: Option<i64> = None;
    let dense = points.len() > 2 * (WIDTH as usize);
    for (at, value) in points {
        let here = x.at(*at as f64);
        if dense {
            if here as i64 == pixel {
                low = low.min(*value);
                high = high.max(*value);
                continue;
            }
            if low.is_finite() {
                let _ = write!(path, "L{pixel} {:.1}L{pixel} {:.1}", y.at(low), y.at(high));
            }
            (pixel, low, high) = (here as i64, *value, *value);
        }
        let is_open = before.is_none_or(|before| at.saturating_sub(before) / 5 > usual);
        let _ = write!(path, "{}{here:.1} {:.1}", if is_open { 'M' } else { 'L' }, y.at(*value));
        before = Some(*at);
    }
    let _ = writeln!(
        out,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"/>"
    );
    if let [(at, value)] = points {
        let _ = writeln!(
            out,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\" fill=\"{stroke}\"/>",
            x.at(*at as f64),
            y.at(*value)
        );
    }
}

fn axis_label(value: f64, kind: Kind) -> String {
    match kind {
        Kind::Ratio => number::percent(value),
        _ => number::short(value),
    }
}

/// A text as XML, masked and cut.
fn text(text: &str, most: usize, scrubber: &Scrubber) -> String {
    let text = scrubber.sanitize_line(text);
    let cut: String = if text.chars().count() > most {
        text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
    } else {
        text
    };
    let mut safe = String::with_capacity(cut.len());
    for c in cut.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c if (c as u32) < 0x20 => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// Lines of at most so many characters, broken between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let full = lines.last().is_some_and(|line| {
            !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width
        });
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
