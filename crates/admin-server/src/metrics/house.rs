//! The house below the doors: caches, data to write back, the log, space, locks.

use vfs::{CacheFigures, HouseFigures, LockRecovery};

use super::text::{Family, Kind, Text, family};

pub(super) fn write(text: &mut Text, house: &HouseFigures, recovery: &LockRecovery) {
    for (kind, family, value) in OF_CACHES {
        text.begin(kind, family);
        for cache in &house.caches {
            text.sample(family.name, &[("cache", cache.name)], value(cache));
        }
    }
    for (kind, family, value) in OF_HOUSE {
        text.begin(kind, family);
        text.sample(family.name, &[], value(house));
    }
    text.gauge(
        family("berth_lock_grace_seconds", "What is left of the grace period; 0 when it is over."),
        recovery.grace_left.unwrap_or_default().as_secs(),
    );
}

type OfCache = (Kind, Family, fn(&CacheFigures) -> u64);
const OF_CACHES: [OfCache; 6] = [
    (Kind::Gauge, family("berth_cache_entries", "Entries held."), |cache| cache.entries),
    (Kind::Gauge, family("berth_cache_max_entries", "Most entries; 0 where bytes bound it."), |cache| {
        cache.entries_max
    }),
    (Kind::Gauge, family("berth_cache_bytes", "Bytes held; 0 where entries are counted."), |cache| cache.bytes),
    (Kind::Gauge, family("berth_cache_max_bytes", "Most bytes; 0 where entries bound it."), |cache| cache.bytes_max),
    (Kind::Counter, family("berth_cache_hits_total", "Look-ups that found what they wanted."), |cache| cache.hits),
    (Kind::Counter, family("berth_cache_misses_total", "Look-ups that did not."), |cache| cache.misses),
];

type OfHouse = (Kind, Family, fn(&HouseFigures) -> u64);
const OF_HOUSE: [OfHouse; 24] = [
    (Kind::Gauge, family("berth_dirty_bytes", "Data written and not on stable storage yet."), |house| {
        house.dirty_bytes
    }),
    (Kind::Gauge, family("berth_dirty_max_bytes", "Most of it."), |house| house.dirty_bytes_max),
    (
        Kind::Counter,
        family("berth_read_ahead_bytes_total", "Data begun to be read before it was asked for."),
        |house| house.read_ahead.bytes,
    ),
    (Kind::Counter, family("berth_read_ahead_dropped_bytes_total", "Of it, dropped and never asked for."), |house| {
        house.read_ahead.dropped_bytes
    }),
    (Kind::Counter, family("berth_read_ahead_given_up_total", "Times there was no room to read ahead."), |house| {
        house.read_ahead.given_up
    }),
    (Kind::Gauge, family("berth_read_ahead_held_bytes", "Data read ahead and not asked for yet."), |house| {
        house.read_ahead.held_bytes
    }),
    (
        Kind::Counter,
        family("berth_damaged_blocks_total", "Looks at stored blocks that did not match their checksums; not served."),
        |house| house.damaged_blocks,
    ),
    (Kind::Counter, family("berth_log_groups_total", "Groups of changes made durable."), |house| house.log.groups),
    (Kind::Counter, family("berth_log_changes_total", "Changes made durable."), |house| house.log.changes),
    (
        Kind::Gauge,
        family("berth_log_used_bytes", "Bytes of the metadata log that hold what is nowhere else yet."),
        |house| house.log.bytes_used,
    ),
    (Kind::Gauge, family("berth_log_max_bytes", "Size of the metadata log."), |house| house.log.bytes_max),
    (Kind::Gauge, family("berth_space_bytes", "Size of the store's file systems."), |house| house.space.total_bytes),
    (Kind::Gauge, family("berth_space_free_bytes", "What can still be stored."), |house| house.space.free_bytes),
    (Kind::Gauge, family("berth_space_segments", "Segment files."), |house| house.space.segments),
    (
        Kind::Gauge,
        family("berth_space_sparse_segments", "Segment files of which a quarter or less is live, at the last look."),
        |house| house.evacuation.sparse_segments,
    ),
    (Kind::Counter, family("berth_evacuated_segments_total", "Sparse segments that were emptied."), |house| {
        house.evacuation.segments
    }),
    (Kind::Counter, family("berth_evacuated_bytes_total", "Data moved out of sparse segments."), |house| {
        house.evacuation.moved_bytes
    }),
    (
        Kind::Counter,
        family("berth_shared_bytes_total", "Data shared between files instead of being copied."),
        |house| house.sharing.bytes,
    ),
    (
        Kind::Counter,
        family("berth_shares_refused_total", "Ranges that could not be shared: clients copy them, or get an error."),
        |house| house.sharing.refused,
    ),
    (Kind::Counter, family("berth_store_reloads_total", "Reloads after a failure of the metadata store."), |house| {
        house.reloads
    }),
    (Kind::Gauge, family("berth_locks_held", "Byte-range locks held."), |house| house.locks.held),
    (Kind::Gauge, family("berth_locks_waiting", "Lock requests that wait."), |house| house.locks.waiting),
    (Kind::Gauge, family("berth_lock_shares", "DOS shares held."), |house| house.locks.shares),
    (Kind::Gauge, family("berth_lock_clients", "Clients that may hold locks."), |house| house.locks.clients),
];
