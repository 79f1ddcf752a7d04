//! Writes what is proposed into the configuration's text; comments and layout
//! of what is there stay as they are.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value, value};

use super::group::Proposal;
use crate::inputs::CONFIG_FILE;

/// The text with one `[[path]]` more for each pattern.
///
/// # Errors
/// The text is not TOML, or its `path` is not what it has to be.
pub fn apply(text: &str, proposals: &[Proposal]) -> anyhow::Result<String> {
    let (mark, plain) = match text.strip_prefix('\u{feff}') {
        Some(rest) => ("\u{feff}", rest),
        None => ("", text),
    };
    let mut document: DocumentMut =
        plain.parse().with_context(|| format!("cannot read {CONFIG_FILE}"))?;
    let mut globs: BTreeMap<&str, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    for proposal in proposals {
        match proposal {
            Proposal::Rule { glob, id } => globs.entry(glob).or_default().0.push(id),
            Proposal::Remark { glob, line } => globs.entry(glob).or_default().1.push(line),
        }
    }
    let paths = document.entry("path").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    for (glob, (rules, lines)) in globs {
        let mut fields: Vec<(&str, Value)> = vec![("glob", glob.into())];
        if !rules.is_empty() {
            fields.push(("ignore_rules", rules.into_iter().collect::<Array>().into()));
        }
        if !lines.is_empty() {
            fields.push(("instructions", lines.join("\n").into()));
        }
        match paths {
            Item::ArrayOfTables(tables) => {
                let mut table = Table::new();
                fields.into_iter().for_each(|(key, field)| drop(table.insert(key, value(field))));
                if !plain.trim().is_empty() {
                    table.decor_mut().set_prefix("\n");
                }
                tables.push(table);
            }
            Item::Value(Value::Array(array)) => {
                let mut table = InlineTable::new();
                fields.into_iter().for_each(|(key, field)| drop(table.insert(key, field)));
                array.push(table);
            }
            _ => bail!("cannot add to {CONFIG_FILE}: its `path` is no array of tables"),
        }
    }
    Ok(format!("{mark}{document}"))
}
