//! What an input is: its name, what values it takes, where it may be set.

/// One input.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    /// Its name: `snake_case`, as in `action.yml` and `.pipewright.toml`.
    pub name: &'static str,
    /// The heading it stands under.
    pub group: Group,
    /// What values it takes.
    pub kind: Kind,
    /// The value where nobody gives one; empty for none.
    pub default: &'static str,
    /// The default in words, where it depends on something.
    pub default_note: &'static str,
    /// The default in `action.yml`. Empty almost everywhere: a value there would
    /// always be set, and so beat `.pipewright.toml`.
    pub action_default: &'static str,
    /// Whether there is a flag. Never for secrets.
    pub flag: bool,
    /// Whether it is an input of the action.
    pub action: bool,
    /// Whether it is a key of `.pipewright.toml`.
    pub config: bool,
    /// The host's own variables for it, strongest first; weaker than ours.
    pub variables: &'static [&'static str],
    /// What it does. The first sentence stands alone in short help.
    pub help: &'static str,
}

/// A heading of `--help` and of the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// What is looked at.
    Change,
    /// How tests are run, and which are written.
    Tests,
    /// What deployments are judged by, and who is told.
    Deployment,
    /// Who is asked, and what that may cost.
    Model,
    /// What counts.
    Findings,
    /// What the host gets to see.
    Publishing,
    /// What this process writes.
    Output,
    /// How to get to the host.
    Connection,
}

impl Group {
    /// In the order they are shown.
    pub const ALL: [Group; 8] = [
        Group::Change,
        Group::Tests,
        Group::Deployment,
        Group::Model,
        Group::Findings,
        Group::Publishing,
        Group::Output,
        Group::Connection,
    ];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Group::Change => "Change",
            Group::Tests => "Tests",
            Group::Deployment => "Deployment",
            Group::Model => "Model",
            Group::Findings => "Findings",
            Group::Publishing => "Publishing",
            Group::Output => "Output",
            Group::Connection => "Connection",
        }
    }
}

/// What values an input takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Anything on one or more lines.
    Text,
    /// A git revision.
    Revision,
    /// A path, relative to the working directory.
    Path,
    /// An `http` or `https` address without user, query or fragment.
    Url,
    /// `offline`, `claude-…`, `provider:name` or `command:LINE`.
    Model,
    /// `2/8` or `auto`.
    Shard,
    /// Models, in order.
    Models,
    /// File patterns, see [`crate::inputs::Globs`].
    Globs,
    /// Names of environment variables.
    Names,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Some of these words, or `none`.
    Choices(&'static [&'static str]),
    /// A whole number in this range, both ends included.
    Whole(u64, u64),
    /// A number in this range, both ends included.
    Decimal(f64, f64),
    /// A secret: only from the environment or a file named by `*_FILE`.
    Secret,
}

impl Kind {
    /// Whether several values may be given, by commas or new lines.
    pub fn is_list(self) -> bool {
        matches!(self, Kind::Globs | Kind::Choices(_) | Kind::Models | Kind::Names)
    }

    /// What stands for the value in `--help`.
    pub fn placeholder(self) -> &'static str {
        match self {
            Kind::Text => "TEXT",
            Kind::Revision => "REV",
            Kind::Path => "FILE",
            Kind::Url => "URL",
            Kind::Model => "MODEL",
            Kind::Models => "MODELS",
            Kind::Shard => "I/N",
            Kind::Globs => "GLOBS",
            Kind::Names => "NAMES",
            Kind::Choice(_) => "WORD",
            Kind::Choices(_) => "WORDS",
            Kind::Whole(..) | Kind::Decimal(..) => "N",
            Kind::Secret => "SECRET",
        }
    }

    /// The values in words, for documentation.
    pub fn describe(self) -> String {
        let words = |words: &[&str]| {
            words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        };
        match self {
            Kind::Text => "text".into(),
            Kind::Revision => "a revision".into(),
            Kind::Path => "a path".into(),
            Kind::Url => "an address".into(),
            Kind::Model => "`offline`, `claude-…`, `PROVIDER:NAME` or `command:LINE`".into(),
            Kind::Models => "models".into(),
            Kind::Shard => "`2/8`, the second of eight, or `auto`".into(),
            Kind::Globs => "patterns".into(),
            Kind::Names => "names of variables".into(),
            Kind::Choice(all) => words(all),
            Kind::Choices(all) => format!("some of {}; or `none`", words(all)),
            Kind::Whole(min, u64::MAX) => format!("a whole number from {min}"),
            Kind::Whole(min, max) => format!("a whole number from {min} to {max}"),
            Kind::Decimal(min, max) => format!("a number from {min} to {max}"),
            Kind::Secret => "a secret".into(),
        }
    }
}

impl Input {
    /// The flag, without its dashes.
    pub fn long(&self) -> String {
        self.name.replace('_', "-")
    }

    /// The name as variables spell it, without a prefix.
    pub fn upper(&self) -> String {
        self.name.to_ascii_uppercase()
    }

    /// The default as people read it.
    pub fn default_text(&self) -> String {
        match (self.default_note, self.default) {
            ("", "") => String::new(),
            ("", default) => format!("`{default}`"),
            (note, _) => note.to_owned(),
        }
    }

    /// The first sentence of its help.
    pub fn short_help(&self) -> &'static str {
        self.help.split_once(". ").map_or(self.help.trim_end_matches('.'), |(first, _)| first)
    }

    pub(super) const fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    pub(super) const fn note(mut self, note: &'static str) -> Self {
        self.default_note = note;
        self
    }

    pub(super) const fn action_default(mut self, default: &'static str) -> Self {
        self.action_default = default;
        self
    }

    /// Not from the repository: it names places of this machine or this run.
    pub(super) const fn not_in_config(mut self) -> Self {
        self.config = false;
        self
    }

    /// Only where a person types: hosts have no use for it.
    pub(super) const fn not_in_action(mut self) -> Self {
        self.action = false;
        self
    }

    pub(super) const fn variables(mut self, variables: &'static [&'static str]) -> Self {
        self.variables = variables;
        self
    }
}

pub(super) const fn input(
    name: &'static str,
    group: Group,
    kind: Kind,
    help: &'static str,
) -> Input {
    Input {
        name,
        group,
        kind,
        default: "",
        default_note: "",
        action_default: "",
        flag: true,
        action: true,
        config: true,
        variables: &[],
        help,
    }
}

pub(super) const fn secret(
    name: &'static str,
    group: Group,
    variables: &'static [&'static str],
    help: &'static str,
) -> Input {
    Input { flag: false, config: false, variables, ..input(name, group, Kind::Secret, help) }
}
