//! The wall around files: everything is read-only but what is listed, secret places and
//! sockets are covered, `/tmp`, `/run` and `/dev` are fresh.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, mount, mount_bind, mount_bind_recursive, mount_change,
    mount_remount,
};
use rustix::thread::UnshareFlags;

use super::plan::Plan;
use super::{Access, space};

/// Folders that are empty and writable inside, or as good as empty.
const FRESH: [&str; 4] = ["/tmp", "/var/tmp", "/run", "/dev"];
/// Kept from `/run`: where some systems have their programs.
const KEPT: [&str; 3] = ["/run/current-system", "/run/wrappers", "/run/opengl-driver"];
/// Devices without a memory.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// Most of `/dev/shm`.
const MOST_SHARED: u64 = 512 << 20;
/// Most of `/run`.
const MOST_RUN: u64 = 16 << 20;
/// The home that a run has where the walls stand.
pub(super) const HOME: &str = "/tmp/home";

/// Where what is written over packages goes.
const LAYERS: &str = "/tmp/.layers";

/// Something that is to be seen again once its place is covered.
struct Kept {
    source: OwnedFd,
    target: PathBuf,
    is_folder: bool,
    is_writable: bool,
}

impl Kept {
    /// None if it is not there, or not for us to see.
    fn of(source: &Path, target: &Path, is_writable: bool) -> Result<Option<Kept>> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        match open(source, flags, Mode::empty()) {
            Ok(held) => {
                let is_folder = fs::metadata(link_of(&held))?.is_dir();
                let target = target.to_path_buf();
                Ok(Some(Kept { source: held, target, is_folder, is_writable }))
            }
            Err(error) if is_out_of_reach(error) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot open {}", source.display())),
        }
    }

    /// Show it at its target, which is made where it is missing.
    fn show(&self) -> Result<()> {
        let target = &self.target;
        let bind = || -> Result<()> {
            if self.is_folder {
                fs::create_dir_all(target)?;
            } else if fs::symlink_metadata(target).is_err() {
                if let Some(folder) = target.parent() {
                    fs::create_dir_all(folder)?;
                }
                OpenOptions::new().create(true).append(true).open(target)?;
            }
            mount_bind_recursive(link_of(&self.source), target)?;
            let flags = flags_at(target)? | MountFlags::NOSUID | MountFlags::NODEV;
            let flags = if self.is_writable {
                flags - MountFlags::RDONLY
            } else {
                flags | MountFlags::RDONLY
            };
            Ok(mount_remount(target, MountFlags::BIND | flags, c"")?)
        };
        bind().with_context(|| format!("cannot show {}", target.display()))
    }
}

/// What is done at a place.
enum Step {
    Hide(PathBuf),
    Show(Kept),
}

impl Step {
    fn order(&self) -> (usize, u8) {
        let (path, rank) = match self {
            Step::Hide(path) => (path, 0),
            Step::Show(kept) => (&kept.target, 1 + u8::from(kept.is_writable)),
        };
        (path.components().count(), rank)
    }
}

/// Set the wall up. What is read-only stays writable for us until [`close`].
pub(super) fn raise(plan: &Plan) -> Result<()> {
    space::leave(UnshareFlags::NEWNS).context("cannot leave the mount namespace")?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).context("cannot part from the machine's mounts")?;

    // A mount of its own each, so that what holds around it does not hold for it.
    for folder in &plan.writable {
        mount_bind_recursive(folder, folder)
            .with_context(|| format!("cannot bind {}", folder.display()))?;
    }
    // Held open before anything is covered.
    let mut steps: Vec<Step> = Vec::new();
    let mut readable = plan.readable.clone();
    readable.extend(KEPT.map(PathBuf::from));
    readable.extend(name_servers(plan));
    for (paths, is_writable) in [(&readable, false), (&plan.writable, true)] {
        for path in paths {
            steps.extend(Kept::of(path, path, is_writable)?.map(Step::Show));
        }
    }
    let mut devices = Vec::new();
    for name in DEVICES {
        let path = Path::new("/dev").join(name);
        devices.extend(Kept::of(&path, &path, false)?);
    }
    let mut sources = Vec::new();
    for bind in &plan.binds {
        sources.push(open(&bind.source, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok());
    }

    make_read_only(&plan.writable)?;
    freshen(plan, &devices)?;
    steps.extend(plan.hidden.iter().chain(&plan.sockets).cloned().map(Step::Hide));
    // From the outside in: what lies deeper stands over what lies around it, and what is
    // to be written over what is to be read, and that over what is hidden.
    steps.sort_by_key(Step::order);
    let mut covered = FRESH.map(PathBuf::from).to_vec();
    let mut hidden = Vec::new();
    for step in &steps {
        match step {
            Step::Show(kept) if is_below(&kept.target, &covered) => {
                kept.show()?;
                covered.push(kept.target.clone());
                hidden.retain(|path| *path != kept.target);
            }
            Step::Show(_) => {}
            Step::Hide(path) => {
                if hide(path)? {
                    covered.push(path.clone());
                    hidden.push(path.clone());
                }
            }
        }
    }
    show_elsewhere(plan, sources)?;
    for path in hidden.iter().filter(|path| path.is_dir()) {
        let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
        match mount_remount(path, MountFlags::BIND | flags, c"") {
            // Something is shown over it.
            Err(error) if is_out_of_reach(error) || error == Errno::INVAL => {}
            done => done.with_context(|| format!("cannot close {}", path.display()))?,
        }
    }
    fs::create_dir_all(HOME).context("cannot make a home")?;
    Ok(())
}

/// Put a `/proc` of the new PID namespace over the machine's.
pub(super) fn fresh_proc() -> Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    Ok(mount("proc", "/proc", "proc", flags, None)?)
}

/// Nothing is to be written in `/proc` any more.
pub(super) fn close() -> Result<()> {
    let flags = flags_at(Path::new("/proc"))? | MountFlags::RDONLY;
    mount_remount("/proc", MountFlags::BIND | flags, c"").context("cannot close `/proc`")
}

/// Where the machine's names are looked up, if its network is to be used.
fn name_servers(plan: &Plan) -> Vec<PathBuf> {
    if plan.want.network {
        return Vec::new();
    }
    fs::canonicalize("/etc/resolv.conf").into_iter().collect()
}

/// Every mount becomes read-only, but for those at or below what is `writable`.
fn make_read_only(writable: &[PathBuf]) -> Result<()> {
    let mounts = mounts()?;
    for (at, (path, flags)) in mounts.iter().enumerate() {
        // Only the mount on top can be seen, and that is the last one.
        if mounts.iter().skip(at + 1).any(|(other, _)| other == path) {
            continue;
        }
        let below = mounts.iter().take(at).filter(|(other, _)| other == path);
        let all = below.fold(*flags, |all, (_, flags)| all | *flags);
        let mut more = MountFlags::BIND | MountFlags::NOSUID;
        if path != Path::new("/dev") {
            // Devices are taken from there.
            more |= MountFlags::NODEV;
        }
        if !writable.iter().any(|folder| path.starts_with(folder)) && path != Path::new("/proc") {
            more |= MountFlags::RDONLY;
        }
        // Flags that the machine has set cannot be taken off, so that leaving one out is
        // refused: in case the order is another than thought, all of them are tried.
        let done = match mount_remount(path, *flags | more, c"") {
            Err(Errno::PERM) => mount_remount(path, all | more, c""),
            done => done,
        };
        match done {
            // Covered by another mount, or where none of ours can go.
            Err(error) if is_out_of_reach(error) || error == Errno::INVAL => {}
            done => done.with_context(|| format!("cannot make {} read-only", path.display()))?,
        }
    }
    Ok(())
}

fn freshen(plan: &Plan, devices: &[Kept]) -> Result<()> {
    let careful = MountFlags::NOSUID | MountFlags::NODEV;
    let disk = plan.caps.disk_bytes.min(plan.caps.memory_bytes);
    let memory = |path: &str, flags: MountFlags, size: u64, mode: &str| -> Result<()> {
        // Not there at all: nothing to cover.
        if !Path::new(path).is_dir() {
            return Ok(());
        }
        let options = std::ffi::CString::new(format!("size={size},mode={mode}"))?;
        mount("tmpfs", path, "tmpfs", flags, options.as_c_str())
            .with_context(|| format!("cannot put a fresh folder at {path}"))
    };
    memory("/tmp", careful, disk, "1777")?;
    if fs::canonicalize("/var/tmp").is_ok_and(|found| found == Path::new("/var/tmp")) {
        mount_bind("/tmp", "/var/tmp").context("cannot put a fresh folder at /var/tmp")?;
    }
    memory("/run", careful, MOST_RUN, "755")?;
    fs::create_dir_all("/run/lock").context("cannot fill /run")?;
    let no_programs = MountFlags::NOSUID | MountFlags::NOEXEC;
    memory("/dev", no_programs, 64 << 10, "755")?;
    for device in devices {
        device.show()?;
        let flags = flags_at(&device.target)? - MountFlags::NODEV;
        mount_remount(&device.target, MountFlags::BIND | flags, c"")
            .with_context(|| format!("cannot open {}", device.target.display()))?;
    }
    for (link, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ] {
        symlink(target, Path::new("/dev").join(link))?;
    }
    fs::create_dir("/dev/pts")?;
    fs::create_dir("/dev/shm")?;
    // Terminals of its own; few programs need one.
    let _ = mount("devpts", "/dev/pts", "devpts", no_programs, c"newinstance,ptmxmode=0666");
    memory("/dev/shm", careful, plan.caps.memory_bytes.min(MOST_SHARED), "1777")
}

/// Cover a folder with an empty one, anything else with nothing. Returns whether there
/// was anything.
fn hide(path: &Path) -> Result<bool> {
    let done = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => {
            let flags = MountFlags::NOSUID | MountFlags::NODEV;
            mount("tmpfs", path, "tmpfs", flags, c"size=1m,mode=755")
        }
        // Where a link leads to is hidden by its own name.
        Ok(found) if found.is_symlink() => return Ok(false),
        Ok(_) => mount_bind("/dev/null", path),
        Err(error) => Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
    };
    match done {
        Ok(()) => Ok(true),
        Err(error) if is_out_of_reach(error) => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot hide {}", path.display())),
    }
}

fn show_elsewhere(plan: &Plan, sources: Vec<Option<OwnedFd>>) -> Result<()> {
    for (at, (bind, source)) in plan.binds.iter().zip(sources).enumerate() {
        // What lies in a writable folder has mounts of ours in it by now.
        let ours = plan.writable.iter().any(|folder| bind.source.starts_with(folder));
        let is_writable = bind.access == Access::Write;
        let kept = match source {
            Some(source) if !ours => {
                let is_folder = fs::metadata(link_of(&source))?.is_dir();
                Some(Kept { source, target: bind.target.clone(), is_folder, is_writable })
            }
            _ => Kept::of(&bind.source, &bind.target, is_writable)?,
        };
        let kept = kept.with_context(|| format!("{} is not there", bind.source.display()))?;
        if bind.access != Access::Discard || !lay_over(&kept, at)? {
            kept.show()?;
        }
    }
    Ok(())
}

/// Show a folder with a layer over it that takes what is written. Returns whether the
/// kernel can do that.
fn lay_over(kept: &Kept, at: usize) -> Result<bool> {
    if !kept.is_folder {
        return Ok(false);
    }
    let folder = Path::new(LAYERS).join(at.to_string());
    for name in ["upper", "work"] {
        fs::create_dir_all(folder.join(name))?;
    }
    fs::create_dir_all(&kept.target)?;
    let lower = link_of(&kept.source);
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    // The first is what those without power outside need; root on old kernels has the other.
    Ok(["userxattr,", ""].iter().any(|attributes| {
        let options = format!(
            "{attributes}lowerdir={},upperdir={}/upper,workdir={}/work",
            lower.display(),
            folder.display(),
            folder.display()
        );
        std::ffi::CString::new(options).is_ok_and(|options| {
            mount("overlay", &kept.target, "overlay", flags, options.as_c_str()).is_ok()
        })
    }))
}

fn is_below(path: &Path, folders: &[PathBuf]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

fn link_of(held: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()))
}

/// What we cannot reach, nothing that we start can reach: it has fewer powers.
fn is_out_of_reach(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::ACCESS | Errno::NOTDIR | Errno::LOOP)
}

/// The flags of the mount that a path lies on.
fn flags_at(path: &Path) -> io::Result<MountFlags> {
    // The last one listed at a place is the one on top.
    let all = mounts()?;
    let found = all.iter().rev().find(|(place, _)| place == path);
    Ok(found.map_or(MountFlags::empty(), |(_, flags)| *flags))
}

/// Mount points in order, with the flags that have to stay.
fn mounts() -> io::Result<Vec<(PathBuf, MountFlags)>> {
    let table = fs::read("/proc/self/mountinfo")?;
    Ok(table.split(|byte| *byte == b'\n').filter_map(mount_line).collect())
}

/// A line of <https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html>.
fn mount_line(line: &[u8]) -> Option<(PathBuf, MountFlags)> {
    use std::os::unix::ffi::OsStringExt as _;
    let mut fields = line.split(|byte| *byte == b' ').skip(4);
    let (path, options) = (fields.next()?, fields.next()?);
    let mut flags = MountFlags::empty();
    for option in options.split(|byte| *byte == b',') {
        flags |= match option {
            b"ro" => MountFlags::RDONLY,
            b"nosuid" => MountFlags::NOSUID,
            b"nodev" => MountFlags::NODEV,
            b"noexec" => MountFlags::NOEXEC,
            _ => MountFlags::empty(),
        };
    }
    Some((PathBuf::from(std::ffi::OsString::from_vec(unescaped(path))), flags))
}

/// Blanks and backslashes are written as three octal digits.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'\\')
            .then(|| after.get(..3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(byte) => {
                plain.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                plain.push(first);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_lines_are_read() {
        for (line, path, flags) in [
            (
                "36 35 98:0 /a /mnt rw,noatime shared:1 - ext3 /dev/x rw",
                "/mnt",
                MountFlags::empty(),
            ),
            (
                "36 35 98:0 / /a\\040b\\134c ro,nosuid,nodev,noexec,relatime - tmpfs t rw",
                "/a b\\c",
                MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC,
            ),
            ("1 1 0:1 / /odd\\9 rw - x y z", "/odd\\9", MountFlags::empty()),
        ] {
            assert_eq!(mount_line(line.as_bytes()), Some((PathBuf::from(path), flags)), "{line}");
        }
        for line in ["", "36 35", "36 35 98:0 /a"] {
            assert_eq!(mount_line(line.as_bytes()), None, "{line}");
        }
    }
}
