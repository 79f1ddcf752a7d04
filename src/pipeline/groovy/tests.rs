//! The reader of Groovy on strings, statements and odd texts.

use proptest::prelude::*;

use super::lex::{Kind, tokens};
use super::{MAX_DEPTH, Quote, Statement, Value, each_call, parse};

/// The strings of a text, as their values.
fn texts(text: &str) -> Vec<String> {
    let list = tokens(text).unwrap_or_else(|broken| panic!("{text}: {broken:?}")).list;
    list.into_iter()
        .filter_map(|token| match token.kind {
            Kind::Text(text) => Some(text.value),
            _ => None,
        })
        .collect()
}

#[test]
fn strings_are_told_apart_and_unescaped() {
    let check = |text: &str, expect: &[&str]| assert_eq!(texts(text), expect, "{text}");
    check("sh 'a'", &["a"]);
    check(r#"sh "a \"b\" $c ${d}""#, &["a \"b\" $c ${d}"]);
    check("sh '''a\n'b' \"\"\"\n'''", &["a\n'b' \"\"\"\n"]);
    check("sh \"\"\"a ${x ? \"{\" : '}'} \"b\" \"\"\"", &["a ${x ? \"{\" : '}'} \"b\" "]);
    check(r"'don\'t // no comment' // a 'comment'", &["don't // no comment"]);
    check("/* ' */ 'a' /* \" */", &["a"]);
    check("x = a / b / c", &[]);
    check("x = 1 / 2; y = (3) / 4; z = l[0] / 5", &[]);
    check("i++ / 2 + j", &[]);
    check(r"x =~ /a\/b{/", &["a/b{"]);
    check("if (x ==~ /(/) { }", &["("]);
    check("return /}/", &["}"]);
    check("x = $/a / 'b' $$ /$", &["a / 'b' $ "]);
    check("#!/usr/bin/env groovy '\nx = 'a'", &["a"]);
    check("\u{feff}x = 'ü'", &["ü"]);
    check("sh \"a\\\n  b\"", &["a  b"]);
    check(r"'\u00e9\n\t\\'", &["é\n\t\\"]);
    check("[$class: 'GitSCM']", &["GitSCM"]);
    check("\"${a.collect { \"${it}\" }.join('}')}\"", &["${a.collect { \"${it}\" }.join('}')}"]);
}

#[test]
fn values_in_strings_are_found() {
    let check = |text: &str, expect: &[&str]| {
        let list = tokens(text).unwrap_or_default().list;
        let holes: Vec<&str> = list
            .iter()
            .filter_map(|token| match &token.kind {
                Kind::Text(text) => Some(text),
                _ => None,
            })
            .flat_map(|found| found.holes.iter().map(|hole| &text[hole.code.clone()]))
            .collect();
        assert_eq!(holes, expect, "{text}");
    };
    check(r#""a ${params.X} $env.Y. \${no} $1""#, &["params.X", "env.Y"]);
    check("'${no} $no'", &[]);
    check("/a $b/", &["b"]);
}

#[test]
fn what_does_not_close_is_said_with_its_line() {
    let check = |text: &str, line: u32, why: &str| match parse(text) {
        Err(broken) => {
            assert_eq!((broken.line, broken.why.contains(why)), (line, true), "{text}: {broken:?}");
        }
        Ok(_) => panic!("{text} is taken for whole"),
    };
    check("a {\n b {\n }\n", 1, "`{` that stands here is never closed");
    check("a\n}", 2, "`}` closes nothing");
    check("a(\n[\n)", 3, "`)` stands where the `[` of line 2 wants `]`");
    check("a\nsh 'x\ny'", 2, "not closed on its line");
    check("sh '''x\n", 1, "string that starts here is never closed");
    check("\n/* x", 2, "comment that starts here is never closed");
    check("\"${a\"", 1, "never closed");
    check(&"(".repeat(MAX_DEPTH + 1), 1, "nested deeper");
    check(&"\"${".repeat(MAX_DEPTH + 2), 1, "nested deeper");
}

/// Statements, in short.
fn shape(statements: &[Statement]) -> String {
    let mut out = String::new();
    for statement in statements {
        if !out.is_empty() {
            out.push_str("; ");
        }
        match statement {
            Statement::Call(call) => {
                out.push_str(&call.name);
                let args: Vec<String> = call
                    .args
                    .iter()
                    .map(|arg| {
                        let key = arg.key.as_ref().map(|key| format!("{key}:")).unwrap_or_default();
                        format!("{key}{}", value(&arg.value))
                    })
                    .collect();
                if !args.is_empty() || call.parens.is_some() {
                    out.push_str(&format!("({})", args.join(",")));
                }
                if let Some(block) = &call.block {
                    out.push_str(&format!("{{{}}}", shape(&block.statements)));
                }
                for linked in &call.chain {
                    out.push_str(&format!(".{}", shape(&[Statement::Call(linked.clone())])));
                }
            }
            Statement::Assign(assign) => {
                let value = assign.value.as_ref().map(value).unwrap_or_default();
                let def = if assign.declares { "def " } else { "" };
                out.push_str(&format!("{def}{}={value}", assign.target));
            }
            Statement::Method(method) => {
                out.push_str(&format!("fn {}{{{}}}", method.name, shape(&method.body.statements)));
            }
            Statement::Other { children, .. } => out.push_str(&format!("?[{}]", shape(children))),
            Statement::Block(block) => out.push_str(&format!("{{{}}}", shape(&block.statements))),
        }
    }
    out
}

fn value(found: &Value) -> String {
    match found {
        Value::Text(text) => format!("'{}'", text.value),
        Value::Joined(texts, _) => {
            texts.iter().map(|text| format!("'{}'", text.value)).collect::<Vec<_>>().join("+")
        }
        Value::Name(name, _) | Value::Number(name, _) => name.clone(),
        Value::List(items, _) => {
            format!("[{}]", items.iter().map(value).collect::<Vec<_>>().join(","))
        }
        Value::Map(entries, _) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|entry| {
                    format!("{}:{}", entry.key.as_deref().unwrap_or_default(), value(&entry.value))
                })
                .collect();
            format!("[{}]", entries.join(","))
        }
        Value::Call(call) => shape(&[Statement::Call(call.as_ref().clone())]),
        Value::Closure(block) => format!("{{{}}}", shape(&block.statements)),
        Value::Other(_, children) => format!("?[{}]", shape(children)),
    }
}

#[test]
fn statements_are_read() {
    let check = |text: &str, expect: &str| {
        let tree = parse(text).unwrap_or_else(|broken| panic!("{text}: {broken:?}"));
        assert_eq!(shape(&tree.statements), expect, "{text}");
    };
    check("agent any", "agent(any)");
    check("agent { label 'x' }", "agent{label('x')}");
    check("pipeline\n{\n agent none\n}", "pipeline{agent(none)}");
    check("stage('a')\n{ steps { sh 'x' } }", "stage('a'){steps{sh('x')}}");
    check("when { branch 'main'; beforeAgent true }", "when{branch('main'); beforeAgent(true)}");
    check("timeout(time: 5, unit: 'HOURS') { sh 'x' }", "timeout(time:5,unit:'HOURS'){sh('x')}");
    check("sh label: 'a',\n  script: 'b'\necho 'c'", "sh(label:'a',script:'b'); echo('c')");
    check("sh 'a' +\n 'b'", "sh('a'+'b')");
    check("sh(script: '''\n x\n'''.stripIndent())", "sh(script:'\n x\n')");
    check("values 'a', 'b'", "values('a','b')");
    check("withEnv(['A=b', \"C=${d}\"]) { x() }", "withEnv(['A=b','C=${d}']){x()}");
    check(
        "checkout([$class: 'GitSCM', branches: [[name: 'x']]])",
        "checkout([$class:'GitSCM',branches:[[name:'x']]])",
    );
    check(
        "env.X = sh(script: 'a', returnStdout: true).trim()",
        "env.X=sh(script:'a',returnStdout:true).trim()",
    );
    check("def a = 1\nString b = 'c'\nMap<String, String> d = [:]", "def a=1; def b='c'; def d=[]");
    check("String[] parts = 'a'", "def parts='a'");
    check("a += 'b'; c[0] = 'd'; e << 'f'", "a='b'; c='d'; e='f'");
    check(
        "if (x == 'a') { sh 'b' } else if (y) { sh 'c' } else { sh 'd' }",
        "if(?[]){sh('b')}; else; if(?[]){sh('c')}; else{sh('d')}",
    );
    check("if (x) sh 'b'", "if(?[]); sh('b')");
    check(
        "try { a() } catch (E e) { b() } finally { c() }",
        "try{a()}; catch(?[]){b()}; finally{c()}",
    );
    check("def f(a, b = 1) { sh 'x' }", "fn f{sh('x')}");
    check("private static String f() throws E {\n g()\n}", "fn f{g()}");
    check(
        "docker.image('x').inside('-v a') { sh 'b' }",
        "docker.image('x').inside('-v a'){sh('b')}",
    );
    check("docker.build('x')\n  .push('y')", "docker.build('x').push('y')");
    check("parallel a: { sh 'x' }, b: { sh 'y' }", "parallel(a:{sh('x')},b:{sh('y')})");
    check("parallel(a: { sh 'x' }, failFast: true)", "parallel(a:{sh('x')},failFast:true)");
    check("list.each { a, b -> sh 'x' }", "list.each{sh('x')}");
    check("retry 3, { sh 'x' }", "retry(3){sh('x')}");
    check("@Library('x') _", "?[]; _");
    check("@Field def x = 1", "?[]; def x=1");
    check("return sh(script: 'x')", "?[sh(script:'x')]");
    check("x = cond ? sh('a') : sh('b')", "x=?[sh('a'); sh('b')]");
    check("cleanup() { deleteDir() }", "cleanup(){deleteDir()}");
    check("echo 'a' // b\n/* c */ echo 'd'", "echo('a'); echo('d')");
    check(
        "switch (x) { case 'a': sh 'b'; break\n default: sh 'c' }",
        "switch(?[]){?[]; sh('b'); ?[]; ?[]; sh('c')}",
    );
}

#[test]
fn nested_code_is_read_once() {
    // Reading an expression twice at every level would take years here.
    for text in ["f(", "f(a = ", "f { x = [f(a: "] {
        let opens = text.matches(['(', '{', '[']).count();
        let mut close = String::new();
        for sign in text.chars().rev() {
            close.push_str(match sign {
                '(' => ") + 1",
                '[' => "]",
                '{' => "}",
                _ => "",
            });
        }
        let levels = MAX_DEPTH / opens - 1;
        let source = format!("{}x{}", text.repeat(levels), close.repeat(levels));
        assert!(parse(&source).is_ok(), "{source}");
    }
    let long = "a ".repeat(20_000);
    assert!(parse(&long).is_ok());
    let slashes = "/ ".repeat(50_000);
    assert!(tokens(&slashes).is_ok());
}

#[test]
fn every_call_is_seen() {
    let text = "a { if (b(1)) { x = [c('d'), { e() }] } }\ndef f() { return g(h: i { j 'k' }) }";
    let tree = parse(text).unwrap_or_default();
    let mut names = Vec::new();
    each_call(&tree.statements, &mut |call| names.push(call.name.clone()));
    assert_eq!(names, ["a", "if", "b", "c", "e", "g", "i", "j"]);
}

#[test]
fn quotes_know_their_inside() {
    for (text, quote, inner) in [
        ("'a'", Quote::Single, 1..2),
        ("\"\"\"a\"\"\"", Quote::TripleDouble, 3..4),
        ("$/a/$", Quote::DollarSlashy, 2..3),
    ] {
        let list = tokens(text).unwrap_or_default().list;
        let Some(Kind::Text(found)) = list.first().map(|token| &token.kind) else {
            panic!("{text}")
        };
        assert_eq!((found.quote, found.inner()), (quote, inner));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_is_too_odd(text in "[ -~\\n\\r\\té]{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn signs_of_groovy_in_any_order(parts in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "(", ")", "[", "]", "'", "\"", "'''", "\"\"\"", "/", "$/", "/$", "${", "$x", "//", "/*", "*/",
        "\n", "\\", "sh ", "stage", "def ", "=", ",", ":", ".", "->", ";", "if", "else ", "x", "1", "@", "?", "+",
    ]), 0..60)) {
        let text = parts.concat();
        if let Ok(tree) = parse(&text) {
            let mut last = 0;
            for statement in &tree.statements {
                let span = statement.span();
                prop_assert!(span.start >= last && span.end <= text.len(), "{text:?} {span:?}");
                last = span.start;
            }
        }
    }
}
