//! Commands whose work this version does not do: they say so, and what helps instead.

use super::result::Reply;
use super::scene::Scene;

/// `tests`.
pub fn tests(scene: &Scene<'_>) -> Reply {
    nothing(
        scene,
        "This version writes no tests.",
        "Give the review your coverage report (`reports`): its summary lists the new lines that \
         no test reaches. `{} ask which case of this is not tested?` asks about one place",
    )
}

/// `{}` in `instead` stands for the trigger phrase.
fn nothing(scene: &Scene<'_>, what: &str, instead: &str) -> Reply {
    let phrase = scene.scrubber.sanitize_line(&scene.inputs.trigger_phrase);
    Reply::said(format!("{what} Nothing was done. {}.", instead.replace("{}", &phrase)))
}
