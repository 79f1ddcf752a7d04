//! Stand-ins of clocks, chance and networks that a test sets up.

use std::ops::Range;

use super::Scene;
use crate::code::language::Language;
use crate::code::test_code::FaultKind;
use crate::code::test_code::items::{Block, block};
use crate::code::test_code::source::{Code, walk};

/// What says that a kind of thing is faked.
fn words(language: Language, kind: FaultKind) -> &'static [&'static str] {
    use FaultKind::{Clock, Environment, Network, Random, Sleep};
    match (language, kind) {
        (Language::Python, Clock | Sleep) => &[
            "freeze_time",
            "freezer",
            "time_machine",
            "FrozenClock",
            "setattr(time,",
            "setattr(\"time.",
            "setattr('time.",
            "patch(\"time.",
            "patch('time.",
            "patch.object(time,",
            "datetime\")",
            "datetime')",
            "datetime\",",
            "datetime',",
            ".time\")",
            ".time')",
            ".time\",",
            ".time',",
            ".sleep\"",
            ".sleep'",
        ],
        (Language::Python, Random) => &[
            "random.seed(1",
            "random.seed(2",
            "random.seed(3",
            "random.seed(4",
            "random.seed(5",
            "random.seed(6",
            "random.seed(7",
            "random.seed(8",
            "random.seed(9",
            "random.seed(0",
            "random.seed(SEED",
            "random.seed(seed",
            "setattr(random,",
            "setattr(uuid,",
            "patch(\"random.",
            "patch('random.",
            "patch.object(random,",
            "patch(\"uuid.",
            "patch('uuid.",
            "patch.object(uuid,",
            "uuid4\"",
            "uuid4'",
            "manual_seed(",
        ],
        (Language::Python, Network) => &[
            "responses.",
            "requests_mock",
            "respx",
            "httpretty",
            "aioresponses",
            "patch(\"requests.",
            "patch('requests.",
            "patch(\"urllib",
            "patch('urllib",
            "patch(\"socket",
            "patch('socket",
            "patch.object(requests",
            "setattr(requests",
            "MockTransport",
            "ASGITransport",
            "WSGITransport",
        ],
        (Language::Python, Environment) => {
            &["monkeypatch.setenv", "monkeypatch.delenv", "patch.dict("]
        }
        (Language::Go, Clock | Sleep) => &["synctest."],
        (Language::Go, Random) => &["rand.Seed("],
        (Language::Go, Environment) => &["t.Setenv("],
        (Language::Rust, Clock | Sleep) => &["start_paused = true", "time::pause()"],
        (Language::Rust, Random) => &["fastrand::seed("],
        (Language::Ruby, Clock) => {
            &["travel_to", "freeze_time", "Timecop.", "allow(Time)", "allow(Date)", "Time.stub"]
        }
        (Language::Ruby, Random) => &["srand(", "srand "],
        (Language::Ruby, Network) => &["stub_request(", "WebMock", "VCR."],
        (Language::Ruby, Environment) => {
            &["allow(ENV)", "stub_const('ENV'", "stub_const(\"ENV\"", "ClimateControl"]
        }
        (Language::Php, Clock) => &["setTestNow(", "ClockMock", "travelTo("],
        (Language::Php, Random) => &["mt_srand(", "srand("],
        (Language::Java, Clock) => &["mockStatic(", "MockedStatic"],
        (_, Sleep) => &["useFakeTimers", "timers.enable", "FakeTimers"],
        (Language::JavaScript | Language::TypeScript | Language::Tsx, Clock) => &[
            "setSystemTime",
            "now:",
            "sinon.useFakeTimers",
            "FakeTimers.install",
            "spyOn(Date",
            "Date.now =",
            "MockDate",
            "timekeeper",
            "stubGlobal('Date'",
            "stubGlobal(\"Date\"",
        ],
        (_, Clock) => &[],
        (_, Random) => &[
            "spyOn(Math",
            "Math.random =",
            "spyOn(crypto",
            "seedrandom",
            "faker.seed(",
            "stubGlobal('crypto'",
        ],
        (_, Network) => &[
            "nock(",
            "setupServer(",
            "fetchMock",
            "fetch-mock",
            "'fetch'",
            "\"fetch\"",
            ".fetch =",
            "fetch = ",
            "mockServiceWorker",
        ],
        (_, Environment) => &["stubEnv("],
        _ => &[],
    }
}

/// Whether a test fakes a kind of thing: in itself, in what it calls, or in what
/// runs before it.
pub(super) fn is_faked(code: &Code<'_>, scene: &Scene<'_>, kind: FaultKind) -> bool {
    let words = words(code.language, kind);
    if words.is_empty() {
        return false;
    }
    let mut texts: Vec<&str> = scene.ranges.iter().map(|range| code.at(range.clone())).collect();
    texts.extend(before(code, &scene.ranges[0]));
    words.iter().any(|word| texts.iter().any(|text| text.contains(word)))
}

/// What runs before a test: hooks, decorators of its class.
fn before<'t>(code: &Code<'t>, test: &Range<usize>) -> Vec<&'t str> {
    let mut found = Vec::new();
    if code.is_script() {
        walk(code.root, &mut |node| {
            let is_hook = block(code, node) == Some(Block::Hook);
            if is_hook {
                found.push(code.str(node));
            }
            !is_hook
        });
    }
    const HOOKS: &[&str] =
        &["setUp", "setup_method", "setUpClass", "setup_class", "setup", "asyncSetUp"];
    for one in &code.definitions {
        let bytes = code.bytes_of(&one.lines);
        let holds = bytes.start <= test.start && test.end <= bytes.end;
        if one.is_callable() && HOOKS.contains(&one.name.as_str()) {
            found.push(code.at(bytes));
        } else if holds {
            let signature = code.bytes_of(&(one.lines.start..one.signature.end));
            found.push(code.at(signature));
        }
    }
    found
}

/// Whether a script replaces a module by a mock.
pub(super) fn is_mocked_module(code: &Code<'_>, path: &str) -> bool {
    let module = path.split('.').next().unwrap_or(path);
    let whole = code.at(0..code.text.len());
    ["mock('", "mock(\"", "mock(\n", "doMock('", "doMock(\""].iter().any(|word| {
        whole.split(word).skip(1).any(|rest| {
            rest.trim_start_matches("node:")
                .strip_prefix(module)
                .is_some_and(|rest| rest.starts_with(['\'', '"']))
        })
    })
}
