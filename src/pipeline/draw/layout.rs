//! A layered layout: columns by the longest way, rows by the barycentre of neighbours,
//! long edges by way of places kept free for them.

use super::scene::{Kind, Panel};
use std::collections::VecDeque;

/// Width and height of a job's box.
pub(super) const BOX: (f64, f64) = (172.0, 42.0);
const HUB: (f64, f64) = (8.0, 8.0);
const COLUMN_GAP: f64 = 56.0;
const ROW_GAP: f64 = 22.0;
/// Between rows where only an edge passes.
const LANE: f64 = 14.0;
/// More places for long edges than this are not kept: such edges go straight.
const MOST_LANES: usize = 12_000;
const SWEEPS: usize = 6;

/// Where things stand, from the top left corner.
#[derive(Debug, Clone, Default)]
pub(super) struct Placed {
    /// Top left corner and size of each node's box.
    pub boxes: Vec<(f64, f64, f64, f64)>,
    /// For each edge the points it passes, from box to box.
    pub ways: Vec<Vec<(f64, f64)>>,
    pub width: f64,
    pub height: f64,
}

/// A node, or a place kept free for an edge.
#[derive(Debug, Clone, Copy)]
struct Spot {
    column: usize,
    size: (f64, f64),
    lane: bool,
}

pub(super) fn place(panel: &Panel) -> Placed {
    let count = panel.nodes.len();
    let columns = columns(panel);
    let size = |kind: Kind| if kind == Kind::Hub { HUB } else { BOX };
    let mut spots: Vec<Spot> = (panel.nodes.iter().zip(&columns))
        .map(|(node, column)| Spot { column: *column, size: size(node.kind), lane: false })
        .collect();
    let column = |spot: usize| columns.get(spot).copied().unwrap_or(0);
    let span = |edge: &super::scene::Edge| column(edge.to).saturating_sub(column(edge.from));
    let lanes: usize = panel.edges.iter().map(|edge| span(edge).saturating_sub(1)).sum();
    // Chains of spots, one for each edge.
    let mut chains: Vec<Vec<usize>> = Vec::with_capacity(panel.edges.len());
    for edge in &panel.edges {
        let mut chain = vec![edge.from];
        if lanes <= MOST_LANES {
            for column in column(edge.from) + 1..column(edge.to) {
                chain.push(spots.len());
                spots.push(Spot { column, size: (0.0, LANE), lane: true });
            }
        }
        chain.push(edge.to);
        chains.push(chain);
    }
    let mut links: Vec<(Vec<usize>, Vec<usize>)> = vec![Default::default(); spots.len()];
    for (chain, edge) in chains.iter().zip(&panel.edges) {
        if span(edge) == 0 {
            continue;
        }
        for pair in chain.windows(2) {
            if let [from, to] = pair {
                if let Some((_, next)) = links.get_mut(*from) {
                    next.push(*to);
                }
                if let Some((before, _)) = links.get_mut(*to) {
                    before.push(*from);
                }
            }
        }
    }
    let mut rows: Vec<Vec<usize>> =
        vec![Vec::new(); spots.iter().map(|s| s.column + 1).max().unwrap_or(0)];
    // Groups stand together to begin with, in the order of the file.
    let mut first: Vec<usize> = (0..spots.len()).collect();
    first.sort_by_key(|spot| {
        panel.nodes.get(*spot).map_or(usize::MAX, |n| n.group.unwrap_or(usize::MAX))
    });
    for spot in first {
        if let Some(row) = spots.get(spot).and_then(|s| rows.get_mut(s.column)) {
            row.push(spot);
        }
    }
    order(&mut rows, &links, spots.len());
    let tops = tops(&rows, &spots, &links);
    let left = lefts(&rows, &spots);
    let mut placed = Placed::default();
    for (spot, at) in spots.iter().zip(&tops).take(count) {
        let x = left.get(spot.column).copied().unwrap_or(0.0);
        let wide = widest(&rows, &spots, spot.column);
        let (width, height) = spot.size;
        placed.boxes.push((x + (wide - width) / 2.0, *at, width, height));
        placed.width = placed.width.max(x + wide);
        placed.height = placed.height.max(at + height);
    }
    for (spot, at) in spots.iter().zip(&tops).skip(count) {
        placed.height = placed.height.max(at + spot.size.1);
    }
    for chain in &chains {
        placed.ways.push(way(chain, count, &placed.boxes, &spots, &tops, &left, &rows));
    }
    placed
}

/// From the right side of one box to the left of the other, through the lanes.
fn way(
    chain: &[usize],
    count: usize,
    boxes: &[(f64, f64, f64, f64)],
    spots: &[Spot],
    tops: &[f64],
    left: &[f64],
    rows: &[Vec<usize>],
) -> Vec<(f64, f64)> {
    let mut points = Vec::with_capacity(chain.len() * 2);
    for (place, spot) in chain.iter().enumerate() {
        let first = place == 0;
        if let (true, Some((x, y, width, height))) = (*spot < count, boxes.get(*spot)) {
            points.push((if first { x + width } else { *x }, y + height / 2.0));
        } else if let (Some(lane), Some(top)) = (spots.get(*spot), tops.get(*spot)) {
            let x = left.get(lane.column).copied().unwrap_or(0.0);
            let y = top + lane.size.1 / 2.0;
            points.push((x, y));
            points.push((x + widest(rows, spots, lane.column), y));
        }
    }
    points
}

/// Each node behind all it waits for; nodes in a cycle at the start.
fn columns(panel: &Panel) -> Vec<usize> {
    let count = panel.nodes.len();
    let mut open = vec![0usize; count];
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); count];
    for edge in &panel.edges {
        if let (Some(open), Some(next)) = (open.get_mut(edge.to), next.get_mut(edge.from)) {
            *open += 1;
            next.push(edge.to);
        }
    }
    let mut column = vec![0usize; count];
    let mut ready: VecDeque<usize> =
        open.iter().enumerate().filter(|(_, open)| **open == 0).map(|(node, _)| node).collect();
    while let Some(node) = ready.pop_front() {
        let at = column.get(node).copied().unwrap_or(0);
        for to in next.get(node).into_iter().flatten() {
            if let (Some(column), Some(open)) = (column.get_mut(*to), open.get_mut(*to)) {
                *column = (*column).max(at + 1);
                *open -= 1;
                if *open == 0 {
                    ready.push_back(*to);
                }
            }
        }
    }
    // What never became ready waits for itself: it stands at the start.
    for (column, open) in column.iter_mut().zip(&open) {
        if *open > 0 {
            *column = 0;
        }
    }
    column
}

/// Sorts each row by the barycentre of what stands in the row before, then behind, and
/// so on back and forth.
fn order(rows: &mut [Vec<usize>], links: &[(Vec<usize>, Vec<usize>)], spots: usize) {
    let mut place = vec![0.0f64; spots];
    let number = |row: &[usize], place: &mut [f64]| {
        for (at, spot) in row.iter().enumerate() {
            if let Some(slot) = place.get_mut(*spot) {
                // Rows of different lengths compare by their middles.
                *slot = at as f64 - row.len() as f64 / 2.0;
            }
        }
    };
    for row in rows.iter() {
        number(row, &mut place);
    }
    for sweep in 0..SWEEPS {
        let forward = sweep % 2 == 0;
        let count = rows.len();
        for step in 0..count {
            let at = if forward { step } else { count - 1 - step };
            let Some(row) = rows.get_mut(at) else { continue };
            let mut keyed: Vec<(f64, usize)> = row
                .iter()
                .map(|spot| {
                    let near =
                        links.get(*spot).map(|(before, next)| if forward { before } else { next });
                    let near = near.map(Vec::as_slice).unwrap_or_default();
                    let sum: f64 = near.iter().filter_map(|n| place.get(*n)).sum();
                    let own = place.get(*spot).copied().unwrap_or(0.0);
                    (if near.is_empty() { own } else { sum / near.len() as f64 }, *spot)
                })
                .collect();
            keyed.sort_by(|one, two| one.0.total_cmp(&two.0));
            *row = keyed.into_iter().map(|(_, spot)| spot).collect();
            number(row, &mut place);
        }
    }
}

/// The top of each spot: packed, then drawn towards the middle of its neighbours as
/// far as the order leaves room.
fn tops(rows: &[Vec<usize>], spots: &[Spot], links: &[(Vec<usize>, Vec<usize>)]) -> Vec<f64> {
    let height = |spot: usize| spots.get(spot).map_or(0.0, |spot| spot.size.1);
    let gap = |one: usize, two: usize| {
        let lane = |spot: usize| spots.get(spot).is_some_and(|spot| spot.lane);
        if lane(one) && lane(two) { 2.0 } else { ROW_GAP }
    };
    let mut top = vec![0.0f64; spots.len()];
    for row in rows {
        let mut at = 0.0;
        let mut last: Option<usize> = None;
        for spot in row {
            at += last.map_or(0.0, |last| height(last) + gap(last, *spot));
            if let Some(top) = top.get_mut(*spot) {
                *top = at;
            }
            last = Some(*spot);
        }
    }
    for sweep in 0..SWEEPS * 2 {
        let forward = sweep % 2 == 0;
        for step in 0..rows.len() {
            let at = if forward { step } else { rows.len() - 1 - step };
            let Some(row) = rows.get(at) else { continue };
            let wish = |spot: usize| -> f64 {
                let near =
                    links.get(spot).map(|(before, next)| if forward { before } else { next });
                let near = near.map(Vec::as_slice).unwrap_or_default();
                let own = top.get(spot).copied().unwrap_or(0.0);
                if near.is_empty() {
                    return own;
                }
                let middle = |n: &usize| top.get(*n).copied().unwrap_or(0.0) + height(*n) / 2.0;
                near.iter().map(middle).sum::<f64>() / near.len() as f64 - height(spot) / 2.0
            };
            let wishes: Vec<f64> = row.iter().map(|spot| wish(*spot)).collect();
            let settled = settle(row, &wishes, &height, &gap);
            for (spot, at) in row.iter().zip(settled) {
                if let Some(top) = top.get_mut(*spot) {
                    *top = at;
                }
            }
        }
    }
    let least = top.iter().copied().fold(f64::INFINITY, f64::min);
    if least.is_finite() {
        top.iter_mut().for_each(|top| *top -= least);
    }
    top
}

/// As near to the wishes as the order and the gaps allow: neighbours that would
/// overlap become a block that stands at the mean of its wishes.
fn settle(
    row: &[usize],
    wishes: &[f64],
    height: &impl Fn(usize) -> f64,
    gap: &impl Fn(usize, usize) -> f64,
) -> Vec<f64> {
    /// Spots that touch: how many, the sum of wishes less offsets, and the length.
    struct Block {
        count: usize,
        sum: f64,
        length: f64,
    }
    let mut blocks: Vec<Block> = Vec::new();
    let mut last: Option<usize> = None;
    for (spot, wish) in row.iter().zip(wishes) {
        let mut block = Block { count: 1, sum: *wish, length: height(*spot) };
        let mut between = last.map_or(0.0, |last| gap(last, *spot));
        while let Some(above) = blocks.pop() {
            let end = above.sum / above.count as f64 + above.length + between;
            if end <= block.sum / block.count as f64 {
                blocks.push(above);
                break;
            }
            let offset = above.length + between;
            block = Block {
                count: above.count + block.count,
                sum: above.sum + block.sum - offset * block.count as f64,
                length: offset + block.length,
            };
            // Blocks keep the wider of the gaps between them.
            between = ROW_GAP;
        }
        blocks.push(block);
        last = Some(*spot);
    }
    let mut tops = Vec::with_capacity(row.len());
    let mut spots = row.iter().copied();
    for block in &blocks {
        let mut at = block.sum / block.count as f64;
        let mut before: Option<usize> = None;
        for spot in spots.by_ref().take(block.count) {
            if let Some(before) = before {
                at += height(before) + gap(before, spot);
            }
            tops.push(at);
            before = Some(spot);
        }
    }
    tops
}

fn widest(rows: &[Vec<usize>], spots: &[Spot], column: usize) -> f64 {
    let row = rows.get(column).map(Vec::as_slice).unwrap_or_default();
    // Boxes are all of one width: a row is as wide as the first that is no lane.
    let wide = |spot: &usize| spots.get(*spot).map_or(0.0, |spot| spot.size.0);
    row.iter().map(wide).find(|width| *width > HUB.0).unwrap_or(HUB.0)
}

/// Where each column begins.
fn lefts(rows: &[Vec<usize>], spots: &[Spot]) -> Vec<f64> {
    let mut left = Vec::with_capacity(rows.len());
    let mut at = 0.0;
    for column in 0..rows.len() {
        left.push(at);
        at += widest(rows, spots, column) + COLUMN_GAP;
    }
    left
}
