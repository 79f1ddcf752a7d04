//! A test without its assertions.
