use std::sync::Arc;

use vfs::{CreateHow, FsError, InodeId, Name, SetAttributes, ShardId, Stability, Via, WriteRequest, WriteVerifier};

use super::*;
use crate::{block_on, vfs_conformance};

#[test]
fn conforms() {
    let clock = Arc::new(ManualClock::standing());
    let house = ReferenceFilesystem::new(clock.clone());
    block_on(vfs_conformance::all(&house, &clock));
}

fn context() -> OpContext {
    OpContext::internal(InodeId::root_of(ShardId::ROOT))
}

fn create(house: &ReferenceFilesystem, name: &str) -> Result<InodeId, FsError> {
    let how = CreateHow::Guarded(SetAttributes::default());
    let request = CreateRequest { parent: context().root, name: Name::try_from(name).unwrap(), how };
    let reply = block_on(house.create(&context(), request));
    reply.map(|reply| reply.attributes.inode).map_err(|failure| failure.error)
}

fn write(
    house: &ReferenceFilesystem,
    (inode, offset): (InodeId, u64),
    data: &[u8],
    stability: Stability,
) -> Result<WriteVerifier, FsError> {
    let request = WriteRequest { inode, via: Via::Anonymous, offset, data: data.to_vec().into(), stability };
    let reply = block_on(house.write(&context(), request));
    reply.map(|reply| reply.verifier).map_err(|failure| failure.error)
}

fn read(house: &ReferenceFilesystem, inode: InodeId) -> Vec<u8> {
    let request = ReadRequest { inode, via: Via::Anonymous, offset: 0, length: 1 << 20 };
    block_on(house.read(&context(), request)).unwrap().data.to_bytes().to_vec()
}

#[test]
fn a_crash_loses_what_is_not_stable() {
    let house = ReferenceFilesystem::default();
    let file = create(&house, "file").unwrap();
    let before = write(&house, (file, 0), b"stable", Stability::File).unwrap();
    assert_eq!(write(&house, (file, 2), &[1; 9000], Stability::Unstable), Ok(before));
    let torn = block_on(house.getattr(&context(), file)).unwrap().attributes;
    house.crash();
    assert_ne!(house.write_verifier(), before);
    assert_eq!(read(&house, file), b"stable");
    let after = block_on(house.getattr(&context(), file)).unwrap().attributes;
    assert!(after.change > torn.change && after.allocated_bytes == 4096);
    write(&house, (file, 0), b"S", Stability::Unstable).unwrap();
    let request = CommitRequest { inode: file, via: Via::Anonymous, offset: 0, length: 0 };
    block_on(house.commit(&context(), request)).unwrap();
    house.crash();
    assert_eq!(read(&house, file), b"Stable", "committed data survives");
}

#[test]
fn room_ends_and_comes_back() {
    let house = ReferenceFilesystem::default();
    house.set_capacity(MemoryCapacity { bytes: 3 * 4096 + 100, files: 3 });
    let file = create(&house, "a").unwrap();
    create(&house, "b").unwrap();
    assert_eq!(create(&house, "c"), Err(FsError::NoSpace));
    write(&house, (file, 0), &[1; 4096 * 2], Stability::File).unwrap();
    assert_eq!(write(&house, (file, 4096 * 2), &[1; 4097], Stability::File), Err(FsError::NoSpace));
    write(&house, (file, 0), &[2; 4096 * 3], Stability::File).expect("writing over takes no room");
    let statistics = block_on(house.stat_fs(&context(), file)).unwrap().statistics;
    assert_eq!((statistics.free_bytes, statistics.free_files), (0, 0));
    let name = Name::try_from("a").unwrap();
    let request = RemoveRequest { parent: context().root, name, kind: vfs::RemoveKind::File };
    block_on(house.remove(&context(), request)).unwrap();
    let statistics = block_on(house.stat_fs(&context(), context().root)).unwrap().statistics;
    assert_eq!((statistics.free_bytes, statistics.free_files), (3 * 4096, 1));
    create(&house, "c").unwrap();
}
