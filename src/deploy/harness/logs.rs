//! A step's log from the log service: asked for until it is ready, fetched from a link
//! that says by itself what it opens (so without the key), and unpacked within bounds.
//! <https://developer.harness.io/docs/platform/pipelines/executions-and-logs/download-logs>.

use std::io::{Cursor, Read};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::Value;

use super::ask::{Api, Call};
use crate::http::Url;

/// How long a log may take to become ready.
const PATIENCE: Duration = Duration::from_secs(60);
/// First wait between two looks; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// Most bytes that are fetched.
const MAX_PACKED: usize = 64 << 20;
/// Most bytes that are unpacked of it.
const MAX_UNPACKED: u64 = 512 << 20;
/// Most bytes that are kept: the log's end, where failures stand.
const KEPT: usize = 8 << 20;
/// Most files of an archive.
const MAX_FILES: usize = 2_000;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Blob {
    status: Option<String>,
    link: Option<String>,
    message: Option<String>,
    error_msg: Option<String>,
}

/// The lines of the log under a `logBaseKey`.
pub(super) async fn fetch(api: &Api, key: &str) -> anyhow::Result<Vec<u8>> {
    let start = Instant::now();
    let mut wait = FIRST_WAIT;
    let link = loop {
        let what = "a step's log";
        let call = Call::ask("/gateway/log-service/blob/download", what, None)
            .with("accountID", &api.place.account)
            .with("prefix", key);
        let blob: Blob = api.bare(call, &[]).await?;
        let status = blob.status.unwrap_or_default().to_ascii_lowercase();
        match status.as_str() {
            "success" => match blob.link.filter(|link| !link.is_empty()) {
                Some(link) => break link,
                None => bail!("the log service says that a log is ready, but not where"),
            },
            "error" | "failed" | "failure" => {
                let said = blob.message.or(blob.error_msg).unwrap_or_default();
                bail!("the log service has no log: {said}");
            }
            _ => {}
        }
        if start.elapsed() + wait > PATIENCE {
            bail!("the log was not ready within {} s", PATIENCE.as_secs());
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    };
    let url = safe(&link, api.is_local())?;
    let answer = api.fetch(&url, MAX_PACKED).await.map_err(|error| {
        // The address holds a signature.
        let error = error.to_string().replace(url.query().unwrap_or("\0"), "…");
        anyhow!("cannot fetch a log from {}: {error}", url.host_str().unwrap_or_default())
    })?;
    unpack(&answer.body)
}

/// A link that may be followed: https, or this machine's where Harness is.
fn safe(link: &str, is_local: bool) -> anyhow::Result<Url> {
    let url = Url::parse(link).ok().filter(Url::has_host);
    let Some(url) = url else { bail!("the log service gave no address") };
    let own = is_local && super::super::ask::is_loopback(&url);
    if url.scheme() == "https" && !super::super::ask::is_loopback(&url) || own {
        return Ok(url);
    }
    bail!(
        "the log service leads to {}, where nothing is fetched from",
        url.origin().ascii_serialization()
    )
}

/// Plain lines of a zip, of gzip, of lines of JSON, or of what already are plain lines.
///
/// # Errors
/// The archive is broken.
fn unpack(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut lines = Lines::default();
    if bytes.starts_with(b"PK") {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes))
            .map_err(|error| anyhow!("the log's archive cannot be read: {error}"))?;
        let mut names: Vec<String> =
            archive.file_names().take(MAX_FILES).flatten().map(|name| name.into_owned()).collect();
        names.sort();
        let mut left = MAX_UNPACKED;
        for name in names {
            let Ok(file) = archive.by_name(&name) else { continue };
            if file.is_dir() {
                continue;
            }
            left = left.saturating_sub(lines.read(file, left));
            lines.end();
        }
    } else if bytes.starts_with(&[0x1f, 0x8b]) {
        lines.read(MultiGzDecoder::new(bytes), MAX_UNPACKED);
    } else {
        lines.read(bytes, MAX_UNPACKED);
    }
    Ok(lines.finish())
}

/// Lines as they come, of which the end is kept.
#[derive(Default)]
struct Lines {
    kept: Vec<u8>,
    open: Vec<u8>,
}

/// Longest line that is kept whole.
const LONGEST_LINE: usize = 64 << 10;

impl Lines {
    /// Reads what comes, at most so much; gives how much it was. What breaks off is
    /// kept as far as it came.
    fn read(&mut self, source: impl Read, most: u64) -> u64 {
        let mut source = source.take(most);
        let mut chunk = vec![0; 64 << 10];
        let mut all = 0;
        while let Ok(length @ 1..) = source.read(&mut chunk) {
            all += length as u64;
            let mut rest = chunk.get(..length).unwrap_or_default();
            while let Some(at) = memchr::memchr(b'\n', rest) {
                let (line, after) = rest.split_at(at);
                self.add(line);
                self.end();
                rest = after.get(1..).unwrap_or_default();
            }
            self.add(rest);
        }
        all
    }

    fn add(&mut self, part: &[u8]) {
        let room = LONGEST_LINE.saturating_sub(self.open.len());
        self.open.extend_from_slice(part.get(..room.min(part.len())).unwrap_or_default());
    }

    /// The line is over.
    fn end(&mut self) {
        if self.open.is_empty() {
            return;
        }
        self.kept.extend_from_slice(&plain(&self.open));
        self.kept.push(b'\n');
        self.open.clear();
        if self.kept.len() > 2 * KEPT {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let from = self.kept.len().saturating_sub(KEPT);
        let rest = self.kept.get(from..).unwrap_or_default();
        let from = from + memchr::memchr(b'\n', rest).map_or(0, |at| at + 1);
        self.kept.drain(..from);
    }

    fn finish(mut self) -> Vec<u8> {
        self.end();
        if self.kept.len() > KEPT {
            self.cut();
        }
        self.kept
    }
}

/// A line of `{"level":"INFO","pos":1,"out":"…","time":"…"}`, or any other as it stands,
/// without colours.
fn plain(line: &[u8]) -> Vec<u8> {
    let line = line.trim_ascii_end();
    if line.starts_with(b"{")
        && let Ok(Value::Object(fields)) = serde_json::from_slice(line)
        && let Some(out) =
            ["out", "message", "msg"].iter().find_map(|key| fields.get(*key)?.as_str())
    {
        let level = fields.get("level").and_then(Value::as_str).unwrap_or("");
        let said = without_colours(out.trim_end().as_bytes());
        let is_telling = level.eq_ignore_ascii_case("error") || level.eq_ignore_ascii_case("fatal");
        let has_it = said.to_ascii_lowercase().windows(5).any(|part| part == b"error");
        return match is_telling && !has_it {
            true => [b"ERROR: ", said.as_slice()].concat(),
            false => said,
        };
    }
    without_colours(line)
}

/// Without the escape sequences of a terminal.
fn without_colours(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != 0x1b {
            out.push(byte);
        } else if rest.next() == Some(b'[') {
            rest.by_ref().find(|byte| (0x40..=0x7e).contains(byte));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const LINES: &str = "{\"level\":\"INFO\",\"pos\":0,\"out\":\"pulling\\n\",\"time\":\"2026-01-01T10:00:00Z\"}\n{\"level\":\"ERROR\",\"out\":\"\\u001b[31mImagePullBackOff\\u001b[0m\"}\nplain\n{\"broken\n";
    const PLAIN: &str = "pulling\nERROR: ImagePullBackOff\nplain\n{\"broken\n";

    fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn logs_come_in_three_packings() {
        for (bytes, expect) in [
            (LINES.as_bytes().to_vec(), PLAIN.to_owned()),
            (gzipped(LINES.as_bytes()), PLAIN.to_owned()),
            (zipped(&[("b", b"second"), ("a", LINES.as_bytes())]), format!("{PLAIN}second\n")),
            (Vec::new(), String::new()),
            // What breaks off is kept as far as it came.
            (gzipped(LINES.as_bytes())[..20].to_vec(), String::new()),
        ] {
            assert_eq!(String::from_utf8_lossy(&unpack(&bytes).unwrap()), expect);
        }
        assert!(unpack(b"PK\x03\x04 not an archive").is_err());
    }

    #[test]
    fn a_large_log_is_kept_by_its_end() {
        let line = format!("{}\n", "x".repeat(1000));
        let mut text = line.repeat(40_000);
        text += "the end\n";
        let kept = unpack(&gzipped(text.as_bytes())).unwrap();
        assert!(kept.len() <= KEPT && kept.len() > KEPT / 2);
        assert!(kept.ends_with(b"the end\n") && kept.starts_with(b"xxx"));
        let one = unpack(&vec![b'y'; 10 << 20]).unwrap();
        assert_eq!(one.len(), LONGEST_LINE + 1);
    }

    #[test]
    fn links_lead_to_the_world_over_https_only() {
        for (link, is_local, expect) in [
            ("https://storage.googleapis.com/b/logs.zip?X-Goog-Signature=s", false, true),
            ("http://storage.googleapis.com/b", false, false),
            ("https://127.0.0.1/b", false, false),
            ("http://127.0.0.1:9/b", true, true),
            ("http://169.254.169.254/latest", true, false),
            ("file:///etc/passwd", true, false),
            ("", false, false),
        ] {
            assert_eq!(safe(link, is_local).is_ok(), expect, "{link}");
        }
    }
}
