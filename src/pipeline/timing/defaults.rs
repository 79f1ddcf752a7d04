//! What things usually take, from `defaults.toml`: every number with its source.

use crate::pipeline::words::Manager;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A range: the tenth, fiftieth and ninetieth of a hundred.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Range {
    /// One of ten is below.
    pub low: f64,
    /// The middle.
    pub usual: f64,
    /// One of ten is above.
    pub high: f64,
}

impl Range {
    /// A draw, `at` in 0..1 from low to high: between and beyond the three points by
    /// straight lines through them, never below half of `low` nor above `high` and
    /// half of what it is above `usual`.
    pub fn at(self, at: f64) -> f64 {
        let at = at.clamp(0.0, 1.0);
        let points = [
            (0.0, self.low - 0.5 * (self.usual - self.low).min(self.low)),
            (0.1, self.low),
            (0.5, self.usual),
            (0.9, self.high),
            (1.0, self.high + 0.5 * (self.high - self.usual)),
        ];
        for pair in points.windows(2) {
            if let [(from, low), (to, high)] = pair
                && at <= *to
            {
                return low + (high - low) * (at - from) / (to - from);
            }
        }
        self.high
    }
}

#[derive(Debug, Deserialize)]
struct Data {
    date: String,
    numbers: BTreeMap<String, Number>,
}

#[derive(Debug, Deserialize)]
struct Number {
    #[serde(flatten)]
    range: Range,
    source: String,
}

static DATA: LazyLock<Data> = LazyLock::new(|| {
    // The file is part of the program; a test reads it.
    toml::from_str(include_str!("defaults.toml"))
        .unwrap_or(Data { date: String::new(), numbers: BTreeMap::new() })
});

/// The number of this name; zeroes for one that does not exist.
pub(super) fn range(name: &str) -> Range {
    let none = Range { low: 0.0, usual: 0.0, high: 0.0 };
    DATA.numbers.get(name).map_or(none, |number| number.range)
}

/// When the numbers were last looked at.
pub fn date() -> &'static str {
    &DATA.date
}

/// All numbers: name, range and source.
pub fn all() -> impl Iterator<Item = (&'static str, Range, &'static str)> {
    DATA.numbers.iter().map(|(name, number)| (name.as_str(), number.range, number.source.as_str()))
}

/// What installing takes with this package manager.
pub(super) fn install(manager: Manager) -> Range {
    range(match manager {
        Manager::Npm => "install-npm",
        Manager::Yarn => "install-yarn",
        Manager::Pnpm => "install-pnpm",
        Manager::Bun => "install-bun",
        Manager::Pip => "install-pip",
        Manager::Poetry => "install-poetry",
        Manager::Pipenv => "install-pipenv",
        Manager::Uv => "install-uv",
        Manager::Maven => "install-maven",
        Manager::Gradle => "install-gradle",
        Manager::Go => "install-go",
        Manager::Cargo => "install-cargo",
        Manager::Nuget => "install-nuget",
        Manager::Bundler => "install-bundler",
        Manager::Composer => "install-composer",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_a_range_with_a_source() {
        assert!(date().parse::<jiff::civil::Date>().is_ok());
        assert!(all().count() > 30);
        for (name, range, source) in all() {
            assert!(range.low <= range.usual && range.usual <= range.high, "{name}");
            assert!(range.low >= 0.0 && !source.is_empty(), "{name}");
        }
    }

    #[test]
    fn every_name_the_code_asks_for_is_there() {
        let here = [
            include_str!("defaults.rs"),
            include_str!("saving/model.rs"),
            include_str!("saving/mod.rs"),
            include_str!("saving/worlds.rs"),
        ];
        let asked = regex::Regex::new(r#"range\(\s*"([a-z-]+)"|"(install-[a-z]+)""#).unwrap();
        let mut seen = 0;
        for found in here.iter().flat_map(|text| asked.captures_iter(text)) {
            let name = found.get(1).or_else(|| found.get(2)).unwrap().as_str();
            assert!(DATA.numbers.contains_key(name), "{name}");
            seen += 1;
        }
        assert!(seen > 25, "{seen}");
    }

    #[test]
    fn draws_pass_through_the_three_points() {
        let range = Range { low: 2.0, usual: 6.0, high: 20.0 };
        for (at, expect) in [(0.1, 2.0), (0.5, 6.0), (0.9, 20.0), (0.0, 1.0), (1.0, 27.0)] {
            assert!((range.at(at) - expect).abs() < 1e-9, "{at}");
        }
        assert!(Range { low: 0.0, usual: 5.0, high: 9.0 }.at(-3.0) >= 0.0);
    }
}
