//! The language of the tables of commands: patterns over a program's words.
//!
//! A pattern is a row of tokens. The first is the program (`a|b` for several names).
//! Then: `word|word` is the next word that is no flag; `~word` stands anywhere behind;
//! `+--flag` must be there, `!--flag` must not (`--flag=value` counts, and
//! `--flag=value` in a pattern is exact). A word that ends in `*` matches by its
//! beginning, and `?` is any word.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{Manager, shell::Command};

/// What a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Says something or handles the job's own files.
    Plain,
    /// Installs dependencies.
    Install(Manager),
    /// Installs tools of the system or of a language.
    Setup(&'static str),
    /// Checks style or types.
    Lint,
    /// Runs tests.
    Test,
    /// Compiles or packs.
    Build,
    /// Fetches the source.
    Checkout,
    /// Puts something where people use it.
    Deploy(&'static str),
    /// Publishes.
    Publish(&'static str),
    /// Looks whether what was deployed works.
    Health,
    /// Takes a deployment back.
    Rollback,
    /// Plans infrastructure.
    Plan(&'static str),
    /// Tells people.
    Notify(&'static str),
    /// Logs in.
    Login(&'static str),
    /// Reads the history.
    History,
    /// Starts a cluster or a cloud on the runner itself.
    Sandbox,
    /// Fetches something from outside and nothing else.
    Fetch,
    /// Changes something outside that no other kind names.
    Outside,
}

/// A row: a pattern, and what a command that fits it does.
pub type Row = (&'static str, &'static [Kind]);

/// Flags that take the next word, by program.
const VALUE_FLAGS: &[(&str, &str)] = &[
    (
        "kubectl|oc",
        "-n --namespace --context --kubeconfig --cluster -s --server --user --token -f --filename \
         -o --output -l --selector -k --kustomize --as --timeout --request-timeout",
    ),
    (
        "helm|helmfile",
        "-n --namespace --kube-context --kubeconfig -f --file -e --environment -l --selector",
    ),
    (
        "docker|podman|nerdctl|docker-compose|buildah",
        "-H --host --context -c --config -l --log-level -f --file -p --project-name --profile \
         --env-file --project-directory",
    ),
    (
        "npm|yarn|pnpm|bun|turbo|lerna|nx|ng",
        "--prefix -w --workspace -C --dir --filter -F --cwd --registry --scope -c --configuration",
    ),
    ("git", "-C -c --git-dir --work-tree"),
    ("aws", "--profile --region --output --endpoint-url --query"),
    ("gcloud", "--project --account --region --zone --configuration --format"),
    ("az", "--subscription -o --output -g -n --name --resource-group"),
    ("mvn|mvnw", "-f --file -P -pl --projects -s --settings -T -l -t --toolchains -rf -gs"),
    ("gradle|gradlew", "-p --project-dir -x --exclude-task -b -I --init-script -c --max-workers"),
    ("make|gmake|mingw32-make", "-C -f -I -o -W"),
    (
        "cargo",
        "--manifest-path -p --package --features --target -j --jobs --color -Z --config --profile -F \
         --target-dir",
    ),
    ("poetry", "-C --directory -P --project"),
    ("uv", "--directory --project"),
    ("gh|glab", "-R --repo"),
    ("flyctl|fly", "-a --app -c --config"),
    ("composer", "-d --working-dir"),
    ("tox", "-c -e --workdir"),
    ("pulumi", "-C --cwd -s --stack"),
    ("argocd", "--server --auth-token --config"),
    ("pip|pip3", "--python --cache-dir --log"),
    ("cdk", "-c -a --app --context --profile -o --output"),
    ("serverless|sls", "-s --stage -r --region -c --config"),
    ("just", "-f --justfile -d --working-directory"),
    ("task", "-d --dir -t --taskfile"),
    ("terragrunt", "--terragrunt-working-dir --working-dir --terragrunt-config"),
    (
        "trivy",
        "-f --format -o --output -s --severity --exit-code --timeout --cache-dir -c --config --scanners --template --ignorefile --vuln-type -t",
    ),
    (
        "grype",
        "-f --fail-on -o --output -c --config -s --scope --file -t --template --platform --distro --exclude --name --vex --sort-by",
    ),
    ("skaffold", "-f --filename -p --profile -n --namespace"),
    ("bazel|bazelisk", "--bazelrc --output_base --output_user_root"),
    ("cf", "-f -p -i -m -k"),
    ("nomad", "-address -namespace -region"),
    ("sfdx|sf", "-u -o --target-org"),
    ("vault", "-address"),
];

static FLAGS: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let mut flags = HashMap::new();
    for (programs, list) in VALUE_FLAGS {
        for program in programs.split('|') {
            flags.insert(program, list.split_ascii_whitespace().collect());
        }
    }
    flags
});

/// A command's words, apart by what they are.
#[derive(Debug, Default)]
pub struct Parts<'a> {
    /// The program's name.
    pub program: &'a str,
    /// Words that are no flags and no flag's value, in order.
    pub plain: Vec<&'a str>,
    /// Flags as written, with `=value` where joined.
    pub flags: Vec<&'a str>,
}

impl<'a> Parts<'a> {
    /// Takes a command apart.
    pub fn of(command: &'a Command) -> Self {
        let program = command.program();
        let values = FLAGS.get(program).map_or(&[][..], Vec::as_slice);
        let slashes = matches!(program.to_ascii_lowercase().as_str(), "msbuild" | "vstest.console");
        let mut parts = Parts { program, ..Parts::default() };
        let mut words = command.texts().skip(1);
        let mut over = false;
        while let Some(word) = words.next() {
            if over {
                parts.plain.push(word);
            } else if word == "--" {
                over = true;
            } else if word.starts_with('-') && word.len() > 1 || (slashes && word.starts_with('/'))
            {
                parts.flags.push(word);
                if values.contains(&word) {
                    words.next();
                }
            } else if !(program == "cargo" && word.starts_with('+')) {
                parts.plain.push(word);
            }
        }
        parts
    }

    /// Whether a flag is there, alone or with a value.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|known| {
            known.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        })
    }
}

/// The value of a flag: `--flag value`, `--flag=value`.
pub fn value<'a>(command: &'a Command, flag: &str) -> Option<&'a str> {
    values(command, flag).into_iter().next()
}

/// All values of a flag.
pub fn values<'a>(command: &'a Command, flag: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut words = command.texts().skip(1);
    while let Some(word) = words.next() {
        match word.strip_prefix(flag) {
            Some("") => found.extend(words.next()),
            Some(rest) if rest.starts_with('=') => found.extend(rest.get(1..)),
            _ => {}
        }
    }
    found
}

fn matches_word(pattern: &str, word: &str) -> bool {
    pattern.split('|').any(|one| match one.strip_suffix('*') {
        Some(start) => word.starts_with(start),
        None => one == word || one == "?",
    })
}

/// Whether a command fits a pattern.
pub fn fits(pattern: &str, parts: &Parts<'_>) -> bool {
    let mut next = 0;
    let mut tokens = pattern.split_ascii_whitespace();
    if !tokens.next().is_some_and(|program| matches_word(program, parts.program)) {
        return false;
    }
    tokens.all(|token| {
        if let Some(flag) = token.strip_prefix('+') {
            return flag.split('|').any(|flag| parts.has(flag));
        }
        if let Some(flag) = token.strip_prefix('!') {
            return !flag.split('|').any(|flag| parts.has(flag));
        }
        if let Some(word) = token.strip_prefix('~') {
            return parts.plain.iter().skip(next).any(|known| {
                matches_word(word, known)
                    || known.rsplit_once(':').is_some_and(|(_, last)| matches_word(word, last))
            });
        }
        next += 1;
        parts.plain.get(next - 1).is_some_and(|known| matches_word(token, known))
    })
}

/// Rows by program.
pub struct Table(HashMap<&'static str, Vec<&'static Row>>);

impl Table {
    /// Sorts rows by program.
    pub fn new(lists: &[&'static [Row]]) -> Self {
        let mut rows: HashMap<&'static str, Vec<&'static Row>> = HashMap::new();
        for row in lists.iter().copied().flatten() {
            let programs = row.0.split(' ').next().unwrap_or("");
            for program in programs.split('|') {
                rows.entry(program).or_default().push(row);
            }
        }
        Table(rows)
    }

    /// What a command does, of all rows that it fits; `None` where none does.
    pub fn look(&self, parts: &Parts<'_>) -> Option<Vec<Kind>> {
        let rows = self.0.get(parts.program)?;
        let mut kinds = Vec::new();
        let mut found = false;
        for (pattern, does) in rows {
            if fits(pattern, parts) {
                found = true;
                for kind in *does {
                    if !kinds.contains(kind) {
                        kinds.push(*kind);
                    }
                }
            }
        }
        found.then_some(kinds)
    }
}
