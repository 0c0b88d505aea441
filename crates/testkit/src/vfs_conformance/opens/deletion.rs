//! Deletion with the last open, and files that outlive their names.

use vfs::{FsError, OpenRequest, Vfs};

use super::super::actor::Scene;
use super::{creating, opening};

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    a_name_goes_with_its_last_open(scene).await;
    a_mark_can_be_taken_back(scene).await;
    marks_need_the_right_and_an_empty_directory(scene).await;
    other_names_stay(scene).await;
    a_file_outlives_its_names(scene).await;
}

async fn a_name_goes_with_its_last_open<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("last open", 0o755).await);
    let before = alice.attributes(root).await.unwrap();
    let first = alice.opened(OpenRequest { delete_on_close: true, ..creating(root, "file", "rwd") }).await;
    let second = alice.open(opening(root, "file", "r")).await.expect("not marked before it is closed");
    assert_eq!(alice.close(first).await, Ok(true), "it is open elsewhere");
    assert!(alice.has(root, "file").await);
    assert_eq!(alice.open(opening(root, "file", "r")).await.err(), Some(FsError::DeletePending));
    assert_eq!(alice.open(opening(root, "FILE", "a")).await.err(), Some(FsError::DeletePending), "also to look at it");
    assert!(alice.house.open_state(&alice.ctx, second.open).unwrap().delete_pending);
    assert_eq!(alice.close(second.open).await, Ok(false), "gone");
    assert!(!alice.has(root, "file").await);
    let after = alice.attributes(root).await.unwrap();
    assert_eq!((after.size, after.links), (before.size, before.links));
    assert!(after.change > before.change);
    assert_eq!(alice.attributes(second.attributes.inode).await.err(), Some(FsError::StaleHandle));
    let directory = OpenRequest { directory: Some(true), delete_on_close: true, ..creating(root, "directory", "rd") };
    let directory = alice.opened(directory).await;
    assert_eq!(alice.close(directory).await, Ok(false));
    assert_eq!(alice.attributes(root).await.unwrap().links, before.links);
}

async fn a_mark_can_be_taken_back<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("taken back", 0o755).await);
    let open = alice.opened(creating(root, "file", "rd")).await;
    alice.mark(open, true).await.unwrap();
    assert_eq!(alice.open(opening(root, "file", "r")).await.err(), Some(FsError::DeletePending));
    alice.mark(open, false).await.unwrap();
    let other = alice.opened(opening(root, "file", "d")).await;
    alice.mark(other, true).await.unwrap();
    alice.mark(open, false).await.expect("by any open of the name");
    assert_eq!(alice.close(other).await, Ok(true));
    assert_eq!(alice.close(open).await, Ok(true));
    assert!(alice.has(root, "file").await);
}

async fn marks_need_the_right_and_an_empty_directory<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("marks", 0o755).await);
    let directory = alice.mkdir(root, "directory", 0o777).await.unwrap();
    let inner = alice.create(directory, "inner", 0o666).await.unwrap();
    let reader = alice.opened(opening(root, "directory", "r")).await;
    assert_eq!(alice.mark(reader, true).await, Err(FsError::AccessDenied));
    let deleting = alice.opened(opening(root, "directory", "d")).await;
    assert_eq!(alice.mark(deleting, true).await, Err(FsError::NotEmpty));
    let full = OpenRequest { delete_on_close: true, ..opening(root, "directory", "d") };
    let full = alice.opened(full).await;
    assert_eq!(alice.close(full).await, Ok(true));
    alice.mark(reader, false).await.unwrap_err();
    alice.mark(deleting, false).await.unwrap();
    let open = bob.opened(opening(directory, "inner", "d")).await;
    bob.close(open).await.expect("the directory lets everyone delete");
    assert_eq!(bob.open(opening(root, "directory", "d")).await.err(), Some(FsError::AccessDenied));
    alice.remove(directory, "inner").await.unwrap();
    assert_eq!(alice.attributes(inner).await.err(), Some(FsError::StaleHandle));
    alice.mark(deleting, true).await.unwrap();
    let new = alice.open(creating(directory, "new", "r")).await;
    assert_eq!(new.err(), Some(FsError::DeletePending), "nothing comes into what goes");
    alice.close(reader).await.unwrap();
    assert_eq!(alice.close(deleting).await, Ok(false));
}

async fn other_names_stay<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("other names", 0o755).await);
    let file = alice.create(root, "one", 0o644).await.unwrap();
    alice.link(file, root, "two").await.unwrap();
    let one = alice.opened(OpenRequest { delete_on_close: true, ..opening(root, "one", "rd") }).await;
    let two = alice.opened(opening(root, "two", "r")).await;
    assert_eq!(alice.close(one).await, Ok(true));
    assert!(!alice.has(root, "one").await && alice.has(root, "two").await);
    let again = alice.opened(opening(root, "two", "d")).await;
    alice.mark(again, true).await.unwrap();
    alice.rename((root, "two"), (root, "three")).await.unwrap();
    assert_eq!(alice.open(opening(root, "three", "r")).await.err(), Some(FsError::DeletePending), "marks follow");
    assert_eq!(alice.close(again).await, Ok(true));
    assert_eq!(alice.close(two).await, Ok(false));
    assert!(!alice.has(root, "three").await);
}

async fn a_file_outlives_its_names<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("outlives", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    alice.write(file, 0, b"before").await.unwrap();
    let first = alice.opened(opening(root, "file", "rwds")).await;
    let second = alice.opened(opening(root, "file", "r")).await;
    alice.remove(root, "file").await.expect("both let others delete");
    assert!(!alice.has(root, "file").await);
    assert_eq!(alice.house.open_state(&alice.ctx, first).unwrap().name, None);
    assert_eq!(alice.read_by((file, second)).await, Ok(b"before".to_vec()));
    alice.write_by((file, first), b"after!").await.unwrap();
    alice.commit(file).await.unwrap();
    assert_eq!(alice.read_by((file, second)).await, Ok(b"after!".to_vec()));
    assert_eq!(alice.attributes(file).await.unwrap().links, 0);
    assert_eq!(alice.truncate(file, 3).await.unwrap().size, 3);
    assert_eq!(alice.link(file, root, "again").await.err(), Some(FsError::StaleHandle), "it gets no name any more");
    assert_eq!(alice.move_open(first, (root, "again"), false).await, Err(FsError::NotFound));
    alice.mark(first, true).await.expect("it is gone already");
    let again = alice.create(root, "file", 0o644).await.unwrap();
    assert_ne!(again, file);
    assert_eq!(alice.close(first).await, Ok(true));
    assert_eq!(alice.read_by((file, second)).await, Ok(b"aft".to_vec()));
    assert_eq!(alice.close(second).await, Ok(false));
    assert_eq!(alice.read(file, 0, 1).await.err(), Some(FsError::StaleHandle));
    assert!(alice.has(root, "file").await, "the new one");
    let replaced = alice.opened(opening(root, "file", "r")).await;
    alice.create(root, "other", 0o644).await.unwrap();
    alice.rename((root, "other"), (root, "file")).await.unwrap();
    assert_eq!(alice.read_by((again, replaced)).await, Ok(Vec::new()), "replaced, not gone");
    assert_eq!(alice.close(replaced).await, Ok(false));
}
