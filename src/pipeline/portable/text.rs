//! Text with references in it: to a commit, a variable, another job's image.

/// Text in which some parts are known only when the pipeline runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Text(pub Vec<Part>);

/// A part of a [`Text`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// As it stands.
    Literal(String),
    /// The commit's full id.
    Commit,
    /// The branch's name; empty for a tag.
    Branch,
    /// The tag's name; empty for a branch.
    Tag,
    /// The change's number.
    ChangeNumber,
    /// The repository's name without its owner.
    Repository,
    /// A number that counts the runs.
    RunNumber,
    /// The folder of the checkout.
    Workspace,
    /// A variable of the pipeline, the job or the step.
    Variable(String),
    /// A secret, by its name where the platform keeps secrets.
    Secret(String),
    /// The value of a matrix axis.
    Matrix(String),
    /// An answer of the person who started the run.
    Input(String),
    /// A job's named output: the job's id and the name.
    Output(String, String),
    /// The image that a job built and pushed, by digest: the job's id.
    Image(String),
    /// The file that takes the lines `name=value` of this job's outputs. In scripts
    /// alone.
    OutputFile,
    /// An expression of one platform, kept as it is: written on that platform alone.
    Foreign(super::Platform, String),
}

impl Text {
    /// Text without references.
    pub fn literal(text: impl Into<String>) -> Self {
        let text = text.into();
        Text(if text.is_empty() { Vec::new() } else { vec![Part::Literal(text)] })
    }

    /// Text with references written as `{{commit}}`, `{{branch}}`, `{{tag}}`,
    /// `{{change}}`, `{{repository}}`, `{{run}}`, `{{workspace}}`, `{{outputs}}`,
    /// `{{var.NAME}}`, `{{secret.NAME}}`, `{{matrix.AXIS}}`, `{{input.NAME}}`,
    /// `{{image.JOB}}`, `{{output.JOB.NAME}}`. Other braces stand for themselves.
    pub fn template(text: &str) -> Self {
        let mut parts = Text::default();
        let mut rest = text;
        while let Some(open) = rest.find("{{") {
            let (before, from) = rest.split_at(open);
            let known = from[2..]
                .find("}}")
                .and_then(|close| Some((named(&from[2..2 + close])?, &from[close + 4..])));
            if let Some((part, after)) = known {
                parts.push(Part::Literal(before.to_owned()));
                parts.push(part);
                rest = after;
            } else {
                parts.push(Part::Literal(rest[..open + 2].to_owned()));
                rest = &from[2..];
            }
        }
        parts.push(Part::Literal(rest.to_owned()));
        parts
    }

    /// Adds a part; literals run together.
    pub fn push(&mut self, part: Part) {
        match (self.0.last_mut(), part) {
            (_, Part::Literal(text)) if text.is_empty() => {}
            (Some(Part::Literal(before)), Part::Literal(text)) => before.push_str(&text),
            (_, part) => self.0.push(part),
        }
    }

    /// The text, where it has no references.
    pub fn as_literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The references in it, in order.
    pub fn references(&self) -> impl Iterator<Item = &Part> {
        self.0.iter().filter(|part| !matches!(part, Part::Literal(_)))
    }

    /// Writes it out, each reference by what `say` makes of it.
    pub fn render(&self, mut say: impl FnMut(&Part) -> String) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => out.push_str(text),
                part => out.push_str(&say(part)),
            }
        }
        out
    }

    /// This text, then that.
    #[must_use]
    pub fn then(mut self, more: impl Into<Text>) -> Self {
        for part in more.into().0 {
            self.push(part);
        }
        self
    }
}

fn named(name: &str) -> Option<Part> {
    let simple = match name {
        "commit" => Part::Commit,
        "branch" => Part::Branch,
        "tag" => Part::Tag,
        "change" => Part::ChangeNumber,
        "repository" => Part::Repository,
        "run" => Part::RunNumber,
        "workspace" => Part::Workspace,
        "outputs" => Part::OutputFile,
        _ => {
            let (kind, name) = name.split_once('.')?;
            let word = |text: &str| {
                !text.is_empty()
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
            };
            if kind == "output" {
                let (job, name) = name.split_once('.')?;
                let fits = word(job) && word(name);
                return fits.then(|| Part::Output(job.to_owned(), name.to_owned()));
            }
            if !word(name) {
                return None;
            }
            let name = name.to_owned();
            match kind {
                "var" => Part::Variable(name),
                "secret" => Part::Secret(name),
                "matrix" => Part::Matrix(name),
                "input" => Part::Input(name),
                "image" => Part::Image(name),
                _ => return None,
            }
        }
    };
    Some(simple)
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text::literal(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text::literal(text)
    }
}

impl From<Part> for Text {
    fn from(part: Part) -> Self {
        let mut text = Text::default();
        text.push(part);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_take_known_names_and_leave_other_braces() {
        let check = |text: &str, expect: &[Part]| {
            assert_eq!(Text::template(text).0, expect, "{text}");
        };
        let lit = |text: &str| Part::Literal(text.to_owned());
        check("", &[]);
        check("a:{{commit}}", &[lit("a:"), Part::Commit]);
        check("{{index .RepoDigests 0}} {{tag}}", &[lit("{{index .RepoDigests 0}} "), Part::Tag]);
        check("{{{{tag}}", &[lit("{{"), Part::Tag]);
        check("{{", &[lit("{{")]);
        check("{{output.a.b}}", &[Part::Output("a".into(), "b".into())]);
        check("{{image.build-it}}", &[Part::Image("build-it".into())]);
        check("{{var.}}{{x.y}}é", &[lit("{{var.}}{{x.y}}é")]);
    }
}
