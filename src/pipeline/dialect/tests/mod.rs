//! What holds for the graphs of real files, whatever their dialect.

mod graphs;
mod real;
