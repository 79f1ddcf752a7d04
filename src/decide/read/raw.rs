//! The file as it stands, its points packed while they stream by: a spec of ten
//! thousand signals is never held as a tree.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::point::Points;
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

pub(super) use {refuse, refuse_scalars};

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
