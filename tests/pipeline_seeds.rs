//! Pipelines in which the five main patterns were planted, black box, on every platform
//! and with every kind of line end: all are found where they stand and nowhere else, the
//! diff applies with other people's tools, and not a byte beside it moves.

#[path = "support/stage.rs"]
mod stage;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use stage::{Stage, fixture, said};

/// What was planted, in the order of the columns of a seed's line.
const PATTERNS: [&str; 5] = [
    "sequential-independent-jobs",
    "missing-dependency-cache",
    "oversized-runner",
    "scan-after-deploy",
    "rebuilt-image",
];

/// A seed, and the lines where each pattern is found: `+` where the fix is made, else it
/// is suggested. What else of the kind stands in the file is right as it is.
type Seed = (&'static str, [&'static str; 5]);

const GITHUB: &[Seed] = &[
    ("github.yml", ["+27", "+22 +40", "16", "+62", "60"]),
    // Right: packages that a composite action keeps, a probe of what runs.
    ("seeds/github-poetry", ["+26", "+21 +35", "13", "+81", "77"]),
    // Right: tests that wait for generated sources, a test image of another stage.
    ("seeds/github-go", ["+26", "+14 +38", "9", "+59", "57"]),
    // The machine of the project keeps its packages itself, maybe.
    ("seeds/github-dotnet", ["+24", "+31 20", "13", "+57", "51"]),
];

const GITLAB: &[Seed] = &[
    ("gitlab.yml", ["+23", "+20 +26", "18", "+50", "47"]),
    // An included file holds the install command.
    ("seeds/gitlab-poetry", ["+17", "9 17", "13", "+43", "40"]),
    // Right: sources that are generated for the tests, ZAP on what runs.
    ("seeds/gitlab-go", ["+26", "12 31", "9", "+51", "49"]),
    ("seeds/gitlab-gradle", ["+29", "+33 24", "22", "+58", "54"]),
];

const AZURE: &[Seed] = &[
    ("azure.yml", ["+23", "+25 18", "13", "+51", "47"]),
    // Right: the template that restores keeps its packages.
    ("seeds/azure-dotnet", ["+14", "+19", "9", "+40", "37"]),
    // The scan's stage also probes what runs.
    ("seeds/azure-gradle", ["+21", "+30 14", "12", "65", "60"]),
    ("seeds/azure-poetry", ["+16", "12 22", "8", "+52", "45"]),
];

const JENKINS: &[Seed] = &[
    ("Jenkinsfile", ["+15", "11 18", "9", "+36", "33"]),
    // Braces in comments and scripts, tabs.
    ("seeds/jenkins-gradle", ["+22", "17 25", "14", "+47", "43"]),
    // Right: ZAP on what runs.
    ("seeds/jenkins-go", ["+12", "8 15", "6", "+36", "30"]),
    // Both stages run on the project's own machines, which may be few.
    ("seeds/jenkins-poetry", ["15", "11 21", "8", "+39", "36"]),
];

const BITBUCKET: &[Seed] = &[
    ("bitbucket.yml", ["+20", "+24 13", "11", "+39", "37"]),
    ("seeds/bitbucket-poetry", ["+17", "15 22", "12", "+39", "37"]),
    // Right: the group of pull requests.
    ("seeds/bitbucket-gradle", ["+39", "+37 10", "35", "+48", "46"]),
    // Right: a bundle that keeps its packages, a smoke test of what runs.
    ("seeds/bitbucket-node", ["+12", "+10 +24", "7", "+40", "39"]),
];

const HARNESS: &[Seed] = &[
    ("harness.yaml", ["+39", "+35 +52", "23", "95", "82"]),
    ("seeds/harness-go", ["+35", "+32 +55", "21", "+109", "95"]),
    ("seeds/harness-gradle", ["+36", "+29 +53", "17", "+98", "85"]),
    ("seeds/harness-poetry", ["+36", "27", "17", "128", "111"]),
];

/// A name, and what it makes of a file's bytes without a change of meaning.
type Variant = (&'static str, fn(&str) -> String);

const VARIANTS: [Variant; 4] = [
    ("plain", str::to_owned),
    ("crlf", |text| text.replace('\n', "\r\n")),
    ("mark", |text| format!("\u{feff}{text}")),
    ("open", |text| text.trim_end_matches('\n').to_owned()),
];

#[test]
fn github() {
    seeds("github", ".github/workflows/ci", ".yml", GITHUB);
}

#[test]
fn gitlab() {
    seeds("gitlab", "", ".gitlab-ci.yml", GITLAB);
}

#[test]
fn azure() {
    seeds("azure", "azure-pipelines", ".yml", AZURE);
}

#[test]
fn jenkins() {
    seeds("jenkins", "", "Jenkinsfile", JENKINS);
}

#[test]
fn bitbucket() {
    seeds("bitbucket", "bitbucket-pipelines", ".yml", BITBUCKET);
}

#[test]
fn harness() {
    seeds("harness", "harness", ".yaml", HARNESS);
}

/// Every seed of a platform in a repository of its own, with all variants in it: one run
/// reads the schema once.
fn seeds(platform: &str, stem: &str, end: &str, seeds: &[Seed]) {
    for (name, expect) in seeds {
        let stage = Stage::new(&[]);
        fs::remove_dir(stage.path(".git")).unwrap();
        run("git", &["init", "-q"], &stage);
        let own = format!("{stem}{end}");
        let from = fixture(name);
        if from.is_dir() {
            copy(&from, stage.0.path());
        } else {
            fs::create_dir_all(stage.path(&own).parent().unwrap()).unwrap();
            fs::copy(&from, stage.path(&own)).unwrap();
            fs::write(stage.path("package-lock.json"), "{}").unwrap();
            fs::write(stage.path("pom.xml"), "<project/>").unwrap();
        }
        let text = stage.read(&own);
        assert!(text.ends_with('\n') && !text.contains('\r'), "{name}");
        fs::remove_file(stage.path(&own)).unwrap();
        let files: Vec<(String, String)> = VARIANTS
            .iter()
            .map(|(variant, make)| (format!("{stem}{variant}{end}"), make(&text)))
            .collect();
        for (path, text) in &files {
            fs::write(stage.path(path), text).unwrap();
        }
        check(name, platform, &stage, &files, expect);
    }
}

fn check(
    name: &str,
    platform: &str,
    stage: &Stage,
    files: &[(String, String)],
    expect: &[&str; 5],
) {
    let mut args = vec!["optimize", "--platform", platform];
    args.extend(files.iter().map(|(path, _)| path.as_str()));
    let all = |before: bool| -> Vec<String> {
        files
            .iter()
            .map(|(path, text)| if before { text.clone() } else { stage.read(path) })
            .collect()
    };
    let output = stage.run(&[&args[..], &["--format", "diff"]].concat());
    assert!(output.status.success(), "{name}: {}", said(&output));
    let diff = String::from_utf8(output.stdout).unwrap();
    assert_eq!(all(false), all(true), "{name}: nothing is written unasked");

    // The diff as other tools read it.
    let mut made = Vec::new();
    fs::write(stage.path("x.diff"), &diff).unwrap();
    for (program, dry, wet) in [
        ("git", &["apply", "--check", "x.diff"][..], &["apply", "x.diff"][..]),
        (
            "patch",
            &["-F0", "-p1", "--dry-run", "-i", "x.diff"],
            &["-F0", "-p1", "-s", "-i", "x.diff"],
        ),
    ] {
        if Command::new(program).arg("--version").stdout(Stdio::null()).status().is_err() {
            eprintln!("SKIPPED: there is no `{program}` here");
            continue;
        }
        let said = run(program, dry, stage);
        assert!(!said.contains("fuzz") && !said.contains("offset"), "{name}: {program}: {said}");
        run(program, wet, stage);
        made.push((program, all(false)));
        for (path, text) in files {
            fs::write(stage.path(path), text).unwrap();
        }
    }
    fs::remove_file(stage.path("x.diff")).unwrap();

    // What it writes itself, and says of it.
    let schema = "pipewright.pipeline-optimize-1.json";
    let report = stage.json(&[&args[..], &["--apply"]].concat(), schema);
    let after = all(false);
    for (program, texts) in &made {
        assert!(*texts == after, "{name}: `{program}` makes other bytes");
    }
    let mut parts = String::new();
    for (((variant, _), (path, before)), after) in VARIANTS.iter().zip(files).zip(&after) {
        let file = report["files"]
            .as_array()
            .unwrap()
            .iter()
            .find(|file| file["path"] == path.as_str())
            .unwrap_or_else(|| panic!("{name}: {path} is not spoken of: {report:#}"));
        assert_eq!(file["status"], "read", "{name}, {variant}");
        assert_eq!(file["withheld"].as_array().map(Vec::len), Some(0), "{name}, {variant}");
        assert_eq!(found(file), expect.map(places), "{name}, {variant}");
        let own = file["diff"].as_str().unwrap();
        assert_eq!(replayed(own, before), *after, "{name}, {variant}");
        parts.push_str(own);
        // Line ends, mark and end are those of the file.
        let ends = if *variant == "crlf" { after.matches('\n').count() } else { 0 };
        assert_eq!(after.matches("\r\n").count(), ends, "{name}, {variant}");
        assert_eq!(after.matches('\r').count(), ends, "{name}, {variant}");
        assert_eq!(after.matches('\u{feff}').count(), usize::from(*variant == "mark"), "{name}");
        assert_eq!(after.starts_with('\u{feff}'), *variant == "mark", "{name}, {variant}");
        assert_eq!(after.ends_with('\n'), *variant != "open", "{name}, {variant}");
    }
    assert_eq!(parts.len(), diff.len(), "{name}: the files' diffs are the whole");
    // The variants stay each other's.
    for ((variant, make), text) in VARIANTS.iter().zip(&after) {
        assert!(*text == make(&after[0]), "{name}, {variant}: other changes\n{text}");
    }

    let again = stage.run(&[&args[..], &["--format", "diff"]].concat());
    assert!(again.status.success(), "{name}: {}", said(&again));
    assert_eq!(String::from_utf8_lossy(&again.stdout), "", "{name}: a second time");
}

/// The lines at which each pattern was mended (`+`) or spoken of.
fn found(file: &Value) -> [BTreeSet<String>; 5] {
    PATTERNS.map(|pattern| {
        [("changes", "+"), ("suggestions", "")]
            .into_iter()
            .flat_map(|(list, sign)| {
                file[list].as_array().unwrap().iter().map(move |one| (one, sign))
            })
            .filter(|(one, _)| one["rule"] == pattern)
            .map(|(one, sign)| format!("{sign}{}", one["line"]))
            .collect()
    })
}

fn places(words: &str) -> BTreeSet<String> {
    words.split(' ').map(str::to_owned).collect()
}

/// What a diff makes of a text, by the letter: what it keeps and takes away must stand
/// there to the byte, and what it does not speak of is copied. No line is taken away
/// only to come back.
fn replayed(diff: &str, before: &str) -> String {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let mut out = String::new();
    let mut at = 0;
    let mut taken: Vec<&str> = Vec::new();
    let mut given: Vec<&str> = Vec::new();
    let lines: Vec<&str> = diff.split_inclusive('\n').collect();
    let head = lines.iter().position(|line| line.starts_with("@@")).expect("a hunk");
    for (place, line) in lines.iter().enumerate().skip(head) {
        // The line before has no end.
        let bare = lines.get(place + 1).is_some_and(|next| next.starts_with('\\'));
        let (sign, rest) = line.split_at(1);
        let rest = if bare { rest.strip_suffix('\n').unwrap() } else { rest };
        if sign != "-" && sign != "+" {
            let back = taken.iter().find(|line| given.contains(line));
            assert!(back.is_none(), "{back:?} goes and comes\n{diff}");
            taken.clear();
            given.clear();
        }
        match sign {
            "@" => {
                let start = line.split(['-', ',', ' ']).nth(2).unwrap().parse::<usize>().unwrap();
                out.push_str(&old[at..start - 1].concat());
                at = start - 1;
            }
            " " | "-" => {
                assert_eq!(old[at], rest, "line {}\n{diff}", at + 1);
                at += 1;
                if sign == " " {
                    out.push_str(rest);
                } else {
                    taken.push(rest);
                }
            }
            "+" => {
                out.push_str(rest);
                given.push(rest);
            }
            "\\" => {}
            other => panic!("`{other}` in a diff\n{diff}"),
        }
    }
    out.push_str(&old[at..].concat());
    out
}

#[track_caller]
fn run(program: &str, args: &[&str], stage: &Stage) -> String {
    let output: Output =
        Command::new(program).args(args).current_dir(stage.0.path()).output().expect(program);
    assert!(output.status.success(), "{program} {args:?}: {}", said(&output));
    said(&output)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
