//! Every writer on every sample.

use super::super::{Portable, write};
use super::samples;
use crate::pipeline::{Platform, yaml};

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
            if platform != Platform::Jenkins {
                if let Err(broken) = yaml::parse(&written.text) {
                    panic!("{name} on {platform}: {broken:?}\n{}", written.text);
                }
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
