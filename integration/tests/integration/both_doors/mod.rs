//! One file over both doors of a real gateway: leases, share modes, locks, removal, watches, names and rights.

pub(crate) mod client;
mod rights;

use bytes::Bytes;
use integration::CONTOSO;
use integration::client::{Answer, CallFailure, Client};
use nfs_wire::nfs3::{FileHandle, Nfsstat3, Sattr3, StableHow, WriteArgs};
use nfs_wire::nlm4::{
    self, CallerName, Fsh4Access, Fsh4Mode, LockArgs, Netobj, Nlm4Lock, Nlm4Share, Nlm4Stats, ShareArgs, UnlockArgs,
};
use smb_wire::codec::decode_body;
use smb_wire::create::{LeaseContext, LeaseFlags, LeaseState, ParentLease, ShareAccess};
use smb_wire::dtyp::AccessMask;
use smb_wire::info::{Entries, FileNotify, NotifyAction};
use smb_wire::lock::LockFlags;
use smb_wire::oplock_break::{LeaseBreakAcknowledgment, LeaseBreakNotification};
use smb_wire::{Command, OutputResponse, Status};

use self::client::{How, User};
use crate::smb_clients::House;

const BOTH: How = How::to(AccessMask::GENERIC_READ.union(AccessMask::GENERIC_WRITE));
const READS: How = How::to(AccessMask::GENERIC_READ);
const ALL: LeaseState = LeaseState::READ.union(LeaseState::HANDLE).union(LeaseState::WRITE);
const LEASED: LeaseContext = LeaseContext {
    key: [3; 16],
    state: ALL,
    flags: LeaseFlags::empty(),
    v2: Some(ParentLease { parent_key: [0; 16], epoch: 1 }),
};

/// The same folder over NFS.
struct Folder {
    nfs: Client,
    root: FileHandle,
}

impl Folder {
    fn open(house: &House) -> Self {
        let mut nfs = Client::connect(house.site.address(CONTOSO).unwrap()).unwrap();
        let root = nfs.mount("/projects").unwrap();
        Self { nfs, root }
    }

    fn file(&mut self, name: &str) -> FileHandle {
        self.nfs.lookup(&self.root, name).unwrap()
    }

    fn make(&mut self, name: &str) -> FileHandle {
        let file = self.nfs.create(&self.root, name, 0o666).unwrap();
        let mode = Some(0o666);
        self.nfs.setattr(&file, Sattr3 { mode, ..Sattr3::default() }).unwrap();
        file
    }

    fn write(&mut self, file: &FileHandle, data: &'static [u8]) -> Answer<()> {
        let (count, data) = (u32::try_from(data.len()).unwrap(), Bytes::from_static(data));
        let args = WriteArgs { file: file.clone(), offset: 0, count, stable: StableHow::FileSync, data };
        self.nfs.write(&args).map(drop)
    }

    /// NLM LOCK of the first ten bytes.
    fn lock(&mut self, file: &FileHandle) -> Nlm4Stats {
        let lock = first_bytes(file);
        let args = LockArgs { cookie: cookie(), block: false, exclusive: true, lock, reclaim: false, state: 1 };
        self.nfs.call::<nlm4::Lock>(&args).unwrap().status
    }

    fn unlock(&mut self, file: &FileHandle) -> Nlm4Stats {
        self.nfs.call::<nlm4::Unlock>(&UnlockArgs { cookie: cookie(), lock: first_bytes(file) }).unwrap().status
    }

    /// NLM SHARE and UNSHARE: reads, and lets nobody else write.
    fn share(&mut self, file: &FileHandle) -> ShareArgs {
        let (fh, oh) = (Netobj::new(file.to_vec()).unwrap(), Netobj::from_static("owner"));
        let caller_name = CallerName::from_static("integration");
        let share = Nlm4Share { caller_name, fh, oh, mode: Fsh4Mode::DenyWrite, access: Fsh4Access::Read };
        let args = ShareArgs { cookie: cookie(), share, reclaim: false };
        assert_eq!(self.nfs.call::<nlm4::Share>(&args).unwrap().status, Nlm4Stats::Granted);
        args
    }
}

fn first_bytes(file: &FileHandle) -> Nlm4Lock {
    let (fh, oh) = (Netobj::new(file.to_vec()).unwrap(), Netobj::from_static("owner"));
    Nlm4Lock { caller_name: CallerName::from_static("integration"), fh, oh, svid: 1, offset: 0, len: 10 }
}

fn cookie() -> Netobj {
    Netobj::from_static("cookie")
}

fn refusal<T: std::fmt::Debug>(answer: Answer<T>) -> Nfsstat3 {
    match answer {
        Err(CallFailure::Refused(status)) => status,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_write_over_nfs_waits_until_the_lease_is_given_up() {
    let house = House::open("[smb]\n");
    let (mut alice, mut folder) = (User::log_on(&house, "alice"), Folder::open(&house));
    let open = alice.open("leased", BOTH.create().lease(LEASED)).unwrap();
    assert_eq!(alice.write(open, b"over SMB"), Status::SUCCESS);
    let file = folder.file("leased");
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| until_it_is_done(&mut folder, &file));
        let told = alice.0.hear_break().unwrap();
        let told: LeaseBreakNotification = decode_body(&told).unwrap();
        assert_eq!((told.lease_key, told.current_state), ([3; 16], ALL));
        assert!(!told.new_state.intersects(LeaseState::READ | LeaseState::WRITE), "{told:?}");
        assert_eq!(alice.read(open).unwrap(), b"over SMB", "nothing was written yet");
        let answer = LeaseBreakAcknowledgment { lease_key: [3; 16], state: told.new_state };
        assert_eq!(alice.0.ask(Command::OPLOCK_BREAK, &answer).unwrap().status, Status::SUCCESS);
        writer.join().unwrap();
    });
    assert_eq!(alice.read(open).unwrap(), b"over NFS");
    alice.close(open);
    house.close();
}

/// A client of NFS that is told to try again does.
fn until_it_is_done(folder: &mut Folder, file: &FileHandle) {
    while let Err(failure) = folder.write(file, b"over NFS") {
        assert!(matches!(failure, CallFailure::Refused(Nfsstat3::Jukebox)), "{failure}");
    }
}

#[test]
fn who_lets_nobody_write_or_remove_binds_nfs() {
    let house = House::open("[smb]\n");
    let (mut alice, mut folder) = (User::log_on(&house, "alice"), Folder::open(&house));
    let file = folder.make("shared");
    folder.write(&file, b"first").unwrap();
    let open = alice.open("shared", READS.share(ShareAccess::READ)).unwrap();
    assert_eq!(refusal(folder.write(&file, b"other")), Nfsstat3::Acces);
    assert_eq!(refusal(folder.nfs.setattr(&file, Sattr3 { size: Some(0), ..Sattr3::default() })), Nfsstat3::Acces);
    let root = folder.root.clone();
    assert_eq!(refusal(folder.nfs.remove(&root, "shared")), Nfsstat3::Acces);
    assert_eq!(refusal(folder.nfs.rename((&root, "shared"), (&root, "away"))), Nfsstat3::Acces);
    assert_eq!(alice.read(open).unwrap(), b"first");
    alice.close(open);
    folder.write(&file, b"other").unwrap();
    house.close();
}

#[test]
fn a_share_of_nlm_binds_opens_over_smb() {
    let house = House::open("[smb]\n");
    let (mut alice, mut folder) = (User::log_on(&house, "alice"), Folder::open(&house));
    let file = folder.make("shared");
    let share = folder.share(&file);
    assert_eq!(alice.open("shared", BOTH), Err(Status::SHARING_VIOLATION));
    let open = alice.open("shared", READS).unwrap();
    alice.close(open);
    assert_eq!(folder.nfs.call::<nlm4::Unshare>(&share).unwrap().status, Nlm4Stats::Granted);
    let open = alice.open("shared", BOTH).unwrap();
    assert_eq!(folder.nfs.call::<nlm4::Share>(&share).unwrap().status, Nlm4Stats::Denied, "somebody writes");
    alice.close(open);
    house.close();
}

#[test]
fn locks_of_one_door_are_in_the_way_of_the_other() {
    let house = House::open("[smb]\n");
    let (mut alice, mut folder) = (User::log_on(&house, "alice"), Folder::open(&house));
    let file = folder.make("locked");
    let open = alice.open("locked", BOTH).unwrap();
    let at_once = LockFlags::EXCLUSIVE | LockFlags::FAIL_IMMEDIATELY;
    assert_eq!(folder.lock(&file), Nlm4Stats::Granted);
    assert_eq!(alice.lock(open, at_once), Status::LOCK_NOT_GRANTED);
    let waits = alice.begin_to_lock(open, LockFlags::EXCLUSIVE).unwrap();
    alice.0.hear_pending(waits).unwrap();
    assert_eq!(folder.unlock(&file), Nlm4Stats::Granted);
    assert_eq!(alice.0.answer_to(waits).unwrap().status, Status::SUCCESS, "it has it as soon as NLM gives it up");
    assert_eq!(folder.lock(&file), Nlm4Stats::Denied);
    assert_eq!(refusal(folder.write(&file, b"inside")), Nfsstat3::Acces, "locks of SMB bind data");
    assert_eq!(alice.lock(open, LockFlags::UNLOCK), Status::SUCCESS);
    assert_eq!(folder.lock(&file), Nlm4Stats::Granted);
    alice.close(open);
    house.close();
}

#[test]
fn a_file_removed_over_nfs_stays_for_who_has_it_open() {
    let house = House::open("[smb]\n");
    let (mut alice, mut folder) = (User::log_on(&house, "alice"), Folder::open(&house));
    let file = folder.make("removed");
    folder.write(&file, b"kept").unwrap();
    let open = alice.open("removed", BOTH).unwrap();
    let root = folder.root.clone();
    folder.nfs.remove(&root, "removed").unwrap();
    assert_eq!(alice.open("removed", READS), Err(Status::OBJECT_NAME_NOT_FOUND));
    assert_eq!(alice.read(open).unwrap(), b"kept");
    assert_eq!(alice.write(open, b"more"), Status::SUCCESS);
    assert_eq!(folder.nfs.read_all(&file).unwrap(), b"more");
    alice.close(open);
    assert_eq!(refusal(folder.nfs.getattr(&file)), Nfsstat3::Stale, "gone with its last open");
    house.close();
}

#[test]
fn a_rename_over_nfs_is_heard_by_who_watches() {
    let house = House::open("[smb]\n");
    let (mut alice, mut folder) = (User::log_on(&house, "alice"), Folder::open(&house));
    folder.make("before");
    let directory = alice.open("", READS).unwrap();
    let watch = alice.watch(directory);
    let root = folder.root.clone();
    folder.nfs.rename((&root, "before"), (&root, "after")).unwrap();
    let heard = alice.heard(watch);
    let heard: OutputResponse<'_> = decode_body(&heard).unwrap();
    let heard = Entries::<FileNotify<'_>>::new(heard.output).map(Result::unwrap);
    let heard: Vec<_> = heard.map(|entry| (entry.action, entry.name.to_string())).collect();
    let names = [(NotifyAction::RENAMED_OLD_NAME, "before"), (NotifyAction::RENAMED_NEW_NAME, "after")];
    assert_eq!(heard, names.map(|(action, name)| (action, name.to_owned())));
    alice.close(directory);
    house.close();
}

/// Characters that Windows reserves, a device's name, bytes at the end that Windows would drop.
const NAMES_OF_NFS: [(&str, &str); 5] = [
    ("a:b", "a\u{f03a}b"),
    ("why?", "why\u{f03f}"),
    ("end.", "end\u{f02e}"),
    ("blank ", "blank\u{f020}"),
    ("back\\slash", "back\u{f05c}slash"),
];

#[test]
fn names_that_only_nfs_can_say_are_found_over_smb_and_made_there() {
    let house = House::open("[smb]\n");
    let (mut alice, mut folder) = (User::log_on(&house, "alice"), Folder::open(&house));
    for (name, shown) in NAMES_OF_NFS {
        let file = folder.make(name);
        let open = alice.open(shown, BOTH).unwrap_or_else(|status| panic!("{name}: {status:?}"));
        assert_eq!(alice.write(open, name.as_bytes()), Status::SUCCESS);
        alice.close(open);
        assert_eq!(folder.nfs.read_all(&file).unwrap(), name.as_bytes(), "the same file");
        let root = folder.root.clone();
        folder.nfs.remove(&root, name).unwrap();
        let open = alice.open(shown, BOTH.create()).unwrap();
        alice.close(open);
        assert!(folder.nfs.readdir(&root).unwrap().contains(&name.to_owned()), "{name}, made over SMB");
    }
    // Of two names that differ in case only, each is found by itself over both doors.
    let (upper, lower) = (folder.make("CASE"), folder.make("case"));
    folder.write(&upper, b"upper").unwrap();
    folder.write(&lower, b"lower").unwrap();
    for (name, content) in [("CASE", &b"upper"[..]), ("case", b"lower")] {
        let open = alice.open(name, READS).unwrap();
        assert_eq!(alice.read(open).unwrap(), content);
        alice.close(open);
    }
    house.close();
}
