//! Symbolic links and special files (RFC 1813 3.3.10, 3.3.11, 3.3.5).

use vfs::{DeviceNumber, FileType, FsError, NodeKind, Vfs};

use super::actor::Scene;

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    a_link_keeps_its_target(scene).await;
    targets_are_checked(scene).await;
    special_files_have_their_kind(scene).await;
    only_regular_files_have_bytes(scene).await;
}

async fn a_link_keeps_its_target<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("links", 0o755).await);
    let target = b"../some \xff path/that is/not there";
    let reply = alice.symlink(root, "link", target).await.unwrap();
    let made = &reply.attributes;
    assert_eq!((made.file_type, made.size, made.mode), (FileType::Symlink, target.len() as u64, 0o777));
    assert_eq!(scene.bob().readlink(made.inode).await.unwrap().as_ref(), target, "anyone may read a link");
    assert_eq!(alice.readlink(root).await, Err(FsError::InvalidArgument));
}

async fn targets_are_checked<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("targets", 0o755).await);
    assert_eq!(alice.symlink(root, "link", b"").await.err(), Some(FsError::InvalidArgument));
    assert_eq!(alice.symlink(root, "link", b"a\0b").await.err(), Some(FsError::InvalidArgument));
    assert_eq!(alice.symlink(root, "link", &[b'x'; 4096]).await.err(), Some(FsError::NameTooLong));
    assert_eq!(scene.bob().symlink(root, "link", b"").await.err(), Some(FsError::AccessDenied), "write first");
    let longest = alice.symlink(root, "link", &[b'x'; 4095]).await.unwrap();
    assert_eq!(alice.readlink(longest.attributes.inode).await.unwrap(), vec![b'x'; 4095]);
}

async fn special_files_have_their_kind<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, superuser, root) = (scene.alice(), scene.superuser(), scene.stage("nodes", 0o777).await);
    let device = DeviceNumber { major: 259, minor: 70_000 };
    for (name, kind, file_type, number) in [
        ("fifo", NodeKind::Fifo, FileType::Fifo, DeviceNumber::default()),
        ("socket", NodeKind::Socket, FileType::Socket, DeviceNumber::default()),
        ("block", NodeKind::Block(device), FileType::Block, device),
        ("character", NodeKind::Character(device), FileType::Character, device),
    ] {
        if number == device {
            assert_eq!(alice.mknod(root, name, kind).await.err(), Some(FsError::NotPermitted), "{name}");
        }
        let made = superuser.mknod(root, name, kind).await.unwrap();
        assert_eq!((made.file_type, made.device, made.size, made.links), (file_type, number, 0, 1), "{name}");
        assert_eq!(alice.lookup(root, name).await.unwrap(), made);
        assert_eq!(alice.mknod(root, name, kind).await.err(), Some(FsError::Exists));
    }
    alice.mknod(root, "own fifo", NodeKind::Fifo).await.expect("anyone may make a pipe");
}

async fn only_regular_files_have_bytes<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("bytes", 0o755).await);
    let fifo = alice.mknod(root, "fifo", NodeKind::Fifo).await.unwrap().inode;
    let link = alice.symlink(root, "link", b"fifo").await.unwrap().attributes.inode;
    for inode in [fifo, link] {
        assert_eq!(alice.read(inode, 0, 1).await.err(), Some(FsError::InvalidArgument));
        assert_eq!(alice.write(inode, 0, b"x").await.err(), Some(FsError::InvalidArgument));
        assert_eq!(alice.commit(inode).await.err(), Some(FsError::InvalidArgument));
        assert_eq!(alice.truncate(inode, 0).await.err(), Some(FsError::InvalidArgument));
    }
    assert_eq!(alice.read(root, 0, 1).await.err(), Some(FsError::IsDirectory));
    assert_eq!(alice.write(root, 0, b"x").await.err(), Some(FsError::IsDirectory));
    assert_eq!(alice.commit(root).await.err(), Some(FsError::IsDirectory));
    assert_eq!(alice.truncate(root, 0).await.err(), Some(FsError::IsDirectory));
}
