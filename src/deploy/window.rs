//! Which times are asked for, by role.

use anyhow::{anyhow, bail};

use crate::decide::spec::Spec;

/// How long the time before a deployment is where the spec does not say.
const BEFORE: i64 = 60 * 60_000;

const DAY: i64 = 24 * 60 * 60_000;

/// Two times, in milliseconds since 1970.
pub(in crate::deploy) type Window = (i64, i64);

/// The times of a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::deploy) struct Times {
    /// From the start of the new version.
    pub(in crate::deploy) canary: Window,
    /// The same time, for a baseline that runs beside.
    pub(in crate::deploy) beside: Window,
    /// The time before the start, for one that does not.
    pub(in crate::deploy) before: Window,
    /// Which of both the strategy says; `None` where it is unsaid.
    pub(in crate::deploy) runs_beside: Option<bool>,
}

impl Times {
    /// Of a spec, as of `now`.
    ///
    /// # Errors
    /// It does not say when the new version began, or that is to come.
    pub(in crate::deploy) fn of(spec: &Spec, now: i64) -> anyhow::Result<Self> {
        let start = spec.deployment.started_at.ok_or_else(|| {
            anyhow!(
                "`deployment.started_at` is missing: without it no time can be asked for; give it"
            )
        })?;
        if start >= now {
            bail!("`deployment.started_at` is to come: there is nothing to measure yet");
        }
        let end = spec.windows.canary.map_or(now, |length| start.saturating_add(length).min(now));
        let before = spec.windows.baseline.unwrap_or_else(|| BEFORE.max(end - start));
        Ok(Times {
            canary: (start, end),
            beside: (start, end),
            before: (start.saturating_sub(before), start),
            runs_beside: spec.deployment.strategy.map(|strategy| strategy.runs_beside()).or(spec
                .deployment
                .weight
                .filter(|weight| *weight > 0.0 && *weight < 1.0)
                .map(|_| true)),
        })
    }

    /// The same hours of the `days` days before, the newest first: from the start of
    /// the baseline to the end of the new version's window.
    pub(in crate::deploy) fn history(&self, days: u32) -> Vec<Window> {
        let from = if self.runs_beside == Some(true) { self.canary.0 } else { self.before.0 };
        // A baseline of more than a day would meet itself.
        let from = from.max(self.canary.1 - DAY);
        (1..=i64::from(days)).map(|day| (from - day * DAY, self.canary.1 - day * DAY)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::spec::Strategy;

    const MINUTE: i64 = 60_000;

    #[test]
    fn times_follow_the_strategy() {
        let start = 10 * DAY;
        let mut spec = Spec::default();
        assert!(Times::of(&spec, start).is_err());
        spec.deployment.started_at = Some(start);
        assert!(Times::of(&spec, start).is_err());
        spec.windows.canary = Some(30 * MINUTE);
        let times = Times::of(&spec, start + 10 * MINUTE).unwrap();
        assert_eq!(times.canary, (start, start + 10 * MINUTE));
        let times = Times::of(&spec, start + DAY).unwrap();
        assert_eq!(times.canary, (start, start + 30 * MINUTE));
        assert_eq!(times.before, (start - 60 * MINUTE, start));
        assert_eq!(times.runs_beside, None);
        assert_eq!(
            times.history(2)[1],
            (start - 60 * MINUTE - 2 * DAY, start + 30 * MINUTE - 2 * DAY)
        );
        for (strategy, expect) in [(Strategy::BlueGreen, true), (Strategy::Rolling, false)] {
            spec.deployment.strategy = Some(strategy);
            let times = Times::of(&spec, start + DAY).unwrap();
            assert_eq!(times.runs_beside, Some(expect));
        }
    }
}
