//! `GET /v1/zones/NAME/snapshots/SNAPSHOT/changes`: what differs between two snapshots.

mod ask;
mod told;

pub(crate) use self::ask::{__path_changes, __path_ranges, changes, ranges};
