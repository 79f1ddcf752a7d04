#!/bin/sh
# Prints how often the interval of a predicted saving holds the true one, by simulation:
# a Markdown table. Deterministic; takes about a minute.
set -eu
cd "$(dirname "$0")/.."
cargo test --release --lib pipeline::timing::saving::coverage::coverage_table -- --ignored --nocapture | grep '^|'
