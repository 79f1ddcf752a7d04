//! `pipewright config`: every input's value and where it came from.

use std::io::Write as _;

use anyhow::anyhow;

use crate::failure::Failure;
use crate::forge::local;
use crate::inputs::{self, CONFIG_FILE, ConfigText, Gathered, Inputs};
use crate::task::review::base;

/// Print all inputs, `.pipewright.toml` at the base revision included where a
/// checkout is at hand.
pub fn run(gathered: &Gathered, inputs: &Inputs) -> Result<u8, Failure> {
    let config = config_at_base(inputs);
    let resolved =
        gathered.resolve(config.as_ref()).map_err(|errors| Failure::Inputs(anyhow!("{errors}")))?;
    let text = inputs::show(&resolved);
    let _ = anstream::stdout().write_all(text.as_bytes());
    Ok(0)
}

/// `.pipewright.toml` at the base revision, where a checkout is at hand.
pub fn config_at_base(inputs: &Inputs) -> Option<ConfigText> {
    let local = local::open(&inputs.host.workspace).ok()?;
    let change = local.change(inputs.base.as_deref(), inputs.head.as_deref()).ok()?;
    let text = base::from_repository(&local, &change.base).ok()?.config?;
    let short = change.base.get(..7).unwrap_or(&change.base);
    Some(ConfigText { text, origin: format!("{CONFIG_FILE} at {short}") })
}
