//! The table "Bars": its rows in order.

use super::super::load::{Door, Protection};
use super::super::servers::Server;
use super::{Bar, Row, Shown, Way};

const ALONE: &[Server] = &[Server::Berth];
const PAIR: &[Server] = &[Server::Berth, Server::Ganesha];
const SMB_PAIR: &[Server] = &[Server::Berth, Server::Samba];
const ALL: &[Server] = &[Server::Berth, Server::Ganesha, Server::Nfsserve];

const fn calls(key: &'static str, what: &'static str, load: (&'static str, u64, u64), bars: &'static [Bar]) -> Row {
    Row {
        key,
        what,
        stage: "calls",
        door: Door::Nfs,
        way: Way::Plain,
        load,
        shown: Shown::Operations,
        servers: ALL,
        bars,
    }
}

/// Each in a stage of its own: names that many operations made slow later ones down in some servers.
const fn names(key: &'static str, what: &'static str, load: (&'static str, u64, u64), bars: &'static [Bar]) -> Row {
    Row { key, what, stage: key, door: Door::Nfs, way: Way::Names, load, shown: Shown::Operations, servers: PAIR, bars }
}

/// Over SMB, signed, and a stage that the server's rest ends.
const fn smb(key: &'static str, what: &'static str, load: (&'static str, u64, u64), bars: &'static [Bar]) -> Row {
    let door = Door::Smb(Protection::Signed);
    Row { key, what, stage: key, door, way: Way::Drained, load, shown: Shown::Operations, servers: SMB_PAIR, bars }
}

/// As [`smb`], of one stage for what only asks.
const fn smb_calls(key: &'static str, what: &'static str, load: (&'static str, u64, u64), bars: &'static [Bar]) -> Row {
    Row { stage: "smb-calls", way: Way::Plain, ..smb(key, what, load, bars) }
}

const fn smb_bytes(
    (key, stage): (&'static str, &'static str),
    what: &'static str,
    (operation, protection): (&'static str, Protection),
    bars: &'static [Bar],
) -> Row {
    let load = (operation, 1, 8);
    Row { stage, door: Door::Smb(protection), shown: Shown::Bytes, ..smb(key, what, load, bars) }
}

/// In the order of the issues that set the bars.
pub(crate) const ROWS: &[Row] = &[
    calls("null", "NULL d64", ("null", 1, 64), &[Bar::CpuAtMost(1.2)]),
    calls("getattr", "GETATTR d64", ("getattr", 1, 64), &[Bar::CpuAtMost(1.8)]),
    calls("lookup", "LOOKUP d16", ("lookup", 1, 16), &[Bar::CpuAtMost(2.5)]),
    calls("access", "ACCESS d16", ("access", 1, 16), &[Bar::CpuAtMost(2.5)]),
    calls("getattr-8x1", "GETATTR, 8 connections x d1", ("getattr", 8, 1), &[Bar::CpuAtMost(12.0)]),
    Row {
        key: "idle",
        what: "memory of an idle connection",
        stage: "calls",
        door: Door::Nfs,
        way: Way::Idle,
        load: ("null", 1, 1),
        shown: Shown::Memory,
        servers: PAIR,
        bars: &[Bar::BytesAtMost(16384.0)],
    },
    Row {
        key: "read4k",
        what: "READ 4 KiB random, cached, d16",
        stage: "cached",
        door: Door::Nfs,
        way: Way::Cached,
        load: ("read4k", 1, 16),
        shown: Shown::Operations,
        servers: ALL,
        bars: &[Bar::CpuAtMost(3.0)],
    },
    Row {
        key: "read1m",
        what: "READ 1 MiB, cached, d8",
        stage: "cached",
        door: Door::Nfs,
        way: Way::Drained,
        load: ("read1m", 1, 8),
        shown: Shown::Bytes,
        servers: ALL,
        bars: &[Bar::CpuOfGibibyteAtMost(0.25)],
    },
    Row {
        key: "read1m-cold",
        what: "READ 1 MiB, not cached, d8",
        stage: "cold",
        door: Door::Nfs,
        way: Way::ColdFile,
        load: ("read1m", 1, 8),
        shown: Shown::Bytes,
        servers: PAIR,
        bars: &[Bar::OfLimitAtLeast("disk_stream_read", 0.9), Bar::CpuOfGibibyteAtMost(0.35)],
    },
    Row {
        key: "read4k-cold",
        what: "READ 4 KiB random, not cached, d32",
        stage: "cold",
        door: Door::Nfs,
        way: Way::ColdFile,
        load: ("read4k", 1, 32),
        shown: Shown::Operations,
        servers: PAIR,
        bars: &[Bar::OfLimitAtLeast("disk_random_read_d32", 0.9), Bar::CpuAtMost(14.0)],
    },
    Row {
        key: "write1m",
        what: "WRITE 1 MiB UNSTABLE + COMMIT, d8",
        stage: "write1m",
        door: Door::Nfs,
        way: Way::Drained,
        load: ("write1m", 1, 8),
        shown: Shown::Bytes,
        servers: PAIR,
        bars: &[Bar::CpuOfGibibyteAtMost(0.35), Bar::OfLimitAtLeast("disk_stream_write", 0.9)],
    },
    Row {
        key: "write4k-sync",
        what: "WRITE 4 KiB FILE_SYNC, d64",
        stage: "write4k-sync",
        door: Door::Nfs,
        way: Way::Drained,
        load: ("write4k-sync", 1, 64),
        shown: Shown::Operations,
        servers: PAIR,
        bars: &[Bar::RateAtLeast(60e3), Bar::CpuAtMost(15.0)],
    },
    names(
        "small-file",
        "CREATE + WRITE 4 KiB + COMMIT, d64 (files)",
        ("small-file", 1, 64),
        &[Bar::RateAtLeast(25e3), Bar::CpuAtMost(45.0)],
    ),
    names(
        "small-file-d1",
        "CREATE + WRITE 4 KiB + COMMIT, d1 (files)",
        ("small-file", 1, 1),
        &[Bar::OfGaneshaAtLeast(1.5)],
    ),
    Row {
        key: "remove",
        what: "REMOVE d64",
        stage: "remove",
        door: Door::Nfs,
        way: Way::UsedUp,
        load: ("remove", 1, 64),
        shown: Shown::Operations,
        servers: PAIR,
        bars: &[Bar::OfGaneshaAtLeast(3.0), Bar::CpuAtMost(15.0)],
    },
    names("rename", "RENAME d64", ("rename", 1, 64), &[Bar::OfGaneshaAtLeast(3.0), Bar::CpuAtMost(15.0)]),
    names("mkdir", "MKDIR d64", ("mkdir", 1, 64), &[Bar::OfGaneshaAtLeast(3.0), Bar::CpuAtMost(15.0)]),
    Row {
        key: "readdirplus",
        what: "READDIRPLUS of 100k entries, warm (entries)",
        stage: "readdirplus",
        door: Door::Nfs,
        way: Way::Listing,
        load: ("readdirplus", 1, 1),
        shown: Shown::Operations,
        servers: PAIR,
        bars: &[Bar::RateOfCoreAtLeast(1.5e6)],
    },
    Row {
        key: "lookup-cold",
        what: "LOOKUP cold, 200k files, 64 MiB of memory, d16",
        stage: "lookup-cold",
        door: Door::Nfs,
        way: Way::ColdNames,
        load: ("lookup-any", 1, 16),
        shown: Shown::Operations,
        servers: ALONE,
        bars: &[Bar::CpuAtMost(80.0), Bar::P99BelowMs(5.0)],
    },
    Row {
        key: "both-cores",
        what: "GETATTR on both cores, 8 connections x d16, against one core",
        stage: "both-cores",
        door: Door::Nfs,
        way: Way::BothCores,
        load: ("getattr", 8, 16),
        shown: Shown::Ratio,
        servers: ALONE,
        bars: &[Bar::RatioAtLeast(1.7)],
    },
    Row {
        key: "overwritten",
        what: "file overwritten at random, then READ in order, against a fresh one",
        stage: "overwritten",
        door: Door::Nfs,
        way: Way::Overwritten,
        load: ("read1m", 1, 8),
        shown: Shown::Ratio,
        servers: ALONE,
        bars: &[Bar::RatioAtLeast(0.5), Bar::RatioInOrderAtLeast(0.9), Bar::MetadataAtMost(0.02)],
    },
    Row {
        key: "getattr-beside-writes",
        what: "GETATTR d1 beside a stream of writes (p99)",
        stage: "getattr-beside-writes",
        door: Door::Nfs,
        way: Way::BesideWrites,
        load: ("getattr", 1, 1),
        shown: Shown::Latency,
        servers: PAIR,
        bars: &[Bar::P99BelowMs(5.0)],
    },
    smb_calls("smb-echo", "ECHO d16, signed", ("echo", 1, 16), &[Bar::CpuAtMost(2.0)]),
    smb_calls("smb-open-close", "CREATE + CLOSE d16, signed", ("open-close", 1, 16), &[Bar::CpuAtMost(20.0)]),
    smb_calls("smb-query-info", "QUERY_INFO d16, signed", ("query-info", 1, 16), &[Bar::CpuAtMost(3.0)]),
    Row {
        stage: "smb-cached",
        way: Way::Cached,
        ..smb("smb-read4k", "READ 4 KiB random, cached, d16, signed", ("read4k", 1, 16), &[Bar::CpuAtMost(5.0)])
    },
    Row {
        stage: "smb-cached",
        way: Way::Cached,
        door: Door::Smb(Protection::Encrypted),
        ..smb("smb-read4k-encrypted", "the same, encrypted", ("read4k", 1, 16), &[Bar::CpuAtMost(6.0)])
    },
    smb_bytes(
        ("smb-read1m", "smb-cached"),
        "READ 1 MiB, cached, d8, signed",
        ("read1m", Protection::Signed),
        &[Bar::CpuOfGibibyteAtMost(0.33)],
    ),
    smb_bytes(
        ("smb-read1m-plain", "smb-cached"),
        "the same, unsigned",
        ("read1m", Protection::Plain),
        &[Bar::CpuOfGibibyteAtMost(0.25)],
    ),
    smb_bytes(
        ("smb-read1m-encrypted", "smb-cached"),
        "the same, encrypted",
        ("read1m", Protection::Encrypted),
        &[Bar::CpuOfGibibyteAtMost(0.40)],
    ),
    smb_bytes(
        ("smb-write1m", "smb-write1m"),
        "WRITE 1 MiB + FLUSH, d8, signed",
        ("write1m", Protection::Signed),
        &[Bar::CpuOfGibibyteAtMost(0.40)],
    ),
    smb_bytes(("smb-write1m-plain", "smb-write1m-plain"), "the same, unsigned", ("write1m", Protection::Plain), &[]),
    smb_bytes(
        ("smb-write1m-encrypted", "smb-write1m-encrypted"),
        "the same, encrypted",
        ("write1m", Protection::Encrypted),
        &[],
    ),
    Row {
        way: Way::Names,
        ..smb(
            "smb-small-file",
            "CREATE + WRITE 4 KiB + CLOSE, d8, signed (files)",
            ("small-file", 1, 8),
            &[Bar::CpuAtMost(60.0), Bar::OfSambaAtLeast(10.0)],
        )
    },
    Row { way: Way::UsedUp, ..smb("smb-unlink", "deletion d8, signed", ("unlink", 1, 8), &[Bar::CpuAtMost(30.0)]) },
    Row {
        way: Way::Listing,
        ..smb(
            "smb-list",
            "QUERY_DIRECTORY of 100k entries, warm, signed (entries)",
            ("list", 1, 1),
            &[Bar::RateAtLeast(600e3)],
        )
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_and_stages_hold_together() {
        let mut keys: Vec<_> = ROWS.iter().map(|row| row.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), ROWS.len());
        let mut stages: Vec<_> = ROWS.iter().map(|row| row.stage).collect();
        stages.dedup();
        let together = stages.len();
        stages.sort_unstable();
        stages.dedup();
        assert_eq!(stages.len(), together, "rows of a stage follow each other");
    }

    #[test]
    fn berth_is_in_every_row() {
        assert!(ROWS.iter().all(|row| row.servers.first() == Some(&Server::Berth)));
    }
}
