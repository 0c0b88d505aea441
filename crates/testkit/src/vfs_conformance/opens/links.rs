//! Symbolic links: opened themselves or not at all, and made of what is open.

use bytes::Bytes;
use vfs::{FileType, FsError, MakeSymlinkRequest, OpenId, OpenRequest, SymlinkRequest, Vfs};

use super::super::actor::{Actor, Scene, named};
use super::{creating, opening};

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    links_are_opened_where_that_is_meant(scene).await;
    what_is_empty_becomes_a_link(scene).await;
    what_is_not_stays(scene).await;
}

async fn make<V: Vfs>(actor: &Actor<'_, V>, open: OpenId, target: &str) -> Result<FileType, FsError> {
    let request = MakeSymlinkRequest { open, target: Bytes::copy_from_slice(target.as_bytes()) };
    let made = actor.house.make_symlink(actor.next(), request).await;
    made.map(|attributes| attributes.file_type).map_err(|failure| failure.error)
}

async fn links_are_opened_where_that_is_meant<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("meant", 0o755).await);
    let (target, attributes) = (Bytes::from_static(b"nowhere"), vfs::SetAttributes::default());
    let request = SymlinkRequest { parent: root, name: named("link"), target, attributes };
    alice.house.symlink(alice.next(), request).await.unwrap();
    let opened = alice.open(opening(root, "link", "a")).await.unwrap();
    assert_eq!(opened.attributes.file_type, FileType::Symlink);
    alice.close(opened.open).await.unwrap();
    for directory in [None, Some(true), Some(false)] {
        let request = OpenRequest { opens_links: false, directory, ..opening(root, "link", "a") };
        assert_eq!(alice.open(request).await.err(), Some(FsError::IsSymlink), "{directory:?}");
    }
    let request = OpenRequest { opens_links: false, ..creating(root, "link", "a") };
    assert_eq!(alice.open(request).await.err(), Some(FsError::Exists));
}

async fn what_is_empty_becomes_a_link<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("becomes", 0o755).await);
    let links = alice.attributes(root).await.unwrap().links;
    for (name, directory) in [("file", Some(false)), ("directory", Some(true))] {
        let made = alice.open(OpenRequest { directory, ..creating(root, name, "rws") }).await.unwrap();
        assert_eq!(make(&alice, made.open, "to/there").await, Ok(FileType::Symlink), "{name}");
        let found = alice.lookup(root, name).await.unwrap();
        assert_eq!((found.file_type, found.links, found.mode), (FileType::Symlink, 1, 0o777), "{name}");
        assert_ne!(found.inode, made.attributes.inode);
        assert_eq!(alice.house.readlink(&alice.ctx, found.inode).await.unwrap().target, "to/there");
        assert_eq!(make(&alice, made.open, "again").await, Err(FsError::NotFound), "its name is gone");
        alice.close(made.open).await.unwrap();
        assert_eq!(alice.lookup(root, name).await.unwrap().inode, found.inode);
    }
    let after = alice.attributes(root).await.unwrap();
    assert_eq!((after.links, after.size), (links, 2));
}

async fn what_is_not_stays<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("stays", 0o755).await);
    let full = alice.open(creating(root, "full", "rw")).await.unwrap();
    alice.write(full.attributes.inode, 0, b"x").await.unwrap();
    assert_eq!(make(&alice, full.open, "there").await, Err(FsError::NotEmpty));
    let attributes = vfs::SetAttributes { mode: Some(0o755), ..vfs::SetAttributes::default() };
    let request = OpenRequest { directory: Some(true), attributes, ..creating(root, "directory", "rws") };
    let directory = alice.open(request).await.unwrap();
    alice.create(directory.attributes.inode, "below", 0o644).await.unwrap();
    assert_eq!(make(&alice, directory.open, "there").await, Err(FsError::NotEmpty));
    let read = alice.open(creating(root, "read", "r")).await.unwrap();
    assert_eq!(make(&alice, read.open, "there").await, Err(FsError::AccessDenied));
    let empty = alice.open(creating(root, "empty", "w")).await.unwrap();
    for (target, error) in [("", FsError::InvalidArgument), ("a\0b", FsError::InvalidArgument)] {
        assert_eq!(make(&alice, empty.open, target).await, Err(error));
    }
    assert_eq!(make(&alice, empty.open, &"l".repeat(4096)).await, Err(FsError::NameTooLong));
    alice.link(empty.attributes.inode, root, "second").await.unwrap();
    assert_eq!(make(&alice, empty.open, "there").await, Err(FsError::NotEmpty), "it has another name");
    for open in [full.open, directory.open, read.open, empty.open] {
        alice.close(open).await.unwrap();
    }
    assert_eq!(make(&alice, empty.open, "there").await, Err(FsError::BadOpen));
}
