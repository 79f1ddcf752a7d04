//! What a validator reports, in words: of several branches the one that was meant.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value as Json;

use super::load::Schema;

/// An error in words.
pub(super) struct Said {
    /// Where, as a JSON pointer; of an unknown key, the key's.
    pub pointer: String,
    /// The schema's keyword.
    pub keyword: String,
    /// What it names: the unknown key, the missing one, the type asked for.
    pub detail: String,
    /// All of it, as a sentence without its full stop.
    pub message: String,
}

/// Says an error: where it comes of several branches, everything that the branch
/// says that was meant.
pub(super) fn of(schema: &Schema, error: &ValidationError<'_>) -> Vec<Said> {
    let mut out = Vec::new();
    branches(schema, error, &mut out);
    out
}

fn say(schema: &Schema, meant: &ValidationError<'_>) -> Said {
    let pointer = meant.instance_path().to_string();
    let subject = subject(&pointer);
    let value = meant.instance();
    let mut said = Said {
        keyword: meant.kind().keyword().to_owned(),
        detail: String::new(),
        message: String::new(),
        pointer,
    };
    said.message = match meant.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            unknown(schema, &mut said, unexpected, &subject)
        }
        Kind::Required { property } => {
            let property = property.as_str().unwrap_or_default();
            property.clone_into(&mut said.detail);
            format!("{subject} lacks `{property}`")
        }
        Kind::Type { kind } => {
            let wanted = kinds(kind).join(" or ");
            said.detail.clone_from(&wanted);
            format!("{subject} must be {wanted}, not {}", shape(value))
        }
        Kind::Enum { options } => {
            let options: Vec<String> = options
                .as_array()
                .into_iter()
                .flatten()
                .filter(|option| !option.is_null())
                .map(plain)
                .collect();
            said.detail = plain(value);
            let near = nearest(&said.detail, options.iter().map(String::as_str));
            let hint = near.map(|near| format!("; did you mean `{near}`")).unwrap_or_default();
            format!("{subject} must be one of {}, not {}{hint}", list(&options), shown(value))
        }
        Kind::Constant { expected_value } => {
            said.detail = plain(expected_value);
            format!("{subject} must be `{}`, not {}", said.detail, shown(value))
        }
        Kind::Pattern { pattern } => {
            pattern.clone_into(&mut said.detail);
            format!("{subject} may not be {}", shown(value))
        }
        Kind::MinItems { limit } => {
            format!("{subject} must have at least {}", many(*limit, "item", "items"))
        }
        Kind::MaxItems { limit } => {
            format!("{subject} may have at most {}", many(*limit, "item", "items"))
        }
        Kind::MinLength { .. } => format!("{subject} may not be empty"),
        Kind::MaxLength { limit } => {
            format!("{subject} may have at most {}", many(*limit, "character", "characters"))
        }
        Kind::MinProperties { limit } => {
            format!("{subject} must have at least {}", many(*limit, "entry", "entries"))
        }
        Kind::MaxProperties { limit } => {
            format!("{subject} may have at most {}", many(*limit, "entry", "entries"))
        }
        Kind::Minimum { limit } => format!("{subject} must be at least {limit}, not {value}"),
        Kind::Maximum { limit } => format!("{subject} must be at most {limit}, not {value}"),
        Kind::ExclusiveMinimum { limit } => {
            format!("{subject} must be more than {limit}, not {value}")
        }
        Kind::ExclusiveMaximum { limit } => {
            format!("{subject} must be less than {limit}, not {value}")
        }
        Kind::UniqueItems => format!("{subject} has the same item twice"),
        Kind::Not { schema } => not(&subject, schema, &mut said.detail),
        Kind::OneOfMultipleValid { .. }
            if ["uses", "run"].iter().all(|key| value.get(key).is_some()) =>
        {
            format!("{subject} has both `uses` and `run`")
        }
        Kind::OneOfMultipleValid { .. } => {
            format!("{subject} mixes forms that exclude each other")
        }
        Kind::FalseSchema => format!("{subject} may not stand here"),
        Kind::PropertyNames { .. } => format!("{subject} has a key of a form that is not allowed"),
        _ => format!("{subject} has a form that is not allowed"),
    };
    if said.message.is_empty() {
        said.message = format!("{subject} has a form that is not allowed");
    }
    said
}

/// Follows the branches that come nearest.
fn branches(schema: &Schema, error: &ValidationError<'_>, out: &mut Vec<Said>) {
    let (Kind::AnyOf { context } | Kind::OneOfNotValid { context }) = error.kind() else {
        out.push(say(schema, error));
        return;
    };
    let here = error.instance_path().as_str().len();
    if let Some(said) = together(error, context, here) {
        out.push(said);
        return;
    }
    if let Some(said) = unknown_kind(error, context, here) {
        out.push(said);
        return;
    }
    let best = context.iter().filter(|branch| !branch.is_empty()).min_by_key(|branch| {
        let (at, below) =
            branch.iter().fold((0, 0), |(at, below), error| match distance(error, here) {
                0 => (at, below + 1),
                far => (at + far, below),
            });
        at + below.min(9)
    });
    match best {
        Some(branch) => {
            let keys = demanded(context, here);
            let missing = |error: &ValidationError<'_>| {
                matches!(error.kind(), Kind::Required { .. })
                    && error.instance_path().as_str().len() == here
            };
            let slip = branch.iter().any(|error| match error.kind() {
                Kind::AdditionalProperties { unexpected } => unexpected
                    .iter()
                    .any(|name| nearest(name, keys.iter().map(String::as_str)).is_some()),
                _ => false,
            });
            for error in branch {
                // The key that is missing is there, misspelled.
                if missing(error) && slip {
                    continue;
                }
                // Which key is missing depends on what was meant.
                if missing(error) && keys.len() > 1 {
                    let pointer = error.instance_path().to_string();
                    let wanted = list(&keys);
                    let message = format!("{} lacks one of {wanted}", subject(&pointer));
                    let keyword = "required".to_owned();
                    out.push(Said { pointer, keyword, detail: wanted, message });
                } else {
                    branches(schema, error, out);
                }
            }
        }
        None => out.push(say(schema, error)),
    }
}

/// The keys that branches ask for, where each of them lacks one.
fn demanded(context: &[Vec<ValidationError<'_>>], here: usize) -> Vec<String> {
    let mut keys = Vec::new();
    for branch in context {
        if branch.iter().any(|error| distance(error, here) == OTHER_KIND) {
            continue;
        }
        let key = branch.iter().find_map(|error| match error.kind() {
            Kind::Required { property } if error.instance_path().as_str().len() == here => {
                Some(plain(property))
            }
            Kind::Type { .. } if error.instance_path().as_str().len() == here => {
                Some(String::new())
            }
            _ => None,
        });
        match key {
            Some(key) if !key.is_empty() => keys.push(key),
            Some(_) => {}
            None => return Vec::new(),
        }
    }
    keys.sort();
    keys.dedup();
    keys
}

/// Where every branch is for another `type`, and none for the one that is written.
fn unknown_kind(
    error: &ValidationError<'_>,
    context: &[Vec<ValidationError<'_>>],
    here: usize,
) -> Option<Said> {
    let written = error.instance().get("type")?.as_str()?;
    let mut known: Vec<String> = Vec::new();
    for branch in context {
        let kind = branch.iter().find(|error| {
            error.instance_path().as_str().get(here..) == Some("/type")
                && matches!(error.kind(), Kind::Enum { .. })
        });
        match kind.map(ValidationError::kind) {
            Some(Kind::Enum { options }) => {
                let options = options.as_array().into_iter().flatten();
                known.extend(options.filter_map(Json::as_str).map(str::to_owned));
            }
            // A link to a template stands for any type.
            _ if branch.iter().any(|error| distance(error, here) > 0) => {}
            _ => return None,
        }
    }
    known.sort();
    known.dedup();
    if known.len() < 2 || known.iter().any(|kind| kind == written) {
        return None;
    }
    let near = nearest(written, known.iter().map(String::as_str));
    let hint = near.map(|near| format!("; did you mean `{near}`")).unwrap_or_default();
    let among = if known.len() <= 12 { format!(" ({})", list(&known)) } else { String::new() };
    Some(Said {
        pointer: format!("{}/type", error.instance_path()),
        keyword: "enum".to_owned(),
        detail: written.to_owned(),
        message: format!("`{written}` is none of the types that may stand here{among}{hint}"),
    })
}

/// What all branches ask for at once: other types, or one of several keys.
fn together(
    error: &ValidationError<'_>,
    context: &[Vec<ValidationError<'_>>],
    here: usize,
) -> Option<Said> {
    let pointer = error.instance_path().to_string();
    let subject = subject(&pointer);
    let mut types: Vec<&str> = Vec::new();
    let mut keys: Vec<String> = Vec::new();
    for branch in context {
        let at_here = |error: &&ValidationError<'_>| error.instance_path().as_str().len() == here;
        if let Some(kind) = branch.iter().filter(at_here).find_map(|error| match error.kind() {
            Kind::Type { kind } => Some(kind),
            _ => None,
        }) {
            types.extend(kinds(kind));
        } else if let [only] = branch.as_slice()
            && at_here(&only)
            && matches!(only.kind(), Kind::Pattern { pattern } if is_expression(pattern))
        {
            // Whatever else is asked for, an expression may always stand there.
        } else if let [only] = branch.as_slice()
            && at_here(&only)
            && let Kind::Required { property } = only.kind()
        {
            keys.push(plain(property));
        } else {
            return None;
        }
    }
    types.dedup();
    let mut unique: Vec<&str> = Vec::new();
    for kind in types {
        if !unique.contains(&kind) {
            unique.push(kind);
        }
    }
    keys.sort();
    keys.dedup();
    if keys.is_empty() && !unique.is_empty() {
        let wanted = unique.join(" or ");
        let message = format!("{subject} must be {wanted}, not {}", shape(error.instance()));
        return Some(Said { pointer, keyword: "type".to_owned(), detail: wanted, message });
    }
    let mapping = error.instance().is_object();
    if mapping && !keys.is_empty() {
        let wanted = list(&keys);
        let several = if keys.len() == 1 { "" } else { "one of " };
        let message = format!("{subject} lacks {several}{wanted}");
        return Some(Said { pointer, keyword: "required".to_owned(), detail: wanted, message });
    }
    None
}

/// Whether a pattern is there to let an expression pass.
fn is_expression(pattern: &str) -> bool {
    ["${{", "\\$\\{\\{", "<\\+", "<+"].iter().any(|open| pattern.contains(open))
}

/// How far a branch is that is for something of another kind.
const OTHER_KIND: usize = 100;

/// How far from what was meant a branch's error shows it to be; 0 of an error below.
fn distance(error: &ValidationError<'_>, here: usize) -> usize {
    let path = error.instance_path().as_str();
    let below = path.get(here..).unwrap_or_default();
    if below.is_empty() {
        return match error.kind() {
            Kind::Type { .. } => 1000,
            Kind::Required { .. } => 40,
            Kind::AdditionalProperties { unexpected } => 10 + 10 * unexpected.len(),
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => context
                .iter()
                .map(|branch| branch.iter().map(|error| distance(error, here)).sum())
                .min()
                .unwrap_or(20),
            Kind::Not { .. } => 15,
            _ => 20,
        };
    }
    // What a key of its own says it is: `type: Run`, `task: Docker@2`.
    let names_kind = below.matches('/').count() == 1
        && matches!(error.kind(), Kind::Enum { .. } | Kind::Constant { .. })
        && matches!(below, "/type" | "/using" | "/when" | "/trigger");
    if names_kind { OTHER_KIND } else { 0 }
}

fn unknown(schema: &Schema, said: &mut Said, unexpected: &[String], subject: &str) -> String {
    let Some(first) = unexpected.first() else { return String::new() };
    said.detail = unexpected.join(",");
    said.pointer.push('/');
    said.pointer.push_str(&first.replace('~', "~0").replace('/', "~1"));
    let hint = nearest(first, schema.names.values().map(String::as_str))
        .filter(|near| near != first)
        .map(|near| format!("; did you mean `{near}`"))
        .unwrap_or_default();
    if unexpected.len() == 1 {
        format!("{subject} takes no key `{first}`{hint}")
    } else {
        format!("{subject} takes none of the keys {}{hint}", list(unexpected))
    }
}

fn not(subject: &str, schema: &Json, detail: &mut String) -> String {
    if let Some(Json::Array(keys)) = schema.get("required") {
        let keys: Vec<String> = keys.iter().map(plain).collect();
        *detail = keys.join(",");
        return match keys.as_slice() {
            [key] => format!("{subject} may not have `{key}` here"),
            _ => format!("{subject} may not have {} together", list(&keys)),
        };
    }
    format!("{subject} has a form that is not allowed")
}

/// What a message calls the place of a pointer.
fn subject(pointer: &str) -> String {
    let mut parts = pointer.rsplit('/').map(|part| part.replace("~1", "/").replace("~0", "~"));
    let last = parts.next().unwrap_or_default();
    if last.is_empty() {
        return "the file".to_owned();
    }
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if is_number(&last) {
        let item = last.parse::<usize>().map_or(last, |at| (at + 1).to_string());
        let of = parts.find(|part| !is_number(part)).filter(|part| !part.is_empty());
        return match of {
            Some(of) => format!("item {item} of `{of}`"),
            None => format!("item {item}"),
        };
    }
    format!("`{last}`")
}

fn kinds(kind: &TypeKind) -> Vec<&'static str> {
    let names = match kind {
        TypeKind::Single(kind) => vec![*kind],
        TypeKind::Multiple(kinds) => kinds.iter().collect(),
    };
    // The loosened schemas take null everywhere: nobody wants one.
    let null = names.len() > 1;
    names
        .into_iter()
        .filter(|kind| !null || *kind != JsonType::Null)
        .map(|kind| match kind {
            JsonType::Array => "a list",
            JsonType::Boolean => "`true` or `false`",
            JsonType::Integer => "a whole number",
            JsonType::Null => "empty",
            JsonType::Number => "a number",
            JsonType::Object => "a mapping",
            JsonType::String => "text",
        })
        .collect()
}

fn shape(value: &Json) -> &'static str {
    match value {
        Json::Null => "empty",
        Json::Bool(_) => "`true` or `false`",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "a mapping",
    }
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Object(_) | Json::Array(_) => shape(value).to_owned(),
        other => other.to_string(),
    }
}

/// A value in a message, cut where it is long.
fn shown(value: &Json) -> String {
    match value {
        Json::Null | Json::Array(_) | Json::Object(_) => shape(value).to_owned(),
        Json::String(text) if text.is_empty() => "empty".to_owned(),
        other => {
            let text = plain(other);
            let line = text.lines().next().unwrap_or_default();
            let cut: String = line.chars().take(60).collect();
            let more = if cut.len() < text.len() { "…" } else { "" };
            format!("`{cut}{more}`")
        }
    }
}

fn many(count: u64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

/// `` `a`, `b`, `c` ``, the first of them where there are many.
pub(super) fn list(names: &[String]) -> String {
    const MOST: usize = 12;
    let mut text =
        names.iter().take(MOST).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        text.push_str(", …");
    }
    text
}

/// The known name that is most like this one, if one is like it: at most a third of
/// its letters differ. Of equals the first by alphabet.
pub(in crate::pipeline) fn nearest<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let most = (name.chars().count() / 3).clamp(1, 3);
    known
        .filter(|other| other.len().abs_diff(name.len()) <= most)
        .map(|other| (edits(&lower, &other.to_lowercase()), other))
        .filter(|(edits, _)| *edits <= most)
        .min()
        .map(|(_, other)| other)
}

/// Letters to insert, remove, replace or swap with their neighbour, to turn one text
/// into the other (optimal string alignment).
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(from != to)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *from == b[j - 1] && a[i - 1] == *to {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}
