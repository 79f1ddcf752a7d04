//! What drawings show, in every form.

use super::*;
use crate::pipeline::Platform;
use crate::pipeline::graph::{At, Job, JobKind, Need, NeedKind, Span, Stage};

fn job(id: &str, needs: &[usize], kind: NeedKind) -> Job {
    let mut job = Job::new(id, Span::default(), Vec::new());
    let need =
        |job: &usize| Need { job: *job, kind, span: None, optional: false, artifacts: false };
    job.needs = needs.iter().map(need).collect();
    job
}

fn graph(jobs: &[(&str, &[usize])]) -> Pipeline {
    let mut pipeline = Pipeline::new(Platform::GitHub);
    pipeline.jobs = jobs.iter().map(|(id, needs)| job(id, needs, NeedKind::Explicit)).collect();
    pipeline
}

fn times(seconds: &[f64]) -> Times {
    Times { seconds: seconds.to_vec(), queue: vec![0.0; seconds.len()] }
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn durations_read_well() {
    for (seconds, expect) in [
        (0.0, "0 s"),
        (59.4, "59 s"),
        (60.0, "1 min"),
        (125.0, "2 min 05 s"),
        (3_780.0, "1 h 03 min"),
        (-3.0, "0 s"),
        (f64::NAN, "0 s"),
    ] {
        assert_eq!(duration(seconds), expect);
    }
}

#[test]
fn the_critical_path_and_times_are_marked_in_each_format() {
    let pipeline = graph(&[("build", &[]), ("test", &[0]), ("lint", &[0])]);
    let times = times(&[60.0, 120.0, 20.0]);
    let drawing = Drawing { times: Some(&times), ..Drawing::of(&pipeline) };
    has(
        &drawing.mermaid(),
        &[
            "flowchart LR",
            "subgraph p0[\"3 min\"]",
            "p0n1[\"test<br/>2 min · 67 #37;\"]",
            "p0n0 ==> p0n1",
            "p0n0 --> p0n2",
            "class p0n0,p0n1 critical",
        ],
    );
    has(&drawing.dot(), &["n0_1 [label=\"test\\n2 min · 67 %\", color=", "n0_0 -> n0_1 [color="]);
    has(
        &drawing.svg(),
        &["2 min · 67 %", "class=\"n x\"", "critical path", "prefers-color-scheme"],
    );
    let timeline = Drawing { layout: Layout::Timeline, ..drawing }.svg();
    has(&timeline, &["text-anchor=\"end\">lint<", "class=\"n x\"", ">2 min</text>"]);
    // Without times: no numbers, and no time axis.
    let bare = Drawing { layout: Layout::Timeline, ..Drawing::of(&pipeline) };
    assert!(!bare.svg().contains(" min"));
    assert_eq!(bare.svg(), Drawing::of(&pipeline).svg());
    // Estimates are marked.
    has(&Drawing { estimated: true, ..drawing }.svg(), &["≈ 3 min", "≈ 20 s"]);
}

#[test]
fn edges_that_go_and_come_are_told_apart() {
    let before = graph(&[("a", &[]), ("b", &[0]), ("c", &[1])]);
    let after = graph(&[("c", &[1]), ("a", &[]), ("b", &[1])]);
    let drawing = Drawing { after: Some(&after), ..Drawing::of(&before) };
    has(
        &drawing.mermaid(),
        &[
            "subgraph p0[\"Before\"]",
            "subgraph p1[\"After\"]",
            "p0n1 -.-> p0n2",
            "p1n1 ==> p1n0",
            "stroke:#dc2626",
            "stroke:#16a34a",
        ],
    );
    has(
        &drawing.dot(),
        &["n0_1 -> n0_2 [color=\"#dc2626\", style=dashed", "n1_1 -> n1_0 [color=\"#16a34a\""],
    );
    has(&drawing.svg(), &["class=\"o\"", "class=\"i\"", ">goes<", ">comes<"]);
    // Times are carried over by the jobs' names.
    let times = times(&[60.0, 120.0, 20.0]);
    let timed = Drawing { times: Some(&times), ..drawing };
    has(&timed.svg(), &["Before: 3 min 20 s", "After: 3 min"]);
}

#[test]
fn names_cannot_break_out() {
    let mut pipeline = graph(&[("end", &[]), ("b", &[0])]);
    let odd = "a \"b\" [c] {d} <e> & #f; `g` ${{ matrix.x }} | \\ \u{1} end\nclass x";
    pipeline.jobs[1].name = Some(At { value: odd.into(), span: Span::default() });
    let drawing = Drawing::of(&pipeline);
    let mermaid = drawing.mermaid();
    has(
        &mermaid,
        &["p0n0[\"end\"]", "a #quot;b#quot; #91;c#93; #123;d#125; #lt;e#gt; #amp; #35;f"],
    );
    assert_eq!(mermaid.lines().filter(|line| line.trim_start().starts_with("class x")).count(), 0);
    has(
        &drawing.dot(),
        &["a \\\"b\\\" [c] {d} <e> & #f; `g` ${{ matrix.x }} | \\\\   end\\nclass x\""],
    );
    let svg = drawing.svg();
    has(&svg, &["a &quot;b&quot; [c] {d} &lt;e&gt; &amp; #f;"]);
    assert!(!svg.contains('\u{1}'));
}

#[test]
fn kinds_of_jobs_have_shapes_and_stages_are_groups() {
    let mut pipeline = graph(&[("build", &[]), ("ok", &[0]), ("ship", &[1]), ("call", &[0])]);
    pipeline.jobs[1].kind = JobKind::Approval;
    pipeline.jobs[2].environment = Some(At { value: "production".into(), span: Span::default() });
    pipeline.jobs[3].kind = JobKind::Call;
    for (place, id) in ["build \"it\"", "deploy"].into_iter().enumerate() {
        pipeline.stages.push(Stage {
            id: id.into(),
            needs: Vec::new(),
            explicit: None,
            condition: None,
            span: Span::default(),
            path: Vec::new(),
        });
        pipeline.jobs[place * 2].stage = Some(place);
    }
    let drawing = Drawing::of(&pipeline);
    has(
        &drawing.mermaid(),
        &[
            "subgraph p0g0[\"build #quot;it#quot;\"]",
            "p0n1{{\"ok\"}}",
            "p0n2([\"ship\"])",
            "p0n3[[\"call\"]]",
        ],
    );
    has(
        &drawing.dot(),
        &["label=\"build \\\"it\\\"\"", "shape=octagon", "shape=cds", "shape=box3d"],
    );
    has(&drawing.svg(), &["class=\"G\"", ">deployment<", ">approval<", ">call<"]);
}

/// Stages of so many jobs, each job waiting for all before, in all stages or the last.
fn staged(sizes: &[usize], all: bool) -> Pipeline {
    let mut pipeline = graph(&[]);
    let (mut last, mut before): (Vec<usize>, Vec<usize>) = Default::default();
    for (stage, size) in sizes.iter().enumerate() {
        let needs = if all { before.clone() } else { last.clone() };
        last = (0..*size)
            .map(|at| {
                pipeline.jobs.push(job(&format!("s{stage}j{at}"), &needs, NeedKind::Stage));
                pipeline.jobs.len() - 1
            })
            .collect();
        before.extend(&last);
    }
    pipeline
}

#[test]
fn stages_meet_in_points_instead_of_every_pair() {
    for all in [false, true] {
        let pipeline = staged(&[4, 5, 3], all);
        let panels = scene::panels(&Drawing::of(&pipeline));
        // 4 and 5 edges to and from one point, 5 and 3 of the other.
        assert_eq!(panels[0].edges.len(), 17, "{all}");
        assert_eq!(panels[0].nodes.len(), 14);
    }
}

#[test]
fn large_graphs_are_drawn_whole() {
    for pipeline in [staged(&[40; 50], false), {
        let mut chain = graph(&[]);
        for at in 0..2_000usize {
            let needs: Vec<usize> =
                [1, 7, 31].iter().filter_map(|back| at.checked_sub(*back)).collect();
            chain.jobs.push(job(&format!("j{at}"), &needs, NeedKind::Explicit));
        }
        chain
    }] {
        let svg = Drawing::of(&pipeline).svg();
        for job in &pipeline.jobs {
            assert!(svg.contains(&format!(">{}<", job.id)), "{}", job.id);
        }
    }
}

#[test]
fn boxes_do_not_overlap() {
    for pipeline in [
        staged(&[3, 6, 1, 4], false),
        graph(&[
            ("a", &[]),
            ("b", &[0]),
            ("c", &[0]),
            ("d", &[1]),
            ("e", &[0, 3]),
            ("f", &[]),
            ("g", &[5, 0]),
        ]),
    ] {
        let panels = scene::panels(&Drawing::of(&pipeline));
        let placed = layout::place(&panels[0]);
        for (at, one) in placed.boxes.iter().enumerate() {
            for two in &placed.boxes[..at] {
                let apart = one.0 + one.2 <= two.0
                    || two.0 + two.2 <= one.0
                    || one.1 + one.3 <= two.1
                    || two.1 + two.3 <= one.1;
                assert!(apart, "{one:?} {two:?}");
            }
        }
        for (edge, way) in panels[0].edges.iter().zip(&placed.ways) {
            assert!(way.len() >= 2 && way[0].0 < way[way.len() - 1].0, "{edge:?} {way:?}");
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(120))]
    #[test]
    fn nothing_makes_a_drawing_panic(
        edges in proptest::collection::vec((0usize..12, 0usize..14), 0..40),
        names in proptest::collection::vec(".{0,12}", 12),
        seconds in proptest::collection::vec(proptest::num::f64::ANY, 0..14),
        stages in proptest::collection::vec(proptest::option::of(0usize..4), 12),
    ) {
        // Cycles, edges out of range, odd names and numbers, stages out of range.
        let mut pipeline = graph(&[]);
        for (place, name) in names.iter().enumerate() {
            let needs: Vec<usize> =
                edges.iter().filter(|(to, _)| *to == place).map(|(_, from)| *from).collect();
            let mut made = job(name, &needs, if place % 2 == 0 { NeedKind::Stage } else { NeedKind::Explicit });
            made.stage = stages[place];
            pipeline.jobs.push(made);
        }
        let times = times(&seconds);
        let mut other = pipeline.clone();
        other.jobs.truncate(7);
        let drawing = Drawing {
            after: Some(&other), times: Some(&times), estimated: true, ..Drawing::of(&pipeline)
        };
        let _ = (drawing.mermaid(), drawing.dot(), drawing.svg());
        let svg = Drawing { layout: Layout::Timeline, ..drawing }.svg();
        proptest::prop_assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}
