//! Slips of the pen: words near to one that is known are read as it.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Words that are looked for, as they stand in [`super::phrase`], long enough to be
/// told from others.
const KNOWN: &str = "action actions additionally against alert alpine analysis android ansible another \
application applications applied applies apply approval approvals approve approved approver approvers approves \
archive artifact artifacts assemble attach audit automatic automatically available azure backend before behind \
better between bitbucket branch branches browser bucket build building builds bundle cache cached caches \
caching canary cancel cancelled chart charts check checked checking checks client cloud cloudfront cluster \
clusters commit commits compile compiles concurrency conftest container containers coverage create creates \
cypress daily database default deliver dependencies dependency deploy deployed deploying deployment deployments \
deploys detection develop development different directory django docker dockerfile dotnet during email \
emails ensure environment environments every failed failing fails failure failures fastapi fastify finally \
flask folder format formatting fresh frontend generate github gitlab gitleaks golang google gradle green \
harness health healthy helm hourly image images include infrastructure install integration java javascript \
jenkins kotlin kubectl kubernetes kustomize laravel latest library linter linters linting lints linux locked \
machine macos maintain manual manually master matrix maven merge merged merges message microservice minutes \
mobile mongodb monorepo monthly mysql never nightly node notification notifications notified notifies notify \
nothing nuget optional others outdated package packages parallel passed passes passing path percent percents \
performance permission permissions pipeline pipelines planned playwright please policies policy postgres \
postgresql preprod privilege privileges production project promote promoted publish published publishes \
publishing pull push pushed pushes pushing pytest python rabbitmq react redis registry release released \
releases report reports repository request requests required results review revert reverts rolling \
rollback rollout rolls ruby rust schedule scheduled script scripts secret secrets security semgrep server \
service services shared should slack source spring staging standard static storage strategy succeed succeeds \
success successful suite system systems target targets teams terraform tested testing tests their them \
then there these third this those through timeout timeouts together traffic trigger triggered triggers \
typescript ubuntu unit until updates upload uses using validate verify version versions vitest vulnerabilities \
vulnerability weekday weekly where whether which while windows without workflow workspace would years scan \
scans scanned scanning scanner image blue after when with write writes running runs team every minute hours \
monday tuesday wednesday thursday friday saturday sunday morning evening night midnight leads engineering \
sandbox develop sends send tagged hotfix customer customers public private internal internally company needs \
needed allow allowed anything everything someone somebody people really simple quick quickly first second \
crates again about above across along already also always among around because been being below both could doing done";

static WORDS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| KNOWN.split_whitespace().collect());

/// Corrects slips in lower-case text; tells what was read as what.
pub fn correct(text: &str) -> (String, Vec<(String, String)>) {
    let mut out = String::with_capacity(text.len());
    let mut corrected = Vec::new();
    let mut word = String::new();
    let mut before = ' ';
    for c in text.chars().chain([' ']) {
        if c.is_ascii_lowercase() {
            word.push(c);
            continue;
        }
        // Parts of names, paths and addresses are not words.
        let alone = !is_name(before) && (!is_name(c) || matches!(c, '.' | ':'));
        match (alone && word.len() >= 4).then(|| near(&word)).flatten() {
            Some(known) => {
                out.push_str(known);
                corrected.push((word.clone(), known.to_owned()));
            }
            None => out.push_str(&word),
        }
        word.clear();
        out.push(c);
        before = c;
    }
    out.pop();
    (out, corrected)
}

fn is_name(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '_' | '/' | '.' | '@' | '#' | ':' | '`' | '$' | '\'')
}

fn near(word: &str) -> Option<&'static str> {
    if WORDS.contains(word) || super::phrase::is_common(word) || super::phrase::is_term(word) {
        return None;
    }
    // A plural or an ending of a known word is no slip.
    for ending in ["s", "es", "d", "ed", "ing", "ly", "er", "ers"] {
        if word.strip_suffix(ending).is_some_and(|stem| {
            WORDS.contains(stem)
                || super::phrase::is_common(stem)
                || WORDS.contains(format!("{stem}e").as_str())
        }) {
            return None;
        }
    }
    let most = if word.len() >= 8 { 2 } else { 1 };
    let mut best: Option<(usize, &'static str)> = None;
    for known in
        WORDS.iter().filter(|known| known.len() >= 4 && known.len().abs_diff(word.len()) <= most)
    {
        // People rarely miss the first letter.
        if known.as_bytes().first() != word.as_bytes().first() {
            continue;
        }
        // Short words have many neighbours: only letters left out or changed about count.
        if word.len() == 4 && known.len() == 4 && !same_letters(word, known) {
            continue;
        }
        let distance = distance(word.as_bytes(), known.as_bytes());
        if distance <= most && best.is_none_or(|so_far| (distance, *known) < so_far) {
            best = Some((distance, known));
        }
    }
    best.map(|(_, known)| known)
}

fn same_letters(a: &str, b: &str) -> bool {
    let sorted = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.sort_unstable();
        bytes
    };
    sorted(a) == sorted(b)
}

/// Edits between two words; two neighbours changed about count once.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, left) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, right) in b.iter().enumerate() {
            let mut least =
                (rows[i][j] + usize::from(left != right)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *left == b[j - 1] && a[i - 1] == *right {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_read_as_the_known_word() {
        let check = |text: &str, expect: &str| assert_eq!(correct(text).0, expect);
        check("deploi to kuberentes after aproval", "deploy to kubernetes after approval");
        check("the prodution enviroment", "the production environment");
        check("run tests on every pull request", "run tests on every pull request");
        check("image registry.acme.io/shoping/api", "image registry.acme.io/shoping/api");
        check("evry tets", "every tests");
        check("the text file goes to a load balancer", "the text file goes to a load balancer");
        check("", "");
    }
}
