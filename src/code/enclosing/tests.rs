//! Tests of finding the enclosing definition, per language.

use proptest::prelude::*;

use super::*;

/// Every line's innermost definition as `name start-end`, run-length encoded:
/// each line of `expect` is `<lines> <what>`.
fn check(text: &str, expect: &[(std::ops::RangeInclusive<u32>, &str)]) {
    let outline = Outline::new(text.as_bytes());
    for (lines, expect) in expect {
        for line in lines.clone() {
            let names: Vec<&str> =
                outline.enclosing(line).iter().map(|d| d.name.as_str()).collect();
            assert_eq!(names.join(" > "), *expect, "line {line} of\n{text}\n{outline:#?}");
        }
    }
}

#[test]
fn rust() {
    check(
        "use a;\n\n#[derive(Debug)]\npub struct A {\n    b: u8,\n}\n\nimpl<T> Tr for A<T>\nwhere\n    T: X,\n{\n    /// Doc.\n    #[inline]\n    pub(crate) async fn c(\n        &self,\n        d: u8,\n    ) -> u8 {\n        let e = match d {\n            1 => 2,\n            _ => 3,\n        };\n        run(|x| {\n            x\n        });\n        e\n    }\n\n    fn f() -> u8 { 1 }\n}\n\nstruct U;\nmacro_rules! m {\n    () => {};\n}\nfn last() {\n}\n",
        &[
            (1..=2, ""),
            (3..=6, "A"),
            (7..=7, ""),
            (8..=12, "<T> Tr for A<T>"),
            (13..=26, "<T> Tr for A<T> > c"),
            (27..=27, "<T> Tr for A<T>"),
            (28..=28, "<T> Tr for A<T> > f"),
            (29..=29, "<T> Tr for A<T>"),
            (30..=30, ""),
            (31..=31, "U"),
            (32..=34, "m"),
            (35..=36, "last"),
        ],
    );
}

#[test]
fn go() {
    check(
        "package x\n\ntype T struct {\n\ta int\n}\n\nfunc (t *T) Do(ctx context.Context, m map[string]interface{}) error {\n\tif x {\n\t\tgo func() {\n\t\t\tb()\n\t\t}()\n\t}\nlabel:\n\treturn nil\n}\n\ntype I interface {\n\tDo() error\n}\n\nvar x = func(a int) {\n\tb()\n}\n\nfunc main() {\n\tfoo(a,\n\t\tb)\n\tswitch x {\n\tcase 1:\n\t}\n}\n",
        &[
            (2..=2, ""),
            (3..=5, "T"),
            (6..=6, ""),
            (7..=15, "Do"),
            (16..=16, ""),
            (17..=19, "I"),
            (21..=23, "x"),
            (25..=31, "main"),
        ],
    );
}

#[test]
fn python() {
    check(
        "import a\n\n@dec\nclass A(B):\n    x = {\n        1: 2,\n    }\n\n    @property\n    def b(self):\n        \"\"\"Doc\n\nnot code: x\nclass X:\n        \"\"\"\n        if a:\n            return 1\n        # comment\n        return 2\n\n    async def c(\n        self,\n    ):\n        pass\n\ny = 1\n\ndef d():\n    def e():\n        pass\n    return e\n",
        &[
            (1..=2, ""),
            (3..=7, "A"),
            (9..=19, "A > b"),
            (21..=24, "A > c"),
            (26..=27, ""),
            (28..=28, "d"),
            (29..=30, "d > e"),
            (31..=31, "d"),
        ],
    );
}

#[test]
fn java() {
    check(
        "package a;\n\n@Service\npublic final class A extends B {\n    private int x = foo(1);\n\n    public A(int x) {\n        this.x = x;\n    }\n\n    @Override\n    public <T> List<T> get(\n            String a,\n            int b)\n            throws IOException {\n        for (int i = 0; i < 2; i++) {\n            call(a, b);\n        }\n        return null;\n    }\n\n    enum E { X, Y }\n}\n",
        &[
            (1..=2, ""),
            (3..=6, "A"),
            (7..=9, "A > A"),
            (11..=20, "A > get"),
            (22..=22, "A > E"),
            (23..=23, "A"),
        ],
    );
}

#[test]
fn javascript_and_typescript() {
    check(
        "import a from 'a';\n\nexport const b = async (c: string): Promise<void> => {\n  d(() => {\n    e();\n  });\n};\n\nexport default class F extends G {\n  async h(i, j) {\n    if (i) {\n      return;\n    }\n  }\n  k = () => {\n    l();\n  };\n}\n\nmodule.exports.m = function (n) {\n  o();\n};\n\ndescribe('it all', () => {\n  it(\"works\", function () {\n    p();\n  });\n});\n\ninterface Q {\n  r: string;\n}\ntype S = {\n  t: number;\n};\nfunction* u() {\n  v();\n}\n",
        &[
            (1..=2, ""),
            (3..=7, "b"),
            (9..=9, "F"),
            (10..=14, "F > h"),
            (15..=17, "F > k"),
            (18..=18, "F"),
            (20..=22, "module.exports.m"),
            (24..=24, "it all"),
            (25..=27, "it all > works"),
            (30..=32, "Q"),
            (33..=35, "S"),
            (36..=38, "u"),
        ],
    );
}

#[test]
fn c_and_cpp() {
    check(
        "#include <a.h>\n\nint proto(int a);\n\nstatic int\nfoo(int a,\n    char *b)\n{\n\tif (a) {\n\t\tgoto out;\n\t}\n#ifdef X\n\tbar(a);\n#endif\nout:\n\treturn 1;\n}\n\nstruct s *make(void) {\n\treturn 0;\n}\n\nstruct s {\n\tint a;\n};\n\nstatic const struct s table = {\n\t.a = 1,\n};\n\nnamespace n {\nvoid C::run(int a) const {\n  a++;\n}\n}\n",
        &[
            (1..=5, ""),
            (6..=17, "foo"),
            (19..=21, "make"),
            (23..=25, "s"),
            (27..=29, ""),
            (32..=34, "C::run"),
        ],
    );
}

#[test]
fn ruby_and_shell() {
    check(
        "module A\n  class B < C\n    attr_reader :x\n\n    def self.d(e)\n      e.each do |f|\n        g(f)\n      end\n    end\n\n    def h? = true\n  end\nend\n\nRSpec.foo\ndescribe 'x' do\n  it 'y' do\n    z\n  end\nend\n",
        &[
            (1..=1, "A"),
            (2..=3, "A > B"),
            (5..=9, "A > B > self.d"),
            (12..=12, "A > B"),
            (13..=13, "A"),
            (15..=15, ""),
            (17..=19, "x > y"),
        ],
    );
    check("#!/bin/sh\nset -e\nmain() {\n  echo {\n}\n", &[(1..=2, ""), (3..=5, "main")]);
}

#[test]
fn yaml() {
    check(
        "name: ci\non:\n  push:\n    branches: [main]\njobs:\n  build:\n    runs-on: ubuntu\n    steps:\n      - uses: a\n      - run: |\n          b\n  test:\n    needs: build\n",
        &[
            (1..=1, ""),
            (2..=2, "on"),
            (3..=4, "on > push"),
            (6..=7, "jobs > build"),
            (8..=11, "jobs > build > steps"),
            (12..=13, "jobs > test"),
        ],
    );
}

#[test]
fn one_call_gives_the_innermost() {
    let text = b"fn a() {\n    b();\n}\n";
    let found = enclosing(text, 2).unwrap();
    assert_eq!(found, Definition { header_line: 1, name: "a".into(), start: 1, end: 3 });
    for line in [0, 4, 5, u32::MAX] {
        assert_eq!(enclosing(text, line), None, "{line}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever the text: definitions nest, and lie inside it.
    #[test]
    fn definitions_nest(lines in proptest::collection::vec(proptest::sample::select(vec![
        "fn a() {", "  def b():", "}", "  }", "class C {", "int d(",
        "  int e)", "{", "\"\"\"", "/*", "*/", "x;", "end", "k:",
        "@a", "#[b]", "const f = () => {", "", "impl", "pub(", "extern \"",
    ]), 0..30)) {
        let text = lines.join("\n");
        let outline = Outline::new(text.as_bytes());
        for (at, definition) in outline.definitions.iter().enumerate() {
            prop_assert!(definition.start <= definition.header_line);
            prop_assert!(definition.header_line <= definition.end);
            prop_assert!(definition.end as usize <= lines.len());
            if let Some(parent) = outline.parents[at] {
                let parent = &outline.definitions[parent as usize];
                prop_assert!(parent.start <= definition.start);
                prop_assert!(definition.end <= parent.end);
            }
        }
    }

    #[test]
    fn any_bytes_have_an_outline(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        Outline::new(&text);
    }
}
