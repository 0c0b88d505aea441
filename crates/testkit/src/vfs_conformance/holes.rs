//! Ranges of files that become holes, and finding data and holes.

use vfs::limits::FILE_SIZE_MAX;
use vfs::{Change, FsError, InodeId, RangeRequest, SeekKind, SeekRequest, Vfs, Via};

use super::actor::{Actor, Scene};

const BLOCK: u64 = 4096;
const REGION: u64 = 256 * 1024;

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    holes_read_as_zeros_and_take_no_room(scene).await;
    many_regions_go_at_once(scene).await;
    the_end_goes_with_its_block(scene).await;
    data_and_holes_are_found(scene).await;
    errors_come_in_order(scene).await;
}

async fn punch<V: Vfs>(actor: &Actor<'_, V>, inode: InodeId, (offset, length): (u64, u64)) -> Result<Change, FsError> {
    let request = RangeRequest { inode, via: Via::Anonymous, offset, length };
    actor.house.deallocate(actor.next(), request).await.map_err(|failure| failure.error)
}

async fn seek<V: Vfs>(actor: &Actor<'_, V>, inode: InodeId, (offset, kind): (u64, SeekKind)) -> Option<u64> {
    let request = SeekRequest { inode, via: Via::Anonymous, offset, kind };
    actor.house.seek(&actor.ctx, request).await.unwrap().offset
}

async fn bytes<V: Vfs>(actor: &Actor<'_, V>, inode: InodeId) -> Vec<u8> {
    actor.read(inode, 0, 4 << 20).await.unwrap().data.to_bytes().to_vec()
}

async fn holes_read_as_zeros_and_take_no_room<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("zeros", 0o755).await);
    for is_committed in [false, true] {
        let name = format!("file-{is_committed}");
        let file = alice.create(root, &name, 0o644).await.unwrap();
        let size = 3 * REGION + 100;
        let mut model = vec![7; usize::try_from(size).unwrap()];
        alice.write(file, 0, &model).await.unwrap();
        for (offset, length) in [
            (10, 20),
            (BLOCK - 1, 2),
            (2 * BLOCK, BLOCK),
            (5 * BLOCK + 1, 3 * BLOCK),
            (REGION - 100, REGION + 200),
            (0, 0),
            (2 * REGION, BLOCK),
        ] {
            if is_committed {
                alice.commit(file).await.unwrap();
            }
            let before = alice.attributes(file).await.unwrap();
            let change = punch(&alice, file, (offset, length)).await.unwrap();
            assert_eq!(change.after.size, size);
            assert_eq!(change.after.change > before.change, length > 0, "{offset} {length}");
            assert_eq!(change.after.modified > before.modified, length > 0, "{offset} {length}");
            let [start, end] = [offset, offset + length].map(|at| usize::try_from(at).unwrap());
            model[start..end].fill(0);
            assert!(bytes(&alice, file).await == model, "{offset} {length}");
        }
        alice.write(file, REGION, b"again").await.unwrap();
        let at = usize::try_from(REGION).unwrap();
        model[at..at + 5].copy_from_slice(b"again");
        assert!(bytes(&alice, file).await == model, "what is written into a hole stands there");
        let held = alice.commit(file).await.unwrap().allocated_bytes;
        // One block alone, three less two parts, one region less a block at each side, the one behind, and one back again.
        assert_eq!(held, (193 - 1 - 2 - 64 - 1 + 1) * BLOCK);
        assert!(bytes(&alice, file).await == model, "after a commit");
    }
}

async fn many_regions_go_at_once<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("many", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    for index in 0..120 {
        alice.write(file, index * REGION + 5, b"x").await.unwrap();
    }
    alice.write(file, 1 << 40, b"end").await.unwrap();
    alice.commit(file).await.unwrap();
    punch(&alice, file, (1, (1 << 40) - 2)).await.unwrap();
    assert_eq!(alice.commit(file).await.unwrap().allocated_bytes, 2 * BLOCK, "the first block in part, and the last");
    assert_eq!(alice.read(file, 0, 10).await.unwrap().data.to_bytes(), [0; 10][..]);
    assert_eq!(seek(&alice, file, (BLOCK, SeekKind::Data)).await, Some(1 << 40));
    punch(&alice, file, (0, FILE_SIZE_MAX)).await.unwrap();
    let after = alice.commit(file).await.unwrap();
    assert_eq!((after.allocated_bytes, after.size), (0, (1 << 40) + 3));
    alice.remove(root, "file").await.unwrap();
}

async fn the_end_goes_with_its_block<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("end", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    alice.write(file, 0, &[5; 5000]).await.unwrap();
    let change = punch(&alice, file, (5000, 100)).await.unwrap();
    assert_eq!(change.before, change.after.pre(), "behind the end is nothing");
    punch(&alice, file, (BLOCK, 2000)).await.unwrap();
    let after = alice.commit(file).await.unwrap();
    assert_eq!((after.size, after.allocated_bytes), (5000, BLOCK));
    assert!(bytes(&alice, file).await == [&[5; 4096][..], &[0; 904]].concat());
}

async fn data_and_holes_are_found<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("found", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    assert_eq!(seek(&alice, file, (0, SeekKind::Hole)).await, None, "an empty file has no byte");
    let far = 5 * REGION + 3 * BLOCK;
    for offset in [2 * BLOCK + 10, 3 * BLOCK, REGION - 1, far] {
        alice.write(file, offset, &[1; 10]).await.unwrap();
    }
    alice.truncate(file, far + 2 * BLOCK + 1).await.unwrap();
    for (from, data, hole) in [
        (0, Some(2 * BLOCK), Some(0)),
        (2 * BLOCK + 5, Some(2 * BLOCK + 5), Some(4 * BLOCK)),
        (4 * BLOCK, Some(REGION - BLOCK), Some(4 * BLOCK)),
        (REGION - 1, Some(REGION - 1), Some(REGION + BLOCK)),
        (REGION + BLOCK, Some(far), Some(REGION + BLOCK)),
        (far + 1, Some(far + 1), Some(far + BLOCK)),
        (far + BLOCK, None, Some(far + BLOCK)),
        (far + 2 * BLOCK + 1, None, None),
    ] {
        assert_eq!(seek(&alice, file, (from, SeekKind::Data)).await, data, "data from {from}");
        assert_eq!(seek(&alice, file, (from, SeekKind::Hole)).await, hole, "a hole from {from}");
    }
    alice.truncate(file, far + 10).await.unwrap();
    assert_eq!(seek(&alice, file, (far + 3, SeekKind::Hole)).await, Some(far + 10), "the end counts as a hole");
}

async fn errors_come_in_order<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("order", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    assert_eq!(punch(&bob, file, (u64::MAX, 2)).await.err(), Some(FsError::AccessDenied), "permission before size");
    assert_eq!(punch(&alice, file, (u64::MAX, 2)).await.err(), Some(FsError::FileTooLarge));
    assert_eq!(punch(&alice, root, (0, 1)).await.err(), Some(FsError::IsDirectory));
    alice.remove(root, "file").await.unwrap();
    assert_eq!(punch(&alice, file, (0, 1)).await.err(), Some(FsError::StaleHandle));
}
