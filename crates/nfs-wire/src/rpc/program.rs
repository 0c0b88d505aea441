//! Program numbers, and names for spans and metrics.

use crate::{mount, nfs3, nlm4, nsm, portmap, rquota};

/// Portmap and rpcbind (RFC 1833).
pub const PORTMAP_PROGRAM: u32 = 100_000;
/// NFS (RFC 1813).
pub const NFS_PROGRAM: u32 = 100_003;
/// MOUNT (RFC 1813 appendix I).
pub const MOUNT_PROGRAM: u32 = 100_005;
/// Remote quotas.
pub const RQUOTA_PROGRAM: u32 = 100_011;
/// The network lock manager (RFC 1813 appendix II).
pub const NLM_PROGRAM: u32 = 100_021;
/// The network status monitor.
pub const NSM_PROGRAM: u32 = 100_024;

/// The name of a procedure such as `GETATTR`, or `UNKNOWN`: a bounded set, fit for a metric label.
#[must_use]
pub fn procedure_name(program: u32, version: u32, procedure: u32) -> &'static str {
    let names = match (program, version) {
        (NFS_PROGRAM, 3) => nfs3::PROCEDURE_NAMES,
        (MOUNT_PROGRAM, 3) => mount::v3::PROCEDURE_NAMES,
        (MOUNT_PROGRAM, 1 | 2) => mount::v1::PROCEDURE_NAMES,
        (NLM_PROGRAM, 4) => nlm4::PROCEDURE_NAMES,
        (NSM_PROGRAM, 1) => nsm::PROCEDURE_NAMES,
        (RQUOTA_PROGRAM, 1) => rquota::v1::PROCEDURE_NAMES,
        (RQUOTA_PROGRAM, 2) => rquota::v2::PROCEDURE_NAMES,
        (PORTMAP_PROGRAM, 2) => portmap::PROCEDURE_NAMES,
        (PORTMAP_PROGRAM, 3) => portmap::rpcbind::V3_PROCEDURE_NAMES,
        (PORTMAP_PROGRAM, 4) => portmap::rpcbind::V4_PROCEDURE_NAMES,
        _ => &[],
    };
    names.iter().find(|(number, _)| *number == procedure).map_or("UNKNOWN", |(_, name)| name)
}

/// The name of a program such as `nfs`, or `unknown`.
#[must_use]
pub const fn program_name(program: u32) -> &'static str {
    match program {
        PORTMAP_PROGRAM => "portmap",
        NFS_PROGRAM => "nfs",
        MOUNT_PROGRAM => "mount",
        RQUOTA_PROGRAM => "rquota",
        NLM_PROGRAM => "nlm",
        NSM_PROGRAM => "nsm",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_number() {
        assert_eq!(procedure_name(NFS_PROGRAM, 3, 0), "NULL");
        assert_eq!(procedure_name(NFS_PROGRAM, 3, 1), "GETATTR");
        assert_eq!(procedure_name(NFS_PROGRAM, 3, 17), "READDIRPLUS");
        assert_eq!(procedure_name(NFS_PROGRAM, 3, 21), "COMMIT");
        assert_eq!(procedure_name(NFS_PROGRAM, 3, 22), "UNKNOWN");
        assert_eq!(procedure_name(NFS_PROGRAM, 2, 1), "UNKNOWN");
        assert_eq!(procedure_name(MOUNT_PROGRAM, 3, 1), "MNT");
        assert_eq!(procedure_name(MOUNT_PROGRAM, 1, 5), "EXPORT");
        assert_eq!(procedure_name(PORTMAP_PROGRAM, 2, 3), "GETPORT");
        assert_eq!(procedure_name(NLM_PROGRAM, 4, 5), "GRANTED");
        assert_eq!(procedure_name(NLM_PROGRAM, 4, 16), "UNKNOWN");
        assert_eq!(procedure_name(NLM_PROGRAM, 4, 23), "FREE_ALL");
        assert_eq!(procedure_name(NSM_PROGRAM, 1, 6), "NOTIFY");
        assert_eq!(procedure_name(RQUOTA_PROGRAM, 1, 1), "GETQUOTA");
        assert_eq!(procedure_name(RQUOTA_PROGRAM, 2, 3), "UNKNOWN");
        assert_eq!(procedure_name(PORTMAP_PROGRAM, 4, 9), "GETVERSADDR");
    }

    #[test]
    fn nfs3_has_all_its_procedures_in_order() {
        let numbers: Vec<u32> = nfs3::PROCEDURE_NAMES.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, (0..22).collect::<Vec<_>>());
    }
}
