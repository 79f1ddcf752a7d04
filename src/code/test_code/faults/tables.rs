//! Names whose use makes a test depend on more than its code.

use crate::code::language::Language;
use crate::code::test_code::FaultKind;

mod c;
mod go;
mod java;
mod php;
mod python;
mod ruby;
mod rust;
mod script;

/// A name and what it does. `a.b` is that name where `a` is imported; `a.*` every
/// name of it; `:a` a name that is not imported; `~a.b` a name's end.
pub(super) type Row = (&'static str, FaultKind);

/// The rows of a language.
pub(super) fn rows(language: Language) -> &'static [Row] {
    match language {
        Language::Python => python::ROWS,
        Language::Rust => rust::ROWS,
        Language::Go => go::ROWS,
        Language::Java => java::ROWS,
        Language::JavaScript | Language::TypeScript | Language::Tsx => script::ROWS,
        Language::Ruby => ruby::ROWS,
        Language::Php => php::ROWS,
        Language::C => c::ROWS,
    }
}
