//! Which dismissals make a proposal, and what the configuration becomes.

use std::collections::BTreeSet;

use super::gather::{About, Fate, Remark};
use super::group::{self, Proposal};
use super::*;
use crate::inputs::{Env, Tables};

fn remark(request: u64, path: &str, about: About, fate: Fate) -> Remark {
    Remark {
        request,
        url: format!("https://github.com/acme/widgets/pull/{request}#r1"),
        path: path.into(),
        about,
        title: "The loop can be written as an iterator".into(),
        fate,
    }
}

fn by(people: &[&str]) -> Fate {
    Fate::Dismissed(people.iter().map(|who| (*who).to_owned()).collect::<BTreeSet<_>>())
}

fn todo() -> About {
    About::Rule("todo".into())
}

fn said() -> About {
    About::Model(None)
}

#[test]
fn a_proposal_needs_dismissals_requests_people_and_nobody_who_agreed() {
    type Case<'a> = (&'a [(u64, &'a str, About, Fate)], Option<Proposal>, Option<&'a str>);
    let rule = |glob: &str| Some(Proposal::Rule { glob: glob.into(), id: "todo".into() });
    let cases: &[Case<'_>] = &[
        (
            &[(1, "a/b", todo(), by(&["x"])), (2, "a/b", todo(), by(&["y"]))],
            None,
            Some("2 of 3 dismissals"),
        ),
        (
            &[
                (1, "a/b", todo(), by(&["x"])),
                (1, "a/c/d", todo(), by(&["x"])),
                (2, "a/b", todo(), by(&["y"])),
            ],
            rule("a/**"),
            None,
        ),
        (
            &[
                (1, "a/b", todo(), by(&["x"])),
                (2, "c", todo(), by(&["x"])),
                (3, "a/b", todo(), by(&["y"])),
            ],
            rule("**"),
            None,
        ),
        (
            &[
                (1, "a/b", todo(), by(&["x"])),
                (1, "a/b", todo(), by(&["y"])),
                (1, "a/b", todo(), by(&["z"])),
            ],
            None,
            Some("one pull request only"),
        ),
        (
            &[
                (1, "a/b", todo(), by(&["x"])),
                (2, "a/b", todo(), by(&["x"])),
                (3, "a/b", todo(), by(&["x"])),
            ],
            None,
            Some("one person only"),
        ),
        (
            &[
                (1, "a/b", todo(), by(&["x"])),
                (2, "a/b", todo(), by(&["y"])),
                (3, "a/b", todo(), by(&["x"])),
                (4, "q/r", todo(), Fate::Accepted),
            ],
            None,
            Some("1 led to a change"),
        ),
        (
            &[
                (1, "a/b", About::Rule("secrets".into()), by(&["x"])),
                (2, "a/b", About::Rule("secrets".into()), by(&["y"])),
                (3, "a/b", About::Rule("secrets".into()), by(&["x"])),
            ],
            None,
            Some("a secret is put aside one by one"),
        ),
        (
            &[
                (1, "a/b", said(), by(&["x"])),
                (2, "a/c", said(), by(&["y"])),
                (3, "a/d", said(), by(&["x"])),
            ],
            Some(Proposal::Remark {
                glob: "a/**".into(),
                line: "Do not report: The loop can be written as an iterator.".into(),
            }),
            None,
        ),
    ];
    for (remarks, proposal, why_not) in cases {
        let remarks: Vec<Remark> = remarks
            .iter()
            .map(|(request, path, about, fate)| remark(*request, path, about.clone(), fate.clone()))
            .collect();
        let rows = group::rows(&remarks, &Tables::default());
        assert_eq!(rows.len(), 1, "{remarks:?}");
        assert_eq!(rows[0].proposal, *proposal, "{remarks:?}");
        assert_eq!(rows[0].why_not.as_deref(), *why_not, "{remarks:?}");
    }
}

#[test]
fn remarks_in_other_folders_are_others() {
    let remarks = [
        remark(1, "a/b", said(), by(&["x"])),
        remark(2, "c/b", said(), by(&["y"])),
        remark(3, "a/b", said(), by(&["z"])),
    ];
    let rows = group::rows(&remarks, &Tables::default());
    assert_eq!(rows.iter().map(|row| row.dismissed).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn the_configuration_keeps_its_layout_and_reads_back() {
    let proposals = [
        Proposal::Rule { glob: "src/**".into(), id: "todo".into() },
        Proposal::Rule { glob: "src/**".into(), id: "debug-output".into() },
        Proposal::Remark { glob: "web/**".into(), line: "Do not report: \"x\" \u{1}.".into() },
    ];
    let cases = [
        "",
        "# ours\nfail_on   = \"high\" # why\n\n[[path]]\nglob = \"old/**\" # kept\nignore = true\n\n[policy]\nautonomy = \"propose\"\n",
        "path = [{ glob = \"old/**\", ignore = true }]\n",
        "fail_on = \"high\"",
    ];
    for text in cases {
        let after = edit::apply(text, &proposals).unwrap();
        for line in text.lines().filter(|line| !line.starts_with("path =")) {
            assert!(after.contains(line), "{line} is gone from {after}");
        }
        let config = ConfigText { text: after.clone(), origin: "test".into() };
        let env = Env::default();
        let inputs = Inputs::gather(Vec::new(), env).resolve(Some(&config)).unwrap();
        let paths = &inputs.tables.paths;
        let web = paths.iter().find(|rule| rule.globs.is_match("web/a.js")).unwrap();
        assert_eq!(web.instructions.as_deref(), Some("Do not report: \"x\" \u{1}."), "{after}");
        let src = paths.iter().find(|rule| rule.globs.is_match("src/a.rs")).unwrap();
        assert_eq!(src.ignore_rules, ["todo", "debug-output"]);
        // Once it is there, it is not proposed again.
        let known: Vec<Remark> =
            (1..=3).map(|n| remark(n, "src/a.rs", todo(), by(&["x", "y"]))).collect();
        let rows = group::rows(&known, &inputs.tables);
        assert_eq!(rows[0].why_not.as_deref(), Some("is in .pipewright.toml"));
    }
    assert!(edit::apply("path = 1", &proposals).is_err());
    assert!(edit::apply("path = ", &proposals).is_err());
}
