//! Giving up: limits, capabilities, and ways to gain more.

use std::io;

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits,
    set_no_new_privs,
};

use super::plan::Caps;

/// Most open files of a process.
const MOST_FILES: u64 = 65_536;
/// What the kernel allows beyond what is watched for, so that the watch sees it.
pub(super) const SLACK: u32 = 64;

/// Set limits that hold for this process and all that it starts. `others` is how many
/// processes and threads of the user are counted that are none of the run's.
pub(super) fn limit(caps: &Caps, others: u64) -> io::Result<()> {
    let processes = u64::from(caps.processes.saturating_add(SLACK)).saturating_add(others);
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Fsize, caps.file_bytes),
        (Resource::Nofile, MOST_FILES),
        (Resource::Nproc, processes),
    ] {
        let now = getrlimit(resource);
        let hard = now.maximum.map_or(most, |hard| hard.min(most));
        // Programs that select() break on more than the usual number of files.
        let soft = match resource {
            Resource::Nofile => now.current.map_or(hard, |soft| soft.min(hard)),
            _ => hard,
        };
        setrlimit(resource, Rlimit { current: Some(soft), maximum: Some(hard) })?;
    }
    Ok(())
}

/// Nobody else may look into this process.
pub(super) fn close_off() -> io::Result<()> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Give up every power for good, for this process and all that it starts.
pub(super) fn give_up() -> io::Result<()> {
    set_no_new_privs(true)?;
    clear_ambient_capability_set()?;
    for power in CapabilitySet::all().iter().filter(|power| power.bits().count_ones() == 1) {
        // Without the power to do so (or one that this kernel does not know) it fails;
        // what is left is out of reach, as nothing can be gained any more.
        let _ = remove_capability_from_bounding_set(power);
    }
    let locked = CapabilitiesSecureBits::NO_ROOT
        | CapabilitiesSecureBits::NO_ROOT_LOCKED
        | CapabilitiesSecureBits::NO_SETUID_FIXUP
        | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED;
    let _ = set_capabilities_secure_bits(locked);
    let none = CapabilitySet::empty();
    let empty = CapabilitySets { effective: none, permitted: none, inheritable: none };
    Ok(set_capabilities(None, empty)?)
}
