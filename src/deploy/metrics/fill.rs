//! Asks for all that a spec names, and puts the series in their place.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail};
use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use super::source::{self, Asked};
use super::{Labelled, Settings, one, promql};
use crate::decide::series::Series;
use crate::decide::spec::{Kind, Role, Signal, Source, Spec};
use crate::deploy::variables::{Variables, substitute, uses};
use crate::deploy::window::{Times, Window};
use crate::http::Client;

/// Most questions at the same time.
const SIDE_BY_SIDE: usize = 6;

/// Earlier days that are asked for where the spec does not say.
const DAYS: u32 = 7;

/// Fetches the series of all signals that name a `source`. Series that are there
/// already stay. Gives what has to be said, a sentence each.
///
/// What cannot be had of a signal that is neither critical nor required, or of other
/// roles than the new version and its baseline, is said and left out.
///
/// # Errors
/// The spec does not say what to ask for, a server could not be reached or refused, or
/// its answer is of no use, for a signal that is needed.
pub async fn fill(
    spec: &mut Spec,
    client: &Client,
    settings: &Settings,
) -> anyhow::Result<Vec<String>> {
    if spec.signals.iter().all(|signal| signal.source.is_none()) {
        return Ok(Vec::new());
    }
    let clock = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    };
    let times = Times::of(spec, settings.now.unwrap_or_else(clock))?;
    let mut remarks = BTreeSet::new();
    let mut tasks = Vec::new();
    for (index, signal) in spec.signals.iter().enumerate() {
        let Some(from) = &signal.source else { continue };
        let asked = source::open(from, client, settings)
            .with_context(|| format!("signal `{}`", signal.name))?;
        remarks.extend(asked.remark.clone());
        let planned = plan(spec, signal, from, &times, &mut remarks)
            .with_context(|| format!("signal `{}`", signal.name))?;
        let asked = std::sync::Arc::new(asked);
        tasks.extend(planned.into_iter().map(|question| (index, asked.clone(), question)));
    }
    let shared: &Spec = spec;
    let answers: Vec<_> = stream::iter(tasks)
        .map(|(index, asked, question)| async move {
            let got = ask(&asked, shared, &shared.signals[index], &question).await;
            (index, question, got)
        })
        .buffered(SIDE_BY_SIDE)
        .collect()
        .await;
    put(spec, answers, &mut remarks)?;
    Ok(remarks.into_iter().collect())
}

/// Whose series a question is about.
#[derive(Debug, Clone, PartialEq)]
enum Whose {
    Role(Role),
    /// Each series of the answer is an instance.
    Instances,
}

/// One question: a query, or a ratio's two, between two times.
#[derive(Debug, Clone)]
struct Question {
    whose: Whose,
    query: String,
    total: Option<String>,
    /// The times to ask for, one after the other until one gives something.
    windows: Vec<Window>,
    any_version: bool,
    needed: bool,
}

/// A query of one role, as the spec gives it: text, or `{query, total}`.
fn by_role(value: &Value) -> Option<(String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match value {
        Value::String(query) => Some((query.clone(), None)),
        Value::Object(both) => {
            let query = both.get("query").or_else(|| both.get("bad")).and_then(text)?;
            Some((query, both.get("total").and_then(text)))
        }
        _ => None,
    }
}

fn plan(
    spec: &Spec,
    signal: &Signal,
    from: &Source,
    times: &Times,
    remarks: &mut BTreeSet<String>,
) -> anyhow::Result<Vec<Question>> {
    let mut queries: BTreeMap<String, (String, Option<String>)> = BTreeMap::new();
    match from.options.get("queries") {
        None => {}
        Some(Value::Object(given)) => {
            for (role, query) in given {
                let query = by_role(query).ok_or_else(|| {
                    anyhow!("`queries.{role}` has to be a text, or `query` and `total`")
                })?;
                queries.insert(role.clone(), query);
            }
        }
        Some(_) => bail!("`queries` has to be queries by role: `canary`, `baseline`, …"),
    }
    // Files and addresses without a query give all that they have.
    let common = from
        .query
        .clone()
        .or_else(|| (source::needs_no_query(&from.kind) && queries.is_empty()).then(String::new));
    let common = common.map(|query| (query, from.total.clone()));
    let needed = signal.required || signal.critical;
    let tells_versions = |query: &(String, Option<String>)| {
        source::tells_versions(from)
            || ["version", "previous", "role"].iter().any(|name| uses(&query.0, name))
    };
    let mut questions = Vec::new();
    let mut add = |whose: Whose, query: (String, Option<String>), windows: Vec<Window>, needed| {
        if let Whose::Role(role) = &whose
            && signal.series.contains_key(role)
        {
            return;
        }
        let (query, total) = split(signal, from, query);
        let any_version = whose == Whose::Role(Role::History);
        questions.push(Question { whose, query, total, windows, any_version, needed });
    };
    let take = |queries: &mut BTreeMap<String, _>, role: &str| queries.remove(role);

    let canary = take(&mut queries, "canary").or_else(|| common.clone());
    let Some(canary) = canary else {
        bail!("it has a source, but no `query`");
    };
    add(Whose::Role(Role::Canary), canary, vec![times.canary], needed);

    let own = take(&mut queries, "baseline");
    let is_own = own.is_some();
    if let Some(baseline) = own.or_else(|| common.clone()) {
        let told = is_own || tells_versions(&baseline);
        let windows = match times.runs_beside {
            Some(true) if !told => bail!(
                "the baseline runs beside the new version, and the query gives both at once: put `$version` into it, or give `queries` with `canary` and `baseline`"
            ),
            Some(true) => vec![times.beside],
            Some(false) => vec![times.before],
            None if told => vec![times.beside, times.before],
            None => vec![times.before],
        };
        let wants_previous = !is_own && uses(&baseline.0, "version");
        if spec.deployment.first {
            // Nothing ran before.
        } else if wants_previous && spec.deployment.previous.is_none() {
            remarks.insert(format!(
                "`{}` has no baseline: `deployment.previous` is missing, and the query names a version",
                signal.name
            ));
        } else {
            add(Whose::Role(Role::Baseline), baseline, windows, needed);
        }
    }

    let days = match from.options.get("history_days") {
        None => DAYS,
        Some(days) => days
            .as_u64()
            .and_then(|days| u32::try_from(days).ok())
            .filter(|days| *days <= 60)
            .ok_or_else(|| anyhow!("`history_days` has to be a number up to 60"))?,
    };
    let own = take(&mut queries, "history");
    // Beside a baseline of the same time, earlier days tell nothing more.
    let wanted = own.is_some()
        || from.options.contains_key("history_days")
        || times.runs_beside != Some(true);
    if let Some(history) =
        own.or_else(|| common.clone()).filter(|_| wanted && !spec.deployment.first)
    {
        for window in times.history(days) {
            add(Whose::Role(Role::History), history.clone(), vec![window], false);
        }
    }

    for (role, query) in queries {
        let at = |kind: &str| {
            role.strip_prefix(kind).and_then(|rest| rest.strip_prefix(':')).map(str::to_owned)
        };
        let whole = vec![(times.before.0, times.canary.1)];
        if let Some(name) = at("dependency") {
            add(Whose::Role(Role::Dependency(name)), query, whole, false);
        } else if let Some(name) = at("sibling") {
            add(Whose::Role(Role::Sibling(name)), query, whole, false);
        } else if let Some(name) = at("instance") {
            add(Whose::Role(Role::Instance(name)), query, vec![times.canary], false);
        } else if role == "dependency" {
            for name in &spec.depends_on {
                let role = Role::Dependency(name.clone());
                add(Whose::Role(role), query.clone(), whole.clone(), false);
            }
        } else if role == "instance" || role == "instances" {
            if uses(&query.0, "instance") {
                for one in &spec.health {
                    let role = Role::Instance(one.instance.clone());
                    add(Whose::Role(role), query.clone(), vec![times.canary], false);
                }
            } else {
                add(Whose::Instances, query, vec![times.canary], false);
            }
        } else {
            bail!(
                "`queries.{role}` is no role: there are `canary`, `baseline`, `history`, `instance`, `instance:NAME`, `dependency`, `dependency:NAME` and `sibling:NAME`"
            );
        }
    }
    Ok(questions)
}

/// A ratio's query that is one division becomes two queries: counts say how sure a
/// share is, and a share alone does not.
fn split(
    signal: &Signal,
    from: &Source,
    (query, total): (String, Option<String>),
) -> (String, Option<String>) {
    if signal.kind != Kind::Ratio || from.options.contains_key("bad") {
        return (query, None);
    }
    let total = total.or_else(|| from.total.clone());
    if total.is_none()
        && source::divides(&from.kind)
        && let Some((bad, total)) = promql::sides(&query)
    {
        return (bad, Some(total));
    }
    (query, total)
}

/// What was got: series with their roles, and remarks.
type Got = (Vec<(Role, Series)>, Vec<String>);

async fn ask(
    asked: &Asked,
    spec: &Spec,
    signal: &Signal,
    question: &Question,
) -> anyhow::Result<Got> {
    let mut got = (Vec::new(), Vec::new());
    for window in &question.windows {
        let answer = ask_at(asked, spec, signal, question, *window).await?;
        let points =
            |got: &Got| got.0.iter().flat_map(|(_, s)| s).filter(|p| p.value.is_finite()).count();
        if points(&answer) > points(&got) || got.0.is_empty() {
            got = answer;
        }
        if points(&got) > 0 {
            break;
        }
    }
    Ok(got)
}

async fn ask_at(
    asked: &Asked,
    spec: &Spec,
    signal: &Signal,
    question: &Question,
    window: Window,
) -> anyhow::Result<Got> {
    let variables = variables(spec, question, window);
    let read = |query: &str| {
        let mut variables = variables.clone();
        variables.step = crate::deploy::times::written(asked.step(signal, query, window));
        substitute(query, &variables, asked.language)
            .map_err(|name| {
                anyhow!("the query names `${name}`, which the spec does not give: {query}")
            })
            .map(|query| (query, variables))
    };
    // Without a version in the query, a range that reaches back beyond the start would
    // mix the old version into the new one's.
    let mixes = question.whose == Whose::Role(Role::Canary)
        && !["version", "instance", "role"].iter().any(|name| uses(&question.query, name));
    let (query, names) = read(&question.query)?;
    let start = |query: &str| match promql::range(query) {
        Some(range) if mixes && asked.reaches_back => {
            let step = asked.step(signal, query, window);
            (window.0 + (range - step).max(0)).min(window.1)
        }
        _ => window.0,
    };
    let role = match &question.whose {
        Whose::Role(role) => Some(role),
        Whose::Instances => None,
    };
    let answer = asked.answer(signal, &query, (start(&query), window.1), &names).await?;
    let mut remarks = answer.remarks;
    let wanted = wanted(spec, role);
    let mut series = told(answer.series, role, wanted)?;
    if let Some(total) = &question.total {
        let (total, names) = read(total)?;
        let totals = asked.answer(signal, &total, (start(&total), window.1), &names).await?;
        remarks.extend(totals.remarks);
        let mut totals = told(totals.series, role, wanted)?;
        if series.is_empty() {
            // Nothing failed: a server says nothing of what it never counted.
            series = totals.iter().map(|(role, _)| (role.clone(), Series::new())).collect();
        }
        totals.retain(|(_, total)| !total.is_empty());
        series = totals
            .into_iter()
            .map(|(role, total)| {
                let bad = series.iter().find(|(other, _)| *other == role);
                let bad = bad.map(|(_, points)| points.as_slice()).unwrap_or_default();
                let (points, odd) = super::ratio::join(bad, &total);
                remarks.extend(odd.map(|odd| format!("`{}`: {odd}", signal.name)));
                (role, points)
            })
            .collect();
    } else if signal.kind == Kind::Ratio {
        let points = || series.iter().flat_map(|(_, points)| points);
        if points().any(|p| p.value.is_finite()) && !points().any(|p| p.total > 0.0) {
            bail!(
                "it is a ratio, and its query gives no count: give the failures as `query` and all as `total`"
            );
        }
    }
    Ok((series, remarks))
}

fn variables(spec: &Spec, question: &Question, (from, to): Window) -> Variables {
    let deployment = &spec.deployment;
    let role = match &question.whose {
        Whose::Role(role) => Some(role),
        Whose::Instances => None,
    };
    let (name, version) = match role {
        Some(Role::Baseline) => ("baseline", &deployment.previous),
        Some(Role::History) => ("history", &deployment.previous),
        Some(Role::Dependency(_)) => ("dependency", &deployment.version),
        Some(Role::Sibling(_)) => ("sibling", &deployment.version),
        Some(Role::Instance(_)) | None => ("instance", &deployment.version),
        Some(Role::Canary) => ("canary", &deployment.version),
    };
    Variables {
        version: version.clone(),
        previous: deployment.previous.clone(),
        service: spec.service.clone(),
        instance: match role {
            Some(Role::Instance(name)) => Some(name.clone()),
            _ => None,
        },
        dependency: match role {
            Some(Role::Dependency(name) | Role::Sibling(name)) => Some(name.clone()),
            _ => None,
        },
        role: name.to_owned(),
        query: None,
        step: String::new(),
        from,
        to,
        any_version: question.any_version,
    }
}

/// The value of a label by which a role's series is told from others.
fn wanted<'s>(spec: &'s Spec, role: Option<&'s Role>) -> Option<&'s str> {
    match role? {
        Role::Canary => spec.deployment.version.as_deref(),
        Role::Baseline => spec.deployment.previous.as_deref(),
        Role::History => None,
        Role::Dependency(name) | Role::Sibling(name) | Role::Instance(name) => Some(name),
    }
}

/// The series with their roles.
fn told(
    mut series: Vec<Labelled>,
    role: Option<&Role>,
    wanted: Option<&str>,
) -> anyhow::Result<Vec<(Role, Series)>> {
    let Some(role) = role else {
        return instances(series);
    };
    if *role == Role::History && series.len() > 1 {
        // Several versions on one day are one another's continuation only if summed.
        bail!("the query gives {} series for an earlier day: aggregate them", series.len());
    }
    series.retain(|one| !one.points.is_empty());
    if series.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![(role.clone(), one(series, wanted)?)])
}

/// Names of labels that tell instances, the usual first.
const INSTANCE_LABELS: &[&str] =
    &["instance", "pod", "pod_name", "kubernetes_pod_name", "host", "hostname", "container_id"];

/// Each series as an instance, by the one label that tells them apart.
fn instances(series: Vec<Labelled>) -> anyhow::Result<Vec<(Role, Series)>> {
    let tells = |name: &str| {
        let values: BTreeSet<&String> = series.iter().filter_map(|s| s.labels.get(name)).collect();
        values.len() == series.len()
    };
    let others = series.first().map(|one| one.labels.keys().cloned().collect::<Vec<_>>());
    let name = INSTANCE_LABELS
        .iter()
        .map(|name| (*name).to_owned())
        .chain(others.unwrap_or_default())
        .find(|name| tells(name));
    let Some(name) = name else {
        if series.is_empty() {
            return Ok(Vec::new());
        }
        bail!(
            "no label tells the {} series of `queries.instance` apart: aggregate by one, as `sum by (pod) (…)`",
            series.len()
        );
    };
    let named = series
        .into_iter()
        .map(|mut one| (Role::Instance(one.labels.remove(&name).unwrap_or_default()), one.points));
    Ok(named.collect())
}

type Answered = (usize, Question, anyhow::Result<Got>);

/// Puts what came into the spec, and says what did not.
fn put(
    spec: &mut Spec,
    answers: Vec<Answered>,
    remarks: &mut BTreeSet<String>,
) -> anyhow::Result<()> {
    let failed = answers.iter().filter(|(.., got)| got.is_err()).count();
    let all_failed = failed == answers.len();
    for (index, question, got) in answers {
        let signal = &mut spec.signals[index];
        let (series, said) = match got {
            Ok(got) => got,
            Err(error) if question.needed || all_failed => {
                return Err(error.context(format!("signal `{}`", signal.name)));
            }
            Err(error) => {
                let whose = match &question.whose {
                    Whose::Role(role) => super::named(role),
                    Whose::Instances => "the instances".to_owned(),
                };
                remarks.insert(format!("`{}` of {whose} is missing: {error:#}", signal.name));
                continue;
            }
        };
        remarks.extend(said);
        for (role, points) in series {
            signal.series.entry(role).or_default().extend(points);
        }
    }
    for signal in spec.signals.iter().filter(|signal| signal.source.is_some()) {
        let all = || signal.series.values().flatten();
        if signal.kind == Kind::Ratio
            && all().any(|point| point.total > 0.0)
            && all().all(|point| point.value == 0.0)
        {
            remarks.insert(format!(
                "`{}`: nothing failed at any time; if that cannot be, look at its `query`",
                signal.name
            ));
        }
    }
    Ok(())
}
