//! Setting attributes (RFC 1813 3.3.2; POSIX `chmod`, `chown`, `utimensat`, `truncate`).

use vfs::{FsError, InodeId, Principal, SetAttributes, SetTime, Timestamp, Vfs};

use super::actor::{Actor, Scene};

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    modes_are_the_owners(scene).await;
    owners_are_given_by_the_superuser(scene).await;
    groups_are_given_by_their_members(scene).await;
    times_are_the_owners_and_now_is_the_writers(scene).await;
    the_guard_is_exact(scene).await;
    all_or_nothing(scene).await;
    errors_come_in_order(scene).await;
}

fn owner(id: u32) -> SetAttributes {
    SetAttributes { owner: Some(Principal::Unix(id)), ..SetAttributes::default() }
}

fn group(id: u32) -> SetAttributes {
    SetAttributes { group: Some(Principal::Unix(id)), ..SetAttributes::default() }
}

fn times(accessed: SetTime, modified: SetTime) -> SetAttributes {
    SetAttributes { accessed: Some(accessed), modified: Some(modified), ..SetAttributes::default() }
}

async fn set<V: Vfs>(actor: &Actor<'_, V>, inode: InodeId, attributes: SetAttributes) -> Result<(), FsError> {
    actor.set(inode, attributes).await.map(|_| ())
}

async fn modes_are_the_owners<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("mode", 0o755).await);
    let file = alice.create(root, "file", 0o666).await.unwrap();
    for mode in [0, 0o777, 0o1777, 0o6755, 0o644] {
        assert_eq!(alice.chmod(file, mode).await, Ok(mode));
    }
    assert_eq!(scene.bob().chmod(file, 0o666).await, Err(FsError::NotPermitted));
    assert_eq!(scene.superuser().chmod(file, 0o600).await, Ok(0o600));
    assert_eq!(alice.chmod(file, 0o10_000).await, Err(FsError::InvalidArgument));
    assert_eq!(alice.attributes(file).await.unwrap().mode, 0o600);
}

async fn owners_are_given_by_the_superuser<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("owner", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    assert_eq!(set(&alice, file, owner(1001)).await, Err(FsError::NotPermitted), "not even by the owner");
    assert_eq!(set(&scene.bob(), file, owner(1001)).await, Err(FsError::NotPermitted));
    assert_eq!(set(&scene.bob(), file, owner(1000)).await, Err(FsError::NotPermitted));
    assert_eq!(set(&alice, file, owner(1000)).await, Ok(()), "what it is may be said again");
    let reply = scene.superuser().set(file, owner(1001)).await.unwrap();
    assert_eq!(reply.change.after.owner, Principal::Unix(1001));
    assert_eq!(alice.chmod(file, 0o600).await, Err(FsError::NotPermitted), "it is Bob's now");
}

async fn groups_are_given_by_their_members<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("group", 0o755).await);
    let file = alice.create(root, "file", 0o664).await.unwrap();
    assert_eq!(set(&alice, file, group(200)).await, Ok(()), "a supplementary group");
    assert_eq!(set(&alice, file, group(300)).await, Err(FsError::NotPermitted));
    assert_eq!(set(&scene.carol(), file, group(300)).await, Err(FsError::NotPermitted), "a member, but not the owner");
    assert_eq!(set(&scene.superuser(), file, group(300)).await, Ok(()));
    assert_eq!(set(&alice, file, group(300)).await, Ok(()), "what it is may be said again");
    assert_eq!(alice.attributes(file).await.unwrap().group, Principal::Unix(300));
}

async fn times_are_the_owners_and_now_is_the_writers<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, carol) = (scene.alice(), scene.bob(), scene.carol());
    let root = scene.stage("times", 0o755).await;
    let file = alice.create(root, "file", 0o664).await.unwrap();
    let given = SetTime::To(Timestamp { seconds: -7, nanoseconds: 999_999_999 });
    alice.set(file, times(given, SetTime::Now)).await.unwrap();
    let shown = alice.attributes(file).await.unwrap();
    assert_eq!(SetTime::To(shown.accessed), given);
    assert_eq!(shown.modified, shown.changed, "now is when it changed");
    assert_eq!(set(&bob, file, times(SetTime::Now, SetTime::Now)).await, Ok(()), "with write permission");
    assert_eq!(set(&bob, file, times(SetTime::Now, given)).await, Err(FsError::NotPermitted));
    assert_eq!(set(&carol, file, times(SetTime::Now, SetTime::Now)).await, Err(FsError::AccessDenied));
    assert_eq!(set(&carol, file, times(given, SetTime::Now)).await, Err(FsError::NotPermitted));
    let invalid = SetTime::To(Timestamp { seconds: 0, nanoseconds: 1_000_000_000 });
    assert_eq!(set(&alice, file, times(invalid, SetTime::Now)).await, Err(FsError::InvalidArgument));
}

async fn the_guard_is_exact<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("guard", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    let seen = alice.attributes(file).await.unwrap().changed;
    let mode = |mode| SetAttributes { mode: Some(mode), ..SetAttributes::default() };
    let later = Timestamp { nanoseconds: (seen.nanoseconds + 1) % 1_000_000_000, ..seen };
    assert_eq!(alice.set_guarded(file, mode(0o600), Some(later)).await.err(), Some(FsError::NotSync));
    alice.set_guarded(file, mode(0o600), Some(seen)).await.expect("nothing changed since");
    assert_eq!(alice.set_guarded(file, mode(0o640), Some(seen)).await.err(), Some(FsError::NotSync), "it did now");
    assert_eq!(alice.attributes(file).await.unwrap().mode, 0o600);
}

async fn all_or_nothing<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("whole", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    alice.write(file, 0, b"content").await.unwrap();
    let before = alice.attributes(file).await.unwrap();
    let attributes = SetAttributes { size: Some(0), mode: Some(0o600), ..owner(1001) };
    assert_eq!(set(&alice, file, attributes).await, Err(FsError::NotPermitted));
    assert_eq!(set(&alice, file, SetAttributes::default()).await, Ok(()), "nothing to set");
    assert_eq!(alice.attributes(file).await.unwrap(), before);
    let attributes = SetAttributes { size: Some(3), mode: Some(0o600), ..group(200) };
    let change = alice.set(file, attributes).await.unwrap().change;
    assert_eq!(change.before, before.pre());
    assert_eq!((change.after.size, change.after.mode, &change.after.group), (3, 0o600, &Principal::Unix(200)));
    assert_eq!(alice.attributes(file).await.unwrap(), change.after);
}

async fn errors_come_in_order<V: Vfs>(scene: &Scene<'_, V>) {
    let (bob, root) = (scene.bob(), scene.stage("order", 0o755).await);
    let wrong = Some(Timestamp { seconds: 1, nanoseconds: 1 });
    let mut attributes = SetAttributes { size: Some(u64::MAX), mode: Some(0o10_000), ..SetAttributes::default() };
    assert_eq!(bob.set_guarded(root, attributes.clone(), wrong).await.err(), Some(FsError::NotSync));
    assert_eq!(set(&bob, root, attributes.clone()).await, Err(FsError::InvalidArgument));
    attributes.mode = Some(0o644);
    assert_eq!(set(&bob, root, attributes.clone()).await, Err(FsError::IsDirectory));
    let file = scene.alice().create(root, "file", 0o644).await.unwrap();
    assert_eq!(set(&bob, file, attributes.clone()).await, Err(FsError::NotPermitted));
    attributes.mode = None;
    assert_eq!(set(&bob, file, attributes.clone()).await, Err(FsError::AccessDenied));
    assert_eq!(set(&scene.alice(), file, attributes.clone()).await, Err(FsError::FileTooLarge));
    scene.alice().remove(root, "file").await.unwrap();
    assert_eq!(bob.set_guarded(file, attributes, wrong).await.err(), Some(FsError::StaleHandle));
}
