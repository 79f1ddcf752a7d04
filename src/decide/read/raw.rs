//! The file as it stands, its points packed while they stream by: a spec of ten
//! thousand signals is never held as a tree.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::words;
use crate::decide::series::Point;

/// A spec before validation: all keys but signals as they stand.
#[derive(Debug, Default)]
pub struct Raw {
    /// Top-level keys in order, `signals` left out.
    pub fields: Vec<(String, Value)>,
    /// The signals; `None` where the key is missing.
    pub signals: Option<Vec<RawSignal>>,
    /// What cannot be read, with its path.
    pub problems: Vec<(String, String)>,
}

/// A signal before validation.
#[derive(Debug, Default)]
pub struct RawSignal {
    /// Its keys in order, `series` left out.
    pub fields: Vec<(String, Value)>,
    /// Its series by role, in order.
    pub series: Vec<(String, RawSeries)>,
}

/// A series with what its points were.
#[derive(Debug, Default)]
pub struct RawSeries {
    /// The points that have a time.
    pub points: Vec<Point>,
    /// How many carried `bad` or `total`.
    pub ratios: usize,
    /// How many carried `value`.
    pub values: usize,
    /// What is wrong with single points: index and why, the first few.
    pub wrong: Vec<(usize, String)>,
    /// How many are wrong.
    pub wrongs: usize,
}

/// Makes a visitor refuse every shape but its own by noting it.
macro_rules! refuse {
    ($($shape:ident: $type:ty),* => $make:expr) => {
        $(fn $shape<E>(self, _: $type) -> Result<Self::Value, E> { Ok($make(self)) })*
    };
}

macro_rules! refuse_scalars {
    ($make:expr) => {
        refuse!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str => $make);
    };
}

/// Reads a whole spec.
pub struct SpecSeed;

impl<'de> DeserializeSeed<'de> for SpecSeed {
    type Value = Raw;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Raw, D::Error> {
        from.deserialize_any(self)
    }
}

fn not_a_map() -> Raw {
    let why = "the spec must be a mapping with `service`, `deployment`, `signals`";
    Raw { problems: vec![(String::new(), why.to_owned())], ..Raw::default() }
}

impl<'de> Visitor<'de> for SpecSeed {
    type Value = Raw;

    fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str("a spec")
    }

    refuse_scalars!(|_| not_a_map());

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(not_a_map())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(not_a_map())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut raw = Raw::default();
        while let Some(key) = entries.next_key::<String>()? {
            if key == "signals" {
                raw.signals = Some(entries.next_value_seed(Signals(&mut raw.problems))?);
            } else {
                let value = entries.next_value::<Value>()?;
                raw.fields.retain(|(name, _)| *name != key);
                raw.fields.push((key, value));
            }
        }
        Ok(raw)
    }
}

/// The list of signals.
struct Signals<'p>(&'p mut Vec<(String, String)>);

impl Signals<'_> {
    fn wrong(self) -> Vec<RawSignal> {
        self.0.push(("signals".into(), "must be a list of signals".into()));
        Vec::new()
    }
}

impl<'de> DeserializeSeed<'de> for Signals<'_> {
    type Value = Vec<RawSignal>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Signals<'_> {
    type Value = Vec<RawSignal>;

    fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str("a list of signals")
    }

    refuse_scalars!(|this: Self| this.wrong());

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self.wrong())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut signals = Vec::new();
        loop {
            let path = format!("signals[{}]", signals.len());
            match items.next_element_seed(Signal { path, problems: self.0 })? {
                Some(signal) => signals.push(signal),
                None => return Ok(signals),
            }
        }
    }
}

/// A signal.
struct Signal<'p> {
    path: String,
    problems: &'p mut Vec<(String, String)>,
}

impl Signal<'_> {
    fn wrong(self) -> RawSignal {
        self.problems.push((self.path, "must be a mapping with `name`, `kind`, `series`".into()));
        RawSignal { fields: vec![("name".into(), Value::Null)], series: Vec::new() }
    }
}

impl<'de> DeserializeSeed<'de> for Signal<'_> {
    type Value = RawSignal;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Signal<'_> {
    type Value = RawSignal;

    fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str("a signal")
    }

    refuse_scalars!(|this: Self| this.wrong());

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(self.wrong())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.wrong())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut signal = RawSignal::default();
        while let Some(key) = entries.next_key::<String>()? {
            if key == "series" {
                let path = format!("{}.series", self.path);
                signal.series = entries.next_value_seed(Roles { path, problems: self.problems })?;
            } else {
                let value = entries.next_value::<Value>()?;
                signal.fields.retain(|(name, _)| *name != key);
                signal.fields.push((key, value));
            }
        }
        Ok(signal)
    }
}

/// Series by role.
struct Roles<'p> {
    path: String,
    problems: &'p mut Vec<(String, String)>,
}

impl Roles<'_> {
    fn wrong(self) -> Vec<(String, RawSeries)> {
        let why = "must be a mapping from `canary`, `baseline` … to lists of points";
        self.problems.push((self.path, why.into()));
        Vec::new()
    }
}

impl<'de> DeserializeSeed<'de> for Roles<'_> {
    type Value = Vec<(String, RawSeries)>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Roles<'_> {
    type Value = Vec<(String, RawSeries)>;

    fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str("series by role")
    }

    refuse_scalars!(|this: Self| this.wrong());

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.wrong())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut series: Vec<(String, RawSeries)> = Vec::new();
        while let Some(role) = entries.next_key::<String>()? {
            match entries.next_value_seed(Points)? {
                Some(points) => {
                    series.retain(|(name, _)| *name != role);
                    series.push((role, points));
                }
                None => {
                    let path = format!("{}.{role}", self.path);
                    self.problems.push((path, "must be a list of points".into()));
                }
            }
        }
        Ok(series)
    }
}

/// A list of points; `None` if it is no list.
struct Points;

impl<'de> DeserializeSeed<'de> for Points {
    type Value = Option<RawSeries>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Points {
    type Value = Option<RawSeries>;

    fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str("a list of points")
    }

    refuse_scalars!(|_| None);

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Some(RawSeries::default()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut series = RawSeries::default();
        let mut index = 0;
        while let Some(read) = items.next_element_seed(OnePoint)? {
            series.take(index, read);
            index += 1;
        }
        series.points.shrink_to_fit();
        Ok(Some(series))
    }
}

/// Single points that are named when they are wrong; the rest is counted.
const NAMED: usize = 3;

impl RawSeries {
    fn take(&mut self, index: usize, read: ReadPoint) {
        let ReadPoint { at, value, bad, total, wrong } = read;
        let mut complain = |why: &str| {
            self.wrongs += 1;
            if self.wrong.len() < NAMED {
                self.wrong.push((index, why.to_owned()));
            }
        };
        if let Some(why) = wrong {
            return complain(&why);
        }
        let Some(at) = at else {
            // A null instead of a point, or a point whose time is null, is a missing one.
            return;
        };
        let refused = match (bad, total) {
            (Some(bad), Some(total)) if bad > total => Some("has a `bad` above its `total`"),
            (Some(bad), _) if bad < 0.0 => Some("has a `bad` below nothing"),
            (_, Some(total)) if total < 0.0 => Some("has a `total` below nothing"),
            _ => None,
        };
        if let Some(why) = refused {
            return complain(why);
        }
        if bad.is_some() || total.is_some() {
            self.ratios += 1;
            let value = bad.unwrap_or(f64::NAN);
            self.points.push(Point { at, value, total: total.unwrap_or(f64::NAN) });
        } else {
            self.values += usize::from(value.is_some());
            self.points.push(Point { at, value: value.unwrap_or(f64::NAN), total: 0.0 });
        }
    }
}

/// What a point says. Of `value`, `bad` and `total`, `None` is a missing key, NaN a
/// missing value.
#[derive(Default)]
struct ReadPoint {
    at: Option<i64>,
    value: Option<f64>,
    bad: Option<f64>,
    total: Option<f64>,
    wrong: Option<Cow<'static, str>>,
}

const NO_POINT: &str = "must be a point: {at, value}, or {at, bad, total} of a ratio";

const NO_NUMBER: &str = "has a value that is no number";

struct OnePoint;

impl<'de> DeserializeSeed<'de> for OnePoint {
    type Value = ReadPoint;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OnePoint {
    type Value = ReadPoint;

    fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str("a point")
    }

    refuse_scalars!(|_| ReadPoint { wrong: Some(Cow::Borrowed(NO_POINT)), ..ReadPoint::default() });

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(ReadPoint::default())
    }

    /// `[time, value]`, as Prometheus writes it, or `[time, bad, total]`.
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut scalars = Vec::with_capacity(3);
        while let Some(scalar) = items.next_element_seed(OneScalar)? {
            if scalars.len() < 4 {
                scalars.push(scalar);
            }
        }
        let mut point = ReadPoint::default();
        let mut scalars = scalars.into_iter();
        if let Some(at) = scalars.next() {
            point.at(at);
        }
        match (scalars.next(), scalars.next(), scalars.next()) {
            (Some(value), None, _) => point.value = point.number(value, NO_NUMBER),
            (Some(bad), Some(total), None) => {
                point.bad = point.number(bad, NO_NUMBER);
                point.total = point.number(total, NO_NUMBER);
            }
            _ => point.wrong = Some(Cow::Borrowed(NO_POINT)),
        }
        Ok(point)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut point = ReadPoint::default();
        let mut timed = false;
        while let Some(key) = entries.next_key_seed(OneKey)? {
            let slip = matches!(key, Key::Near(_));
            if let Key::Near(why) = &key {
                point.wrong = Some(Cow::Owned(why.clone()));
            }
            if slip || key == Key::Other {
                entries.next_value::<IgnoredAny>()?;
                continue;
            }
            let scalar = entries.next_value_seed(OneScalar)?;
            match key {
                Key::At => {
                    timed = true;
                    point.at(scalar);
                }
                Key::Value => point.value = point.number(scalar, "has a `value` that is no number"),
                Key::Bad => point.bad = point.number(scalar, "has a `bad` that is no number"),
                _ => point.total = point.number(scalar, "has a `total` that is no number"),
            }
        }
        if !timed && point.wrong.is_none() {
            point.wrong = Some(Cow::Borrowed("has no `at`"));
        }
        Ok(point)
    }
}

impl ReadPoint {
    fn at(&mut self, scalar: Scalar) {
        self.at = match scalar {
            Scalar::Number(number) => words::epoch(number),
            Scalar::Time(at) => Some(at),
            Scalar::Null => return,
            _ => None,
        };
        if self.at.is_none() {
            let why = "has an `at` that is no time: write RFC 3339 or seconds since 1970";
            self.wrong = Some(Cow::Borrowed(why));
        }
    }

    /// A number; NaN for null and what is written as not a number.
    fn number(&mut self, scalar: Scalar, why: &'static str) -> Option<f64> {
        match scalar {
            Scalar::Number(number) => Some(number),
            Scalar::Null => Some(f64::NAN),
            Scalar::Time(_) | Scalar::Other => {
                self.wrong = Some(Cow::Borrowed(why));
                None
            }
        }
    }
}

/// A key of a point.
#[derive(PartialEq)]
enum Key {
    At,
    Value,
    Bad,
    Total,
    /// A slip of one of these, with what to say of it.
    Near(String),
    Other,
}

struct OneKey;

impl<'de> DeserializeSeed<'de> for OneKey {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Key, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for OneKey {
    type Value = Key;

    fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
        Ok(match key {
            "at" | "time" | "timestamp" => Key::At,
            "value" => Key::Value,
            "bad" => Key::Bad,
            "total" => Key::Total,
            other if other.len() <= 7 => {
                match words::nearest(other, &["at", "value", "bad", "total"]) {
                    Some(name) => {
                        Key::Near(format!("has no key `{other}`; did you mean `{name}`?"))
                    }
                    None => Key::Other,
                }
            }
            _ => Key::Other,
        })
    }
}

/// A number, a time, nothing, or something else.
enum Scalar {
    Number(f64),
    Time(i64),
    Null,
    Other,
}

struct OneScalar;

impl<'de> DeserializeSeed<'de> for OneScalar {
    type Value = Scalar;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Scalar, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OneScalar {
    type Value = Scalar;

    fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str("a number or a time")
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
        Ok(if number.is_finite() { Scalar::Number(number) } else { Scalar::Null })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        let text = text.trim();
        if let Ok(number) = text.parse::<f64>() {
            // Too large a number is not a missing one.
            let digits = text.contains(|c: char| c.is_ascii_digit());
            return Ok(match (number.is_finite(), digits) {
                (true, _) => Scalar::Number(number),
                (false, true) => Scalar::Other,
                (false, false) => Scalar::Null,
            });
        }
        let plain = text.trim_start_matches(['+', '-', '.']).to_ascii_lowercase();
        if matches!(plain.as_str(), "" | "nan" | "inf" | "null" | "none" | "n/a" | "na") {
            return Ok(Scalar::Null);
        }
        Ok(words::time(text).map_or(Scalar::Other, Scalar::Time))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Scalar, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Scalar, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}
