//! How tests are put into files, language by language.

use proptest::prelude::*;

use super::*;

mod refused;
mod taken;

/// A case's parts, with few words.
struct Case<'a> {
    path: &'a str,
    name: &'a str,
    placement: Placement,
    old: Option<&'a str>,
    imports: &'a [&'a str],
    code: &'a str,
}

fn run(case: &Case<'_>) -> Result<Placed, String> {
    let imports: Vec<String> = case.imports.iter().map(|&line| line.to_owned()).collect();
    let proposed = Proposed {
        path: case.path,
        name: case.name,
        code: case.code,
        imports: &imports,
        placement: case.placement,
    };
    let language = Language::of_path(case.path).expect("a known language");
    place(language, case.old.map(str::as_bytes), &proposed)
}

/// The new text, where what was there still is, in order.
fn placed(case: &Case<'_>) -> String {
    let placed = run(case).unwrap_or_else(|why| panic!("{}: {why}", case.code));
    let text = String::from_utf8(placed.text).expect("it is text");
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_new = |at: usize| placed.lines.iter().any(|range| range.contains(&(at as u32 + 1)));
    let kept: String = (0..lines.len()).filter(|at| !is_new(*at)).map(|at| lines[at]).collect();
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    assert_eq!(
        squeezed(&kept),
        squeezed(case.old.unwrap_or_default().trim_start_matches('\u{feff}')).as_str().to_owned(),
        "{text}"
    );
    let of_test = &lines[placed.test.start as usize - 1..placed.test.end as usize - 1];
    let own = split_name(Language::of_path(case.path).unwrap(), case.name).0;
    let last = own.rsplit(' ').next().unwrap();
    assert!(of_test.concat().contains(last), "{of_test:?}");
    assert!((placed.test.start..placed.test.end).all(|line| is_new(line as usize - 1)), "{text}");
    text
}

fn check(case: &Case<'_>, expect: &str) {
    let expect = expect.strip_prefix('\n').unwrap_or(expect);
    let text = placed(case);
    assert_eq!(text, expect, "{text}");
}

#[test]
fn a_test_goes_by_the_module_it_was_put_into() {
    let name = |old: &str, name: &str| {
        let case = Case {
            path: "src/parse.rs",
            name,
            placement: Placement::Module,
            old: Some(old),
            imports: &[],
            code: "#[test]\nfn adds() { assert_eq!(add(), 1); }\n",
        };
        run(&case).unwrap().name_in_module(name)
    };
    let bare = "pub fn add() -> u8 { 1 }\n\n#[test]\nfn old() { assert_eq!(add(), 1); }\n";
    assert_eq!(name(bare, "parse::adds"), "parse::tests::adds");
    assert_eq!(name(bare, "adds"), "tests::adds");
    assert_eq!(name(bare, "parse::tests::adds"), "parse::tests::adds");
    let named = "pub fn add() -> u8 { 1 }\n#[cfg(test)]\nmod unit {\n    use super::*;\n}\n";
    assert_eq!(name(named, "parse::adds"), "parse::unit::adds");
    assert_eq!(name(named, "parse::unit::adds"), "parse::unit::adds");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is proposed, what stood there stays, and nothing panics.
    #[test]
    fn nothing_that_stands_there_is_lost(
        code in "[a-z(){}\\[\\]#\"'/*:;=\n\t @]{0,60}",
        name in "[a-z_:.]{0,12}",
        import in "[a-z ;:.\"{}]{0,20}",
        which in 0usize..8,
    ) {
        let (path, old) = [
            ("src/a.rs", "fn a() {}\n#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn b() {}\n}\n"),
            ("test_a.py", "import os\n\nclass TestA:\n    def test_a(self):\n        assert os\n"),
            ("a_test.go", "package a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\n"),
            ("src/test/java/ATest.java", "import a.B;\nclass ATest {\n    @Test void a() {}\n}\n"),
            ("a.test.ts", "import { a } from './a';\ndescribe('a', () => {\n  it('b', () => {});\n});\n"),
            ("a_spec.rb", "require 'a'\ndescribe 'a' do\n  it 'b' do\n  end\nend\n"),
            ("ATest.php", "<?php\nuse A\\B;\nclass ATest extends TestCase {\n    function testA() {}\n}\n"),
            ("src/b.rs", "pub fn a() -> u8 { 1 }"),
        ][which];
        let bare = name.replace([':', '.'], "");
        let code = match which {
            0 | 7 => format!("#[test]\nfn t{bare}() {{ {code} }}\n"),
            1 => format!("def test_{bare}():\n    {}\n", code.replace('\n', " ")),
            2 => format!("func TestX{bare}(t *testing.T) {{ {code} }}"),
            4 => format!("it('{bare}', () => {{ {code} }});"),
            _ => code,
        };
        let placement = if matches!(which, 0 | 7) { Placement::Module } else { Placement::Append };
        let case = Case { path, name: &name, placement, old: Some(old), imports: &[&import], code: &code };
        if let Ok(placed) = run(&case) {
            let text = String::from_utf8(placed.text).unwrap();
            // The old lines, in their order, among the new ones.
            let mut rest = text.lines();
            for line in old.lines() {
                prop_assert!(rest.any(|one| one == line), "{text}");
            }
        }
    }
}
