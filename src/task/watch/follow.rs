//! Following an execution: fast at first, then slower, never without end.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::time::{Instant, sleep, sleep_until};

use super::Room;
use super::basis::Looks;
use crate::deploy::{Execution, Status};
use crate::failure::Failure;

/// The first wait between two looks.
const FIRST: Duration = Duration::from_millis(500);
/// The longest.
const LONGEST: Duration = Duration::from_secs(15);
/// How often in a row the platform may fail to answer.
const FAILURES: u32 = 6;

/// Why following ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The execution did.
    Over,
    /// The time did.
    OutOfTime,
    /// What is measured calls for something at once.
    Decided,
    /// This run is a step of the execution.
    Own,
}

/// An execution as it was last seen.
pub struct Followed {
    /// The execution.
    pub execution: Execution,
    /// Why following ended.
    pub end: End,
    /// How often it was looked at.
    pub polls: u32,
}

/// How long until the next look.
#[derive(Debug)]
pub struct Pace(Duration);

impl Default for Pace {
    fn default() -> Self {
        Pace(FIRST)
    }
}

impl Pace {
    /// The next wait: short again after something has changed.
    pub fn next(&mut self, changed: bool) -> Duration {
        if changed {
            self.0 = FIRST;
        }
        let wait = self.0;
        self.0 = self.0.mul_f64(1.5).min(LONGEST);
        wait
    }
}

/// Follow the execution to its end, to the end of the time, or until its spec calls for
/// something.
///
/// # Errors
/// The platform cannot be reached, or refuses, again and again.
pub async fn follow(room: &Room<'_>) -> Result<Followed, Failure> {
    let mut pace = Pace::default();
    let mut shown = Shown::default();
    let mut looks = Looks::default();
    let mut last: Option<Execution> = None;
    let (mut polls, mut failures) = (0, 0);
    room.progress.stage(format!("asking {}", room.deployer.host()));
    loop {
        let mut changed = false;
        match room.deployer.execution().await {
            Ok(execution) => {
                (polls, failures) = (polls + 1, 0);
                changed = shown.update(room, &execution);
                let end = if execution.status.is_final() {
                    Some(End::Over)
                } else if room.is_own(&execution) {
                    Some(End::Own)
                } else if looks.call_for_something(room, &execution).await {
                    Some(End::Decided)
                } else {
                    None
                };
                if let Some(end) = end {
                    return Ok(Followed { execution, end, polls });
                }
                last = Some(execution);
            }
            Err(error) => {
                failures += 1;
                tracing::warn!("{}", room.scrubber.sanitize_line(&format!("{error:#}")));
                if failures > FAILURES || last.is_none() && failures > 2 {
                    return Err(Failure::Platform(error));
                }
            }
        }
        if Instant::now() >= room.deadline {
            let execution = last
                .ok_or_else(|| anyhow!("no answer came in time"))
                .with_context(|| format!("cannot follow the execution at {}", room.deployer.host()))
                .map_err(Failure::Platform)?;
            return Ok(Followed { execution, end: End::OutOfTime, polls });
        }
        tokio::select! {
            () = sleep(pace.next(changed)) => {}
            () = sleep_until(room.deadline) => {}
        }
    }
}

/// Follow it further, after something was done to it; as it is at the end or when the
/// time is over.
pub async fn settle(room: &Room<'_>, before: &Execution) -> Execution {
    let mut pace = Pace::default();
    let mut shown = Shown::default();
    shown.remember(before);
    let mut last = before.clone();
    while Instant::now() < room.deadline {
        match room.deployer.execution().await {
            Ok(execution) => {
                let changed = shown.update(room, &execution);
                last = execution;
                if last.status.is_final() || room.is_own(&last) {
                    break;
                }
                sleep(pace.next(changed)).await;
            }
            Err(error) => {
                tracing::warn!("{}", room.scrubber.sanitize_line(&format!("{error:#}")));
                sleep(pace.next(false)).await;
            }
        }
    }
    last
}

/// What was shown last of each part.
#[derive(Default)]
struct Shown {
    whole: Option<Status>,
    parts: BTreeMap<String, Status>,
}

impl Shown {
    fn remember(&mut self, execution: &Execution) {
        self.whole = Some(execution.status.clone());
        for (key, _, status) in parts(execution) {
            self.parts.insert(key, status.clone());
        }
    }

    /// Show what has changed; whether something has.
    fn update(&mut self, room: &Room<'_>, execution: &Execution) -> bool {
        let mut lines = Vec::new();
        if self.whole.as_ref() != Some(&execution.status) {
            if let Status::Unknown(_) = &execution.status {
                lines.push("its status is a new one, which is followed like one under way".into());
            }
            let name = if execution.name.is_empty() { &execution.id } else { &execution.name };
            lines.push(format!("{name} {}", execution.status.words()));
        }
        for (key, name, status) in parts(execution) {
            if self.parts.get(&key) != Some(status) && *status != Status::NotStarted {
                lines.push(format!("{name} {}", status.words()));
            }
        }
        self.remember(execution);
        let now = parts(execution).filter(|(_, _, status)| status.is_under_way()).last();
        room.progress.stage(match now {
            Some((_, name, status)) => format!("{name} {}", status.words()),
            None => format!("{} {}", execution.name, execution.status.words()),
        });
        if !room.inputs.host.stderr_terminal {
            let mut stderr = anstream::stderr();
            for line in &lines {
                let line = room.scrubber.sanitize_plain(&room.scrubber.sanitize_line(line));
                let _ = writeln!(stderr, "pipewright: {line}");
            }
        }
        !lines.is_empty()
    }
}

/// Stages and steps with a key, a name and their status.
fn parts(execution: &Execution) -> impl Iterator<Item = (String, String, &Status)> {
    let stages = execution
        .stages
        .iter()
        .map(|stage| (format!("stage {}", stage.identifier), stage.name.clone(), &stage.status));
    let steps = execution.steps.iter().map(|step| {
        let name = match step.stage.is_empty() {
            true => step.name.clone(),
            false => format!("{}: {}", step.stage, step.name),
        };
        (format!("step {}", step.id), name, &step.status)
    });
    stages.chain(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_come_fast_at_first_and_after_a_change() {
        let mut pace = Pace::default();
        let waits: Vec<u128> = (0..20).map(|_| pace.next(false).as_millis()).collect();
        assert_eq!(waits[..3], [500, 750, 1_125]);
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(waits[19], LONGEST.as_millis());
        assert_eq!(pace.next(true), FIRST);
        assert_eq!(pace.next(false).as_millis(), 750);
    }
}
