//! What is taken, and how it then looks.

use super::*;

const RUST: &str = "\
pub fn add(a: u8) -> u8 {
    a + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds() {
        assert_eq!(add(1), 2);
    }
}
";

#[test]
fn rust_tests_go_into_the_files_module() {
    check(
        &Case {
            path: "src/add.rs",
            name: "add::tests::adds_two",
            placement: Placement::Module,
            old: Some(RUST),
            imports: &["use std::fmt;", "use super::*;"],
            code: "#[test]\nfn adds_two() {\n    assert_eq!(add(2), 3);\n}\n",
        },
        "
pub fn add(a: u8) -> u8 {
    a + 1
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use super::*;

    #[test]
    fn adds() {
        assert_eq!(add(1), 2);
    }

    #[test]
    fn adds_two() {
        assert_eq!(add(2), 3);
    }
}
",
    );
    // A whole module is taken apart.
    let whole = "#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn more() {\n        let s = r\"\n x\";\n        assert_eq!(s, \"\");\n    }\n}\n";
    let text = placed(&Case {
        path: "src/add.rs",
        name: "tests::more",
        placement: Placement::Append,
        old: Some(RUST),
        imports: &[],
        code: whole,
    });
    assert_eq!(text.matches("mod tests").count(), 1, "{text}");
    assert_eq!(text.matches("use super::*").count(), 1, "{text}");
    assert!(text.ends_with("    #[test]\n    fn more() {\n        let s = r\"\n x\";\n        assert_eq!(s, \"\");\n    }\n}\n"), "{text}");
}

#[test]
fn a_rust_module_is_made_where_there_is_none() {
    check(
        &Case {
            path: "src/add.rs",
            name: "tests::adds",
            placement: Placement::Module,
            old: Some("pub fn add() {}"),
            imports: &["std::fmt", "use super::*;"],
            code: "    #[test]\n    fn adds() {\n        add();\n    }\n",
        },
        "
pub fn add() {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt;

    #[test]
    fn adds() {
        add();
    }
}
",
    );
    check(
        &Case {
            path: "src/add.rs",
            name: "adds",
            placement: Placement::Module,
            old: Some("fn f() {\n\tg();\n}\n\n#[cfg(test)]\nmod tests {}\n"),
            imports: &[],
            code: "#[test]\nfn adds() {\n    f();\n}",
        },
        "
fn f() {
	g();
}

#[cfg(test)]
mod tests {
	#[test]
	fn adds() {
		f();
	}
}
",
    );
}

#[test]
fn a_rust_test_file_takes_tests_at_its_end() {
    check(
        &Case {
            path: "tests/cli.rs",
            name: "runs",
            placement: Placement::Append,
            old: Some("//! Runs.\n\nuse a::b;\nuse std::fmt;\n\n#[test]\nfn a() {}"),
            imports: &["use a::c", "use a::b;"],
            code: "use std::fs;\n\n#[test]\nfn runs() {\n    c();\n}\n",
        },
        "
//! Runs.

use a::b;
use a::c;
use std::fmt;
use std::fs;

#[test]
fn a() {}

#[test]
fn runs() {
    c();
}
",
    );
    check(
        &Case {
            path: "tests/new.rs",
            name: "runs",
            placement: Placement::NewFile,
            old: None,
            imports: &["use a::c;"],
            code: "//! Runs.\n\n#[test]\nfn runs() {\n    c();\n}",
        },
        "//! Runs.\n\nuse a::c;\n\n#[test]\nfn runs() {\n    c();\n}\n",
    );
}

const PYTHON: &str = "\
\"\"\"Tests.\"\"\"
import os
import unittest

from cart import Cart


class TestCart(unittest.TestCase):
    def test_empty(self):
        self.assertEqual(Cart().total(), 0)


if __name__ == '__main__':
    unittest.main()
";

#[test]
fn a_python_method_goes_into_its_class() {
    check(
        &Case {
            path: "tests/test_cart.py",
            name: "tests.test_cart.TestCart.test_one",
            placement: Placement::Append,
            old: Some(PYTHON),
            imports: &[
                "import sys",
                "from cart import Cart",
                "from decimal import Decimal",
                "from __future__ import annotations",
            ],
            code: "def test_one(self):\n  text = \"\"\"\n a\n\"\"\"\n  self.assertEqual(Cart([text]).total(), 1)\n",
        },
        "
\"\"\"Tests.\"\"\"
from __future__ import annotations

import os
import sys
import unittest

from cart import Cart
from decimal import Decimal


class TestCart(unittest.TestCase):
    def test_empty(self):
        self.assertEqual(Cart().total(), 0)

    def test_one(self):
        text = \"\"\"
 a
\"\"\"
        self.assertEqual(Cart([text]).total(), 1)


if __name__ == '__main__':
    unittest.main()
",
    );
}

#[test]
fn a_python_function_goes_before_the_guard_or_to_the_end() {
    let text = placed(&Case {
        path: "tests/test_cart.py",
        name: "test_new",
        placement: Placement::Append,
        old: Some(PYTHON),
        imports: &[],
        code: "import pytest\n\n\n@pytest.mark.parametrize('n', [1])\ndef test_new(n):\n    assert Cart(n)\n",
    });
    assert!(text.contains("0)\n\n\n@pytest.mark.parametrize('n', [1])\ndef test_new(n):\n    assert Cart(n)\n\n\nif __name__"), "{text}");
    assert!(text.contains("import os\nimport pytest\nimport unittest\n"), "{text}");
    check(
        &Case {
            path: "test_a.py",
            name: "test_a.py::test_b[1]",
            placement: Placement::Append,
            old: Some("def test_a():\n\tassert f()"),
            imports: &["from a import f"],
            code: "LIMIT = 3\n\ndef test_b():\n    assert f(LIMIT)",
        },
        "
from a import f

def test_a():
\tassert f()


LIMIT = 3

def test_b():
\tassert f(LIMIT)
",
    );
}

#[test]
fn line_ends_and_the_byte_order_mark_stay() {
    let placed = run(&Case {
        path: "test_a.py",
        name: "test_b",
        placement: Placement::Append,
        old: Some("\u{feff}import os\r\n\r\ndef test_a():\r\n    assert os\r\n"),
        imports: &["import sys"],
        code: "def test_b():\n    assert sys\n",
    })
    .expect("it is in order");
    assert_eq!(
        String::from_utf8(placed.text).unwrap(),
        "\u{feff}import os\r\nimport sys\r\n\r\ndef test_a():\r\n    assert os\r\n\r\n\r\ndef test_b():\r\n    assert sys\r\n"
    );
    assert_eq!(placed.lines, [2..3, 8..10]);
    assert_eq!(placed.test, 8..10);
}

#[test]
fn go_tests_stand_at_the_end_and_imports_in_the_block() {
    check(
        &Case {
            path: "cart/cart_test.go",
            name: "TestTwo",
            placement: Placement::Append,
            old: Some("package cart\n\nimport (\n\t\"testing\"\n\n\t\"github.com/stretchr/testify/assert\"\n)\n\nfunc TestOne(t *testing.T) {\n}\n"),
            imports: &["import \"errors\"", "\"testing\"", "github.com/stretchr/testify/require\""],
            code: "",
        }
        .with("package cart\n\nimport (\n\t\"strings\"\n\t\"testing\"\n)\n\nfunc TestTwo(t *testing.T) {\n    strings.ToUpper(\"a\")\n}\n", &["import \"errors\"", "\"testing\"", "\"github.com/stretchr/testify/require\""]),
        "
package cart

import (
	\"strings\"
	\"errors\"
	\"testing\"

	\"github.com/stretchr/testify/assert\"
	\"github.com/stretchr/testify/require\"
)

func TestOne(t *testing.T) {
}

func TestTwo(t *testing.T) {
	strings.ToUpper(\"a\")
}
",
    );
    check(
        &Case {
            path: "a_test.go",
            name: "TestA/sub",
            placement: Placement::NewFile,
            old: None,
            imports: &["package a", "\"testing\""],
            code: "func TestA(t *testing.T) {\n\tt.Error()\n}",
        },
        "package a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {\n\tt.Error()\n}\n",
    );
}

impl<'a> Case<'a> {
    fn with(self, code: &'a str, imports: &'a [&'a str]) -> Self {
        Case { code, imports, ..self }
    }
}

#[test]
fn java_methods_go_into_the_class() {
    check(
        &Case {
            path: "src/test/java/a/CartTest.java",
            name: "a.CartTest.addsTwo",
            placement: Placement::Append,
            old: Some(
                "package a;\n\nimport static org.junit.jupiter.api.Assertions.*;\nimport org.junit.jupiter.api.Test;\n\nclass CartTest {\n  @Test\n  void adds() {\n  }\n\n  static class Helper {}\n}\n",
            ),
            imports: &["java.util.List", "import org.junit.jupiter.api.Test;"],
            code: "@Test\nvoid addsTwo() {\n    assertEquals(List.of(), f());\n}\n",
        },
        "
package a;

import static org.junit.jupiter.api.Assertions.*;
import org.junit.jupiter.api.Test;
import java.util.List;

class CartTest {
  @Test
  void adds() {
  }

  static class Helper {}

  @Test
  void addsTwo() {
    assertEquals(List.of(), f());
  }
}
",
    );
}

const SCRIPT: &str = "\
import { Cart } from './cart';

describe('cart', () => {
  let cart;
  beforeEach(() => {
    cart = new Cart();
  });

  it('is empty', () => {
    expect(cart.total()).toBe(0);
  });
});
";

#[test]
fn a_scripts_test_goes_where_what_it_needs_stands() {
    let inside = "
import { Cart } from './cart';
import { tax } from './tax';

describe('cart', () => {
  let cart;
  beforeEach(() => {
    cart = new Cart();
  });

  it('is empty', () => {
    expect(cart.total()).toBe(0);
  });

  it('adds', () => {
    expect(cart.add(1)).toBe(tax);
  });
});
";
    let case = Case {
        path: "src/cart.test.ts",
        name: "adds",
        placement: Placement::Append,
        old: Some(SCRIPT),
        imports: &["import { tax } from './tax';", "import { Cart } from \"./cart\""],
        code: "it('adds', () => {\n    expect(cart.add(1)).toBe(tax);\n});",
    };
    check(&case, inside);
    let alone = "it('adds', () => {\n  const cart = new Cart();\n  expect(cart).toBe(tax);\n});";
    // Own names shadow nothing that it needs, but words are the same.
    let text = placed(&Case { name: "cart > adds", code: alone, ..case });
    assert!(text.trim_end().ends_with("  });\n});"), "{text}");
    let own = "describe('totals', () => {\n  it('adds', () => {\n    expect(new Cart().total()).toBe(0);\n  });\n});\n";
    let text = placed(&Case { name: "totals > adds", code: own, imports: &[], ..case });
    assert!(text.ends_with(&format!("}});\n\n{own}")), "{text}");
}

#[test]
fn ruby_and_php_tests_go_into_group_and_class() {
    check(
        &Case {
            path: "spec/cart_spec.rb",
            name: "Cart adds",
            placement: Placement::Append,
            old: Some(
                "require 'cart'\n\nRSpec.describe Cart do\n  it 'is empty' do\n    f\n  end\nend\n",
            ),
            imports: &["require 'set'"],
            code: "it 'adds' do\n  expect(1).to eq(f)\nend\n",
        },
        "
require 'cart'
require 'set'

RSpec.describe Cart do
  it 'is empty' do
    f
  end

  it 'adds' do
    expect(1).to eq(f)
  end
end
",
    );
    check(
        &Case {
            path: "tests/CartTest.php",
            name: "App\\CartTest::testAdds",
            placement: Placement::Append,
            old: Some(
                "<?php\n\nnamespace App;\n\nuse App\\Cart;\n\nfinal class CartTest extends TestCase\n{\n    public function testEmpty(): void\n    {\n    }\n}\n",
            ),
            imports: &["App\\Tax"],
            code: "public function testAdds(): void\n{\n    $this->assertSame(1, f());\n}\n",
        },
        "
<?php

namespace App;

use App\\Cart;
use App\\Tax;

final class CartTest extends TestCase
{
    public function testEmpty(): void
    {
    }

    public function testAdds(): void
    {
        $this->assertSame(1, f());
    }
}
",
    );
}
