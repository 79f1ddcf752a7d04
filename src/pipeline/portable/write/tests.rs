//! Every writer on every sample.

use super::super::{Portable, write};
use super::samples;
use crate::pipeline::{File, NoFiles, Outcome, Platform, lint, read, schema, yaml};

#[test]
fn samples_hold_together() {
    for (name, portable) in samples::all() {
        assert_eq!(portable.faults(), [""; 0], "{name}");
    }
}

/// With `PIPEWRIGHT_WRITTEN` naming a folder the files are left there for other tools.
#[test]
fn every_sample_is_written_for_every_platform_and_parses() {
    let folder = std::env::var_os("PIPEWRIGHT_WRITTEN").map(std::path::PathBuf::from);
    for (name, portable) in samples::all() {
        for platform in Platform::ALL {
            let written = write(&portable, platform);
            if platform != Platform::Jenkins
                && let Err(broken) = yaml::parse(&written.text)
            {
                panic!("{name} on {platform}: {broken:?}\n{}", written.text);
            }
            assert!(written.text.ends_with('\n') && !written.text.ends_with("\n\n"), "{name}");
            assert!(
                written
                    .text
                    .lines()
                    .all(|line| line.trim_end() == line || platform == Platform::Jenkins),
                "{name} {platform}"
            );
            if let Some(folder) = &folder {
                let folder = folder.join(platform.as_str());
                std::fs::create_dir_all(&folder).unwrap();
                let tail = if platform == Platform::Jenkins { "groovy" } else { "yml" };
                std::fs::write(folder.join(format!("{name}.{tail}")), &written.text).unwrap();
                let notes: Vec<String> = written
                    .not_carried
                    .iter()
                    .map(|lost| format!("LOST {}: {} ({:?})", lost.what, lost.why, lost.line))
                    .chain(written.remarks.iter().map(|remark| format!("NOTE {remark}")))
                    .collect();
                std::fs::write(folder.join(format!("{name}.txt")), notes.join("\n")).unwrap();
            }
        }
    }
}

fn read_back(name: &str, portable: &Portable, platform: Platform) -> Box<File> {
    let written = write(portable, platform);
    match read(platform, platform.usual_path(), &written.text, &NoFiles) {
        Outcome::Read(file) => file,
        other => panic!("{name} on {platform}: {other:?}\n{}", written.text),
    }
}

#[test]
fn neither_schema_nor_lints_object_to_what_is_written() {
    for (name, portable) in samples::all() {
        for platform in Platform::ALL {
            let file = read_back(name, &portable, platform);
            let problems = schema::problems(platform, &file.path, &file.tree);
            assert!(problems.is_empty(), "{name} on {platform}: {problems:#?}\n{}", file.text);
            let lints = lint::problems(&file);
            assert!(lints.is_empty(), "{name} on {platform}: {lints:#?}\n{}", file.text);
        }
    }
}

/// Whatever the platform makes of jobs, one that waits for another still does.
#[test]
fn the_order_of_the_jobs_is_kept() {
    for (name, portable) in samples::all() {
        for platform in [Platform::GitHub, Platform::GitLab] {
            let file = read_back(name, &portable, platform);
            for job in &portable.jobs {
                let find = |id: &str| {
                    file.pipeline.jobs.iter().position(|job| {
                        job.id == id
                            || (platform == Platform::GitLab && job.id == format!("{id}-job"))
                    })
                };
                let at =
                    find(&job.id).unwrap_or_else(|| panic!("{name}: {} on {platform}", job.id));
                for need in &job.needs {
                    let need = find(need);
                    assert!(
                        file.pipeline.jobs[at].needs.iter().any(|edge| Some(edge.job) == need),
                        "{name}: {} on {platform}",
                        job.id
                    );
                }
            }
        }
    }
}

#[test]
fn a_canary_is_written_as_it_was() {
    let all = samples::all();
    let named = |wanted: &str| {
        &all.iter().find(|(name, _)| *name == wanted).expect("a sample of this name").1
    };
    // The same name in whatever crate the module is built into.
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    let _bound = settings.bind_to_scope();
    for platform in Platform::ALL {
        insta::assert_snapshot!(
            format!("canary_{platform}"),
            write(named("canary"), platform).text
        );
    }
    for (name, platform) in [
        ("library", Platform::Jenkins),
        ("library", Platform::Azure),
        ("monorepo", Platform::Bitbucket),
        ("release", Platform::GitHub),
        ("terraform", Platform::Harness),
        ("manual", Platform::GitLab),
    ] {
        insta::assert_snapshot!(format!("{name}_{platform}"), write(named(name), platform).text);
    }
}

#[test]
fn what_stands_for_nothing_elsewhere_is_reported_with_its_line() {
    let (_, odd) = samples::all().pop().unwrap();
    for platform in Platform::ALL {
        let written = write(&odd, platform);
        for what in ["the trigger issues", "the include z", "the demand y", "the pipe x"] {
            let own = platform == Platform::Bitbucket && what == "the pipe x";
            let found = written.not_carried.iter().any(|lost| lost.what.starts_with(what));
            assert_eq!(found, !own, "{what} on {platform}: {:?}", written.not_carried);
        }
        assert!(written.not_carried.iter().any(|lost| lost.line == Some(7)), "{platform}");
    }
}

#[test]
fn an_empty_pipeline_is_still_a_file() {
    for platform in Platform::ALL {
        assert!(!write(&Portable::default(), platform).text.is_empty());
    }
}

/// Results of tests are shown wherever the step that does it stands.
#[test]
fn jenkins_shows_test_results_of_every_phase() {
    use super::super::{Action, Job, Step, TestReport};
    let report =
        |path: &str| Step::new(Action::SaveTestReport(TestReport { paths: vec![path.to_owned()] }));
    let portable = Portable {
        jobs: vec![Job {
            steps: vec![Step::run("make test"), report("main.xml")],
            on_failure: vec![report("failure.xml")],
            always: vec![Step::run("make report"), report("always.xml")],
            ..Job::new("test")
        }],
        ..Portable::default()
    };
    let text = write(&portable, Platform::Jenkins).text;
    let phases: Vec<&str> = ["always {", "failure {", "cleanup {"]
        .iter()
        .map(|open| text.split_once(open).map_or("", |(_, rest)| rest))
        .map(|rest| rest.split_once("}\n").map_or(rest, |(inner, _)| inner).trim())
        .collect();
    assert!(phases[0].contains("main.xml"), "{text}");
    assert!(phases[1].contains("failure.xml"), "{text}");
    let (made, shown) = (phases[2].find("make report"), phases[2].find("always.xml"));
    assert!(made.is_some() && made < shown, "{text}");
}
