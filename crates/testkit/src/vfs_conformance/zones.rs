//! Roots of zones: a shard each, in one tree of names.

use vfs::{FsError, InodeId, LookupName, OpContext, ShardId, Vfs};

use super::actor::{Scene, zone};

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    a_root_is_made_once(scene).await;
    shards_are_file_systems_of_their_own(scene).await;
    roots_are_seen_from_above(scene).await;
    something_in_the_way_is_told(scene).await;
}

async fn a_root_is_made_once<V: Vfs>(scene: &Scene<'_, V>) {
    let one = zone(scene.house, &["conformance", "zones once", "a"]).await.unwrap();
    let two = zone(scene.house, &["conformance", "zones once", "b"]).await.unwrap();
    assert_eq!(zone(scene.house, &["conformance", "zones once", "a"]).await, Ok(one));
    assert_ne!(one.shard, two.shard);
    assert_eq!(one, InodeId::root_of(one.shard));
    let made = scene.superuser().attributes(one).await.unwrap();
    assert_eq!((made.mode, made.links), (0o777, 2));
    assert_ne!(made.fsid, scene.superuser().attributes(two).await.unwrap().fsid);
    let top = InodeId::root_of(ShardId::ROOT);
    assert_eq!(zone(scene.house, &[]).await, Ok(top), "the empty path is the root of all");
}

async fn shards_are_file_systems_of_their_own<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.root);
    let other = zone(scene.house, &["conformance", "zones other"]).await.unwrap();
    let file = alice.create(root, "file", 0o644).await.unwrap();
    assert_eq!(file.shard, root.shard);
    assert_eq!(alice.rename((root, "file"), (other, "file")).await.err(), Some(FsError::CrossDevice));
    assert_eq!(alice.link(file, other, "file").await.err(), Some(FsError::CrossDevice));
    let absent = alice.rename((root, "absent"), (other, "file")).await;
    assert_eq!(absent.err(), Some(FsError::CrossDevice), "before the names are looked at");
}

async fn roots_are_seen_from_above<V: Vfs>(scene: &Scene<'_, V>) {
    let top = InodeId::root_of(ShardId::ROOT);
    let mut superuser = scene.superuser();
    superuser.ctx = OpContext::internal(top);
    let above = superuser.lookup(top, "conformance").await.unwrap().inode;
    assert_eq!(superuser.lookup(above, "zones").await.unwrap().inode, scene.root);
    let up = superuser.lookup_name(scene.root, LookupName::Parent).await.unwrap().inode;
    assert_eq!(up, above, "`..` leads out for whoever looks from above");
    assert_eq!(superuser.lookup_name(top, LookupName::Parent).await.unwrap().inode, top);
    let links = superuser.attributes(above).await.unwrap().links;
    zone(scene.house, &["conformance", "zones counted"]).await.unwrap();
    assert_eq!(superuser.attributes(above).await.unwrap().links, links + 1);
}

async fn something_in_the_way_is_told<V: Vfs>(scene: &Scene<'_, V>) {
    let top = InodeId::root_of(ShardId::ROOT);
    let mut superuser = scene.superuser();
    superuser.ctx = OpContext::internal(top);
    let above = superuser.lookup(top, "conformance").await.unwrap().inode;
    superuser.create(above, "zones file", 0o644).await.unwrap();
    for path in [&["conformance", "zones file"][..], &["conformance", "zones file", "below"]] {
        assert_eq!(zone(scene.house, path).await, Err(FsError::NotDirectory), "{path:?}");
    }
}
