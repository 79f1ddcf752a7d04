//! Why a run ends without a result, as far as the exit code tells.

use std::fmt;

/// A failure that users are told of in one line. The chain behind it is logged.
#[derive(Debug)]
pub enum Failure {
    /// The inputs or a file are wrong; nothing was asked or posted. Exit code 2.
    Inputs(anyhow::Error),
    /// A platform could not be reached or refused. Exit code 3.
    Platform(anyhow::Error),
    /// The model could not answer. Exit code 4.
    Model(anyhow::Error),
}

impl Failure {
    /// The documented exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Inputs(_) => 2,
            Failure::Platform(_) => 3,
            Failure::Model(_) => 4,
        }
    }

    /// The error with its causes.
    pub fn error(&self) -> &anyhow::Error {
        let (Failure::Inputs(error) | Failure::Platform(error) | Failure::Model(error)) = self;
        error
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error())
    }
}
