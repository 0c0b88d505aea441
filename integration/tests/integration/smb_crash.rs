//! Security descriptors, extended attributes and streams: what was acknowledged is there when the gateway was killed, and of
//! the one change that was on its way all or nothing.
//!
//! `BERTH_SMB_KILLS`: how often it is killed.

use std::collections::BTreeMap;
use std::io;

use bytes::BytesMut;
use integration::count_from;
use integration::load::Random;
use smb_wire::codec::{decode, encode};
use smb_wire::create::CreateDisposition;
use smb_wire::dtyp::{AccessMask, Ace, AceBody, AceFlags, AceType, Acl, DescriptorControl, SecurityDescriptor, Sid};
use smb_wire::info::{EaFlags, Entries, EntryWriter, FileInformationClass, FullEa};
use smb_wire::query_info::InfoType;
use smb_wire::{FileId, Status};

use crate::both_doors::client::{DESCRIPTOR, How, User};
use crate::smb_clients::House;

const ATTRIBUTES: (InfoType, u8) = (InfoType::FILE, FileInformationClass::FULL_EA.0);
const FILES: u64 = 4;
const CHANGES: u64 = 40;

/// What a file has beside its data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Beside {
    /// What everybody may do, where it was said.
    rights: Option<AccessMask>,
    attributes: BTreeMap<Vec<u8>, Vec<u8>>,
    streams: BTreeMap<String, Vec<u8>>,
}

#[derive(Debug, Clone)]
enum Change {
    Protect(AccessMask),
    /// An empty value removes it.
    SetAttribute(Vec<u8>, Vec<u8>),
    WriteStream(String, Vec<u8>),
}

impl Change {
    fn choose(random: &mut Random) -> Self {
        let value = |random: &mut Random, max: u64| {
            let length = random.below(max);
            (0..length).map(|_| random.bits().to_le_bytes()[1]).collect::<Vec<u8>>()
        };
        let name = format!("N{}", random.below(6));
        match random.below(3) {
            0 => {
                let some = AccessMask::from_bits_retain(u32::try_from(random.below(0x200)).unwrap());
                Self::Protect(some | AccessMask::FILE_GENERIC_READ | AccessMask::FILE_GENERIC_WRITE)
            }
            1 => Self::SetAttribute(name.into_bytes(), value(random, 600)),
            _ => Self::WriteStream(name, value(random, 20_000)),
        }
    }

    fn apply(&self, beside: &mut Beside) {
        match self {
            Self::Protect(rights) => beside.rights = Some(*rights),
            Self::SetAttribute(name, value) if value.is_empty() => drop(beside.attributes.remove(name)),
            Self::SetAttribute(name, value) => drop(beside.attributes.insert(name.clone(), value.clone())),
            Self::WriteStream(name, content) => drop(beside.streams.insert(name.clone(), content.clone())),
        }
    }
}

fn everybody(rights: AccessMask) -> Ace<'static> {
    let body = AceBody::Rights { mask: rights, sid: Sid::EVERYONE, data: &[] };
    Ace { kind: AceType::ACCESS_ALLOWED, flags: AceFlags::empty(), body }
}

/// The bytes of a SET_INFO that makes a change; a stream is none.
fn input(change: &Change) -> Option<((InfoType, u8), BytesMut)> {
    let mut input = BytesMut::new();
    match change {
        Change::Protect(rights) => {
            let (entries, control) = ([everybody(*rights)], DescriptorControl::DACL_PRESENT);
            let dacl = Some(Acl::new(&entries));
            encode(&SecurityDescriptor { control, dacl, ..SecurityDescriptor::default() }, &mut input);
            Some((DESCRIPTOR, input))
        }
        Change::SetAttribute(name, value) => {
            assert!(EntryWriter::new(&mut input, usize::MAX).push(&FullEa { flags: EaFlags::empty(), name, value }));
            Some((ATTRIBUTES, input))
        }
        Change::WriteStream(..) => None,
    }
}

/// A user with its files open, and what it knows of them.
struct Owner {
    user: User,
    files: Vec<FileId>,
    known: Vec<Beside>,
}

impl Owner {
    fn log_on(house: &House, known: Vec<Beside>) -> Self {
        let mut user = User::log_on(house, "alice");
        let (access, disposition) = (AccessMask::FILE_ALL_ACCESS, CreateDisposition::OPEN_IF);
        // Its owner may always set the rights; the others are those that everybody has.
        let access = if known.is_empty() { access } else { OPENS };
        let mut open = |number| user.open(&format!("file-{number}"), How { disposition, ..How::to(access) }).unwrap();
        let files: Vec<_> = (0..FILES).map(&mut open).collect();
        let known = if known.is_empty() { vec![Beside::default(); files.len()] } else { known };
        Self { user, files, known }
    }

    fn make(&mut self, number: usize, change: &Change) -> io::Result<Status> {
        let Some((what, input)) = input(change) else { return self.write_stream(number, change) };
        let id = self.user.begin_to_set(self.files[number], (what, &input))?;
        Ok(self.user.0.answer_to(id)?.status)
    }

    /// Written anew and flushed: only then it was promised.
    fn write_stream(&mut self, number: usize, change: &Change) -> io::Result<Status> {
        let Change::WriteStream(name, content) = change else { return Ok(Status::SUCCESS) };
        let disposition = CreateDisposition::OVERWRITE_IF;
        let how = How { disposition, ..How::to(AccessMask::GENERIC_WRITE) };
        let open = self.user.open(&format!("file-{number}:{name}"), how).unwrap();
        if !content.is_empty() {
            assert_eq!(self.user.write(open, content), Status::SUCCESS);
        }
        let flushed = self.user.flush(open)?;
        self.user.close(open);
        Ok(flushed)
    }

    fn look(&mut self, number: usize) -> Beside {
        let told = self.user.query(self.files[number], DESCRIPTOR).unwrap();
        let entries = decode::<SecurityDescriptor<'_>>(&told).unwrap().dacl.unwrap();
        let mut entries = entries.iter();
        let rights = match (entries.next(), entries.next()) {
            (Some(Ace { body: AceBody::Rights { mask, sid: Sid::EVERYONE, .. }, .. }), None) => Some(mask),
            _ => None,
        };
        let told = match self.user.query(self.files[number], ATTRIBUTES) {
            Err(Status::NO_EAS_ON_FILE) => Vec::new(),
            told => told.unwrap(),
        };
        let attributes = Entries::<FullEa<'_>>::new(&told).map(Result::unwrap);
        let attributes = attributes.map(|one| (one.name.to_vec(), one.value.to_vec())).collect();
        let names: Vec<_> = (0..6).map(|name| format!("N{name}")).collect();
        let streams = names.into_iter().filter_map(|name| Some((name.clone(), self.stream(number, &name)?))).collect();
        Beside { rights, attributes, streams }
    }

    fn stream(&mut self, number: usize, name: &str) -> Option<Vec<u8>> {
        let path = format!("file-{number}:{name}");
        let open = match self.user.open(&path, How::to(AccessMask::GENERIC_READ)) {
            Err(Status::OBJECT_NAME_NOT_FOUND) => return None,
            open => open.unwrap(),
        };
        let content = self.user.read(open).unwrap();
        self.user.close(open);
        Some(content)
    }
}

const OPENS: AccessMask =
    AccessMask::FILE_GENERIC_READ.union(AccessMask::FILE_GENERIC_WRITE).union(AccessMask::WRITE_DAC);

#[test]
fn what_files_have_beside_their_data_survives_kills() {
    let mut house = House::open("[smb]\n");
    let mut random = Random::new(u64::from(count_from("BERTH_SEED", 20_261_123)));
    let mut owner = Owner::log_on(&house, Vec::new());
    for cycle in 0..count_from("BERTH_SMB_KILLS", 4) {
        for _ in 0..CHANGES {
            let (number, change) = (usize::try_from(random.below(FILES)).unwrap(), Change::choose(&mut random));
            assert_eq!(owner.make(number, &change).unwrap(), Status::SUCCESS, "{change:?}");
            change.apply(&mut owner.known[number]);
        }
        let (number, change) = (usize::try_from(random.below(FILES)).unwrap(), Change::choose(&mut random));
        let on_its_way = input(&change);
        if let Some((what, input)) = &on_its_way {
            owner.user.begin_to_set(owner.files[number], (*what, input)).unwrap();
        }
        house.kill_and_start_again();
        owner = Owner::log_on(&house, owner.known);
        for file in 0..owner.files.len() {
            let found = owner.look(file);
            let mut changed = owner.known[file].clone();
            change.apply(&mut changed);
            let may_be_done = file == number && on_its_way.is_some();
            let fits = found == owner.known[file] || (may_be_done && found == changed);
            assert!(fits, "kill {cycle}, file {file}: found {found:?}, promised {:?}", owner.known[file]);
            owner.known[file] = found;
        }
    }
    drop(owner);
    house.close();
}
