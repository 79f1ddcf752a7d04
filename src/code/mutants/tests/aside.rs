//! Code that is left as it is.

use super::*;
use Language::{Go, Java, JavaScript, Php, Python, Ruby, Rust, TypeScript};

#[test]
fn nothing_is_changed_in_tests_messages_and_forms() {
    for (language, code) in [
        (Rust, "#[test]\nfn a() { b(1 + 2); c(); }"),
        (Rust, "#[tokio::test]\n/// Does.\nasync fn a() { b(1 + 2); c(); }"),
        (Rust, "#[cfg(test)]\nmod tests { fn a() { b(1 + 2); c(); } }"),
        (Rust, "#[cfg(all(test, unix))]\nmod tests { fn a() { b(1 + 2); c(); } }"),
        (Rust, "#[derive(A)]\nstruct B<const N: usize = 3> { a: [u8; 4] }"),
        (Rust, "enum A { B = 1, C = 2 }"),
        (Rust, "impl fmt::Debug for A { fn fmt(&self) -> fmt::Result { a(1)?; b(2) } }"),
        (Rust, "impl Hash for A { fn hash(&self) { a(1); b(2) } }"),
        (Rust, "use a::b;\nmacro_rules! a { () => { 1 + 2 } }"),
        (Rust, "unsafe fn f() { a(1 + 2); b(); }"),
        (Rust, "/// `a < b`\n// a < b\ntype A = [u8; 3];"),
        (Python, "def test_a():\n    b(1 + 2)\n    c()\n"),
        (Python, "class TestA:\n    def b(self):\n        c(1 + 2)\n        d()\n"),
        (Python, "class A(unittest.TestCase):\n    def b(self):\n        c(1 + 2)\n        d()\n"),
        (Python, "import a\nfrom b import c\n__all__ = [1]\n"),
        (Python, "class A:\n    def __repr__(self):\n        a(1)\n        return 'b'\n"),
        (Python, "if __name__ == '__main__':\n    a(1)\n"),
        (Python, "if TYPE_CHECKING:\n    a(1)\n"),
        (Python, "a: Literal[1] | None\nassert a == 1, 'b'\n"),
        (Python, "@a(1)\nclass B:\n    '''True < 1'''\n"),
        (Python, "raise ValueError('a' if b else c)\n"),
        (Python, "if self.debug >= 2:\n    print(a < b)\nelse:\n    log.info(1)\n"),
        (Python, "if 0 and a:\n    b(1)\n"),
        (Go, "package p\nimport \"a\"\nfunc TestA(t *testing.T) { a(1 + 2); b() }"),
        (Go, "package p\ntype A struct { b [3]int `json:\"a\"` }\nconst (\n\tc = iota + 1\n)"),
        (Java, "import a.B;\nclass A { @Test void a() { b(1 + 2); c(); } }"),
        (Java, "class A { @Override public int hashCode() { a(); return 31 * b; } }"),
        (Java, "@B(1) class A { }"),
        (JavaScript, "import a from 'b'\ndescribe('a', () => { b(1 + 2); c() })"),
        (JavaScript, "test('a', async () => { await b(1 + 2) })"),
        (TypeScript, "interface A { b: 1 | true }\ntype B = 'c' | 3\nenum C { D = 1 }"),
        (TypeScript, "declare function a(b: 1): true"),
        (Ruby, "describe 'a' do\n  it 'b' do\n    c(1)\n  end\nend\n"),
        (Ruby, "class ATest < Minitest::Test\n  def a\n    b(1)\n    c\n  end\nend\n"),
        (Php, "<?php\nuse A\\B;\nclass ATest { function a() { b(1 + 2); c(); } }"),
    ] {
        let found = all(language, code);
        assert!(found.is_empty(), "{language:?} {code}\n{found:#?}");
    }
}

#[test]
fn what_only_looks_so_is_changed() {
    for (language, code) in [
        (Rust, "#[cfg(not(test))]\nfn a() { b(1 + 2); }"),
        (Rust, "#[cfg(feature = \"test-util\")]\nfn a() { b(1 + 2); }"),
        (Rust, "#[test]\nfn a() {}\nfn b() { c(1); }"),
        (Rust, "impl fmt::Display for A { fn fmt(&self) -> bool { a < 1 } }"),
        (Rust, "fn a() { if b < 1 { println!(\"c\"); } }"),
        (Python, "if a < 1:\n    log.info(b)\n    c()\n"),
        (Python, "def testify():\n    b(1 + 2)\n"),
        (Python, "class Tests2:\n    def __init__(self):\n        self.a = b\n"),
        (Go, "package p\nfunc a() { if b { log.Fatal(c) } }"),
        (Go, "package p\nfunc Test(a int) bool { return a < 1 }"),
        (Java, "class A { @Override public String toString() { return a < 1 ? b : c; } }"),
        (JavaScript, "test(a < b)"),
        (Ruby, "it = a < 1"),
    ] {
        assert!(!all(language, code).is_empty(), "{language:?} {code}");
    }
}

#[test]
fn what_is_said_is_left_but_what_is_called_beside_is_not() {
    for (language, statement) in [
        (Rust, "a.context(1 < 2);"),
        (Rust, "tracing::info!(a = 1 + 2);"),
        (Python, "logger.warning('a', 1 + b)"),
        (Python, "raise ValueError(1 + b)"),
        (Go, "log.Fatal(1 + b)"),
        (Go, "fmt.Errorf(\"a\", 1 + b)"),
        (Java, "throw new A(1 + b);"),
        (JavaScript, "console.warn(1 + b)"),
        (Php, "echo 1 + $b;"),
        (Ruby, "puts 1 + b"),
    ] {
        let code = in_function(language, statement);
        let inner = |mutant: &Mutant| {
            !matches!(mutant.operator, "replace-body" | "drop-statement" | "replace-return")
        };
        assert!(!all(language, &code).iter().any(inner), "{language:?} {statement}");
    }
    check(
        Rust,
        "swap-arithmetic",
        "fn f() {\n g(a + 1).context(b + 1);\n}",
        2,
        &["a + 1 became a - 1"],
    );
}
