//! What tells a secret from a placeholder, a hash or a word.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Shannon entropy in bits per byte; 0 for an empty text.
pub(super) fn entropy(text: &str) -> f64 {
    let mut counts = [0u32; 256];
    text.bytes().for_each(|byte| counts[byte as usize] += 1);
    let total = text.len() as f64;
    let part = |count: &u32| {
        let share = f64::from(*count) / total;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(part).sum()
}

/// How many of lower case, upper case, digits and other characters occur.
pub(super) fn classes(text: &str) -> usize {
    let has = |is: fn(&u8) -> bool| usize::from(text.as_bytes().iter().any(is));
    has(u8::is_ascii_lowercase)
        + has(u8::is_ascii_uppercase)
        + has(u8::is_ascii_digit)
        + has(|byte| !byte.is_ascii_alphanumeric())
}

/// Whether a value is plainly no secret: an example, a template, a mask.
pub(super) fn is_placeholder(value: &str) -> bool {
    const WORDS: &[&str] = &[
        "example",
        "changeme",
        "change-me",
        "change_me",
        "placeholder",
        "dummy",
        "sample",
        "your-",
        "your_",
        "yourpass",
        "yoursecret",
        "yourtoken",
        "yourkey",
        "insert",
        "replace",
        "redacted",
        "xxxx",
        "****",
        "....",
        "<",
        "${",
        "{{",
        "$(",
        "#{",
        "%(",
        "todo",
        "fixme",
        "notreal",
        "not-a-",
        "not_a_",
        "fake",
        "foobar",
        "foo_",
        "foo-",
        "testtest",
        "abcdefgh",
        "12345678",
        "01234567",
        "deadbeef",
        "00000000",
        "ffffffff",
        "mysecret",
        "my-secret",
        "my_secret",
        "mypassword",
        "my_password",
        "supersecret",
        "super_secret",
        "super-secret",
        "lorem",
        "hunter2",
        "correcthorse",
        "s3cr3t",
        "secret123",
        "password123",
        "p@ssw0rd",
        "pa$$w0rd",
        "qwerty",
        "process.env",
        "os.environ",
        "getenv",
        "env.",
        "env[",
        "secrets.",
        "vault:",
        "ssm:",
        "op://",
        "arn:aws",
        "kms:",
        "nosecret",
        "no-secret",
        "invalid",
    ];
    let lower = value.to_ascii_lowercase();
    if WORDS.iter().any(|word| lower.contains(word)) {
        return true;
    }
    let mut seen = [false; 256];
    lower.bytes().for_each(|byte| seen[byte as usize] = true);
    let distinct = seen.iter().filter(|seen| **seen).count();
    distinct < 5 || distinct * 5 < value.len() && value.len() < 60 && distinct < 7 || is_run(&lower)
}

/// Whether most of the text counts up or down: `abcdef…`, `987654…`.
fn is_run(text: &str) -> bool {
    let bytes = text.as_bytes();
    let steps = bytes.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) == 1).count();
    bytes.len() >= 10 && steps * 10 >= bytes.len() * 6
}

/// Whether a value reads as words, a name, a path or a version, not as a key.
pub(super) fn is_wordy(value: &str) -> bool {
    if value.contains("://") || value.starts_with(['/', '.', '~', '@', '%', '$', '&', '#', '*']) {
        return true;
    }
    // Parts between separators that are all letters or all digits: `a-b_c.d/e`.
    let mut parts = value.split(['-', '_', '.', '/', ':', ' ', ',', '+', '=', '|', '@']);
    let plain = |part: &str| {
        part.is_empty()
            || part.bytes().all(|byte| byte.is_ascii_digit()) && part.len() < 12
            || is_camel(part)
            || part.len() <= 4
    };
    parts.all(plain)
}

/// Letters in words: capitals start runs of lower case, or all are capitals;
/// up to three digits may end it.
fn is_camel(part: &str) -> bool {
    let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
    if part.len() - letters.len() > 3 || !letters.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return false;
    }
    let turns = letters
        .as_bytes()
        .windows(2)
        .filter(|pair| pair[0].is_ascii_lowercase() != pair[1].is_ascii_lowercase())
        .count();
    turns * 3 <= letters.len()
}

/// Whether a value is a digest or an id by its shape: hexadecimal of a digest's
/// length, a UUID, an integrity string.
pub(super) fn is_digest(value: &str) -> bool {
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if ["sha1-", "sha256-", "sha384-", "sha512-", "sha256:", "sha512:", "h1:", "md5:"]
        .iter()
        .any(|prefix| value.starts_with(prefix))
    {
        return true;
    }
    matches!(value.len(), 40 | 56 | 64 | 96 | 128) && hex(value) || is_uuid(value)
}

fn is_uuid(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// CRC-32 (IEEE 802.3), bit by bit: tokens are short.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// GitHub's classic tokens end in six base-62 digits of the CRC-32 of the 30
/// characters behind the prefix (github.blog, "Behind GitHub's new
/// authentication token formats").
pub(super) fn github_checksum(token: &str) -> bool {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let Some(body) = token.get(4..) else { return false };
    let Some((random, sum)) = body.split_at_checked(30) else { return false };
    let mut crc = crc32(random.as_bytes());
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(crc % 62) as usize];
        crc /= 62;
    }
    sum.as_bytes() == digits
}

/// Whether the first two parts are JSON, the header names an algorithm, and it
/// is not the token of the format's own introduction.
pub(super) fn jwt(token: &str) -> bool {
    let mut parts = token.split('.');
    let mut json = || -> Option<serde_json::Value> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok()
    };
    let (Some(header), Some(claims)) = (json(), json()) else { return false };
    let example = claims.get("sub").is_some_and(|sub| sub == "1234567890")
        || claims.get("name").is_some_and(|name| name == "John Doe");
    header.get("alg").is_some_and(|alg| alg.is_string() && alg != "none") && !example
}

/// A Discord token's first part is the bot's number in base 64.
pub(super) fn discord_user(token: &str) -> bool {
    let first = token.split('.').next().unwrap_or_default();
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(first) else { return false };
    (17..=20).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_digit)
}

/// `user:password` in base 64, as a registry's configuration holds it.
pub(super) fn registry_auth(value: &str) -> bool {
    let Ok(bytes) = STANDARD.decode(value) else { return false };
    let Ok(text) = String::from_utf8(bytes) else { return false };
    text.split_once(':').is_some_and(|(user, password)| {
        !user.is_empty()
            && password.len() >= 8
            && text.bytes().all(|byte| byte.is_ascii_graphic())
            && !is_placeholder(password)
            && !is_plain_password(password)
    })
}

/// A password that somebody chose to keep others out: not the service's name,
/// not one of the words that every local set-up uses.
pub(super) fn url_password(password: &str) -> bool {
    !is_plain_password(password) && classes(password) >= 2 && entropy(password) >= 2.5
}

/// Words that stand for "a password" where none is meant to be kept.
fn is_plain_password(password: &str) -> bool {
    let lower = password.to_ascii_lowercase();
    lower.starts_with('$')
        || lower.starts_with('%')
        || [
            "pass", "pwd", "secret", "admin", "root", "user", "guest", "postgres", "mysql",
            "redis", "mongo", "rabbit", "minio", "test", "token", "local", "dev", "default",
            "letmein", "welcome", "elastic", "oauth2", "x-access",
        ]
        .iter()
        .any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_in_bits_per_byte() {
        assert_eq!(entropy(""), 0.0);
        assert_eq!(entropy("aaaa"), 0.0);
        assert_eq!(entropy("abab"), 1.0);
        assert_eq!(entropy("0123456789abcdef"), 4.0);
    }

    #[test]
    fn crc32_is_the_one_of_ethernet() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn placeholders_words_and_digests_are_told() {
        for value in [
            "your-token-here",
            "xxxxxxxxxxxx",
            "<password>",
            "${TOKEN}",
            "aaaaaaaaaaaaaaaa",
            "abcdefghijklmnop",
            "AKIAIOSFODNN7EXAMPLE",
        ] {
            assert!(is_placeholder(value), "{value}");
        }
        for value in [
            "access-token-name",
            "com.example.Thing",
            "getAccessToken",
            "v1.2.3",
            "AUTH_TOKEN_2",
            "/etc/x",
        ] {
            assert!(is_wordy(value), "{value}");
        }
        for value in ["q8Zr2LmW9xTb4KvN", "9f8k2j4h5g6d7s1a"] {
            assert!(!is_wordy(value) && !is_placeholder(value), "{value}");
        }
        assert!(is_digest("da39a3ee5e6b4b0d3255bfef95601890afd80709"));
        assert!(is_digest("123e4567-e89b-12d3-a456-426614174000"));
    }
}
