//! Benchmarks: how one is run by a project's own harness, and how long it says that one
//! iteration takes.

use std::sync::LazyLock;

use regex::Regex;

use super::{Files, Kind};

/// How one benchmark is run: a shell command with `{name}`, for [`fill`](super::fill()); `None` where the project has
/// no harness that is known.
pub fn benchmark(kind: Kind, files: &dyn Files, root: &str) -> Option<String> {
    let manifest = |name: &str| {
        let path = if root.is_empty() { name.to_owned() } else { format!("{root}/{name}") };
        files.read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    let names = |text: Option<String>, word: &str| text.is_some_and(|text| text.contains(word));
    match kind {
        Kind::Go => Some("go test -run '^$' -bench '^{name}$' -benchtime 200ms ./...".to_owned()),
        Kind::Cargo | Kind::Nextest if names(manifest("Cargo.toml"), "criterion") => Some(
            "cargo bench --benches -- --warm-up-time 0.5 --measurement-time 1 --exact {name}"
                .to_owned(),
        ),
        Kind::Pytest => {
            let files = [
                "requirements-dev.txt",
                "requirements.txt",
                "pyproject.toml",
                "tox.ini",
                "setup.cfg",
            ];
            files
                .into_iter()
                .any(|name| names(manifest(name), "pytest-benchmark"))
                .then(|| "python3 -m pytest -q --benchmark-only --benchmark-max-time=0.5 -k {name} {path}".to_owned())
        }
        Kind::Vitest => Some("npx vitest bench --run -t {name} {path}".to_owned()),
        _ => None,
    }
}

/// Seconds that one iteration of a benchmark takes, by the harness's output: the median
/// where it gives one, else the mean. `None` if it tells of none of that name.
pub fn iteration(kind: Kind, output: &str, name: &str) -> Option<f64> {
    let seconds = match kind {
        Kind::Go => go(output, name),
        Kind::Cargo | Kind::Nextest => criterion(output, name),
        Kind::Pytest => pytest(output, name),
        Kind::Vitest => vitest(output, name),
        _ => None,
    }?;
    (seconds.is_finite() && seconds > 0.0).then_some(seconds)
}

/// `BenchmarkX-2   1000   1234 ns/op` (testing package, "Benchmarks").
fn go(output: &str, name: &str) -> Option<f64> {
    output.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let first = words.next()?;
        let plain = first.rsplit_once('-').filter(|(_, n)| n.parse::<u32>().is_ok());
        if first != name && plain.is_none_or(|(plain, _)| plain != name) {
            return None;
        }
        let words: Vec<&str> = words.collect();
        let at = words.iter().position(|word| *word == "ns/op")?;
        words.get(at.checked_sub(1)?)?.parse::<f64>().ok().map(|nanos| nanos / 1e9)
    })
}

/// `name   time:   [1.2 µs 1.3 µs 1.4 µs]`: the estimate in the middle (criterion's book,
/// "Command-Line Output").
fn criterion(output: &str, name: &str) -> Option<f64> {
    static TIME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"time:\s+\[\S+ \S+ ([0-9.]+) (ps|ns|µs|us|ms|s) \S+ \S+\]").expect("a pattern")
    });
    let mut known = "";
    for line in output.lines() {
        if let Some((before, _)) = line.split_once("time:") {
            if !before.trim().is_empty() {
                known = before.trim();
            }
            if known == name {
                let found = TIME.captures(line)?;
                return Some(found[1].parse::<f64>().ok()? * unit(&found[2])?);
            }
        } else if !line.trim().is_empty() && !line.starts_with(' ') {
            known = line.trim();
        }
    }
    None
}

/// The row of pytest-benchmark's table: `name  min  max  mean  stddev  median …`, in the
/// unit that its head names.
fn pytest(output: &str, name: &str) -> Option<f64> {
    let mut scale = None;
    for line in output.lines() {
        if line.starts_with("Name (time in ") {
            let word = line.trim_start_matches("Name (time in ").split(')').next()?;
            scale = unit(word);
        }
        let mut words = line.split_whitespace();
        if words.next() == Some(name) {
            // Each figure has its ratio in brackets behind it.
            let figures: Vec<f64> = words
                .filter(|word| !word.starts_with('('))
                .filter_map(|word| word.replace(',', "").parse().ok())
                .collect();
            return Some(figures.get(4)? * scale?);
        }
    }
    None
}

/// `· name  1,234.5  0.7  1.2  0.81 …`: hz, min, max, mean in milliseconds.
fn vitest(output: &str, name: &str) -> Option<f64> {
    output.lines().find_map(|line| {
        let rest = line.trim_start_matches([' ', '·', '•']).strip_prefix(name)?;
        let figures: Vec<f64> =
            rest.split_whitespace().filter_map(|word| word.replace(',', "").parse().ok()).collect();
        figures.get(3).map(|mean| mean / 1e3)
    })
}

/// Seconds in a unit.
fn unit(word: &str) -> Option<f64> {
    Some(match word {
        "ps" => 1e-12,
        "ns" => 1e-9,
        "µs" | "us" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, output: &str, name: &str, expect: Option<f64>) {
        let got = iteration(kind, output, name);
        let close = match (got, expect) {
            (Some(got), Some(expect)) => (got / expect - 1.0).abs() < 1e-9,
            (got, expect) => got == expect,
        };
        assert!(close, "{kind}: {got:?}, not {expect:?}");
    }

    #[test]
    fn harnesses_tell_how_long_one_iteration_takes() {
        let go = "goos: linux\nBenchmarkAdd-2   \t  100000\t      1250 ns/op\t 16 B/op\nPASS\n";
        check(Kind::Go, go, "BenchmarkAdd", Some(1.25e-6));
        check(Kind::Go, go, "BenchmarkAd", None);
        let criterion = "add                     time:   [1.20 µs 1.25 µs 1.30 µs]\n";
        check(Kind::Cargo, criterion, "add", Some(1.25e-6));
        let long = "a rather long name of a group\n                        time:   [1.2 ms 1.5 ms 1.9 ms]\n";
        check(Kind::Cargo, long, "a rather long name of a group", Some(1.5e-3));
        check(Kind::Cargo, long, "another", None);
        let pytest = "Name (time in us)     Min    Max    Mean   StdDev  Median  IQR\n\
                      test_add   1.0 (1.0)  9.0 (1.0)  2.0 (1.0)  0.5 (1.0)  1,500.0 (1.0)  0.1 (1.0)\n";
        check(Kind::Pytest, pytest, "test_add", Some(1.5e-3));
        let vitest = "   · add  1,000.0  0.5  2.0  0.75  0.8  0.9  1.0  1.1\n";
        check(Kind::Vitest, vitest, "add", Some(0.75e-3));
        check(Kind::Other, vitest, "add", None);
        check(Kind::Go, "BenchmarkAdd 1 NaN ns/op", "BenchmarkAdd", None);
    }
}
