//! What must hold for every graph, checked on real files and on broken ones.

use std::collections::HashSet;

use super::{files, spans};
use crate::pipeline::graph::Pipeline;
use crate::pipeline::{File, NoFiles, Outcome, Platform, read};

/// What is wrong with a graph; `None` is nothing.
fn broken(file: &File) -> Option<String> {
    let (text, pipeline) = (&file.text, &file.pipeline);
    for span in spans(pipeline) {
        if span.file == 0 && text.get(span.range()).is_none() {
            return Some(format!("span {span:?}"));
        }
        if usize::from(span.file) > pipeline.included.len() {
            return Some(format!("file of {span:?}"));
        }
    }
    let mut ids = HashSet::new();
    for job in &pipeline.jobs {
        if !ids.insert(&job.id) {
            return Some(format!("two jobs {}", job.id));
        }
        if job.entry >= pipeline.entries.len()
            || job.stage.is_some_and(|stage| stage >= pipeline.stages.len())
        {
            return Some(format!("place of {}", job.id));
        }
        for need in &job.needs {
            let Some(other) = pipeline.jobs.get(need.job) else {
                return Some(format!("edge of {}", job.id));
            };
            let Some(span) = need.span.filter(|span| span.file == 0) else { continue };
            let written = text.get(span.range()).unwrap_or_default();
            if !written.to_lowercase().starts_with(&other.id.to_lowercase()) {
                return Some(format!("`{written}` is not {}", other.id));
            }
        }
    }
    for (place, stage) in pipeline.stages.iter().enumerate() {
        if stage.needs.iter().any(|need| *need >= place) {
            return Some(format!("order of stage {}", stage.id));
        }
    }
    None
}

fn is_cyclic(pipeline: &Pipeline) -> bool {
    let mut left: Vec<usize> = pipeline.jobs.iter().map(|job| job.needs.len()).collect();
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); pipeline.jobs.len()];
    for (place, job) in pipeline.jobs.iter().enumerate() {
        for need in &job.needs {
            after[need.job].push(place);
        }
    }
    let mut ready: Vec<usize> = (0..left.len()).filter(|place| left[*place] == 0).collect();
    let mut done = 0;
    while let Some(place) = ready.pop() {
        done += 1;
        for next in &after[place] {
            left[*next] -= 1;
            if left[*next] == 0 {
                ready.push(*next);
            }
        }
    }
    done < pipeline.jobs.len()
}

#[test]
fn real_files_are_read_or_declined_with_a_sound_graph() {
    for platform in [Platform::GitHub, Platform::GitLab] {
        let files = files(platform);
        let (mut read_count, mut jobs, mut edges, mut declined) = (0, 0, 0, Vec::new());
        for (name, text) in &files {
            match read(platform, name, text, &NoFiles) {
                Outcome::Read(file) => {
                    assert_eq!(broken(&file), None, "{platform} {name}");
                    assert!(!is_cyclic(&file.pipeline), "{platform} {name}");
                    read_count += 1;
                    jobs += file.pipeline.jobs.len();
                    edges += file.pipeline.jobs.iter().map(|job| job.needs.len()).sum::<usize>();
                }
                Outcome::Declined(why) => declined.push(format!("{name}: {why}")),
                Outcome::Invalid { line, why } => panic!("{platform} {name}:{line}: {why}"),
            }
        }
        println!(
            "{platform}: {} files, {read_count} read, {jobs} jobs, {edges} edges\n  {}",
            files.len(),
            declined.join("\n  ")
        );
        assert!(declined.len() * 10 <= files.len(), "{declined:?}");
    }
}

/// Lines of real files go, come twice or change places: nothing may panic, and what
/// is read still holds.
#[test]
fn files_with_lines_gone_or_swapped_are_read_without_harm() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    for platform in [Platform::GitHub, Platform::GitLab] {
        for (name, text) in files(platform).iter().filter(|(_, text)| text.len() < 20_000) {
            for _ in 0..4 {
                let mut lines: Vec<&str> = text.lines().collect();
                for _ in 0..=next(4) {
                    let (a, b) = (next(lines.len()), next(lines.len()));
                    match next(3) {
                        0 if lines.len() > 1 => drop(lines.remove(a)),
                        1 => lines.swap(a, b),
                        _ => {
                            lines.insert(a, lines.get(b).copied().unwrap_or("- !reference [a, b]"))
                        }
                    }
                }
                let text = lines.join("\n");
                if let Outcome::Read(file) = read(platform, name, &text, &NoFiles) {
                    assert_eq!(broken(&file), None, "{platform} {name}\n{text}");
                }
            }
        }
    }
}

#[test]
fn large_files_are_read_whole() {
    let mut hub = String::from("on: push\njobs:\n");
    let mut lab = String::from("stages: [build, test]\n");
    for n in 0..2_000 {
        hub.push_str(&format!("  j{n}:\n    runs-on: ubuntu-latest\n    steps:\n      - run: x\n"));
        if n > 0 {
            hub.push_str(&format!("    needs: [j{}, j0]\n", n - 1));
        }
        let stage = if n % 2 == 0 { "build" } else { "test" };
        lab.push_str(&format!(
            "j{n}:\n  stage: {stage}\n  script: x\n  artifacts: {{paths: [o]}}\n"
        ));
    }
    // Each job but the first waits for the one before and the first; each of the
    // second stage for the whole first one.
    for (platform, text, expect) in
        [(Platform::GitHub, hub, 1 + 1_998 * 2), (Platform::GitLab, lab, 1_000 * 1_000)]
    {
        let Outcome::Read(file) = read(platform, "x", &text, &NoFiles) else {
            panic!("{platform}")
        };
        assert_eq!(file.pipeline.jobs.len(), 2_000);
        let edges = file.pipeline.jobs.iter().map(|job| job.needs.len()).sum::<usize>();
        assert_eq!(edges, expect, "{platform}");
        assert_eq!(broken(&file), None, "{platform}");
        assert!(!is_cyclic(&file.pipeline), "{platform}");
    }
}
