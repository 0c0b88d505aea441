//! Which times an operation sets (POSIX 4.12 and the pages of the functions).

use vfs::{Attributes, InodeId, SetAttributes, Vfs};

use super::actor::{Actor, Scene};

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    creating_sets_all_and_the_directory(scene).await;
    bytes_set_modified_and_changed(scene).await;
    attributes_set_changed(scene).await;
    names_set_the_directory_and_changed(scene).await;
    renaming_sets_both_directories(scene).await;
    refusals_set_nothing(scene).await;
}

/// Which of accessed, modified and changed differ; created never does, and the change counter rises with `changed`.
fn marks(before: &Attributes, after: &Attributes) -> &'static str {
    assert_eq!(before.created, after.created);
    assert_eq!(before.changed != after.changed, before.change != after.change, "{before:?} {after:?}");
    assert!(before.changed <= after.changed && before.change <= after.change);
    match (before.accessed != after.accessed, before.modified != after.modified, before.changed != after.changed) {
        (false, false, false) => "",
        (false, false, true) => "c",
        (false, true, true) => "mc",
        (true, false, true) => "ac",
        (true, true, true) => "amc",
        other => panic!("times change without `changed`: {other:?}"),
    }
}

/// What an operation does to the times of some inodes.
macro_rules! marked {
    ($actor:expr, [$($inode:expr),*], $operation:expr) => {{
        let before = [$($actor.attributes($inode).await.unwrap()),*];
        let _ = $operation.await;
        let after = [$($actor.attributes($inode).await.unwrap()),*];
        before.iter().zip(&after).map(|(before, after)| marks(before, after)).collect::<Vec<_>>()
    }};
}

async fn file<V: Vfs>(actor: &Actor<'_, V>, root: InodeId, name: &str) -> InodeId {
    actor.create(root, name, 0o644).await.unwrap()
}

async fn creating_sets_all_and_the_directory<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("create", 0o755).await);
    assert_eq!(marked!(alice, [root], alice.create(root, "file", 0o644)), ["mc"]);
    assert_eq!(marked!(alice, [root], alice.mkdir(root, "directory", 0o755)), ["mc"]);
    assert_eq!(marked!(alice, [root], alice.symlink(root, "link", b"x")), ["mc"]);
    let parent = alice.attributes(root).await.unwrap();
    let link = alice.lookup(root, "link").await.unwrap();
    let times = [link.accessed, link.modified, link.changed, link.created];
    assert_eq!(times, [parent.modified; 4], "one moment");
}

async fn bytes_set_modified_and_changed<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("bytes", 0o755).await);
    let inode = file(&alice, root, "file").await;
    assert_eq!(marked!(alice, [inode, root], alice.write(inode, 0, b"x")), ["mc", ""]);
    assert_eq!(marked!(alice, [inode], alice.commit(inode)), [""]);
    assert_eq!(marked!(alice, [inode], alice.read(inode, 0, 1)), [""], "reads are not recorded");
    assert_eq!(marked!(alice, [inode], alice.write(inode, 9, b"")), [""], "nothing was written");
    assert_eq!(marked!(alice, [inode], alice.truncate(inode, 0)), ["mc"]);
    assert_eq!(marked!(alice, [inode], alice.truncate(inode, 0)), ["mc"], "also to the size it has");
    alice.write(inode, 0, b"x").await.unwrap();
    let shown = alice.attributes(inode).await.unwrap();
    alice.commit(inode).await.unwrap();
    assert_eq!(alice.attributes(inode).await.unwrap().pre(), shown.pre(), "times are of the write, not of the flush");
}

async fn attributes_set_changed<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("attributes", 0o755).await);
    let inode = file(&alice, root, "file").await;
    assert_eq!(marked!(alice, [inode, root], alice.chmod(inode, 0o600)), ["c", ""]);
    assert_eq!(marked!(alice, [inode], alice.chmod(inode, 0o600)), ["c"], "also to what it is");
    assert_eq!(marked!(alice, [inode], alice.set(inode, SetAttributes::default())), [""], "nothing to set");
    let size_and_time = SetAttributes {
        size: Some(7),
        modified: Some(vfs::SetTime::To(vfs::Timestamp { seconds: 99, nanoseconds: 0 })),
        ..SetAttributes::default()
    };
    alice.set(inode, size_and_time).await.unwrap();
    assert_eq!(alice.attributes(inode).await.unwrap().modified.seconds, 99, "the time given has the last word");
}

async fn names_set_the_directory_and_changed<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("names", 0o755).await);
    let inode = file(&alice, root, "file").await;
    assert_eq!(marked!(alice, [inode, root], alice.link(inode, root, "second")), ["c", "mc"]);
    assert_eq!(marked!(alice, [inode, root], alice.remove(root, "second")), ["c", "mc"]);
    alice.mkdir(root, "directory", 0o755).await.unwrap();
    assert_eq!(marked!(alice, [inode, root], alice.rmdir(root, "directory")), ["", "mc"]);
    assert_eq!(marked!(alice, [inode, root], alice.lookup(root, "file")), ["", ""]);
    assert_eq!(marked!(alice, [root], alice.page(root, vfs::Cookie::START, 9)), [""]);
}

async fn renaming_sets_both_directories<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("rename", 0o755).await);
    let other = alice.mkdir(root, "other", 0o755).await.unwrap();
    let (inode, replaced) = (file(&alice, root, "file").await, file(&alice, other, "replaced").await);
    alice.link(replaced, root, "left").await.unwrap();
    let renamed = marked!(alice, [inode, root, other], alice.rename((root, "file"), (root, "a")));
    assert_eq!(renamed, ["c", "mc", ""]);
    let renamed = marked!(alice, [inode, replaced, root, other], alice.rename((root, "a"), (other, "replaced")));
    assert_eq!(renamed, ["c", "c", "mc", "mc"]);
    let directory = alice.mkdir(root, "directory", 0o755).await.unwrap();
    let renamed = marked!(alice, [directory, root, other], alice.rename((root, "directory"), (other, "directory")));
    assert_eq!(renamed, ["c", "mc", "mc"]);
}

async fn refusals_set_nothing<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("refusals", 0o755).await);
    let inode = file(&alice, root, "file").await;
    alice.mkdir(root, "directory", 0o755).await.unwrap();
    assert_eq!(marked!(alice, [root], alice.create(root, "file", 0o644)), [""]);
    assert_eq!(marked!(alice, [root], bob.create(root, "new", 0o644)), [""]);
    assert_eq!(marked!(alice, [inode, root], bob.remove(root, "file")), ["", ""]);
    assert_eq!(marked!(alice, [inode, root], alice.rename((root, "file"), (root, "directory"))), ["", ""]);
    assert_eq!(marked!(alice, [inode], bob.write(inode, 0, b"x")), [""]);
    assert_eq!(marked!(alice, [inode], bob.chmod(inode, 0o777)), [""]);
}
