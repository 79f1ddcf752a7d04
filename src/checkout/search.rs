//! Lines of the working tree that match a regular expression.

use std::fmt;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use bstr::ByteSlice as _;
use regex::bytes::RegexBuilder;

use super::walk::{self, Scope};
use super::{Checkout, Refused, read_found};

/// Larger files are not searched.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Bytes that are searched before a search gives up.
const MAX_BYTES: u64 = 256 << 20;
/// Time after which a search gives up.
const MAX_TIME: Duration = Duration::from_secs(2);
/// A line's text is cut there.
const MAX_LINE: usize = 300;
/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 1000;

/// A line that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The file, relative to the root.
    pub path: String,
    /// From 1.
    pub line: u32,
    /// The line, at most 300 bytes of it; bytes that are not UTF-8 become U+FFFD.
    pub text: String,
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// In order of path and line.
    pub hits: Vec<Hit>,
    /// Files that were searched.
    pub files: usize,
    /// Whether a cap was reached, so that there may be more.
    pub truncated: bool,
}

/// Why nothing was listed or searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchError {
    /// The pattern is not a regular expression of
    /// <https://docs.rs/regex/latest/regex/#syntax>, or too large.
    Pattern(String),
    /// The glob is wrong.
    Glob(String),
    /// The folder is not answered.
    Refused(Refused),
}

impl fmt::Display for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SearchError::Pattern(why) => write!(f, "cannot use the pattern: {why}"),
            SearchError::Glob(why) => write!(f, "cannot use the glob: {why}"),
            SearchError::Refused(refused) => refused.fmt(f),
        }
    }
}

impl std::error::Error for SearchError {}

impl From<Refused> for SearchError {
    fn from(refused: Refused) -> Self {
        SearchError::Refused(refused)
    }
}

pub(super) fn search(
    checkout: &Checkout,
    pattern: &str,
    glob: Option<&str>,
    limit: usize,
) -> Result<Search, SearchError> {
    if pattern.is_empty() {
        return Err(SearchError::Pattern("it is empty".to_owned()));
    }
    if pattern.len() > MAX_PATTERN {
        return Err(SearchError::Pattern(format!("it is longer than {MAX_PATTERN} bytes")));
    }
    // In a whole file `^` and `$` stand at lines' ends, so that a file without
    // a match is passed over at once.
    let regex = RegexBuilder::new(pattern)
        .multi_line(true)
        .crlf(true)
        .size_limit(1 << 20)
        .dfa_size_limit(2 << 20)
        .build()
        .map_err(|error| SearchError::Pattern(error.to_string()))?;
    let wanted = glob.map(|glob| walk::globs([glob])).transpose()?;
    let deadline = Instant::now() + MAX_TIME;
    let mut found = Search::default();
    let mut bytes = 0_u64;
    let complete = walk::walk(checkout, "", Scope::Sources, &mut |path, full, metadata| {
        if Instant::now() > deadline || bytes > MAX_BYTES {
            return ControlFlow::Break(());
        }
        if wanted.as_ref().is_some_and(|wanted| !wanted.is_match(path)) {
            return ControlFlow::Continue(());
        }
        let Ok(data) = read_found(full, metadata, MAX_FILE_BYTES) else {
            return ControlFlow::Continue(());
        };
        if memchr::memchr(0, &data[..data.len().min(8000)]).is_some() {
            return ControlFlow::Continue(());
        }
        bytes += data.len() as u64;
        found.files += 1;
        if !regex.is_match(&data) {
            return ControlFlow::Continue(());
        }
        for (index, line) in data.lines().enumerate() {
            if !regex.is_match(line) {
                continue;
            }
            if found.hits.len() == limit {
                return ControlFlow::Break(());
            }
            found.hits.push(Hit {
                path: path.to_owned(),
                line: u32::try_from(index + 1).unwrap_or(u32::MAX),
                text: line[..line.len().min(MAX_LINE)].to_str_lossy().into_owned(),
            });
        }
        ControlFlow::Continue(())
    });
    found.truncated = !complete;
    Ok(found)
}
