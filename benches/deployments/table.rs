//! What came of the kinds, as a table and as rates.

use std::collections::BTreeMap;
use std::fmt::Write;

use pipewright::decide::{Action, Decision};

use super::kinds::{Group, Kind};

/// How often each action was called for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Actions {
    pub proceed: u64,
    pub investigate: u64,
    pub rollback: u64,
}

impl Actions {
    pub fn add(&mut self, action: Action) {
        *self.of(action) += 1;
    }

    fn of(&mut self, action: Action) -> &mut u64 {
        match action {
            Action::Proceed => &mut self.proceed,
            Action::Investigate => &mut self.investigate,
            Action::Rollback => &mut self.rollback,
        }
    }

    fn all(self) -> u64 {
        self.proceed + self.investigate + self.rollback
    }

    fn wrong(mut self, right: &[Action]) -> u64 {
        self.all() - right.iter().map(|action| *self.of(*action)).sum::<u64>()
    }
}

/// What came of a kind's seeds.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub ours: Actions,
    pub kayenta: Actions,
    /// How often each (action, rule) was wrong, with the first seed and its reason.
    wrong: BTreeMap<(Action, &'static str), (u64, u64, String)>,
}

impl Tally {
    /// Notes a wrong decision.
    pub fn note(&mut self, seed: u64, decision: &Decision) {
        self.wrong
            .entry((decision.action, decision.rule))
            .or_insert_with(|| (0, seed, decision.reason.clone()))
            .0 += 1;
    }
}

fn word(action: Action) -> &'static str {
    match action {
        Action::Proceed => "proceed",
        Action::Investigate => "investigate",
        Action::Rollback => "rollback",
    }
}

/// The table and the rates.
pub fn markdown(rows: &[(&Kind, Tally)]) -> String {
    let mut text = String::from(
        "| Kind | Right | n | Proceed | Investigate | Roll back | Wrong | Kayenta-style \
         (proceed / investigate / roll back) | Wrong |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for (kind, tally) in rows {
        let right: Vec<&str> = kind.right.iter().map(|action| word(*action)).collect();
        let (ours, theirs) = (tally.ours, tally.kayenta);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} / {} / {} | {} |",
            kind.name,
            right.join(" or "),
            ours.all(),
            ours.proceed,
            ours.investigate,
            ours.rollback,
            ours.wrong(kind.right),
            theirs.proceed,
            theirs.investigate,
            theirs.rollback,
            theirs.wrong(kind.right),
        );
    }
    let wrong = |of: fn(&Tally) -> Actions| -> u64 {
        rows.iter().map(|(kind, tally)| of(tally).wrong(kind.right)).sum()
    };
    let all: u64 = rows.iter().map(|(_, tally)| tally.ours.all()).sum();
    text.push_str("\n| | Ours | Kayenta-style |\n|---|--:|--:|\n");
    let (ours, theirs) = (rates(rows, |tally| tally.ours), rates(rows, |tally| tally.kayenta));
    for (name, ours, theirs) in [
        ("Healthy ones rolled back", ours.healthy, theirs.healthy),
        ("Rolled back without cause", ours.falsely, theirs.falsely),
        ("Clear regressions rolled back", ours.clear, theirs.clear),
        ("Harmful ones let through", ours.through, theirs.through),
        (
            "Not what would be right",
            (wrong(|tally| tally.ours), all),
            (wrong(|tally| tally.kayenta), all),
        ),
    ] {
        let _ = writeln!(text, "| {name} | {} | {} |", share(ours), share(theirs));
    }
    text
}

/// The wrong decisions, most frequent first.
pub fn reasons(rows: &[(&Kind, Tally)]) -> String {
    let mut text = String::new();
    for (kind, tally) in rows {
        let mut wrong: Vec<_> = tally.wrong.iter().collect();
        wrong.sort_by_key(|(_, (count, ..))| std::cmp::Reverse(*count));
        for ((action, rule), (count, seed, reason)) in wrong {
            let action = word(*action);
            let _ = writeln!(
                text,
                "{}: {count} x {action} by `{rule}`, first by seed {seed}: {reason}",
                kind.name
            );
        }
    }
    text
}

/// What is promised, as (how many, of how many).
struct Rates {
    healthy: (u64, u64),
    falsely: (u64, u64),
    clear: (u64, u64),
    through: (u64, u64),
}

fn rates(rows: &[(&Kind, Tally)], of: fn(&Tally) -> Actions) -> Rates {
    let sum = |groups: &[Group], action: Action| {
        let rows = rows.iter().filter(|(kind, _)| groups.contains(&kind.group));
        rows.fold((0, 0), |(hits, all), (_, tally)| {
            let mut actions = of(tally);
            (hits + *actions.of(action), all + actions.all())
        })
    };
    Rates {
        healthy: sum(&[Group::Healthy], Action::Rollback),
        falsely: sum(&[Group::Healthy, Group::NotItsFault, Group::Other], Action::Rollback),
        clear: sum(&[Group::Clear], Action::Rollback),
        through: sum(&[Group::Clear, Group::Harmful], Action::Proceed),
    }
}

/// Whether our rates are what is promised.
pub fn rates_hold(rows: &[(&Kind, Tally)]) -> bool {
    let rates = rates(rows, |tally| tally.ours);
    let (falsely, clear, through) = (rates.falsely, rates.clear, rates.through);
    1_000 * falsely.0 <= falsely.1 && 100 * clear.0 >= 99 * clear.1 && 100 * through.0 <= through.1
}

fn share((hits, all): (u64, u64)) -> String {
    if all == 0 {
        return "none".to_owned();
    }
    format!("{:.2}% ({hits} of {all})", 100.0 * hits as f64 / all as f64)
}
