//! Which tests a file holds, language by language.

use super::*;

/// Each test as `name first-last`.
fn check(language: Language, path: &str, source: &str, expect: &[&str]) {
    let source = source.strip_prefix('\n').unwrap_or(source);
    let found: Vec<String> = tests_in(language, path, source.as_bytes())
        .iter()
        .map(|item| format!("{} {}-{}", item.name, item.lines.start, item.lines.end - 1))
        .collect();
    assert_eq!(found, expect, "{source}");
}

#[test]
fn rust_tests_are_named_with_their_modules() {
    check(
        Language::Rust,
        "src/parse/lists.rs",
        r#"
fn f() {}
#[cfg(test)]
mod tests {
    #[test]
    fn adds() {}
    fn helper() {}
    #[tokio::test]
    async fn waits() { fn test_inner() {} }
    proptest! {
        #[test]
        fn holds(x in 0..3) {
            prop_assert!(x < 3);
        }
    }
}
"#,
        &[
            "parse::lists::tests::adds 4-5",
            "parse::lists::tests::waits 7-8",
            "parse::lists::tests::holds 10-13",
        ],
    );
    check(Language::Rust, "tests/a.rs", "#[test]\nfn adds() {}\n", &["adds 1-2"]);
}

#[test]
fn python_tests_stand_in_files_and_classes() {
    check(
        Language::Python,
        "tests/test_a.py",
        r#"
def test_a():
    def test_inner():
        pass

class TestA:
    def test_b(self):
        pass
    def helper(self):
        pass

class CartCase(unittest.TestCase):
    def testC(self):
        pass

class Other:
    def test_d(self):
        pass
"#,
        &[
            "tests/test_a.py::test_a 1-3",
            "tests/test_a.py::TestA::test_b 6-7",
            "tests/test_a.py::CartCase::testC 12-13",
        ],
    );
}

#[test]
fn go_and_java_tests_are_functions_and_methods() {
    check(
        Language::Go,
        "a_test.go",
        "package a\n\nfunc TestA(t *testing.T) {\n}\n\nfunc Testing(t *testing.T) {}\n\nfunc FuzzB(f *testing.F) {}\n",
        &["TestA 3-4", "FuzzB 8-8"],
    );
    check(
        Language::Java,
        "src/test/java/a/FooTest.java",
        r#"
package a.b;
class FooTest {
    @Test
    void adds() {}
    void helper() {}
    @Nested class Inner {
        @ParameterizedTest @ValueSource(ints = 1) void each(int x) {}
    }
}
"#,
        &["a.b.FooTest.adds 3-4", "a.b.FooTest.Inner.each 7-7"],
    );
}

#[test]
fn a_scripts_tests_are_calls_in_groups() {
    check(
        Language::TypeScript,
        "src/a.test.ts",
        r#"
describe("cart", () => {
  beforeEach(() => {});
  it("is empty", () => {});
  describe('with one', () => {
    it.each([1, 2])("has %s", (n) => {
      f(n);
    });
  });
  test.skip(`later`, () => {});
});
test('it\'s alone', async () => {});
"#,
        &[
            "cart > is empty 3-3",
            "cart > with one > has %s 5-7",
            "cart > later 9-9",
            "it's alone 11-11",
        ],
    );
}

#[test]
fn ruby_and_php_tests_are_found() {
    check(
        Language::Ruby,
        "spec/a_spec.rb",
        "RSpec.describe 'Cart' do\n  it 'is empty' do\n    f\n  end\nend\n",
        &["Cart is empty 2-4"],
    );
    check(
        Language::Ruby,
        "test/a_test.rb",
        "class CartTest < Minitest::Test\n  def test_a\n  end\n  def helper\n  end\nend\n",
        &["CartTest#test_a 2-3"],
    );
    check(
        Language::Php,
        "tests/ATest.php",
        "<?php\nnamespace App\\Tests;\nclass ATest extends TestCase {\n    public function testA(): void {}\n    private function f() {}\n}\n",
        &["App\\Tests\\ATest::testA 4-4"],
    );
}

#[test]
fn a_printed_name_names_its_test() {
    for (language, source, name, expect) in [
        (Language::Rust, "mod tests { #[test] fn a() {} }", "x::tests::a", true),
        (Language::Rust, "mod tests { #[test] fn a() {} }", "a", true),
        (Language::Rust, "mod tests { #[test] fn a() {} }", "tests::ab", false),
        (
            Language::Python,
            "class TestA:\n    def test_b(self): pass\n",
            "t/test_a.py::TestA::test_b[1]",
            true,
        ),
        (
            Language::Python,
            "class TestA:\n    def test_b(self): pass\n",
            "test_a.TestA.test_b",
            true,
        ),
        (
            Language::Python,
            "class TestA:\n    def test_b(self): pass\n",
            "test_a.TestC.test_b",
            false,
        ),
        (Language::Go, "package a\nfunc TestA(t *testing.T) {}", "TestA/sub", true),
        (Language::Java, "class ATest { @Test void b() {} }", "x.ATest.b()", true),
        (Language::Java, "class ATest { @Test void b() {} }", "ATest#b", true),
        (Language::Java, "class ATest { @Test void b() {} }", "BTest > b()", false),
        (Language::JavaScript, "describe('a', () => { it('b c', f) })", "a > b c", true),
        (Language::JavaScript, "describe('a', () => { it('b c', f) })", "a b c", true),
        (Language::JavaScript, "describe('a', () => { it('b c', f) })", "b c", true),
        (Language::JavaScript, "describe('a', () => { it('b c', f) })", "a > c", false),
        (
            Language::Php,
            "<?php class ATest { function testB() {} }",
            "X\\ATest::testB with data set #1",
            true,
        ),
    ] {
        let parsed = parse(language, source.as_bytes()).expect("it is short");
        let code = Code::new(&parsed);
        let found = items(&code).iter().any(|item| is_named(&code, item, name));
        assert_eq!(found, expect, "{source} {name}");
    }
}
