//! Listings (RFC 1813 3.3.16, 3.3.17).

use std::collections::BTreeSet;

use vfs::{Cookie, DirectoryEntry, FsError, InodeId, Vfs};

use super::actor::{Actor, Scene};

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    dots_come_first(scene).await;
    pages_add_up(scene).await;
    cookies_stay_while_the_directory_changes(scene).await;
    what_may_be_read_is_told_apart(scene).await;
    errors_come_in_order(scene).await;
}

async fn rest<V: Vfs>(
    actor: &Actor<'_, V>,
    directory: InodeId,
    (mut after, page): (Cookie, usize),
) -> Vec<DirectoryEntry> {
    let mut all = Vec::new();
    loop {
        let reply = actor.page(directory, after, page).await.unwrap();
        assert!(reply.entries.len() <= page);
        for entry in reply.entries {
            assert!(entry.cookie > after && i64::try_from(entry.cookie.0).is_ok(), "{entry:?} after {after:?}");
            after = entry.cookie;
            all.push(entry);
        }
        if reply.end {
            return all;
        }
    }
}

fn names(entries: &[DirectoryEntry]) -> BTreeSet<String> {
    entries.iter().map(|entry| String::from_utf8(entry.name.to_vec()).unwrap()).collect()
}

async fn dots_come_first<V: Vfs>(scene: &Scene<'_, V>) {
    let (mut alice, root) = (scene.alice(), scene.stage("dots", 0o755).await);
    let listed = rest(&alice, root, (Cookie::START, 10)).await;
    let dots: Vec<_> = listed.iter().map(|entry| (entry.name.as_ref(), entry.cookie, entry.inode)).collect();
    assert_eq!(dots, [(&b"."[..], Cookie::DOT, root), (&b".."[..], Cookie::DOT_DOT, scene.root)]);
    assert_eq!(listed[1].attributes, Some(alice.attributes(scene.root).await.unwrap()));
    alice.ctx.root = root;
    let listed = rest(&alice, root, (Cookie::DOT, 10)).await;
    assert_eq!((listed.len(), listed[0].inode), (1, root), "`..` does not lead out of the export");
}

async fn pages_add_up<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("pages", 0o755).await);
    let expected: BTreeSet<String> = (0..50).map(|number| format!("name {number}")).collect();
    for name in &expected {
        alice.create(root, name, 0o644).await.unwrap();
    }
    for page in [1, 2, 7, 52, 4096] {
        let listed = rest(&alice, root, (Cookie::DOT_DOT, page)).await;
        assert_eq!(listed.len(), 50, "pages of {page}");
        assert_eq!(names(&listed), expected);
    }
    for entry in rest(&alice, root, (Cookie::DOT_DOT, 60)).await {
        let attributes = alice.attributes(entry.inode).await.unwrap();
        assert_eq!(entry.file_type, attributes.file_type);
        assert_eq!(entry.attributes, Some(attributes));
    }
}

async fn cookies_stay_while_the_directory_changes<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("changing", 0o755).await);
    for number in 0..40 {
        alice.create(root, &format!("stays {number}"), 0o644).await.unwrap();
        alice.create(root, &format!("goes {number}"), 0o644).await.unwrap();
    }
    let (mut after, mut came) = (Cookie::START, Vec::new());
    for round in 0.. {
        let reply = alice.page(root, after, 3).await.unwrap();
        after = reply.entries.last().map_or(after, |entry| entry.cookie);
        came.extend(reply.entries);
        if reply.end {
            break;
        }
        if round < 40 {
            alice.remove(root, &format!("goes {round}")).await.unwrap();
            alice.create(root, &format!("comes {round}"), 0o644).await.unwrap();
        }
    }
    assert_eq!(names(&came).len(), came.len(), "nothing comes twice");
    let stayed = names(&came).into_iter().filter(|name| name.starts_with("stays")).count();
    assert_eq!(stayed, 40, "what stays comes");
}

async fn what_may_be_read_is_told_apart<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("readable", 0o711).await);
    alice.chmod(root, 0o755).await.unwrap();
    for (name, mode) in [("all", 0o644), ("group", 0o640), ("hers", 0o600), ("nobody", 0o000), ("written", 0o622)] {
        alice.create(root, name, mode).await.unwrap();
    }
    alice.mkdir(root, "listed", 0o755).await.unwrap();
    alice.mkdir(root, "passed", 0o711).await.unwrap();
    let told = async |actor: &Actor<'_, V>| {
        let page = actor.page_of_readable(root, Cookie::START, 20).await;
        assert_eq!((page.entries.len(), page.end), (9, true), "every entry is there");
        let told: Vec<_> = page.entries.into_iter().filter(|entry| entry.attributes.is_some()).collect();
        Vec::from_iter(names(&told))
    };
    assert_eq!(told(&alice).await, [".", "..", "all", "group", "hers", "listed", "passed", "written"]);
    assert_eq!(told(&bob).await, [".", "..", "all", "group", "listed"]);
    assert_eq!(told(&scene.carol()).await, [".", "..", "all", "listed"]);
    assert_eq!(told(&scene.superuser()).await.len(), 9);
}

async fn errors_come_in_order<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("order", 0o755).await);
    let file = alice.create(root, "file", 0o777).await.unwrap();
    let closed = alice.mkdir(root, "closed", 0o733).await.unwrap();
    assert_eq!(bob.page(file, Cookie(7), 10).await.err(), Some(FsError::NotDirectory));
    assert_eq!(bob.page(closed, Cookie(7), 10).await.err(), Some(FsError::AccessDenied));
    for cookie in [4, 7, 15, 1 << 63, u64::MAX] {
        assert_eq!(alice.page(closed, Cookie(cookie), 10).await.err(), Some(FsError::BadCookie), "{cookie}");
    }
    alice.rmdir(root, "closed").await.unwrap();
    assert_eq!(alice.page(closed, Cookie::START, 10).await.err(), Some(FsError::StaleHandle));
}
