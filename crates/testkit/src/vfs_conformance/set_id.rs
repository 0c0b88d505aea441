//! When set-user-id and set-group-id go (POSIX `chmod`, `chown`, `write`).

use vfs::{CreateHow, Principal, SetAttributes, Vfs};

use super::actor::Scene;

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    writing_clears(scene).await;
    changing_owner_group_or_size_clears(scene).await;
    set_group_id_needs_the_group(scene).await;
}

async fn writing_clears<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("write", 0o755).await);
    let file = alice.create(root, "file", 0o6777).await.unwrap();
    let mode = async || alice.attributes(file).await.unwrap().mode;
    scene.superuser().write(file, 0, b"x").await.unwrap();
    assert_eq!(mode().await, 0o6777, "the superuser may");
    alice.write(file, 0, b"").await.unwrap();
    assert_eq!(mode().await, 0o6777, "nothing was written");
    let reply = scene.bob().write(file, 0, b"x").await.unwrap();
    assert_eq!((reply.change.after.mode, mode().await), (0o777, 0o777));
    alice.chmod(file, 0o6777).await.unwrap();
    alice.write(file, 0, b"x").await.unwrap();
    assert_eq!(mode().await, 0o777, "the owner too");
    alice.read(file, 0, 1).await.unwrap();
}

async fn changing_owner_group_or_size_clears<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, superuser, root) = (scene.alice(), scene.superuser(), scene.stage("change", 0o755).await);
    let file = alice.create(root, "file", 0o6755).await.unwrap();
    let group = |id| SetAttributes { group: Some(Principal::Unix(id)), ..SetAttributes::default() };
    superuser.truncate(file, 100).await.unwrap();
    assert_eq!(alice.attributes(file).await.unwrap().mode, 0o6755, "the superuser may cut");
    superuser.set(file, group(200)).await.unwrap();
    assert_eq!(alice.attributes(file).await.unwrap().mode, 0o755, "but gives nobody a program of somebody else");
    alice.chmod(file, 0o6755).await.unwrap();
    assert_eq!(alice.set(file, group(100)).await.unwrap().change.after.mode, 0o755);
    alice.chmod(file, 0o6755).await.unwrap();
    assert_eq!(alice.truncate(file, 0).await.unwrap().mode, 0o755);
    let both = SetAttributes { mode: Some(0o6711), ..group(200) };
    assert_eq!(alice.set(file, both).await.unwrap().change.after.mode, 0o711, "also when a mode comes along");
    alice.chmod(file, 0o6755).await.unwrap();
    let cut = SetAttributes { size: Some(0), ..SetAttributes::default() };
    let reply = alice.create_how(root, "file", CreateHow::Unchecked(cut)).await.unwrap();
    assert_eq!(reply.attributes.mode, 0o755, "an unchecked creation that cuts");
    let directory = alice.mkdir(root, "directory", 0o2755).await.unwrap();
    assert_eq!(alice.set(directory, group(200)).await.unwrap().change.after.mode, 0o2755, "directories keep theirs");
}

async fn set_group_id_needs_the_group<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, superuser, root) = (scene.alice(), scene.superuser(), scene.stage("group", 0o755).await);
    let file = alice.create(root, "file", 0o755).await.unwrap();
    assert_eq!(alice.chmod(file, 0o2755).await, Ok(0o2755));
    let foreign = SetAttributes { group: Some(Principal::Unix(300)), ..SetAttributes::default() };
    superuser.set(file, foreign).await.unwrap();
    assert_eq!(alice.chmod(file, 0o6755).await, Ok(0o4755), "not for a group one is not in");
    assert_eq!(superuser.chmod(file, 0o6755).await, Ok(0o6755));
}
