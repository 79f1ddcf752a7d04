//! Readers of what scanners and test runners leave behind: bytes in, typed
//! data out, no filesystem.
//!
//! [`detect::read`] tells the format by content and reads it; `change` keeps
//! what it says to the lines a change touches. Every report is untrusted: no
//! reader panics, follows a reference out of the file, or expands an entity.

pub mod change;
pub mod clover;
pub mod cobertura;
pub mod codecov;
pub mod coverage;
pub mod coveragepy;
pub mod detect;
pub mod gocover;
pub mod gotest;
pub mod istanbul;
pub mod jacoco;
pub mod junit;
pub mod lcov;
pub mod llvm_cov;
pub mod paths;
pub mod results;
pub mod sarif;
mod text;
mod trace;
mod xml;

use std::fmt;

/// What a report file holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// Results of static analysis.
    Sarif(sarif::Log),
    /// Results of a test run.
    Tests(results::TestReport),
    /// Which lines a test run executed.
    Coverage(coverage::CoverageReport),
    /// Nothing that this room reads.
    Unknown,
}

/// A format that this room reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Static Analysis Results Interchange Format 2.1.0 (OASIS).
    Sarif,
    /// JUnit XML, in all its dialects.
    Junit,
    /// The event stream of `go test -json`.
    GoTest,
    /// lcov tracefiles, as of `geninfo(1)`.
    Lcov,
    /// Cobertura XML.
    Cobertura,
    /// JaCoCo XML.
    Jacoco,
    /// Clover XML.
    Clover,
    /// `go test -coverprofile`.
    GoCover,
    /// `coverage json` of coverage.py.
    CoveragePy,
    /// `llvm-cov export`.
    LlvmCov,
    /// Istanbul's `coverage-final.json` and `coverage-summary.json`.
    Istanbul,
    /// Codecov's custom JSON.
    Codecov,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Format::Sarif => "SARIF",
            Format::Junit => "JUnit XML",
            Format::GoTest => "go test JSON",
            Format::Lcov => "lcov",
            Format::Cobertura => "Cobertura XML",
            Format::Jacoco => "JaCoCo XML",
            Format::Clover => "Clover XML",
            Format::GoCover => "Go cover profile",
            Format::CoveragePy => "coverage.py JSON",
            Format::LlvmCov => "llvm-cov JSON",
            Format::Istanbul => "Istanbul JSON",
            Format::Codecov => "Codecov JSON",
        })
    }
}

/// Why a report could not be read: what is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// What it was read as.
    pub format: Format,
    /// The line, from 1, where there is one.
    pub line: Option<usize>,
    /// The column in characters, from 1, where it is known.
    pub column: Option<usize>,
    /// What is wrong, in words.
    pub what: String,
}

impl ReadError {
    fn at(format: Format, line: usize, column: Option<usize>, what: impl Into<String>) -> Self {
        ReadError { format, line: Some(line), column, what: what.into() }
    }

    fn json(format: Format, error: &serde_json::Error) -> Self {
        let full = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let what = full.strip_suffix(&place).unwrap_or(&full).to_owned();
        let known = error.line() > 0;
        ReadError {
            format,
            line: known.then_some(error.line()),
            column: known.then_some(error.column()),
            what,
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read {}: ", self.format)?;
        if let Some(line) = self.line {
            write!(f, "line {line}")?;
            if let Some(column) = self.column {
                write!(f, ", column {column}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for ReadError {}
