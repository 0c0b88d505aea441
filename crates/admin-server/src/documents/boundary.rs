//! What the admin of one zone may do to it, and what they are told when it does not work: nothing of other zones.

use std::path::Path;

use admin_api::Problem;
use zones::ConfigErrors;
use zones::document::{DocumentError, to_json};

use super::Fault;
use super::fault::{from_document, wrong};
use crate::access::Caller;

/// Whether a file may become this text. The admin of one zone changes what it shows to its clients; where it lies, where
/// clients reach it, what it is called and which files of the machine are read for it is the cluster admin's.
///
/// Errors: 422 (no text of a zone file), 403 (it makes a zone, or changes another key; which).
pub(super) fn check(caller: &Caller, current: Option<&str>, text: &str) -> Result<(), Problem> {
    if caller.is_cluster_admin() {
        return Ok(());
    }
    let Some(current) = current else { return caller.must_be_cluster_admin("makes a zone") };
    let new = to_json(text).map_err(|error: DocumentError| wrong(vec![from_document(error)]))?;
    // One that cannot be understood any more has no key that it could keep.
    let old = to_json(current).unwrap_or_default();
    let keys = old.keys().chain(new.keys()).filter(|key| !OF_ZONE_ADMINS.contains(&key.as_str()));
    let mut changed: Vec<_> = keys.filter(|key| old.get(*key) != new.get(*key)).map(String::as_str).collect();
    changed.sort_unstable();
    changed.dedup();
    if changed.is_empty() {
        return Ok(());
    }
    let what =
        format!("changes {}, besides {} which a zone admin may change", changed.join(", "), OF_ZONE_ADMINS.join(", "));
    caller.must_be_cluster_admin(&what)
}

/// What is told of a change that cannot be made, of the zone that stands in `file`. What others' zones have to do with it
/// is told to cluster admins only; the log has it.
pub(super) fn told(fault: Fault, caller: &Caller, file: Option<&Path>) -> Problem {
    if caller.is_cluster_admin() {
        return fault.into();
    }
    match fault {
        Fault::Wrong(ConfigErrors(errors)) => {
            let own: Vec<_> = errors.into_iter().filter(|error| Some(error.file.as_path()) == file).collect();
            if own.is_empty() { elsewhere() } else { Fault::Wrong(ConfigErrors(own)).into() }
        }
        Fault::NotServed(_) | Fault::Taken(_) => elsewhere(),
        Fault::Failed(_) => Problem::new(500, "Internal Server Error", "the gateway could not: its log says why"),
        Fault::Refused(_) | Fault::NoFiles | Fault::BadName | Fault::LastZone | Fault::Busy => fault.into(),
    }
}

fn elsewhere() -> Problem {
    let detail =
        "nothing was changed: the gateway cannot take changes now, for a reason outside this zone; its log says which";
    Problem::new(409, "Conflict", detail)
}

/// All other keys, those to come too, are the cluster admin's.
const OF_ZONE_ADMINS: [&str; 7] =
    ["aliases", "cache_seconds", "export", "negative_cache_seconds", "resolve_groups", "share", "snapshot_directory"];
