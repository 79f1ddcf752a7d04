//! What the hosts charge, from `rates.toml`: list prices with date and source.

use crate::pipeline::Platform;
use crate::pipeline::graph::{Job, JobKind, Os};
use serde::Deserialize;
use std::sync::LazyLock;

#[derive(Debug, Default, Deserialize)]
struct Data {
    date: String,
    platform: Vec<Prices>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prices {
    name: String,
    source: String,
    note: String,
    round: Option<Round>,
    unit_usd: Option<f64>,
    #[serde(default)]
    default: Default_,
    #[serde(default)]
    machines: Vec<Machine>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Default_ {
    linux: Option<f64>,
    windows: Option<f64>,
    macos: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Machine {
    words: Vec<String>,
    os: Option<String>,
    cores: Option<u32>,
    rate: f64,
}

/// To what each job's time is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Round {
    /// Every minute begun counts.
    MinuteUp,
    /// To the nearest minute.
    Minute,
    /// To nothing.
    None,
}

/// What a job's machine costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// US dollars a minute.
    pub usd_per_minute: f64,
    /// How minutes are counted.
    pub round: Round,
}

impl Rate {
    /// US dollars for a job of this many seconds.
    pub fn cost(self, seconds: f64) -> f64 {
        let minutes = seconds.max(0.0) / 60.0;
        let counted = match self.round {
            Round::MinuteUp => minutes.ceil(),
            Round::Minute => minutes.round(),
            Round::None => minutes,
        };
        counted * self.usd_per_minute
    }

    /// The same machine with another number of cores; prices go with cores.
    pub(super) fn scaled(self, factor: f64) -> Rate {
        Rate { usd_per_minute: self.usd_per_minute * factor, ..self }
    }
}

static DATA: LazyLock<Data> = LazyLock::new(|| {
    // The file is part of the program; a test reads it.
    toml::from_str(include_str!("rates.toml")).unwrap_or_default()
});

fn prices(platform: Platform) -> Option<&'static Prices> {
    DATA.platform.iter().find(|prices| prices.name == platform.as_str())
}

/// When the prices were last looked at.
pub fn date() -> &'static str {
    &DATA.date
}

/// How the platform charges, in a sentence's end, and where it says so.
pub fn note(platform: Platform) -> (&'static str, &'static str) {
    prices(platform).map_or(("", ""), |prices| (&prices.note, &prices.source))
}

/// What a job's machine costs; `None` for one's own machines, where nothing is charged
/// by the minute, and where no price is published.
pub fn rate(platform: Platform, job: &Job) -> Option<Rate> {
    let prices = prices(platform)?;
    if job.runner.self_hosted || job.kind == JobKind::Approval {
        return None;
    }
    let (unit, round) = (prices.unit_usd?, prices.round?);
    let os = match job.runner.os.unwrap_or(Os::Linux) {
        Os::Linux => "linux",
        Os::Windows => "windows",
        Os::MacOs => "macos",
    };
    let words = words(job);
    let cores = cores(&words);
    let machine = prices.machines.iter().find(|machine| {
        machine.os.as_deref().is_none_or(|on| on == os)
            && machine.cores.is_none_or(|of| Some(of) == cores)
            && machine.words.iter().all(|word| {
                words.iter().any(|known| known == word)
                    || (word == "arm" && words.iter().any(|known| known.starts_with("arm")))
            })
    });
    let usual = match os {
        "windows" => prices.default.windows,
        "macos" => prices.default.macos,
        _ => prices.default.linux,
    };
    let rate = machine.map(|machine| machine.rate).or(usual)?;
    Some(Rate { usd_per_minute: rate * unit, round })
}

/// The words of a runner's labels and size: `ubuntu-24.04-8core` gives `ubuntu`, `24`,
/// `04`, `8core`.
fn words(job: &Job) -> Vec<String> {
    let said = job.runner.labels.iter().chain(&job.runner.size);
    said.flat_map(|label| label.split(|mark: char| !mark.is_ascii_alphanumeric()))
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect()
}

/// `8core`, `8 cores`, `8cpu`, `8vcpu`.
fn cores(words: &[String]) -> Option<u32> {
    let unit = |word: &str| matches!(word, "core" | "cores" | "cpu" | "cpus" | "vcpu" | "vcpus");
    words.iter().enumerate().find_map(|(place, word)| {
        let end = word.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = word.split_at_checked(end)?;
        let next = words.get(place + 1).map(String::as_str).unwrap_or_default();
        (unit(rest) || (rest.is_empty() && unit(next))).then(|| number.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::graph::{Runner, Span};

    fn cost(platform: Platform, label: &str, os: Os, seconds: f64) -> Option<f64> {
        let mut job = Job::new("a", Span::default(), Vec::new());
        job.runner = Runner { labels: vec![label.into()], os: Some(os), ..Runner::default() };
        Some((rate(platform, &job)?.cost(seconds) * 1e6).round() / 1e6)
    }

    #[test]
    fn the_data_is_dated_and_of_every_platform() {
        assert!(date().parse::<jiff::civil::Date>().is_ok());
        for platform in Platform::ALL {
            let (note, source) = note(platform);
            assert!(!note.is_empty() && source.starts_with("https://"), "{platform}");
        }
    }

    #[test]
    fn jobs_cost_what_the_host_charges() {
        use Os::{Linux, MacOs, Windows};
        for (platform, label, os, seconds, expect) in [
            // Every minute begun counts.
            (Platform::GitHub, "ubuntu-latest", Linux, 61.0, Some(0.012)),
            (Platform::GitHub, "ubuntu-latest", Linux, 0.0, Some(0.0)),
            (Platform::GitHub, "windows-2022", Windows, 30.0, Some(0.010)),
            (Platform::GitHub, "macos-14", MacOs, 60.0, Some(0.062)),
            (Platform::GitHub, "macos-14-xlarge", MacOs, 60.0, Some(0.102)),
            (Platform::GitHub, "ubuntu-latest-8-cores", Linux, 60.0, Some(0.022)),
            (Platform::GitHub, "ubuntu-24.04-16core", Linux, 60.0, Some(0.042)),
            (Platform::GitHub, "ubuntu-24.04-arm", Linux, 60.0, Some(0.005)),
            (Platform::GitHub, "ubuntu-slim", Linux, 60.0, Some(0.002)),
            (Platform::GitLab, "saas-linux-medium-amd64", Linux, 30.0, Some(0.01)),
            (Platform::GitLab, "saas-linux-2xlarge-amd64", Linux, 60.0, Some(0.12)),
            (Platform::GitLab, "", Linux, 60.0, Some(0.01)),
            (Platform::Bitbucket, "4x", Linux, 30.0, Some(0.02)),
            (Platform::Bitbucket, "", Linux, 60.0, Some(0.01)),
            (Platform::Azure, "ubuntu-latest", Linux, 60.0, None),
            (Platform::Jenkins, "linux", Linux, 60.0, None),
            (Platform::Harness, "", Linux, 60.0, None),
        ] {
            assert_eq!(cost(platform, label, os, seconds), expect, "{platform} {label}");
        }
    }

    #[test]
    fn ones_own_machines_cost_nothing_by_the_minute() {
        let mut job = Job::new("a", Span::default(), Vec::new());
        job.runner.self_hosted = true;
        assert_eq!(rate(Platform::GitHub, &job), None);
    }
}
