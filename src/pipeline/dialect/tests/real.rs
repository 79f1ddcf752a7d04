//! Real files of Azure, Bitbucket and Harness: all are read or declined, with spans
//! and edges that hold; broken copies of them do no harm.

use super::{files, spans};
use crate::pipeline::graph::Pipeline;
use crate::pipeline::{NoFiles, Outcome, Platform, read};

const PLATFORMS: [Platform; 3] = [Platform::Azure, Platform::Bitbucket, Platform::Harness];

/// Checks what holds of every pipeline; returns its number of edges.
fn hold(name: &str, text: &str, pipeline: &Pipeline) -> usize {
    for span in spans(pipeline) {
        if span.file == 0 {
            assert!(text.get(span.range()).is_some(), "{name}: {span:?} of {}", text.len());
        } else {
            assert!(usize::from(span.file) <= pipeline.included.len(), "{name}: {span:?}");
        }
    }
    let mut ids = std::collections::HashSet::new();
    let mut edges = 0;
    for job in &pipeline.jobs {
        assert!(ids.insert(job.id.as_str()), "{name}: {} is there twice", job.id);
        assert!(job.entry < pipeline.entries.len(), "{name}: {}", job.id);
        assert!(job.stage.is_none_or(|at| at < pipeline.stages.len()), "{name}: {}", job.id);
        edges += job.needs.len();
        for need in &job.needs {
            let entry = pipeline.jobs.get(need.job).map(|other| other.entry);
            assert_eq!(entry, Some(job.entry), "{name}: {} waits for {}", job.id, need.job);
        }
    }
    edges
}

/// Whether no job waits for itself by a detour.
fn acyclic(pipeline: &Pipeline) -> bool {
    let mut waiting: Vec<usize> = pipeline.jobs.iter().map(|job| job.needs.len()).collect();
    let mut ready: Vec<usize> =
        waiting.iter().enumerate().filter(|(_, left)| **left == 0).map(|(at, _)| at).collect();
    let mut done = 0;
    while let Some(at) = ready.pop() {
        done += 1;
        for (other, job) in pipeline.jobs.iter().enumerate() {
            for _ in job.needs.iter().filter(|need| need.job == at) {
                waiting[other] -= 1;
                if waiting[other] == 0 {
                    ready.push(other);
                }
            }
        }
    }
    done == pipeline.jobs.len()
}

#[test]
fn real_files_are_read_or_declined() {
    for platform in PLATFORMS {
        let files = files(platform);
        let (mut jobs, mut edges, mut read_in, mut unread) = (0, 0, 0, 0);
        let mut declined = std::collections::BTreeMap::<String, usize>::new();
        for (name, text) in &files {
            match read(platform, name, text, &NoFiles) {
                Outcome::Read(file) => {
                    read_in += 1;
                    jobs += file.pipeline.jobs.len();
                    unread += file.pipeline.unread.len();
                    edges += hold(name, text, &file.pipeline);
                    assert!(acyclic(&file.pipeline), "{platform}/{name}");
                    assert!(!file.pipeline.jobs.is_empty(), "{platform}/{name}");
                }
                Outcome::Declined(why) => *declined.entry(why).or_default() += 1,
                Outcome::Invalid { line, why } => {
                    assert!(line > 0 && line as usize <= text.lines().count() + 1);
                    *declined.entry(format!("invalid: {why}")).or_default() += 1;
                }
            }
        }
        eprintln!(
            "{platform}: {} files, {read_in} read, {jobs} jobs, {edges} edges, {unread} unread; {declined:?}",
            files.len(),
        );
        assert!(files.is_empty() || read_in * 3 > files.len() * 2, "{platform}");
    }
}

/// Lines of real files go, or change places: whatever comes of it, nothing breaks.
#[test]
fn broken_files_do_no_harm() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % u64::try_from(below.max(1)).unwrap()).unwrap()
    };
    for platform in PLATFORMS {
        for (name, text) in files(platform) {
            // Short files break in more ways by the same time.
            let rounds = if text.len() < 8_000 { 12 } else { 2 };
            for _ in 0..rounds {
                let mut lines: Vec<&str> = text.lines().collect();
                for _ in 0..1 + random(3) {
                    let (one, two) = (random(lines.len()), random(lines.len()));
                    match random(3) {
                        0 if lines.len() > 1 => drop(lines.remove(one)),
                        1 => lines.swap(one, two),
                        _ => lines.truncate(one + 1),
                    }
                }
                let broken = lines.join("\n");
                if let Outcome::Read(file) = read(platform, &name, &broken, &NoFiles) {
                    hold(&name, &broken, &file.pipeline);
                }
            }
        }
    }
}
