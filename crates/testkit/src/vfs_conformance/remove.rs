//! Removing names (RFC 1813 3.3.12, 3.3.13; POSIX `unlink`, sticky directories).

use vfs::{FsError, RemoveKind, Vfs};

use super::actor::Scene;

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    a_name_goes(scene).await;
    sticky_directories_keep_what_is_not_yours(scene).await;
    errors_come_in_order(scene).await;
}

async fn a_name_goes<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("goes", 0o777).await);
    let file = alice.create(root, "file", 0o000).await.unwrap();
    let reply = bob.remove_kind(root, "file", RemoveKind::File).await.expect("the directory decides, not the file");
    assert_eq!((reply.removed.inode, reply.removed.links), (file, 0));
    assert!(reply.parent.before.change < reply.parent.after.change);
    assert_eq!(reply.parent.after, alice.attributes(root).await.unwrap());
    assert_eq!(alice.remove(root, "file").await.err(), Some(FsError::NotFound));
    let again = alice.create(root, "file", 0o644).await.unwrap();
    assert_ne!(again, file, "numbers are not used again");
    alice.remove_kind(root, "file", RemoveKind::Any).await.unwrap();
    alice.mkdir(root, "directory", 0o755).await.unwrap();
    alice.remove_kind(root, "directory", RemoveKind::Any).await.unwrap();
}

async fn sticky_directories_keep_what_is_not_yours<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, carol) = (scene.alice(), scene.bob(), scene.carol());
    let root = scene.stage("sticky", 0o1777).await;
    for name in ["1", "2", "3", "4"] {
        bob.create(root, name, 0o666).await.unwrap();
    }
    bob.mkdir(root, "directory", 0o777).await.unwrap();
    assert_eq!(carol.remove(root, "1").await.err(), Some(FsError::NotPermitted));
    assert_eq!(carol.rmdir(root, "1").await.err(), Some(FsError::NotPermitted), "before the kind");
    assert_eq!(carol.rmdir(root, "directory").await.err(), Some(FsError::NotPermitted));
    assert_eq!(carol.rename((root, "1"), (root, "x")).await.err(), Some(FsError::NotPermitted));
    carol.create(root, "own", 0o666).await.unwrap();
    assert_eq!(carol.rename((root, "own"), (root, "1")).await.err(), Some(FsError::NotPermitted), "the target too");
    bob.remove(root, "1").await.expect("the owner of the file");
    alice.remove(root, "2").await.expect("the owner of the directory");
    scene.superuser().remove(root, "3").await.expect("the superuser");
    carol.rename((root, "own"), (root, "free")).await.expect("one's own");
}

async fn errors_come_in_order<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("order", 0o755).await);
    let file = alice.create(root, "file", 0o666).await.unwrap();
    let closed = alice.mkdir(root, "closed", 0o766).await.unwrap();
    alice.create(closed, "file", 0o666).await.unwrap();
    assert_eq!(bob.remove(file, "x").await.err(), Some(FsError::NotDirectory));
    assert_eq!(bob.remove(closed, "absent").await.err(), Some(FsError::AccessDenied), "search before existence");
    assert_eq!(bob.remove(root, "absent").await.err(), Some(FsError::NotFound), "existence before write permission");
    assert_eq!(bob.remove(root, "closed").await.err(), Some(FsError::AccessDenied), "write permission before kind");
    assert_eq!(bob.rmdir(root, "closed").await.err(), Some(FsError::AccessDenied), "and before emptiness");
    alice.remove(closed, "file").await.unwrap();
    alice.rmdir(root, "closed").await.unwrap();
    assert_eq!(alice.remove(closed, "file").await.err(), Some(FsError::StaleHandle));
}
