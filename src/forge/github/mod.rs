//! GitHub

mod api;
