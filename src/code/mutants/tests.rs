//! What each operator changes, and what it leaves alone.

mod aside;
mod ends;
mod operators;
mod results;
mod syntax;

use super::*;
use crate::code::language::Language;
use crate::code::parse::parse;

/// The mutants of a text whose lines are all wanted.
fn all(language: Language, code: &str) -> Vec<Mutant> {
    let parsed = parse(language, code.as_bytes()).expect("it can be read");
    assert_eq!(parsed.errors(), 0, "{language:?} {code}");
    mutants(&parsed, &|_| true)
}

/// The changes by one operator on a line.
fn changes(language: Language, code: &str, line: u32, operator: &str) -> Vec<String> {
    all(language, code)
        .into_iter()
        .filter(|mutant| mutant.line == line && mutant.operator == operator)
        .map(|mutant| mutant.change.replace('`', ""))
        .collect()
}

/// Checks all changes of an operator on a line.
fn check(language: Language, operator: &str, code: &str, line: u32, expect: &[&str]) {
    let mut expect = expect.to_vec();
    let mut found = changes(language, code, line, operator);
    expect.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expect, "{operator} {language:?} {code}");
}

/// A statement in a function of its language, on the second line.
fn in_function(language: Language, statement: &str) -> String {
    match language {
        Language::Rust => format!("fn f() {{\n{statement}\n}}\n"),
        Language::Python => format!("def f():\n    {statement}\n    return g()\n"),
        Language::Go => format!("package p\nfunc f() {{ {statement}\n}}\n"),
        Language::Java => format!("class A {{\nvoid f() {{ {statement} }}\n}}\n"),
        Language::Php => format!("<?php\nfunction f() {{ {statement} }}\n"),
        Language::Ruby => format!("def f\n  {statement}\n  g\nend\n"),
        Language::C => format!("void f(void) {{\n{statement}\n}}\n"),
        _ => format!("function f() {{\n{statement}\n}}\n"),
    }
}

/// Checks the changes in a statement, in any of the languages.
fn check_all(operator: &str, cases: &[(Language, &str, &[&str])]) {
    for (language, statement, expect) in cases {
        check(*language, operator, &in_function(*language, statement), 2, expect);
    }
}
