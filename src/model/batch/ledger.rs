//! Which batches were sent, and what for: a small file of JSON lines beside the
//! record. Losing it costs money, nothing else.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long providers keep results, in days
/// (<https://platform.claude.com/docs/en/build-with-claude/batch-processing>).
pub const KEPT_DAYS: i64 = 29;

/// Most bytes of the file that are read.
const MOST_BYTES: u64 = 64 << 20;

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line {
    /// Seconds since 1970.
    time: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    batch: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ids: Vec<String>,
}

/// Batches by the requests that they hold.
#[derive(Debug, Default)]
pub struct Ledger {
    file: Option<PathBuf>,
    seed: String,
    batches: Mutex<HashMap<String, String>>,
}

impl Ledger {
    /// One that is forgotten with the process.
    pub fn none() -> Self {
        Ledger { seed: fresh_seed(), ..Ledger::default() }
    }

    /// The ledger of a provider's account and model, as `owner` tells them apart,
    /// in this folder. What cannot be read is logged, and counts as not there.
    pub fn open(folder: &Path, owner: &str) -> Self {
        let name = Sha256::digest(owner).into_iter().take(8).map(|byte| format!("{byte:02x}"));
        let file = folder.join(format!("batches-{}.jsonl", name.collect::<String>()));
        let text = read(&file).unwrap_or_else(|why| {
            tracing::warn!("cannot read {}: {why}", file.display());
            String::new()
        });
        let oldest = Timestamp::now().as_second() - KEPT_DAYS * 86_400;
        let mut seed = None;
        let mut batches = HashMap::new();
        for line in text.lines() {
            // A line that a killed run did not end is no loss.
            let Ok(line) = serde_json::from_str::<Line>(line) else { continue };
            seed = line.seed.or(seed);
            if let Some(batch) = line.batch.filter(|_| line.time > oldest) {
                batches.extend(line.ids.into_iter().map(|id| (id, batch.clone())));
            }
        }
        let is_new = seed.is_none();
        let seed = seed.unwrap_or_else(fresh_seed);
        let ledger = Ledger { file: Some(file), seed, batches: Mutex::new(batches) };
        if is_new {
            let seed = Some(ledger.seed.clone());
            ledger.append(&Line {
                time: Timestamp::now().as_second(),
                seed,
                batch: None,
                ids: Vec::new(),
            });
        }
        ledger
    }

    /// A secret of this folder: what a run makes up at random it takes from here,
    /// so that the next one asks the same.
    pub fn seed(&self) -> &str {
        &self.seed
    }

    pub(super) fn batch_of(&self, id: &str) -> Option<String> {
        self.lock().get(id).cloned()
    }

    pub(super) fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    /// A batch was sent with these requests.
    pub(super) fn note<'a>(&self, batch: &str, ids: impl Iterator<Item = &'a str>) {
        let ids: Vec<String> = ids.map(str::to_owned).collect();
        self.append(&Line {
            time: Timestamp::now().as_second(),
            seed: None,
            batch: Some(batch.to_owned()),
            ids,
        });
    }

    fn append(&self, line: &Line) {
        let Some(file) = &self.file else { return };
        let write = || -> std::io::Result<()> {
            if let Some(folder) = file.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let mut options = std::fs::OpenOptions::new();
            options.append(true).create(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut text = serde_json::to_vec(line)?;
            text.push(b'\n');
            // One write a line: a killed process leaves whole lines.
            let mut file = options.open(file)?;
            file.write_all(&text)?;
            file.sync_data()
        };
        if let Err(why) = write() {
            tracing::warn!("cannot write {}: {why}", file.display());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        // A map from name to name: whoever panicked left it whole.
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(file: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    match std::fs::File::open(file) {
        Ok(file) => file.take(MOST_BYTES).read_to_string(&mut text).map(|_| text),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(text),
        Err(why) => Err(why),
    }
}

/// 128 bits that nobody can guess: the standard library seeds `RandomState` from
/// the system.
fn fresh_seed() -> String {
    let word = || RandomState::new().build_hasher().finish();
    let text = format!("{:016x}{:016x}{}", word(), word(), std::process::id());
    Sha256::digest(text).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
