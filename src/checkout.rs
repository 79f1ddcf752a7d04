//! To be written: see the design.
