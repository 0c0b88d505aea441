//! Sequences from seeds: few names, few directories and a handful of users, so that operations meet each other often.

use std::sync::Arc;

use bytes::Bytes;
use vfs::acl::{AccessMask, Ace, AceFlags, AceKind, SecurityDescriptor, Trustee};
use vfs::limits::FILE_SIZE_MAX;
use vfs::{
    CreateHow, DeviceNumber, DosAttributes, LookupName, Name, NodeKind, Principal, RemoveKind, SetAttributes, SetTime,
    Stability, Timestamp, XattrChange,
};

use super::{Action, CURSORS, Caller, DIRECTORY_REGISTERS, Guard, Operation, REGISTERS, Register};
use crate::Random;

/// Offsets around which files are read, written and cut: blocks, regions, several regions, far out, and the last byte.
pub const BORDERS: [u64; 9] = [0, 4096, 32 << 10, 256 << 10, 512 << 10, 5 << 20, 17 << 20, 1 << 40, FILE_SIZE_MAX];

const NAMES: [&[u8]; 10] =
    [b"a", b"b", b"c", b"d", b"e", b"f", b"\xff\xfe not UTF-8", b"A", b" ..;:\\*?\"<>|\x01\n", b"..."];
const FILE_MODES: [u32; 9] = [0o644, 0o666, 0o600, 0o777, 0o4755, 0o2755, 0o6777, 0o2644, 0];
const DIRECTORY_MODES: [u32; 9] = [0o777, 0o777, 0o755, 0o775, 0o1777, 0o2775, 0o3777, 0o700, 0o311];
const USERS: [u32; 4] = [0, 1000, 1001, 1002];
const GROUPS: [u32; 4] = [0, 100, 200, 300];
const MODE_INVALID: u32 = 0o10644;
const NAME_BYTES_LONGEST: usize = 255;

/// The first `count` operations of a seed.
#[must_use]
pub fn generate(seed: u64, count: usize) -> Vec<Operation> {
    Generator::new(seed).take(count).collect()
}

/// An endless sequence that its seed decides.
#[derive(Clone, Debug)]
pub struct Generator {
    random: Random,
}

impl Generator {
    /// Begins the sequence of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { random: Random::new(seed) }
    }
}

impl Iterator for Generator {
    type Item = Operation;

    fn next(&mut self) -> Option<Operation> {
        let caller = match self.random.below(10) {
            0..=3 => Caller::Root,
            4..=6 => Caller::Alice,
            7..=8 => Caller::Bob,
            _ => Caller::Carol,
        };
        let action = match self.random.below(100) {
            0..=26 => self.making(),
            27..=50 => self.naming(),
            51..=74 => self.bytes(),
            75..=88 => self.attributes(),
            _ => self.finding(),
        };
        Some(Operation { caller, action })
    }
}

impl Generator {
    fn making(&mut self) -> Action {
        let (directory, name) = (self.directory(), self.new_name());
        match self.random.below(20) {
            0..=9 => Action::Create { directory, name, how: self.how(), into: self.object() },
            10..=15 => {
                let attributes = self.first_attributes(&DIRECTORY_MODES);
                Action::Mkdir { directory, name, attributes, into: self.below(DIRECTORY_REGISTERS) }
            }
            16..=17 => {
                let (target, into) = (self.target(), self.object());
                Action::Symlink { directory, name, target, attributes: self.first_attributes(&[0o777]), into }
            }
            _ => {
                let (kind, into) = (self.kind(), self.object());
                Action::Mknod { directory, name, kind, attributes: self.first_attributes(&FILE_MODES), into }
            }
        }
    }

    fn naming(&mut self) -> Action {
        let (directory, name) = (self.directory(), self.name());
        let rarely = self.random.chance(10);
        match self.random.below(12) {
            0..=2 => Action::Link { inode: self.any(), directory, name, replace: rarely },
            3..=4 => Action::Remove { directory, name, kind: RemoveKind::File },
            5 => Action::Remove { directory, name, kind: RemoveKind::Directory },
            6 => Action::Remove { directory, name, kind: RemoveKind::Any },
            _ => {
                let to = if self.random.chance(35) { directory } else { self.directory() };
                Action::Rename { from: directory, from_name: name, to, to_name: self.name(), replace: !rarely }
            }
        }
    }

    fn bytes(&mut self) -> Action {
        let inode = self.object();
        let (offset, length) = self.range();
        match self.random.below(29) {
            0..=9 => {
                let stability = self.random.pick(&[2, 0, 0, 1]);
                let stability = [Stability::Unstable, Stability::Data, Stability::File].into_iter().nth(stability);
                let stability = stability.unwrap_or(Stability::Unstable);
                Action::Write { inode, offset, length, fill: self.random.bits(), stability }
            }
            10..=15 => {
                let length = u32::try_from(length).unwrap_or(u32::MAX);
                Action::Read { inode, offset, length: self.random.pick(&[length, length, 1 << 20]) }
            }
            16..=17 => {
                let attributes = SetAttributes { size: Some(offset), ..SetAttributes::default() };
                Action::Setattr { inode, attributes, guard: Guard::Absent }
            }
            18 => Action::Readlink { inode },
            19..=21 => {
                let name = self.random.pick(&["one", "One", "two", "three"]);
                let (inode, name) = (self.any(), Name::try_from(name).unwrap_or_else(|_| self.name()));
                let (offset, length, goes) = (offset % (1 << 20), length % (1 << 20), self.random.chance(30));
                Action::Stream { inode, name, offset, length, fill: self.random.bits(), goes }
            }
            22 => Action::Streams { inode: self.any() },
            23..=27 => {
                let (source, target, (target_offset, _)) = (self.object(), inode, self.range());
                // Mostly whole blocks.
                let block = if self.random.chance(90) { 4096 } else { 1 };
                let source_offset = if self.random.chance(80) { 0 } else { offset / block * block };
                let target_offset = target_offset / block * block;
                let length = self.random.pick(&[4096, 4096, 8192, 65_536, 262_144, length as u64]);
                Action::Clone { source, source_offset, target, target_offset, length }
            }
            _ => Action::Commit { inode, offset: 0, length: 0 },
        }
    }

    fn attributes(&mut self) -> Action {
        let inode = self.any();
        match self.random.below(10) {
            0..=5 => {
                let guard = self.random.pick(&[Guard::Absent, Guard::Absent, Guard::LastSeen, Guard::Wrong]);
                Action::Setattr { inode, attributes: self.set_attributes(), guard }
            }
            6 => Action::Getattr { inode },
            7 => Action::Xattrs { inode },
            8 => Action::Access { inode, wanted: self.rights() },
            _ => Action::StatFs { inode },
        }
    }

    fn finding(&mut self) -> Action {
        let directory = self.directory();
        let cursor = u8::try_from(self.random.below(u64::from(CURSORS))).unwrap_or_default();
        let page = self.random.pick(&[1, 2, 3, 5, 100]);
        match self.random.below(20) {
            0..=7 => {
                let name = match self.random.below(8) {
                    0 => LookupName::Itself,
                    1 => LookupName::Parent,
                    _ => LookupName::Child(self.name()),
                };
                Action::Lookup { directory, name, into: self.any() }
            }
            8..=9 => {
                let path = (0..self.random.below(4)).map(|_| self.name()).collect();
                Action::Walk { start: directory, path, into: self.any() }
            }
            10..=13 => Action::List { directory, page, attributes: self.random.chance(50) },
            14..=15 => Action::ListBegin { cursor, directory },
            _ => Action::ListNext { cursor, page },
        }
    }

    /// Mostly a directory.
    fn directory(&mut self) -> Register {
        match self.random.below(100) {
            0..=3 => self.any(),
            4..=7 => Register(1),
            8..=35 => Register(0),
            _ => Register(2 + self.below(DIRECTORY_REGISTERS - 2).0),
        }
    }

    /// Mostly no directory.
    fn object(&mut self) -> Register {
        let count = u64::from(REGISTERS - DIRECTORY_REGISTERS);
        let index = u8::try_from(self.random.below(count)).unwrap_or_default();
        if self.random.chance(3) { self.any() } else { Register(DIRECTORY_REGISTERS + index) }
    }

    fn any(&mut self) -> Register {
        self.below(REGISTERS)
    }

    fn below(&mut self, count: u8) -> Register {
        Register(u8::try_from(self.random.below(u64::from(count))).unwrap_or_default())
    }

    fn name(&mut self) -> Name {
        let bytes = match self.random.below(50) {
            0 => Bytes::from(vec![b'n'; NAME_BYTES_LONGEST]),
            1..=5 => Bytes::from(format!("entry {}", self.random.below(24))),
            6..=35 => Bytes::from_static(self.random.pick(&NAMES[..6])),
            _ => Bytes::from_static(self.random.pick(&NAMES)),
        };
        named(bytes)
    }

    /// A name, rarely one that is too long to be made over NFS.
    fn new_name(&mut self) -> Name {
        if self.random.chance(1) { named(Bytes::from(vec![b'n'; NAME_BYTES_LONGEST + 1])) } else { self.name() }
    }

    fn how(&mut self) -> CreateHow {
        match self.random.below(10) {
            0..=4 => {
                let mut attributes = self.first_attributes(&FILE_MODES);
                attributes.size = self.random.chance(30).then(|| self.range().0);
                CreateHow::Unchecked(attributes)
            }
            5..=6 => CreateHow::Guarded(self.first_attributes(&FILE_MODES)),
            _ => CreateHow::Exclusive([u8::from(self.random.chance(30)); 8]),
        }
    }

    fn kind(&mut self) -> NodeKind {
        let device = DeviceNumber { major: 8, minor: 1 };
        match self.random.below(6) {
            0..=2 => NodeKind::Fifo,
            3 => NodeKind::Socket,
            4 => NodeKind::Block(device),
            _ => NodeKind::Character(device),
        }
    }

    fn target(&mut self) -> Bytes {
        match self.random.below(20) {
            0 => Bytes::new(),
            1 => Bytes::from_static(b"with\0nul"),
            2 => Bytes::from(vec![b't'; 4095]),
            3 => Bytes::from(vec![b't'; 4096]),
            _ => Bytes::from(format!("../target {}", self.random.below(9))),
        }
    }

    /// Attributes as clients send them with a creation: a mode, and rarely more.
    fn first_attributes(&mut self, modes: &[u32]) -> SetAttributes {
        let mut attributes = if self.random.chance(5) { self.set_attributes() } else { SetAttributes::default() };
        attributes.size = None;
        attributes.mode = (!self.random.chance(3)).then(|| self.random.pick(modes));
        attributes
    }

    fn set_attributes(&mut self) -> SetAttributes {
        let mut set = SetAttributes::default();
        for _ in 0..=self.random.below(3) {
            match self.random.below(17) {
                0..=4 if self.random.chance(4) => set.mode = Some(MODE_INVALID),
                0..=2 => set.mode = Some(self.random.pick(&FILE_MODES)),
                3..=4 => set.mode = Some(self.random.pick(&DIRECTORY_MODES)),
                5..=6 => set.owner = Some(Principal::Unix(self.random.pick(&USERS))),
                7..=8 => set.group = Some(Principal::Unix(self.random.pick(&GROUPS))),
                9..=10 => set.size = Some(self.range().0),
                11..=12 => set.accessed = Some(self.time()),
                13..=14 => set.modified = Some(self.time()),
                _ if self.random.chance(30) => {
                    set.xattrs = self.xattrs();
                    set.overwrites = self.random.chance(20);
                }
                _ if self.random.chance(60) => set.descriptor = Some(self.descriptor()),
                _ => set.dos = self.random.chance(50).then_some(DosAttributes(2)),
            }
        }
        set
    }

    fn time(&mut self) -> SetTime {
        let seconds = self.random.pick(&[0, 1, -1, 1_234_567_890, i64::from(u32::MAX)]);
        let nanoseconds = self.random.pick(&[0, 1, 999_999_999, 1_000_000_000]);
        let is_valid = nanoseconds < 1_000_000_000 || self.random.chance(10);
        match self.random.below(2) {
            0 => SetTime::Now,
            _ => SetTime::To(Timestamp { seconds, nanoseconds: if is_valid { nanoseconds } else { 5 } }),
        }
    }

    fn xattrs(&mut self) -> Vec<XattrChange> {
        let change = |generator: &mut Self| {
            let name = generator.random.pick(&[&b"user.one"[..], b"One", b"one", b"two", b""]);
            let length = generator.random.pick(&[0, 1, 100, 5000, 40_000]);
            let value = (!generator.random.chance(30)).then(|| Bytes::from(vec![b'v'; length]));
            XattrChange { name: Bytes::from_static(name), value }
        };
        (0..=self.random.below(3)).map(|_| change(self)).collect()
    }

    /// A descriptor of a few entries, of which one is for everyone, so that not all doors are closed soon.
    fn descriptor(&mut self) -> Arc<SecurityDescriptor> {
        let mut dacl: Vec<_> = (0..self.random.below(4)).map(|_| self.entry()).collect();
        let (flags, mask) = (self.inheritance(), self.random.pick(&[0x1f_01ff, 0x12_00a9, 0x2000_0000, 0x8000_0000]));
        dacl.push(Ace { kind: AceKind::Allow, flags, mask: AccessMask(mask), trustee: Trustee::Everyone });
        let control = self.random.pick(&[0x0004, 0x0504, 0x1004]);
        let dacl = (!self.random.chance(5)).then_some(dacl);
        Arc::new(SecurityDescriptor { control, dacl, ..SecurityDescriptor::default() })
    }

    fn entry(&mut self) -> Ace {
        let kind = if self.random.chance(25) { AceKind::Deny } else { AceKind::Allow };
        let (user, group) = (self.random.pick(&USERS), self.random.pick(&GROUPS));
        let trustee = match self.random.below(6) {
            0..=1 => Trustee::User(Principal::Unix(user)),
            2 => Trustee::Group(Principal::Unix(group)),
            3 => Trustee::CreatorOwner,
            4 => Trustee::CreatorGroup,
            _ => Trustee::Owner,
        };
        let mask = self.random.pick(&[0x1f_01ff, 0x1, 0x2, 0x6, 0x40, 0x1_0000, 0x4_0100, 0x8_0000, 0x1000_0000]);
        Ace { kind, flags: self.inheritance(), mask: AccessMask(mask), trustee }
    }

    fn inheritance(&mut self) -> AceFlags {
        let is_handed_down = self.random.chance(50);
        AceFlags {
            object_inherit: is_handed_down && self.random.chance(70),
            container_inherit: is_handed_down && self.random.chance(70),
            no_propagate: self.random.chance(10),
            inherit_only: is_handed_down && self.random.chance(20),
            inherited: self.random.chance(10),
        }
    }

    fn rights(&mut self) -> AccessMask {
        let all = [
            AccessMask::READ_DATA,
            AccessMask::WRITE_DATA,
            AccessMask::APPEND_DATA,
            AccessMask::EXECUTE,
            AccessMask::DELETE_CHILD,
            AccessMask::WRITE_DAC.union(AccessMask::WRITE_OWNER),
        ];
        all.into_iter().filter(|_| self.random.chance(70)).fold(AccessMask(0), AccessMask::union)
    }

    /// A range that begins or ends near a border.
    fn range(&mut self) -> (u64, usize) {
        let near = &BORDERS[..5];
        let border = if self.random.chance(75) { self.random.pick(near) } else { self.random.pick(&BORDERS) };
        let length = self.random.pick(&[0, 1, 2, 100, 511, 512, 4095, 4096, 4097, 8192, 12_000]);
        let length = if self.random.chance(1) { 300_000 } else { length };
        let before = self.random.pick(&[0, 0, 1, 2, 50, 512, 4096, length as u64]);
        (border.saturating_sub(before), length)
    }
}

/// The name; `x` for bytes that are none, which the tables above do not hold.
fn named(bytes: Bytes) -> Name {
    match Name::new(bytes) {
        Ok(name) => name,
        Err(_) => named(Bytes::from_static(b"x")),
    }
}
