//! Check runs. Annotations go in batches of 50, and every batch adds to those
//! that are there: so what is there is looked up before one is sent again.

use std::collections::HashMap;

use futures_util::future::BoxFuture;
use octocrab::params::checks::{
    CheckRunConclusion, CheckRunOutput, CheckRunOutputAnnotation, CheckRunOutputAnnotationLevel,
    CheckRunStatus,
};
use serde::Serialize;

use super::api::{Api, forge_error};
use super::writes::{cut, outcome_unknown, post};
use super::{CHECK_NAME, talk, wire};
use crate::finding::Severity;
use crate::forge::{Annotation, Applied, CheckContent, Conclusion, Result};
use crate::http::{Method, Repeat};

/// Most annotations of one call.
const BATCH: usize = 50;

/// Most characters of a title.
const MOST_TITLE: usize = 255;

/// Most bytes of a summary or a message.
const MOST_TEXT: usize = 65_000;

/// <https://docs.github.com/rest/checks/runs#create-a-check-run>
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head_sha: Option<&'a str>,
    external_id: &'a str,
    status: CheckRunStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    conclusion: Option<CheckRunConclusion>,
    output: CheckRunOutput,
}

fn body<'a>(
    head: Option<&'a str>,
    check: &'a CheckContent,
    batch: &[&Annotation],
    last: bool,
) -> Body<'a> {
    let conclusion = match check.conclusion {
        Conclusion::Success => CheckRunConclusion::Success,
        Conclusion::Failure => CheckRunConclusion::Failure,
        Conclusion::Neutral => CheckRunConclusion::Neutral,
    };
    Body {
        name: head.map(|_| CHECK_NAME),
        head_sha: head,
        external_id: &check.external_id,
        status: if last { CheckRunStatus::Completed } else { CheckRunStatus::InProgress },
        conclusion: last.then_some(conclusion),
        output: CheckRunOutput {
            title: cut(&check.title, MOST_TITLE),
            summary: cut_bytes(&check.summary, MOST_TEXT),
            text: None,
            annotations: batch.iter().map(|annotation| wire_annotation(annotation)).collect(),
            images: Vec::new(),
        },
    }
}

fn wire_annotation(annotation: &Annotation) -> CheckRunOutputAnnotation {
    let level = match annotation.severity {
        Severity::Critical | Severity::High => CheckRunOutputAnnotationLevel::Failure,
        Severity::Medium => CheckRunOutputAnnotationLevel::Warning,
        Severity::Low | Severity::Info => CheckRunOutputAnnotationLevel::Notice,
    };
    CheckRunOutputAnnotation {
        path: annotation.path.clone(),
        start_line: annotation.start_line,
        end_line: annotation.end_line.max(annotation.start_line),
        start_column: None,
        end_column: None,
        annotation_level: level,
        message: cut_bytes(&annotation.message, MOST_TEXT),
        title: Some(cut(&annotation.title, MOST_TITLE)),
        raw_details: None,
    }
}

fn cut_bytes(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most - '…'.len_utf8();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

pub(super) async fn create(api: &Api, head: &str, check: &CheckContent) -> Result<Applied> {
    let path = api.path("check-runs");
    let first: Vec<&Annotation> = check.annotations.iter().take(BATCH).collect();
    let last = first.len() == check.annotations.len();
    let look = || -> BoxFuture<'_, Result<Option<u64>>> {
        Box::pin(async move {
            let checks = talk::checks(api, head).await?;
            Ok(checks.into_iter().find(|c| c.external_id == check.external_id).map(|c| c.id))
        })
    };
    let id = post(api, &path, &body(Some(head), check, &first, last), look).await?;
    if !last {
        fill(api, id, check, There::of(&first)).await?;
    }
    Ok(Applied::Done { id: Some(id) })
}

pub(super) async fn update(api: &Api, id: u64, check: &CheckContent) -> Result<Applied> {
    let there =
        if check.annotations.is_empty() { There::default() } else { There::list(api, id).await? };
    fill(api, id, check, there).await?;
    Ok(Applied::Done { id: Some(id) })
}

/// Send what is not there yet, and the conclusion with the last of it.
async fn fill(api: &Api, id: u64, check: &CheckContent, mut there: There) -> Result<()> {
    let path = api.path(&format!("check-runs/{id}"));
    let mut failures = 0;
    loop {
        let missing = there.missing(&check.annotations);
        let last = missing.len() <= BATCH;
        let batch = &missing[..missing.len().min(BATCH)];
        let body = body(None, check, batch, last);
        let sent =
            api.write::<wire::Made>(Method::PATCH, &path, &body, Repeat::OnlyUnprocessed).await;
        match sent {
            Ok(_) if last => return Ok(()),
            Ok(_) => there.add(batch),
            Err(error) if outcome_unknown(&error) => {
                failures += 1;
                if !api.back_off(failures).await {
                    return Err(forge_error(error, true));
                }
                there = There::list(api, id).await?;
            }
            Err(error) => return Err(forge_error(error, true)),
        }
    }
}

/// How often each annotation is on the check already.
#[derive(Default)]
struct There(HashMap<(String, u32, String), usize>);

impl There {
    fn of(annotations: &[&Annotation]) -> Self {
        let mut there = There::default();
        there.add(annotations);
        there
    }

    async fn list(api: &Api, id: u64) -> Result<Self> {
        let path = api.path(&format!("check-runs/{id}/annotations"));
        let mut there = There::default();
        let listed: Vec<wire::Annotation> = api.pages(&path, None, 100, |one| one).await?;
        for one in listed {
            let key = (one.path, one.start_line, one.message.unwrap_or_default());
            *there.0.entry(key).or_default() += 1;
        }
        Ok(there)
    }

    fn add(&mut self, annotations: &[&Annotation]) {
        for annotation in annotations {
            *self.0.entry(key(annotation)).or_default() += 1;
        }
    }

    fn missing<'a>(&self, annotations: &'a [Annotation]) -> Vec<&'a Annotation> {
        let mut left = self.0.clone();
        annotations
            .iter()
            .filter(|annotation| match left.get_mut(&key(annotation)) {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    false
                }
                _ => true,
            })
            .collect()
    }
}

fn key(annotation: &Annotation) -> (String, u32, String) {
    let message = cut_bytes(&annotation.message, MOST_TEXT);
    (annotation.path.clone(), annotation.start_line, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotation(line: u32) -> Annotation {
        Annotation {
            path: "a".into(),
            start_line: line,
            end_line: line,
            severity: Severity::Low,
            title: "t".into(),
            message: "m".into(),
        }
    }

    #[test]
    fn only_what_is_not_there_is_missing_and_equal_ones_count() {
        let all = [annotation(1), annotation(1), annotation(2)];
        let there = There::of(&[&annotation(1)]);
        let lines: Vec<u32> = there.missing(&all).iter().map(|a| a.start_line).collect();
        assert_eq!(lines, [1, 2]);
        assert!(There::of(&[&all[0], &all[1], &all[2]]).missing(&all).is_empty());
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut_bytes("aä", 3), "aä");
        assert_eq!(cut_bytes("äää", 5), "ä…");
    }
}
