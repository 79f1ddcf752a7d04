//! From the parts to what the report says of the asking.

use super::Part;
use crate::diff::pack::Pack;
use crate::finding::Finding;
use crate::model::budget::Cap;
use crate::model::converse::End;
use crate::report::{Dropped, Usage};

/// What came back.
#[derive(Debug, Default)]
pub struct Asked {
    /// What stands on its line and was not refuted, in the order of the parts.
    pub findings: Vec<Finding>,
    /// What did not hold.
    pub dropped: Vec<Dropped>,
    /// What the parts do, in the model's words, in their order.
    pub summaries: Vec<String>,
    /// Parts that were read to the end.
    pub read: Vec<Pack>,
    /// Parts that were not, with the reason.
    pub unread: Vec<(Pack, String)>,
    /// Tokens and cost.
    pub usage: Usage,
    /// What the reader has to know, one sentence each.
    pub notes: Vec<String>,
    /// Why the model could not answer some part, if a failure (not a cap) was the cause.
    pub failure: Option<String>,
    /// Whether a cap ended the asking.
    pub capped: bool,
}

/// Put the parts together, in their order. `model` is who was to be asked.
pub fn gather(model: &str, mut parts: Vec<Part>, price_known: bool) -> Asked {
    parts.sort_by_key(|part| part.order);
    let mut asked = Asked::default();
    let (mut malformed, mut refused, mut rejected, mut left_out, mut unjudged) = (0, 0, 0, 0, 0);
    let mut caps: Vec<Cap> = Vec::new();
    let mut others: Vec<String> = Vec::new();
    for part in parts {
        asked.usage += part.usage;
        asked.summaries.extend(part.summaries);
        asked.findings.extend(part.findings);
        asked.dropped.extend(part.dropped);
        rejected += part.rejected;
        left_out += part.left_out.len();
        unjudged += part.unjudged;
        if part.model != model && !others.contains(&part.model) {
            others.push(part.model);
        }
        match &part.end {
            End::Answered if part.halved => {}
            End::Answered => asked.read.push(part.pack),
            end => {
                match end {
                    End::Malformed(_) => malformed += 1,
                    End::Refused => refused += 1,
                    End::CapReached(cap) => caps.push(*cap),
                    _ => {}
                }
                if let Some(failure) = failure_of(end) {
                    asked.failure.get_or_insert(failure);
                }
                asked.unread.push((part.pack, reason_of(end)));
            }
        }
    }
    asked.capped = !caps.is_empty();
    caps.sort_unstable();
    caps.dedup();
    asked.notes.extend(caps.into_iter().map(cap_note));
    for other in others {
        asked.notes.push(format!("{model} could not answer everything; {other} read the rest."));
    }
    let mut count = |number: usize, one: &str, many: &str| match number {
        0 => {}
        1 => asked.notes.push(format!("One {one}")),
        _ => asked.notes.push(format!("{number} {many}")),
    };
    count(
        malformed,
        "answer of the model could not be read, even after asking it to mend it; it was dropped.",
        "answers of the model could not be read, even after asking it to mend them; they were dropped.",
    );
    count(
        refused,
        "part of the change was declined by the model.",
        "parts of the change were declined by the model.",
    );
    count(
        rejected,
        "finding in the model's answers was unreadable and was dropped.",
        "findings in the model's answers were unreadable and were dropped.",
    );
    count(
        left_out,
        "closer look at a part was left out for want of money, tokens or time.",
        "closer looks at parts were left out for want of money, tokens or time.",
    );
    count(
        unjudged,
        "finding had no second look that tried to refute it.",
        "findings had no second look that tried to refute them.",
    );
    // A command may report its cost itself.
    if !price_known && asked.usage.cost_usd == 0.0 {
        asked.notes.push(format!(
            "The price of {model} is not known: its cost is not counted, and `max_cost_usd` could not be held."
        ));
    }
    asked
}

fn cap_note(cap: Cap) -> String {
    format!(
        "`{}` was reached: what the model had not read by then is listed as skipped.",
        cap.input()
    )
}

/// Why a part was not read, as the list of skipped files says it.
fn reason_of(end: &End) -> String {
    match end {
        End::Answered => String::new(),
        End::CapReached(cap) => format!("beyond {}", cap.input()),
        End::Refused => "declined by the model".into(),
        End::Malformed(_) => "the model's answer could not be read".into(),
        End::Split | End::TooLong => "too long for the model".into(),
        End::Unavailable(_) | End::Denied(_) | End::Rejected(_) => {
            "the model could not answer".into()
        }
    }
}

/// What failed, if it is a failure that exit code 4 stands for.
pub(super) fn failure_of(end: &End) -> Option<String> {
    match end {
        End::Answered | End::CapReached(_) => None,
        End::Refused => Some("the model declined to answer".into()),
        End::Malformed(why) => Some(format!("the model's answer could not be read: {why}")),
        End::Split | End::TooLong => Some("a part of the change is too long for the model".into()),
        End::Unavailable(why) | End::Denied(why) | End::Rejected(why) => Some(why.clone()),
    }
}
