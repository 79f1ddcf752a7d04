//! Leaving the machine's namespaces: user, processes, network, IPC, names.

use std::io;
use std::mem::MaybeUninit;
use std::path::PathBuf;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};
use rustix::process::{getegid, geteuid};
use rustix::thread::{
    CapabilitySet, UnshareFlags, capabilities, configure_capability_in_ambient_set,
    set_capabilities,
};

use super::plan::Held;

/// Leave one kind of namespace. The process must have a single thread.
pub(super) fn leave(flags: UnshareFlags) -> io::Result<()> {
    #[allow(
        deprecated,
        reason = "the successor is unsafe on account of file tables, which are never unshared here"
    )]
    let left = rustix::thread::unshare(flags);
    Ok(left?)
}

/// Leave as many namespaces as are wanted and allowed. What is not allowed is told.
pub(super) fn leave_all(want: Held, why: &mut Vec<String>) -> Held {
    let mut held = Held::default();
    let mut attempt = |wanted: bool, what: &str, does: &dyn Fn() -> io::Result<()>| {
        wanted
            && match does() {
                Ok(()) => true,
                Err(error) => {
                    why.push(format!("{what}: {error}"));
                    false
                }
            }
    };
    held.user = attempt(want.user, "user namespace", &new_user);
    held.pids = attempt(want.pids, "PID namespace", &|| leave(UnshareFlags::NEWPID));
    held.network = attempt(want.network, "network namespace", &|| leave(UnshareFlags::NEWNET));
    held.loopback = held.network && attempt(want.loopback, "loopback", &raise_loopback);
    held.ipc = attempt(want.ipc, "IPC namespace", &|| leave(UnshareFlags::NEWIPC));
    held.names = attempt(want.names, "UTS namespace", &|| leave(UnshareFlags::NEWUTS));
    held
}

/// A user namespace in which we are who we are, and may do what its owner may.
fn new_user() -> io::Result<()> {
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    leave(UnshareFlags::NEWUSER)?;
    // Without this, the group could not be mapped by one without power outside.
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}

/// Hand the powers that the second stage needs through its start, which takes them from
/// all but root otherwise.
pub(super) fn keep_powers() -> io::Result<()> {
    let needed = [
        CapabilitySet::SYS_ADMIN,
        CapabilitySet::SETPCAP,
        CapabilitySet::SYS_RESOURCE,
        CapabilitySet::DAC_OVERRIDE,
    ];
    let mut sets = capabilities(None)?;
    let kept = needed.into_iter().filter(|power| sets.permitted.contains(*power));
    for power in kept {
        sets.inheritable |= power;
        set_capabilities(None, sets)?;
        configure_capability_in_ambient_set(power, true)?;
    }
    Ok(())
}

/// Bring the new namespace's loopback up: a request of type `RTM_NEWLINK`
/// (<https://man7.org/linux/man-pages/man7/rtnetlink.7.html>).
fn raise_loopback() -> io::Result<()> {
    const NEW_LINK: u16 = 16;
    const REQUEST_AND_ACKNOWLEDGE: u16 = 1 | 4;
    const UP: u32 = 1;
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        // `NETLINK_ROUTE` is protocol zero.
        None,
    )?;
    let mut request = Vec::with_capacity(32);
    request.extend(32u32.to_ne_bytes());
    request.extend(NEW_LINK.to_ne_bytes());
    request.extend(REQUEST_AND_ACKNOWLEDGE.to_ne_bytes());
    request.extend([0; 8]);
    // Any family; the loopback is the first interface of every namespace.
    request.extend([0; 4]);
    request.extend(1i32.to_ne_bytes());
    request.extend(UP.to_ne_bytes());
    request.extend(UP.to_ne_bytes());
    send(&socket, &request, SendFlags::empty())?;
    let mut answer = [MaybeUninit::<u8>::uninit(); 256];
    let ((bytes, _), _) = recv(&socket, &mut answer, RecvFlags::empty())?;
    // After the header, an error message holds the negative error number; zero is none.
    match bytes.get(16..20).and_then(|number| number.try_into().ok()).map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(number) => Err(io::Error::from_raw_os_error(-number)),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Sockets with a path that are open on this machine, to be covered: a read-only file
/// system does not keep anyone from connecting.
pub(super) fn sockets() -> Vec<PathBuf> {
    let table = std::fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let mut found: Vec<PathBuf> = table
        .lines()
        .filter_map(|line| line.find(" /").and_then(|at| line.get(at + 1..)))
        .map(PathBuf::from)
        .collect();
    found.sort();
    found.dedup();
    found
}
