//! What is refused, with a sentence that tells why.

use super::*;

fn refused(case: &Case<'_>, expect: &str) {
    match run(case) {
        Ok(placed) => panic!("{} was taken:\n{}", case.code, String::from_utf8_lossy(&placed.text)),
        Err(why) => {
            assert!(why.contains(expect), "{}: {why}", case.code);
            assert!(why.ends_with('.') && !why.contains('\n'), "{why}");
        }
    }
}

#[test]
fn code_that_would_change_other_tests_is_refused() {
    let rust = "fn add() {}\n#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn adds() {}\n    fn helper() {}\n}\n";
    let python = "import os\nfrom a import client\nLIMIT = 3\n\ndef test_a():\n    pass\n\nclass TestA:\n    def test_b(self):\n        pass\n";
    let go = "package a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\nfunc helper() {}\n";
    let java = "class ATest {\n    @Test void a() {}\n}\n";
    let script = "import { f } from './f';\nconst limit = 3;\ndescribe('a', () => {\n  const inner = 1;\n  it('b', () => {});\n});\n";
    for (path, old, name, code, expect) in [
        ("src/a.rs", rust, "tests::adds", "#[test]\nfn adds() {}", "`adds` exists"),
        ("src/a.rs", rust, "tests::b", "fn helper() {}\n#[test]\nfn b() {}", "`helper` exists"),
        ("src/a.rs", rust, "tests::b", "#[test]\nfn b() {} }\npub fn evil() {", "parse"),
        ("src/a.rs", rust, "tests::b", "#[test]\nfn c() {}", "no test named `tests::b`"),
        ("src/a.rs", rust, "tests::b", "fn b() {}", "no test that the runner would find"),
        (
            "src/a.rs",
            rust,
            "tests::b",
            "#[test]\nfn b() { let x = ; }",
            "near `fn b() { let x = ; }`",
        ),
        ("src/a.rs", rust, "tests::b", "#![allow(x)]\n#[test]\nfn b() {}", "#![allow(x)]"),
        ("src/a.rs", rust, "tests::b", "#[test]\nfn b() {}\n#[no_mangle]\nfn c() {}", "no_mangle"),
        ("src/a.rs", rust, "tests::b", "", "empty"),
        ("src/a.rs", rust, "tests::b", "#[test]\nfn b() {} // \u{202e}", "control"),
        ("src/b.rs", "fn a() {}\n", "b", "#[test]\nfn b() {}", "placement `module`"),
        ("test_a.py", python, "test_a", "def test_a():\n    pass", "`test_a` exists"),
        (
            "test_a.py",
            python,
            "test_c",
            "def client():\n    pass\ndef test_c():\n    pass",
            "`client` exists",
        ),
        ("test_a.py", python, "test_c", "LIMIT = 4\ndef test_c():\n    pass", "`LIMIT` exists"),
        (
            "test_a.py",
            python,
            "test_c",
            "class TestA:\n    def test_c(self):\n        pass",
            "`TestA` exists",
        ),
        ("test_a.py", python, "t.TestA.test_b", "def test_b(self):\n    pass", "`test_b` exists"),
        (
            "test_a.py",
            python,
            "t.TestB.test_c",
            "def test_c(self):\n    pass",
            "no class of that name",
        ),
        (
            "test_a.py",
            python,
            "t.TestA.test_c",
            "def setUp(self):\n    pass\ndef test_c(self):\n    pass",
            "`setUp`",
        ),
        (
            "test_a.py",
            python,
            "test_c",
            "os.environ['A'] = '1'\ndef test_c():\n    pass",
            "when the file is loaded",
        ),
        ("test_a.py", python, "test_c", "run()\ndef test_c():\n    pass", "`run()` runs"),
        (
            "test_a.py",
            python,
            "test_c",
            "x = connect()\ndef test_c():\n    pass",
            "`x = connect()` runs",
        ),
        (
            "test_a.py",
            python,
            "test_c",
            "class C:\n    x = connect()\ndef test_c():\n    pass",
            "runs when",
        ),
        (
            "test_a.py",
            python,
            "test_c",
            "@pytest.fixture(autouse=True)\ndef f():\n    pass\ndef test_c():\n    pass",
            "`f` would run",
        ),
        (
            "test_a.py",
            python,
            "test_c",
            "pytestmark = pytest.mark.skip\ndef test_c():\n    pass",
            "`pytestmark`",
        ),
        ("test_a.py", python, "test_c", "def test_c(:\n    pass", "parse"),
        ("conftest.py", python, "test_c", "def test_c():\n    pass", "conftest.py"),
        ("a.py", python, "test_c", "def test_c():\n    pass", "no test file"),
        ("a_test.go", go, "TestA", "func TestA(t *testing.T) {}", "`TestA` exists"),
        (
            "a_test.go",
            go,
            "TestB",
            "func helper() {}\nfunc TestB(t *testing.T) {}",
            "`helper` exists",
        ),
        ("a_test.go", go, "TestB", "package b\nfunc TestB(t *testing.T) {}", "package b"),
        ("a_test.go", go, "TestB", "func init() {}\nfunc TestB(t *testing.T) {}", "func init"),
        (
            "a_test.go",
            go,
            "TestB",
            "func TestMain(m *testing.M) {}\nfunc TestB(t *testing.T) {}",
            "TestMain",
        ),
        (
            "a_test.go",
            go,
            "TestB",
            "var x = connect()\nfunc TestB(t *testing.T) {}",
            "when the file is loaded",
        ),
        ("a.go", go, "TestB", "func TestB(t *testing.T) {}", "no test file"),
        ("ATest.java", java, "ATest.a", "@Test void a() {}", "`a` exists"),
        ("ATest.java", java, "BTest.b", "class BTest { @Test void b() {} }", "whole class"),
        (
            "ATest.java",
            java,
            "ATest.b",
            "@BeforeEach void s() {}\n@Test void b() {}",
            "@BeforeEach",
        ),
        (
            "ATest.java",
            java,
            "ATest.b",
            "static { f(); }\n@Test void b() {}",
            "when the file is loaded",
        ),
        ("a.test.js", script, "b", "describe('a', () => { it('b', () => {}) });", "`b` exists"),
        ("a.test.js", script, "c", "const limit = 4;\nit('c', () => {});", "`limit` exists"),
        ("a.test.js", script, "c", "function f() {}\nit('c', () => {});", "`f` exists"),
        (
            "a.test.js",
            script,
            "a c",
            "const inner = 4;\nit('c', () => { inner; });",
            "`inner` exists",
        ),
        ("a.test.js", script, "c", "beforeEach(() => {});\nit('c', () => {});", "`beforeEach"),
        ("a.test.js", script, "c", "jest.mock('./f');\nit('c', () => {});", "new file"),
        (
            "a.test.js",
            script,
            "c",
            "globalThis.x = 1;\nit('c', () => {});",
            "when the file is loaded",
        ),
        (
            "a.test.js",
            script,
            "c",
            "process.env.X = '1';\nit('c', () => {});",
            "when the file is loaded",
        ),
        ("a.test.js", script, "c", "it('c', () => { expect(1 });", "parse"),
    ] {
        let placement = if path == "src/a.rs" { Placement::Module } else { Placement::Append };
        refused(&Case { path, name, placement, old: Some(old), imports: &[], code }, expect);
    }
}

#[test]
fn files_and_imports_must_fit() {
    let test = "#[test]\nfn a() {}";
    for (path, placement, old, imports, code, name, expect) in [
        ("tests/a.rs", Placement::NewFile, Some(""), &[][..], test, "a", "exists already"),
        ("tests/a.rs", Placement::Append, None, &[], test, "a", "does not exist"),
        ("tests/../src/a.rs", Placement::NewFile, None, &[], test, "a", "plain path"),
        ("/tests/a.rs", Placement::NewFile, None, &[], test, "a", "plain path"),
        ("src/a.rs", Placement::NewFile, None, &[], test, "a", "no test file"),
        (
            "src/a.rs",
            Placement::Module,
            Some("#[cfg(test)]\nmod tests;\n"),
            &[],
            test,
            "a",
            "file of their own",
        ),
        (
            "src/a.rs",
            Placement::Module,
            Some("mod tests {}\n"),
            &[],
            test,
            "a",
            "no `#[cfg(test)]`",
        ),
        ("tests/a.rs", Placement::NewFile, None, &["fn evil() {}"], test, "a", "is no import"),
        (
            "tests/a.rs",
            Placement::NewFile,
            None,
            &["use a; fn evil() {}"],
            test,
            "a",
            "is no import",
        ),
        (
            "tests/a.rs",
            Placement::Append,
            Some("use a::b;\n"),
            &["use c::b;"],
            test,
            "a",
            "`b` is imported",
        ),
        (
            "test_a.py",
            Placement::Module,
            Some(""),
            &[],
            "def test_a():\n    pass",
            "test_a",
            "for Rust",
        ),
        (
            "test_a.py",
            Placement::Append,
            Some("from a import f\n"),
            &["from b import f"],
            "def test_a():\n    pass",
            "test_a",
            "`f` is imported",
        ),
        (
            "test_a.py",
            Placement::Append,
            Some("x\n"),
            &["import os; os.remove('a')"],
            "def test_a():\n    pass",
            "test_a",
            "is no import",
        ),
        (
            "a_test.go",
            Placement::NewFile,
            None,
            &[],
            "func TestA(t *testing.T) {}",
            "TestA",
            "`package`",
        ),
        (
            "src/test/java/a/b/ATest.java",
            Placement::NewFile,
            None,
            &[],
            "class ATest { @Test void a() {} }",
            "a",
            "`package a.b;`",
        ),
        (
            "a.test.js",
            Placement::Append,
            Some("import { f } from './f';\n"),
            &["import { f } from './g';"],
            "it('a', () => {});",
            "a",
            "`f` is imported",
        ),
    ] {
        refused(&Case { path, name, placement, old, imports, code }, expect);
    }
}
