//! What a person sees on standard error while a run takes its time: nothing for
//! the first half second, then a spinner with the stage and the time.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Runs shorter than this show nothing.
const PATIENCE: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(100);

/// Shows stages on a terminal; logs them elsewhere.
pub struct Progress {
    stages: Option<Sender<String>>,
    shown: Option<JoinHandle<()>>,
}

impl Progress {
    /// `terminal`: whether standard error is one.
    pub fn new(terminal: bool) -> Self {
        if !terminal {
            return Progress { stages: None, shown: None };
        }
        let (stages, received) = mpsc::channel();
        let shown = std::thread::spawn(move || {
            let start = Instant::now();
            let mut bar: Option<ProgressBar> = None;
            let mut stage = String::new();
            loop {
                match received.recv_timeout(TICK) {
                    Ok(next) => stage = next,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                if start.elapsed() < PATIENCE {
                    continue;
                }
                let bar = bar.get_or_insert_with(spinner);
                bar.set_message(stage.clone());
                bar.tick();
            }
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
        });
        Progress { stages: Some(stages), shown: Some(shown) }
    }

    /// What is being done now.
    pub fn stage(&self, stage: impl Into<String>) {
        let stage = stage.into();
        tracing::debug!("{stage}");
        if let Some(stages) = &self.stages {
            // The thread only ends with us.
            let _ = stages.send(stage);
        }
    }

    /// Take the display away, before something else is printed.
    pub fn finish(&mut self) {
        self.stages = None;
        if let Some(shown) = self.shown.take() {
            let _ = shown.join();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}") {
        bar.set_style(style);
    }
    bar
}
