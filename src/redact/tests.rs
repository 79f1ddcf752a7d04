//! Hostile texts and secrets, and what comes out.

use proptest::prelude::*;

use super::*;

const KNOWN: &str = "hunter2-correct-horse";

fn scrubber() -> &'static Scrubber {
    &SCRUBBER
}

static SCRUBBER: LazyLock<Scrubber> = LazyLock::new(|| {
    Scrubber::new([
        &Secret::new(KNOWN),
        &Secret::new("abc"),
        &Secret::new("line-one-is-long\nline-two-is-long"),
    ])
});

fn host() -> ForgeHost {
    ForgeHost::new("https://github.com", "o/r")
}

#[test]
fn secrets_do_not_print() {
    let secret = Secret::new(KNOWN);
    assert_eq!(format!("{secret} {secret:?}"), "*** Secret(***)");
    assert!(!format!("{:?}", scrubber()).contains("hunter"));
}

#[test]
fn known_values_are_masked_in_every_form_they_travel_in() {
    let scrubber = Scrubber::new([&Secret::new("p@ss/w\"rd&more?")]);
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let cases = [
        "p@ss/w\"rd&more?".to_owned(),
        "p%40ss%2Fw%22rd%26more%3F".to_owned(),
        "p@ss/w\\\"rd&more?".to_owned(),
        "p@ss/w\"rd&amp;more?".to_owned(),
        encode("p@ss/w\"rd&more?"),
        encode("x-access-token:p@ss/w\"rd&more?"),
        encode("ab:p@ss/w\"rd&more?:cd"),
        "704073732f77227264266d6f72653f".to_owned(),
        "704073732F77227264266D6F72653F".to_owned(),
        "p@ss/w\u{200b}\"rd\u{2060}&more?".to_owned(),
    ];
    for text in cases {
        let scrubbed = scrubber.scrub(&text);
        assert!(scrubbed.contains(MASK), "{text} came out as {scrubbed}");
        assert!(!scrubbed.contains("more"), "{text} came out as {scrubbed}");
    }
    assert!(matches!(scrubber.scrub("nothing here"), Cow::Borrowed(_)));
}

#[test]
fn credentials_are_told_by_their_form() {
    let hex = "0123456789abcdef0123456789abcdef01234567";
    let cases = [
        ("AKIAIOSFODNN7EXAMPLE", "***"),
        (&format!("ghp_{hex}"), "***"),
        (&format!("x github_pat_{hex} y"), "x *** y"),
        (&format!("sk-ant-api03-{hex}"), "***"),
        (&format!("token glpat-{hex}"), "token ***"),
        ("https://user:s3cret@example.org/x", "https://user:***@example.org/x"),
        ("Authorization: Bearer abcDEF0123456789xyz", "Authorization: Bearer ***"),
        ("password = \"aB3dE6gH9jK2mN5p\"", "password = \"***\""),
        // Ordinary text stays.
        ("password = \"correct-horse-battery\"", "password = \"correct-horse-battery\""),
        ("token: \"${{ secrets.TOKEN }}\"", "token: \"${{ secrets.TOKEN }}\""),
        ("the bearer of bad news", "the bearer of bad news"),
        (hex, hex),
        ("line-two-is-long", "***"),
        ("abc", "abc"),
    ];
    for (text, expect) in cases {
        assert_eq!(scrubber().scrub(text), expect, "{text}");
    }
    let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA0123456789\nabcdefghijklmnopqrstuv==\n-----END RSA PRIVATE KEY-----";
    assert_eq!(scrubber().scrub(&format!("a {key} b")), "a *** b");
    assert_eq!(scrubber().scrub(&key.replace('\n', "\\n")), "***");
}

#[test]
fn a_mask_cannot_join_two_halves_of_a_secret() {
    let text = format!("hunter2-{KNOWN}correct-horse");
    assert_eq!(scrubber().scrub(&text), "hunter2-***correct-horse");
    let odd = Scrubber::new([&Secret::new("aa***bb"), &Secret::new("secret-value")]);
    assert_eq!(odd.scrub("aasecret-valuebb"), "***");
}

/// What a hostile model, diff or comment may contain, and what is posted.
const HOSTILE: &[(&str, &str)] = &[
    // Links.
    ("[docs](https://evil.test/x)", "docs"),
    ("[docs](https://evil.test/x \"a title)\")", "docs"),
    (
        "[here](https://github.com/o/r/blob/main/a.rs#L1)",
        "[here](https://github.com/o/r/blob/main/a.rs#L1)",
    ),
    ("[here](https://github.com/o/r2/blob/x)", "here"),
    ("[here](https://github.com@evil.test/o/r)", "here"),
    ("[here](https://github.com/o/r/../../evil/x)", "here"),
    ("[here](//evil.test)", "here"),
    ("[here](java\u{200b}script:alert(1))", "here"),
    ("[a [nested](https://evil.test) b](https://evil.test)", "a nested b"),
    ("[x]: https://evil.test", "[x\\]: `https://evil.test`"),
    (
        "see [x][ref]\n\n[ref]: <https://evil.test> 'y'",
        "see [x][ref]\n\n[ref\\]: `https://evil.test` 'y'",
    ),
    ("<https://evil.test/a>", "`https://evil.test/a`"),
    ("see https://evil.test/a?b=c.", "see `https://evil.test/a?b=c`."),
    ("1https://evil.test", "`1https://evil.test`"),
    ("a\\_https://evil.test", "a_`https://evil.test`"),
    ("\\https://evil.test", "\\\\`https://evil.test`"),
    ("https\\://evil.test", "`https://evil.test`"),
    ("go to www.evil.test!", "go to `www.evil.test`!"),
    ("www\\.evil.test", "`www.evil.test`"),
    ("https://github.com/o/r/blob/main/a.rs#L1", "https://github.com/o/r/blob/main/a.rs#L1"),
    ("https://github.com/o/r/pull/1", "`https://github.com/o/r/pull/1`"),
    ("[fix it](https://github.com/o/r/issues/new?body=x)", "fix it"),
    ("HTTPS://evil.test", "`HTTPS://evil.test`"),
    ("a//https://evil.test", "a//`https://evil.test`"),
    ("x#1https://evil.test", "`x#1` `https://evil.test`"),
    ("mailto:a@evil.test", "`mailto:a@evil.test`"),
    ("[x](&#104;ttps://evil.test)", "x"),
    ("handlers[name](event) runs", "handlers[name\\](event) runs"),
    // Images.
    ("![pixel](https://evil.test/p.png)", "(image: pixel)"),
    ("![](https://evil.test/p.png)", "(image)"),
    ("[![x](https://evil.test/i)](https://evil.test)", "(image: x)"),
    ("![x][ref]", "![x][ref]"),
    // Tags and comments.
    ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"),
    ("<a href=\"https://evil.test\">x</a>", "&lt;a href=\"`https://evil.test`\">x&lt;/a>"),
    ("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"),
    ("<iframe src=//evil.test>", "&lt;iframe src=//evil.test>"),
    ("<details><summary>x</summary>", "&lt;details>&lt;summary>x&lt;/summary>"),
    ("<!-- pipewright:summary -->", "&lt;!-- pipewright:summary -->"),
    ("\\<!-- x -->", "&lt;!-- x -->"),
    (
        "&lt;b&gt; &amp;commat; &commat;octocat &#64;x",
        "&lt;b&gt; &amp;commat; &amp;commat;octocat &amp;#64;x",
    ),
    ("a < b && c", "a &lt; b && c"),
    // Mentions and references.
    ("cc @octocat", "cc `@octocat`"),
    ("cc \\@octocat, @org/team.", "cc `@octocat`, `@org/team`."),
    ("@[octocat](https://evil.test)", "`@octocat`"),
    ("`a`@octocat", "`a` `@octocat`"),
    ("mail a.b@evil.test now", "mail `a.b@evil.test` now"),
    ("org/repo#12 org/repo@0123abc GH-1 #12", "`org/repo#12` `org/repo@0123abc` `GH-1` `#12`"),
    ("fixes #12, (#13) \\#14 C#15 gh-16", "fixes `#12`, (`#13`) `#14` `C#15` `gh-16`"),
    ("org\\/repo\\#12", "`org/repo#12`"),
    ("@pipewright review", "`@pipewright` review"),
    // Orders to bots.
    ("/approve", "\\/approve"),
    ("  /lgtm cancel", "  \\/lgtm cancel"),
    ("```\n/approve\n```", "```\n /approve\n```"),
    ("read /etc/hosts", "read /etc/hosts"),
    // Code that is none.
    ("foo ` bar\n` ![x](https://evil.test) `", "foo \\` bar\n` ![x](https://evil.test) `"),
    ("\\` ![x](https://evil.test) `", "\\` (image: x) \\`"),
    ("| a | b |\n|---|---|\n| ` | @octocat ` |", "| a | b |\n|---|---|\n| \\` | `@octocat` \\` |"),
    ("- ```\n  x\n  ```\n@octocat", "- \\`\\`\\`\n  x\n```\n@octocat\n```"),
    ("> ~~~\n@octocat", "> \\~\\~\\~\n`@octocat`"),
    ("    ```\n    @octocat\n    ```\n@octocat", "```\n@octocat\n```\n`@octocat`"),
    ("$`\\href{https://evil.test}{x}`$", "$ `\\href{https://evil.test}{x}`$"),
    ("$$x$$", "\\$\\$x\\$\\$"),
    ("`` a`b ``", "`` a`b ``"),
    ("```js``` x", "`js` x"),
    // Fences.
    ("```rust\nlet a = \"@b\";", "```rust\nlet a = \"@b\";\n```"),
    ("~~~\n```\n@octocat\n~~~", "````\n```\n@octocat\n````"),
    ("```suggestion\nrm -rf /\n```", "```\nrm -rf /\n```"),
    (
        "```mermaid\nclick A href \"https://evil.test\"\n```",
        "```\nclick A href \"https://evil.test\"\n```",
    ),
    // Hidden characters.
    ("a\u{202e}b\u{200b}c\u{e0041}", "aU+202EbU+200BcU+E0041"),
    ("\u{1b}[31mred\u{7}", "U+001B[31mredU+0007"),
    ("`\u{2066}x`", "`U+2066x`"),
    ("ok \u{2764}\u{fe0f}", "ok \u{2764}\u{fe0f}"),
    ("one\r\ntwo\rthree", "one\ntwo\nthree"),
    // Secrets.
    ("key hunter2-correct-horse", "key ***"),
    ("`hunter2-correct-horse`", "`***`"),
    ("```\nAKIAIOSFODNN7EXAMPLE\n```", "```\n***\n```"),
    ("hunter2-[correct](https://evil.test)-horse", "***"),
];

#[test]
fn hostile_text_is_made_harmless() {
    assert!(HOSTILE.len() >= 40);
    let mut wrong = Vec::new();
    for (text, expect) in HOSTILE {
        let got = scrubber().sanitize_markdown(text, &host());
        if got != *expect {
            wrong.push(format!("{text:?}\n  expected {expect:?}\n  got      {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ordinary_text_is_left_alone() {
    let texts = [
        "Returns `None` when **n** is 0, so the _second_ call at line 12 panics.",
        "1. one\n2. two\n   - [ ] three\n\n> quoted",
        "```rust\nfn a<T>(x: &T) -> Vec<u8> { /* <!-- */ }\n```\nafter",
        "C++ and C# cost $5, 50% off; a~b, x::y, snake_case and std::vec::Vec",
        "| a | b |\n|---|---|\n| `x` | y |",
    ];
    for text in texts {
        assert_eq!(scrubber().sanitize_markdown(text, &host()), text);
    }
}

#[test]
fn no_link_is_allowed_without_a_forge() {
    let link = "[here](https://github.com/o/r/x)";
    assert_eq!(scrubber().sanitize_markdown(link, &ForgeHost::nowhere()), "here");
    assert_eq!(ForgeHost::new("ftp://x", "o/r"), ForgeHost::nowhere());
    assert_eq!(ForgeHost::new("https://github.com", "o/../r"), ForgeHost::nowhere());
}

#[test]
fn long_text_is_cut_and_says_so() {
    let line = scrubber().sanitize_markdown(&"<".repeat(100_000), &host());
    assert!(line.ends_with(CUT), "{}", &line[line.len() - 20..]);
    assert!(line.chars().count() <= MAX_LINE);
    let text = format!("```\n{}", "word word\n".repeat(10_000));
    let text = scrubber().sanitize_markdown(&text, &host());
    assert!(text.ends_with("… cut\n```"), "{}", &text[text.len() - 20..]);
    assert!(text.chars().count() <= MAX_TEXT + 8);
    assert_eq!(scrubber().sanitize_markdown(&text, &host()), text);
}

#[test]
fn plain_text_holds_no_orders_for_a_terminal_or_a_runner() {
    let cases = [
        ("\u{1b}[31mred\u{1b}[0m", "U+001B[31mredU+001B[0m"),
        ("::error::x", ": :error::x"),
        ("a\n  ::set-env name=x::y", "a\n  : :set-env name=x::y"),
        ("std::vec", "std::vec"),
        ("x ##[error]y ##vso[task.x]", "x # #[error]y # #vso[task.x]"),
        ("### heading", "### heading"),
        ("over\rwrite", "over\nwrite"),
        ("key hunter2-correct-horse", "key ***"),
        ("@octocat <b> [x](https://evil.test)", "@octocat <b> [x](https://evil.test)"),
    ];
    for (text, expect) in cases {
        assert_eq!(scrubber().sanitize_plain(text), expect);
    }
    assert_eq!(scrubber().sanitize_line("a\n\t::b"), "a ::b");
}

/// What a forge would bring alive, told without the sanitizer's own code.
fn alive(markdown: &str) -> Option<&'static str> {
    let mut fence: Option<usize> = None;
    let mut text = String::new();
    for line in markdown.split('\n') {
        let run = line.bytes().take_while(|&b| b == b'`').count();
        match fence {
            Some(length) if run >= length && line.len() == run => fence = None,
            Some(_) => {}
            None if run >= 3 && !line[run..].contains('`') => fence = Some(run),
            None => {
                text += line;
                text.push('\n');
            }
        }
    }
    if fence.is_some() {
        return Some("an open fence");
    }
    // Code spans, across lines as a forge reads them.
    let mut plain = String::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'\\' && bytes.get(at + 1).is_some_and(u8::is_ascii_punctuation) {
            let literal = bytes[at + 1] as char;
            plain.push(if "[]!<()".contains(literal) { '\u{2}' } else { literal });
            at += 2;
        } else if bytes[at] == b'`' {
            let run = bytes[at..].iter().take_while(|&&b| b == b'`').count();
            let mut next = at + run;
            let mut end = None;
            while next < bytes.len() {
                let length = bytes[next..].iter().take_while(|&&b| b == b'`').count();
                if length == run {
                    end = Some(next + run);
                    break;
                }
                next += length.max(1);
            }
            plain.push('\u{1}');
            at = end.unwrap_or(at + run);
        } else {
            plain.push(bytes[at] as char);
            at += 1;
        }
    }
    static ALLOWED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"https://github\.com/o/r(?:/[A-Za-z0-9/._+%#:~?=&,-]*)?").unwrap()
    });
    let plain = ALLOWED.replace_all(&plain, "ALLOWED").into_owned();
    static IMAGE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"!\[[^\]]*\]\(").unwrap());
    static LINK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\]\((?:[^A]|A[^L])|\]:").unwrap());
    static BARE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?i)https?://|www\.|mailto:").unwrap());
    static MENTION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"@[A-Za-z0-9]").unwrap());
    static CROSS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"[A-Za-z0-9]/[A-Za-z0-9]+#[0-9]").unwrap());
    [
        (plain.contains('<'), "a tag"),
        (IMAGE.is_match(&plain), "an image"),
        (LINK.is_match(&plain), "a link"),
        (BARE.is_match(&plain), "an address"),
        (MENTION.is_match(&plain), "a mention"),
        (CROSS.is_match(&plain), "a reference"),
    ]
    .into_iter()
    .find_map(|(found, what)| found.then_some(what))
}

#[test]
fn the_test_s_own_reader_sees_what_is_alive() {
    for text in ["<b>", "![x](y)", "[x](https://evil.test)", "www.x", "@x", "a/b#1", "```\nx"] {
        assert!(alive(text).is_some(), "{text}");
    }
    assert_eq!(alive("`@x` and [x](https://github.com/o/r/x)"), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_alive_or_secret_gets_out_and_twice_is_once(
        parts in prop::collection::vec(prop::sample::select(vec![
            "`", "``", "```", "~~~", "\n", "\n\n", " ", "    ", "- ", "> ", "|", "|---|", "\\", "[", "]", "(", ")",
            "](", "]:", "!", "![", "<", ">", "<!--", "-->", "&", "&#64;", "&lt;", "@", "@octocat", "x", "é",
            "https://evil.test", "https://github.com/o/r/x", "://", "www.", "mailto:", "o/q#1", "#1", "/",
            "/approve", "hunter2-", "correct-horse", "hunter2-correct-horse", "*", "_", "$", "$$", ":", ".", "\"",
            "\u{202e}", "\u{200b}", "\r", "\0", "[x](https://evil.test)", "1", "suggestion", "+", "%",
        ]), 0..24)
    ) {
        let text = parts.concat();
        let once = scrubber().sanitize_markdown(&text, &host());
        prop_assert!(!once.contains(KNOWN), "{text:?} gave {once:?}");
        prop_assert_eq!(alive(&once), None, "{:?} gave {:?}", text, once);
        prop_assert!(!once.chars().any(is_invisible));
        prop_assert_eq!(scrubber().sanitize_markdown(&once, &host()), once.clone());
        let plain = scrubber().sanitize_plain(&text);
        prop_assert!(!plain.contains(KNOWN));
        prop_assert_eq!(scrubber().sanitize_plain(&plain), plain.clone());
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_goes_through(text in "\\PC{0,40}") {
        let once = scrubber().sanitize_markdown(&text, &host());
        prop_assert_eq!(scrubber().sanitize_markdown(&once, &host()), once);
    }
}

/// Whatever the patterns find in a text as a whole, they find line by line.
#[test]
fn long_texts_are_masked_as_short_ones_are() {
    let forms = [
        ["AKIA", "IOSFODNN7EXAMPLE"].concat(),
        ["ghp_", "a1B2c3D4e5F6a1B2c3D4e5F6"].concat(),
        ["github_pat_", "a1B2c3D4e5F6a1B2c3D4"].concat(),
        ["glpat-", "a1B2c3D4e5F6a1B2c3D4"].concat(),
        ["sk-ant-", "a1B2c3D4e5F6a1B2"].concat(),
        ["sk_live_", "a1B2c3D4e5F6a1B2"].concat(),
        ["whsec_", "a1B2c3D4e5F6a1B2c3D4e5F6"].concat(),
        ["xoxb-", "1234567890"].concat(),
        ["xapp-1-", "A1B2C3D4E5F6A1B2C3D4"].concat(),
        ["hooks.slack.com/services/", "T00000000/B00000000/XXXX"].concat(),
        ["AIza", "SyA1B2c3D4e5F6a1B2c3D4e5F6a1B2c3D4e5F6"].concat(),
        ["ya29.", "a1B2c3D4e5F6a1B2c3D4"].concat(),
        ["npm_", "a1B2c3D4e5F6a1B2c3D4e5F6a1B2c3D4e5F6"].concat(),
        ["pypi-", "a1B2c3D4e5F6a1B2c3D4e5F6a1B2c3D4"].concat(),
        ["SG.", "a1B2c3D4e5F6a1B2.a1B2c3D4e5F6a1B2"].concat(),
        ["hf_", "a1B2c3D4e5F6a1B2c3D4e5F6a1B2c3"].concat(),
        ["dop_v1_", "0123456789abcdef0123456789abcdef01234567"].concat(),
        ["dckr_pat_", "a1B2c3D4e5F6a1B2c3D4"].concat(),
        ["ATATT3", "a1B2c3D4e5F6a1B2c3D4"].concat(),
        ["eyJ", "hbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeKKF2"].concat(),
        ["https://me:", "hunter2hunter2@example.test/"].concat(),
        ["Authorization: Basic ", "dXNlcjpwYXNzd29yZA=="].concat(),
        ["bearer ", "a1B2c3D4e5F6a1B2c3D4"].concat(),
        ["PassWord = \"", "a1B2c3D4e5F6a1B2c3D4\""].concat(),
        ["api-key: '", "q9W8e7R6t5Y4u3I2o1P0'"].concat(),
    ];
    let scrubber = Scrubber::default();
    let filler = "12 |+    let harmless = items.iter().sum::<u32>(); // nothing here\n".repeat(40);
    for form in &forms {
        let short = format!("7 |+ x({form})\n");
        let masked = scrubber.scrub(&short);
        assert!(masked.contains(MASK), "{form} is not masked at all");
        let long = format!("{filler}{short}{filler}{short}");
        assert!(long.len() > super::LONG);
        assert_eq!(scrubber.scrub(&long), format!("{filler}{masked}{filler}{masked}"), "{form}");
    }
    let untouched = filler.repeat(3);
    assert_eq!(scrubber.scrub(&untouched), untouched);
}
