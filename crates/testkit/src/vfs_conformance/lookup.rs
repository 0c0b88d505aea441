//! Finding names (RFC 1813 3.3.3).

use vfs::{Case, FsError, LookupName, Vfs, WalkRequest};

use super::actor::{Scene, named};

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    errors_come_in_order(scene).await;
    dots_lead_around(scene).await;
    names_are_bytes(scene).await;
    walks_go_down(scene).await;
}

async fn errors_come_in_order<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("order", 0o755).await);
    let file = alice.create(root, "file", 0o777).await.unwrap();
    let closed = alice.mkdir(root, "closed", 0o766).await.unwrap();
    assert_eq!(bob.lookup(file, "x").await, Err(FsError::NotDirectory));
    assert_eq!(bob.lookup(closed, "x").await, Err(FsError::AccessDenied), "search before existence");
    assert_eq!(bob.lookup_name(closed, LookupName::Itself).await.err(), Some(FsError::AccessDenied));
    assert_eq!(alice.lookup(closed, "x").await, Err(FsError::NotFound));
    alice.rmdir(root, "closed").await.unwrap();
    assert_eq!(alice.lookup(closed, "x").await, Err(FsError::StaleHandle));
    assert_eq!(alice.lookup_name(closed, LookupName::Parent).await, Err(FsError::StaleHandle));
}

async fn dots_lead_around<V: Vfs>(scene: &Scene<'_, V>) {
    let (mut alice, root) = (scene.alice(), scene.stage("dots", 0o755).await);
    let below = alice.mkdir(root, "below", 0o755).await.unwrap();
    assert_eq!(alice.lookup_name(below, LookupName::Itself).await.unwrap().inode, below);
    assert_eq!(alice.lookup_name(below, LookupName::Parent).await.unwrap().inode, root);
    assert_eq!(alice.lookup_name(root, LookupName::Parent).await.unwrap().inode, scene.root);
    assert_eq!(alice.lookup_name(scene.root, LookupName::Parent).await.unwrap().inode, scene.root, "the context ends");
    alice.ctx.root = root;
    assert_eq!(alice.lookup_name(root, LookupName::Parent).await.unwrap().inode, root, "an export within the zone");
}

async fn names_are_bytes<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("bytes", 0o755).await);
    let names = ["A", "a", "ä", "a\u{308}", " ", "...", "a\\b", "a:b", "-", "\u{1}\n"];
    for name in names {
        alice.create(root, name, 0o600).await.unwrap();
    }
    for name in names {
        assert!(alice.has(root, name).await, "{name:?}");
        alice.remove(root, name).await.unwrap();
        assert!(!alice.has(root, name).await, "{name:?}");
    }
}

async fn walks_go_down<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("walk", 0o755).await);
    let one = alice.mkdir(root, "one", 0o755).await.unwrap();
    let two = alice.mkdir(one, "two", 0o700).await.unwrap();
    alice.symlink(one, "link", b"two").await.unwrap();
    let walk = async |actor: &super::actor::Actor<'_, V>, path: &[&str]| {
        let request =
            WalkRequest { start: root, path: path.iter().map(|name| named(name)).collect(), case: Case::Sensitive };
        let reply = scene.house.walk(&actor.ctx, request).await;
        reply.map(|reply| reply.attributes.inode).map_err(|failure| failure.error)
    };
    assert_eq!(walk(&alice, &[]).await, Ok(root));
    assert_eq!(walk(&alice, &["one", "two"]).await, Ok(two));
    assert_eq!(walk(&alice, &["one", "three"]).await, Err(FsError::NotFound));
    assert_eq!(walk(&alice, &["one", "link", "x"]).await, Err(FsError::NotDirectory), "links are not followed");
    assert_eq!(walk(&scene.bob(), &["one", "two"]).await, Ok(two), "the end need not be searched");
    assert_eq!(walk(&scene.bob(), &["one", "two", "x"]).await, Err(FsError::AccessDenied));
}
