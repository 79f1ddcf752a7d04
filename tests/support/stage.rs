//! A checkout of its own for the binary, and a scrubbed environment around it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A folder that is gone when dropped.
pub struct Stage(pub tempfile::TempDir);

impl Stage {
    /// A checkout with these files.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let stage = Stage(tempfile::tempdir().unwrap());
        for (path, text) in files {
            let path = stage.path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::create_dir_all(stage.path(".git")).unwrap();
        stage
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Runs `pipewright pipeline` with these arguments.
    pub fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_pipewright"))
            .arg("pipeline")
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir(self.0.path())
            .output()
            .expect("the binary starts")
    }

    /// What it prints as JSON, which this schema allows.
    pub fn json(&self, args: &[&str], schema: &str) -> Value {
        let output = self.run(&[args, &["--format", "json"]].concat());
        let value: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", said(&output)));
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(schema);
        let schema: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{value:#}");
        value
    }
}

pub fn said(output: &Output) -> String {
    format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A file or folder of the pipelines among the fixtures.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pipelines").join(name)
}
