//! Lists for people: sessions, locks, exports, shares, zones.

pub(crate) mod exports;
pub(crate) mod jobs;
pub(crate) mod locks;
pub(crate) mod sessions;
pub(crate) mod shares;
pub(crate) mod zones;

pub(crate) use self::exports::exports;
pub(crate) use self::jobs::jobs;
pub(crate) use self::locks::locks;
pub(crate) use self::sessions::sessions;
pub(crate) use self::shares::shares;
pub(crate) use self::zones::zones;

use std::sync::Arc;

use ::zones::Zone;
use vfs::ZoneId;

use crate::page::Asked;
use crate::window::Desk;

/// The zones served, by name.
fn served(desk: &Desk) -> Vec<Arc<Zone>> {
    let mut zones: Vec<_> = desk.sources.figures().zones.into_iter().map(|figures| figures.zone).collect();
    zones.sort_by(|one, other| one.name().cmp(other.name()));
    zones
}

/// The zone of this name, if it is served.
pub(crate) fn zone_served(desk: &Desk, name: &str) -> Option<Arc<Zone>> {
    served(desk).into_iter().find(|zone| zone.name() == name)
}

/// Those of them that a list is to tell of.
fn asked_for(desk: &Desk, asked: &Asked) -> Vec<Arc<Zone>> {
    let mut zones = served(desk);
    zones.retain(|zone| asked.is_about(Some(zone.name())));
    zones
}

fn name_of(zones: &[Arc<Zone>], id: ZoneId) -> Option<String> {
    zones.iter().find(|zone| zone.id() == id).map(|zone| zone.name().to_owned())
}

/// Seconds from one time to another; 0 when it lies behind.
fn seconds(from: vfs::Timestamp, to: vfs::Timestamp) -> u64 {
    u64::try_from(to.seconds.saturating_sub(from.seconds)).unwrap_or(0)
}
