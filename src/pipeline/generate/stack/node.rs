//! What a package of Node.js shows.

use super::super::super::Files;
use super::language::{PartOf, number, set_lock, short};
use super::script::Package;
use crate::pipeline::words::Manager;

pub(super) fn node(files: &dyn Files, at: &str, part: &mut PartOf) {
    let package = Package::read(files, at);
    let known = package.is_some();
    let locked = set_lock(
        files,
        at,
        part,
        &[
            ("pnpm-lock.yaml", Manager::Pnpm),
            ("yarn.lock", Manager::Yarn),
            ("bun.lock", Manager::Bun),
            ("bun.lockb", Manager::Bun),
            ("package-lock.json", Manager::Npm),
            ("npm-shrinkwrap.json", Manager::Npm),
        ],
    );
    let named = package.as_ref().and_then(|package| package.top("packageManager"));
    if !locked {
        part.manager = Some(match named.and_then(|name| name.split('@').next()) {
            Some("pnpm") => Manager::Pnpm,
            Some("yarn") => Manager::Yarn,
            _ => Manager::Npm,
        });
        if known {
            part.assumed.push(format!(
                "There is no lockfile beside `{at}package.json`, so dependencies are neither fixed nor cached; commit one"
            ));
        } else {
            part.lockfile = Some(format!("{at}package-lock.json"));
            part.assumed.push(
                "Assumed: npm with a `package-lock.json`, and the scripts `lint`, `test` and `build` in `package.json`"
                    .to_owned(),
            );
        }
    }
    let fixed = part.lockfile.is_some();
    let (install, start) = match part.manager {
        Some(Manager::Pnpm) => {
            (if fixed { "pnpm install --frozen-lockfile" } else { "pnpm install" }, "pnpm run")
        }
        Some(Manager::Yarn) => {
            let modern = named
                .is_some_and(|name| name.starts_with("yarn@") && !name.starts_with("yarn@1"))
                || files.exists(&format!("{at}.yarnrc.yml"));
            (
                if modern {
                    "corepack enable\nyarn install --immutable"
                } else {
                    "yarn install --frozen-lockfile"
                },
                "yarn run",
            )
        }
        Some(Manager::Bun) => ("bun install --frozen-lockfile", "bun run"),
        _ => (if fixed { "npm ci" } else { "npm install" }, "npm run"),
    };
    part.install = install.to_owned();
    let nvmrc =
        files.read(&format!("{at}.nvmrc")).or_else(|| files.read(&format!("{at}.node-version")));
    part.version =
        nvmrc.and_then(|text| number(&text)).map(|version| short(&version, 2)).or_else(|| {
            let engines = package.as_ref()?.text("engines", "node")?;
            number(engines).map(|version| short(&version, 1))
        });
    let script = |name: &str| package.as_ref().and_then(|package| package.script(name));
    let has = |name: &str| !known || script(name).is_some();
    if has("lint") {
        part.lint = Some(format!("{start} lint"));
    } else if [
        "eslint.config.js",
        "eslint.config.mjs",
        ".eslintrc.json",
        ".eslintrc.js",
        ".eslintrc.cjs",
    ]
    .iter()
    .any(|name| files.exists(&format!("{at}{name}")))
    {
        part.lint = Some("npx --no-install eslint .".to_owned());
    }
    if known {
        for check in ["typecheck", "type-check"] {
            if script(check).is_some() {
                let so_far = part.lint.take().map(|lint| format!("{lint}\n")).unwrap_or_default();
                part.lint = Some(format!("{so_far}{start} {check}"));
            }
        }
    }
    if has("test") && script("test").is_none_or(|text| !text.contains("no test specified")) {
        // Arguments of a script follow `--` under npm alone.
        let dashes = if matches!(part.manager, Some(Manager::Npm) | None) { " --" } else { "" };
        let uses = |tool: &str| script("test").is_some_and(|text| text.contains(tool));
        let mut test = format!("{start} test");
        let mut coverage = None;
        if uses("vitest") {
            test.push_str(&format!(
                "{dashes} --run --reporter=default --reporter=junit --outputFile=test-results/junit.xml"
            ));
            part.report = Some("test-results/junit.xml".to_owned());
            coverage = Some((
                format!(
                    "{test} --coverage.enabled --coverage.reporter=text --coverage.reporter=cobertura"
                ),
                ("coverage/cobertura-coverage.xml".to_owned(), "cobertura"),
            ));
        } else if uses("jest") {
            let junit = package.as_ref().is_some_and(|package| package.depends("jest-junit"));
            test.push_str(&format!("{dashes} --ci"));
            if junit {
                test.push_str(" --reporters=default --reporters=jest-junit");
                part.report = Some("junit.xml".to_owned());
            }
            coverage = Some((
                format!("{test} --coverage --coverageReporters=text --coverageReporters=cobertura"),
                ("coverage/cobertura-coverage.xml".to_owned(), "cobertura"),
            ));
        }
        for name in ["test:coverage", "coverage", "test:cov"] {
            if script(name).is_some() {
                coverage =
                    Some((format!("{start} {name}"), ("coverage/lcov.info".to_owned(), "lcov")));
            }
        }
        part.test = Some(test);
        part.coverage = coverage;
    }
    for name in ["test:e2e", "e2e", "test:integration"] {
        if part.end_to_end.is_none() && script(name).is_some() {
            let browsers =
                package.as_ref().is_some_and(|package| package.depends("@playwright/test"));
            let browsers =
                if browsers { "npx --no-install playwright install --with-deps\n" } else { "" };
            part.end_to_end = Some(format!("{browsers}{start} {name}"));
        }
    }
    if has("build") {
        part.build = Some(format!("{start} build"));
        let next = package.as_ref().is_some_and(|package| package.depends("next"));
        let scripts = package.as_ref().is_some_and(|package| package.depends("react-scripts"));
        part.output = vec![
            if next {
                ".next"
            } else if scripts {
                "build"
            } else {
                "dist"
            }
            .to_owned(),
        ];
    }
    if package.as_ref().is_some_and(|package| package.has("workspaces")) {
        part.assumed.push(
            "Workspaces are linted, tested and built by the scripts of the top `package.json`"
                .to_owned(),
        );
    }
}
