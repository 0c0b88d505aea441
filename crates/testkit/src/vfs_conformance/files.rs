//! The bytes of files (RFC 1813 3.3.6, 3.3.7, 3.3.21).

use vfs::limits::FILE_SIZE_MAX;
use vfs::{FsError, Stability, Vfs, Via, WriteRequest};

use super::actor::{Actor, Scene};

const REGION: u64 = 256 * 1024;

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    what_was_written_is_read(scene).await;
    ends_are_told(scene).await;
    cut_bytes_never_come_back(scene).await;
    sparse_files_read_as_zeros(scene).await;
    files_have_a_largest_size(scene).await;
    writes_and_commits_name_one_verifier(scene).await;
    errors_come_in_order(scene).await;
}

async fn bytes<V: Vfs>(actor: &Actor<'_, V>, inode: vfs::InodeId, (offset, length): (u64, u32)) -> Vec<u8> {
    actor.read(inode, offset, length).await.unwrap().data.to_bytes().to_vec()
}

async fn what_was_written_is_read<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("bytes", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    let mut model = vec![0; 600_000];
    let mut size = 0;
    for (round, (offset, length)) in
        [(0, 1), (4095, 2), (4096, 4096), (100, 8000), (REGION - 1, 2), (REGION - 5000, 10_000), (0, 530_000), (7, 0)]
            .into_iter()
            .enumerate()
    {
        let data: Vec<u8> = (0..length).map(|index| u8::try_from((index * 7 + round) % 251).unwrap()).collect();
        let reply = alice.write(file, offset, &data).await.unwrap();
        let start = usize::try_from(offset).unwrap();
        model[start..start + length].copy_from_slice(&data);
        size = if length == 0 { size } else { size.max(start + length) };
        assert_eq!((reply.count as usize, reply.change.after.size), (length, size as u64));
        let whole = bytes(&alice, file, (0, 700_000)).await;
        assert!(whole == model[..size], "round {round}");
    }
    alice.commit(file).await.unwrap();
    assert!(bytes(&alice, file, (0, 700_000)).await == model[..size], "after a commit");
    assert!(bytes(&alice, file, (4000, 5000)).await == model[4000..9000], "a part");
}

async fn ends_are_told<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("ends", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    let read = async |offset, length| {
        let reply = alice.read(file, offset, length).await.unwrap();
        (reply.data.len(), reply.end_of_file)
    };
    assert_eq!(read(0, 10).await, (0, true), "an empty file");
    alice.write(file, 0, &[1; 100]).await.unwrap();
    assert_eq!(read(0, 99).await, (99, false));
    assert_eq!(read(0, 100).await, (100, true));
    assert_eq!(read(50, 1000).await, (50, true));
    assert_eq!(read(100, 1).await, (0, true));
    assert_eq!(read(u64::MAX, 1).await, (0, true));
    assert_eq!(read(10, 0).await, (0, false));
}

async fn cut_bytes_never_come_back<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("cut", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    for is_committed in [false, true] {
        alice.truncate(file, 0).await.unwrap();
        alice.write(file, 0, &[9; 20_000]).await.unwrap();
        if is_committed {
            alice.commit(file).await.unwrap();
        }
        assert_eq!(alice.truncate(file, 5000).await.unwrap().size, 5000);
        assert_eq!(bytes(&alice, file, (0, 30_000)).await, [9; 5000]);
        alice.truncate(file, 10_000).await.unwrap();
        assert_eq!(bytes(&alice, file, (4999, 30_000)).await, [&[9][..], &[0; 5000]].concat());
        alice.write(file, 15_000, &[8]).await.unwrap();
        assert_eq!(bytes(&alice, file, (9000, 30_000)).await, [&[0; 6000][..], &[8]].concat());
    }
}

async fn sparse_files_read_as_zeros<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("sparse", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    let far = 1 << 40;
    let reply = alice.write(file, far - 1, b"end").await.unwrap();
    assert_eq!(reply.change.after.size, far + 2);
    assert_eq!(bytes(&alice, file, (far - 5, 100)).await, b"\0\0\0\0end");
    assert_eq!(bytes(&alice, file, (far / 2, 9000)).await, [0; 9000]);
    let held = alice.commit(file).await.unwrap().allocated_bytes;
    assert!(held < 1 << 24, "a hole takes no room: {held}");
    alice.truncate(file, 3).await.unwrap();
    alice.truncate(file, far + 2).await.unwrap();
    assert_eq!(bytes(&alice, file, (far - 5, 100)).await, [0; 7]);
    alice.remove(root, "file").await.unwrap();
}

async fn files_have_a_largest_size<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("largest", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    for offset in [FILE_SIZE_MAX - 1, FILE_SIZE_MAX, u64::MAX - 1, u64::MAX] {
        assert_eq!(alice.write(file, offset, b"xy").await.err(), Some(FsError::FileTooLarge), "{offset}");
    }
    assert_eq!(alice.truncate(file, FILE_SIZE_MAX + 1).await.err(), Some(FsError::FileTooLarge));
    assert_eq!(alice.attributes(file).await.unwrap().size, 0, "refused writes change nothing");
    alice.write(file, FILE_SIZE_MAX - 2, b"xy").await.expect("the last bytes of the largest file");
    assert_eq!(alice.attributes(file).await.unwrap().size, FILE_SIZE_MAX);
    assert_eq!(bytes(&alice, file, (FILE_SIZE_MAX - 3, 10)).await, b"\0xy");
    alice.remove(root, "file").await.unwrap();
}

async fn writes_and_commits_name_one_verifier<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("stable", 0o755).await);
    let inode = alice.create(root, "file", 0o644).await.unwrap();
    let verifier = scene.house.write_verifier();
    for stability in [Stability::Unstable, Stability::Data, Stability::File] {
        let data = b"data".to_vec().into();
        let request = WriteRequest { inode, via: Via::Anonymous, offset: 0, data, stability };
        let reply = scene.house.write(&alice.ctx, request).await.unwrap();
        assert!(reply.stability >= stability, "{stability:?}");
        assert_eq!(reply.verifier, verifier);
    }
    alice.commit(inode).await.unwrap();
    assert_eq!(scene.house.write_verifier(), verifier, "the verifier stays as long as nothing is lost");
}

async fn errors_come_in_order<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("order", 0o755).await);
    let file = alice.create(root, "file", 0o600).await.unwrap();
    assert_eq!(bob.read(file, 0, 1).await.err(), Some(FsError::AccessDenied));
    assert_eq!(bob.write(file, u64::MAX, b"xy").await.err(), Some(FsError::AccessDenied), "permission before size");
    assert_eq!(bob.commit(file).await.err(), Some(FsError::AccessDenied));
    alice.remove(root, "file").await.unwrap();
    assert_eq!(alice.read(file, 0, 1).await.err(), Some(FsError::StaleHandle));
    assert_eq!(alice.write(file, 0, b"x").await.err(), Some(FsError::StaleHandle));
    assert_eq!(alice.commit(file).await.err(), Some(FsError::StaleHandle));
    assert_eq!(alice.truncate(file, 0).await.err(), Some(FsError::StaleHandle));
}
