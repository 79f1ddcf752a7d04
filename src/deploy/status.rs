//! How far an execution, a stage or a step is: Harness' statuses, which are the richest,
//! for all hosts; those of the others are put into the same words.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// A status; the 28 of Harness' `ExecutionStatus`, and those that nobody knows yet.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub enum Status {
            $($(#[$doc])* $name,)*
            /// One that came after this was written, as it stands.
            Unknown(String),
        }

        impl Status {
            /// All that are known.
            pub const ALL: &'static [Status] = &[$(Status::$name),*];

            /// As the host writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Status::$name => stringify!($name),)*
                    Status::Unknown(text) => text,
                }
            }
        }
    };
}

statuses! {
    /// It runs.
    Running,
    /// It waits for something outside.
    AsyncWaiting,
    /// It waits for a delegate's task.
    TaskWaiting,
    /// It waits for a time.
    TimedWaiting,
    /// It failed.
    Failed,
    /// It failed before it could run.
    Errored,
    /// It failed, and that was to be ignored.
    IgnoreFailed,
    /// It has not begun.
    #[default]
    NotStarted,
    /// Its time ran out.
    Expired,
    /// Somebody stopped it.
    Aborted,
    /// It is being stopped.
    Discontinuing,
    /// It waits for its turn.
    Queued,
    /// Somebody holds it.
    Paused,
    /// It waits for a resource that another execution has.
    ResourceWaiting,
    /// It failed, and a person is asked what to do.
    InterventionWaiting,
    /// It waits for an approval.
    ApprovalWaiting,
    /// A wait step runs.
    WaitStepRunning,
    /// It waits for the licence.
    QueuedLicenseLimitReached,
    /// It waits for other executions.
    QueuedExecutionConcurrencyReached,
    /// It is done.
    Success,
    /// It was left out because of what stopped before it.
    Suspended,
    /// It was left out by a condition.
    Skipped,
    /// It is about to be held.
    Pausing,
    /// Somebody said no.
    ApprovalRejected,
    /// It waits for an input.
    InputWaiting,
    /// A freeze stopped it.
    AbortedByFreeze,
    /// It waits for an upload.
    UploadWaiting,
    /// It waits for a machine of the host.
    QueuedGlobalInfraCapacityReached,
}

impl Status {
    /// Reads a status in any case, with or without underscores (`NOT_STARTED` is an older
    /// spelling of `NotStarted`).
    pub fn read(text: &str) -> Self {
        let bare = |text: &str| text.replace('_', "").to_ascii_lowercase();
        let wanted = bare(text.trim());
        if wanted == "waiting" {
            return Status::AsyncWaiting;
        }
        let known = Status::ALL.iter().find(|status| bare(status.as_str()) == wanted);
        known.cloned().unwrap_or_else(|| Status::Unknown(text.trim().to_owned()))
    }

    /// Whether nothing more comes. An unknown status is not taken for an end: whoever
    /// waits has a bound of his own.
    pub fn is_final(&self) -> bool {
        self.is_good() || self.is_bad()
    }

    /// Whether it ended as it should, or was left out.
    pub fn is_good(&self) -> bool {
        matches!(self, Status::Success | Status::Skipped | Status::IgnoreFailed | Status::Suspended)
    }

    /// Whether it ended otherwise.
    pub fn is_bad(&self) -> bool {
        matches!(
            self,
            Status::Failed
                | Status::Errored
                | Status::Expired
                | Status::Aborted
                | Status::AbortedByFreeze
                | Status::ApprovalRejected
        )
    }

    /// Whether it has begun and not ended.
    pub fn is_under_way(&self) -> bool {
        !self.is_final() && !matches!(self, Status::NotStarted)
    }

    /// Whether it waits for a person.
    pub fn waits_for_a_person(&self) -> bool {
        matches!(
            self,
            Status::ApprovalWaiting
                | Status::InterventionWaiting
                | Status::InputWaiting
                | Status::Paused
        )
    }

    /// What it means, for a sentence that begins with what has it.
    pub fn words(&self) -> String {
        let words = match self {
            Status::Running | Status::WaitStepRunning => "runs",
            Status::AsyncWaiting | Status::TaskWaiting | Status::TimedWaiting => "waits",
            Status::Failed => "failed",
            Status::Errored => "could not be run",
            Status::IgnoreFailed => "failed, which is ignored",
            Status::NotStarted => "has not begun",
            Status::Expired => "ran out of time",
            Status::Aborted => "was aborted",
            Status::Discontinuing => "is being stopped",
            Status::Queued
            | Status::QueuedLicenseLimitReached
            | Status::QueuedExecutionConcurrencyReached
            | Status::QueuedGlobalInfraCapacityReached => "waits for its turn",
            Status::Paused | Status::Pausing => "is paused",
            Status::ResourceWaiting => "waits for a resource that another execution holds",
            Status::InterventionWaiting => "failed and waits for a person's intervention",
            Status::ApprovalWaiting => "waits for an approval",
            Status::Success => "succeeded",
            Status::Suspended => "was left out after what came before it",
            Status::Skipped => "was skipped",
            Status::ApprovalRejected => "was not approved",
            Status::InputWaiting => "waits for an input",
            Status::AbortedByFreeze => "was stopped by a deployment freeze",
            Status::UploadWaiting => "waits for an upload",
            Status::Unknown(text) => return format!("has the unknown status `{text}`"),
        };
        words.to_owned()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_as_written_and_in_older_spellings() {
        assert_eq!(Status::ALL.len(), 28);
        for status in Status::ALL {
            assert_eq!(&Status::read(status.as_str()), status);
        }
        for (text, expect) in [
            ("NOT_STARTED", Status::NotStarted),
            ("INTERVENTION_WAITING", Status::InterventionWaiting),
            ("APPROVAL_WAITING", Status::ApprovalWaiting),
            ("APPROVAL_REJECTED", Status::ApprovalRejected),
            ("Waiting", Status::AsyncWaiting),
            (" success ", Status::Success),
            ("Melting", Status::Unknown("Melting".into())),
            ("", Status::Unknown(String::new())),
        ] {
            assert_eq!(Status::read(text), expect, "{text}");
        }
    }

    #[test]
    fn ends_are_those_that_harness_names() {
        let ends: Vec<&str> =
            Status::ALL.iter().filter(|status| status.is_final()).map(Status::as_str).collect();
        assert_eq!(
            ends,
            [
                "Failed",
                "Errored",
                "IgnoreFailed",
                "Expired",
                "Aborted",
                "Success",
                "Suspended",
                "Skipped",
                "ApprovalRejected",
                "AbortedByFreeze"
            ]
        );
        assert!(!Status::Unknown("Melting".into()).is_final());
        assert!(Status::Unknown("Melting".into()).is_under_way());
        assert!(!Status::NotStarted.is_under_way());
    }
}
