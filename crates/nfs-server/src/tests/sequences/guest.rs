//! A client that makes mostly good calls of what it has learnt, and spoils some of them.

use bytes::{Bytes, BytesMut};
use nfs_wire::mount::v3;
use nfs_wire::nfs3::{self, DirOpArgs, FileHandle, Filename, PostOpFh, Verifier};
use nfs_wire::rpc::{AuthFlavor, CallHeader, MOUNT_PROGRAM, NFS_PROGRAM, OpaqueAuth, Procedure};
use nfs_wire::xdr::{self, Decode, Encode, Opaque};
use testkit::Random;

use crate::tests::harness::{record, sys};

/// Handles, names and cookies remembered; older ones are forgotten.
const LEARNT_MAX: usize = 64;
/// Calls that may be sent again.
const SENT_MAX: usize = 8;
/// Words that sit on limits.
const EDGES: [u32; 14] = [0, 1, 2, 3, 16, 64, 65, 255, 256, 400, 0x10000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/// What a client knows.
pub(super) struct Guest {
    pub(super) random: Random,
    pub(super) handles: Vec<FileHandle>,
    pub(super) names: Vec<Bytes>,
    /// Where listings may go on: directory, cookie, verifier.
    pub(super) cookies: Vec<(FileHandle, u64, Verifier)>,
    /// A handle of another zone.
    pub(super) foreign: FileHandle,
    sent: Vec<Bytes>,
    xid: u32,
}

impl Guest {
    pub(super) fn new(seed: u64, foreign: FileHandle) -> Self {
        let (random, names) = (Random::new(seed), b"abcdef".iter().map(|name| Bytes::from(vec![*name])).collect());
        Self { random, handles: Vec::new(), names, cookies: Vec::new(), foreign, sent: Vec::new(), xid: 0 }
    }

    /// A number below `end` as an index.
    pub(super) fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.random.below(u64::try_from(end).unwrap())).unwrap()
    }

    pub(super) fn word(&mut self) -> u32 {
        match self.random.below(3) {
            0 => EDGES[self.index(EDGES.len())],
            1 => u32::try_from(self.random.below(5000)).unwrap(),
            _ => u32::try_from(self.random.bits() >> 32).unwrap(),
        }
    }

    /// An offset or length: small, around 2 GiB or 2^63, or anything.
    pub(super) fn long(&mut self) -> u64 {
        match self.random.below(8) {
            0..5 => self.random.below(20_000),
            5 => u64::from(u32::MAX) - 2 + self.random.below(4),
            6 => (1 << 63) - 2 + self.random.below(4),
            _ => self.random.bits(),
        }
    }

    pub(super) fn bytes(&mut self, length_max: u64) -> Bytes {
        let length = self.random.below(length_max + 1);
        (0..length).map(|_| self.random.bits().to_be_bytes()[0]).collect()
    }

    pub(super) fn handle(&mut self) -> FileHandle {
        let place = self.index(self.handles.len());
        let known = self.handles.get(place).cloned().unwrap_or_else(|| self.foreign.clone());
        match self.random.below(20) {
            0 => self.foreign.clone(),
            1 => FileHandle::new(self.bytes(64)).unwrap(),
            2 => {
                let mut bytes = known.to_vec();
                let place = self.index(bytes.len());
                bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1);
                FileHandle::new(bytes).unwrap()
            }
            _ => known,
        }
    }

    pub(super) fn name(&mut self) -> Filename {
        let name = match self.random.below(40) {
            0 => Bytes::new(),
            1 => Bytes::from_static(b"."),
            2 => Bytes::from_static(b".."),
            3 => Bytes::from_static(b"a/b"),
            4 => Bytes::from_static(b"a\0"),
            5 => Bytes::from(vec![b'n'; 254 + self.index(4)]),
            6 => Bytes::from(vec![b'n'; Filename::MAX_BYTES]),
            7 => self.bytes(20),
            _ => {
                let place = self.index(self.names.len());
                self.names[place].clone()
            }
        };
        Filename::new(name).unwrap()
    }

    pub(super) fn place(&mut self) -> DirOpArgs {
        DirOpArgs { dir: self.handle(), name: self.name() }
    }

    /// The record of a call.
    pub(super) fn record<P: Procedure>(&mut self, args: &P::Args) -> Bytes {
        // Now and then a number that was used for another call.
        self.xid = if self.random.chance(5) { self.xid } else { self.xid.wrapping_add(1) };
        let header = CallHeader {
            xid: self.xid,
            program: P::PROGRAM,
            version: P::VERSION,
            procedure: P::NUMBER,
            credential: self.credential(),
            verifier: OpaqueAuth::none(),
        };
        record(&header, args)
    }

    fn credential(&mut self) -> OpaqueAuth {
        match self.random.below(40) {
            0 => OpaqueAuth::none(),
            1 => OpaqueAuth { flavor: AuthFlavor(self.word()), body: Opaque::new(self.bytes(400)).unwrap() },
            2 => OpaqueAuth { flavor: AuthFlavor::SYS, body: Opaque::new(self.bytes(40)).unwrap() },
            3 => sys(self.word(), self.word(), &[7; 16]),
            4..10 => sys(1000, 100, &[100, 4]),
            _ => sys(0, 0, &[]),
        }
    }

    /// A record to send: a new call, spoilt or not, or one sent before.
    pub(super) fn next(&mut self, call: fn(&mut Self) -> Bytes) -> Bytes {
        if !self.sent.is_empty() && self.random.chance(8) {
            let place = self.index(self.sent.len());
            return self.sent[place].clone();
        }
        let mut record = call(self);
        while self.random.chance(12) {
            record = self.spoil(&record);
        }
        if self.sent.len() == SENT_MAX {
            self.sent.remove(0);
        }
        self.sent.push(record.clone());
        record
    }

    fn spoil(&mut self, record: &[u8]) -> Bytes {
        let mut bytes = BytesMut::from(record);
        let place = self.index(bytes.len());
        // The words of the header are four times as interesting as the rest.
        let words = if self.random.chance(50) { 12 } else { bytes.len() / 4 };
        let word = 4 * self.index(words.min(bytes.len() / 4));
        match self.random.below(5) {
            0 if !bytes.is_empty() => bytes[place] ^= 1 << self.random.below(8),
            1 => bytes.truncate(place),
            2 => bytes.extend_from_slice(&[0; 8][..4 * (1 + self.index(2))]),
            _ if bytes.len() >= word + 4 => bytes[word..word + 4].copy_from_slice(&self.word().to_be_bytes()),
            _ => {}
        }
        bytes.freeze()
    }

    /// Remembers what the result of a call tells.
    pub(super) fn learn(&mut self, (program, procedure): (u32, u32), result: &Bytes) {
        match (program, procedure) {
            (MOUNT_PROGRAM, v3::Mnt::NUMBER) => {
                if let Ok(v3::MountResult::Ok(body)) = xdr::from_bytes(result.clone()) {
                    self.remember(body.fhandle);
                }
            }
            (NFS_PROGRAM, nfs3::Lookup::NUMBER) => {
                if let Some(body) = ok::<nfs3::Lookup, _, _>(result) {
                    self.remember(body.object);
                }
            }
            (NFS_PROGRAM, nfs3::Create::NUMBER | nfs3::Mkdir::NUMBER | nfs3::Symlink::NUMBER | nfs3::Mknod::NUMBER) => {
                self.remember_maybe(ok::<nfs3::Create, _, _>(result).and_then(|body| body.obj));
            }
            (NFS_PROGRAM, nfs3::Readdir::NUMBER) => {
                if let Some(body) = ok::<nfs3::Readdir, _, _>(result) {
                    for entry in body.entries.iter() {
                        self.remember_name(&entry.name, entry.cookie, body.cookieverf);
                    }
                }
            }
            (NFS_PROGRAM, nfs3::Readdirplus::NUMBER) => {
                if let Some(body) = ok::<nfs3::Readdirplus, _, _>(result) {
                    for entry in body.entries.iter() {
                        self.remember_name(&entry.name, entry.cookie, body.cookieverf);
                        self.remember_maybe(entry.name_handle.clone());
                    }
                }
            }
            _ => {}
        }
    }

    fn remember_maybe(&mut self, handle: PostOpFh) {
        handle.into_iter().for_each(|handle| self.remember(handle));
    }

    fn remember(&mut self, handle: FileHandle) {
        assert_ne!(handle, self.foreign, "a handle of another zone was given out");
        if self.handles.len() == LEARNT_MAX {
            let place = self.index(LEARNT_MAX);
            self.handles.swap_remove(place);
        }
        self.handles.push(handle);
    }

    fn remember_name(&mut self, name: &Filename, cookie: u64, verifier: Verifier) {
        if self.names.len() < LEARNT_MAX {
            self.names.push(name.as_bytes().clone());
        }
        if self.cookies.len() == LEARNT_MAX {
            let place = self.index(LEARNT_MAX);
            self.cookies.swap_remove(place);
        }
        let dir = self.handles.last().cloned().unwrap_or_else(|| self.foreign.clone());
        self.cookies.push((dir, cookie, verifier));
    }
}

fn ok<P, Resok, Resfail>(result: &Bytes) -> Option<Resok>
where
    P: Procedure<Result = nfs3::Reply3<Resok, Resfail>>,
    Resok: Encode + Decode,
    Resfail: Encode + Decode,
{
    xdr::from_bytes::<P::Result>(result.clone()).ok()?.into_result().ok()
}
