//! Whether this machine lets us use io_uring.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Once, OnceLock};

use io_uring::{IoUring, Probe, opcode};

/// Why io_uring cannot be used; the pread twin is used instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// The kernel, a container or a limit refuses to make a ring.
    Refused(String),
    /// The kernel is too old for an operation that is needed.
    OperationMissing,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(formatter, "io_uring refused: {error}"),
            Self::OperationMissing => write!(formatter, "io_uring lacks an operation"),
        }
    }
}

impl Error for Unavailable {}

/// Tries once per process whether rings work here.
///
/// # Errors
/// [`Unavailable`] says why not; files then use the pread twin.
pub fn probe() -> Result<(), Unavailable> {
    static OUTCOME: OnceLock<Result<(), Unavailable>> = OnceLock::new();
    OUTCOME.get_or_init(try_ring).clone()
}

/// Tells the log, once per process, that the slower way is taken.
pub(crate) fn warn_no_ring(why: &dyn fmt::Display) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::warn!(%why, "file I/O runs in line: no io_uring"));
}

/// Tells the log, once per process, that a file system refuses direct I/O.
pub(crate) fn warn_no_direct(path: &std::path::Path) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::warn!(path = %path.display(), "file I/O is buffered: the file system refuses O_DIRECT"));
}

fn try_ring() -> Result<(), Unavailable> {
    let refused = |error: io::Error| Unavailable::Refused(error.to_string());
    let ring = IoUring::new(8).map_err(refused)?;
    let mut probe = Probe::new();
    ring.submitter().register_probe(&mut probe).map_err(refused)?;
    let needed = [opcode::Read::CODE, opcode::Writev::CODE, opcode::Fsync::CODE, opcode::Fallocate::CODE];
    match needed.iter().all(|code| probe.is_supported(*code)) {
        true => Ok(()),
        false => Err(Unavailable::OperationMissing),
    }
}
