//! What a request may say of a deployment: names and a time, in a safe alphabet.
//!
//! They fill `$service`, `$version` and their like in the spec's queries. A letter
//! that ends a label's value, a path or a tag in any of the languages that queries are
//! written in does not come through, whatever the query does with it.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::answer::Refusal;
use crate::decide::Spec;
use crate::inputs::nearest;

/// Longest name.
const LONGEST: usize = 128;
/// What a request may say.
pub const NAMES: &[&str] = &["service", "version", "previous", "id", "started_at", "since"];
/// Longest time since, in milliseconds.
const LONGEST_SINCE: i64 = 31 * 86_400_000;
/// 2000-01-01 and 2100-01-01, in milliseconds: between them a deployment begins.
const SENSIBLE: std::ops::Range<i64> = 946_684_800_000..4_102_444_800_000;

/// What was said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params {
    /// Which service.
    pub service: Option<String>,
    /// Its new version.
    pub version: Option<String>,
    /// The one before.
    pub previous: Option<String>,
    /// The deployment's name.
    pub id: Option<String>,
    /// When the new version began to run, in milliseconds since 1970.
    pub started_at: Option<i64>,
}

impl Params {
    /// Read names and values; an empty value says nothing.
    ///
    /// # Errors
    /// A name that is none, or a value that is not safe.
    pub fn read<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Refusal> {
        let mut params = Params::default();
        for (name, value) in pairs {
            params.set(name, value)?;
        }
        Ok(params)
    }

    /// Read an object.
    ///
    /// # Errors
    /// As [`Params::read`], or a value is no text.
    pub fn of_object(object: &Map<String, Value>) -> Result<Self, Refusal> {
        let mut params = Params::default();
        for (name, value) in object {
            match value {
                Value::String(text) => params.set(name, text)?,
                Value::Null => params.set(name, "")?,
                _ => return Err(Refusal::wrong(format!("`{}` must be a text", short(name)))),
            }
        }
        Ok(params)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let value = value.trim();
        let place = match name {
            "service" => &mut self.service,
            "version" => &mut self.version,
            "previous" => &mut self.previous,
            "id" => &mut self.id,
            "started_at" if value.is_empty() => return Ok(()),
            "started_at" => {
                self.started_at = Some(time(value)?);
                return Ok(());
            }
            "since" if value.is_empty() => return Ok(()),
            "since" => {
                self.started_at = Some(Timestamp::now().as_millisecond() - since(value)?);
                return Ok(());
            }
            _ => {
                let hint = nearest(name, NAMES.iter().copied())
                    .map(|near| format!(": did you mean `{near}`?"))
                    .unwrap_or_else(|| format!(": it takes {}", NAMES.join(", ")));
                return Err(Refusal::wrong(format!("`{}` is unknown{hint}", short(name))));
            }
        };
        if value.is_empty() {
            return Ok(());
        }
        if !is_safe(value) {
            return Err(Refusal::wrong(format!(
                "`{name}` must be up to {LONGEST} letters, digits, `.`, `_`, `+` and `-`, the first a letter or digit"
            )));
        }
        *place = Some(value.to_owned());
        Ok(())
    }

    /// Put what was said into a spec.
    pub fn fill(&self, spec: &mut Spec) {
        let deployment = &mut spec.deployment;
        if let Some(service) = &self.service {
            spec.service.clone_from(service);
        }
        for (said, place) in [
            (&self.version, &mut deployment.version),
            (&self.previous, &mut deployment.previous),
            (&self.id, &mut deployment.id),
        ] {
            if said.is_some() {
                place.clone_from(said);
            }
        }
        if self.started_at.is_some() {
            deployment.started_at = self.started_at;
        }
    }

    /// Put in only what the spec does not say itself: what a host's payload implies
    /// is weaker than what the spec's author wrote.
    pub fn fill_gaps(mut self, spec: &mut Spec) {
        let deployment = &spec.deployment;
        self.service = None;
        if deployment.version.is_some() {
            self.version = None;
        }
        if deployment.previous.is_some() {
            self.previous = None;
        }
        if deployment.id.is_some() {
            self.id = None;
        }
        if deployment.started_at.is_some() {
            self.started_at = None;
        }
        self.fill(spec);
    }
}

/// Whether a value may stand in a query.
pub fn is_safe(value: &str) -> bool {
    value.len() <= LONGEST
        && value.starts_with(|c: char| c.is_ascii_alphanumeric())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "._+-".contains(c))
}

fn time(value: &str) -> Result<i64, Refusal> {
    let at = value.parse::<Timestamp>().ok().map(Timestamp::as_millisecond);
    at.filter(|at| SENSIBLE.contains(at))
        .ok_or_else(|| Refusal::wrong("`started_at` must be a time such as 2026-01-01T10:00:00Z"))
}

/// `90s`, `10m`, `2h`, `1d`, in milliseconds: for who knows only how long ago it was.
fn since(value: &str) -> Result<i64, Refusal> {
    let unit = |unit: &str| match unit {
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (number, rest) = value.split_at(end);
    let length = number.parse::<i64>().ok().zip(unit(rest));
    let length = length.and_then(|(number, unit)| number.checked_mul(unit));
    length
        .filter(|length| *length <= LONGEST_SINCE)
        .ok_or_else(|| Refusal::wrong("`since` must be a time such as 90s, 10m, 2h or 1d"))
}

/// A name from outside, for a message.
fn short(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_graphic() && *c != '`').take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_safe_alphabet_comes_through() {
        let cases = [
            ("1.8.0", true),
            ("v1.8.0-rc.1+build_7", true),
            ("0123456789abcdef0123456789abcdef01234567", true),
            ("checkout", true),
            ("", false),
            ("-rf", false),
            (".", false),
            ("..", false),
            ("../x", false),
            ("a/b", false),
            ("1.8\"} or vector(1) or {a=\"", false),
            ("a b", false),
            ("a\nb", false),
            ("a,env:prod", false),
            ("*", false),
            ("a|b", false),
            ("a{b}", false),
            ("$previous", false),
            ("a\\", false),
            ("é", false),
            ("a\u{202e}b", false),
        ];
        for (value, safe) in cases {
            assert_eq!(is_safe(value), safe, "{value:?}");
        }
        assert!(!is_safe(&"a".repeat(LONGEST + 1)));
    }

    #[test]
    fn unknown_names_and_wrong_times_are_refused() {
        let why = |name, value| Params::read([(name, value)]).unwrap_err().why;
        assert!(why("verison", "1").contains("did you mean `version`"), "{}", why("verison", "1"));
        assert!(why("query", "up").contains("is unknown"));
        assert!(why("started_at", "yesterday").contains("must be a time"));
        assert!(why("started_at", "0001-01-01T00:00:00Z").contains("must be a time"));
        let cases = [
            ("90s", Some(90_000)),
            ("10m", Some(600_000)),
            ("1d", Some(86_400_000)),
            ("32d", None),
            ("10", None),
            ("m", None),
            ("-1m", None),
            ("9223372036854775807d", None),
        ];
        for (text, expect) in cases {
            assert_eq!(since(text).ok(), expect, "{text}");
        }
        let read = Params::read([("started_at", "2026-01-01T10:00:00+02:00"), ("version", "")]);
        let expect = Params { started_at: Some(1_767_254_400_000), ..Params::default() };
        assert_eq!(read.unwrap(), expect);
        let object = serde_json::json!({"version": 3});
        assert!(Params::of_object(object.as_object().unwrap()).is_err(), "a number is no text");
    }

    #[test]
    fn what_a_payload_implies_is_weaker_than_the_spec() {
        let mut spec = Spec { service: "cart".into(), ..Spec::default() };
        spec.deployment.version = Some("1".into());
        let said = Params::read([("service", "x"), ("version", "2"), ("id", "d")]).unwrap();
        said.clone().fill_gaps(&mut spec);
        assert_eq!(spec.service, "cart");
        assert_eq!(spec.deployment.version.as_deref(), Some("1"));
        assert_eq!(spec.deployment.id.as_deref(), Some("d"));
        said.fill(&mut spec);
        assert_eq!(spec.service, "x");
        assert_eq!(spec.deployment.version.as_deref(), Some("2"));
    }
}
