//! Too much: processes, memory, disk, output, time; and what stays behind.

use std::time::{Duration, Instant};

use pipewright::sandbox::Ended;

use super::{World, have, is_running, unique, wait_until};

#[tokio::test]
async fn fork_bombs_are_ended() {
    for mut world in World::both().await {
        world.limits.processes = 100;
        world.limits.time = Duration::from_secs(8);
        let mark = unique();
        // These end by themselves: whatever fails here must not take the machine along.
        let mut commands = vec![
            format!(
                "b() {{ [ $1 = 0 ] || {{ b $(($1-1)) | b $(($1-1)) & }}; sleep {mark}; }}; b 8"
            ),
            format!("for i in $(seq 400); do sleep {mark} & done; wait"),
            format!("for i in $(seq 400); do (setsid sleep {mark} &) ; done; sleep {mark}"),
        ];
        // This one does not. It is let loose only where the kernel itself bounds the number.
        if !world.walls.notes.iter().any(|note| note.contains("by watching only")) {
            commands.push(format!("b() {{ b | b & }}; b; sleep {mark}"));
        }
        for command in commands {
            let ran = world.run(&command).await;
            assert_eq!(ran.ended, Ended::TooManyProcesses, "{command}: {ran:?}");
            assert!(!is_running(&mark), "{command}");
            assert!(ran.wall < Duration::from_secs(6), "{command}: {:?}", ran.wall);
        }
    }
}

#[tokio::test]
async fn memory_is_bounded() {
    if !have("python3") {
        return;
    }
    for mut world in World::both().await {
        world.limits.memory_bytes = 300 << 20;
        for code in [
            "a = []\nwhile True: a.append(bytearray(1 << 20))",
            "import os\nfor i in range(8):\n  if os.fork() == 0:\n    a = bytearray(60 << 20); \
             __import__('time').sleep(9)\n__import__('time').sleep(9)",
        ] {
            std::fs::write(world.copy().join("hog.py"), code).unwrap();
            let ran = world.run("exec python3 hog.py").await;
            assert_eq!(ran.ended, Ended::TooMuchMemory, "{code}: {ran:?}");
            assert!(ran.peak_memory.unwrap() > 200 << 20);
            assert!(ran.wall < Duration::from_secs(5), "{:?}", ran.wall);
        }
        // What forked processes share counts once.
        let code = "import os\na = bytearray(100 << 20)\nfor i in range(6):\n  if os.fork() == 0:\n    \
                    __import__('time').sleep(0.5); os._exit(0)\nfor i in range(6): os.wait()";
        std::fs::write(world.copy().join("share.py"), code).unwrap();
        let ran = world.run("exec python3 share.py").await;
        assert_eq!(ran.ended, Ended::Exited(0), "{ran:?}");
    }
}

#[tokio::test]
async fn disks_are_not_filled() {
    for mut world in World::both().await {
        world.limits.disk_bytes = 64 << 20;
        world.limits.file_bytes = 32 << 20;
        for command in [
            "exec head -c 1000000000 /dev/zero > big",
            "head -c 1000000000 /dev/zero > big; exit $?",
            "exec dd if=/dev/zero of=sparse bs=1 count=1 seek=100M",
            "i=0; while :; do i=$((i+1)); head -c 8000000 /dev/zero > f$i || exit; sleep 0.01; done",
        ] {
            let ran = world.run(command).await;
            assert_eq!(ran.ended, Ended::TooMuchDisk, "{command}: {ran:?}");
            assert!(ran.wall < Duration::from_secs(8), "{command}: {:?}", ran.wall);
            world.run("rm -rf ./*").await;
        }
        if have("python3") {
            for code in [
                "import os\nfor i in range(10**7): open('s%d' % i, 'w').close()",
                "import os\nh = []\nwhile True:\n  f = open('u', 'wb'); f.write(bytes(8 << 20)); \
                 f.flush(); os.unlink('u'); h.append(f); __import__('time').sleep(0.01)",
            ] {
                std::fs::write(world.copy().join("fill.py"), code).unwrap();
                let ran = world.run("exec python3 fill.py").await;
                assert_eq!(ran.ended, Ended::TooMuchDisk, "{code}: {ran:?}");
                assert!(ran.wall < Duration::from_secs(15), "{code}: {:?}", ran.wall);
                let folder = world.copy();
                std::fs::remove_dir_all(&folder).unwrap();
                std::fs::create_dir(&folder).unwrap();
            }
        }
    }
    let Some(mut world) = World::walled().await else { return };
    world.limits.disk_bytes = 16 << 20;
    for folder in ["/tmp", "$HOME", "/run", "/dev/shm", "/dev"] {
        world.limits.memory_bytes = 64 << 20;
        let ran = world.run(&format!("head -c 99000000 /dev/zero > {folder}/big")).await;
        assert_eq!(ran.ended, Ended::Exited(1), "{folder}: {ran:?}");
        assert!(ran.output.contains("No space left"), "{folder}: {ran:?}");
    }
}

#[tokio::test]
async fn output_is_bounded() {
    for mut world in World::both().await {
        world.limits.output_bytes = 10_000;
        let ran = world.run("echo first; exec yes").await;
        assert_eq!(ran.ended, Ended::TooMuchOutput);
        assert!(ran.output.starts_with("first\ny\n") && ran.output.len() < 11_000);
        let ran = world.run("echo first; seq 10000; echo last >&2; exit 3").await;
        assert_eq!(ran.ended, Ended::Exited(3));
        assert!(ran.output.starts_with("first\n1\n") && ran.output.ends_with("10000\nlast\n"));
        assert!(ran.output.contains("bytes left out"), "{}", ran.output);
    }
}

#[tokio::test]
async fn nothing_outlives_its_limit() {
    for mut world in World::both().await {
        world.limits.time = Duration::from_millis(400);
        let mark = unique();
        for command in [
            format!("sleep {mark}"),
            format!("trap '' TERM INT HUP QUIT; sleep {mark}; sleep {mark}"),
            format!("nohup sleep {mark} & sleep {mark}"),
            format!("setsid sh -c '(sleep {mark} &) ; sleep {mark}' & sleep {mark}"),
            format!(
                "(setsid setsid sh -c 'exec >/dev/null 2>&1 </dev/null; sleep {mark}' &); sleep {mark}"
            ),
            format!("sh -c 'kill -STOP $$' & sleep {mark}"),
            format!("exec >/dev/null 2>&1; sleep {mark}"),
            "while :; do :; done".to_owned(),
        ] {
            let start = Instant::now();
            let ran = world.run(&command).await;
            assert_eq!(ran.ended, Ended::Late, "{command}: {ran:?}");
            assert!(!is_running(&mark), "{command}");
            assert!(start.elapsed() < Duration::from_secs(2), "{command}: {:?}", start.elapsed());
        }
    }
}

#[tokio::test]
async fn nothing_stays_behind() {
    for world in World::both().await {
        let mark = unique();
        for command in [
            format!("sleep {mark} & exit 0"),
            format!("setsid sleep {mark} & exit 0"),
            format!("(setsid sh -c '(setsid sleep {mark} >/dev/null 2>&1 &)' &); exit 0"),
            format!("nohup sleep {mark} >/dev/null 2>&1 & exit 0"),
            format!("sh -c 'trap \"\" TERM; sleep {mark}; sleep {mark}' & exit 0"),
        ] {
            let ran = world.run(&command).await;
            assert_eq!(ran.ended, Ended::Exited(0), "{command}: {ran:?}");
            assert!(!is_running(&mark), "{command}");
            assert!(ran.wall < Duration::from_secs(2), "{command}: {:?}", ran.wall);
        }
    }
}

#[tokio::test]
async fn killing_the_stages_is_no_way_out() {
    let world = World::new(false).await;
    let mark = unique();
    let command = format!(
        "(setsid sleep {mark} >/dev/null 2>&1 &); \
         kill -9 $(cut -d' ' -f4 /proc/$PPID/stat); kill -9 $PPID; sleep {mark}"
    );
    let ran = world.run(&command).await;
    assert_eq!(ran.ended, Ended::Signalled(9), "{ran:?}");
    wait_until("all are ended", Duration::from_secs(1), || !is_running(&mark));
}

#[tokio::test]
async fn a_dropped_run_is_over() {
    for world in World::both().await {
        let mark = unique();
        let command = format!("setsid sleep {mark} & sleep {mark}");
        let wait = async {
            while !is_running(&mark) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            ran = world.run(&command) => panic!("{ran:?}"),
            () = wait => {}
        }
        assert!(!is_running(&mark), "it still runs");
    }
}

/// Not a test of its own: runs until somebody kills this process.
#[tokio::test]
#[ignore = "started by the next test"]
async fn runs_until_killed() {
    let Ok(mark) = std::env::var("SANDBOX_MARK") else { return };
    let world = World::new(std::env::var_os("SANDBOX_PLAIN").is_none()).await;
    world.run(&format!("setsid sleep {mark} & sleep {mark}")).await;
}

#[test]
fn a_killed_parent_leaves_nothing() {
    for plain in [false, true] {
        for signal in ["-KILL", "-TERM", "-INT"] {
            let mark = unique();
            let mut command = std::process::Command::new(std::env::current_exe().unwrap());
            command
                .args(["--ignored", "--exact", "excess::runs_until_killed"])
                .env("SANDBOX_MARK", &mark)
                .stdout(std::process::Stdio::null());
            if plain {
                command.env("SANDBOX_PLAIN", "1");
            }
            let mut parent = command.spawn().unwrap();
            wait_until("it runs", Duration::from_secs(10), || is_running(&mark));
            let id = parent.id().to_string();
            std::process::Command::new("kill").args([signal, &id]).status().unwrap();
            parent.wait().unwrap();
            wait_until("all are ended", Duration::from_secs(2), || !is_running(&mark));
        }
    }
}
