//! What happens when the name exists or not, and what is granted.

use vfs::acl::AccessMask;
use vfs::{Disposition, DosAttributes, FsError, OpenRequest, OpenTarget, OpenedHow, SetAttributes, Vfs};

use super::super::actor::Scene;
use super::{creating, opening, rights, sharing};

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    each_disposition_does_its_own(scene).await;
    the_kind_is_checked(scene).await;
    rights_come_from_the_mode(scene).await;
    dos_attributes_keep_files(scene).await;
    case_does_not_matter_to_who_says_so(scene).await;
    opens_do_what_was_granted(scene).await;
}

async fn each_disposition_does_its_own<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("dispositions", 0o755).await);
    let cases = [
        (Disposition::Open, Err(FsError::NotFound), Ok(OpenedHow::Opened)),
        (Disposition::Create, Ok(OpenedHow::Created), Err(FsError::Exists)),
        (Disposition::OpenOrCreate, Ok(OpenedHow::Created), Ok(OpenedHow::Opened)),
        (Disposition::Overwrite, Err(FsError::NotFound), Ok(OpenedHow::Overwritten)),
        (Disposition::OverwriteOrCreate, Ok(OpenedHow::Created), Ok(OpenedHow::Overwritten)),
        (Disposition::Supersede, Ok(OpenedHow::Created), Ok(OpenedHow::Superseded)),
    ];
    let there = alice.create(root, "there", 0o644).await.unwrap();
    for (disposition, absent, present) in cases {
        let name = format!("{disposition:?}");
        let asked = OpenRequest { disposition, ..opening(root, &name, "r") };
        let new = alice.open(asked).await;
        assert_eq!(new.as_ref().map(|reply| reply.how).map_err(|error| *error), absent, "{name}");
        if let Ok(new) = new {
            assert_eq!((new.attributes.mode, new.attributes.size), (0o644, 0));
            assert_eq!(alice.lookup(root, &name).await.unwrap().inode, new.attributes.inode);
            alice.close(new.open).await.unwrap();
        }
        alice.write(there, 0, b"twelve bytes").await.unwrap();
        let old = alice.open(OpenRequest { disposition, ..opening(root, "there", "r") }).await;
        assert_eq!(old.as_ref().map(|reply| reply.how).map_err(|error| *error), present, "{name}");
        if let Ok(old) = old {
            let is_cut = matches!(old.how, OpenedHow::Overwritten | OpenedHow::Superseded);
            assert_eq!(old.attributes.size, if is_cut { 0 } else { 12 }, "{name}");
            assert_eq!(old.attributes, alice.attributes(there).await.unwrap());
            assert_eq!(alice.write_by((there, old.open), b"x").await, Err(FsError::AccessDenied), "not granted");
            alice.close(old.open).await.unwrap();
        }
    }
}

async fn the_kind_is_checked<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("kinds", 0o755).await);
    let made = OpenRequest { directory: Some(true), ..creating(root, "directory", "r") };
    let made = alice.open(made).await.unwrap();
    assert!(made.attributes.is_directory());
    alice.create(root, "file", 0o644).await.unwrap();
    let asked = |name: &str, directory| OpenRequest { directory, ..opening(root, name, "r") };
    assert_eq!(alice.open(asked("directory", Some(false))).await.err(), Some(FsError::IsDirectory));
    assert_eq!(alice.open(asked("file", Some(true))).await.err(), Some(FsError::NotDirectory));
    for (name, kind) in [("directory", None), ("directory", Some(true)), ("file", None), ("file", Some(false))] {
        let open = alice.opened(asked(name, kind)).await;
        alice.close(open).await.unwrap();
    }
    let overwritten = OpenRequest { disposition: Disposition::OverwriteOrCreate, ..asked("directory", None) };
    assert_eq!(alice.open(overwritten).await.err(), Some(FsError::InvalidArgument));
    let by_inode = OpenRequest { target: OpenTarget::Inode(made.attributes.inode), ..asked("directory", Some(true)) };
    let open = alice.opened(by_inode).await;
    assert_eq!(alice.house.open_state(&alice.ctx, open).unwrap().name, None);
    alice.close(open).await.unwrap();
    alice.close(made.open).await.unwrap();
}

async fn rights_come_from_the_mode<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("rights", 0o755).await);
    alice.create(root, "shown", 0o644).await.unwrap();
    let shown = bob.open(opening(root, "shown", "m")).await.unwrap();
    assert_eq!(shown.granted, shown.maximal);
    assert!(shown.granted.contains(rights("ra")) && shown.granted.0 & rights("wdx").0 == 0);
    assert!(shown.granted.contains(AccessMask::SYNCHRONIZE.union(AccessMask::READ_CONTROL)));
    bob.close(shown.open).await.unwrap();
    for access in ["w", "d", "x", "s", "rw", "mw"] {
        assert_eq!(bob.open(opening(root, "shown", access)).await.err(), Some(FsError::AccessDenied), "{access}");
    }
    assert_eq!(bob.open(opening(root, "shown", "")).await.err(), Some(FsError::AccessDenied), "nothing");
    assert_eq!(bob.open(creating(root, "new", "r")).await.err(), Some(FsError::AccessDenied), "the directory decides");
    let own = alice.open(opening(root, "shown", "rwds")).await.unwrap();
    assert_eq!(own.granted, rights("rwds"));
    alice.close(own.open).await.unwrap();
    let everything = OpenRequest { access: AccessMask::ALL, ..opening(root, "shown", "") };
    let all = alice.open(everything).await.expect("an owner who may read and write may do everything");
    assert_eq!(all.granted, AccessMask::ALL);
    alice.close(all.open).await.unwrap();
    let attributes = SetAttributes { mode: Some(0o000), ..SetAttributes::default() };
    let sealed = alice.open(OpenRequest { attributes, ..creating(root, "sealed", "rw") }).await.unwrap();
    assert_eq!(sealed.granted, rights("rw"), "who creates may");
    alice.write_by((sealed.attributes.inode, sealed.open), b"x").await.unwrap();
    assert_eq!(alice.open(opening(root, "sealed", "r")).await.err(), Some(FsError::AccessDenied), "once");
    alice.close(sealed.open).await.unwrap();
}

async fn dos_attributes_keep_files<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("dos", 0o755).await);
    let with = |bits: u32| SetAttributes { dos: Some(DosAttributes(bits)), mode: Some(0o644), ..Default::default() };
    let made = |name: &str, bits| OpenRequest { attributes: with(bits), ..creating(root, name, "rwd") };
    let kept = alice.open(made("kept", 0x1)).await.unwrap();
    assert_eq!(kept.attributes.dos, DosAttributes::READ_ONLY);
    alice.write_by((kept.attributes.inode, kept.open), b"x").await.expect("who creates it may write to it");
    assert_eq!(alice.mark(kept.open, true).await, Err(FsError::NotPermitted));
    assert_eq!(alice.open(opening(root, "kept", "w")).await.err(), Some(FsError::AccessDenied));
    let deleting = OpenRequest { delete_on_close: true, ..opening(root, "kept", "d") };
    assert_eq!(alice.open(deleting).await.err(), Some(FsError::NotPermitted));
    alice.close(kept.open).await.unwrap();
    let hidden = alice.opened(made("hidden", 0x2)).await;
    alice.close(hidden).await.unwrap();
    let over = |bits| OpenRequest {
        disposition: Disposition::Overwrite,
        attributes: with(bits),
        share: sharing("rwd"),
        ..opening(root, "hidden", "r")
    };
    assert_eq!(alice.open(over(0x20)).await.err(), Some(FsError::AccessDenied));
    let open = alice.open(over(0x22)).await.unwrap();
    assert_eq!(open.attributes.dos, DosAttributes(0x22));
    alice.close(open.open).await.unwrap();
}

async fn case_does_not_matter_to_who_says_so<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("case", 0o755).await);
    let upper = alice.create(root, "README", 0o644).await.unwrap();
    assert_eq!(alice.open(creating(root, "Readme", "r")).await.err(), Some(FsError::Exists));
    let open = alice.open(opening(root, "readme", "r")).await.unwrap();
    assert_eq!(open.attributes.inode, upper);
    let name = alice.house.open_state(&alice.ctx, open.open).unwrap().name.unwrap().1;
    assert_eq!(name.as_bytes(), b"README", "as it is stored");
    alice.close(open.open).await.unwrap();
    let lower = alice.create(root, "readme", 0o644).await.expect("NFS is exact");
    let open = alice.open(opening(root, "readme", "r")).await.unwrap();
    assert_eq!(open.attributes.inode, lower, "the exact one goes first");
    alice.close(open.open).await.unwrap();
    assert!(!alice.has(root, "Readme").await);
}

async fn opens_do_what_was_granted<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, root) = (scene.alice(), scene.bob(), scene.stage("granted", 0o777).await);
    let file = alice.create(root, "file", 0o666).await.unwrap();
    let other = alice.create(root, "other", 0o666).await.unwrap();
    let reader = bob.opened(opening(root, "file", "r")).await;
    let writer = bob.opened(opening(root, "file", "ws")).await;
    alice.chmod(file, 0o600).await.unwrap();
    bob.write_by((file, writer), b"data").await.expect("what was granted stays so");
    assert_eq!(bob.read_by((file, reader)).await, Ok(b"data".to_vec()));
    assert_eq!(bob.write_by((file, reader), b"x").await, Err(FsError::AccessDenied));
    assert_eq!(bob.read_by((file, writer)).await, Err(FsError::AccessDenied));
    assert_eq!(bob.read_by((other, reader)).await, Err(FsError::BadOpen), "another file");
    assert_eq!(alice.read_by((file, reader)).await, Ok(b"data".to_vec()), "the session holds it, not the user");
    let size = SetAttributes { size: Some(2), ..SetAttributes::default() };
    assert_eq!(bob.set_by((file, reader), size.clone()).await, Err(FsError::AccessDenied));
    bob.set_by((file, writer), size).await.unwrap();
    let dos = SetAttributes { dos: Some(DosAttributes::ARCHIVE), ..SetAttributes::default() };
    bob.set_by((file, writer), dos).await.unwrap();
    let mode = SetAttributes { mode: Some(0o777), ..SetAttributes::default() };
    assert_eq!(bob.set_by((file, writer), mode).await, Err(FsError::AccessDenied));
    assert_eq!(bob.read_by((file, reader)).await, Ok(b"da".to_vec()));
    bob.close(reader).await.unwrap();
    assert_eq!(bob.read_by((file, reader)).await, Err(FsError::BadOpen));
    assert_eq!(bob.close(reader).await, Err(FsError::BadOpen));
    bob.close(writer).await.unwrap();
}
