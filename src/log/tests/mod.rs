//! Tests of the whole room.

mod real;
