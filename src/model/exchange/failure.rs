//! What becomes of a failed attempt.

use super::Wire;
use crate::http;
use crate::model::ModelError;

/// A failed attempt.
#[derive(Debug)]
pub(in crate::model) enum Failure {
    /// Another attempt may go well.
    Passing(anyhow::Error),
    /// It may go well with a new credential.
    Stale(anyhow::Error),
    /// It will not.
    Final(ModelError),
}

/// [`ModelError`] without its error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum Kind {
    Denied,
    TooLong,
    Rejected,
    Unavailable,
}

impl Kind {
    pub(in crate::model) fn error(self, error: anyhow::Error) -> ModelError {
        match self {
            Kind::Denied => ModelError::Denied(error),
            Kind::TooLong => ModelError::TooLong(error),
            Kind::Rejected => ModelError::Rejected(error),
            Kind::Unavailable => ModelError::Unavailable(error),
        }
    }
}

/// A failure before the reply began, which the provider did not explain.
pub(in crate::model) fn of_kind(error: &http::Error) -> Kind {
    match error {
        http::Error::NotSent(_) | http::Error::Broken(_) | http::Error::Deadline(_) => {
            Kind::Unavailable
        }
        http::Error::Status(_) | http::Error::TooLarge(_) | http::Error::Refused(_) => {
            Kind::Rejected
        }
    }
}

/// A reply that broke off after it began.
pub(in crate::model) fn broken(wire: &dyn Wire, error: http::Error) -> Failure {
    match error {
        http::Error::Broken(_) | http::Error::NotSent(_) => {
            Failure::Passing(anyhow::Error::new(error))
        }
        _ => wire.failure(error),
    }
}
