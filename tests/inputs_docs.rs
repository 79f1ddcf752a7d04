//! Keeps `action.yml`, the command line and `docs/inputs.md` equal to the table
//! of inputs. `UPDATE_DOCS=1` writes the files.

use std::collections::BTreeSet;
use std::path::Path;

use pipewright::inputs::{self, INPUTS, Kind, docs, table};

/// Compares a file with what it has to be, or writes it.
fn check(path: &str, expect: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, expect).unwrap();
    }
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        text == expect,
        "{path} is out of date: run `UPDATE_DOCS=1 cargo test --test inputs_docs`"
    );
}

#[test]
fn action_yml_is_up_to_date() {
    check("action.yml", &docs::action_yml());
}

#[test]
fn docs_are_up_to_date() {
    check("docs/inputs.md", &docs::inputs_md());
}

/// The keys right below a top-level key of a YAML file, by indentation.
fn keys_below(text: &str, section: &str) -> BTreeSet<String> {
    text.lines()
        .skip_while(|line| *line != format!("{section}:"))
        .skip(1)
        .take_while(|line| line.is_empty() || line.starts_with(' '))
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .map(|line| line.trim().trim_end_matches(':').to_owned())
        .collect()
}

fn names(inputs: impl Iterator<Item = &'static inputs::Input>) -> BTreeSet<String> {
    inputs.map(|input| input.name.to_owned()).collect()
}

#[test]
fn action_inputs_and_flags_are_the_table() {
    check("action.yml", &docs::action_yml());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml");
    let action = std::fs::read_to_string(file).unwrap();
    assert_eq!(keys_below(&action, "inputs"), names(INPUTS.iter().filter(|i| i.action)));
    let outputs = table::OUTPUTS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(keys_below(&action, "outputs"), outputs);

    let command = inputs::command();
    let review = command.find_subcommand("review").unwrap();
    for command in [&command, review] {
        let visible = |arg: &&clap::Arg| !arg.is_hide_set() && arg.get_long().is_some();
        let flags = command
            .get_arguments()
            .filter(visible)
            .filter_map(clap::Arg::get_long)
            .filter(|long| !matches!(*long, "help" | "version" | "plan"))
            .map(|long| long.replace('-', "_"))
            .collect::<BTreeSet<_>>();
        assert_eq!(flags, names(INPUTS.iter().filter(|i| i.flag)));
    }
}

#[test]
fn only_the_token_has_a_default_in_the_action() {
    let action = docs::action_yml();
    let defaults: Vec<&str> =
        action.lines().map(str::trim).filter(|line| line.starts_with("default:")).collect();
    assert_eq!(defaults, ["default: ${{ github.token }}"]);
}

#[test]
fn secrets_are_neither_flags_nor_keys() {
    let mut secrets = 0;
    for input in INPUTS.iter().filter(|input| input.kind == Kind::Secret) {
        assert!(!input.flag && !input.config && !input.variables.is_empty(), "{}", input.name);
        secrets += 1;
    }
    assert!(secrets >= 3);
}

#[test]
fn every_input_is_named_once_and_explained() {
    let all: BTreeSet<&str> = INPUTS.iter().map(|input| input.name).collect();
    assert_eq!(all.len(), INPUTS.len());
    for input in INPUTS {
        assert!(input.help.ends_with('.'), "{}", input.name);
        assert!(!input.short_help().contains('\n'), "{}", input.name);
        // The runner upper-cases names and nothing else, so ours have to survive that.
        assert!(
            input.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit()),
            "{}",
            input.name
        );
        // A word such as `x_file` beside a secret `x` would read as that secret's file.
        let owner = input.name.strip_suffix("_file").and_then(table::find);
        assert!(owner.is_none_or(|owner| owner.kind != Kind::Secret), "{}", input.name);
    }
}
