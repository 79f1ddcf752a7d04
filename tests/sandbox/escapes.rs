//! Ways out: to secrets, to the network, to files and processes outside.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pipewright::sandbox::Ended;

use super::{SECRET, World, have, unique};

/// A process of the job that holds a token in its environment.
struct Bystander(Child);

impl Bystander {
    fn new() -> Bystander {
        let child = Command::new("sleep").arg(unique()).env("TOKEN", SECRET).spawn().unwrap();
        Bystander(child)
    }

    fn lives(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn secrets_cannot_be_read() {
    let Some(world) = World::walled().await else { return };
    let _bystander = Bystander::new();
    let environments = "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'";
    // Outside, the same words find it.
    let outside = Command::new("sh").args(["-c", environments]).output().unwrap();
    assert!(String::from_utf8_lossy(&outside.stdout).contains(SECRET));
    let home = world.path("home");
    let home = home.display();
    for command in [
        "env".to_owned(),
        environments.to_owned(),
        "cat /proc/*/task/*/environ /proc/1/mem /proc/1/maps".to_owned(),
        "cat /proc/1/fd/* /proc/1/root/etc/shadow /proc/1/cwd/* < /dev/null".to_owned(),
        format!("cat {home}/.ssh/id {home}/.netrc {home}/.config/gh/hosts.yml"),
        format!("cat {home}/repo/.git/config; ls -laR {home}"),
        format!("cat /proc/self/root{home}/.netrc"),
        format!(
            "ln -s {home}/.ssh/id l; cat l; ln {home}/.netrc h; cat h; cp -r {home} c; cat c/.netrc"
        ),
        format!("umount {home}/.ssh; umount -l {home}/.netrc; cat {home}/.ssh/id {home}/.netrc"),
        format!(
            "unshare -Urm sh -c 'umount {home}/.ssh; umount -l {home}/.netrc; cat {home}/.netrc {home}/.ssh/id'"
        ),
        format!("unshare -Urmpf --mount-proc sh -c 'cat {home}/.netrc'"),
        "for f in $(seq 3 40); do cat <&$f; done".to_owned(),
        "cat /etc/shadow | grep -q : && echo s3cr3t-0f-th3-j0b".to_owned(),
    ] {
        let ran = world.run(&command).await;
        assert!(!ran.output.contains(SECRET), "{command}: {}", ran.output);
        assert!(!ran.output.contains("CARGO_BIN"), "{command}: {}", ran.output);
    }
    // And what is not hidden can be read.
    let ran = world.run(&format!("cat {home}/repo/code")).await;
    assert_eq!(ran.output, "code of the user");
}

#[tokio::test]
async fn no_power_is_left() {
    let Some(world) = World::walled().await else { return };
    let ran = world.run("cat /proc/self/status").await;
    for line in [
        "CapInh:\t0000000000000000",
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "CapAmb:\t0000000000000000",
        "NoNewPrivs:\t1",
    ] {
        assert!(ran.output.contains(line), "{line}: {}", ran.output);
    }
    for command in [
        "unshare -Ur true",
        "unshare -n true",
        "mount -t tmpfs x /mnt",
        "mount -o remount,rw /",
        "mount -o remount,bind,rw /",
        "umount /tmp",
        "umount -l /proc",
        "mknod disk b 8 0",
        "chroot / true",
        "hostname other",
        "ip link set lo down",
        "nsenter -t 1 -a true",
        "echo 1 > /proc/sys/user/max_user_namespaces",
        "echo 99999 > /proc/sys/kernel/pid_max",
        "echo x > /proc/sys/kernel/core_pattern",
        "echo h > /proc/sysrq-trigger",
        "echo x > /sys/kernel/uevent_helper",
        "date -s 2001-01-01",
        "chown 1:1 .",
        "kill -9 1 && sleep 1 && kill -0 1 && exit 1",
    ] {
        let ran = world.run(command).await;
        assert!(matches!(ran.ended, Ended::Exited(code) if code > 0), "{command}: {ran:?}");
    }
}

#[tokio::test]
async fn the_network_cannot_be_reached() {
    let Some(world) = World::walled().await else { return };
    if !have("python3") {
        return;
    }
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let everywhere = TcpListener::bind("0.0.0.0:0").unwrap();
    let name = format!("pipewright-{}", unique());
    let hidden = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    // One of these lies below what is fresh, the other in what can be read.
    let fresh = world.path("socket");
    let in_home = world.path("home/repo/socket");
    let (in_temp, in_work) =
        (UnixListener::bind(&fresh).unwrap(), UnixListener::bind(&in_home).unwrap());
    tcp.set_nonblocking(true).unwrap();
    everywhere.set_nonblocking(true).unwrap();
    for listener in [&hidden, &in_temp, &in_work] {
        listener.set_nonblocking(true).unwrap();
    }
    let code = format!(
        r#"
import socket
def attempt(family, address, kind=socket.SOCK_STREAM):
    s = socket.socket(family, kind)
    s.settimeout(0.5)
    try:
        s.connect(address)
        s.send(b"x")
        print("REACHED", address)
    except OSError as error:
        print("failed", address, error)
attempt(socket.AF_INET, ("127.0.0.1", {}))
attempt(socket.AF_INET, ("127.0.0.1", {}))
attempt(socket.AF_INET6, ("::1", {}))
attempt(socket.AF_UNIX, "\0{name}")
attempt(socket.AF_UNIX, "{}")
attempt(socket.AF_UNIX, "{}")
for address in ["1.1.1.1", "8.8.8.8", "169.254.169.254", "10.0.0.1", "172.17.0.1"]:
    attempt(socket.AF_INET, (address, 53))
    attempt(socket.AF_INET, (address, 53), socket.SOCK_DGRAM)
for path in ["/var/run/docker.sock", "/run/docker.sock", "/run/dbus/system_bus_socket"]:
    attempt(socket.AF_UNIX, path)
try:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    print("REACHED raw")
except OSError as error:
    print("failed raw", error)
try:
    print("REACHED", socket.getaddrinfo("example.com", 80))
except OSError as error:
    print("failed", error)
print("done")
"#,
        tcp.local_addr().unwrap().port(),
        everywhere.local_addr().unwrap().port(),
        tcp.local_addr().unwrap().port(),
        fresh.display(),
        in_home.display(),
    );
    fs::write(world.copy().join("reach.py"), code).unwrap();
    // Outside, the same words reach what listens here.
    let outside =
        Command::new("python3").arg(world.copy().join("reach.py")).stdin(Stdio::null()).output();
    let outside = String::from_utf8_lossy(&outside.unwrap().stdout).into_owned();
    assert!(outside.matches("REACHED").count() >= 5, "{outside}");
    for _ in 0..2 {
        let _ = tcp.accept();
        let _ = everywhere.accept();
    }
    for listener in [&hidden, &in_temp, &in_work] {
        listener.accept().unwrap();
    }

    let ran = world.run("python3 reach.py").await;
    assert!(ran.output.contains("done") && !ran.output.contains("REACHED"), "{}", ran.output);
    let nobody = |error: std::io::Error| assert_eq!(error.kind(), ErrorKind::WouldBlock);
    nobody(tcp.accept().map(drop).unwrap_err());
    nobody(everywhere.accept().map(drop).unwrap_err());
    for listener in [&hidden, &in_temp, &in_work] {
        nobody(listener.accept().map(drop).unwrap_err());
    }
}

#[tokio::test]
async fn nothing_outside_can_be_written() {
    let Some(world) = World::walled().await else { return };
    let home = world.path("home");
    let mark = format!("pipewright-{}", unique());
    let code = home.join("repo/code");
    let (before, mode) = {
        let found = fs::metadata(&code).unwrap();
        (found.modified().unwrap(), found.mode())
    };
    std::os::unix::fs::symlink(&code, world.copy().join("to-file")).unwrap();
    std::os::unix::fs::symlink(&home, world.copy().join("to-home")).unwrap();
    let (work, code_path) = (home.join("repo"), code.display());
    let work = work.display();
    let attempts = [
        format!("echo bad > {code_path}"),
        "echo bad > to-file".to_owned(),
        format!("echo bad > to-home/{mark}"),
        format!("echo bad > {work}/{mark}"),
        format!("echo bad > /proc/self/root{work}/{mark}"),
        format!("echo bad > /proc/1/root{work}/{mark}"),
        format!("echo bad > /proc/self/cwd/../home/{mark}"),
        format!("ln {code_path} hard && echo bad > hard"),
        format!("mv {code_path} /tmp/"),
        format!("rm -rf {work}"),
        format!("chmod 777 {code_path}"),
        format!("touch {code_path}"),
        format!("echo bad > /{mark}; echo bad > /usr/bin/{mark}; echo bad > /etc/{mark}"),
        format!("echo bad > /var/{mark}; echo bad > $HOME/../../{mark}; mkdir /{mark}"),
        format!("echo bad > /root/{mark}; echo bad > /home/{mark}; echo bad > /opt/{mark}"),
        format!("mount -o remount,rw {work}; echo bad > {code_path}"),
        format!("unshare -Urm sh -c 'mount -o remount,rw /; echo bad > {code_path}'"),
        format!("rm -rf ../home; echo bad > ../{mark}"),
        format!("truncate -s 0 {code_path}; sed -i s/code/bad/ {code_path}"),
        format!("python3 -c 'open(\"{code_path}\",\"r+\").write(\"bad\")'"),
    ];
    for command in attempts {
        world.run(&command).await;
        assert_eq!(fs::read_to_string(&code).unwrap(), "code of the user", "{command}");
        assert_eq!(fs::metadata(&code).unwrap().modified().unwrap(), before, "{command}");
        assert_eq!(fs::metadata(&code).unwrap().mode(), mode, "{command}");
    }
    for folder in ["/", "/usr/bin", "/etc", "/var", "/root", "/home", "/opt", "/tmp", "/dev/shm"] {
        assert!(!std::path::Path::new(folder).join(&mark).exists(), "{folder}");
    }
    let outside = Command::new("find").arg(world.temp.path()).args(["-name", &mark]).output();
    assert_eq!(String::from_utf8_lossy(&outside.unwrap().stdout), "");
}

#[tokio::test]
async fn shared_folders_are_its_own() {
    let Some(world) = World::walled().await else { return };
    let mark = format!("pipewright-{}", unique());
    let folders = "/tmp /var/tmp /dev/shm /run $HOME $TMPDIR";
    let ran = world
        .run(&format!("for f in {folders}; do echo x > $f/{mark} && cat $f/{mark}; done"))
        .await;
    assert_eq!(ran.output, "x\n".repeat(6));
    for folder in ["/tmp", "/var/tmp", "/dev/shm", "/run"] {
        assert!(!std::path::Path::new(folder).join(&mark).exists(), "{folder}");
    }
    let ran = world.run(&format!("find {folders} -name {mark}")).await;
    assert_eq!(ran.output, "", "nothing stays from one run to the next");
}

#[tokio::test]
async fn other_processes_are_out_of_reach() {
    let Some(world) = World::walled().await else { return };
    let mut bystander = Bystander::new();
    let (pid, us) = (bystander.0.id(), std::process::id());
    for command in [
        format!("kill -9 {pid}; kill -9 -{pid}; kill -9 {us}"),
        "kill -9 -1".to_owned(),
        "kill -9 $PPID; kill -9 1; kill -TERM 1".to_owned(),
        format!("python3 -c 'import os; os.kill({pid}, 9)'"),
        "python3 -c 'import os; os.kill(-1, 9)'".to_owned(),
        format!("strace -p {pid}; gdb -p {pid} -batch; cat /proc/{pid}/mem"),
        format!("ls -d /proc/{pid} /proc/{us} && kill -9 {pid}"),
    ] {
        let ran = world.run(&command).await;
        assert!(bystander.lives(), "{command}: {}", ran.output);
        assert!(ran.wall < Duration::from_secs(5), "{command}: {ran:?}");
    }
}

#[tokio::test]
async fn what_a_plain_container_holds() {
    let world = World::new(false).await;
    assert!(!world.walls.files && !world.walls.network && !world.walls.processes);
    assert!(world.walls.notes.len() >= 4, "{:#?}", world.walls.notes);
    let ran = world.run("env; cat /proc/self/status; pwd; umask").await;
    assert!(!ran.output.contains("CARGO"), "{}", ran.output);
    for line in ["NoNewPrivs:\t1", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000"] {
        // Who is not root may keep the set of what nobody can gain.
        let is_held = ran.output.contains(line);
        assert!(is_held || line.starts_with("CapBnd"), "{line}: {}", ran.output);
    }
    // The process that runs it cannot be looked into, nor can the stages: each by itself.
    let us = std::process::id();
    let (inner, outer) = ("$PPID".to_owned(), "$(cut -d' ' -f4 /proc/$PPID/stat)".to_owned());
    for process in [us.to_string(), inner, outer] {
        for file in ["environ", "maps", "mem", "root/etc/hostname", "fd/0"] {
            let ran = world.run(&format!("cat /proc/{process}/{file} < /dev/null")).await;
            assert_eq!(ran.ended, Ended::Exited(1), "{process} {file}: {}", ran.output);
            assert!(ran.output.contains("ermission denied"), "{process} {file}: {}", ran.output);
        }
    }
}
