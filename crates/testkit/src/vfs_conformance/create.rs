//! Creation of regular files (RFC 1813 3.3.8).

use vfs::limits::FILE_SIZE_MAX;
use vfs::{CreateHow, FileType, FsError, Principal, SetAttributes, Vfs};

use super::actor::Scene;

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    a_new_file_belongs_to_its_creator(scene).await;
    an_existing_name_is_a_collision(scene).await;
    unchecked_takes_regular_files_only(scene).await;
    unchecked_applies_the_size_only(scene).await;
    exclusive_creation_is_repeatable_until_attributes_are_set(scene).await;
    attributes_of_others_are_refused(scene).await;
    errors_come_in_order(scene).await;
}

fn mode(mode: u32) -> SetAttributes {
    SetAttributes { mode: Some(mode), ..SetAttributes::default() }
}

async fn a_new_file_belongs_to_its_creator<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("new", 0o755).await);
    let attributes = SetAttributes { size: Some(5000), ..mode(0o640) };
    let reply = alice.create_how(root, "file", CreateHow::Unchecked(attributes)).await.unwrap();
    let made = &reply.attributes;
    assert!(reply.created);
    assert_eq!((made.file_type, made.mode, made.links, made.size), (FileType::Regular, 0o640, 1, 5000));
    assert_eq!((&made.owner, &made.group), (&Principal::Unix(1000), &Principal::Unix(100)));
    assert_eq!(alice.attributes(made.inode).await.unwrap(), *made, "the reply tells what is stored");
    assert_eq!(alice.lookup(root, "file").await.unwrap(), *made);
    let data = alice.read(made.inode, 0, 10_000).await.unwrap();
    assert!(data.end_of_file && data.data.to_bytes() == vec![0; 5000], "a size without data reads as zeros");
    assert_eq!(reply.parent.after, alice.attributes(root).await.unwrap());
    assert!(reply.parent.before.change < reply.parent.after.change);
}

async fn an_existing_name_is_a_collision<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("collision", 0o777).await);
    alice.create(root, "file", 0o600).await.unwrap();
    alice.mkdir(root, "directory", 0o700).await.unwrap();
    for name in ["file", "directory"] {
        assert_eq!(alice.create(root, name, 0o600).await, Err(FsError::Exists));
        assert_eq!(alice.mkdir(root, name, 0o700).await, Err(FsError::Exists));
        assert_eq!(alice.symlink(root, name, b"x").await.err(), Some(FsError::Exists));
        assert_eq!(alice.create_how(root, name, CreateHow::Exclusive([1; 8])).await.err(), Some(FsError::Exists));
    }
}

async fn unchecked_takes_regular_files_only<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("unchecked", 0o755).await);
    alice.symlink(root, "link", b"file").await.unwrap();
    alice.mkdir(root, "directory", 0o755).await.unwrap();
    let file = alice.create(root, "file", 0o600).await.unwrap();
    for name in ["link", "directory"] {
        let outcome = alice.create_how(root, name, CreateHow::Unchecked(mode(0o600))).await;
        assert_eq!(outcome.err(), Some(FsError::Exists), "{name}");
    }
    let reply = bob.create_how(root, "file", CreateHow::Unchecked(mode(0o666))).await.unwrap();
    assert_eq!((reply.attributes.inode, reply.attributes.mode, reply.created), (file, 0o600, false));
    assert_eq!(reply.parent.before, reply.parent.after.pre(), "nothing was created");
}

async fn unchecked_applies_the_size_only<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("size", 0o777).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    alice.write(file, 0, b"hello").await.unwrap();
    let cut = |size| CreateHow::Unchecked(SetAttributes { size: Some(size), ..mode(0o777) });
    assert_eq!(bob.create_how(root, "file", cut(0)).await.err(), Some(FsError::AccessDenied));
    assert_eq!(alice.create_how(root, "file", cut(FILE_SIZE_MAX + 1)).await.err(), Some(FsError::FileTooLarge));
    let reply = alice.create_how(root, "file", cut(2)).await.unwrap();
    assert_eq!((reply.attributes.size, reply.attributes.mode, reply.created), (2, 0o644, false));
    assert_eq!(alice.read(file, 0, 10).await.unwrap().data.to_bytes().as_ref(), b"he");
}

async fn exclusive_creation_is_repeatable_until_attributes_are_set<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("exclusive", 0o755).await);
    let first = alice.create_how(root, "file", CreateHow::Exclusive([7; 8])).await.unwrap();
    let again = alice.create_how(root, "file", CreateHow::Exclusive([7; 8])).await.unwrap();
    assert_eq!((first.created, again.created), (true, false));
    assert_eq!(first.attributes, again.attributes, "a retransmission changes nothing");
    assert_eq!(again.parent.before, again.parent.after.pre());
    let other = alice.create_how(root, "file", CreateHow::Exclusive([8; 8])).await;
    assert_eq!(other.err(), Some(FsError::Exists), "another verifier is another creation");
    alice.write(first.attributes.inode, 0, b"data").await.unwrap();
    alice.create_how(root, "file", CreateHow::Exclusive([7; 8])).await.expect("writing sets no attributes");
    alice.chmod(first.attributes.inode, 0o644).await.unwrap();
    let late = alice.create_how(root, "file", CreateHow::Exclusive([7; 8])).await;
    assert_eq!(late.err(), Some(FsError::Exists), "attributes were set");
    alice.create_how(root, "cut", CreateHow::Exclusive([7; 8])).await.unwrap();
    let cut = SetAttributes { size: Some(0), ..SetAttributes::default() };
    alice.create_how(root, "cut", CreateHow::Unchecked(cut)).await.unwrap();
    let late = alice.create_how(root, "cut", CreateHow::Exclusive([7; 8])).await;
    assert_eq!(late.err(), Some(FsError::Exists), "a size was set");
    alice.create(root, "guarded", 0o600).await.unwrap();
    let zeros = alice.create_how(root, "guarded", CreateHow::Exclusive([0; 8])).await;
    assert_eq!(zeros.err(), Some(FsError::Exists), "a file without a verifier matches none");
}

async fn attributes_of_others_are_refused<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("given", 0o755).await);
    let owned = |owner: u32, group: u32| SetAttributes {
        owner: Some(Principal::Unix(owner)),
        group: Some(Principal::Unix(group)),
        ..mode(0o600)
    };
    let refused = alice.create_how(root, "file", CreateHow::Guarded(owned(1001, 100))).await;
    assert_eq!(refused.err(), Some(FsError::NotPermitted), "another owner");
    let refused = alice.create_how(root, "file", CreateHow::Guarded(owned(1000, 300))).await;
    assert_eq!(refused.err(), Some(FsError::NotPermitted), "a group the caller is not in");
    assert!(!alice.has(root, "file").await, "a refused creation leaves nothing");
    let reply = alice.create_how(root, "own", CreateHow::Guarded(owned(1000, 200))).await.unwrap();
    assert_eq!(reply.attributes.group, Principal::Unix(200));
    let reply = scene.superuser().create_how(root, "given", CreateHow::Guarded(owned(1001, 300))).await.unwrap();
    assert_eq!((reply.attributes.owner, reply.attributes.group), (Principal::Unix(1001), Principal::Unix(300)));
    let refused = alice.create_how(root, "mode", CreateHow::Guarded(mode(0o10_000))).await;
    assert_eq!(refused.err(), Some(FsError::InvalidArgument), "no such mode bit");
}

async fn errors_come_in_order<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("order", 0o755).await);
    let file = alice.create(root, "file", 0o666).await.unwrap();
    let gone = alice.mkdir(root, "gone", 0o777).await.unwrap();
    alice.rmdir(root, "gone").await.unwrap();
    assert_eq!(bob.create(gone, "x", 0o600).await, Err(FsError::StaleHandle));
    assert_eq!(bob.create(file, "x", 0o600).await, Err(FsError::NotDirectory));
    let closed = alice.mkdir(root, "closed", 0o766).await.unwrap();
    alice.create(closed, "file", 0o666).await.unwrap();
    assert_eq!(bob.create(closed, "file", 0o600).await, Err(FsError::AccessDenied), "no search before existence");
    assert_eq!(bob.create(root, "file", 0o600).await, Err(FsError::Exists), "existence before write permission");
    assert_eq!(bob.create(root, "new", 0o10_000).await, Err(FsError::AccessDenied), "write before attributes");
    let foreign = SetAttributes { owner: Some(Principal::Unix(1)), ..mode(0o10_000) };
    let outcome = alice.create_how(root, "new", CreateHow::Guarded(foreign)).await;
    assert_eq!(outcome.err(), Some(FsError::NotPermitted), "permission before sense");
    let long = "n".repeat(256);
    assert_eq!(alice.create(root, &long, 0o10_000).await, Err(FsError::InvalidArgument));
    assert_eq!(alice.create(root, &long, 0o600).await, Err(FsError::NameTooLong));
    alice.create(root, &"n".repeat(255), 0o600).await.expect("255 bytes are a name");
}
