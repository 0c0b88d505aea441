//! Who may do what is the same over both doors: asked of every (user, file, right), with modes and descriptors made up.

use integration::load::Random;
use nfs_wire::nfs3::{Access, AccessArgs, Sattr3, access_rights};
use smb_wire::Status;
use smb_wire::dtyp::{AccessMask, Ace, AceBody, AceFlags, AceType, Acl, DescriptorControl, SecurityDescriptor, Sid};

use super::client::{How, User};
use super::{Folder, refusal};
use crate::smb_clients::{House, USERS};

/// What one right is called over NFS and over SMB.
const RIGHTS_OF_FILES: [(u32, AccessMask); 4] = [
    (access_rights::READ, AccessMask::READ_DATA),
    (access_rights::MODIFY, AccessMask::WRITE_DATA),
    (access_rights::EXTEND, AccessMask::APPEND_DATA),
    (access_rights::EXECUTE, AccessMask::EXECUTE),
];
const RIGHTS_OF_DIRECTORIES: [(u32, AccessMask); 3] = [
    (access_rights::READ, AccessMask::LIST_DIRECTORY),
    (access_rights::MODIFY, AccessMask::ADD_FILE),
    (access_rights::EXTEND, AccessMask::ADD_SUBDIRECTORY),
];

const ITEMS: u64 = 150;

#[test]
fn rights_are_the_same_over_both_doors() {
    let house = House::open("[smb]\n");
    let mut folder = Folder::open(&house);
    let mut users = USERS.map(|(name, uid)| (User::log_on(&house, name), uid));
    let sids = users.each_mut().map(|(user, uid)| sid(user, &format!("of-{uid}")));
    let mut random = Random::new(20_261_123);
    let (mut asked, mut granted) = (0_u32, 0_u32);
    for number in 0..ITEMS {
        let mut item = Item::make(&mut folder, &mut random, number);
        if random.below(2) == 0 {
            item.protect((&mut users, &sids), &mut random);
        }
        for (user, uid) in &mut users {
            for (over_nfs, over_smb) in item.rights() {
                let may = item.may_over_nfs(&mut folder, *uid, *over_nfs);
                let expected = may || item.runs_what_it_owns(*uid, *over_smb);
                assert_eq!(item.may_over_smb(user, *over_smb), expected, "{uid}, {over_smb:?} of {item:?}");
                (asked, granted) = (asked + 1, granted + u32::from(may));
            }
            if item.is_directory {
                let may = item.may_over_nfs(&mut folder, *uid, access_rights::LOOKUP);
                assert_eq!(item.may_pass(user), may, "{uid} passes {item:?}");
            }
        }
    }
    assert!(granted > asked / 5 && granted < asked * 4 / 5, "{granted} of {asked}: both answers were asked for");
    house.close();
}

/// What was written is what was promised: READ and WRITE over NFS do what SMB lets a user open for.
#[test]
fn calls_of_nfs_do_what_smb_would_allow() {
    let house = House::open("[smb]\n");
    let mut folder = Folder::open(&house);
    let (mut bob, uid) = (User::log_on(&house, USERS[1].0), USERS[1].1);
    for mode in [0o600, 0o604, 0o602, 0o606] {
        let name = format!("mode-{mode:o}");
        let file = folder.make(&name);
        folder.nfs.setattr(&file, Sattr3 { mode: Some(mode), ..Sattr3::default() }).unwrap();
        folder.nfs.act_as(uid, uid);
        let reads = bob.open(&name, How::to(AccessMask::READ_DATA));
        match &reads {
            Ok(_) => drop(folder.nfs.read_all(&file).unwrap()),
            Err(_) => drop(refusal(folder.nfs.read_all(&file))),
        }
        let writes = bob.open(&name, How::to(AccessMask::WRITE_DATA));
        match &writes {
            Ok(_) => folder.write(&file, b"text").unwrap(),
            Err(_) => drop(refusal(folder.write(&file, b"text"))),
        }
        assert_eq!((reads.is_ok(), writes.is_ok()), (mode & 4 != 0, mode & 2 != 0));
        folder.nfs.act_as(0, 0);
        reads.into_iter().chain(writes).for_each(|open| bob.close(open));
    }
    house.close();
}

/// What is asked about, with all that a failure is to tell.
#[derive(Debug)]
struct Item {
    name: String,
    handle: nfs_wire::nfs3::FileHandle,
    is_directory: bool,
    owner: u32,
    mode: u32,
    entries: Option<Vec<Ace<'static>>>,
}

impl Item {
    /// A file or directory of somebody, with some mode.
    fn make(folder: &mut Folder, random: &mut Random, number: u64) -> Self {
        let owner = [USERS[0].1, USERS[1].1, 4000][below(random, 3)];
        let group = [USERS[0].1, USERS[1].1, 4000][below(random, 3)];
        let mode = u32::try_from(random.below(0o1000)).unwrap();
        let (name, is_directory) = (format!("item-{number}"), random.below(3) == 0);
        let root = folder.root.clone();
        let make = if is_directory { integration::client::Client::mkdir } else { integration::client::Client::create };
        let handle = make(&mut folder.nfs, &root, &name, 0o600).unwrap();
        let who = Sattr3 { uid: Some(owner), gid: Some(group), ..Sattr3::default() };
        folder.nfs.setattr(&handle, who).unwrap();
        folder.nfs.setattr(&handle, Sattr3 { mode: Some(mode), ..Sattr3::default() }).unwrap();
        Self { name, handle, is_directory, owner, mode, entries: None }
    }

    /// Its owner sets a descriptor over SMB, when it is a user of SMB.
    fn protect(&mut self, (users, sids): (&mut [(User, u32)], &[Sid; 2]), random: &mut Random) {
        let Some((user, _)) = users.iter_mut().find(|(_, uid)| *uid == self.owner) else { return };
        let entries = self.entries.insert((0..random.below(5)).map(|_| entry(sids, random)).collect());
        let open = user.open(&self.name, How::to(AccessMask::WRITE_DAC)).unwrap();
        let control = DescriptorControl::DACL_PRESENT;
        let descriptor = SecurityDescriptor { control, dacl: Some(Acl::new(entries)), ..SecurityDescriptor::default() };
        assert_eq!(user.protect(open, &descriptor), Status::SUCCESS);
        user.close(open);
    }

    fn rights(&self) -> &'static [(u32, AccessMask)] {
        if self.is_directory { &RIGHTS_OF_DIRECTORIES } else { &RIGHTS_OF_FILES }
    }

    /// The one difference that is meant: whom a mode lets read and write its own file may do everything with it over SMB.
    fn runs_what_it_owns(&self, uid: u32, right: AccessMask) -> bool {
        let by_mode = self.entries.is_none() && uid == self.owner && self.mode & 0o600 == 0o600;
        by_mode && right == AccessMask::EXECUTE
    }

    /// Whether a user gets as far as hearing that something in it is not there.
    fn may_pass(&self, user: &mut User) -> bool {
        let inside = user.open(&format!("{}\\nothing", self.name), How::to(AccessMask::READ_ATTRIBUTES));
        assert!(matches!(inside, Err(Status::OBJECT_NAME_NOT_FOUND | Status::ACCESS_DENIED)), "{inside:?}");
        inside == Err(Status::OBJECT_NAME_NOT_FOUND)
    }

    fn may_over_nfs(&self, folder: &mut Folder, uid: u32, access: u32) -> bool {
        folder.nfs.act_as(uid, uid);
        let args = AccessArgs { object: self.handle.clone(), access };
        let reply = folder.nfs.call::<Access>(&args).unwrap().into_result().unwrap();
        folder.nfs.act_as(0, 0);
        reply.access == access
    }

    fn may_over_smb(&self, user: &mut User, access: AccessMask) -> bool {
        match user.open(&self.name, How::to(access)) {
            Ok(open) => {
                user.close(open);
                true
            }
            Err(status) => {
                assert_eq!(status, Status::ACCESS_DENIED, "{self:?}");
                false
            }
        }
    }
}

/// How descriptors name a user: as the owner of what it makes.
fn sid(user: &mut User, name: &str) -> Sid {
    let open = user.open(name, How::to(AccessMask::READ_CONTROL).create()).unwrap();
    let sid = user.owner(open);
    user.close(open);
    sid
}

/// Somebody is allowed or denied some rights.
fn entry(sids: &[Sid; 2], random: &mut Random) -> Ace<'static> {
    let mask = AccessMask::from_bits_retain(u32::try_from(random.below(0x200)).unwrap()) | AccessMask::READ_ATTRIBUTES;
    let sid = [Sid::EVERYONE, sids[0], sids[1], Sid::AUTHENTICATED_USERS][below(random, 4)];
    let kind = if random.below(3) == 0 { AceType::ACCESS_DENIED } else { AceType::ACCESS_ALLOWED };
    Ace { kind, flags: AceFlags::empty(), body: AceBody::Rights { mask, sid, data: &[] } }
}

fn below(random: &mut Random, end: u64) -> usize {
    usize::try_from(random.below(end)).unwrap()
}
