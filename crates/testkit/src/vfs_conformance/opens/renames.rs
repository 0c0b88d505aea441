//! Renames through an open.

use vfs::{DosAttributes, FsError, OpenRequest, SetAttributes, Vfs};

use super::super::actor::Scene;
use super::{creating, opening};

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    an_open_renames_its_name(scene).await;
    targets_are_replaced_if_nobody_needs_them(scene).await;
    directories_wait_for_what_is_open_below(scene).await;
    a_directory_that_may_be_deleted_takes_no_name(scene).await;
}

/// As on Windows, which opens the directory meanwhile and does not share its deletion.
async fn a_directory_that_may_be_deleted_takes_no_name<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("held", 0o755).await);
    let into = alice.mkdir(root, "into", 0o755).await.unwrap();
    let open = alice.opened(creating(root, "file", "d")).await;
    for (access, outcome) in [("rd", Err(FsError::ShareConflict)), ("rw", Ok(()))] {
        let holder = alice.opened(OpenRequest { directory: Some(true), ..opening(root, "into", access) }).await;
        assert_eq!(alice.move_open(open, (into, "file"), false).await.map(drop), outcome, "{access}");
        alice.close(holder).await.unwrap();
    }
    let holder = alice.opened(OpenRequest { directory: Some(true), ..opening(root, "into", "d") }).await;
    alice.move_open(open, (root, "file"), false).await.expect("it may lose one");
    alice.rename((root, "file"), (into, "file")).await.expect("NFS knows no opens");
    alice.close(holder).await.unwrap();
    alice.close(open).await.unwrap();
}

async fn an_open_renames_its_name<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("renames", 0o755).await);
    let reader = alice.opened(creating(root, "file", "r")).await;
    assert_eq!(alice.move_open(reader, (root, "new"), false).await, Err(FsError::AccessDenied), "without DELETE");
    let open = alice.opened(opening(root, "file", "d")).await;
    alice.move_open(open, (root, "new"), false).await.unwrap();
    assert!(!alice.has(root, "file").await && alice.has(root, "new").await);
    alice.move_open(open, (root, "NEW"), false).await.expect("it may be written in another way");
    assert!(!alice.has(root, "new").await && alice.has(root, "NEW").await);
    alice.move_open(open, (root, "NEW"), false).await.expect("or stay as it is");
    let below = alice.mkdir(root, "below", 0o755).await.unwrap();
    alice.rename((root, "NEW"), (root, "moved")).await.unwrap();
    alice.move_open(open, (below, "moved"), false).await.expect("by the name that it has now");
    assert!(alice.has(below, "moved").await);
    alice.close(open).await.unwrap();
    alice.close(reader).await.unwrap();
}

async fn targets_are_replaced_if_nobody_needs_them<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("targets", 0o755).await);
    let target = alice.create(root, "target", 0o644).await.unwrap();
    alice.mkdir(root, "directory", 0o755).await.unwrap();
    let dos = SetAttributes { dos: Some(DosAttributes::READ_ONLY), ..SetAttributes::default() };
    let kept = alice.create(root, "kept", 0o644).await.unwrap();
    alice.set(kept, dos).await.unwrap();
    let open = alice.open(creating(root, "file", "d")).await.unwrap();
    assert_eq!(alice.move_open(open.open, (root, "TARGET"), false).await, Err(FsError::Exists));
    let used = alice.opened(opening(root, "target", "a")).await;
    assert_eq!(alice.move_open(open.open, (root, "target"), true).await, Err(FsError::AccessDenied), "it is open");
    alice.close(used).await.unwrap();
    assert_eq!(alice.move_open(open.open, (root, "kept"), true).await, Err(FsError::AccessDenied));
    assert_eq!(alice.move_open(open.open, (root, "directory"), true).await, Err(FsError::IsDirectory));
    let entries = alice.attributes(root).await.unwrap().size;
    alice.move_open(open.open, (root, "TARGET"), true).await.unwrap();
    assert_eq!(alice.attributes(root).await.unwrap().size, entries - 1);
    assert!(!alice.has(root, "target").await && !alice.has(root, "file").await);
    assert_eq!(alice.lookup(root, "TARGET").await.unwrap().inode, open.attributes.inode);
    assert_eq!(alice.attributes(target).await.err(), Some(FsError::StaleHandle));
    alice.close(open.open).await.unwrap();
}

async fn directories_wait_for_what_is_open_below<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("below", 0o755).await);
    let attributes = SetAttributes { mode: Some(0o755), ..SetAttributes::default() };
    let top = OpenRequest { directory: Some(true), attributes, ..creating(root, "top", "rd") };
    let top = alice.open(top).await.unwrap();
    let inner = alice.mkdir(top.attributes.inode, "inner", 0o755).await.unwrap();
    let deep = alice.opened(creating(inner, "deep", "r")).await;
    assert_eq!(alice.move_open(top.open, (root, "new"), false).await, Err(FsError::AccessDenied));
    alice.rename((top.attributes.inode, "inner"), (top.attributes.inode, "moved")).await.expect("NFS knows no opens");
    alice.close(deep).await.unwrap();
    alice.move_open(top.open, (root, "new"), false).await.unwrap();
    assert!(alice.has(root, "new").await);
    alice.close(top.open).await.unwrap();
}
