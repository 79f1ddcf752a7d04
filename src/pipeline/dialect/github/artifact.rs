//! Artifacts: what is uploaded under a name, and what is downloaded by name, by
//! pattern, or all of it.

use crate::pipeline::graph::{Access, Job, Pipeline, Resource, Span, Use};

/// Adds what a step with an artifact action leaves or reads. A download from another
/// run reads nothing of this one.
pub(super) fn note(uses: &Use, job: &mut Job) {
    let input = |name: &str| {
        let found = uses.inputs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, at)| (at.value.clone(), at.span)).filter(|(text, _)| !text.is_empty())
    };
    let access = |(name, span): (String, Span)| Access { what: Resource::Artifact(name), span };
    match uses.name.to_ascii_lowercase().as_str() {
        "actions/upload-artifact" | "actions/upload-artifact/merge" => {
            if uses.name.ends_with("/merge") {
                let read = input("pattern").unwrap_or((String::new(), uses.span));
                job.reads.push(access(read));
            }
            let default =
                if uses.name.ends_with("/merge") { "merged-artifacts" } else { "artifact" };
            let name = input("name").unwrap_or((default.to_owned(), uses.span));
            // A file that is not packed goes by its own name.
            let bare = input("archive").is_some_and(|(text, _)| text == "false");
            let name = match input("path").filter(|_| bare) {
                Some((path, span)) => {
                    let path = path.trim();
                    (path.rsplit(['/', '\\']).next().unwrap_or(path).to_owned(), span)
                }
                None => name,
            };
            job.writes.push(access(name));
        }
        "actions/upload-pages-artifact" => {
            let name = input("name").unwrap_or(("github-pages".to_owned(), uses.span));
            job.writes.push(access(name));
        }
        "actions/deploy-pages" => {
            let name = input("artifact_name").unwrap_or(("github-pages".to_owned(), uses.span));
            job.reads.push(access(name));
        }
        "actions/download-artifact" => {
            let elsewhere =
                |name: &str, own: &str| input(name).is_some_and(|(text, _)| !text.contains(own));
            if elsewhere("run-id", "github.run_id") || elsewhere("repository", "github.repository")
            {
                return;
            }
            let what = input("name").or_else(|| input("pattern"));
            job.reads.push(access(what.unwrap_or((String::new(), uses.span))));
        }
        // By itself it looks into the last run of another workflow.
        "dawidd6/action-download-artifact"
            if input("run_id").is_some_and(|(text, _)| text.contains("github.run_id")) =>
        {
            job.reads.push(access(input("name").unwrap_or((String::new(), uses.span))));
        }
        _ => {}
    }
}

/// Adds to each read by pattern or expression the names it may stand for, so that
/// readers need no patterns to find who wrote what.
pub(super) fn link(pipeline: &mut Pipeline) {
    let mut written: Vec<String> = Vec::new();
    for job in &pipeline.jobs {
        for access in &job.writes {
            if let Resource::Artifact(name) = &access.what {
                written.push(name.clone());
            }
        }
    }
    written.sort();
    written.dedup();
    for job in &mut pipeline.jobs {
        let mut more = Vec::new();
        for access in &job.reads {
            let Resource::Artifact(name) = &access.what else { continue };
            let read = pieces(name);
            if name.is_empty() || (read.len() < 2 && written.binary_search(name).is_ok()) {
                continue;
            }
            for other in &written {
                if other != name && may_meet(&read, &pieces(other)) {
                    let what = Resource::Artifact(other.clone());
                    more.push(Access { what, span: access.span });
                }
            }
        }
        for access in more {
            if !job.reads.iter().any(|known| known.what == access.what) {
                job.reads.push(access);
            }
        }
    }
}

/// The fixed parts of a name, split where an expression or a wildcard stands.
fn pieces(name: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = name;
    loop {
        let expression = rest.find("${{");
        let wildcard = rest.find(['*', '?', '[', '{', '+', '@', '!']);
        match (expression, wildcard) {
            (Some(at), other) if other.is_none_or(|other| at <= other + 1) => {
                pieces.push(rest.get(..at).unwrap_or_default());
                let end = rest.get(at..).and_then(|tail| tail.find("}}"));
                rest = end.and_then(|end| rest.get(at + end + 2..)).unwrap_or_default();
            }
            (_, Some(at)) => {
                pieces.push(rest.get(..at).unwrap_or_default());
                rest = rest.get(at + 1..).unwrap_or_default();
            }
            _ => {
                pieces.push(rest);
                return pieces;
            }
        }
    }
}

/// Whether two names with gaps can be the same. Only their beginnings and ends are
/// compared: what lies between may be anything.
fn may_meet(a: &[&str], b: &[&str]) -> bool {
    if a.len() == 1 && b.len() == 1 {
        return a == b;
    }
    let agree = |x: Option<&&str>, y: Option<&&str>, at_end: bool| match (x, y) {
        (Some(x), Some(y)) if at_end => x.ends_with(y) || y.ends_with(x),
        (Some(x), Some(y)) => x.starts_with(y) || y.starts_with(x),
        _ => true,
    };
    agree(a.first(), b.first(), false) && agree(a.last(), b.last(), true)
}
