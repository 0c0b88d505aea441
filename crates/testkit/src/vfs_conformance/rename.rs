//! Renaming (RFC 1813 3.3.14, POSIX `rename`).

use vfs::{FsError, Vfs};

use super::actor::Scene;

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    names_move(scene).await;
    targets_are_replaced(scene).await;
    kinds_must_match(scene).await;
    two_names_of_one_inode_stay(scene).await;
    directories_change_their_parent(scene).await;
    nothing_moves_into_itself(scene).await;
    a_directory_that_moves_must_be_writable(scene).await;
    errors_come_in_order(scene).await;
}

async fn names_move<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("move", 0o755).await);
    let other = alice.mkdir(root, "other", 0o755).await.unwrap();
    let file = alice.create(root, "a", 0o000).await.unwrap();
    let reply = alice.rename((root, "a"), (root, "b")).await.unwrap();
    assert_eq!(reply.from, reply.to, "one directory, one change");
    assert!(!alice.has(root, "a").await);
    assert_eq!(alice.lookup(root, "b").await.unwrap().inode, file);
    let reply = alice.rename((root, "b"), (other, "c")).await.unwrap();
    assert_eq!((reply.from.after.inode, reply.to.after.inode), (root, other));
    assert_eq!(reply.from.after, alice.attributes(root).await.unwrap());
    assert_eq!(reply.to.after, alice.attributes(other).await.unwrap());
    assert!(!alice.has(root, "b").await);
    assert_eq!(alice.lookup(other, "c").await.unwrap().links, 1);
}

async fn targets_are_replaced<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("replace", 0o755).await);
    let (file, gone) = (alice.create(root, "file", 0o644).await.unwrap(), alice.create(root, "gone", 0o644).await);
    let gone = gone.unwrap();
    alice.link(gone, root, "second").await.unwrap();
    let refused = alice.rename_how((root, "file"), (root, "gone"), false).await;
    assert_eq!(refused.err(), Some(FsError::Exists));
    alice.rename((root, "file"), (root, "gone")).await.unwrap();
    assert_eq!(alice.lookup(root, "gone").await.unwrap().inode, file);
    assert_eq!(alice.attributes(gone).await.unwrap().links, 1, "its other name is left");
    alice.rename((root, "gone"), (root, "second")).await.unwrap();
    assert_eq!(alice.attributes(gone).await, Err(FsError::StaleHandle), "its last name went");
    alice.symlink(root, "link", b"x").await.unwrap();
    alice.rename((root, "link"), (root, "second")).await.expect("any non-directory over any other");
    alice.rename_how((root, "second"), (root, "free"), false).await.expect("nothing to replace");
}

async fn kinds_must_match<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("kinds", 0o755).await);
    alice.create(root, "file", 0o644).await.unwrap();
    let empty = alice.mkdir(root, "empty", 0o755).await.unwrap();
    let full = alice.mkdir(root, "full", 0o755).await.unwrap();
    alice.create(full, "inside", 0o644).await.unwrap();
    assert_eq!(alice.rename((root, "file"), (root, "empty")).await.err(), Some(FsError::IsDirectory));
    assert_eq!(alice.rename((root, "file"), (root, "full")).await.err(), Some(FsError::IsDirectory));
    assert_eq!(alice.rename((root, "full"), (root, "file")).await.err(), Some(FsError::NotDirectory));
    assert_eq!(alice.rename((root, "empty"), (root, "full")).await.err(), Some(FsError::NotEmpty));
    alice.rename((root, "full"), (root, "empty")).await.expect("over an empty directory");
    assert_eq!(alice.attributes(empty).await, Err(FsError::StaleHandle));
    assert_eq!(alice.attributes(root).await.unwrap().links, 3);
    assert!(alice.has(full, "inside").await);
    let reply = alice.rename((full, "inside"), (root, "file")).await.unwrap();
    assert_eq!(reply.from.after.links, 2);
}

async fn two_names_of_one_inode_stay<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("same", 0o755).await);
    let file = alice.create(root, "a", 0o644).await.unwrap();
    alice.link(file, root, "b").await.unwrap();
    alice.mkdir(root, "directory", 0o755).await.unwrap();
    let before = (alice.attributes(root).await.unwrap(), alice.attributes(file).await.unwrap());
    for (from, to) in [("a", "b"), ("a", "a"), ("directory", "directory")] {
        let reply = bob.rename((root, from), (root, to)).await.expect("nothing to do needs no permission");
        assert_eq!(reply.from.before, reply.from.after.pre());
    }
    assert_eq!(before, (alice.attributes(root).await.unwrap(), alice.attributes(file).await.unwrap()));
    assert!(alice.has(root, "a").await && alice.has(root, "b").await);
}

async fn directories_change_their_parent<V: Vfs>(scene: &Scene<'_, V>) {
    use vfs::LookupName::Parent;
    let (alice, root) = (scene.alice(), scene.stage("parents", 0o755).await);
    let (one, two) = (alice.mkdir(root, "1", 0o755).await.unwrap(), alice.mkdir(root, "2", 0o755).await.unwrap());
    let moved = alice.mkdir(one, "moved", 0o755).await.unwrap();
    alice.mkdir(two, "empty", 0o755).await.unwrap();
    assert_eq!(alice.lookup_name(moved, Parent).await.unwrap().inode, one);
    let reply = alice.rename((one, "moved"), (two, "free")).await.unwrap();
    assert_eq!((reply.from.after.links, reply.to.after.links), (2, 4));
    assert_eq!(alice.lookup_name(moved, Parent).await.unwrap().inode, two);
    let reply = alice.rename((two, "free"), (two, "empty")).await.unwrap();
    assert_eq!((reply.from.after.links, reply.to.after.links), (3, 3), "one took the place of the other");
    let reply = alice.rename((two, "empty"), (one, "moved")).await.unwrap();
    assert_eq!((reply.from.after.links, reply.to.after.links), (2, 3));
    assert_eq!(alice.attributes(moved).await.unwrap().links, 2);
}

async fn nothing_moves_into_itself<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("itself", 0o755).await);
    let outer = alice.mkdir(root, "outer", 0o755).await.unwrap();
    let inner = alice.mkdir(outer, "inner", 0o755).await.unwrap();
    assert_eq!(alice.rename((root, "outer"), (outer, "x")).await.err(), Some(FsError::InvalidArgument));
    assert_eq!(alice.rename((root, "outer"), (inner, "x")).await.err(), Some(FsError::InvalidArgument));
    assert_eq!(alice.rename((root, "outer"), (outer, "inner")).await.err(), Some(FsError::InvalidArgument));
    assert_eq!(alice.rename((outer, "inner"), (root, "outer")).await.err(), Some(FsError::NotEmpty));
    alice.rename((outer, "inner"), (root, "inner")).await.expect("up is fine");
}

async fn a_directory_that_moves_must_be_writable<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("writable", 0o777).await);
    let other = alice.mkdir(root, "other", 0o777).await.unwrap();
    alice.mkdir(root, "directory", 0o755).await.unwrap();
    alice.create(root, "file", 0o444).await.unwrap();
    assert_eq!(bob.rename((root, "directory"), (other, "x")).await.err(), Some(FsError::AccessDenied));
    bob.rename((root, "directory"), (root, "renamed")).await.expect("`..` stays");
    bob.rename((root, "file"), (other, "file")).await.expect("files have no `..`");
    scene.superuser().rename((root, "renamed"), (other, "x")).await.expect("the superuser");
}

async fn errors_come_in_order<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("order", 0o755).await);
    let open = alice.mkdir(root, "open", 0o777).await.unwrap();
    let closed = alice.mkdir(root, "closed", 0o766).await.unwrap();
    let sticky = alice.mkdir(root, "sticky", 0o1777).await.unwrap();
    scene.superuser().chmod(sticky, 0o1777).await.unwrap();
    let file = alice.create(root, "file", 0o666).await.unwrap();
    alice.mkdir(sticky, "kept", 0o755).await.unwrap();
    alice.create(open, "file", 0o666).await.unwrap();
    assert_eq!(bob.rename((file, "x"), (open, "y")).await.err(), Some(FsError::NotDirectory));
    assert_eq!(bob.rename((open, "x"), (file, "y")).await.err(), Some(FsError::NotDirectory));
    assert_eq!(bob.rename((open, "absent"), (closed, "y")).await.err(), Some(FsError::AccessDenied), "search first");
    assert_eq!(bob.rename((root, "absent"), (open, "y")).await.err(), Some(FsError::NotFound));
    assert_eq!(bob.rename((root, "open"), (open, "y")).await.err(), Some(FsError::AccessDenied), "then writing");
    assert_eq!(bob.rename((open, "file"), (root, "y")).await.err(), Some(FsError::AccessDenied), "of both");
    assert_eq!(bob.rename((sticky, "kept"), (open, "file")).await.err(), Some(FsError::NotPermitted), "then sticky");
    scene.superuser().chmod(sticky, 0o777).await.unwrap();
    assert_eq!(bob.rename((sticky, "kept"), (open, "file")).await.err(), Some(FsError::AccessDenied), "then itself");
    assert_eq!(alice.rename((sticky, "kept"), (open, "file")).await.err(), Some(FsError::NotDirectory), "then kinds");
    alice.rmdir(sticky, "kept").await.unwrap();
    alice.rmdir(root, "sticky").await.unwrap();
    assert_eq!(alice.rename((sticky, "x"), (file, "y")).await.err(), Some(FsError::StaleHandle));
    assert_eq!(alice.rename((file, "x"), (sticky, "y")).await.err(), Some(FsError::StaleHandle), "of both first");
}
