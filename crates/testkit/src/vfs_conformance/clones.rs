//! Ranges that are shared between files.

use vfs::limits::FILE_SIZE_MAX;
use vfs::{Change, CloneRangeRequest, FsError, InodeId, Vfs, Via};

use super::actor::{Actor, Scene};

const BLOCK: u64 = 4096;
const REGION: u64 = 256 * 1024;

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    what_is_shared_is_changed_apart(scene).await;
    a_range_goes_elsewhere_in_its_file(scene).await;
    ends_within_a_block(scene).await;
    holes_are_taken_along(scene).await;
    errors_come_in_order(scene).await;
}

async fn clone<V: Vfs>(
    actor: &Actor<'_, V>,
    (source, source_offset): (InodeId, u64),
    (target, target_offset): (InodeId, u64),
    length: u64,
) -> Result<Change, FsError> {
    let via = Via::Anonymous;
    let request = CloneRangeRequest {
        source,
        source_via: via,
        source_offset,
        target,
        target_via: via,
        target_offset,
        length,
        heeds_locks: true,
    };
    actor.house.clone_range(actor.next(), request).await.map_err(|failure| failure.error)
}

async fn bytes<V: Vfs>(actor: &Actor<'_, V>, inode: InodeId) -> Vec<u8> {
    actor.read(inode, 0, 4 << 20).await.unwrap().data.to_bytes().to_vec()
}

fn pattern(seed: u64, length: u64) -> Vec<u8> {
    let mut random = crate::Random::new(seed);
    std::iter::repeat_with(|| random.bits().to_le_bytes()).flatten().take(usize::try_from(length).unwrap()).collect()
}

async fn what_is_shared_is_changed_apart<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("apart", 0o755).await);
    let size = 3 * REGION + 5 * BLOCK;
    let source = alice.create(root, "source", 0o644).await.unwrap();
    let target = alice.create(root, "target", 0o6777).await.unwrap();
    let mut first = pattern(1, size);
    alice.write(source, 0, &first).await.unwrap();
    alice.write(target, 0, b"goes").await.unwrap();
    let (before, shown) = (alice.attributes(target).await.unwrap(), alice.attributes(source).await.unwrap());
    let change = clone(&alice, (source, 0), (target, 0), size).await.unwrap();
    assert_eq!((change.after.size, change.after.allocated_bytes), (size, size), "each is charged for all of it");
    assert!(change.after.change > before.change && change.after.modified > before.modified);
    assert_eq!(change.after.mode, 0o777, "as with a write");
    assert_eq!(alice.attributes(source).await.unwrap().modified, shown.modified);
    assert!(bytes(&alice, target).await == first, "what was not committed is taken along");
    let mut second = first.clone();
    alice.write(source, REGION + 10, b"of the source").await.unwrap();
    alice.write(target, 2 * REGION - 3, b"of the target").await.unwrap();
    for (bytes, at, text) in
        [(&mut first, REGION + 10, &b"of the source"[..]), (&mut second, 2 * REGION - 3, &b"of the target"[..])]
    {
        let at = usize::try_from(at).unwrap();
        bytes[at..at + text.len()].copy_from_slice(text);
    }
    for _ in 0..2 {
        assert!(bytes(&alice, source).await == first);
        assert!(bytes(&alice, target).await == second);
        alice.commit(source).await.unwrap();
        alice.commit(target).await.unwrap();
    }
    alice.remove(root, "source").await.unwrap();
    assert!(bytes(&alice, target).await == second, "the other stays");
    let third = alice.create(root, "third", 0o644).await.unwrap();
    clone(&alice, (target, 0), (third, 0), size).await.unwrap();
    alice.truncate(target, BLOCK + 1).await.unwrap();
    assert!(bytes(&alice, third).await == second);
    alice.truncate(target, size).await.unwrap();
    second[usize::try_from(BLOCK + 1).unwrap()..].fill(0);
    assert!(bytes(&alice, target).await == second, "what was cut off does not come back");
}

async fn a_range_goes_elsewhere_in_its_file<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("within", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    let mut model = pattern(2, 2 * REGION);
    alice.write(file, 0, &model).await.unwrap();
    for (from, to, length) in [
        (0, BLOCK, BLOCK),
        (BLOCK, 0, BLOCK),
        (0, 10 * BLOCK, 10 * BLOCK),
        (REGION - 7 * BLOCK, 3 * BLOCK, 20 * BLOCK),
        (3 * BLOCK, REGION + 11 * BLOCK, 30 * BLOCK),
        (0, 2 * REGION + BLOCK, REGION + BLOCK),
    ] {
        clone(&alice, (file, from), (file, to), length).await.unwrap();
        let [from, to, length] = [from, to, length].map(|at| usize::try_from(at).unwrap());
        model.resize(model.len().max(to + length), 0);
        model.copy_within(from..from + length, to);
        assert!(bytes(&alice, file).await == model, "{from} to {to}");
        alice.write(file, 5, b"again").await.unwrap();
        model[5..10].copy_from_slice(b"again");
    }
    assert_eq!(clone(&alice, (file, 0), (file, BLOCK), 2 * BLOCK).await.err(), Some(FsError::InvalidArgument));
    assert!(bytes(&alice, file).await == model, "what overlaps is refused");
}

async fn ends_within_a_block<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("ends", 0o755).await);
    let source = alice.create(root, "source", 0o644).await.unwrap();
    let first = pattern(3, 2 * BLOCK + 100);
    alice.write(source, 0, &first).await.unwrap();
    // Alone at its end, before what the target has behind it, and where the source goes on afterwards.
    let alone = alice.create(root, "alone", 0o644).await.unwrap();
    clone(&alice, (source, 0), (alone, 0), 2 * BLOCK + 100).await.unwrap();
    assert!(bytes(&alice, alone).await == first);
    alice.truncate(alone, 3 * BLOCK).await.unwrap();
    assert_eq!(alice.read(alone, 2 * BLOCK + 100, 4096).await.unwrap().data.to_bytes(), [0; 3996][..]);
    let longer = alice.create(root, "longer", 0o644).await.unwrap();
    let mut model = pattern(4, 5 * BLOCK);
    alice.write(longer, 0, &model).await.unwrap();
    clone(&alice, (source, 0), (longer, BLOCK), 2 * BLOCK + 100).await.unwrap();
    model[4096..3 * 4096 + 100].copy_from_slice(&first);
    assert!(bytes(&alice, longer).await == model, "what lies behind the range stays");
    alice.write(source, 2 * BLOCK, &[9; 4096]).await.unwrap();
    assert!(bytes(&alice, alone).await[..first.len()] == first);
    clone(&alice, (source, BLOCK), (longer, 3 * BLOCK), BLOCK + 7).await.unwrap();
    model[3 * 4096..4 * 4096].copy_from_slice(&first[4096..2 * 4096]);
    model[4 * 4096..4 * 4096 + 7].fill(9);
    assert!(bytes(&alice, longer).await == model, "where neither ends");
}

async fn holes_are_taken_along<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("holes", 0o755).await);
    let source = alice.create(root, "source", 0o644).await.unwrap();
    let far = 1 << 40;
    for index in 0..120 {
        alice.write(source, index * 3 * REGION + 5, b"x").await.unwrap();
    }
    alice.write(source, far, &pattern(5, BLOCK)).await.unwrap();
    let target = alice.create(root, "target", 0o644).await.unwrap();
    alice.write(target, 0, &pattern(6, 2 * REGION)).await.unwrap();
    alice.write(target, 3 * REGION, &pattern(6, BLOCK)).await.unwrap();
    let change = clone(&alice, (source, 0), (target, 3 * BLOCK), far + BLOCK).await.unwrap();
    assert_eq!(change.after.size, far + 4 * BLOCK);
    assert_eq!(alice.commit(target).await.unwrap().allocated_bytes, (3 + 121) * BLOCK, "holes are holes there too");
    let read = alice.read(target, 0, 4 << 20).await.unwrap().data.to_bytes();
    let mut model = pattern(6, 3 * BLOCK);
    model.resize(read.len(), 0);
    for index in 0..120 {
        let at = usize::try_from(index * 3 * REGION + 5 + 3 * BLOCK).unwrap();
        if let Some(byte) = model.get_mut(at) {
            *byte = b'x';
        }
    }
    assert!(read == model);
    let end = alice.read(target, far + 3 * BLOCK, 4096).await.unwrap().data.to_bytes();
    assert!(end == pattern(5, BLOCK));
    clone(&alice, (source, BLOCK), (target, 0), 2 * BLOCK).await.unwrap();
    assert_eq!(
        alice.read(target, 0, 8192).await.unwrap().data.to_bytes(),
        [0; 8192][..],
        "a hole takes what was there"
    );
    assert_eq!(alice.commit(target).await.unwrap().allocated_bytes, 122 * BLOCK);
}

async fn errors_come_in_order<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("order", 0o755).await);
    let source = alice.create(root, "source", 0o600).await.unwrap();
    let target = alice.create(root, "target", 0o644).await.unwrap();
    alice.write(source, 0, &[1; 8192]).await.unwrap();
    let (from, to) = ((source, 0), (target, 0));
    assert_eq!(clone(&bob, from, (root, 0), 1).await.err(), Some(FsError::AccessDenied), "the source first");
    assert_eq!(clone(&bob, (target, 0), (source, 0), 0).await.err(), Some(FsError::AccessDenied));
    assert_eq!(clone(&alice, (root, 0), to, 1).await.err(), Some(FsError::IsDirectory));
    assert_eq!(clone(&alice, from, (root, 0), 1).await.err(), Some(FsError::IsDirectory));
    let far = FILE_SIZE_MAX / BLOCK * BLOCK;
    assert_eq!(clone(&alice, from, (target, far), 2 * BLOCK).await.err(), Some(FsError::FileTooLarge));
    for (from, to, length) in [(1, 0, BLOCK), (0, 1, BLOCK), (0, 0, 3 * BLOCK), (2 * BLOCK, 0, BLOCK)] {
        let error = clone(&alice, (source, from), (target, to), length).await.err();
        assert_eq!(error, Some(FsError::InvalidArgument), "{from} {to} {length}");
    }
    let change = clone(&alice, from, to, 0).await.unwrap();
    assert_eq!(change.before, change.after.pre(), "nothing is nothing");
    alice.remove(root, "source").await.unwrap();
    assert_eq!(clone(&alice, from, to, BLOCK).await.err(), Some(FsError::StaleHandle));
}
