//! A store as an earlier version left it, key by key and block by block: every later version opens it and finds
//! everything. The file is never written again once that format was released; a new format gets a new file.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use chunk::{Owner, Placement, SegmentId, Store};
use kv::{Batch, Direction, Engine, Scan, View};
use testkit::{ManualClock, block_on};
use vfs::{
    Admin, Case, CreateHow, CreateRequest, FileIo, InodeId, LinkRequest, LookupName, LookupRequest, MkdirRequest,
    MknodRequest, Name, Namespace, NodeKind, OpContext, ReadRequest, SetAttributes, ShardId, Stability, SymlinkRequest,
    TakeSnapshotRequest, Via, WriteRequest, ZoneRootRequest,
};

use crate::house::{Engines, House};

const GOLDEN: &str = include_str!("golden-1.txt");
const LATE: u64 = 1 << 40;

#[test]
fn the_golden_store_opens_and_holds_everything() {
    block_on(async {
        let engines = restore(GOLDEN).await;
        // Not proved yet: it keeps states for an epoch that ended for nobody, and goes on without them.
        let house = engines.open(Arc::new(ManualClock::standing())).await;
        let zone = zone(&house).await;
        let ctx = OpContext::internal(zone);
        let file = find(&house, zone, "file").await;
        assert_eq!(read(&house, file, 0, 16).await, b"rewritten later.");
        assert_eq!(find(&house, find(&house, zone, "directory").await, "second name").await, file);
        let sparse = find(&house, zone, "sparse").await;
        assert_eq!(read(&house, sparse, LATE - 4, 8).await, b"\0\0\0\0late");
        let symlink = find(&house, zone, "symlink").await;
        assert_eq!(house.readlink(&ctx, symlink).await.unwrap().target, "directory/second name");
        find(&house, zone, "fifo").await;
        write(&house, file, b"still writable").await;
        house.flush_all().await.unwrap();
        while house.background_round().await {}
        engines.check().await;
    });
}

/// Writes the file of a new format: `cargo test -p filesystem --test model -- --ignored write_golden`.
#[test]
#[ignore = "writes the golden store of a new format"]
fn write_golden() {
    block_on(async {
        let engines = Engines::default();
        fill(&engines).await;
        std::fs::write("tests/model/golden-1.txt", dump(&engines).await).unwrap();
    });
}

async fn fill(engines: &Engines) {
    let house = engines.open(Arc::new(ManualClock::standing())).await;
    let zone = zone(&house).await;
    let ctx = OpContext::internal(zone);
    let attributes = SetAttributes { mode: Some(0o750), ..SetAttributes::default() };
    let request = MkdirRequest { parent: zone, name: name("directory"), attributes: attributes.clone() };
    let directory = house.mkdir(&ctx, request).await.unwrap().attributes.inode;
    let file = create(&house, zone, "file").await;
    write(&house, file, b"first state of it").await;
    let sparse = create(&house, zone, "sparse").await;
    write_at(&house, sparse, (LATE, b"late")).await;
    let request = LinkRequest { inode: file, parent: directory, name: name("second name"), replace: false };
    house.link(&ctx, request).await.unwrap();
    let target = Bytes::from_static(b"directory/second name");
    let request = SymlinkRequest { parent: zone, name: name("symlink"), target, attributes: attributes.clone() };
    house.symlink(&ctx, request).await.unwrap();
    let request = MknodRequest { parent: zone, name: name("fifo"), kind: NodeKind::Fifo, attributes };
    house.mknod(&ctx, request).await.unwrap();
    let request = TakeSnapshotRequest { directory: zone, name: name("first"), expires: None };
    house.take_snapshot(&ctx, request).await.unwrap();
    write(&house, file, b"rewritten later.").await;
    house.flush_all().await.unwrap();
}

async fn dump(engines: &Engines) -> String {
    let mut text = String::new();
    let scan = Scan {
        start: Bytes::from_static(&[0]),
        end: Bytes::from_static(&[0xff; 64]),
        limit: usize::MAX,
        direction: Direction::Forward,
    };
    for (key, value) in engines.engine.view().await.unwrap().scan(scan).await.unwrap() {
        writeln!(text, "key {} {}", hex(&key), hex(&value)).unwrap();
    }
    for segment in engines.chunks.list(None, 16).await.unwrap() {
        writeln!(text, "segment {} {}", segment.segment.0, segment.owner.0).unwrap();
        for block in 0..segment.blocks {
            let read = engines.chunks.read(Placement::new(segment.segment, block), 1).await;
            let bytes = read.map_or_else(|_| Bytes::new(), |payload| payload.to_bytes());
            let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            writeln!(text, "block {}", hex(&bytes[..end])).unwrap();
        }
    }
    text
}

async fn restore(text: &str) -> Engines {
    let engines = Engines::default();
    let mut owner = Owner(0);
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["key", key, value] => {
                let puts = vec![(unhex(key).into(), unhex(value).into())];
                engines.engine.commit(Batch { puts, ..Batch::default() }).await.unwrap();
            }
            ["segment", segment, of] => {
                owner = Owner(of.parse().unwrap());
                engines.chunks.recover(Vec::new(), SegmentId(segment.parse().unwrap())).await.unwrap();
            }
            ["block", bytes] => {
                let mut block = unhex(bytes);
                block.resize(pages::BLOCK_SIZE, 0);
                engines.chunks.place(owner, block.into()).await.unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
    engines.chunks.sync().await.unwrap();
    engines
}

async fn zone(house: &House) -> InodeId {
    let ctx = OpContext::internal(InodeId::root_of(ShardId::ROOT));
    let request = ZoneRootRequest { base: vec![name("tenants"), name("z")], attributes: SetAttributes::default() };
    house.zone_root(&ctx, request).await.unwrap().attributes.inode
}

async fn find(house: &House, parent: InodeId, text: &str) -> InodeId {
    let request = LookupRequest { parent, name: LookupName::Child(name(text)), case: Case::Sensitive };
    house.lookup(&OpContext::internal(parent), request).await.unwrap().attributes.inode
}

async fn create(house: &House, parent: InodeId, text: &str) -> InodeId {
    let how = CreateHow::Guarded(SetAttributes { mode: Some(0o640), ..SetAttributes::default() });
    let request = CreateRequest { parent, name: name(text), how };
    house.create(&OpContext::internal(parent), request).await.unwrap().attributes.inode
}

async fn write(house: &House, inode: InodeId, bytes: &'static [u8]) {
    write_at(house, inode, (0, bytes)).await;
}

async fn write_at(house: &House, inode: InodeId, (offset, bytes): (u64, &'static [u8])) {
    let data = Bytes::from_static(bytes).into();
    let request = WriteRequest { inode, via: Via::Anonymous, offset, data, stability: Stability::File };
    house.write(&OpContext::internal(inode), request).await.unwrap();
}

async fn read(house: &House, inode: InodeId, offset: u64, length: u32) -> Vec<u8> {
    let request = ReadRequest { inode, via: Via::Anonymous, offset, length };
    house.read(&OpContext::internal(inode), request).await.unwrap().data.to_bytes().to_vec()
}

fn name(text: &str) -> Name {
    Name::try_from(text).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}
