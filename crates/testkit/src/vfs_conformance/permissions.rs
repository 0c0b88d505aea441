//! Who may do what (POSIX 4.7), and what ACCESS says of it (RFC 1813 3.3.4).

use vfs::acl::AccessMask;
use vfs::{FsError, InodeId, Principal, SetAttributes, Vfs};

use super::actor::{Actor, Scene};

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    the_first_class_that_fits_decides(scene).await;
    the_owner_may_always_reach_the_bytes(scene).await;
    access_tells_what_the_mode_allows(scene).await;
    directories_are_written_with_search(scene).await;
}

async fn may<V: Vfs>(actor: &Actor<'_, V>, file: InodeId) -> (bool, bool) {
    let outcome = |error: Option<FsError>| match error {
        None => true,
        Some(FsError::AccessDenied) => false,
        Some(other) => panic!("{other:?}"),
    };
    (outcome(actor.read(file, 0, 1).await.err()), outcome(actor.write(file, 0, b"x").await.err()))
}

async fn the_first_class_that_fits_decides<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, carol) = (scene.alice(), scene.bob(), scene.carol());
    let root = scene.stage("classes", 0o755).await;
    let file = alice.create(root, "file", 0o000).await.unwrap();
    for (mode, member, other) in [
        (0o000, (false, false), (false, false)),
        (0o040, (true, false), (false, false)),
        (0o002, (false, false), (false, true)),
        (0o064, (true, true), (true, false)),
        (0o607, (false, false), (true, true)),
    ] {
        alice.chmod(file, mode).await.unwrap();
        assert_eq!(may(&bob, file).await, member, "group, {mode:o}");
        assert_eq!(may(&carol, file).await, other, "others, {mode:o}");
        assert_eq!(may(&scene.superuser(), file).await, (true, true), "superuser, {mode:o}");
    }
    let to_group = SetAttributes { group: Some(Principal::Unix(200)), mode: Some(0o060), ..SetAttributes::default() };
    alice.set(file, to_group).await.unwrap();
    assert_eq!(may(&carol, file).await, (true, true), "her primary group");
    assert_eq!(may(&bob, file).await, (false, false));
}

async fn the_owner_may_always_reach_the_bytes<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("owner", 0o755).await);
    let file = alice.create(root, "file", 0o000).await.unwrap();
    assert_eq!(may(&alice, file).await, (true, true));
    alice.truncate(file, 0).await.expect("the size is of the bytes");
    alice.commit(file).await.unwrap();
    let closed = alice.mkdir(root, "closed", 0o000).await.unwrap();
    assert_eq!(alice.lookup(closed, "x").await, Err(FsError::AccessDenied), "but not for directories");
    assert_eq!(alice.page(closed, vfs::Cookie::START, 1).await.err(), Some(FsError::AccessDenied));
}

async fn access_tells_what_the_mode_allows<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("access", 0o755).await);
    let file = alice.create(root, "file", 0o654).await.unwrap();
    let (read, write) = (AccessMask::READ_DATA, AccessMask::WRITE_DATA.union(AccessMask::APPEND_DATA));
    let all = read.union(write).union(AccessMask::EXECUTE).union(AccessMask::DELETE_CHILD);
    assert_eq!(alice.access(file, all).await, read.union(write));
    assert_eq!(bob.access(file, all).await, read.union(AccessMask::EXECUTE));
    assert_eq!(scene.carol().access(file, all).await, read);
    assert_eq!(scene.carol().access(file, write).await, AccessMask(0), "only what is asked for");
    let superuser = scene.superuser();
    assert_eq!(superuser.access(file, all).await, read.union(write).union(AccessMask::EXECUTE));
    alice.chmod(file, 0o600).await.unwrap();
    assert_eq!(superuser.access(file, all).await, read.union(write), "nobody may execute it");
    assert_eq!(alice.access(root, all).await, all);
    assert_eq!(bob.access(root, all).await, read.union(AccessMask::EXECUTE));
}

async fn directories_are_written_with_search<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("search", 0o755).await);
    let directory = alice.mkdir(root, "directory", 0o700).await.unwrap();
    let added = AccessMask::WRITE_DATA.union(AccessMask::APPEND_DATA).union(AccessMask::DELETE_CHILD);
    for (mode, expected, rights) in [
        (0o760, Err(FsError::AccessDenied), AccessMask(0)),
        (0o750, Err(FsError::AccessDenied), AccessMask(0)),
        (0o730, Ok(()), added),
    ] {
        alice.chmod(directory, mode).await.unwrap();
        assert_eq!(bob.create(directory, "file", 0o644).await.map(|_| ()), expected, "{mode:o}");
        assert_eq!(bob.access(directory, added).await, rights, "{mode:o}");
    }
}
