//! What honest code needs works.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use pipewright::sandbox::{Ended, Network};

use super::{World, have};

#[tokio::test]
async fn commands_end_as_they_do_outside() {
    for world in World::both().await {
        for (command, ended, output) in [
            ("true", Ended::Exited(0), ""),
            ("exit 7", Ended::Exited(7), ""),
            ("exit 255", Ended::Exited(255), ""),
            ("kill -TERM $$", Ended::Signalled(15), ""),
            ("kill -SEGV $$", Ended::Signalled(11), ""),
            ("echo a; echo b >&2; echo c; echo d >&2", Ended::Exited(0), "a\nb\nc\nd\n"),
            ("printf 'a\\377b'", Ended::Exited(0), "a\u{fffd}b"),
            ("cat; echo $?", Ended::Exited(0), "0\n"),
            ("echo x > f && cat f && rm f", Ended::Exited(0), "x\n"),
            ("echo \"$EXTRA\"", Ended::Exited(0), "a b\n"),
            ("sh -c 'sh -c \"exit 4\" &' ; wait; echo done", Ended::Exited(0), "done\n"),
            ("head -c 5 /dev/zero | wc -c; echo x > /dev/null", Ended::Exited(0), "5\n"),
            ("head -c 4 /dev/urandom | wc -c", Ended::Exited(0), "4\n"),
            ("test -t 0 || echo none", Ended::Exited(0), "none\n"),
            (
                "echo $HOME | grep -q / && touch $HOME/a $TMPDIR/b && echo ok",
                Ended::Exited(0),
                "ok\n",
            ),
            ("nosuchcommand 2>/dev/null", Ended::Exited(127), ""),
            ("ulimit -c", Ended::Exited(0), "0\n"),
            ("echo to >&2 | cat; echo /dev/fd/*1 | grep -c fd", Ended::Exited(0), "to\n1\n"),
        ] {
            let mut world =
                World { variables: world.variables.clone(), ..World::new(world.walls.files).await };
            world.variables.push(("EXTRA".to_owned(), "a b".to_owned()));
            let ran = world.run(command).await;
            assert_eq!((ran.ended, ran.output.as_str()), (ended, output), "{command}: {ran:?}");
        }
    }
}

#[tokio::test]
async fn it_starts_in_its_folder_with_its_variables_only() {
    for mut world in World::both().await {
        let folder = world.copy().join("a b/ü");
        fs::create_dir_all(&folder).unwrap();
        let ran = world.run_in(&folder, "pwd").await;
        assert_eq!(ran.output, format!("{}\n", fs::canonicalize(&folder).unwrap().display()));
        world.variables = vec![("ONE".to_owned(), "1".to_owned())];
        let ran = world.run("env | cut -d= -f1 | sort | grep -vE '^(_|PWD|OLDPWD|SHLVL)$'").await;
        let expect = if world.walls.files {
            "HOME\nONE\nPATH\nTMPDIR\n"
        } else {
            "HOME\nONE\nPATH\nPIPEWRIGHT_RUN\nTMPDIR\n"
        };
        assert_eq!(ran.output, expect);
    }
}

#[tokio::test]
async fn what_was_used_is_told() {
    if !have("python3") {
        return;
    }
    for world in World::both().await {
        let code = "import time\na = bytearray(120 << 20)\ne = time.process_time() + 0.4\n\
                    while time.process_time() < e: pass";
        fs::write(world.copy().join("use.py"), code).unwrap();
        let ran = world.run("python3 use.py").await;
        assert_eq!(ran.ended, Ended::Exited(0), "{ran:?}");
        let cpu = ran.cpu.unwrap();
        assert!(cpu >= Duration::from_millis(380) && cpu < Duration::from_secs(5), "{ran:?}");
        assert!(ran.wall >= Duration::from_millis(380), "{ran:?}");
        let peak = ran.peak_memory.unwrap();
        assert!((120 << 20..300 << 20).contains(&peak), "{ran:?}");
    }
}

#[tokio::test]
async fn a_test_with_a_server_of_its_own_works() {
    if !have("python3") {
        return;
    }
    for world in World::both().await {
        let code = r#"
import socket, threading, multiprocessing, tempfile
s = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=lambda: s.accept()[0].sendall(b"hello")).start()
print(socket.create_connection(s.getsockname()).recv(5))
u = socket.socket(socket.AF_UNIX); u.bind(tempfile.mkdtemp() + "/s"); u.listen()
c = socket.socket(socket.AF_UNIX); c.connect(u.getsockname())
with multiprocessing.Pool(3) as pool: print(pool.map(abs, [-1, -2]))
print(socket.gethostbyname("localhost"))
"#;
        fs::write(world.copy().join("serve.py"), code).unwrap();
        let ran = world.run("python3 serve.py").await;
        assert_eq!(ran.output, "b'hello'\n[1, 2]\n127.0.0.1\n", "{ran:?}");
    }
}

#[tokio::test]
async fn the_network_can_be_allowed() {
    let mut world = World::new(true).await;
    if !have("python3") {
        return;
    }
    world.network = Network::Host;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!("import socket; socket.create_connection(('127.0.0.1', {port}))");
    let ran = world.run(&format!("python3 -c \"{connect}\"")).await;
    assert_eq!(ran.ended, Ended::Exited(0), "{ran:?}");
}

#[tokio::test]
async fn python_and_node_tests_run() {
    for world in World::both().await {
        if have("python3") {
            fs::write(
                world.copy().join("test_a.py"),
                "import unittest\nclass T(unittest.TestCase):\n  def test_a(self): self.assertEqual(1, 1)\n",
            )
            .unwrap();
            let ran = world.run("python3 -m unittest -v test_a").await;
            assert!(ran.ended == Ended::Exited(0) && ran.output.contains("OK"), "{ran:?}");
        }
        if have("node") {
            fs::write(
                world.copy().join("a.test.mjs"),
                "import test from 'node:test'; import a from 'node:assert';\n\
                 test('a', () => a.equal(1, 1)); test('b', () => a.equal(1, 2));",
            )
            .unwrap();
            let ran = world.run("node --test a.test.mjs").await;
            assert_eq!(ran.ended, Ended::Exited(1), "{ran:?}");
            assert!(ran.output.contains("pass 1") && ran.output.contains("fail 1"), "{ran:?}");
        }
    }
}

#[tokio::test]
async fn a_cargo_project_builds_offline() {
    if !have("cargo") {
        return;
    }
    let home = std::env::home_dir().unwrap();
    let place = |name: &str, inner: &str| {
        std::env::var_os(name).map_or_else(|| home.join(inner), PathBuf::from)
    };
    for mut world in World::both().await {
        for (name, inner) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let path = place(name, inner);
            if path.is_dir() {
                world.readable.push(path.clone());
                world.variables.push((name.to_owned(), path.to_str().unwrap().to_owned()));
            }
        }
        world.limits.time = Duration::from_secs(120);
        world.limits.memory_bytes = 4 << 30;
        world.limits.disk_bytes = 1 << 30;
        world.limits.processes = 1000;
        let src = world.copy().join("src");
        fs::create_dir_all(&src).unwrap();
        // A package from the registry, where this crate's own builds keep it.
        fs::write(
            world.copy().join("Cargo.toml"),
            "[package]\nname = \"small\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
             [dependencies]\nunicode-width = { version = \"0.2\", default-features = false }\n",
        )
        .unwrap();
        fs::write(
            src.join("lib.rs"),
            "#[test]\nfn a() { assert_eq!(unicode_width::UnicodeWidthStr::width(\"ab\"), 2) }\n",
        )
        .unwrap();
        let ran = world.run("cargo test --offline --lib").await;
        if ran.output.contains("no matching package") {
            eprintln!("SKIPPED: cargo has no packages on this machine");
            continue;
        }
        assert_eq!(ran.ended, Ended::Exited(0), "{ran:?}");
        assert!(ran.output.contains("1 passed"), "{ran:?}");
        // A second build has nothing to do.
        let again = world.run("cargo test --offline --lib").await;
        assert!(!again.output.contains("Compiling"), "{again:?}");
    }
}

#[tokio::test]
async fn a_go_package_is_tested() {
    if !have("go") {
        return;
    }
    let Some(mut world) = World::walled().await else { return };
    world.limits.time = Duration::from_secs(120);
    world.limits.memory_bytes = 4 << 30;
    world.limits.disk_bytes = 2 << 30;
    world.limits.processes = 1000;
    fs::write(world.copy().join("go.mod"), "module small\n\ngo 1.18\n").unwrap();
    fs::write(
        world.copy().join("a_test.go"),
        "package small\nimport \"testing\"\nfunc TestA(t *testing.T) { if 1 != 1 { t.Fatal() } }\n",
    )
    .unwrap();
    world.variables.push(("GOTOOLCHAIN".to_owned(), "local".to_owned()));
    let ran = world.run("go test ./...").await;
    assert!(ran.ended == Ended::Exited(0) && ran.output.contains("ok"), "{ran:?}");
}
