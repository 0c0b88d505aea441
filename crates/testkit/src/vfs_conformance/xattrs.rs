//! Extended attributes (MS-FSCC 2.4.16, RFC 8276).

use bytes::Bytes;
use vfs::limits::{XATTRS_BYTES_MAX, XATTRS_MAX};
use vfs::{Disposition, FsError, InodeId, OpenRequest, SetAttributes, Vfs, Via, XattrChange, XattrListRequest};

use super::actor::{Actor, Scene};
use super::opens::opening;

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    they_are_set_replaced_and_removed(scene).await;
    rights_are_asked_for(scene).await;
    there_is_a_most(scene).await;
    they_come_and_go_with_what_has_them(scene).await;
    who_overwrites_a_file_loses_them(scene).await;
}

fn change(name: &str, value: Option<&[u8]>) -> XattrChange {
    XattrChange { name: Bytes::copy_from_slice(name.as_bytes()), value: value.map(Bytes::copy_from_slice) }
}

fn setting(xattrs: Vec<XattrChange>) -> SetAttributes {
    SetAttributes { xattrs, ..SetAttributes::default() }
}

async fn list<V: Vfs>(actor: &Actor<'_, V>, inode: InodeId) -> Result<Vec<(String, Vec<u8>)>, FsError> {
    let request = XattrListRequest { inode, via: Via::Anonymous };
    let reply = actor.house.xattr_list(actor.next(), request).await.map_err(|failure| failure.error)?;
    let text = |name: Bytes| String::from_utf8(name.to_vec()).unwrap();
    Ok(reply.entries.into_iter().map(|(name, value)| (text(name), value.to_vec())).collect())
}

async fn they_are_set_replaced_and_removed<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("set", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    assert_eq!(list(&alice, file).await, Ok(vec![]));
    let before = alice.attributes(file).await.unwrap();
    let both = vec![change("two", Some(b"2")), change("One", Some(b"1"))];
    let after = alice.set(file, setting(both)).await.unwrap().change.after;
    assert_eq!((before.xattr_bytes, after.xattr_bytes), (0, 4 + 5 + 3 + 1 + 5 + 3 + 1));
    assert!(after.changed > before.changed && after.modified == before.modified);
    let one = |value: &[u8]| ("One".to_owned(), value.to_vec());
    assert_eq!(list(&alice, file).await, Ok(vec![one(b"1"), ("two".to_owned(), b"2".to_vec())]));
    alice.set(file, setting(vec![change("ONE", Some(b"once")), change("TWO", None)])).await.unwrap();
    assert_eq!(list(&alice, file).await, Ok(vec![one(b"once")]), "it keeps its name");
    alice.set(file, setting(vec![change("two", None)])).await.expect("one that is not there");
    let none = alice.set(file, setting(vec![change("one", None)])).await.unwrap().change.after;
    assert_eq!((none.xattr_bytes, list(&alice, file).await), (0, Ok(vec![])));
    for wrong in ["", "with\0nul", &"n".repeat(256)] {
        let refused = alice.set(file, setting(vec![change("good", Some(b"")), change(wrong, None)])).await;
        assert_eq!(refused.err(), Some(FsError::InvalidArgument), "{wrong:?}");
    }
    assert_eq!(list(&alice, file).await, Ok(vec![]), "all or nothing");
}

async fn rights_are_asked_for<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("rights", 0o755).await);
    let file = alice.create(root, "file", 0o640).await.unwrap();
    alice.set(file, setting(vec![change("name", Some(b"value"))])).await.unwrap();
    assert_eq!(bob.set(file, setting(vec![change("name", None)])).await.err(), Some(FsError::AccessDenied));
    assert_eq!(list(&bob, file).await.map(|list| list.len()), Ok(1));
    assert_eq!(list(&scene.carol(), file).await, Err(FsError::AccessDenied));
}

async fn there_is_a_most<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("most", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    let value = vec![7; XATTRS_BYTES_MAX - 4 - 5 - 1];
    alice.set(file, setting(vec![change("n", Some(&value))])).await.unwrap();
    let refused = alice.set(file, setting(vec![change("n", None), change("nn", Some(&value))])).await;
    assert_eq!(refused.err(), Some(FsError::FileTooLarge));
    assert_eq!(list(&alice, file).await, Ok(vec![("n".to_owned(), value)]));
    let many = |count: usize| (0..count).map(|at| change(&format!("{at:03}"), Some(b""))).collect::<Vec<_>>();
    let refused = alice.set(file, SetAttributes { overwrites: true, ..setting(many(XATTRS_MAX + 1)) }).await;
    assert_eq!(refused.err(), Some(FsError::FileTooLarge));
    alice.set(file, SetAttributes { overwrites: true, ..setting(many(XATTRS_MAX)) }).await.unwrap();
    assert_eq!(list(&alice, file).await.map(|list| list.len()), Ok(XATTRS_MAX));
}

async fn they_come_and_go_with_what_has_them<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("life", 0o755).await);
    let attributes = SetAttributes { mode: Some(0o755), ..setting(vec![change("made", Some(b"with it"))]) };
    let made = alice.mkdir_with(root, "directory", attributes).await.unwrap().attributes;
    assert_eq!(list(&alice, made.inode).await.map(|list| list.len()), Ok(1));
    alice.rename((root, "directory"), (root, "renamed")).await.unwrap();
    assert_eq!(list(&alice, made.inode).await.map(|list| list.len()), Ok(1));
    alice.rmdir(root, "renamed").await.unwrap();
    assert_eq!(list(&alice, made.inode).await, Err(FsError::StaleHandle));
}

async fn who_overwrites_a_file_loses_them<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("overwritten", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    alice.set(file, setting(vec![change("old", Some(b"value"))])).await.unwrap();
    let over =
        |disposition, xattrs| OpenRequest { disposition, attributes: setting(xattrs), ..opening(root, "file", "rwd") };
    for disposition in [Disposition::OpenOrCreate, Disposition::Overwrite, Disposition::Supersede] {
        let opened = alice.open(over(disposition, vec![change("new", Some(b"!"))])).await.unwrap();
        let expected = match disposition {
            Disposition::OpenOrCreate => ("old".to_owned(), b"value".to_vec()),
            _ => ("new".to_owned(), b"!".to_vec()),
        };
        assert_eq!(list(&alice, file).await, Ok(vec![expected]), "{disposition:?}");
        alice.close(opened.open).await.unwrap();
    }
    let opened = alice.open(over(Disposition::OverwriteOrCreate, vec![])).await.unwrap();
    assert_eq!((opened.attributes.xattr_bytes, list(&alice, file).await), (0, Ok(vec![])));
    alice.close(opened.open).await.unwrap();
}
