//! `action.yml` and `docs/inputs.md`, made from the table. A test compares the
//! files with these texts; `UPDATE_DOCS=1` makes it write them.

use std::fmt::Write;

use super::config::CONFIG_FILE;
use super::table::{Group, HOST_VARIABLES, INPUTS, Input, Kind, OUTPUTS};

/// The whole of `action.yml`.
pub fn action_yml() -> String {
    let mut text = String::from(
        "\
# Made from src/inputs/table.rs; `UPDATE_DOCS=1 cargo test --test inputs_docs` writes it.
# No input but the token has a default here: it would always be set, and so beat
# .pipewright.toml. The defaults are the program's own.
name: Pipewright
description: Reviews a change and says only what it can prove
author: The Pipewright authors
branding:
  icon: check-circle
  color: blue

inputs:
",
    );
    for input in INPUTS.iter().filter(|input| input.action) {
        let default = match input.default_text() {
            default if default.is_empty() => String::new(),
            default if input.action_default.is_empty() => format!(" Default: {default}."),
            _ => String::new(),
        };
        let values = match input.kind {
            Kind::Choice(_) | Kind::Choices(_) => format!(" Takes {}.", input.kind.describe()),
            _ => String::new(),
        };
        let description = format!("{}{values}{default}", input.help);
        let _ = writeln!(text, "  {}:", input.name);
        let _ = writeln!(text, "    description: {}", yaml_text(&description));
        let _ = writeln!(text, "    required: false");
        if !input.action_default.is_empty() {
            let _ = writeln!(text, "    default: {}", input.action_default);
        }
    }
    text.push_str("\noutputs:\n");
    for (name, help) in OUTPUTS {
        let _ = writeln!(text, "  {name}:\n    description: {}", yaml_text(help));
    }
    text.push_str("\nruns:\n  using: docker\n  image: Dockerfile\n");
    text
}

/// A double-quoted scalar; our texts hold no control characters.
fn yaml_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The whole of `docs/inputs.md`.
pub fn inputs_md() -> String {
    let mut text = format!(
        "\
<!-- Made from src/inputs/table.rs; `UPDATE_DOCS=1 cargo test --test inputs_docs` writes it. -->

# Inputs

Every input has one name and up to four spellings. The strongest one that is given wins:

| | spelling | example |
|---|---|---|
| 1 | a flag | `--max-findings 20` |
| 2 | an input of the action or plugin | `max_findings: 20` in `with:` (`INPUT_MAX_FINDINGS`; `PLUGIN_MAX_FINDINGS` on Drone and Harness) |
| 3 | a variable | `PIPEWRIGHT_MAX_FINDINGS=20` |
| 4 | a key of `{CONFIG_FILE}` at the base revision | `max_findings = 20` |

Then the host's own variable where one is listed below (before `{CONFIG_FILE}`), then the default.

- An empty value is unset.
- Lists are separated by commas or new lines; in `{CONFIG_FILE}` they may be arrays.
- An unknown key or value is an error that names its source and the nearest right one. All
  errors are shown at once, with exit code 2, and nothing is asked or posted.
- A secret comes from a variable, or from a file that the variable's name with `_FILE` names
  (`ANTHROPIC_API_KEY_FILE`); never from a flag or from `{CONFIG_FILE}`.
- `pipewright config` prints every input's value and where it came from, secrets masked.

"
    );
    for group in Group::ALL {
        let _ = writeln!(text, "## {}\n", group.title());
        text.push_str("| input | values | default | |\n|---|---|---|---|\n");
        for input in INPUTS.iter().filter(|input| input.group == group) {
            let values = input.kind.describe();
            let default = input.default_text();
            let _ = writeln!(
                text,
                "| `{}` | {values} | {default} | {}{} |",
                input.name,
                input.help,
                spellings(input)
            );
        }
        text.push('\n');
    }
    let _ = write!(
        text,
        "\
## `{CONFIG_FILE}`

The file in the root of the repository, as it stands at the **base** revision: a pull request
cannot change the rules it is judged by. Its keys are the inputs above that are not marked
otherwise, and these tables:

```toml
fail_on = \"medium\"
ignore = [\"docs/\", \"*.snap\"]

[review]
instructions = \"We support the last two releases; flag changes to public signatures.\"
model = \"claude-opus-5-5\"     # for this task; `light_model` and `fallback_model` likewise

[[price]]                     # US dollars per million tokens; see docs/models.md
model = \"claude-opus-5-5\"     # a name, `provider:name`, or a pattern such as `claude-*`
input = 3.2
cache_write = 4.0
cache_read = 0.16
output = 16.0

[[path]]                      # as many as you like
glob = [\"migrations/\", \"*.sql\"]
instructions = \"Every migration can be rolled back.\"

[[path]]
glob = \"third_party/\"
ignore = true                 # like `ignore` above

[[path]]
glob = \"scripts/\"
ignore_rules = [\"debug-output\"] # rules that say nothing there; `semgrep/RULE` for a scanner's

[policy]
autonomy = \"propose\"          # the most any run may do, whatever its inputs say
asker = \"write\"               # who may ask by a comment: read, triage, write or admin
```

### Patterns

A pattern without a slash matches at any depth (`*.md`), one with a slash from the root
(`src/*.rs`), and so does one that begins with a slash (`/Makefile`). `*` stops at slashes, `**`
does not. What matches a folder covers all below it.

## Variables of the host

These are read where the host sets them:

| variable | use |
|---|---|
"
    );
    for (name, help) in HOST_VARIABLES {
        let _ = writeln!(text, "| `{name}` | {help} |");
    }
    text
}

/// Which spellings an input lacks or has besides the usual ones.
fn spellings(input: &Input) -> String {
    let mut notes = Vec::new();
    if !input.variables.is_empty() {
        let names: Vec<String> = input.variables.iter().map(|name| format!("`{name}`")).collect();
        notes.push(format!("Also {}.", names.join(", ")));
    }
    if input.kind == Kind::Secret {
        notes.push("No flag, no key.".to_owned());
    } else if !input.config {
        notes.push(format!("Not in `{CONFIG_FILE}`."));
    }
    if !input.action {
        notes.push("No input of the action.".to_owned());
    }
    notes.into_iter().map(|note| format!(" {note}")).collect()
}
