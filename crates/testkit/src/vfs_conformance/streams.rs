//! Streams (MS-FSCC 2.1.5.1, MS-FSA 2.1.5.1): bytes of their own beside those of a file or directory.

use vfs::acl::AccessMask;
use vfs::limits::STREAMS_MAX;
use vfs::{
    Disposition, FsError, InodeId, OpenReply, OpenRequest, RenameStreamRequest, SetAttributes, ShareMode,
    StreamListRequest, Vfs, Via, XattrChange,
};

use super::actor::{Actor, Scene, named};
use super::opens::opening;

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    they_have_bytes_of_their_own(scene).await;
    dispositions_are_those_of_the_stream(scene).await;
    attributes_are_those_of_the_file(scene).await;
    a_directory_has_them_too(scene).await;
    who_overwrites_a_file_loses_them(scene).await;
    share_modes_are_apart_but_for_deletion(scene).await;
    they_are_deleted_and_renamed(scene).await;
    the_file_goes_with_the_last_open(scene).await;
    they_stay_with_their_file(scene).await;
    rights_are_those_of_the_file(scene).await;
    there_is_a_most(scene).await;
}

fn stream(root: InodeId, file: &str, stream: &str) -> OpenRequest {
    let access = AccessMask::READ_DATA.union(AccessMask::WRITE_DATA).union(AccessMask::DELETE);
    let disposition = Disposition::OpenOrCreate;
    OpenRequest { stream: Some(named(stream)), access, disposition, ..opening(root, file, "") }
}

impl<V: Vfs> Actor<'_, V> {
    async fn opened_stream(&self, request: OpenRequest) -> OpenReply {
        self.open(request).await.unwrap()
    }

    /// Writes a stream and closes it.
    async fn put_stream(&self, root: InodeId, (file, name): (&str, &str), data: &[u8]) {
        let opened = self.opened_stream(stream(root, file, name)).await;
        self.write_by((opened.attributes.inode, opened.open), data).await.unwrap();
        self.close(opened.open).await.unwrap();
    }

    async fn get_stream(&self, root: InodeId, (file, name): (&str, &str)) -> Result<Vec<u8>, FsError> {
        let request = OpenRequest { disposition: Disposition::Open, ..stream(root, file, name) };
        let opened = self.open(OpenRequest { access: AccessMask::READ_DATA, ..request }).await?;
        let data = self.read_by((opened.attributes.inode, opened.open)).await;
        self.close(opened.open).await.unwrap();
        data
    }

    /// Names and sizes.
    async fn streams(&self, inode: InodeId) -> Vec<(String, u64)> {
        let request = StreamListRequest { inode, via: Via::Anonymous };
        let entries = self.house.stream_list(self.next(), request).await.unwrap().entries;
        let text = |name: &vfs::Name| String::from_utf8(name.as_bytes().to_vec()).unwrap();
        let mut list: Vec<_> = entries.iter().map(|entry| (text(&entry.name), entry.size)).collect();
        list.sort();
        list
    }
}

fn list(streams: &[(&str, u64)]) -> Vec<(String, u64)> {
    streams.iter().map(|(name, size)| ((*name).to_owned(), *size)).collect()
}

async fn they_have_bytes_of_their_own<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("bytes", 0o755).await);
    alice.put_stream(root, ("file", "One"), b"of the stream").await;
    let file = alice.lookup(root, "file").await.unwrap().inode;
    assert_eq!(alice.attributes(file).await.unwrap().size, 0, "the file was made with it");
    alice.put_stream(root, ("file", "two"), b"").await;
    alice.put_stream(root, ("file", "ONE"), b"OF").await;
    assert_eq!(alice.streams(file).await, list(&[("One", 13), ("two", 0)]));
    assert_eq!(alice.get_stream(root, ("file", "one")).await.unwrap(), b"OF the stream");
    assert_eq!(alice.get_stream(root, ("file", "three")).await, Err(FsError::NotFound));
    assert_eq!(alice.get_stream(root, ("none", "one")).await, Err(FsError::NotFound));
}

async fn dispositions_are_those_of_the_stream<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("stream dispositions", 0o755).await);
    alice.put_stream(root, ("file", "s"), b"old").await;
    let with = |disposition| OpenRequest { disposition, ..stream(root, "file", "s") };
    assert_eq!(alice.open(with(Disposition::Create)).await.err(), Some(FsError::Exists));
    let over = alice.opened_stream(with(Disposition::Overwrite)).await;
    assert_eq!((over.how, over.attributes.size), (vfs::OpenedHow::Overwritten, 0));
    alice.close(over.open).await.unwrap();
    let missing = OpenRequest { disposition: Disposition::Overwrite, ..stream(root, "file", "missing") };
    assert_eq!(alice.open(missing).await.err(), Some(FsError::NotFound));
    let as_directory = OpenRequest { directory: Some(true), ..stream(root, "file", "s") };
    assert_eq!(alice.open(as_directory).await.err(), Some(FsError::NotDirectory));
}

async fn attributes_are_those_of_the_file<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("stream attributes", 0o755).await);
    alice.put_stream(root, ("file", "s"), b"12345").await;
    let file = alice.lookup(root, "file").await.unwrap().inode;
    let opened = alice.opened_stream(OpenRequest { access: AccessMask::ALL, ..stream(root, "file", "s") }).await;
    let (inode, shown) = (opened.attributes.inode, alice.attributes(opened.attributes.inode).await.unwrap());
    let whole = alice.attributes(file).await.unwrap();
    assert_eq!((shown.stream_of, shown.size, whole.stream_of, whole.size), (Some(file), 5, None, 0));
    assert_eq!((shown.owner, shown.created, shown.mode), (whole.owner, whole.created, whole.mode));
    // What is set through it is set in the file.
    let xattrs = vec![XattrChange { name: "name".into(), value: Some("value".into()) }];
    alice
        .set_by((file, opened.open), SetAttributes { mode: Some(0o600), xattrs, ..SetAttributes::default() })
        .await
        .unwrap();
    alice.set_by((inode, opened.open), SetAttributes { size: Some(3), ..SetAttributes::default() }).await.unwrap();
    let (shown, whole) = (alice.attributes(inode).await.unwrap(), alice.attributes(file).await.unwrap());
    assert_eq!((whole.mode, shown.mode, shown.size, whole.size), (0o600, 0o600, 3, 0));
    assert!(whole.xattr_bytes > 0 && shown.xattr_bytes == whole.xattr_bytes);
    let before = alice.attributes(file).await.unwrap();
    alice.write_by((inode, opened.open), b"later").await.unwrap();
    alice.close(opened.open).await.unwrap();
    let after = alice.attributes(file).await.unwrap();
    assert!(after.modified > before.modified && after.changed > before.changed, "a stream was written");
}

async fn a_directory_has_them_too<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("stream of a directory", 0o755).await);
    let directory = alice.mkdir(root, "directory", 0o755).await.unwrap();
    alice.put_stream(root, ("directory", "s"), b"beside").await;
    assert_eq!(alice.streams(directory).await, list(&[("s", 6)]));
    assert!(!alice.has(directory, "s").await, "it is no entry");
    let open = alice.opened_stream(stream(root, "directory", "s")).await;
    assert!(!open.attributes.is_directory());
    alice.close(open.open).await.unwrap();
    alice.rename((root, "directory"), (root, "renamed")).await.unwrap();
    assert_eq!(alice.get_stream(root, ("renamed", "s")).await.unwrap(), b"beside");
    alice.rmdir(root, "renamed").await.expect("it counts as empty");
}

async fn who_overwrites_a_file_loses_them<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("overwritten streams", 0o755).await);
    for disposition in [Disposition::OverwriteOrCreate, Disposition::Supersede, Disposition::Overwrite] {
        alice.put_stream(root, ("file", "s"), b"gone").await;
        let over = alice.open(OpenRequest { disposition, ..opening(root, "file", "rwd") }).await.unwrap();
        assert_eq!(alice.streams(over.attributes.inode).await, list(&[]), "{disposition:?}");
        alice.close(over.open).await.unwrap();
    }
}

async fn share_modes_are_apart_but_for_deletion<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("stream sharing", 0o755).await);
    let alone = |name| OpenRequest { share: ShareMode::default(), ..stream(root, "file", name) };
    let one = alice.opened_stream(alone("one")).await;
    let two = alice.opened_stream(alone("two")).await;
    assert_eq!(alice.open(stream(root, "file", "ONE")).await.err(), Some(FsError::ShareConflict));
    let file = alice.open(opening(root, "file", "rw")).await.expect("another stream");
    alice.close(file.open).await.unwrap();
    assert_eq!(alice.open(opening(root, "file", "d")).await.err(), Some(FsError::ShareConflict));
    assert_eq!(alice.remove(root, "file").await.err(), Some(FsError::ShareConflict));
    assert_eq!(alice.rename((root, "file"), (root, "other")).await.err(), Some(FsError::ShareConflict));
    for open in [one.open, two.open] {
        alice.close(open).await.unwrap();
    }
    alice.remove(root, "file").await.unwrap();
}

async fn they_are_deleted_and_renamed<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("stream deletion", 0o755).await);
    for name in ["one", "two", "three"] {
        alice.put_stream(root, ("file", name), name.as_bytes()).await;
    }
    let file = alice.lookup(root, "file").await.unwrap().inode;
    let going = OpenRequest { delete_on_close: true, ..stream(root, "file", "one") };
    let going = alice.opened_stream(going).await;
    alice.mark(going.open, true).await.unwrap();
    assert_eq!(alice.open(stream(root, "file", "one")).await.err(), Some(FsError::DeletePending));
    assert!(alice.opens(root, "file", AccessMask::READ_DATA).await, "its file is not");
    alice.close(going.open).await.unwrap();
    assert_eq!(alice.streams(file).await, list(&[("three", 5), ("two", 3)]));
    let open = alice.opened_stream(stream(root, "file", "two")).await;
    let rename = |to: &str, replace| RenameStreamRequest { open: open.open, to_name: named(to), replace };
    let renamed =
        |request| async { alice.house.rename_stream(alice.next(), request).await.map_err(|failure| failure.error) };
    assert_eq!(renamed(rename("Three", false)).await, Err(FsError::Exists));
    let other = alice.opened_stream(stream(root, "file", "three")).await;
    assert_eq!(renamed(rename("Three", true)).await, Err(FsError::AccessDenied), "it is open");
    alice.close(other.open).await.unwrap();
    assert_eq!(renamed(rename("Three", true)).await, Ok(()));
    assert_eq!(renamed(rename("THREE", false)).await, Ok(()), "respelt");
    alice.close(open.open).await.unwrap();
    assert_eq!(alice.streams(file).await, list(&[("THREE", 3)]));
    assert_eq!(alice.get_stream(root, ("file", "three")).await.unwrap(), b"two");
}

async fn the_file_goes_with_the_last_open<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("last open of a stream", 0o755).await);
    let open = alice.opened_stream(stream(root, "file", "s")).await;
    let file = alice.open(OpenRequest { delete_on_close: true, ..opening(root, "file", "d") }).await.unwrap();
    alice.close(file.open).await.unwrap();
    alice.write_by((open.attributes.inode, open.open), b"still there").await.unwrap();
    assert_eq!(alice.open(opening(root, "file", "r")).await.err(), Some(FsError::DeletePending));
    assert_eq!(alice.open(stream(root, "file", "s")).await.err(), Some(FsError::DeletePending));
    alice.close(open.open).await.unwrap();
    assert_eq!(alice.open(opening(root, "file", "r")).await.err(), Some(FsError::NotFound));
    // Without an open the name goes at once; what is open stays as long.
    let open = alice.opened_stream(stream(root, "file", "s")).await;
    alice.remove(root, "file").await.unwrap();
    alice.write_by((open.attributes.inode, open.open), b"orphan").await.unwrap();
    assert_eq!(alice.read_by((open.attributes.inode, open.open)).await.unwrap(), b"orphan");
    alice.close(open.open).await.unwrap();
}

async fn they_stay_with_their_file<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("streams that stay", 0o755).await);
    let below = alice.mkdir(root, "below", 0o755).await.unwrap();
    alice.put_stream(root, ("file", "s"), b"stays").await;
    let file = alice.lookup(root, "file").await.unwrap().inode;
    alice.link(file, below, "second").await.unwrap();
    alice.remove(root, "file").await.unwrap();
    assert_eq!(alice.get_stream(below, ("second", "s")).await.unwrap(), b"stays");
    alice.rename((below, "second"), (root, "third")).await.unwrap();
    assert_eq!(alice.get_stream(root, ("third", "s")).await.unwrap(), b"stays");
    alice.put_stream(root, ("victim", "s"), b"goes").await;
    alice.rename((root, "third"), (root, "victim")).await.unwrap();
    assert_eq!(alice.get_stream(root, ("victim", "s")).await.unwrap(), b"stays");
    let open = alice.open(OpenRequest { access: AccessMask::ALL, ..opening(root, "victim", "") }).await.unwrap();
    let held = alice.opened_stream(stream(root, "victim", "s")).await;
    assert_eq!(
        alice.move_open(open.open, (root, "fourth"), false).await,
        Err(FsError::AccessDenied),
        "a stream is open"
    );
    alice.close(held.open).await.unwrap();
    assert_eq!(alice.move_open(open.open, (root, "fourth"), false).await, Ok(()));
    alice.close(open.open).await.unwrap();
}

async fn rights_are_those_of_the_file<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("stream rights", 0o755).await);
    alice.put_stream(root, ("file", "s"), b"read").await;
    assert_eq!(bob.get_stream(root, ("file", "s")).await.unwrap(), b"read");
    let writing = |name| OpenRequest { access: AccessMask::WRITE_DATA, ..stream(root, "file", name) };
    assert_eq!(bob.open(writing("s")).await.err(), Some(FsError::AccessDenied));
    let looking = OpenRequest { access: AccessMask::READ_DATA, ..stream(root, "file", "new") };
    assert_eq!(bob.open(looking).await.err(), Some(FsError::AccessDenied), "to make one is to write");
}

async fn there_is_a_most<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("most streams", 0o755).await);
    for at in 0..STREAMS_MAX {
        alice.put_stream(root, ("file", &format!("{at}")), b"").await;
    }
    assert_eq!(alice.open(stream(root, "file", "more")).await.err(), Some(FsError::TooManyLinks));
    alice.remove(root, "file").await.unwrap();
}
