//! Security descriptors: in force in place of the mode, handed down, changed by the mode and by new owners (MS-DTYP 2.5.3).

use std::sync::Arc;

use vfs::acl::{AccessMask, Ace, AceFlags, AceKind, SecurityDescriptor, Trustee};
use vfs::{Attributes, FsError, InodeId, Principal, SetAttributes, Vfs};

use super::actor::{Actor, Scene};

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    a_descriptor_decides_in_place_of_the_mode(scene).await;
    what_is_made_inherits(scene).await;
    the_mode_changes_it(scene).await;
    owners_are_taken_and_named(scene).await;
    deletion_is_allowed_by_either(scene).await;
    long_ones_are_refused(scene).await;
    every_right_of_every_user_is_the_same_over_both_doors(scene).await;
}

const ALICE: u32 = 1000;
const BOB: u32 = 1001;
const READS: AccessMask = AccessMask(0x12_0089);

fn user(uid: u32) -> Trustee {
    Trustee::User(Principal::Unix(uid))
}

fn allow(trustee: Trustee, mask: AccessMask) -> Ace {
    Ace { kind: AceKind::Allow, flags: AceFlags::default(), mask, trustee }
}

fn handed_down(ace: Ace) -> Ace {
    Ace { flags: AceFlags { object_inherit: true, container_inherit: true, ..AceFlags::default() }, ..ace }
}

fn listed(dacl: Vec<Ace>) -> SetAttributes {
    let control = SecurityDescriptor::DACL_PRESENT;
    let descriptor = SecurityDescriptor { control, dacl: Some(dacl), ..SecurityDescriptor::default() };
    SetAttributes { descriptor: Some(Arc::new(descriptor)), ..SetAttributes::default() }
}

fn entries(attributes: &Attributes) -> Vec<Ace> {
    attributes.descriptor.as_ref().and_then(|descriptor| descriptor.dacl.clone()).unwrap_or_default()
}

async fn may<V: Vfs>(actor: &Actor<'_, V>, file: InodeId) -> (bool, bool) {
    (actor.read(file, 0, 1).await.is_ok(), actor.write(file, 0, b"x").await.is_ok())
}

async fn a_descriptor_decides_in_place_of_the_mode<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob, carol) = (scene.alice(), scene.bob(), scene.carol());
    let root = scene.stage("decides", 0o755).await;
    let file = alice.create(root, "file", 0o600).await.unwrap();
    assert_eq!(alice.attributes(file).await.unwrap().descriptor, None);
    assert_eq!(bob.set(file, listed(vec![])).await.err(), Some(FsError::NotPermitted), "the owner sets it");
    let dacl = vec![allow(user(ALICE), AccessMask::ALL), allow(user(BOB), READS)];
    alice.set(file, listed(dacl.clone())).await.unwrap();
    let shown = alice.attributes(file).await.unwrap();
    assert_eq!((entries(&shown), shown.mode), (dacl, 0o700));
    assert_eq!((may(&bob, file).await, may(&carol, file).await), ((true, false), (false, false)));
    assert_eq!(bob.access(file, AccessMask::ALL).await, READS);
    assert_eq!(bob.set(file, listed(vec![])).await.err(), Some(FsError::NotPermitted));
    alice.set(file, listed(vec![])).await.unwrap();
    assert_eq!(alice.access(file, AccessMask::ALL).await, AccessMask::READ_CONTROL.union(AccessMask::WRITE_DAC));
    assert_eq!(may(&alice, file).await, (true, true), "an owner who may change it reaches the bytes");
    alice.set(file, listed(vec![allow(Trustee::Owner, READS)])).await.unwrap();
    assert_eq!(may(&alice, file).await, (true, false), "what owners may is said");
    assert_eq!(alice.chmod(file, 0o777).await.err(), Some(FsError::NotPermitted));
    assert_eq!(may(&scene.superuser(), file).await, (true, true));
}

async fn what_is_made_inherits<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob) = (scene.alice(), scene.bob());
    let root = scene.stage("inherits", 0o755).await;
    let share = alice.mkdir(root, "share", 0o755).await.unwrap();
    let below = handed_down(allow(Trustee::CreatorOwner, AccessMask::ALL));
    let below = Ace { flags: AceFlags { inherit_only: true, ..below.flags }, ..below };
    let dacl = vec![handed_down(allow(user(BOB), AccessMask::ALL)), below];
    alice.set(share, listed(dacl)).await.unwrap();
    let file = bob.create(share, "file", 0o600).await.unwrap();
    let inherited = [allow(user(BOB), AccessMask::ALL), allow(user(BOB), AccessMask::ALL)];
    let shown = bob.attributes(file).await.unwrap();
    assert_eq!((entries(&shown), shown.mode), (inherited.to_vec(), 0o700), "the mode says nothing");
    let deep = bob.mkdir(share, "deep", 0o700).await.unwrap();
    assert_eq!(entries(&bob.attributes(deep).await.unwrap()).len(), 3);
    let deeper = bob.mkdir(deep, "deeper", 0o700).await.unwrap();
    assert_eq!(entries(&bob.attributes(deeper).await.unwrap()).len(), 3);
    let link = bob.symlink(share, "link", b"file").await.unwrap().attributes.inode;
    assert_eq!(bob.attributes(link).await.unwrap().descriptor, None);
    bob.remove(share, "file").await.unwrap();
    assert_eq!(scene.carol().create(share, "x", 0o600).await.err(), Some(FsError::AccessDenied));
}

async fn the_mode_changes_it<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob) = (scene.alice(), scene.bob());
    let root = scene.stage("mode", 0o755).await;
    let file = alice.create(root, "file", 0o600).await.unwrap();
    let dacl = vec![allow(user(ALICE), AccessMask::ALL), allow(user(BOB), AccessMask::ALL)];
    alice.set(file, listed(dacl.clone())).await.unwrap();
    alice.chmod(file, 0o1700).await.unwrap();
    let shown = alice.attributes(file).await.unwrap();
    assert_eq!((entries(&shown), shown.mode), (dacl, 0o1700), "the bits that it shows");
    alice.chmod(file, 0o640).await.unwrap();
    assert_eq!((may(&bob, file).await, alice.attributes(file).await.unwrap().mode), ((true, false), 0o640));
    alice.set(file, listed(vec![allow(Trustee::Everyone, READS)])).await.unwrap();
    alice.chmod(file, 0o600).await.unwrap();
    assert_eq!(alice.attributes(file).await.unwrap().descriptor, None, "the mode says it all");
    assert_eq!(may(&bob, file).await, (false, false));
}

async fn owners_are_taken_and_named<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob) = (scene.alice(), scene.bob());
    let root = scene.stage("owners", 0o755).await;
    let file = alice.create(root, "file", 0o600).await.unwrap();
    let owner = |uid| SetAttributes { owner: Some(Principal::Unix(uid)), ..SetAttributes::default() };
    assert_eq!(bob.set(file, owner(BOB)).await.err(), Some(FsError::NotPermitted));
    let dacl = vec![allow(user(ALICE), READS), allow(user(BOB), AccessMask::WRITE_OWNER)];
    alice.set(file, listed(dacl)).await.unwrap();
    assert_eq!(bob.set(file, owner(1002)).await.err(), Some(FsError::NotPermitted), "only for oneself");
    bob.set(file, owner(BOB)).await.unwrap();
    let shown = bob.attributes(file).await.unwrap();
    assert_eq!(shown.owner, Principal::Unix(BOB));
    assert_eq!(entries(&shown), [allow(user(BOB), READS), allow(user(BOB), AccessMask::WRITE_OWNER)]);
}

async fn deletion_is_allowed_by_either<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, bob) = (scene.alice(), scene.bob());
    let root = scene.stage("deletion", 0o755).await;
    for name in ["kept", "given"] {
        let file = alice.create(root, name, 0o666).await.unwrap();
        let right = if name == "given" { AccessMask::DELETE } else { READS };
        alice.set(file, listed(vec![allow(user(BOB), right)])).await.unwrap();
    }
    assert_eq!(bob.remove(root, "kept").await.err(), Some(FsError::AccessDenied));
    bob.remove(root, "given").await.unwrap();
    let adds = AccessMask::WRITE_DATA.union(AccessMask::READ_DATA);
    alice.set(root, listed(vec![allow(user(BOB), adds)])).await.unwrap();
    bob.create(root, "added", 0o600).await.unwrap();
    assert_eq!(bob.mkdir(root, "directory", 0o700).await.err(), Some(FsError::AccessDenied));
    assert_eq!(bob.remove(root, "added").await.err(), Some(FsError::AccessDenied));
    assert_eq!(scene.carol().lookup(root, "added").await, Err(FsError::AccessDenied), "who may do nothing there");
}

async fn long_ones_are_refused<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("long", 0o755).await);
    let directory = alice.mkdir(root, "directory", 0o700).await.unwrap();
    let max = vfs::limits::DESCRIPTOR_ENTRIES_MAX;
    let dacl = |count| vec![handed_down(allow(Trustee::CreatorOwner, AccessMask(0x1000_0000))); count];
    assert_eq!(alice.set(directory, listed(dacl(max + 1))).await.err(), Some(FsError::InvalidArgument));
    let mut longest = dacl(max - 1);
    longest.push(handed_down(allow(user(ALICE), AccessMask::ALL)));
    alice.set(directory, listed(longest)).await.unwrap();
    let below = alice.mkdir(directory, "below", 0o700).await.unwrap();
    let deeper = alice.mkdir(below, "deeper", 0o700).await.unwrap();
    assert_eq!(entries(&alice.attributes(deeper).await.unwrap()).len(), 2 * (max - 1) + 1);
}

/// What ACCESS and reads and writes by handle (NFS) allow is what opens (SMB) are granted, by descriptor and by mode.
async fn every_right_of_every_user_is_the_same_over_both_doors<V: Vfs>(scene: &Scene<'_, V>) {
    let superuser = scene.superuser();
    let root = scene.stage("doors", 0o711).await;
    superuser.set(root, SetAttributes { owner: Some(Principal::Unix(0)), ..SetAttributes::default() }).await.unwrap();
    let file = superuser.create(root, "file", 0o640).await.unwrap();
    let owned = SetAttributes {
        owner: Some(Principal::Unix(ALICE)),
        group: Some(Principal::Unix(200)),
        ..SetAttributes::default()
    };
    superuser.set(file, owned).await.unwrap();
    let group = |gid| Trustee::Group(Principal::Unix(gid));
    let deny = |trustee, mask| Ace { kind: AceKind::Deny, ..allow(trustee, AccessMask(mask)) };
    let descriptors = [
        vec![allow(user(BOB), READS), allow(group(200), AccessMask::ALL)],
        vec![deny(group(200), 0x2_0003), allow(Trustee::Everyone, AccessMask::ALL)],
        vec![allow(Trustee::Owner, AccessMask(0x2)), allow(group(100), AccessMask(0x20))],
        vec![deny(user(ALICE), 0x1f_01ff), allow(user(1002), AccessMask(0xd_0000))],
        vec![],
    ];
    for mode in [0o000, 0o640, 0o604, 0o777, 0o026] {
        superuser.chmod(file, mode).await.unwrap();
        both_doors_agree(scene, (root, file), &format!("{mode:o}")).await;
    }
    for dacl in descriptors {
        let what = format!("{dacl:?}");
        superuser.set(file, listed(dacl)).await.unwrap();
        both_doors_agree(scene, (root, file), &what).await;
    }
}

async fn both_doors_agree<V: Vfs>(scene: &Scene<'_, V>, (root, file): (InodeId, InodeId), what: &str) {
    for (name, actor) in [("alice", scene.alice()), ("bob", scene.bob()), ("carol", scene.carol())] {
        let told = actor.access(file, AccessMask::ALL).await;
        for bit in (0..20).map(|bit| AccessMask(1 << bit)).filter(|bit| AccessMask::ALL.contains(*bit)) {
            let opened = actor.opens(root, "file", bit).await;
            assert_eq!(opened, told.contains(bit) || may_by_mode((name, told), bit, what), "{name}, {bit:x?}, {what}");
        }
        let reads = [AccessMask::READ_DATA, AccessMask::EXECUTE].iter().any(|right| told.contains(*right));
        let rules = name == "alice" && told.contains(AccessMask::WRITE_DAC);
        let writes = told.contains(AccessMask::WRITE_DATA);
        assert_eq!(may(&actor, file).await, (rules || reads, rules || writes), "{name}, {what}");
    }
}

/// Without a descriptor whoever may write is also granted what the mode has no bit for, and an owner who may read too
/// everything but to delete, which the directory decides.
fn may_by_mode((name, told): (&str, AccessMask), bit: AccessMask, what: &str) -> bool {
    let by_mode = what.starts_with(|first: char| first.is_ascii_digit());
    let owns = name == "alice" && told.contains(AccessMask::READ_DATA) && bit != AccessMask::DELETE;
    by_mode && told.contains(AccessMask::WRITE_DATA) && (owns || bit == AccessMask::WRITE_ATTRIBUTES)
}
