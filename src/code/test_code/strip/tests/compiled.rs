//! Languages with a compiler: what is left must still be accepted by it.

use super::*;

#[test]
fn rust_keeps_what_is_compared_and_its_types() {
    check(
        Language::Rust,
        ("#[test]\nfn a() {\n    ", "\n}\n"),
        &[
            (
                "assert!(f(1), \"m {}\", g());",
                "{ let _ = !(f(1)); if false { let _ = ::core::format_args!(\"m {}\", g()); } }",
            ),
            (
                "assert_eq!(f::<A, B>(1), 2, \"m\");",
                "match (&(f::<A, B>(1)), &(2)) { (left, right) => { let _ = *left == *right; } }",
            ),
            (
                "debug_assert_ne!(a, b);",
                "match (&(a), &(b)) { (left, right) => { let _ = *left == *right; } }",
            ),
            (
                "pretty_assertions::assert_eq!(a, b);",
                "match (&(a), &(b)) { (left, right) => { let _ = *left == *right; } }",
            ),
            (
                "assert_matches!(f(), Some(x) if x > 1, \"m\");",
                "{ let _ = ::core::matches!(f(), Some(x) if x > 1); }",
            ),
            ("assert!(matches!(f(), Some(_)));", "{ let _ = !(matches!(f(), Some(_))); }"),
            ("assert_relative_eq!(a, b, epsilon = e());", "{ let _ = (&(a), &(b), &(e()), ); }"),
            ("assert_debug_snapshot!(f(), @\"x\");", "{ let _ = (&(f()), ); }"),
            ("let Err(e) = f() else { panic!(\"no\") };", "let Err(e) = f() else { { return } };"),
            (
                "if x != 1 { panic!(\"{}\", f()); }",
                "if x != 1 { { if false { let _ = ::core::format_args!(\"{}\", f()); } return; } }",
            ),
            (
                "match f() { Ok(_) => panic!(), Err(e) => assert!(e.is_x()) }",
                "match f() { Ok(_) => { return }, Err(e) => { let _ = !(e.is_x()); } }",
            ),
            ("let x = f().unwrap_or_else(|e| panic!(\"{e}\")); x.unwrap();", "none"),
            ("let r: Result<u8, ()> = f(); r.unwrap();", "none"),
            ("mock.assert();", "{ let _ = (&(mock), ); }"),
            ("cmd.assert().success();", "unclear"),
            ("common::assert_same(a, b);", "unclear"),
            (
                "proptest!(|(x in 0..3)| { prop_assert!(x < 3); });",
                "proptest!(|(x in 0..3)| { { let _ = !(x < 3); }; });",
            ),
            (
                "for x in y { assert!(x.iter().all(|z| z > 1)) }",
                "for x in y { { let _ = !(x.iter().all(|z| z > 1)); } }",
            ),
        ],
    );
    check(
        Language::Rust,
        ("", ""),
        &[
            (
                "#[test]\n#[should_panic(expected = \"x\")]\nfn a() {\n    assert!(f());\n}\n",
                "#[test]\n\nfn a() { let _ = ::std::panic::catch_unwind(::std::panic::AssertUnwindSafe(move || -> () {\n    { let _ = !(f()); }\n})); }\n",
            ),
            ("#[should_panic]\n#[tokio::test]\nasync fn a() {\n    f().await;\n}\n", "unclear"),
            (
                "#[test]\nfn a() -> Result<(), E> {\n    if f()? { panic!(\"x\"); }\n    Ok(())\n}\n",
                "#[test]\nfn a() -> Result<(), E> {\n    if f()? { { return ::core::result::Result::Ok(()); } }\n    Ok(())\n}\n",
            ),
            (
                "macro_rules! same { ($a:expr) => { assert_eq!($a, 1); } }\n#[test]\nfn a() { same!(2); }\n",
                "macro_rules! same { ($a:expr) => { match (&($a), &(1)) { (left, right) => { let _ = *left == *right; } }; } }\n#[test]\nfn a() { same!(2); }\n",
            ),
        ],
    );
}

#[test]
fn go_keeps_variables_and_imports_used() {
    check(
        Language::Go,
        ("package a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {\n\t", "\n}\n"),
        &[
            (
                "if f() != 1 {\n\t\tt.Errorf(\"f %d\", x)\n\t}",
                "if f() != 1 {\n\t\tfunc(...interface{}) bool { return true }(\"f %d\", x)\n\t}",
            ),
            ("t.Fatal(f())", "{ func(...interface{}) bool { return true }(f()); return }"),
            (
                "t.Run(\"x\", func(t *testing.T) { t.FailNow() })",
                "t.Run(\"x\", func(t *testing.T) { { func(...interface{}) bool { return true }(); return } })",
            ),
            ("t.Log(f())", "none"),
            ("defer t.Error(1)", "defer func(...interface{}) bool { return true }(1)"),
            ("check(t.Fatalf)", "unclear"),
        ],
    );
    let helper = "package a\n\nfunc load(t *testing.T) (*T, error) {\n\tt.Helper()\n\tt.Fatal(1)\n\treturn nil, nil\n}\n\nfunc TestA(t *testing.T) {\n\tx, _ := load(t)\n\t_ = x\n}\n";
    check(
        Language::Go,
        ("", ""),
        &[(
            helper,
            &helper.replace(
                "t.Fatal(1)",
                "{ func(...interface{}) bool { return true }(1); return *new(*T), *new(error) }",
            ),
        )],
    );
    let imports = "package a\n\nimport (\n\t\"testing\"\n\t\"github.com/stretchr/testify/assert\"\n\t\"github.com/stretchr/testify/require\"\n)\n\nfunc TestA(t *testing.T) {\n";
    let any = "func(...interface{}) bool { return true }";
    for (code, expect, tail) in [
        ("\tassert.Equal(t, 1, f(), \"m\")\n}\n", format!("\t{any}(t, 1, f(), \"m\")\n}}\n"), "\nvar _ = assert.Equal\n"),
        ("\trequire.NoError(t, err)\n\tif !assert.True(t, x) { return }\n}\n", format!("\t{any}(t, err)\n\tif !{any}(t, x) {{ return }}\n}}\n"), "\nvar _ = assert.True\n\nvar _ = require.NoError\n"),
        ("\tassert := assert.New(t)\n\tassert.Len(f(), 2)\n}\n", format!("\tassert := assert.New(t)\n\t{any}(assert, f(), 2)\n}}\n"), ""),
        ("\tassert.Panics(t, func() { f() })\n}\n", "\tfunc() bool { defer func() { _ = recover() }(); (func() { f() })(); return true }()\n}\n".to_owned(), "\nvar _ = assert.Panics\n"),
        ("\tassert.Eventually(t, f, 1, 2)\n}\n", "unclear".to_owned(), ""),
    ] {
        match stripped(Language::Go, &format!("{imports}{code}")) {
            Stripped::Text(text) => {
                assert_eq!(String::from_utf8(text).unwrap(), format!("{imports}{expect}{tail}"));
            }
            other => assert_eq!(expect, "unclear", "{other:?}"),
        }
    }
}

#[test]
fn java_evaluates_arguments_and_runs_what_must_throw() {
    let try_ = "try { ((org.junit.jupiter.api.function.Executable) (";
    let run = ")).execute(); } catch (Throwable anyThrown) { }";
    check(
        Language::Java,
        (
            "import org.junit.jupiter.api.*;\nclass ATest {\n  @Test\n  void a() {\n    ",
            "\n  }\n}\n",
        ),
        &[
            (
                "assertEquals(1, f(2), () -> \"m\");",
                "java.util.Arrays.asList((Object) (1), (Object) (f(2)));",
            ),
            ("Assertions.assertTrue(f());", "java.util.Arrays.asList((Object) (f()));"),
            ("assertThrows(X.class, () -> f(1));", &format!("{try_}() -> f(1){run}")),
            ("assertDoesNotThrow(this::f);", &format!("{try_}this::f{run}")),
            (
                "X e = assertThrows(X.class, () -> f(1));\n    assertEquals(\"m\", e.getMessage());",
                &format!(
                    "X e = null; {} if (anyThrown instanceof X) {{ e = (X) anyThrown; }} }}\n    if (e != null) java.util.Arrays.asList((Object) (\"m\"), (Object) (e.getMessage()));",
                    format!("{try_}() -> f(1){run}").trim_end_matches(" }")
                ),
            ),
            ("X e = assertThrows(X.class, () -> f(1));\n    g(e);", "unclear"),
            ("return assertThrows(X.class, () -> f(1));", "unclear"),
            (
                "assertAll(() -> assertEquals(1, a), () -> assertNull(b));",
                "assertAll(() -> java.util.Arrays.asList((Object) (1), (Object) (a)), () -> java.util.Arrays.asList((Object) (b)));",
            ),
            (
                "assertThat(f()).as(\"x\").isEqualTo(g()).extracting(A::b);",
                "java.util.Arrays.asList((Object) (f()), (Object) (\"x\"), (Object) (g()));",
            ),
            (
                "assertThat(f(), is(equalTo(1)));",
                "java.util.Arrays.asList((Object) (f()), (Object) (is(equalTo(1))));",
            ),
            (
                "assertThatThrownBy(() -> f()).isInstanceOf(X.class);",
                "try { ((org.assertj.core.api.ThrowableAssert.ThrowingCallable) (() -> f())).call(); } catch (Throwable anyThrown) { }",
            ),
            (
                "fail(\"m\" + f());",
                "{ java.util.Arrays.asList((Object) (\"m\" + f())); if (true) { return; } }",
            ),
            ("verify(repo, times(1)).save(any());", "java.util.Arrays.asList((Object) (repo));"),
            ("verify(repo).save(c.capture());", "unclear"),
            ("assert f() : \"m\";", "if (f()) { }"),
            ("assertSame2(a, b);", "unclear"),
            ("f();", "none"),
        ],
    );
    check(
        Language::Java,
        ("", ""),
        &[(
            "class ATest {\n  @Test(expected = X.class, timeout = 9)\n  public void a() { f(); }\n}\n",
            "class ATest {\n  @Test(expected = org.junit.Test.None.class, timeout = 9)\n  public void a() { try { f(); } catch (Throwable anyThrown) { } }\n}\n",
        )],
    );
}
