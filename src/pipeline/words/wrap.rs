//! Programs that run other programs: `sudo`, `env`, `bash -c`, `npx`, `docker run`.
//! What a script calls is found behind them.

use super::shell::{self, Command, Options, Word, base_name};

/// How many wrappers may stand behind each other.
const DEPTH: usize = 8;

/// A wrapper and where the command begins behind it.
struct Wrapper {
    /// The program, then the words that must follow: `poetry run`.
    words: &'static str,
    /// Flags that take the next word.
    flags: &'static str,
    /// Words to pass over behind the flags: a duration, an environment's name.
    skip: usize,
}

const fn wrapper(words: &'static str, flags: &'static str, skip: usize) -> Wrapper {
    Wrapper { words, flags, skip }
}

const WRAPPERS: &[Wrapper] = &[
    wrapper("sudo", "-u -g -h -p -C -D -T --user --group", 0),
    wrapper("doas", "-u -C", 0),
    wrapper("env", "-u --unset -C --chdir", 0),
    wrapper("time", "-f -o --format --output", 0),
    wrapper("exec", "-a", 0),
    wrapper("nohup", "", 0),
    wrapper("command", "", 0),
    wrapper("builtin", "", 0),
    wrapper("eval", "", 0),
    wrapper("nice", "-n --adjustment", 0),
    wrapper("ionice", "-c -n", 0),
    wrapper("stdbuf", "-i -o -e", 0),
    wrapper("unbuffer", "", 0),
    wrapper("chronic", "", 0),
    wrapper("setarch", "", 1),
    wrapper("linux32", "", 0),
    wrapper("arch", "", 0),
    wrapper("timeout", "-k -s --kill-after --signal", 1),
    wrapper("retry", "-t -d -n --times --delay --tries --until", 0),
    wrapper("travis_retry", "", 0),
    wrapper("xvfb-run", "-s -n -e -f -p -w --server-args --server-num --error-file", 0),
    wrapper("dbus-run-session", "", 0),
    wrapper("xargs", "-n -I -P -L -d -a -s -E --max-args --max-procs --delimiter --replace", 0),
    wrapper("npx", "-p --package -c --call", 0),
    wrapper("bunx", "", 0),
    wrapper("pnpx", "", 0),
    wrapper("pnpm exec", "", 0),
    wrapper("pnpm dlx", "--package", 0),
    wrapper("yarn exec", "", 0),
    wrapper("yarn dlx", "-p --package", 0),
    wrapper("npm exec", "-p --package", 0),
    wrapper("npm x", "-p --package", 0),
    wrapper("bun x", "", 0),
    wrapper("poetry run", "-C --directory", 0),
    wrapper("pipenv run", "", 0),
    wrapper("pdm run", "", 0),
    wrapper("hatch run", "", 0),
    wrapper("rye run", "", 0),
    wrapper("pixi run", "-e --environment --manifest-path", 0),
    wrapper(
        "uv run",
        "-p --python --with --with-editable --with-requirements --extra --group --only-group \
         --package --project --directory --env-file --index-url --isolated-python",
        0,
    ),
    wrapper("uvx", "-p --python --from --with --index-url", 0),
    wrapper("uv tool run", "-p --python --from --with", 0),
    wrapper("pipx run", "--spec --python --pip-args --index-url", 0),
    wrapper("bundle exec", "", 0),
    wrapper("rbenv exec", "", 0),
    wrapper("mise exec", "", 0),
    wrapper("mise x", "", 0),
    wrapper("asdf exec", "", 0),
    wrapper("conda run", "-n --name -p --prefix", 0),
    wrapper("mamba run", "-n --name -p --prefix", 0),
    wrapper("micromamba run", "-n --name -p --prefix", 0),
    wrapper("composer exec", "", 0),
    wrapper("symfony", "", 0),
    wrapper("op run", "--env-file", 0),
    wrapper("doppler run", "-p -c -t --project --config --token", 0),
    wrapper("infisical run", "--env --path --token --projectId", 0),
    wrapper("aws-vault exec", "-d --duration --region", 1),
    wrapper("chamber exec", "", 1),
    wrapper("dotenv", "-e -f", 0),
    wrapper("dotenvx run", "-f", 0),
    wrapper("cross-env", "", 0),
    wrapper("cross-env-shell", "", 0),
    wrapper("ccache", "", 0),
    wrapper("catchsegv", "", 0),
    wrapper("dotnet tool run", "", 0),
    wrapper("bazelisk", "", 0),
    wrapper("php", "-d -c", 0),
    wrapper("winpty", "", 0),
    wrapper("Start-Process", "", 0),
    wrapper("cmd", "", 0),
    wrapper("docker compose run", "-e -u -v -w -p --name --entrypoint --user --volume --env", 1),
    wrapper("docker compose exec", "-e -u -w --index --user --env", 1),
    wrapper("docker-compose run", "-e -u -v -w -p --name --entrypoint --user --volume --env", 1),
    wrapper("docker-compose exec", "-e -u -w --index --user --env", 1),
    wrapper("docker exec", "-e -u -w --env --user --workdir --env-file", 1),
    wrapper("podman exec", "-e -u -w --env --user --workdir", 1),
];

/// Flags of `docker run` that take the next word.
pub const RUN_FLAGS: &str = "-a -c -e -h -l -m -p -u -v -w --add-host --annotation --blkio-weight \
     --cap-add --cap-drop --cgroup-parent --cgroupns --cidfile --cpu-shares --cpus --cpuset-cpus \
     --device --dns --entrypoint --env --env-file --expose --gpus --group-add --health-cmd \
     --hostname --ip --ipc --isolation --label --label-file --link --log-driver --log-opt --memory \
     --memory-swap --mount --name --net --network --network-alias --pid --pids-limit --platform \
     --publish --pull --restart --runtime --security-opt --shm-size --stop-signal --sysctl --tmpfs \
     --ulimit --user --userns --uts --volume --volumes-from --workdir";

/// The commands that a command comes to: itself, or what stands behind its wrappers.
/// `docker run IMAGE cmd` yields both.
pub fn unwrap(command: Command, text: &str, options: Options) -> Vec<Command> {
    let mut out = Vec::new();
    peel(command, text, options, 0, &mut out);
    out
}

fn peel(mut command: Command, text: &str, options: Options, depth: usize, out: &mut Vec<Command>) {
    let mut left = DEPTH.saturating_sub(depth);
    while left > 0 {
        left -= 1;
        drop_assignments(&mut command);
        let program = command.program().to_owned();
        if matches!(
            program.as_str(),
            "bash" | "sh" | "zsh" | "dash" | "ksh" | "ash" | "pwsh" | "powershell"
        ) {
            return interpreter(command, text, options, depth, out);
        }
        if matches!(program.as_str(), "docker" | "podman" | "nerdctl")
            && command.words.get(1).is_some_and(|word| word.text == "run")
        {
            return container(command, text, options, depth, out);
        }
        if matches!(program.as_str(), "concurrently" | "npm-run-all" | "run-s" | "run-p") {
            return several(command, options, depth, out);
        }
        if is_python(&program) {
            match command.words.get(1).map(|word| word.text.as_str()) {
                Some("-m") => {
                    command.words.drain(..2);
                    continue;
                }
                Some("-u" | "-B" | "-I" | "-E" | "-s") if command.words.len() > 2 => {
                    command.words.remove(1);
                    continue;
                }
                _ => break,
            }
        }
        if program == "go" && command.words.get(1).is_some_and(|word| word.text == "run") {
            let at = command.words.iter().position(|word| word.text.contains('@'));
            if let Some(at) = at {
                command.words.drain(..at);
                if let Some(word) = command.words.first_mut() {
                    let path = word.text.split('@').next().unwrap_or("");
                    word.text = base_name(path).to_owned();
                }
                continue;
            }
            break;
        }
        if program == "find" {
            let found = command
                .words
                .iter()
                .position(|word| matches!(word.text.as_str(), "-exec" | "-execdir" | "-ok"));
            if let Some(at) = found.filter(|at| at + 1 < command.words.len()) {
                command.words.drain(..=at);
                continue;
            }
            break;
        }
        let Some(begin) = WRAPPERS.iter().find_map(|wrapper| behind(wrapper, &command.words))
        else {
            break;
        };
        let Some(word) = command.words.get(begin) else { break };
        if program == "npx" || program == "eval" || program == "cmd" {
            // `npx "tsc --noEmit"`: the words may be one.
            let quoted = word.quoted && word.text.contains(' ');
            if quoted {
                let inner = word.text.clone();
                return nested(&inner, &command, options, depth, out);
            }
        }
        command.words.drain(..begin);
        if let Some(word) = command.words.first_mut()
            && let Some((name, version)) = word.text.rsplit_once('@')
            && !name.is_empty()
            && !version.contains('/')
        {
            // `npx eslint@9`
            word.text = name.to_owned();
        }
    }
    drop_assignments(&mut command);
    if !command.words.is_empty() || !command.assigns.is_empty() {
        out.push(command);
    }
}

fn is_python(program: &str) -> bool {
    let rest = program.strip_prefix("python").or_else(|| program.strip_prefix("pypy"));
    let versioned = rest.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
    versioned || program == "py" || program == "coverage-python"
}

fn drop_assignments(command: &mut Command) {
    while let Some(word) = command.words.first()
        && let Some((name, value)) = word.text.split_once('=')
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        command.assigns.push((name.to_owned(), value.to_owned()));
        command.words.remove(0);
    }
}

/// Where the command begins behind this wrapper, if that is what the words are.
fn behind(wrapper: &Wrapper, words: &[Word]) -> Option<usize> {
    let mut expected = wrapper.words.split(' ');
    let first = words.first()?;
    let program = expected.next()?;
    if base_name(&first.text) != program || first.text.contains('$') {
        return None;
    }
    let mut at = 1;
    for word in expected {
        if words.get(at)?.text != word {
            return None;
        }
        at += 1;
    }
    let takes = |flag: &str| wrapper.flags.split_ascii_whitespace().any(|known| known == flag);
    while let Some(word) = words.get(at) {
        let text = word.text.as_str();
        if text == "--" {
            at += 1;
            break;
        }
        if program == "cmd" && text.starts_with('/') {
            at += 1;
        } else if text.starts_with('-') && text.len() > 1 {
            at += if takes(text) { 2 } else { 1 };
        } else if program == "retry" && text.bytes().all(|byte| byte.is_ascii_digit()) {
            at += 1;
        } else {
            break;
        }
    }
    at += wrapper.skip;
    if words.get(at).is_some_and(|word| word.text == "--") {
        at += 1;
    }
    (at < words.len()).then_some(at)
}

/// `bash -c 'text'`, `bash file args`, `bash <<EOF`.
fn interpreter(
    mut command: Command,
    text: &str,
    options: Options,
    depth: usize,
    out: &mut Vec<Command>,
) {
    let mut at = 1;
    while let Some(word) = command.words.get(at) {
        let flag = word.text.as_str();
        let long = matches!(flag.to_ascii_lowercase().as_str(), "-command" | "-encodedcommand");
        let runs =
            long || (flag.starts_with('-') && !flag.starts_with("--") && flag.ends_with('c'));
        if runs {
            let Some(script) = command.words.get(at + 1) else { break };
            let inner = script.text.clone();
            return nested(&inner, &command, options, depth, out);
        }
        match flag.to_ascii_lowercase().as_str() {
            "-o" | "-executionpolicy" | "+o" | "--rcfile" => at += 2,
            "-file" | "-f" => {
                at += 1;
                break;
            }
            _ if flag.starts_with(['-', '+']) => at += 1,
            _ => break,
        }
    }
    if command.words.len() > at {
        command.words.drain(..at);
        if let Some(word) = command.words.first_mut()
            && !word.text.contains(['/', '\\', '$', '<'])
        {
            word.text.insert_str(0, "./");
        }
    } else if let Some(body) = command.heredoc.clone().and_then(|range| text.get(range)) {
        let inner = body.to_owned();
        return nested(&inner, &command, options, depth, out);
    }
    out.push(command);
}

fn nested(inner: &str, outer: &Command, options: Options, depth: usize, out: &mut Vec<Command>) {
    if depth >= 3 {
        out.push(outer.clone());
        return;
    }
    for mut command in shell::scan(inner, options) {
        command.span = outer.span.clone();
        command.tolerated |= outer.tolerated;
        command.condition |= outer.condition;
        command.nested |= outer.nested;
        command.piped |= outer.piped;
        command.image = command.image.or_else(|| outer.image.clone());
        // Bytes of the inner text are none of the script's.
        command.heredoc = None;
        for word in &mut command.words {
            word.span = outer.span.clone();
        }
        peel(command, inner, options, depth + 1, out);
    }
}

/// `docker run … image cmd`.
fn container(command: Command, text: &str, options: Options, depth: usize, out: &mut Vec<Command>) {
    let image = image_of_run(&command);
    let inside = image.and_then(|at| {
        let image = command.words.get(at)?.text.clone();
        let entry = command.words.iter().take(at).position(|word| word.text == "--entrypoint");
        let joined =
            command.words.iter().take(at).find_map(|word| word.text.strip_prefix("--entrypoint="));
        let entry = joined.map(str::to_owned).or_else(|| {
            entry.and_then(|place| command.words.get(place + 1)).map(|word| word.text.clone())
        });
        let mut words: Vec<Word> = command.words.get(at + 1..)?.to_vec();
        match entry.filter(|entry| !entry.is_empty()) {
            Some(entry) => words.insert(0, Word { text: entry, ..Word::default() }),
            // An image that is a tool takes its arguments: `aquasec/trivy image x`.
            None => {
                if let Some(tool) = tool_of_image(&image)
                    && words.first().is_none_or(|word| word.text != tool)
                {
                    words.insert(0, Word { text: tool.to_owned(), ..Word::default() });
                }
            }
        }
        Some((image, words))
    });
    out.push(command.clone());
    if let Some((image, words)) = inside
        && !words.is_empty()
        && depth < DEPTH
    {
        let inner = Command { words, image: Some(image), heredoc: None, ..command };
        peel(inner, text, options, depth + 1, out);
    }
}

/// The place of the image among the words of `docker run`.
pub fn image_of_run(command: &Command) -> Option<usize> {
    let mut at = 2;
    while let Some(word) = command.words.get(at) {
        let text = word.text.as_str();
        if !text.starts_with('-') {
            return Some(at);
        }
        let takes = RUN_FLAGS.split_ascii_whitespace().any(|flag| flag == text)
            // `-it`, `-itv path`: the last of joined short flags.
            || (!text.starts_with("--") && text.len() > 2 && text.ends_with(['v', 'e', 'w', 'p', 'u'])
                && text.bytes().skip(1).all(|byte| byte.is_ascii_lowercase()));
        at += if takes { 2 } else { 1 };
    }
    None
}

/// The program that an image of a known tool starts.
fn tool_of_image(image: &str) -> Option<&'static str> {
    let name = image.split(['@', ' ']).next().unwrap_or(image);
    let last = name.rsplit('/').next().unwrap_or(name);
    let last = last.split(':').next().unwrap_or(last);
    const TOOLS: &[(&str, &str)] = &[
        ("trivy", "trivy"),
        ("grype", "grype"),
        ("snyk", "snyk"),
        ("semgrep", "semgrep"),
        ("gitleaks", "gitleaks"),
        ("trufflehog", "trufflehog"),
        ("checkov", "checkov"),
        ("tfsec", "tfsec"),
        ("kics", "kics"),
        ("hadolint", "hadolint"),
        ("golangci-lint", "golangci-lint"),
        ("nikto", "nikto"),
        ("nuclei", "nuclei"),
        ("sonar-scanner-cli", "sonar-scanner"),
        ("dependency-check", "dependency-check"),
        ("terraform", "terraform"),
        ("helm", "helm"),
        ("kubectl", "kubectl"),
        ("shellcheck", "shellcheck"),
        ("executor", "/kaniko/executor"),
    ];
    // An image of a language or of Maven has a shell's command line, not a tool's.
    TOOLS.iter().find(|(known, _)| *known == last).map(|(_, tool)| *tool)
}

/// `concurrently "a" "b"`, `npm-run-all lint test`.
fn several(command: Command, options: Options, depth: usize, out: &mut Vec<Command>) {
    let scripts = command.program() != "concurrently";
    for word in command.words.iter().skip(1).filter(|word| !word.text.starts_with('-')) {
        let script = scripts || word.text.starts_with("npm:");
        let name = word.text.strip_prefix("npm:").unwrap_or(&word.text);
        let inner = if script { format!("npm run {name}") } else { name.to_owned() };
        nested(&inner, &command, options, depth, out);
    }
}
