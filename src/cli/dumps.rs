//! Keeps the process's memory, which holds keys and plaintext, out of core dumps and away from other processes.

use std::io;

/// Switches core dumps off, for good: the limit cannot be raised again without special rights. On Linux the process
/// also becomes one that another process of the same user can neither trace nor read.
pub(super) fn forbid() -> io::Result<()> {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: setrlimit reads the structure that it is given, which outlives the call, and keeps no pointer.
    if unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) } != 0 {
        return Err(io::Error::last_os_error());
    }
    #[cfg(target_os = "linux")]
    {
        // The limit does not keep a pipe in core_pattern from getting the dump; this does.
        // SAFETY: PR_SET_DUMPABLE takes one number and touches no memory of ours.
        if unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
