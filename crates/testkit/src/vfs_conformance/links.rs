//! Hard links (RFC 1813 3.3.15).

use vfs::{FsError, Vfs};

use super::actor::Scene;

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    names_share_the_inode(scene).await;
    the_last_name_takes_the_inode_along(scene).await;
    replacing_is_one_step(scene).await;
    errors_come_in_order(scene).await;
}

async fn names_share_the_inode<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("share", 0o755).await);
    let below = alice.mkdir(root, "below", 0o755).await.unwrap();
    let file = alice.create(root, "file", 0o644).await.unwrap();
    let reply = alice.link(file, below, "other").await.unwrap();
    assert_eq!((reply.attributes.links, reply.attributes.inode), (2, file));
    assert_eq!(reply.parent.after, alice.attributes(below).await.unwrap());
    alice.write(alice.lookup(below, "other").await.unwrap().inode, 0, b"one inode").await.unwrap();
    assert_eq!(alice.read(file, 0, 100).await.unwrap().data.to_bytes().as_ref(), b"one inode");
    let link = alice.symlink(root, "symlink", b"x").await.unwrap().attributes.inode;
    assert_eq!(alice.link(link, below, "symlink").await.unwrap().attributes.links, 2, "links of links");
}

async fn the_last_name_takes_the_inode_along<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("last", 0o755).await);
    let file = alice.create(root, "a", 0o644).await.unwrap();
    alice.link(file, root, "b").await.unwrap();
    alice.link(file, root, "c").await.unwrap();
    assert_eq!(alice.remove(root, "a").await.unwrap().links, 2);
    assert_eq!(alice.remove(root, "c").await.unwrap().links, 1);
    assert_eq!(alice.attributes(file).await.unwrap().links, 1);
    assert_eq!(alice.remove(root, "b").await.unwrap().links, 0);
    assert_eq!(alice.attributes(file).await, Err(FsError::StaleHandle));
    assert_eq!(alice.link(file, root, "d").await.err(), Some(FsError::StaleHandle));
}

async fn replacing_is_one_step<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("replace", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    let other = alice.create(root, "other", 0o644).await.unwrap();
    alice.mkdir(root, "directory", 0o755).await.unwrap();
    assert_eq!(alice.link_over(file, root, "other").await.unwrap().attributes.links, 2);
    assert_eq!(alice.attributes(other).await, Err(FsError::StaleHandle));
    assert_eq!(alice.link_over(file, root, "other").await.unwrap().attributes.links, 2, "it has the name already");
    assert_eq!(alice.link_over(file, root, "directory").await.err(), Some(FsError::Exists));
}

async fn errors_come_in_order<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("order", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    let closed = alice.mkdir(root, "closed", 0o766).await.unwrap();
    assert_eq!(bob.link(file, file, "x").await.err(), Some(FsError::NotDirectory));
    assert_eq!(bob.link(closed, closed, "x").await.err(), Some(FsError::AccessDenied), "search before the rest");
    assert_eq!(alice.link(closed, root, "file").await.err(), Some(FsError::Exists), "existence before kind");
    assert_eq!(alice.link(closed, root, "new").await.err(), Some(FsError::NotPermitted), "no links to directories");
    assert_eq!(bob.link(closed, root, "new").await.err(), Some(FsError::NotPermitted), "kind before write permission");
    assert_eq!(bob.link(file, root, "new").await.err(), Some(FsError::AccessDenied));
}
