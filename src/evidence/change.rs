//! Keeps what reports say to the lines that a change touches.
