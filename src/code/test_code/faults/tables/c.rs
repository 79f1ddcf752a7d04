//! Names of C.

use super::Row;
use crate::code::test_code::FaultKind::{Clock, Environment, Network, Process, Random, Sleep};

pub(super) const ROWS: &[Row] = &[
    (":sleep", Sleep),
    (":usleep", Sleep),
    (":nanosleep", Sleep),
    (":socket", Network),
    (":time", Clock),
    (":clock_gettime", Clock),
    (":gettimeofday", Clock),
    (":rand", Random),
    (":random", Random),
    (":system", Process),
    (":fork", Process),
    (":exit", Process),
    (":_exit", Process),
    (":abort", Process),
    (":getenv", Environment),
];
