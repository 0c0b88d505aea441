//! Directories: making, counting and removing them (RFC 1813 3.3.9, 3.3.13).

use vfs::limits::DEPTH_MAX;
use vfs::{FileType, FsError, Principal, SetAttributes, Vfs};

use super::actor::Scene;

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    links_count_sub_directories(scene).await;
    only_empty_directories_go(scene).await;
    set_group_id_hands_the_group_down(scene).await;
    depth_has_an_end(scene).await;
}

async fn links_count_sub_directories<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("counts", 0o755).await);
    let links = async || alice.attributes(root).await.unwrap().links;
    assert_eq!(links().await, 2);
    let made = alice.mkdir_with(root, "one", SetAttributes { mode: Some(0o750), ..SetAttributes::default() }).await;
    let made = made.unwrap();
    assert_eq!((made.attributes.file_type, made.attributes.mode), (FileType::Directory, 0o750));
    assert_eq!((made.attributes.links, made.parent.after.links), (2, 3));
    assert_eq!(made.attributes.owner, Principal::Unix(1000));
    alice.mkdir(root, "two", 0o755).await.unwrap();
    alice.create(root, "file", 0o644).await.unwrap();
    assert_eq!(links().await, 4, "files do not count");
    alice.rmdir(root, "one").await.unwrap();
    assert_eq!(links().await, 3);
    alice.rename((root, "two"), (scene.root, "moved away")).await.unwrap();
    assert_eq!(links().await, 2, "a directory that leaves takes its `..` with it");
}

async fn only_empty_directories_go<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("empty", 0o755).await);
    let full = alice.mkdir(root, "full", 0o755).await.unwrap();
    alice.create(full, "file", 0o644).await.unwrap();
    assert_eq!(alice.rmdir(root, "full").await.err(), Some(FsError::NotEmpty));
    assert_eq!(alice.remove(root, "full").await.err(), Some(FsError::IsDirectory));
    assert_eq!(alice.rmdir(full, "file").await.err(), Some(FsError::NotDirectory));
    assert_eq!(alice.rmdir(root, "absent").await.err(), Some(FsError::NotFound));
    alice.remove(full, "file").await.unwrap();
    assert_eq!(alice.rmdir(root, "full").await.unwrap().links, 0);
    assert_eq!(alice.attributes(full).await, Err(FsError::StaleHandle));
    assert_eq!(alice.lookup(full, "file").await, Err(FsError::StaleHandle));
}

async fn set_group_id_hands_the_group_down<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, superuser) = (scene.alice(), scene.superuser());
    let root = scene.stage("inherit", 0o2777).await;
    let to_carols = SetAttributes { group: Some(Principal::Unix(300)), mode: Some(0o2777), ..SetAttributes::default() };
    superuser.set(root, to_carols).await.unwrap();
    let file = alice.create(root, "file", 0o2755).await.unwrap();
    let file = alice.attributes(file).await.unwrap();
    assert_eq!((file.group, file.mode), (Principal::Unix(300), 0o755), "no set-group-id for a group one is not in");
    let below = alice.mkdir(root, "below", 0o755).await.unwrap();
    let below = alice.attributes(below).await.unwrap();
    assert_eq!((below.group, below.mode), (Principal::Unix(300), 0o2755), "directories hand the bit on");
}

async fn depth_has_an_end<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("deep", 0o755).await);
    let (mut at, mut above) = (root, root);
    for _ in 2..=DEPTH_MAX {
        (above, at) = (at, alice.mkdir(at, "d", 0o755).await.unwrap());
    }
    assert_eq!(alice.mkdir(at, "d", 0o755).await, Err(FsError::TooDeep));
    alice.create(at, "file", 0o644).await.expect("only directories have a depth");
    let high = alice.mkdir(root, "high", 0o755).await.unwrap();
    assert_eq!(alice.rename((root, "high"), (at, "high")).await.err(), Some(FsError::TooDeep));
    alice.mkdir(high, "below", 0o755).await.unwrap();
    assert_eq!(alice.rename((root, "high"), (above, "high")).await.err(), Some(FsError::TooDeep), "with what it holds");
    alice.rmdir(high, "below").await.unwrap();
    alice.rename((root, "high"), (above, "high")).await.expect("just fits");
}
