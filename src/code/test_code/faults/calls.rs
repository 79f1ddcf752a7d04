//! Uses of time, chance, networks, processes, surroundings and files.

use tree_sitter::Node;

use super::tables::{Row, rows};
use super::{Scene, fakes};
use crate::code::language::Language;
use crate::code::test_code::source::{Chain, Code, Reading, is_string, line_of, nodes_in};
use crate::code::test_code::{Fault, FaultKind};

pub(super) fn find(code: &Code<'_>, scene: &Scene<'_>, found: &mut Vec<Fault>) {
    let rows = rows(code.language);
    let mut faked: Vec<(FaultKind, bool)> = Vec::new();
    let mut add = |kind: FaultKind, at: usize, what: &str| {
        let known = faked.iter().find(|(one, _)| *one == kind).map(|(_, is)| *is);
        let is_faked = known.unwrap_or_else(|| {
            let is_faked = fakes::is_faked(code, scene, kind);
            faked.push((kind, is_faked));
            is_faked
        });
        if !is_faked {
            found.push(Fault { kind, line: code.line_at(at), why: why(kind, what) });
        }
    };
    for reading in &scene.readings {
        for chain in &reading.chains {
            let kind = rows.iter().find(|row| fits(code, chain, row)).map(|(_, kind)| *kind);
            let kind = kind
                .or_else(|| by_form(code, reading, chain))
                .or_else(|| file(code, reading, chain));
            let Some(kind) = kind else { continue };
            if !is_allowed(code, reading, chain, kind) {
                add(kind, chain.at, &chain.path.replace("().", ""));
            }
        }
    }
    strings(code, scene, &mut add);
}

fn why(kind: FaultKind, what: &str) -> String {
    let end = match kind {
        FaultKind::Sleep => "waits for time to pass; wait for the event itself, or fake the clock",
        FaultKind::Network => "uses the network; give the code a fake in its place",
        FaultKind::Clock => "reads the clock; give the code a fixed time",
        FaultKind::Random => "draws without a seed; use fixed values, or a seed",
        FaultKind::Process => "starts or ends a process; call the code itself",
        FaultKind::Environment => {
            "reads or changes what surrounds the process; give the code its values"
        }
        FaultKind::Files if what.ends_with("Snapshot") => {
            "compares with a file that is not there yet; assert the value itself"
        }
        FaultKind::Files => "works at a place of its own choice; use a temporary folder",
        _ => "bars the test",
    };
    format!("`{what}` {end}.")
}

/// Whether a dotted name is what a row means.
fn fits(code: &Code<'_>, chain: &Chain, (pattern, _): &Row) -> bool {
    let path = chain.path.as_str();
    if let Some(end) = pattern.strip_prefix('~') {
        if let Some(lead) = end.strip_suffix(".*") {
            return path.starts_with(lead) || path.contains(&format!(".{lead}."));
        }
        let rest = path.strip_suffix(end);
        return rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.') && rest != "().");
    }
    let (wanted, must_bind) = match pattern.strip_prefix(':') {
        Some(name) => (name, false),
        None => (*pattern, !pattern.starts_with("()")),
    };
    if chain.is_bound != must_bind {
        return false;
    }
    let path = if must_bind {
        path
    } else {
        let globals = ["globalThis.", "window.", "global.", "self."];
        globals.iter().find_map(|lead| path.strip_prefix(lead)).unwrap_or(path)
    };
    let fits = match wanted.strip_suffix(".*") {
        Some(lead) => path.strip_prefix(lead).is_some_and(|rest| rest.starts_with('.')),
        None => path == wanted || wanted == "os.environ" && path.starts_with("os.environ."),
    };
    fits && (must_bind || !code.definitions.iter().any(|one| one.name == path))
}

/// What only its form tells: `new Date()`, `LocalDate.now()`, `new Random()`.
fn by_form(code: &Code<'_>, reading: &Reading<'_>, chain: &Chain) -> Option<FaultKind> {
    let is_new = reading.before(chain).is_some_and(|leaf| code.str(leaf) == "new");
    let arguments = reading.arguments(code, chain);
    let is_empty = arguments.as_ref().is_some_and(|range| range.is_empty());
    let is_bare = arguments.as_ref().is_none_or(|range| range.is_empty());
    let last = chain.path.rsplit('.').next().unwrap_or_default();
    match code.language {
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            let is_date = chain.path == "Date" && !chain.is_bound;
            let bare = is_new && arguments.is_none();
            (is_date && (is_empty || bare)).then_some(FaultKind::Clock)
        }
        Language::Java => match last {
            "Date" | "GregorianCalendar" if is_new && is_empty => Some(FaultKind::Clock),
            "Random" | "SplittableRandom" if is_new && is_empty => Some(FaultKind::Random),
            "now" if is_empty && chain.head.starts_with(char::is_uppercase) => {
                Some(FaultKind::Clock)
            }
            "shuffle" if chain.path.ends_with("Collections.shuffle") => {
                let commas = reading
                    .leaves
                    .get(arguments?)?
                    .iter()
                    .filter(|leaf| code.str(**leaf) == ",")
                    .count();
                (commas == 0).then_some(FaultKind::Random)
            }
            _ => None,
        },
        Language::Php => match last {
            "DateTime" | "DateTimeImmutable" if is_new && (is_empty || arguments.is_none()) => {
                Some(FaultKind::Clock)
            }
            _ => None,
        },
        Language::Ruby => match last {
            "shuffle" | "sample" if chain.path.contains('.') && is_bare => Some(FaultKind::Random),
            "new" if chain.path == "Random.new" && is_bare => Some(FaultKind::Random),
            _ => None,
        },
        _ => None,
    }
}

/// Functions that write, remove or open files.
fn file(code: &Code<'_>, reading: &Reading<'_>, chain: &Chain) -> Option<FaultKind> {
    const WRITES: &[&str] = &[
        // Python
        "os.remove",
        "os.unlink",
        "os.rmdir",
        "os.mkdir",
        "os.makedirs",
        "os.rename",
        "shutil.rmtree",
        "shutil.copy",
        "shutil.move",
        "shutil.copytree",
        // scripts
        "fs.writeFileSync",
        "fs.writeFile",
        "fs.appendFileSync",
        "fs.appendFile",
        "fs.rmSync",
        "fs.rm",
        "fs.unlinkSync",
        "fs.unlink",
        "fs.mkdirSync",
        "fs.mkdir",
        "fs.createWriteStream",
        "fs.renameSync",
        "fs.promises.writeFile",
        "fs/promises.writeFile",
        "fs/promises.rm",
        "fs/promises.mkdir",
        "fs/promises.unlink",
        // Go
        "os.WriteFile",
        "os.Create",
        "os.OpenFile",
        "os.Remove",
        "os.RemoveAll",
        "os.Mkdir",
        "os.MkdirAll",
        "os.Rename",
        "io/ioutil.WriteFile",
    ];
    const ENDS: &[&str] = &[
        // Rust
        "fs.write",
        "File.create",
        "fs.remove_file",
        "fs.remove_dir_all",
        "fs.create_dir",
        "fs.create_dir_all",
        "fs.rename",
        "fs.copy",
        // Java
        "FileWriter",
        "FileOutputStream",
        "PrintWriter",
        "Files.write",
        "Files.writeString",
        "Files.createFile",
        "Files.createDirectory",
        "Files.createDirectories",
        "Files.delete",
        "Files.deleteIfExists",
        // Ruby
        "File.write",
        "File.delete",
        "FileUtils.rm_rf",
        "FileUtils.mkdir_p",
    ];
    const PHP: &[&str] =
        &["file_put_contents", "unlink", "mkdir", "rmdir", "rename", "touch", "fopen"];
    let path = chain.path.as_str();
    let is_write = match code.language {
        Language::Rust | Language::Java | Language::Ruby => ENDS.iter().any(|end| {
            path.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        }),
        Language::Php => PHP.contains(&path),
        _ => WRITES.contains(&path) && chain.is_bound,
    };
    let arguments = reading.arguments(code, chain)?;
    let leaves = reading.leaves.get(arguments.clone())?;
    let first = literal(code, leaves);
    if is_write {
        return first.map(|_| FaultKind::Files);
    }
    let is_open = path == "open" && !chain.is_bound && code.language == Language::Python;
    if is_open {
        let writes = leaves.iter().any(|leaf| {
            matches!(code.str(*leaf), "w" | "a" | "x" | "wb" | "ab" | "w+" | "a+" | "xb")
        });
        let first = first?;
        return (writes || is_absolute(first)).then_some(FaultKind::Files);
    }
    if path == "pathlib.Path" {
        let first = first?;
        let end = arguments.end;
        let next = |at: usize| {
            reading.leaves.get(end + at).map(|leaf| code.str(*leaf)).unwrap_or_default()
        };
        let does = ["write_text", "write_bytes", "unlink", "mkdir", "touch", "rmdir", "rename"];
        let reads = ["read_text", "read_bytes", "open"];
        let is_write = next(1) == "." && does.contains(&next(2));
        let is_read = next(1) == "." && reads.contains(&next(2)) && is_absolute(first);
        return (is_write || is_read).then_some(FaultKind::Files);
    }
    None
}

/// The text that a first argument is, or that is all its call is given.
fn literal<'t>(code: &Code<'t>, leaves: &[Node<'t>]) -> Option<&'t str> {
    let mut depth = 0i32;
    let mut found = None;
    for leaf in leaves {
        let text = code.str(*leaf);
        match text {
            "(" => depth += 1,
            ")" => depth -= 1,
            "," if depth == 0 => break,
            _ => {}
        }
        let is_text =
            leaf.kind().contains("content") || leaf.kind().contains("fragment") || is_string(*leaf);
        if is_text && found.is_none() {
            found = Some(text.trim_matches(['"', '\'', '`']));
        }
        // A place that something else gives: a temporary folder joined with a name.
        let is_path = matches!(
            text,
            "Path" | "Paths" | "of" | "get" | "File" | "new" | "PathBuf" | "from" | "java" | "nio"
        );
        let is_name =
            leaf.kind().ends_with("identifier") || matches!(leaf.kind(), "name" | "constant");
        if is_name && !is_path {
            return None;
        }
    }
    found
}

fn is_absolute(path: &str) -> bool {
    path.starts_with(['/', '~']) || path.contains("..") || path.get(1..3) == Some(":\\")
}

/// Uses that harm nothing: seeds, settings, what is set and not read.
fn is_allowed(code: &Code<'_>, reading: &Reading<'_>, chain: &Chain, kind: FaultKind) -> bool {
    let next = reading.next(chain).map(|leaf| code.str(leaf)).unwrap_or_default();
    let before = reading.before(chain).map(|leaf| code.str(leaf)).unwrap_or_default();
    let arguments = reading.arguments(code, chain);
    let given =
        arguments.as_ref().and_then(|range| reading.leaves.get(range.clone())).unwrap_or_default();
    let is_given = !given.is_empty();
    let last = chain.path.rsplit('.').next().unwrap_or_default();
    // Replaced, or taken away, by the test itself.
    if next == "=" && code.is_script() || before == "delete" || before == "typeof" {
        return true;
    }
    if code.is_script() && chain.is_bound && fakes::is_mocked_module(code, &chain.path) {
        return true;
    }
    match (code.language, kind) {
        (Language::Python, FaultKind::Random) => {
            let seeded = matches!(
                last,
                "Random"
                    | "RandomState"
                    | "default_rng"
                    | "seed"
                    | "Generator"
                    | "PCG64"
                    | "SeedSequence"
                    | "MT19937"
                    | "Philox"
            );
            // A module, a type of numbers made elsewhere.
            seeded && (is_given || next != "(")
                || matches!(chain.path.as_str(), "random" | "numpy.random")
        }
        (Language::Python, FaultKind::Sleep) => given.len() == 1 && code.str(given[0]) == "0",
        (Language::Python, FaultKind::Network) => {
            let text: String = given.iter().map(|leaf| code.str(*leaf)).collect();
            matches!(last, "Client" | "AsyncClient")
                && (text.contains("transport=") || text.contains("app="))
        }
        (Language::Python, FaultKind::Environment) => {
            // `patch.dict(os.environ, …)`, `monkeypatch.setitem(os.environ, …)`.
            before == "(" && next == "," || last == "copy"
        }
        (Language::Python, FaultKind::Clock) => {
            matches!(last, "localtime" | "gmtime" | "ctime") && is_given
        }
        (Language::Go, FaultKind::Random) => {
            let makes = matches!(
                last,
                "New"
                    | "NewSource"
                    | "NewPCG"
                    | "NewChaCha8"
                    | "NewZipf"
                    | "Seed"
                    | "Rand"
                    | "Source"
                    | "Source64"
            );
            makes && !chain.path.starts_with("crypto/")
        }
        (Language::Go, FaultKind::Network) => last == "Dialer" && next != "{",
        (Language::Go, FaultKind::Process) => {
            chain.path.starts_with("syscall.")
                && !matches!(last, "Exec" | "Kill" | "Exit" | "ForkExec" | "StartProcess")
        }
        (Language::Java, FaultKind::Random) => last == "SecureRandom" && before != "new",
        (Language::Java, FaultKind::Network) => {
            let is_type = matches!(
                last,
                "Socket"
                    | "ServerSocket"
                    | "DatagramSocket"
                    | "RestTemplate"
                    | "TestRestTemplate"
                    | "OkHttpClient"
                    | "MockWebServer"
                    | "WireMockServer"
            );
            is_type && before != "new"
        }
        (Language::Java, FaultKind::Process) => last == "ProcessBuilder" && before != "new",
        (Language::Rust, FaultKind::Random) => last == "OsRng" && before == "use",
        (_, FaultKind::Sleep) if code.is_script() => {
            // The next turn of the loop is no wait.
            matches!(given, [.., comma, zero] if code.str(*comma) == "," && code.str(*zero) == "0")
                || before == "(" && next == ","
        }
        (_, FaultKind::Network) if code.is_script() => {
            // `fetch.mockResolvedValue(…)` is another name; a mere mention is no use.
            next != "(" && before != "new" && !chain.path.contains('.')
        }
        (_, FaultKind::Random) if code.is_script() => last == "seed" && is_given,
        _ => false,
    }
}

/// Places in the machine that are named.
fn strings(code: &Code<'_>, scene: &Scene<'_>, add: &mut dyn FnMut(FaultKind, usize, &str)) {
    for range in &scene.ranges {
        for node in nodes_in(code.root, range, &|node| is_string(node)) {
            let text = code.str(node);
            let inner = text
                .trim_start_matches(|c: char| c.is_alphabetic() || c == '#')
                .trim_matches(['"', '\'', '`']);
            if ["/proc/self", "/proc/1/", "/sys/class", "/dev/tcp", "/etc/shadow"]
                .iter()
                .any(|lead| inner.starts_with(lead))
                || inner == "/proc"
                || inner.starts_with("/proc/")
            {
                add(FaultKind::Environment, node.start_byte(), inner);
            }
        }
        if code.language == Language::Python {
            let is_exit = |node: Node<'_>| {
                node.kind() == "raise_statement"
                    && code
                        .str(node)
                        .trim_start_matches("raise")
                        .trim_start()
                        .starts_with("SystemExit")
            };
            for node in nodes_in(code.root, range, &is_exit) {
                add(FaultKind::Process, node.start_byte(), "SystemExit");
            }
        }
        if code.language == Language::Ruby {
            for node in nodes_in(code.root, range, &|node| node.kind() == "subshell") {
                let _ = line_of(node);
                add(FaultKind::Process, node.start_byte(), code.str(node));
            }
        }
        if code.language == Language::Php {
            let exits = |node: Node<'_>| {
                matches!(node.kind(), "exit_statement" | "shell_command_expression")
            };
            for node in nodes_in(code.root, range, &exits) {
                add(FaultKind::Process, node.start_byte(), "exit");
            }
        }
    }
}
