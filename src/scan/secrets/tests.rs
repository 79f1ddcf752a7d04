//! Tests of the `secrets` rule. Tokens are put together here, so that none
//! stands in the source.

use super::*;
use crate::scan::testing::{added, edited, found};

/// Letters and digits that look random, from a fixed seed.
fn random(alphabet: &str, len: usize) -> String {
    let alphabet = alphabet.as_bytes();
    let mut state = 0x2545_f491_4f6c_dd1du64;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            alphabet[(state >> 33) as usize % alphabet.len()] as char
        })
        .collect()
}

fn alnum(len: usize) -> String {
    random("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", len)
}

fn hex(len: usize) -> String {
    random("0123456789abcdef", len)
}

fn upper(len: usize) -> String {
    random("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", len)
}

fn digits(len: usize) -> String {
    random("0123456789", len)
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

/// A line for each format that the rule has to find, by the format's id.
fn samples() -> Vec<(&'static str, String)> {
    let quoted = |parts: &[&str]| format!("value = \"{}\"", parts.concat());
    let pem = ["-----BEGIN RSA ", "PRIVATE", " KEY-----"].concat();
    vec![
        ("aws-access-key", quoted(&["AK", "IA", &upper(16)])),
        ("aws-secret-key", format!("aws_secret_access_key = {}", alnum(40))),
        ("google-api-key", quoted(&["AI", "za", &alnum(35)])),
        ("google-oauth-secret", quoted(&["GOC", "SPX-", &alnum(28)])),
        ("azure-storage-key", quoted(&["AccountName=a;Account", "Key=", &alnum(86), "=="])),
        ("azure-shared-key", quoted(&["SharedAccess", "Key=", &alnum(43), "="])),
        ("azure-client-secret", quoted(&[&alnum(3), "8", "Q~", &alnum(34)])),
        ("azure-devops-token", quoted(&[&alnum(76), "AZ", "DO", &alnum(4)])),
        ("digitalocean-token", quoted(&["dop", "_v1_", &hex(64)])),
        ("heroku-key", quoted(&["HR", "KU-", &alnum(40)])),
        ("github-fine-grained-token", quoted(&["github", "_pat_", &alnum(22), "_", &alnum(59)])),
        ("gitlab-token", quoted(&["gl", "pat-", &alnum(20)])),
        ("atlassian-token", quoted(&["ATA", "TT3", &alnum(180)])),
        (
            "npm-token",
            format!("//registry.npmjs.org/:_authToken={}{}", "npm", "_".to_owned() + &alnum(36)),
        ),
        ("pypi-token", quoted(&["pypi", "-AgEIcHlwaS5vcmc", &alnum(80)])),
        ("crates-io-token", quoted(&["c", "io", &alnum(32)])),
        ("rubygems-key", quoted(&["ruby", "gems_", &hex(48)])),
        ("docker-hub-token", quoted(&["dckr", "_pat_", &alnum(27)])),
        ("anthropic-key", quoted(&["sk-", "ant-api03-", &alnum(95)])),
        ("openai-key", quoted(&["sk-", "proj-", &alnum(60)])),
        ("openai-key", quoted(&["sk-", &alnum(20), "T3Blbk", "FJ", &alnum(20)])),
        (
            "huggingface-token",
            quoted(&["h", "f_", &random("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ", 34)]),
        ),
        ("slack-token", quoted(&["xo", "xb-", &digits(12), "-", &digits(12), "-", &alnum(24)])),
        (
            "slack-webhook",
            quoted(&[
                "https://hooks.",
                "slack.com/services/T",
                &upper(8),
                "/B",
                &upper(8),
                "/",
                &alnum(24),
            ]),
        ),
        (
            "discord-webhook",
            quoted(&["https://discord.com", "/api/webhooks/", &digits(18), "/", &alnum(68)]),
        ),
        (
            "discord-token",
            format!(
                "bot_value = \"{}.{}.{}\"",
                base64(&("4".to_owned() + &digits(17))),
                alnum(6),
                alnum(38)
            ),
        ),
        ("telegram-token", quoted(&[&("7".to_owned() + &digits(9)), ":A", "A", &alnum(33)])),
        ("sendgrid-key", quoted(&["S", "G.", &alnum(22), ".", &alnum(43)])),
        ("mailgun-key", format!("mailgun = \"key{}{}\"", "-", hex(32))),
        ("twilio-key", format!("twilio = \"S{}{}\"", "K", hex(32))),
        ("stripe-key", quoted(&["sk", "_live_", &alnum(24)])),
        ("square-token", quoted(&["sq0", "atp-", &alnum(22)])),
        ("shopify-token", quoted(&["shp", "at_", &hex(32)])),
        ("vault-token", quoted(&["hv", "s.", &alnum(90)])),
        ("terraform-cloud-token", quoted(&[&alnum(14), ".atlas", "v1.", &alnum(67)])),
        ("doppler-token", quoted(&["dp.", "pt.", &alnum(43)])),
        ("databricks-token", quoted(&["da", "pi", &hex(32)])),
        ("datadog-key", format!("DD_API_KEY={}", hex(32))),
        ("newrelic-key", quoted(&["NR", "AK-", &upper(27)])),
        ("grafana-token", quoted(&["gl", "sa_", &alnum(32), "_", &hex(8)])),
        ("linear-key", quoted(&["lin", "_api_", &alnum(40)])),
        ("notion-token", quoted(&["nt", "n_", &digits(11), &alnum(35)])),
        (
            "age-key",
            quoted(&["AGE-SECRET", "-KEY-1", &random("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)]),
        ),
        ("private-key", format!("{pem}\n{}", alnum(64))),
        ("private-key", format!("\"private_key\": \"{pem}\\n{}\\n\"", alnum(64))),
        (
            "jwt",
            quoted(&[
                &base64("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"),
                ".",
                &base64("{\"sub\":\"ada\",\"admin\":true}"),
                ".",
                &alnum(43),
            ]),
        ),
        ("basic-auth-url", quoted(&["https://ada:", &alnum(16), "@git.acme.io/x.git"])),
        ("assignment", format!("db_password = \"{}\"", "q8Z".to_owned() + "!r2LmW9x")),
        ("assignment", format!("  clientSecret: '{}',", alnum(24))),
    ]
}

#[test]
fn every_sample_is_found_and_never_printed() {
    for (id, line) in samples() {
        let found = found("secrets", &added("src/app.conf", &line));
        let ids: Vec<_> = found.iter().map(|f| f.title.clone()).collect();
        assert_eq!(found.len(), 1, "{id}: {ids:?}");
        let text = serde_json::to_string(&found[0]).unwrap();
        for word in line.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() >= 16) {
            assert!(!text.contains(word), "{id} is printed");
        }
    }
}

#[test]
fn every_pattern_is_valid_and_has_its_hint() {
    for (index, format) in FORMATS.iter().enumerate() {
        assert!(pattern(index).captures_len() >= 2, "{}", format.id);
        assert!(!format.hints.is_empty(), "{}", format.id);
    }
    for (id, line) in samples().iter().filter(|(id, _)| *id != "assignment") {
        let index = FORMATS.iter().position(|format| format.id == *id).unwrap();
        assert!(HINTS.matches(line.as_bytes()).matched(index), "{id}");
    }
    assert!(FORMATS.len() >= 80);
}

#[test]
fn a_github_token_needs_its_checksum() {
    let token = |sum: &str| format!("t = \"{}{}{sum}\"", "gh", "p_".to_owned() + &alnum(30));
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut crc = judge::crc32(alnum(30).as_bytes());
    let mut right = String::new();
    for _ in 0..6 {
        right.insert(0, digits[(crc % 62) as usize] as char);
        crc /= 62;
    }
    assert_eq!(found("secrets", &added("a.rs", &token(&right))).len(), 1);
    assert_eq!(found("secrets", &added("a.rs", &token("000000"))).len(), 0);
}

#[track_caller]
fn silent(path: &str, line: &str) {
    let found = found("secrets", &added(path, line));
    assert!(found.is_empty(), "{path}: {line}: {:?}", found[0].title);
}

#[test]
fn placeholders_and_lookups_are_left_alone() {
    silent("a.py", &format!("key = \"AKIA{}\"", "IOSFODNN7EXAMPLE"));
    silent("a.py", "password = \"changeme-please-1\"");
    silent("a.py", "api_key = os.environ[\"API_KEY_2024\"]");
    silent("a.ts", "const token = process.env.GITHUB_TOKEN_2;");
    silent("a.yml", "password: ${{ secrets.DB_PASSWORD_1 }}");
    silent("a.yml", "token: <your-token-1234567890>");
    silent("a.tf", "password = var.database_password_2");
    silent("a.rs", "let token = parser.next_token_2();");
    silent("a.go", "secretName := \"my-app-tls-secret-2\"");
    silent("a.ts", "const TOKEN_KEY = 'app.auth.accessToken.v2';");
    silent("a.py", "DATABASE_URL = \"postgres://postgres:postgres@localhost/db\"");
    silent("a.py", "url = f\"https://{user}:{password}@example.org\"");
    silent("a.rs", "assert!(text.contains(\"-----BEGIN RSA \"));");
    silent("a.py", &format!("if line == \"{}{}\":", "-----BEGIN PRIVATE", " KEY-----"));
}

#[test]
fn digests_and_ids_are_no_secrets() {
    silent("a.yml", &format!("token_cache: {}", hex(40)));
    silent("a.py", &format!("secret_sha = \"{}\"", hex(64)));
    silent("package-lock.json", &format!("\"token\": \"sha512-{}\"", alnum(80)));
    silent("a.py", "api_key_uuid = \"123e4567-e89b-12d3-a456-426614174000\"");
}

#[test]
fn an_inline_mark_silences_a_line() {
    let token = ["sk", "_live_"].concat() + &alnum(24);
    assert_eq!(found("secrets", &added("a.py", &format!("k = '{token}'"))).len(), 1);
    silent("a.py", &format!("k = '{token}'  # gitleaks:allow"));
    silent("a.py", &format!("k = '{token}'  # pipewright:ignore secrets"));
}

#[test]
fn tests_lower_known_formats_and_hide_guesses() {
    let token = ["sk", "_live_"].concat() + &alnum(24);
    let found = found("secrets", &added("tests/a.py", &format!("k = '{token}'")));
    assert_eq!((found[0].severity, found[0].confidence), (Severity::Medium, 0.6));
    silent("tests/a.py", &format!("password = 'q8Z!{}'", "r2LmW9x"));
    silent("docs/a.md", &format!("password = 'q8Z!{}'", "r2LmW9x"));
}

#[test]
fn a_moved_secret_is_not_new() {
    let token = ["sk", "_live_"].concat() + &alnum(24);
    let diff = edited("a.py", &format!("k = '{token}'\nb\n"), &format!("b\nkey = '{token}'\n"));
    assert!(found("secrets", &diff).is_empty());
}
