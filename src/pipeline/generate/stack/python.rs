//! What a project in Python shows.

use super::super::super::Files;
use super::language::{PartOf, number, number_after, set_lock, short};
use crate::pipeline::words::Manager;

pub(super) fn python(files: &dyn Files, at: &str, part: &mut PartOf) {
    let read = |name: &str| files.read(&format!("{at}{name}")).unwrap_or_default();
    let has = |name: &str| files.exists(&format!("{at}{name}"));
    let project = read("pyproject.toml");
    let all = format!(
        "{project}\n{}\n{}\n{}\n{}",
        read("setup.cfg"),
        read("requirements.txt"),
        read("requirements-dev.txt"),
        read("tox.ini")
    );
    let locked = set_lock(
        files,
        at,
        part,
        &[
            ("uv.lock", Manager::Uv),
            ("poetry.lock", Manager::Poetry),
            ("Pipfile.lock", Manager::Pipenv),
        ],
    );
    if !locked {
        part.manager =
            Some(if project.contains("[tool.poetry") { Manager::Poetry } else { Manager::Pip });
        let name = ["requirements.txt", "pyproject.toml", "setup.py", "setup.cfg"]
            .into_iter()
            .find(|name| has(name));
        part.lockfile = name.map(|name| format!("{at}{name}"));
    }
    let run = match part.manager {
        Some(Manager::Uv) => {
            part.install =
                "python -m pip install \"uv~=0.8\"\nuv sync --frozen --all-extras --all-groups"
                    .to_owned();
            "uv run "
        }
        Some(Manager::Poetry) => {
            part.install =
                "python -m pip install \"poetry~=2.1\"\npoetry install --no-interaction".to_owned();
            "poetry run "
        }
        Some(Manager::Pipenv) => {
            part.install = "python -m pip install \"pipenv~=2025.0\"\npipenv sync --dev".to_owned();
            "pipenv run "
        }
        _ => {
            let mut lines: Vec<String> = [
                "requirements.txt",
                "requirements-dev.txt",
                "requirements/dev.txt",
                "dev-requirements.txt",
            ]
            .into_iter()
            .filter(|name| has(name))
            .map(|name| format!("python -m pip install --requirement {name}"))
            .collect();
            if has("pyproject.toml") || has("setup.py") {
                let extra = ["dev", "test", "tests"].into_iter().find(|extra| {
                    project.contains(&format!("\n{extra} = ["))
                        && project.contains("[project.optional-dependencies]")
                });
                lines.push(match extra {
                    Some(extra) => format!("python -m pip install --editable \".[{extra}]\""),
                    None => "python -m pip install --editable .".to_owned(),
                });
            }
            if lines.is_empty() {
                part.assumed.push("Assumed: dependencies in `requirements.txt`, tests run by pytest and lints by ruff".to_owned());
                part.lockfile = Some(format!("{at}requirements.txt"));
                lines.push("python -m pip install --requirement requirements.txt".to_owned());
            }
            part.install = lines.join("\n");
            ""
        }
    };
    let bare = run.is_empty();
    let unknown =
        !has("pyproject.toml") && !has("setup.cfg") && !has("requirements.txt") && !has("setup.py");
    part.version = number(&read(".python-version"))
        .or_else(|| number_after(&project, &["requires-python = \"", "\npython = \""]))
        .map(|version| short(&version, 2));
    // Tools that the project does not name itself are installed at a fixed line.
    let tool = |name: &str, pinned: &str, command: &str| {
        if all.contains(name) && !bare {
            format!("{run}{command}")
        } else if all.contains(&format!("{name}="))
            || all.contains(&format!("{name}~"))
            || all.contains(&format!("{name}>"))
        {
            command.to_owned()
        } else {
            format!("python -m pip install \"{pinned}\"\n{command}")
        }
    };
    let mut lints = Vec::new();
    if unknown || has("ruff.toml") || has(".ruff.toml") || all.contains("ruff") {
        lints.push(tool("ruff", "ruff~=0.12", "ruff check ."));
    } else if has(".flake8") || all.contains("flake8") {
        lints.push(tool("flake8", "flake8~=7.2", "flake8 ."));
    } else if all.contains("pylint") || has(".pylintrc") {
        lints.push(tool("pylint", "pylint~=3.3", "pylint --recursive=y ."));
    }
    if has("mypy.ini") || all.contains("mypy") {
        lints.push(tool("mypy", "mypy~=1.16", "mypy ."));
    }
    part.lint = (!lints.is_empty()).then(|| lints.join("\n"));
    let folders = files.paths().iter().any(|path| {
        path.starts_with(&format!("{at}tests/")) || path.starts_with(&format!("{at}test/"))
    });
    if has("manage.py") && !all.contains("pytest") {
        part.test = Some(format!("{run}python manage.py test"));
    } else if unknown || folders || all.contains("pytest") {
        let test = tool("pytest", "pytest~=8.4", "pytest --junitxml=test-results/junit.xml");
        let measured = if all.contains("pytest-cov") {
            String::new()
        } else if bare {
            "python -m pip install \"pytest-cov~=6.2\"\n".to_owned()
        } else if run.starts_with("uv") {
            "uv pip install \"pytest-cov~=6.2\"\n".to_owned()
        } else {
            format!("{run}pip install \"pytest-cov~=6.2\"\n")
        };
        part.coverage = Some((
            format!("{measured}{test} --cov --cov-report=term --cov-report=xml"),
            ("coverage.xml".to_owned(), "cobertura"),
        ));
        part.test = Some(test);
        part.report = Some("test-results/junit.xml".to_owned());
    } else if has("tox.ini") {
        part.test = Some("python -m pip install \"tox~=4.27\"\ntox".to_owned());
    } else if has("noxfile.py") {
        part.test = Some("python -m pip install \"nox~=2025.5\"\nnox".to_owned());
    }
    if unknown || project.contains("[build-system]") || has("setup.py") {
        part.build = Some("python -m pip install \"build~=1.2\"\npython -m build".to_owned());
        part.output = vec!["dist".to_owned()];
    }
}
