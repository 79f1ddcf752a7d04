//! What is done with every pipeline file, whatever its bytes: it is read, drawn,
//! checked and made better; what comes of it reads again and stays as it is.

use pipewright::pipeline::check::{all, check};
use pipewright::pipeline::convert::convert;
use pipewright::pipeline::draw::Drawing;
use pipewright::pipeline::optimize::optimize;
use pipewright::pipeline::prove::Gates;
use pipewright::pipeline::{Files, Outcome, Platform, lint, read, schema};

/// A checkout with the lockfiles that rules look for.
struct Locks(Vec<String>);

impl Files for Locks {
    fn paths(&self) -> &[String] {
        &self.0
    }

    fn read(&self, path: &str) -> Option<String> {
        path.ends_with("package.json").then(|| "{\"scripts\": {\"test\": \"jest\"}}".to_owned())
    }
}

/// Everything, for one platform.
pub fn whole(platform: Platform, data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut names = vec!["Cargo.lock", "package-lock.json", "package.json", "pom.xml", "go.sum"];
    names.sort_unstable();
    let files = Locks(names.into_iter().map(str::to_owned).collect());
    let path = platform.usual_path();
    let Outcome::Read(file) = read(platform, path, text, &files) else { return };
    for job in &file.pipeline.jobs {
        assert!(job.needs.iter().all(|need| need.job < file.pipeline.jobs.len()));
        if job.span.file == 0 {
            assert!(file.text.get(job.span.range()).is_some());
        }
    }
    let drawing = Drawing::of(&file.pipeline);
    let _ = (drawing.mermaid(), drawing.dot(), drawing.svg());
    let _ = (schema::problems(platform, path, &file.tree), lint::problems(&file));
    for found in check(&file, &all(), &files, None) {
        assert!(found.line >= 1 && found.end_line >= found.line);
    }
    let to = Platform::ALL[data.len() % Platform::ALL.len()];
    if to != platform {
        let _ = convert(&file, to, &files);
    }
    let made = optimize(file, &all(), &files, None, &Gates::usual());
    if made.changes.is_empty() {
        assert_eq!(made.after.text, text);
        return;
    }
    let again = match read(platform, path, &made.after.text, &files) {
        Outcome::Read(again) => again,
        other => panic!("what was proven does not read: {other:?}"),
    };
    assert_eq!(again.pipeline.jobs.len(), made.after.pipeline.jobs.len());
}
