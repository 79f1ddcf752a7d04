//! The lenses of a review: what to look for in a part of a change, and which of
//! them the part calls for.
//!
//! Correctness is looked for always, and first. The others are chosen by what
//! the changed lines and paths speak of; each is a request of its own over the
//! same text, which the provider then reads from its cache.

use std::sync::LazyLock;

use regex::bytes::{RegexSet, RegexSetBuilder};
use serde::{Deserialize, Serialize};

use crate::diff::pack::Pack;
use crate::diff::{Change, LineKind};

/// What one pass looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lens {
    /// Wrong results, broken callers, cases forgotten.
    Correctness,
    /// What fails and is not noticed, or is handled wrongly.
    ErrorHandling,
    /// What other code, stored data or people rely on.
    Compatibility,
    /// What someone can exploit.
    Security,
    /// Races, deadlocks, leaks.
    Concurrency,
    /// Tests that prove nothing, behaviour no test holds.
    Tests,
    /// Work that grows with the input or is done for nothing.
    Performance,
    /// Pipelines, containers, infrastructure.
    Pipeline,
}

impl Lens {
    /// All but the first, in the order in which money is spent on them.
    pub const CHOSEN: [Lens; 7] = [
        Lens::ErrorHandling,
        Lens::Compatibility,
        Lens::Security,
        Lens::Concurrency,
        Lens::Tests,
        Lens::Performance,
        Lens::Pipeline,
    ];

    /// Its name in notes and logs.
    pub fn name(self) -> &'static str {
        match self {
            Lens::Correctness => "correctness",
            Lens::ErrorHandling => "error handling",
            Lens::Compatibility => "compatibility",
            Lens::Security => "security",
            Lens::Concurrency => "concurrency and resources",
            Lens::Tests => "tests",
            Lens::Performance => "performance",
            Lens::Pipeline => "pipeline and infrastructure",
        }
    }

    /// What the reviewer is told to do.
    pub fn task(self) -> &'static str {
        match self {
            Lens::Correctness => {
                "Look for behaviour that is wrong. Go through every changed function as if you \
ran it: with an ordinary input, an empty or zero one, the largest one, a missing value, one that \
fails half-way. Compare what the removed lines did with what the added lines do: what is no \
longer done, done twice, done in another order, or returned under another condition? Where the \
code has siblings (other branches of a switch, other methods of the type, the caller above, the \
code that writes what this reads), check that the change treats them alike: a step that the \
siblings take and this one does not is a defect until shown otherwise. Where \
order matters (middleware, hooks, deferred calls, registration, initialisation, locks), compare the \
order before and after: what ran first and now runs last, and what does the one no longer see of \
the other? For each value that comes from outside (configuration, environment, flags, headers, \
requests), ask which spellings, types and extremes people will give, and what the code does with \
those it does not expect. Check names, formats, units, signs, indexes and conditions against what \
the code says it does, and the description of the change against what the change does. A build \
that the change breaks (a name removed and still used, declared twice, a file or module that is \
gone) counts as well."
            }
            Lens::ErrorHandling => {
                "Look only at what happens when something fails or is absent: an error that is \
ignored, overwritten, logged and then treated as success, or returned together with a value that \
callers use, or replaced by \
another that hides the cause; a nil, null, None or empty value that is used on a path where it can be one; a \
panic, exception or exit in code that callers expect to go on; a retry or wait without an end, or a wait after \
which nothing is tried again; \
cleanup that is skipped on an early return; a failure reported at the wrong level or with the \
wrong or a missing cause; a status or code that tells the caller something untrue."
            }
            Lens::Compatibility => {
                "Look only at what others rely on: exported functions, types, fields, constants, \
routes, flags, messages, defaults, wire and file formats, database schemas, configuration keys. \
What was removed, renamed, retyped, reordered or given another meaning or default, and who still \
uses it as it was? Are there implementations, mocks, callers, examples or documents in the \
repository that this change leaves behind? Does new code contradict the interface it implements \
or the document that describes it? Would data written before the change still be read, and the \
other way round during a rollout?"
            }
            Lens::Security => {
                "Look only for what someone could exploit, and follow it from where the attacker's \
data comes in to where it does harm: injection into queries, commands, paths, templates, logs or \
headers; missing or wrong authentication and authorisation; secrets in code, logs or errors; \
unsafe deserialisation; weak or misused cryptography and randomness; requests to addresses that \
others choose; resource use that a stranger controls. Name who sends what, through which entry, \
and what they gain. Without such a path there is no finding."
            }
            Lens::Concurrency => {
                "Look only at what runs side by side and at what has to be given back: shared \
state read or written without its lock, a check and an act that something can come between (also a port, \
name or file that is found free first and taken later), locks \
taken in another order or held over a wait, channels that nobody reads or closes or that are \
closed twice, goroutines, threads, tasks and timers that never end, contexts and cancellation \
that are not passed on, work started and not awaited; files, connections, bodies, cursors, \
subscriptions and locks that a path leaves open. Give the interleaving or the path."
            }
            Lens::Tests => {
                "Look only at the tests of this change: a test that passes whatever the code does \
(no assertion, an assertion on the mock or on a constant, an expected value computed by the code \
under test, a wrong comparison, an error that is not checked); that depends on time, order, \
network, a port or leftovers of another test; that no longer sets up what it needs, or talks to \
something that nobody starts; that asserts the wrong behaviour; whose name says one thing and \
whose body does another. A case without a test is no finding, nor is a test that should have caught \
a defect: the defect is."
            }
            Lens::Performance => {
                "Look only at cost that someone would notice: work that grows faster than its \
input, a query, request, allocation, compilation or lock inside a loop or a hot path that could be \
outside, reading whole what could be read in pieces, a cache that is never hit or never emptied, \
blocking calls on an event loop. Say how often the code runs and how large its input gets, and \
from which size on it hurts; without that there is no finding."
            }
            Lens::Pipeline => {
                "Look only at pipelines, build files, containers and infrastructure: steps that \
run with more rights or secrets than they need, in the wrong order, on the wrong condition, or \
not at all; values taken from untrusted input into scripts; images, actions and downloads that \
are not pinned; caches and artifacts that are poisoned, stale or missing; resources that are \
exposed, unbounded, lost on a restart or deleted by the change; scripts that go on after an error."
            }
        }
    }

    /// The same in a clause, where one pass looks for everything.
    fn clause(self) -> &'static str {
        match self {
            Lens::Correctness => "wrong results and broken callers",
            Lens::ErrorHandling => "failures and absent values that are ignored or mishandled",
            Lens::Compatibility => {
                "what others rely on (signatures, formats, defaults, documents) and is left behind"
            }
            Lens::Security => "ways in, each with the path from the attacker's data to the harm",
            Lens::Concurrency => "races, deadlocks, and resources that a path leaves open",
            Lens::Tests => "tests that pass whatever the code does",
            Lens::Performance => "cost that grows faster than its input",
            Lens::Pipeline => "pipeline steps with too many rights or in the wrong order",
        }
    }
}

/// Parts of at most so many changed lines are looked at in one pass.
const ONE_PASS: usize = 60;
/// Parts of at most so many in three.
const TWO_PASSES: usize = 600;
/// A lens is chosen from so many lines on that speak of it.
const LEAST_LINES: usize = 2;
/// No more changed lines of a part are read for it, evenly spread: those of a
/// large part speak of everything anyway.
const MOST_LINES: usize = 400;

/// What speaks of a lens, in a changed line; in the order of [`Lens::CHOSEN`].
static LINES: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    set(&[
        r"(?i)err\b|error|except|catch|panic|unwrap|expect\(|throw|fail|recover|retry|timeout|\bnil\b|\bnull\b|\bnone\b|undefined|fatal|abort",
        r"^\s*(pub(\([^)]*\))?\s|export\s|public\s|protected\s|func\s+(\([^)]*\)\s*)?[A-Z]|type\s+[A-Z]|interface\s|class\s|struct\s|enum\s|trait\s|module\.exports|def\s+[a-z])|`json:|(?i)alter table|create table|drop (table|column)|migration|@deprecated|serde\(|\broute|endpoint",
        r"(?i)auth|token|passw|secret|credential|\bexec|eval\(|select .*from|insert into|query\(|innerhtml|https?://|request\.|req\.|deserial|pickle|yaml\.load|crypt|hash|random|rand\.|upload|cookie|cors|csrf|permission|admin|sanitiz|escape|redirect|subprocess|os\.path|filepath|\.\./",
        r"(?i)\bgo func|\bgo [a-z]+\(|\bchan\b|<-|sync\.|mutex|\block|atomic|async|await|thread|spawn|promise|settimeout|setinterval|defer|\.close\(|open\(|context\.|\bctx\b|select \{|volatile|synchronized|semaphore|pool|unsafe|malloc|free\(|drop\(|with open|subscribe|listener|goroutine|executor|future",
        r"(?i)#\[test\]|\bassert|func Test|def test_|@test|\bit\(|describe\(|expect\(|mock|stub|fixture|t\.run|pytest|unittest|should",
        r"(?i)\bfor\b|while|\.map\(|\.filter\(|\.each|query|select |regex|regexp|sort|append\(|concat|cache|readall|read_to|batch|loop|alloc|clone\(|copy\(|recurs",
        r"(?i)^\s*-?\s*(uses|run|image|script|stage|steps|needs|runs-on|permissions)\s*:|^\s*(FROM|RUN|COPY|ENTRYPOINT|resource\s|apiVersion:|kind:)|kubectl|terraform|docker|helm",
    ])
});

/// What speaks of a lens in a path.
static PATHS: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    set(&[
        r"$^",
        r"(?i)\.(proto|graphql|sql|avsc|thrift)$|openapi|swagger|migrations?/|schema",
        r"(?i)auth|login|session|crypto|security|permission",
        r"$^",
        r"(?i)(^|/)(tests?|specs?|__tests__)/|_test\.[a-z]+$|\.(test|spec)\.[a-z]+$|test_[^/]*\.py$|Test\.java$",
        r"$^",
        r"(?i)\.github/workflows/|\.gitlab-ci|azure-pipelines|jenkinsfile|bitbucket-pipelines|\.harness/|dockerfile|docker-compose|\.tf$|helm/|k8s/|kubernetes/|makefile|\.sh$",
    ])
});

/// The places in [`Lens::CHOSEN`] of the tests, and of what tests and documents
/// do not call for.
const TESTS: usize = 4;
const PRODUCT: [usize; 3] = [1, 2, 5];

fn is_prose(path: &str) -> bool {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    matches!(ending, "md" | "rst" | "adoc" | "txt" | "mod" | "sum" | "lock")
}

fn set(patterns: &[&str]) -> Option<RegexSet> {
    // Fixed patterns: a mistake in one is a matter for the tests.
    RegexSetBuilder::new(patterns).unicode(false).build().ok()
}

/// Passes over a part besides the first, each with its lenses: none if one pass
/// is enough, two where the part is of ordinary size, one for each lens else.
pub fn passes(change: &Change, pack: &Pack) -> Vec<Vec<Lens>> {
    let lines = pack.changed_lines(change);
    if lines <= ONE_PASS {
        return Vec::new();
    }
    let lenses = called_for(change, pack);
    if lines > TWO_PASSES {
        return lenses.into_iter().map(|lens| vec![lens]).collect();
    }
    // What fails and what is promised.
    let fails =
        |lens: &Lens| matches!(lens, Lens::ErrorHandling | Lens::Concurrency | Lens::Performance);
    let (fails, promised): (Vec<Lens>, Vec<Lens>) = lenses.into_iter().partition(fails);
    [fails, promised].into_iter().filter(|pass| !pass.is_empty()).collect()
}

/// What a pass is told to do.
pub fn task(pass: &[Lens]) -> String {
    match pass {
        [only] => only.task().to_owned(),
        several => {
            let mut text = "Look at it in these ways, one after the other:".to_owned();
            for (nth, lens) in several.iter().enumerate() {
                text.push_str(&format!("\n\n{}. {}", nth + 1, lens.task()));
            }
            text
        }
    }
}

/// What the first pass over a part is told to do.
pub fn first_task(change: &Change, pack: &Pack) -> String {
    let mut text = Lens::Correctness.task().to_owned();
    if pack.changed_lines(change) <= ONE_PASS {
        let also: Vec<&str> = called_for(change, pack).into_iter().map(Lens::clause).collect();
        if !also.is_empty() {
            text.push_str(" Look also for ");
            text.push_str(&also.join("; "));
            text.push('.');
        }
    } else {
        text.push_str(
            " Others look at errors, compatibility, security and the like in passes of their own; \
report what you see of these all the same if it is serious.",
        );
    }
    text
}

/// The lenses that the changed lines and paths of a part speak of.
fn called_for(change: &Change, pack: &Pack) -> Vec<Lens> {
    let (Some(in_line), Some(in_path)) = (LINES.as_ref(), PATHS.as_ref()) else {
        return Lens::CHOSEN.to_vec();
    };
    let mut hits = [0usize; Lens::CHOSEN.len()];
    let step = pack.changed_lines(change).div_ceil(MOST_LINES).max(1);
    let mut seen = 0usize;
    for packed in &pack.files {
        let Some(file) = change.files.get(packed.file) else { continue };
        let path = file.path().display();
        let by_path = in_path.matches(path.as_bytes());
        for at in &by_path {
            hits[at] += LEAST_LINES;
        }
        // Nobody attacks, calls or waits for a test or a document.
        let is_product = !by_path.matched(TESTS) && !is_prose(&path);
        let Some(patch) = file.patch() else { continue };
        for part in &packed.parts {
            let lines = part.lines.start as usize..part.lines.end as usize;
            for line in patch.lines.get(lines).unwrap_or_default() {
                if line.kind == LineKind::Context {
                    continue;
                }
                seen += 1;
                if !seen.is_multiple_of(step) {
                    continue;
                }
                for at in in_line.matches(patch.text_of(line)) {
                    hits[at] += usize::from(is_product || !PRODUCT.contains(&at));
                }
            }
        }
    }
    let lenses = Lens::CHOSEN.into_iter().zip(hits);
    lenses.filter(|(_, hits)| *hits >= LEAST_LINES).map(|(lens, _)| lens).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_one_and_stands_for_its_lens() {
        assert!(LINES.is_some() && PATHS.is_some());
        assert_eq!(Lens::CHOSEN[TESTS], Lens::Tests);
        assert_eq!(
            PRODUCT.map(|at| Lens::CHOSEN[at]),
            [Lens::Compatibility, Lens::Security, Lens::Performance]
        );
    }

    fn passes_of(path: &str, line: &str, lines: usize) -> Vec<Vec<Lens>> {
        let body: String = (0..lines).map(|_| format!("+{line}\n")).collect();
        let diff = format!(
            "diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{lines} @@\n{body}"
        );
        let change = crate::diff::parse::parse(diff.into_bytes().into()).expect("a diff");
        let all = crate::diff::pack::pack(&change, &[None], &|_, _| true, &|_| None, 1 << 20);
        passes(&change, &all.packs[0])
    }

    #[test]
    fn lenses_are_chosen_by_what_the_lines_and_paths_speak_of() {
        use Lens::{Compatibility, Concurrency, ErrorHandling, Pipeline, Security, Tests};
        let check = |path: &str, line: &str, lines: usize, expect: &[&[Lens]]| {
            assert_eq!(passes_of(path, line, lines), expect, "{path}: {lines} x {line}");
        };
        check("a.go", "x := 1", 100, &[]);
        check("a.go", "mu.Lock()", 60, &[]);
        check("a.go", "mu.Lock()", 100, &[&[Concurrency]]);
        check("a.go", "if err != nil { mu.Lock() }", 100, &[&[ErrorHandling, Concurrency]]);
        check(
            "a.go",
            "func Get() error { mu.Lock() }",
            100,
            &[&[ErrorHandling, Concurrency], &[Compatibility]],
        );
        check(
            "a.go",
            "func Get() error { mu.Lock() }",
            700,
            &[&[ErrorHandling], &[Compatibility], &[Concurrency]],
        );
        check("a_test.go", "x := 1", 100, &[&[Tests]]);
        check("a_test.go", "token := password", 100, &[&[Tests]]);
        check("a.go", "token := password", 100, &[&[Security]]);
        check(".github/workflows/ci.yml", "a: 1", 100, &[&[Pipeline]]);
    }
}
