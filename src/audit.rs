//! The record of a run: one append-only file of JSON lines, each bound to the
//! one before it by a hash.
//!
//! A line is `{"seq":0,"prev":"…","time":"…","kind":"run","details":{…},"hash":"…"}`.
//! `hash` is SHA-256, in hexadecimal, of the line's own bytes before `,"hash"`;
//! `prev` is the hash of the line before, zeros in the first. The first line is
//! `run`, the last one `end`. Whoever can rewrite all of the file can make a new
//! chain, so the last hash also belongs into the job's log, see [`Record::end`].

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::inputs::Inputs;

/// The hash before the first line.
const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The longest line that is read back, in bytes.
const LINE_LIMIT: u64 = 16 * 1024 * 1024;

/// The folder of records below a host's or a user's own.
const FOLDER: &str = "pipewright";

/// Where the record may go.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The input `record`: a file, or a folder.
    pub record: Option<&'a Path>,
    /// The host's folder for this job: `RUNNER_TEMP`.
    pub temp: Option<&'a Path>,
    /// The user's state folder: `XDG_STATE_HOME` or `~/.local/state`.
    pub state: Option<&'a Path>,
    /// The checkout, which is no place for it: the change could bring its own,
    /// and a later step could commit or publish it.
    pub checkout: &'a Path,
}

impl<'a> Places<'a> {
    /// What the inputs and the host's variables name.
    pub fn of(inputs: &'a Inputs) -> Self {
        Places {
            record: inputs.record.as_deref(),
            temp: inputs.host.runner_temp.as_deref(),
            state: inputs.host.state_home.as_deref(),
            checkout: &inputs.host.workspace,
        }
    }
}

/// The file of a run's record. `run` names the run: `1234-1`.
///
/// # Errors
/// `record` lies in the checkout, or there is no folder for it at all.
pub fn place(places: &Places<'_>, run: &str) -> Result<PathBuf> {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name = format!("pipewright-{}.jsonl", run.chars().map(safe).collect::<String>());
    if let Some(record) = places.record {
        let is_folder = record.is_dir() || record.as_os_str().as_encoded_bytes().ends_with(b"/");
        let file = if is_folder { record.join(name) } else { record.to_owned() };
        if is_within(&file, places.checkout) {
            bail!("the record {} lies in the checkout: name a place outside", file.display());
        }
        return Ok(file);
    }
    // In a container the job's own folder may be named and yet not be there.
    let temp = places.temp.filter(|temp| temp.is_dir());
    let folder = temp
        .into_iter()
        .chain(places.state)
        .map(|folder| folder.join(FOLDER))
        .find(|folder| !is_within(folder, places.checkout));
    match folder {
        Some(folder) => Ok(folder.join(name)),
        None => bail!("there is no folder for the record: name one by `record`"),
    }
}

/// Whether a path, which need not exist, lies in a folder, links resolved.
fn is_within(path: &Path, folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else { return false };
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    // `..` behind something that does not exist leads nowhere known: refuse it.
    let known = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    let Some((above, real)) = known else { return false };
    let rest = path.strip_prefix(above).unwrap_or(Path::new(""));
    let climbs = rest.components().any(|part| part == std::path::Component::ParentDir);
    climbs || real.join(rest).starts_with(folder)
}

/// Takes secrets out of a text.
pub type Scrub = Box<dyn Fn(&str) -> String + Send + Sync>;

/// The record of this run. It never stops a run: what cannot be written is
/// logged once and left.
pub struct Record {
    state: Mutex<State>,
    scrub: Scrub,
}

struct State {
    /// `None` once writing has failed, or from the start.
    file: Option<(File, PathBuf)>,
    seq: u64,
    last: String,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record").field("path", &self.path()).finish_non_exhaustive()
    }
}

impl Record {
    /// A record that writes nothing.
    pub fn none() -> Self {
        let state = State { file: None, seq: 0, last: NO_HASH.to_owned() };
        Record { state: Mutex::new(state), scrub: Box::new(str::to_owned) }
    }

    /// Makes the file and writes its first line, of the kind `run`. `run` says
    /// which run this is: program, repository, revisions, event, actor, inputs.
    ///
    /// # Errors
    /// The file exists already, or it cannot be made or written.
    pub fn create(path: &Path, run: Value, time: Timestamp, scrub: Scrub) -> Result<Self> {
        let create = || -> std::io::Result<File> {
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                std::fs::create_dir_all(folder)?;
            }
            let mut options = OpenOptions::new();
            // Never onto an older one, and never through a link that lies there.
            options.append(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.open(path)
        };
        let file =
            create().with_context(|| format!("cannot make the record {}", path.display()))?;
        let state = State { file: Some((file, path.to_owned())), seq: 0, last: NO_HASH.to_owned() };
        let record = Record { state: Mutex::new(state), scrub };
        record
            .write(time, "run", run)
            .with_context(|| format!("cannot write the record {}", path.display()))?;
        Ok(record)
    }

    /// Where it is, if it is written.
    pub fn path(&self) -> Option<PathBuf> {
        self.locked().file.as_ref().map(|(_, path)| path.clone())
    }

    /// Adds a line: what was done, and on what grounds.
    pub fn add(&self, time: Timestamp, kind: &str, details: Value) {
        if let Err(error) = self.write(time, kind, details) {
            let mut state = self.locked();
            let path = state.file.take().map(|(_, path)| path).unwrap_or_default();
            tracing::warn!("cannot write the record {}: {error:#}", path.display());
        }
    }

    /// Adds the last line and has the disk keep the file. Gives the last hash,
    /// for the job's log: it proves the file even to those who can rewrite it.
    pub fn end(&self, time: Timestamp, details: Value) -> Option<String> {
        self.add(time, "end", details);
        let state = self.locked();
        let (file, path) = state.file.as_ref()?;
        if let Err(error) = file.sync_data() {
            tracing::warn!("cannot write the record {}: {error}", path.display());
        }
        Some(state.last.clone())
    }

    fn write(&self, time: Timestamp, kind: &str, mut details: Value) -> Result<()> {
        let mut state = self.locked();
        let state = &mut *state;
        let Some((file, _)) = &mut state.file else { return Ok(()) };
        scrub_all(&mut details, &self.scrub);
        let kind = Value::from((self.scrub)(kind));
        let seq = state.seq;
        let mut line = format!(
            r#"{{"seq":{seq},"prev":"{}","time":"{time}","kind":{kind},"details":{details}"#,
            state.last
        );
        let hash = digest(line.as_bytes());
        line.push_str(&format!("{HASH_MARK}{hash}\"}}\n"));
        // One write a line, unbuffered: a killed process leaves whole lines.
        file.write_all(line.as_bytes())?;
        state.seq += 1;
        state.last = hash;
        Ok(())
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, State> {
        // Whoever panicked left a whole line or none.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

const HASH_MARK: &str = ",\"hash\":\"";

/// Scrubs every text of a value, names included.
fn scrub_all(value: &mut Value, scrub: &Scrub) {
    match value {
        Value::String(text) => *text = scrub(text),
        Value::Array(items) => items.iter_mut().for_each(|item| scrub_all(item, scrub)),
        Value::Object(fields) => {
            *fields = std::mem::take(fields)
                .into_iter()
                .map(|(name, mut value)| {
                    scrub_all(&mut value, scrub);
                    (scrub(&name), value)
                })
                .collect();
        }
        _ => {}
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What checking a record came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Lines that hold, from the first.
    pub lines: u64,
    /// The first line that does not hold, from 1, and why.
    pub broken_at: Option<(u64, String)>,
    /// Whether the last line is an `end`: without one the run was cut short, or
    /// the file was.
    pub complete: bool,
    /// The hash of the last line that holds, to compare with the job's log.
    pub last_hash: String,
}

impl Verdict {
    /// Whether nothing was changed and nothing is missing.
    pub fn holds(&self) -> bool {
        self.broken_at.is_none() && self.complete
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.broken_at {
            Some((line, why)) => write!(f, "broken at line {line}: {why}"),
            None if !self.complete => write!(
                f,
                "{} lines hold, but the end is missing: the run was cut short, or the file",
                self.lines
            ),
            None => write!(f, "{} lines hold; last hash {}", self.lines, self.last_hash),
        }
    }
}

/// Checks a record: every line's hash, and that each follows the one before.
///
/// # Errors
/// The file cannot be read. What is wrong inside it is a [`Verdict`].
pub fn verify(path: &Path) -> Result<Verdict> {
    let unread = || format!("cannot read the record {}", path.display());
    let mut reader = BufReader::new(File::open(path).with_context(unread)?);
    let mut verdict =
        Verdict { lines: 0, broken_at: None, complete: false, last_hash: NO_HASH.to_owned() };
    let mut line = Vec::new();
    loop {
        line.clear();
        reader.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut line).with_context(unread)?;
        if line.is_empty() {
            if verdict.lines == 0 {
                verdict.broken_at = Some((1, "the file is empty".to_owned()));
            }
            return Ok(verdict);
        }
        match check(&line, &verdict) {
            Ok((hash, is_end)) => {
                verdict.lines += 1;
                verdict.last_hash = hash;
                verdict.complete = is_end;
            }
            Err(why) => {
                verdict.complete = false;
                verdict.broken_at = Some((verdict.lines + 1, why.to_owned()));
                return Ok(verdict);
            }
        }
    }
}

/// A line's hash and whether it is the last one.
fn check(line: &[u8], before: &Verdict) -> Result<(String, bool), &'static str> {
    let line = line.strip_suffix(b"\n").ok_or("the line is cut short")?;
    let line = std::str::from_utf8(line).map_err(|_| "it is not text")?;
    let hash_at = line.len().checked_sub(NO_HASH.len() + 2).ok_or("it has no hash")?;
    let (body, hash) = (line.get(..hash_at), line.get(hash_at..));
    let (Some(body), Some(hash)) = (body, hash) else { return Err("it has no hash") };
    let body = body.strip_suffix(HASH_MARK).ok_or("it has no hash")?;
    let hash = hash.strip_suffix("\"}").ok_or("it has no hash")?;
    if digest(body.as_bytes()) != hash {
        return Err("the line was changed");
    }
    let value: Value = serde_json::from_str(line).map_err(|_| "it is not JSON")?;
    if before.complete {
        return Err("a line follows the end");
    }
    if value["prev"] != before.last_hash.as_str() || value["seq"] != before.lines {
        return Err("it does not follow the line before it");
    }
    let is_first = before.lines == 0;
    if is_first != (value["kind"] == "run") {
        return Err("a record has one line of the kind `run`, its first");
    }
    Ok((hash.to_owned(), value["kind"] == "end"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn time() -> Timestamp {
        Timestamp::from_second(1_790_000_000).unwrap()
    }

    fn write(path: &Path) -> Option<String> {
        let scrub: Scrub = Box::new(|text| text.replace("s3cret", "***"));
        let record =
            Record::create(path, json!({"repository": "o/r", "s3cret": 1}), time(), scrub).unwrap();
        record.add(time(), "asked", json!({"model": "offline", "text": ["a s3cret\n", 1.5]}));
        record.add(time(), "posted", json!({"comment": 7, "title": "naïve \"quotes\""}));
        record.end(time(), json!({"exit": 0}))
    }

    #[test]
    fn a_record_holds_and_tells_its_last_hash() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/run.jsonl");
        let hash = write(&path);
        let verdict = verify(&path).unwrap();
        assert!(verdict.holds(), "{verdict}");
        assert_eq!((verdict.lines, Some(verdict.last_hash)), (4, hash));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("s3cret") && text.matches("***").count() == 2, "{text}");
        for line in text.lines() {
            let value: Value = serde_json::from_str(line).unwrap();
            assert_eq!(value["time"], "2026-09-21T14:13:20Z");
        }
        let again = Record::create(&path, json!({}), time(), Box::new(str::to_owned));
        assert!(format!("{:#}", again.unwrap_err()).contains("cannot make the record"));
    }

    #[test]
    fn every_changed_byte_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.jsonl");
        write(&path);
        let good = std::fs::read(&path).unwrap();
        let bad = dir.path().join("bad.jsonl");
        for index in 0..good.len() {
            let mut bytes = good.clone();
            bytes[index] ^= 1;
            std::fs::write(&bad, &bytes).unwrap();
            assert!(!verify(&bad).unwrap().holds(), "byte {index}");
        }
    }

    #[test]
    fn missing_moved_and_added_lines_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.jsonl");
        write(&path);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let bad = dir.path().join("bad.jsonl");
        for (content, broken_at) in [
            (lines[..3].concat(), None),
            ([lines[0], lines[2], lines[3]].concat(), Some(2)),
            ([lines[0], lines[2], lines[1], lines[3]].concat(), Some(2)),
            ([lines[1], lines[2], lines[3]].concat(), Some(1)),
            ([&text, lines[1]].concat(), Some(5)),
            (text[..text.len() - 1].to_owned(), Some(4)),
            (text[..text.len() - 40].to_owned(), Some(4)),
            (format!("{text}\n"), Some(5)),
            (String::new(), Some(1)),
            ("é\n".repeat(40), Some(1)),
        ] {
            std::fs::write(&bad, content).unwrap();
            let verdict = verify(&bad).unwrap();
            assert!(!verdict.holds(), "{verdict}");
            assert_eq!(verdict.broken_at.map(|(line, _)| line), broken_at);
        }
        assert!(verify(&dir.path().join("none")).is_err());
    }

    #[test]
    fn the_place_is_never_in_the_checkout() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for folder in ["checkout/sub", "temp", "state"] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(at("checkout/sub"), at("link")).unwrap();
        let check = |record: Option<&str>, temp: &str, expect: Option<&str>| {
            let (record, temp, state) = (record.map(at), at(temp), at("state"));
            let places = Places {
                record: record.as_deref(),
                temp: Some(&temp),
                state: Some(&state),
                checkout: &at("checkout"),
            };
            assert_eq!(place(&places, "7/1").ok(), expect.map(at), "{record:?} {temp:?}");
        };
        check(None, "temp", Some("temp/pipewright/pipewright-7_1.jsonl"));
        check(None, "gone", Some("state/pipewright/pipewright-7_1.jsonl"));
        check(None, "checkout", Some("state/pipewright/pipewright-7_1.jsonl"));
        check(Some("temp"), "temp", Some("temp/pipewright-7_1.jsonl"));
        check(Some("new/"), "temp", Some("new/pipewright-7_1.jsonl"));
        check(Some("r.jsonl"), "temp", Some("r.jsonl"));
        check(Some("checkout/r.jsonl"), "temp", None);
        check(Some("checkout/new/deep/r.jsonl"), "temp", None);
        check(Some("temp/new/../../checkout/r.jsonl"), "temp", None);
        #[cfg(unix)]
        check(Some("link/r.jsonl"), "temp", None);
    }

    #[test]
    fn failure_to_write_stops_nothing() {
        let record = Record::none();
        record.add(time(), "asked", json!({}));
        assert_eq!((record.end(time(), json!({})), record.path()), (None, None));
        let full = Path::new("/dev/full");
        if !full.exists() {
            eprintln!("SKIPPED: no /dev/full here");
            return;
        }
        let file = OpenOptions::new().append(true).open(full).unwrap();
        let state = State { file: Some((file, full.into())), seq: 0, last: NO_HASH.to_owned() };
        let record = Record { state: Mutex::new(state), scrub: Box::new(str::to_owned) };
        record.add(time(), "asked", json!({}));
        assert_eq!(record.path(), None);
    }
}
