//! Whatever is changed can still be read.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

/// No mutant of a text is harder to read than the text, and elsewhere it is the same.
fn hold(language: Language, text: &[u8], every: usize) -> usize {
    let Some(parsed) = parse(language, text) else { return 0 };
    let before = parsed.errors();
    let found = mutants(&parsed, &|_| true);
    for mutant in found.iter().step_by(every) {
        let changed = apply(text, mutant);
        assert_eq!(changed[..mutant.bytes.start], text[..mutant.bytes.start]);
        assert!(changed.ends_with(&text[mutant.bytes.end..]));
        assert_ne!(changed, text);
        let after = parse(language, &changed).map_or(usize::MAX, |parsed| parsed.errors());
        assert!(after <= before, "{language:?} {mutant:?}\n{}", String::from_utf8_lossy(&changed));
    }
    found.len()
}

/// The sources of this part, and those beside it.
fn own_sources() -> Vec<PathBuf> {
    let room = Path::new(file!()).ancestors().nth(3).map(Path::to_path_buf).unwrap_or_default();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(room);
    let mut open = vec![root];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        let entries = std::fs::read_dir(&folder).expect("the sources are there");
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn our_own_sources_can_be_read_after_any_change() {
    let sources = own_sources();
    assert!(sources.len() > 20, "{sources:?}");
    let mut count = 0;
    for path in sources {
        let text = std::fs::read(&path).expect("it can be read");
        count += hold(Language::Rust, &text, 23);
    }
    assert!(count > 1_000, "{count}");
}

/// Statements that may stand anywhere in a function.
const PIECES: &[(Language, &[&str])] = &[
    (
        Language::Rust,
        &[
            "if a < b && !c { return Err(d); } else { e.push(1); }",
            "while let Some(x) = y && z > 2 { continue; }",
            "for i in 0..n { x[i - 1] += -1; if i as usize >= 3 { break; } }",
            "match a { 0..=4 if b => c(), A::B { d, .. } => { e()?; } _ => return Ok(Some(1)) }",
            "let Some(a) = b else { return Ok(None) };",
            "let f = |x: u8| -> bool { return x == 1 };",
            "let s = &t[1..=k]; let u = \"a\" == v; let w = a as u8 >> 2;",
            "if x { 1 } else if y { 2 } else { 3 };",
        ],
    ),
    (
        Language::Python,
        &[
            "if a < b <= c and not d: return True",
            "while x:\n        if y: continue\n        z -= 1\n        break",
            "try:\n        a(1)\n    except B as c:\n        raise D('e') from c\n    else:\n        f[1:-1]",
            "x = [y for y in z if y is not None and y % 2]",
            "with a(1) as b, c:\n        b.d = not e",
            "match a:\n        case [1, b] | {'c': b}: f()\n        case D(e=1) if g > 1: h()\n        case _: pass",
            "return f'a{b + 1!r:>{c}}' if d else (yield 3)",
            "lambda x=1: x or -x",
            "if a:\n        b()\n    elif c:\n        d()\n    else:\n        e()",
        ],
    ),
    (
        Language::Go,
        &[
            "if err := g(); err != nil && a < 3 { return 0, err } else if b { c++ } else { d() }",
            "for i, x := range y { if x == \"a\" { continue }; z[i] = x[1:len(x)-1] }",
            "for i := 0; i < n; i++ { break }",
            "switch a := b.(type) { case int: c(a); default: d(a) }",
            "switch { case a > 1: return 1, nil\n case b: fallthrough\n default: c() }",
            "select { case x := <-ch: f(x)\n case ch <- 1: }",
            "defer func() { if r := recover(); r != nil { err = g(r) } }()",
            "x &^= 1 << 3; *p = !q; var _ = T{A: 1, B: true}",
        ],
    ),
    (
        Language::Java,
        &[
            "if (a < 3 && !c) return 1; else if (x instanceof Y y && y.z()) y.w++; else z += 2;",
            "for (int i = 0, j = 1; i < n; i++) { if (b) continue; a[i] = -1; }",
            "try (A a = b()) { return a.c(); } catch (D | E e) { throw new F(\"g\", e); } finally { h(); }",
            "int w = switch (a) { case 1, 2 -> 3; default -> { yield 4; } };",
            "switch (a) { case 1: f(); break; default: g(); }",
            "do { x >>>= 1; } while (x != 0);",
            "Runnable r = () -> { if (a) { return; } b(); };",
            "label: while (true) { break label; }",
        ],
    ),
    (
        Language::JavaScript,
        &[
            "if (a < b && !c) return d; else { e.push(1) }",
            "for (const x of y) { if (x === 'z') continue; w(x) }",
            "const f = async (x) => x?.y ?? -1, g = x => { return !!x }",
            "for (;;) { if (x in y) break; }",
            "switch (a) { case 1: f(); break; default: throw new E(`a${b + 1}`) }",
            "try { await a() } catch { return null }",
            "x ||= y ? a : b; delete z[0]; i++",
            "label: while (a--) { continue label }",
            "if (a) b()\n    else c()",
        ],
    ),
    (
        Language::TypeScript,
        &[
            "if (a! < (b as number) && !c) return true",
            "const f = <T,>(x: T): x is T & U => x === 1",
            "for (const [k, v] of Object.entries(y) as [string, 1][]) { z[k]! += v }",
            "class K { #x = 1; get y(): boolean { return this.#x > 0 } }",
            "let t: [1, 'a'?] | undefined = satisfies_(u) satisfies V",
        ],
    ),
    (
        Language::Ruby,
        &[
            "return 1 unless a && b",
            "x.each do |y|\n    next if y == 'z'\n    w[0..-2] = y + 1\n  end",
            "if a then b elsif !c then d else e end",
            "raise A, \"b#{c + 1}\" if d or e",
            "case a when 1..2 then f(3) else g end",
        ],
    ),
    (
        Language::Php,
        &[
            "if ($a < 3 && !$b) { return true; } elseif ($c) { $d += 1; } else { $e .= 'f'; }",
            "foreach ($a as $b => $c) { if ($c === null) continue; $d[] = $c ?? 1; }",
            "$m = match(true) { $a > 1 => 2, default => throw new E('x') };",
            "$f = fn($x) => $x <=> 1; static::g(-1);",
        ],
    ),
    (
        Language::C,
        &[
            "if (a < 3 && !c) return 1; else { y++; }",
            "for (int i = 0; i < n; i++) { if (p->x[i] == 'a') continue; *q++ = -1; }",
            "switch (a) { case 1: f(); break; default: g(&h); }",
            "do { x <<= 1; } while (x);",
        ],
    ),
];

fn function(language: Language, body: &str) -> String {
    match language {
        Language::Rust => {
            format!("fn f(a: u8) -> Result<Option<u8>, E> {{\n    {body}\n    Ok(None)\n}}\n")
        }
        Language::Python => format!("def f(a, b=1):\n    {body}\n    return -1\n"),
        Language::Go => {
            format!("package p\n\nfunc f(a int) (n int, err error) {{\n{body}\nreturn 1, nil\n}}\n")
        }
        Language::Java => {
            format!("class A {{\n  int f(int a) throws E {{\n    {body}\n    return 1;\n  }}\n}}\n")
        }
        Language::Php => format!(
            "<?php\nclass A {{ function f(int $a): bool {{\n    {body}\n    return true;\n}} }}\n"
        ),
        Language::Ruby => format!("class A\n  def f(a, b = 1)\n  {body}\n  b\n  end\nend\n"),
        Language::C => format!("int f(int a)\n{{\n    {body}\n    return 1;\n}}\n"),
        _ => format!("async function f(a, b = 1) {{\n    {body}\n    return 1\n}}\n"),
    }
}

#[test]
fn every_piece_can_be_read_after_any_change() {
    for (language, pieces) in PIECES {
        for piece in *pieces {
            let text = function(*language, piece);
            let parsed = parse(*language, text.as_bytes()).expect("it is short");
            assert_eq!(parsed.errors(), 0, "{language:?} {text}");
            assert!(hold(*language, text.as_bytes(), 1) > 0, "{language:?} {text}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn pieces_together_can_be_read_after_any_change(
        row in 0..PIECES.len(),
        picks in prop::collection::vec(0..16usize, 1..4),
    ) {
        let (language, pieces) = PIECES[row];
        let separator = if language == Language::Ruby { "\n  " } else { "\n    " };
        let body: Vec<&str> = picks.iter().map(|pick| pieces[pick % pieces.len()]).collect();
        hold(language, function(language, &body.join(separator)).as_bytes(), 3);
    }

    #[test]
    fn broken_text_breaks_nothing(
        row in 0..PIECES.len(),
        pick in 0..16usize,
        cut in any::<prop::sample::Index>(),
        noise in "[(){};:<>=!&|\"'\\x00-\\x20é]{0,4}",
    ) {
        let (language, pieces) = PIECES[row];
        let mut text = function(language, pieces[pick % pieces.len()]).into_bytes();
        let at = cut.index(text.len());
        text.splice(at..at, noise.into_bytes());
        let parsed = parse(language, &text).expect("it is short");
        for mutant in mutants(&parsed, &|_| true) {
            prop_assert!(mutant.bytes.end <= text.len());
            prop_assert!(mutant.line >= 1);
            apply(&text, &mutant);
        }
    }
}
