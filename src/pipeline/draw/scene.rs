//! What there is to draw, apart from any format: nodes, edges, groups.

use super::{Drawing, duration};
use crate::pipeline::graph::{Job, JobKind, NeedKind, Pipeline};
use crate::pipeline::timing::path::{Critical, Times, critical};
use crate::pipeline::timing::saving::typical;
use crate::pipeline::words::Does;
use std::collections::{BTreeMap, HashMap, HashSet};

/// One state of a pipeline.
#[derive(Debug, Clone, Default)]
pub(super) struct Panel {
    pub title: String,
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
    pub groups: Vec<Group>,
    /// Seconds the whole takes; 0 where times are not known.
    pub seconds: f64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    pub label: String,
    /// Its time and share, where known.
    pub time: String,
    pub kind: Kind,
    pub critical: bool,
    pub group: Option<usize>,
    /// Seconds from the run's start: able to start, started, ended.
    pub start: f64,
    pub began: f64,
    pub finish: f64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Work,
    Deploy,
    Approval,
    Scan,
    Call,
    /// A point where edges meet, no job: all jobs behind it wait for all before it.
    Hub,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub from: usize,
    pub to: usize,
    pub state: State,
    pub critical: bool,
}

/// What becomes of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Stays,
    Goes,
    Comes,
}

#[derive(Debug, Clone)]
pub(super) struct Group {
    pub label: String,
    pub nodes: Vec<usize>,
}

/// The panels of a drawing: one, or before and after.
pub(super) fn panels(drawing: &Drawing<'_>) -> Vec<Panel> {
    let before = drawing.before;
    let Some(after) = drawing.after else {
        return vec![panel(before, drawing.times, drawing.estimated, None, "")];
    };
    let carried = drawing.times.map(|times| carry(before, times, after));
    let times_after = drawing.times_after.or(carried.as_ref());
    vec![
        panel(before, drawing.times, drawing.estimated, Some((after, State::Goes)), "Before"),
        panel(after, times_after, drawing.estimated, Some((before, State::Comes)), "After"),
    ]
}

/// Times of one state for the other, by ids; what is new takes what is usual.
fn carry(before: &Pipeline, times: &Times, after: &Pipeline) -> Times {
    let places: HashMap<&str, usize> =
        before.jobs.iter().enumerate().map(|(place, job)| (job.id.as_str(), place)).collect();
    let (mut carried, _) = typical(after, None);
    for (place, job) in after.jobs.iter().enumerate() {
        let Some(of) = places.get(job.id.as_str()) else { continue };
        for (to, from) in
            [(&mut carried.seconds, &times.seconds), (&mut carried.queue, &times.queue)]
        {
            if let Some(slot) = to.get_mut(place) {
                *slot = from.get(*of).copied().unwrap_or(0.0);
            }
        }
    }
    carried
}

fn panel(
    pipeline: &Pipeline,
    times: Option<&Times>,
    estimated: bool,
    other: Option<(&Pipeline, State)>,
    title: &str,
) -> Panel {
    let usual;
    let by = match times {
        Some(times) => times,
        None => {
            (usual, _) = typical(pipeline, None);
            &usual
        }
    };
    let path = critical(pipeline, by);
    let mark = if estimated { "≈ " } else { "" };
    let on: HashSet<usize> = path.jobs.iter().copied().collect();
    let groups = groups(pipeline);
    let mut group_of: Vec<Option<usize>> = vec![None; pipeline.jobs.len()];
    for (group, found) in groups.iter().enumerate() {
        for node in &found.nodes {
            if let Some(slot) = group_of.get_mut(*node) {
                *slot = Some(group);
            }
        }
    }
    let node = |(place, job): (usize, &Job)| {
        let at = |list: &[f64]| list.get(place).copied().unwrap_or(0.0);
        let (start, finish) = (at(&path.start), at(&path.finish));
        let seconds = by.running(place);
        let mut time = String::new();
        if times.is_some() && job.kind != JobKind::Approval {
            time = format!("{mark}{}", duration(seconds));
            if on.contains(&place) && path.seconds > 0.0 {
                time += &format!(" · {:.0} %", by.total(place) * 100.0 / path.seconds);
            }
        }
        Node {
            label: label(job),
            time,
            kind: kind(job),
            critical: on.contains(&place),
            group: group_of.get(place).copied().flatten(),
            start,
            began: (finish - seconds.max(0.0)).max(start),
            finish,
        }
    };
    let mut panel = Panel {
        title: match (title, times) {
            ("", Some(_)) => format!("{mark}{}", duration(path.seconds)),
            (title, Some(_)) => format!("{title}: {mark}{}", duration(path.seconds)),
            (title, None) => title.to_owned(),
        },
        nodes: pipeline.jobs.iter().enumerate().map(node).collect(),
        edges: Vec::new(),
        groups,
        seconds: if times.is_some() { path.seconds } else { 0.0 },
    };
    edges(pipeline, &path, other, &mut panel);
    panel
}

/// Its name, and how many copies there are.
fn label(job: &Job) -> String {
    let title = if job.title().trim().is_empty() { "(no name)" } else { job.title() };
    match job.matrix.as_ref().map(|matrix| matrix.cells) {
        Some(Some(cells)) if cells > 1 => format!("{title} × {cells}"),
        Some(None) => format!("{title} × ?"),
        _ => title.to_owned(),
    }
}

fn kind(job: &Job) -> Kind {
    let does = |wanted: fn(&Does) -> bool| job.steps.iter().flat_map(|s| &s.does).any(wanted);
    match job.kind {
        JobKind::Approval => Kind::Approval,
        JobKind::Call => Kind::Call,
        JobKind::Work if job.environment.is_some() || does(|d| matches!(d, Does::Deploy(_))) => {
            Kind::Deploy
        }
        JobKind::Work if does(|d| matches!(d, Does::Scan { .. })) => Kind::Scan,
        JobKind::Work => Kind::Work,
    }
}

/// Stages, or graphs that start apart.
fn groups(pipeline: &Pipeline) -> Vec<Group> {
    let mut found: BTreeMap<(usize, Option<usize>), Vec<usize>> = BTreeMap::new();
    let entries = pipeline.entries.len() > 1;
    for (place, job) in pipeline.jobs.iter().enumerate() {
        let entry = if entries { job.entry } else { 0 };
        found.entry((entry, job.stage)).or_default().push(place);
    }
    let name = |(entry, stage): (usize, Option<usize>)| {
        let stage = stage.and_then(|at| pipeline.stages.get(at)).map(|stage| stage.id.as_str());
        let entry = pipeline.entries.get(entry).filter(|_| entries).map(|e| e.name.as_str());
        match (entry.filter(|name| !name.is_empty()), stage.filter(|name| !name.is_empty())) {
            (Some(entry), Some(stage)) => Some(format!("{entry} / {stage}")),
            (Some(name), None) | (None, Some(name)) => Some(name.to_owned()),
            (None, None) => None,
        }
    };
    let groups =
        found.into_iter().filter_map(|(key, nodes)| Some(Group { label: name(key)?, nodes }));
    groups.collect()
}

/// Edges as drawn: what follows from others by the order of stages is left out, and
/// where many wait for the same many, they meet in a point.
fn edges(
    pipeline: &Pipeline,
    path: &Critical,
    other: Option<(&Pipeline, State)>,
    panel: &mut Panel,
) {
    let pairs: HashSet<(usize, usize)> =
        (path.jobs.windows(2)).filter_map(|pair| Some((*pair.first()?, *pair.last()?))).collect();
    // Edges of the other state, by ids.
    let known: Option<HashSet<(&str, &str)>> = other.map(|(other, _)| {
        let jobs = other.jobs.iter();
        jobs.flat_map(|job| {
            let needs = job.needs.iter().filter_map(|need| other.jobs.get(need.job));
            needs.map(|need| (need.id.as_str(), job.id.as_str()))
        })
        .collect()
    });
    let mut above = Above::new(pipeline, path);
    // Jobs that wait for the same ones, as those of a stage do, are looked at once.
    let mut same: HashMap<Vec<(usize, bool)>, Vec<usize>> = HashMap::new();
    for (place, job) in pipeline.jobs.iter().enumerate() {
        let mut needs: Vec<(usize, bool)> = (job.needs.iter())
            .filter(|need| need.job < pipeline.jobs.len())
            .map(|need| (need.job, need.kind == NeedKind::Explicit))
            .collect();
        needs.sort_unstable();
        needs.dedup_by_key(|(need, _)| *need);
        same.entry(needs).or_default().push(place);
    }
    let mut same: Vec<_> = same.into_iter().collect();
    // In an order that has what is needed first.
    same.sort_by_key(|(_, jobs)| jobs.first().map(|job| (above.depth(*job), *job)));
    let mut alike: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for (needs, jobs) in same {
        let direct = above.direct(&needs, &jobs);
        for place in jobs {
            let id = pipeline.jobs.get(place).map_or("", |job| job.id.as_str());
            let mut stays = direct.clone();
            // What the critical path goes by is drawn in any case.
            let more = needs.iter().map(|(need, _)| *need);
            stays.extend(more.filter(|need| pairs.contains(&(*need, place))));
            stays.sort_unstable();
            stays.dedup();
            if let (Some(known), Some((_, state))) = (&known, other) {
                let both = |need: usize| {
                    pipeline
                        .jobs
                        .get(need)
                        .is_some_and(|from| known.contains(&(from.id.as_str(), id)))
                };
                let changed = needs.iter().map(|(need, _)| *need).filter(|need| !both(*need));
                panel.edges.extend(changed.map(|from| Edge {
                    from,
                    to: place,
                    state,
                    critical: pairs.contains(&(from, place)),
                }));
                stays.retain(|need| both(*need));
            }
            if !stays.is_empty() {
                alike.entry(stays).or_default().push(place);
            }
        }
    }
    for (needs, jobs) in alike {
        let on = |from: usize, to: usize| pairs.contains(&(from, to));
        if needs.len() >= 3 && jobs.len() >= 2 || needs.len() >= 2 && jobs.len() >= 3 {
            let hub = panel.nodes.len();
            let critical = needs.iter().any(|need| jobs.iter().any(|job| on(*need, *job)));
            panel.nodes.push(Node { kind: Kind::Hub, critical, ..Node::default() });
            for need in &needs {
                let critical = jobs.iter().any(|job| on(*need, *job));
                panel.edges.push(Edge { from: *need, to: hub, state: State::Stays, critical });
            }
            for job in &jobs {
                let critical = needs.iter().any(|need| on(*need, *job));
                panel.edges.push(Edge { from: hub, to: *job, state: State::Stays, critical });
            }
        } else {
            for (need, job) in needs.iter().flat_map(|need| jobs.iter().map(move |job| (need, job)))
            {
                let critical = on(*need, *job);
                panel.edges.push(Edge { from: *need, to: *job, state: State::Stays, critical });
            }
        }
    }
}

/// What stands above each job, to tell edges by the order of stages that follow from
/// others: `a → c` where there is `a → b → c`.
struct Above {
    depths: Vec<usize>,
    /// As bits, all that a job waits for, and what these wait for; empty where it is
    /// not worth it.
    sets: Vec<std::rc::Rc<Vec<u64>>>,
}

impl Above {
    fn new(pipeline: &Pipeline, path: &Critical) -> Self {
        const MOST: usize = 5_000;
        let count = pipeline.jobs.len();
        let even = Times::even(count, 1.0);
        let depths = critical(pipeline, &even).start.iter().map(|start| *start as usize).collect();
        let wanted = count <= MOST && path.cyclic.is_empty();
        let none = std::rc::Rc::new(Vec::new());
        Above { depths, sets: if wanted { vec![none; count] } else { Vec::new() } }
    }

    fn depth(&self, job: usize) -> usize {
        self.depths.get(job).copied().unwrap_or(0)
    }

    /// Those of these needs that do not follow from others, or are written down; each
    /// with whether it is. Callers come in the order of depths.
    fn direct(&mut self, needs: &[(usize, bool)], jobs: &[usize]) -> Vec<usize> {
        let all = || needs.iter().map(|(need, _)| *need).collect();
        if self.sets.is_empty() {
            return all();
        }
        let mut beyond = vec![0u64; self.sets.len().div_ceil(64)];
        for (need, _) in needs {
            let set = self.sets.get(*need).map(|set| set.as_slice()).unwrap_or_default();
            for (word, more) in beyond.iter_mut().zip(set) {
                *word |= more;
            }
        }
        let inside = |set: &[u64], job: usize| {
            set.get(job / 64).is_some_and(|word| word >> (job % 64) & 1 == 1)
        };
        let direct: Vec<usize> = (needs.iter())
            .filter(|(need, written)| *written || !inside(&beyond, *need))
            .map(|(need, _)| *need)
            .collect();
        for (need, _) in needs {
            if let Some(word) = beyond.get_mut(need / 64) {
                *word |= 1 << (need % 64);
            }
        }
        let beyond = std::rc::Rc::new(beyond);
        for job in jobs {
            if let Some(slot) = self.sets.get_mut(*job) {
                *slot = std::rc::Rc::clone(&beyond);
            }
        }
        direct
    }
}
