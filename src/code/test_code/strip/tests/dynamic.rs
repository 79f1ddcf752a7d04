//! Languages that find out when they run.

use super::*;

#[test]
fn python_evaluates_what_it_asserts() {
    let any = |flag: &str| {
        let mock = "__import__(\"unittest.mock\").mock.MagicMock(";
        let parts = "(\"context\", \"cause\", \"suppress_context\", \"traceback\")";
        format!(
            "{mock}**{{f\"__enter__.return_value.{{one}}.__{{part}}__\": {mock}) for one in (\"exception\", \"value\") for part in {parts}}}, **{{\"__exit__.return_value\": {flag}}}))[-1]"
        )
    };
    check(
        Language::Python,
        (
            "import pytest\nimport numpy as np\n\nclass TestA(Case):\n    def test_a(self):\n        ",
            "\n",
        ),
        &[
            ("assert f(x) == 1, g()", "not (f(x) == 1)"),
            ("assert a == \\\n            b", "not (a == \\\n            b)"),
            ("assert (a,\n            b)", "not ((a,\n            b))"),
            ("self.assertEqual(f(1), 2)", "((f(1)) == (2), self, )"),
            ("self.assertTrue(f(1), msg='m')", "(not (f(1)), self, 'm', )"),
            ("self.assertIsNone(f(1))", "(self, f(1), )"),
            ("self.assertIn(1, f(*args))", "((1) in (f(*args)), self, )"),
            ("self.assertFoo(**f())", "unclear"),
            ("self.fail('m')", "('m', ); return"),
            ("pytest.fail()", "return"),
            ("raise AssertionError('m')", "return"),
            ("np.testing.assert_allclose(a, b, rtol=r)", "(np.testing, a, b, r, )"),
            ("m.f.assert_called_once_with(1, k=g())", "(m.f, 1, g(), )"),
            ("helper.assert_same(a)", "(helper, a, )"),
            ("assert_same(a)", "unclear"),
            ("f(1)", "none"),
            ("assert_that(f(1)).is_equal_to(2).is_positive()", "(f(1), 2, )"),
            (
                "with pytest.raises(X, match='m') as e:\n            f()",
                &format!("with (X, 'm', {} as e:\n            f()", any("True")),
            ),
            (
                "with self.assertLogs('a') as cm:\n            f()",
                &format!("with ('a', {} as cm:\n            f()", any("False")),
            ),
            (
                "self.assertRaises(X, f, 1, *a, k=2)",
                &format!("with (X, {}: (f)(1, *a, k=2, )", any("True")),
            ),
            ("x = self.assertRaises(X, f)", "unclear"),
            ("if x: self.assertRaises(X, f)", "unclear"),
            (
                "with self.subTest(i=1):\n            self.assertTrue(x)",
                "with self.subTest(i=1):\n            (not (x), self, )",
            ),
        ],
    );
}

#[test]
fn scripts_evaluate_what_they_expect() {
    let settled = "(async (value) => typeof value === \"function\" ? value() : value)(";
    check(
        Language::TypeScript,
        (
            "import assert, { strictEqual as same } from 'node:assert';\nit('a', async () => {\n  ",
            "\n});\n",
        ),
        &[
            ("expect(f(1)).toBe(2);", "void [f(1), 2, ];"),
            ("expect(f(1)).not.toEqual(expect.any(String))", "void [f(1), expect.any(String), ]"),
            (
                "expect(() => f(1)).toThrow(X);",
                "void (() => { try { (() => f(1))(); } catch (_) {} })();",
            ),
            (
                "await expect(f(1)).rejects.toThrow(X);",
                &format!("await {settled}f(1)).catch(() => {{}});"),
            ),
            ("return expect(f(1)).resolves.toBe(2);", &format!("return {settled}f(1), [2, ]);")),
            ("expect(x).to.be.true;", "void [x, ];"),
            ("expect(x).to.equal(y).and.not.to.be.null;", "void [x, y, ];"),
            ("x.should.equal(y);", "void [x, y, ];"),
            ("expect.assertions(2);", "void 0;"),
            ("expect.fail('m');", "{ void ['m', ]; return; }"),
            ("assert(f());", "void [f(), ];"),
            ("assert.strictEqual(f(), 1, 'm');", "void [f(), 1, 'm', ];"),
            ("same(f(), 1);", "void [f(), 1, ];"),
            (
                "assert.throws(() => f(), X);",
                "void (() => { try { (() => f())(); } catch (_) {} })();",
            ),
            ("await assert.rejects(f());", &format!("await {settled}f()).catch(() => {{}});")),
            ("xs.forEach((x) => expect(x).toBe(1));", "xs.forEach((x) => void [x, 1, ]);"),
            ("expect(mock).toHaveBeenCalledWith(f());", "void [mock, f(), ];"),
            (
                "expect(p).resolves.toBe(1).catch(() => {});",
                &format!("{settled}p, [1, ]).catch(() => {{}});"),
            ),
            ("await expect.poll(() => x).toBe(1);", "unclear"),
            ("assertSame(a, b);", "unclear"),
            ("f(1);", "none"),
        ],
    );
}

#[test]
fn ruby_and_php_evaluate_what_they_assert() {
    check(
        Language::Ruby,
        ("RSpec.describe 'a' do\n  it 'b' do\n    ", "\n  end\nend\n"),
        &[
            ("expect(f(1)).to eq(2)", "[f(1), eq(2), ]"),
            ("expect { f(1) }.to raise_error(X)", "begin; f(1); rescue Exception; nil; end"),
            ("expect(m).to have_received(:f)", "[m, ]"),
            ("assert_equal 1, f(2)", "[1, f(2), ]"),
            ("assert_raises(X) { f(1) }", "begin; f(1); rescue Exception; nil; end"),
            ("e = assert_raises(X) { f(1) }", "unclear"),
            ("f(1)", "none"),
        ],
    );
    check(
        Language::Php,
        (
            "<?php\nclass ATest extends TestCase {\n    public function testA(): void {\n        ",
            "\n    }\n}\n",
        ),
        &[
            ("$this->assertSame(1, f(2));", "[1, f(2), ];"),
            ("self::assertTrue(f());", "[f(), ];"),
            ("$this->fail('m');", "return;"),
            ("f();", "none"),
        ],
    );
    let throws = "<?php\nclass ATest extends TestCase {\n    function testA() {\n        $this->expectException(X::class);\n        f();\n    }\n}\n";
    let expect = "<?php\nclass ATest extends TestCase {\n    function testA() {\n        [X::class, ]; try {\n        f();\n    } catch (\\Throwable $anyThrown) { } }\n}\n";
    check(Language::Php, ("", ""), &[(throws, expect)]);
}
