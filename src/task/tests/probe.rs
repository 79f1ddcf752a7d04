//! Changed functions that break at once, to see whether a test runs them.

use super::changed::{ChangedFile, Function};
use crate::code::definitions::definitions;
use crate::code::language::Language;
use crate::code::parse::parse;

/// For each file the text in which all changed functions break at their start; files in
/// which none can be broken are left out.
pub fn all(named: &[(&ChangedFile, &Function)]) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<&ChangedFile> = Vec::new();
    for (file, _) in named {
        if !files.iter().any(|known| known.path == file.path) {
            files.push(file);
        }
    }
    files.into_iter().filter_map(|file| Some((file.path.clone(), broken(file)?))).collect()
}

fn broken(file: &ChangedFile) -> Option<Vec<u8>> {
    let parsed = parse(file.language, &file.text)?;
    let mut places: Vec<usize> = definitions(&parsed)
        .iter()
        .filter(|one| one.is_callable() && one.has_body)
        .filter(|one| file.functions.iter().any(|function| function.lines == one.lines))
        .filter_map(|one| body(file.language, &file.text, one.signature_bytes.end))
        .collect();
    places.sort_unstable();
    places.dedup();
    if places.is_empty() {
        return None;
    }
    let mut text = file.text.to_vec();
    for at in places.into_iter().rev() {
        let code = breaks(file.language, &file.text, at);
        text.splice(at..at, code.into_bytes());
    }
    let before = parsed.errors();
    (parse(file.language, &text)?.errors() <= before).then_some(text)
}

/// Where a body's first statement may stand, at or right behind the signature's end.
fn body(language: Language, text: &[u8], end: usize) -> Option<usize> {
    let rest = text.get(end..)?;
    let skip = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    match language {
        Language::Python => {
            // The line that the body starts on, if it is a line of its own.
            let at = end + skip;
            let line = text[..at].iter().rposition(|byte| *byte == b'\n')? + 1;
            text[line..at].iter().all(u8::is_ascii_whitespace).then_some(line)
        }
        // The signature ends where the first statement starts; `def a = b` has none.
        Language::Ruby => (!text[..end].trim_ascii_end().ends_with(b"=")).then_some(end),
        _ => (rest.get(skip) == Some(&b'{')).then_some(end + skip + 1),
    }
}

/// A statement that ends the function by a crash, for what stands at `at`.
fn breaks(language: Language, text: &[u8], at: usize) -> String {
    const SAID: &str = "reached";
    match language {
        Language::Rust => format!(" if true {{ panic!(\"{SAID}\") }} "),
        Language::Go => format!(" if true {{ panic(\"{SAID}\") }}; "),
        Language::Java => format!(" if (true) throw new RuntimeException(\"{SAID}\"); "),
        Language::C => " if (1) __builtin_trap(); ".to_owned(),
        Language::Ruby => format!("raise '{SAID}'; "),
        Language::Php => format!(" throw new \\RuntimeException('{SAID}'); "),
        Language::Python => {
            let indent: String = text[at..]
                .split(|byte| *byte == b'\n')
                .find(|line| !line.trim_ascii().is_empty())
                .map(|line| line.iter().take_while(|b| matches!(b, b' ' | b'\t')))
                .map(|blanks| blanks.map(|byte| char::from(*byte)).collect())
                .unwrap_or_default();
            format!("{indent}raise RuntimeError('{SAID}')\n")
        }
        _ => format!(" throw new Error('{SAID}'); "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn check(path: &str, text: &str, expect: &str) {
        let language = Language::of_path(path).unwrap();
        let bytes = text.as_bytes();
        let parsed = parse(language, bytes).unwrap();
        let functions = definitions(&parsed)
            .iter()
            .filter(|one| one.is_callable())
            .map(|one| Function {
                name: one.name.clone(),
                short: one.name.clone(),
                lines: one.lines.clone(),
                changed: Vec::new(),
            })
            .collect();
        let file = ChangedFile {
            path: path.to_owned(),
            language,
            text: Bytes::copy_from_slice(bytes),
            lines: Default::default(),
            functions,
            is_new: false,
        };
        let broken = broken(&file).map(|text| String::from_utf8(text).unwrap());
        assert_eq!(broken.unwrap_or_default(), expect, "{path}");
    }

    #[test]
    fn functions_break_at_their_start() {
        check(
            "a.rs",
            "fn f() -> u8 { 1 }\n",
            "fn f() -> u8 { if true { panic!(\"reached\") }  1 }\n",
        );
        check(
            "a.py",
            "def f(a):\n    return a\n",
            "def f(a):\n    raise RuntimeError('reached')\n    return a\n",
        );
        check(
            "a.go",
            "package a\n\nfunc F() int {\n\treturn 1\n}\n",
            "package a\n\nfunc F() int { if true { panic(\"reached\") }; \n\treturn 1\n}\n",
        );
        check(
            "a.js",
            "function f() { return 1 }\n",
            "function f() { throw new Error('reached');  return 1 }\n",
        );
        check(
            "A.java",
            "class A { int f() { return 1; } }\n",
            "class A { int f() { if (true) throw new RuntimeException(\"reached\");  return 1; } }\n",
        );
        check("a.rb", "def f(a)\n  a\nend\n", "def f(a)\n  raise 'reached'; a\nend\n");
        check("c.rb", "def f\n  1\nend\n", "def f\n  raise 'reached'; 1\nend\n");
        check("b.rb", "def f(a) = a\n", "");
        check("b.js", "const f = (a) => a + 1;\n", "");
        check("b.py", "def f(a): return a\n", "");
    }
}
