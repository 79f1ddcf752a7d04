//! What must not leave the program: secrets, and text that would act on whoever reads it.
//!
//! [`Secret`] keeps a value out of logs, [`Scrubber`] keeps it out of everything
//! written or posted. [`Scrubber::sanitize_markdown`] is for what a forge will
//! render, [`Scrubber::sanitize_plain`] for logs, annotations and terminals.

mod learned;
mod markdown;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::{Captures, Regex};

pub use learned::learn;

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// Shorter values are not searched for: masking them would destroy ordinary text.
pub const MIN_SECRET: usize = 6;

/// Longest text that [`Scrubber::sanitize_markdown`] and
/// [`Scrubber::sanitize_plain`] let through, in characters.
pub const MAX_TEXT: usize = 16_000;

/// Longest line of it, in characters.
const MAX_LINE: usize = 4_000;

const CUT: &str = " … cut";

/// A value that must not be printed. `Debug` and `Display` show a mask.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value, as it is.
    pub fn new(value: impl Into<String>) -> Self {
        Secret(value.into())
    }

    /// The value, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Secret(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// The one place a link may lead to: the code of the change's own repository on
/// its forge. Other pages of the same host are out, too: they hold other people's
/// repositories and consent screens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgeHost {
    prefix: Option<String>,
}

impl ForgeHost {
    /// `server_url` as browsers see it (`https://github.com`), `repository` as
    /// `owner/name`. A server that is not HTTP(S) allows no link at all.
    pub fn new(server_url: &str, repository: &str) -> Self {
        let server = server_url.trim_end_matches('/');
        let http = server.starts_with("https://") || server.starts_with("http://");
        let clean = |text: &str| !text.is_empty() && text.bytes().all(is_plain_url_byte);
        let usable = http && clean(server) && clean(repository) && !repository.contains("..");
        ForgeHost { prefix: usable.then(|| format!("{server}/{}", repository.trim_matches('/'))) }
    }

    /// No link is allowed: there is no forge.
    pub fn nowhere() -> Self {
        ForgeHost { prefix: None }
    }

    /// The repository's address: `https://github.com/owner/name`.
    pub fn repository_url(&self) -> Option<&str> {
        self.prefix.as_deref()
    }

    /// Whether a link to `url` may stay: plain characters only, no dot segments.
    pub fn allows(&self, url: &str) -> bool {
        let Some(prefix) = &self.prefix else { return false };
        let Some(rest) = url
            .get(..prefix.len())
            .filter(|start| start.eq_ignore_ascii_case(prefix))
            .map(|_| &url[prefix.len()..])
        else {
            return false;
        };
        // Pages that show code; others hold forms that a click sends off, or leave a
        // trace on what they lead to (`/issues/1`).
        let shows_code = ["/blob/", "/tree/", "/blame/", "/commit/"];
        (matches!(rest, "" | "/") || shows_code.iter().any(|page| rest.starts_with(page)))
            && url.bytes().all(is_plain_url_byte)
            && !rest.contains("..")
            && !rest.contains("//")
            && !rest.to_ascii_lowercase().contains("%2e")
    }
}

fn is_plain_url_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/_.#?=&%~+,:-".contains(&byte)
}

/// Finds and masks secrets: values it was told, in the encodings they usually
/// travel in, and whatever has the form of a well-known credential.
#[derive(Clone, Default)]
pub struct Scrubber {
    known: Option<Regex>,
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrubber").field("knows_values", &self.known.is_some()).finish()
    }
}

impl Scrubber {
    /// A scrubber for these values; ones under [`MIN_SECRET`] bytes are left out.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        Scrubber { known: finder(secrets) }
    }

    /// The text with every secret replaced by [`MASK`]; borrowed where there is none.
    ///
    /// A secret whose characters are held apart by invisible ones is found, too;
    /// the text then loses those.
    pub fn scrub<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let result = self.scrub_all(Cow::Borrowed(text));
        if !result.is_ascii() && result.contains(is_invisible) {
            let visible: String = result.chars().filter(|c| !is_invisible(*c)).collect();
            if self.scrub_once(&visible).is_some() {
                return self.scrub_all(Cow::Owned(visible));
            }
        }
        result
    }

    fn scrub_all<'t>(&self, text: Cow<'t, str>) -> Cow<'t, str> {
        let mut result = text;
        // A mask may bring the halves of another secret together. A round makes
        // the text shorter, or turns three characters into a mask: this ends.
        while let Some(scrubbed) = self.scrub_once(&result) {
            result = Cow::Owned(scrubbed);
        }
        result
    }

    fn scrub_once(&self, text: &str) -> Option<String> {
        let mut result = Cow::Borrowed(text);
        if let Some(known) = &self.known {
            result = replace(known, result, |_| MASK.to_owned());
        }
        if let Some(learned) = learned::finder() {
            result = replace(&learned, result, |_| MASK.to_owned());
        }
        // A private key goes over several lines: then all is searched as one.
        let by_line = result.len() > LONG && !result.contains("-----BEGIN ");
        let found = if by_line { mask_by_line(&result) } else { mask_forms(&result) };
        if let Some(masked) = found {
            result = Cow::Owned(masked);
        }
        (result != text).then(|| result.into_owned())
    }

    /// Makes text that a model, a change or a tool wrote fit to be posted on a
    /// forge that renders GitHub-flavoured Markdown. Idempotent.
    ///
    /// - Secrets are masked; control, bidi and invisible characters become
    ///   visible (`U+202E`); text is cut at [`MAX_TEXT`] characters.
    /// - Links live only inside `allowed`; others keep their text and lose their
    ///   target, bare addresses become code, images become `(image: alt)`.
    /// - Every `<` outside code becomes `&lt;`, so no tag or comment of the
    ///   text's own remains; character references cannot bring one back.
    /// - `@names`, addresses and `owner/repo#1` become code: GitHub looks for
    ///   mentions in the rendered text, where escapes and entities are already
    ///   undone, but never inside code.
    /// - A `/command` at the start of a line is escaped (in code: moved by a
    ///   space), since bots read the raw text.
    /// - Code keeps its characters. Fences are closed and made longer than any
    ///   run inside them; languages that a forge acts on (`suggestion`,
    ///   `mermaid`, `math`, maps) become plain.
    pub fn sanitize_markdown(&self, text: &str, allowed: &ForgeHost) -> String {
        let mut text = self.scrub(&text.replace("\r\n", "\n").replace('\r', "\n")).into_owned();
        for _ in 0..8 {
            let shown = show_hidden(&text);
            let scrubbed = self.scrub(&shown);
            let next = markdown::neutralise(&cut(&scrubbed), allowed);
            let next = self.scrub(&next).into_owned();
            if next == text {
                return text;
            }
            text = next;
        }
        // Text that keeps changing was made to: show it as the letters it has.
        let letters: String =
            text.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
        self.scrub(letters.trim()).into_owned()
    }

    /// Makes text fit for logs, annotations and terminals: secrets masked, no
    /// control or invisible characters but line feed and tab, no syntax that a
    /// CI runner takes for a command (`::error`, `##[group]`, `##vso[`), cut at
    /// [`MAX_TEXT`] characters. Idempotent.
    pub fn sanitize_plain(&self, text: &str) -> String {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let text = self.scrub(&text);
        let shown = show_hidden(&text);
        let scrubbed = self.scrub(&shown);
        let short = cut(&scrubbed);
        self.scrub(&break_commands(&short)).into_owned()
    }

    /// A line of code for a frame or a fence: secrets masked, hidden characters
    /// visible, everything else as it stands.
    pub fn sanitize_code(&self, line: &str) -> String {
        let line = self.scrub(line);
        let shown = show_hidden(&line);
        self.scrub(&shorten(&self.scrub(&shown), MAX_LINE)).into_owned()
    }

    /// [`sanitize_plain`](Self::sanitize_plain) on one line: line feeds and tabs become spaces.
    pub fn sanitize_line(&self, text: &str) -> String {
        self.sanitize_plain(&text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// Finds these values in all forms they travel in; `None` if there is nothing to find.
fn finder<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Option<Regex> {
    let mut forms = BTreeSet::new();
    for secret in secrets {
        add_forms(secret.expose(), &mut forms);
    }
    if forms.is_empty() {
        return None;
    }
    // Longest first: an alternation takes the first branch that matches.
    let mut forms: Vec<String> = forms.into_iter().collect();
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    let pattern = forms.iter().map(|form| regex::escape(form)).collect::<Vec<_>>().join("|");
    match regex::RegexBuilder::new(&pattern).size_limit(64 << 20).build() {
        Ok(regex) => Some(regex),
        Err(_) => {
            tracing::warn!("the known secrets are too long to search for all of them");
            let short = forms.iter().filter(|form| form.len() <= 4096).take(64);
            let pattern = short.map(|form| regex::escape(form)).collect::<Vec<_>>();
            Regex::new(&pattern.join("|")).ok()
        }
    }
}

fn replace<'t>(
    regex: &Regex,
    text: Cow<'t, str>,
    with: impl Fn(&Captures<'_>) -> String,
) -> Cow<'t, str> {
    match regex.replace_all(&text, |found: &Captures<'_>| with(found)) {
        Cow::Borrowed(_) => text,
        Cow::Owned(replaced) => Cow::Owned(replaced),
    }
}

/// Takes the meaning from what a CI runner reads as a command to it, in any
/// output of a job: `::error` at the start of a line, `##[group]` anywhere.
pub fn break_commands(text: &str) -> Cow<'_, str> {
    RUNNER_COMMAND.replace_all(text, |found: &Captures<'_>| {
        match (found.name("line"), found.name("indent")) {
            (Some(_), indent) => format!("{}: :", indent.map_or("", |m| m.as_str())),
            (None, _) => format!("# #{}", &found[0][2..]),
        }
    })
}

/// Whether a line of the text is what bots that read raw comments take for an
/// order (`/approve`).
pub fn orders_bots(text: &str) -> bool {
    text.lines().any(|line| markdown::COMMAND_LINE.is_match(line))
}

/// The forms a value travels in: as it is, line by line, in base64 at each of
/// the three offsets, in hexadecimal, percent-encoded, and escaped for JSON and HTML.
fn add_forms(value: &str, forms: &mut BTreeSet<String>) {
    let value = value.trim();
    if value.len() < MIN_SECRET {
        return;
    }
    let mut add = |form: String| {
        if form.len() >= MIN_SECRET {
            forms.insert(form);
        }
    };
    add(value.to_owned());
    if value.contains('\n') {
        value.lines().map(str::trim).filter(|l| l.len() >= 16).for_each(|l| add(l.to_owned()));
        add(value.replace("\r\n", "\n"));
    }
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        for offset in 0..3 {
            let mut bytes = vec![0; offset];
            bytes.extend_from_slice(value.as_bytes());
            // The characters at both ends mix in bits of the neighbours.
            let whole = bytes.len() / 3 * 4;
            let first = if offset == 0 { 0 } else { 4 };
            let encoded = engine.encode(&bytes);
            if whole >= first + 8 {
                add(encoded[first..whole].to_owned());
            }
        }
    }
    let percent = |keep: fn(u8) -> bool| {
        value.bytes().fold(String::new(), |mut text, byte| {
            if keep(byte) {
                text.push(byte as char)
            } else {
                text += &format!("%{byte:02X}")
            }
            text
        })
    };
    add(percent(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b)));
    add(percent(|b| b.is_ascii_alphanumeric()));
    add(percent(|_| false));
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    add(hex.to_ascii_uppercase());
    add(hex);
    if let Ok(json) = serde_json::to_string(value) {
        add(json[1..json.len() - 1].to_owned());
    }
    add(value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
}

/// Longer texts are searched line by line, and only lines that hold one of
/// [`HINTS`]: the whole of a change goes through here on its way to a model.
const LONG: usize = 4 << 10;

/// Mask what has the form of a credential; `None` if nothing has.
fn mask_forms(text: &str) -> Option<String> {
    let mut result = Cow::Borrowed(text);
    result = replace(&TOKENS, result, |_| MASK.to_owned());
    result = replace(&CARRIERS, result, |found| {
        // Three groups a branch: what stands before, the value, what stands after.
        let group = |at| found.get(at).map_or("", |m| m.as_str());
        let branch = (0..4).find(|b| found.get(3 * b + 2).is_some()).unwrap_or(0);
        let (before, value) = (group(3 * branch + 1), group(3 * branch + 2));
        let hide = branch == 0 || looks_random(value);
        format!("{before}{}{}", if hide { MASK } else { value }, group(3 * branch + 3))
    });
    (result != text).then(|| result.into_owned())
}

/// The same line by line, for text without a private key's block: all other
/// forms stand on one line.
fn mask_by_line(text: &str) -> Option<String> {
    let mut masked = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(hint) = HINTS.find_at(text, at) {
        let start = text[..hint.start()].rfind('\n').map_or(0, |feed| feed + 1);
        let end = text[hint.end()..].find('\n').map_or(text.len(), |feed| hint.end() + feed);
        if let Some(line) = mask_forms(&text[start..end]) {
            masked += &text[copied..start];
            masked += &line;
            copied = end;
        }
        at = end;
    }
    (copied > 0).then(|| masked + &text[copied..])
}

/// What every line has that holds one of [`TOKENS`] or [`CARRIERS`]: the fixed
/// words that their patterns begin with.
static HINTS: LazyLock<Regex> = LazyLock::new(|| {
    let hints = concat!(
        r"A[KSB]IA|ACCA|gh[pousr]_|github_pat_|gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-|sk-",
        r"|[rs]k_(?:live|test)_|whsec_|xox[abeoprs]-|xapp-|hooks\.slack|AIza|ya29\.|npm_|pypi-",
        r"|SG\.|hf_|do[opr]_v1_|dckr_pat_|ATATT3|[ps]at\.|eyJ|://|[Aa]uthorization|[Bb]earer",
        r"|(?i:passw|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)",
    );
    Regex::new(&format!("(?-u:{hints})")).expect("the hints are constant")
});

/// Credentials that can be told by their form alone.
static TOKENS: LazyLock<Regex> = LazyLock::new(|| {
    let patterns = [
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
        r"\bgh[pousr]_[A-Za-z0-9]{20,}",
        r"\bgithub_pat_[A-Za-z0-9_]{20,}",
        r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-[A-Za-z0-9_-]{20,}",
        r"\bsk-ant-[A-Za-z0-9_-]{16,}",
        r"\bsk-(?:proj-|svcacct-|or-v1-)?[A-Za-z0-9_-]{32,}",
        r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",
        r"\bwhsec_[A-Za-z0-9+/=]{24,}",
        r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
        r"\bxapp-[0-9]-[A-Za-z0-9-]{20,}",
        r"\bhooks\.slack\.com/services/[A-Za-z0-9/_+-]{20,}",
        r"\bAIza[A-Za-z0-9_-]{35}",
        r"\bya29\.[A-Za-z0-9_-]{20,}",
        r"\bnpm_[A-Za-z0-9]{36}",
        r"\bpypi-[A-Za-z0-9_-]{32,}",
        r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
        r"\bhf_[A-Za-z0-9]{30,}",
        r"\bdo[opr]_v1_[a-f0-9]{40,}",
        r"\bdckr_pat_[A-Za-z0-9_-]{20,}",
        r"\bATATT3[A-Za-z0-9_=-]{20,}",
        r"\b[ps]at\.[A-Za-z0-9_-]{22}\.[a-f0-9]{24}\.[A-Za-z0-9]{20}",
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
        concat!(
            r#"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----"#,
            r#"(?:[\s\\nr"'+>|\#*,]*[A-Za-z0-9+/=]{16,})+[\s\\nr"'+>|\#*,]*[A-Za-z0-9+/=]*"#,
            r#"[\s\\nr"'+>|\#*,]*(?:-----END [A-Z ]*PRIVATE KEY[A-Z ]*-----)?"#
        ),
    ];
    Regex::new(&format!("(?-u:{})", patterns.join("|"))).expect("the patterns are constant")
});

/// Credentials that can be told by what carries them.
static CARRIERS: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = concat!(
        r"(://[^/\s:@`]*:)([^/\s@`]{3,})(@)",
        r"|(\b[Aa]uthorization['\x22]?[ \t]*[:=][ \t]*['\x22]?(?:[A-Za-z]+[ ])?)",
        r"([A-Za-z0-9._~+/=-]{12,})()",
        r"|(\b[Bb]earer[ ])([A-Za-z0-9._~+/=-]{16,})()",
        r"|((?i:passw(?:or)?d|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)",
        r"['\x22]?[ \t]*(?:=>|:=|:|=)[ \t]*['\x22])([A-Za-z0-9+/=_.~-]{16,})(['\x22])",
    );
    Regex::new(pattern).expect("the pattern is constant")
});

static RUNNER_COMMAND: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)(?<line>^(?<indent>[ \t]*)::)|##(?:vso)?\[").expect("the pattern is constant")
});

/// Whether a value reads like drawn from a generator: letters and digits mixed,
/// over 3.5 bits a character.
fn looks_random(value: &str) -> bool {
    let mut counts = [0u32; 256];
    value.bytes().for_each(|byte| counts[byte as usize] += 1);
    let total = value.len() as f64;
    let bits: f64 = counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| f64::from(count) / total)
        .map(|share| -share * share.log2())
        .sum();
    bits > 3.5
        && value.bytes().any(|b| b.is_ascii_digit())
        && value.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Control, bidi and invisible characters by their number; line feed and tab stay.
fn show_hidden(text: &str) -> Cow<'_, str> {
    let hidden = |c: char| (c.is_control() && c != '\n' && c != '\t') || is_invisible(c);
    if text.is_ascii() && !text.bytes().any(|b| hidden(b as char)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut before = '\0';
    for c in text.chars() {
        // An emoji may be followed by its presentation selector or be joined to another.
        let joins_emoji = matches!(c, '\u{fe0f}' | '\u{200d}')
            && (is_pictograph(before) || (c == '\u{200d}' && before == '\u{fe0f}'));
        if hidden(c) && !joins_emoji {
            shown += &format!("U+{:04X}", c as u32);
            before = '\0';
        } else {
            shown.push(c);
            before = c;
        }
    }
    Cow::Owned(shown)
}

fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{203c}'..='\u{3299}' | '\u{1f000}'..='\u{1faff}') && !c.is_alphanumeric()
}

/// Characters that take no room or turn the direction of what follows.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// At most [`MAX_TEXT`] characters in lines of at most [`MAX_LINE`], and says where it cut.
fn cut(text: &str) -> Cow<'_, str> {
    let long_line = text.len() > MAX_LINE && text.lines().any(|line| line.len() > MAX_LINE);
    let lines = if long_line {
        let lines: Vec<_> = text.split('\n').map(|line| shorten(line, MAX_LINE)).collect();
        Cow::Owned(lines.join("\n"))
    } else {
        Cow::Borrowed(text)
    };
    match shorten(&lines, MAX_TEXT) {
        Cow::Borrowed(_) => lines,
        Cow::Owned(short) => Cow::Owned(short),
    }
}

/// At most `limit` characters, ending in `… cut` if that is not all.
pub fn shorten(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit || text.chars().count() <= limit {
        return Cow::Borrowed(text);
    }
    let keep = limit.saturating_sub(CUT.chars().count());
    let end = text.char_indices().nth(keep).map_or(text.len(), |(at, _)| at);
    Cow::Owned(format!("{}{CUT}", &text[..end]))
}
