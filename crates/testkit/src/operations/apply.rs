//! Doing one operation.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use vfs::acl::AccessMask;
use vfs::{
    AccessRequest, Attributes, Case, Change, CloneRangeRequest, CloseRequest, CommitRequest, CreateReply,
    CreateRequest, Disposition, Failure, InodeId, LinkRequest, LookupRequest, Mailbox, MkdirRequest, MknodRequest,
    Name, OpContext, OpenRequest, OpenTarget, ReadRequest, RemoveRequest, RenameRequest, SetAttributes, SetattrRequest,
    ShareMode, Stability, StreamListRequest, SymlinkRequest, Timestamp, Vfs, Via, WalkRequest, WriteRequest,
    XattrListRequest,
};

use super::{Action, Caller, Guard, Operation, Outcome, Register, Session};
use crate::Random;

/// Longest write that the pattern can fill.
const PATTERN_BYTES: usize = 1 << 20;
const PATTERN_SHIFTS: u64 = 4096;
const WRONG_GUARD: Timestamp = Timestamp { seconds: 1, nanoseconds: 1 };

/// What a reply shows, before it is noted.
#[derive(Default)]
struct Shown {
    objects: Vec<Attributes>,
    changes: Vec<Change>,
    data: Option<Bytes>,
    number: Option<u64>,
    fault: Option<String>,
}

impl<V: Vfs> Session<'_, V> {
    /// Does one operation and tells what it showed.
    pub async fn apply(&mut self, operation: &Operation) -> Outcome {
        let caller = operation.caller;
        let result = match &operation.action {
            Action::List { directory, page, attributes } => {
                let directory = self.inode(*directory);
                return self.list(caller, directory, (*page, *attributes)).await;
            }
            Action::ListBegin { cursor, directory } => return self.list_begin(*cursor, *directory).await,
            Action::ListNext { cursor, page } => return self.list_next(caller, *cursor, *page).await,
            Action::Lookup { .. } | Action::Walk { .. } => self.find(caller, &operation.action).await,
            Action::Create { .. } | Action::Mkdir { .. } | Action::Symlink { .. } | Action::Mknod { .. } => {
                self.make(caller, &operation.action).await
            }
            Action::Link { .. } | Action::Remove { .. } | Action::Rename { .. } => {
                self.name(caller, &operation.action).await
            }
            Action::Readlink { .. }
            | Action::Read { .. }
            | Action::Write { .. }
            | Action::Commit { .. }
            | Action::Clone { .. } => self.bytes(caller, &operation.action).await,
            Action::Stream { .. } | Action::Streams { .. } => self.streams(caller, &operation.action).await,
            _ => self.attributes(caller, &operation.action).await,
        };
        match result {
            Ok(shown) => self.note(shown),
            Err(failure) => self.fail(&failure),
        }
    }

    fn note(&mut self, shown: Shown) -> Outcome {
        let mut outcome = Outcome { data: shown.data, number: shown.number, ..Outcome::default() };
        outcome.faults.extend(shown.fault);
        for change in &shown.changes {
            self.show_change(&mut outcome, change);
        }
        for attributes in &shown.objects {
            self.show(&mut outcome, attributes);
        }
        outcome
    }

    fn at(&self, caller: Caller, register: Register) -> (OpContext, InodeId) {
        let inode = self.inode(register);
        (Self::context(caller, inode), inode)
    }

    async fn find(&mut self, caller: Caller, action: &Action) -> Result<Shown, Failure> {
        let case = Case::Sensitive;
        match action {
            Action::Lookup { directory, name, into } => {
                let (ctx, parent) = self.at(caller, *directory);
                let reply = self.house.lookup(&ctx, LookupRequest { parent, name: name.clone(), case }).await?;
                self.keep(*into, &reply.attributes);
                Ok(Shown { objects: vec![reply.attributes, reply.parent], ..Shown::default() })
            }
            Action::Walk { start, path, into } => {
                let (ctx, start) = self.at(caller, *start);
                let reply = self.house.walk(&ctx, WalkRequest { start, path: path.clone(), case }).await?;
                self.keep(*into, &reply.attributes);
                Ok(Shown { objects: vec![reply.attributes], ..Shown::default() })
            }
            _ => Ok(Shown::default()),
        }
    }

    async fn make(&mut self, caller: Caller, action: &Action) -> Result<Shown, Failure> {
        match action {
            Action::Create { directory, name, how, into } => {
                let (ctx, parent) = self.at(caller, *directory);
                let request = CreateRequest { parent, name: name.clone(), how: how.clone() };
                let reply = self.house.create(&ctx, request).await?;
                Ok(self.made(parent, name, (reply, *into)))
            }
            Action::Mkdir { directory, name, attributes, into } => {
                let (ctx, parent) = self.at(caller, *directory);
                let request = MkdirRequest { parent, name: name.clone(), attributes: attributes.clone() };
                let reply = self.house.mkdir(&ctx, request).await?;
                Ok(self.made(parent, name, (reply, *into)))
            }
            Action::Symlink { directory, name, target, attributes, into } => {
                let (ctx, parent) = self.at(caller, *directory);
                let (name, attributes, target) = (name.clone(), attributes.clone(), target.clone());
                let request = SymlinkRequest { parent, name: name.clone(), target, attributes };
                let reply = self.house.symlink(&ctx, request).await?;
                Ok(self.made(parent, &name, (reply, *into)))
            }
            Action::Mknod { directory, name, kind, attributes, into } => {
                let (ctx, parent) = self.at(caller, *directory);
                let (name, attributes) = (name.clone(), attributes.clone());
                let request = MknodRequest { parent, name: name.clone(), kind: *kind, attributes };
                let reply = self.house.mknod(&ctx, request).await?;
                Ok(self.made(parent, &name, (reply, *into)))
            }
            _ => Ok(Shown::default()),
        }
    }

    fn made(&mut self, parent: InodeId, name: &Name, (reply, into): (CreateReply, Register)) -> Shown {
        if reply.created {
            self.touch_entry(parent, name);
        }
        self.keep(into, &reply.attributes);
        let number = Some(u64::from(reply.created));
        Shown { objects: vec![reply.attributes], changes: vec![reply.parent], number, ..Shown::default() }
    }

    async fn name(&mut self, caller: Caller, action: &Action) -> Result<Shown, Failure> {
        match action {
            Action::Link { inode, directory, name, replace } => {
                let (ctx, parent) = self.at(caller, *directory);
                let request = LinkRequest { inode: self.inode(*inode), parent, name: name.clone(), replace: *replace };
                let reply = self.house.link(&ctx, request).await?;
                self.touch_entry(parent, name);
                Ok(Shown { objects: vec![reply.attributes], changes: vec![reply.parent], ..Shown::default() })
            }
            Action::Remove { directory, name, kind } => {
                let (ctx, parent) = self.at(caller, *directory);
                let request = RemoveRequest { parent, name: name.clone(), kind: *kind };
                let reply = self.house.remove(&ctx, request).await?;
                self.touch_entry(parent, name);
                Ok(Shown { objects: vec![reply.removed], changes: vec![reply.parent], ..Shown::default() })
            }
            Action::Rename { from, from_name, to, to_name, replace } => {
                let (ctx, from_parent) = self.at(caller, *from);
                let (to_parent, replace) = (self.inode(*to), *replace);
                let (from_name, to_name) = (from_name.clone(), to_name.clone());
                self.touch_entry(from_parent, &from_name);
                self.touch_entry(to_parent, &to_name);
                let request = RenameRequest { from_parent, from_name, to_parent, to_name, replace };
                let reply = self.house.rename(&ctx, request).await?;
                let is_one = from_parent == to_parent;
                let differ = is_one && reply.from != reply.to;
                let fault = differ.then(|| format!("one directory, two changes: {:?} {:?}", reply.from, reply.to));
                let changes = if is_one { vec![reply.from] } else { vec![reply.from, reply.to] };
                Ok(Shown { changes, fault, ..Shown::default() })
            }
            _ => Ok(Shown::default()),
        }
    }

    async fn bytes(&mut self, caller: Caller, action: &Action) -> Result<Shown, Failure> {
        let via = Via::Anonymous;
        match *action {
            Action::Readlink { inode } => {
                let (ctx, inode) = self.at(caller, inode);
                let reply = self.house.readlink(&ctx, inode).await?;
                Ok(Shown { objects: vec![reply.attributes], data: Some(reply.target), ..Shown::default() })
            }
            Action::Read { inode, offset, length } => {
                let (ctx, inode) = self.at(caller, inode);
                let reply = self.house.read(&ctx, ReadRequest { inode, via, offset, length }).await?;
                let (number, data) = (Some(u64::from(reply.end_of_file)), Some(reply.data.to_bytes()));
                Ok(Shown { objects: vec![reply.attributes], data, number, ..Shown::default() })
            }
            Action::Write { inode, offset, length, fill, stability } => {
                let (ctx, inode) = self.at(caller, inode);
                let data = pattern(fill, length).into();
                let request = WriteRequest { inode, via, offset, data, stability };
                let reply = self.house.write(&ctx, request).await?;
                let is_weaker = reply.stability < stability;
                let fault = is_weaker.then(|| format!("asked for {stability:?}, done {:?}", reply.stability));
                let number = Some(u64::from(reply.count));
                Ok(Shown { changes: vec![reply.change], number, fault, ..Shown::default() })
            }
            Action::Commit { inode, offset, length } => {
                let (ctx, inode) = self.at(caller, inode);
                let reply = self.house.commit(&ctx, CommitRequest { inode, via, offset, length }).await?;
                Ok(Shown { changes: vec![reply.change], ..Shown::default() })
            }
            Action::Clone { source, source_offset, target, target_offset, length } => {
                let ((ctx, source), (_, target)) = (self.at(caller, source), self.at(caller, target));
                let (source_via, target_via) = (via, via);
                let request = CloneRangeRequest {
                    source,
                    source_via,
                    source_offset,
                    target,
                    target_via,
                    target_offset,
                    length,
                    heeds_locks: true,
                };
                let change = self.house.clone_range(&ctx, request).await?;
                Ok(Shown { changes: vec![change], ..Shown::default() })
            }
            _ => Ok(Shown::default()),
        }
    }

    async fn attributes(&mut self, caller: Caller, action: &Action) -> Result<Shown, Failure> {
        match action {
            Action::Getattr { inode } => {
                let (ctx, inode) = self.at(caller, *inode);
                let reply = self.house.getattr(&ctx, inode).await?;
                Ok(Shown { objects: vec![reply.attributes], ..Shown::default() })
            }
            Action::Setattr { inode, attributes, guard } => {
                let (ctx, inode) = self.at(caller, *inode);
                let guard = match guard {
                    Guard::Absent => None,
                    Guard::LastSeen => Some(self.last_changed(inode)),
                    Guard::Wrong => Some(WRONG_GUARD),
                };
                let attributes = attributes.clone();
                let request = SetattrRequest { inode, via: Via::Anonymous, attributes, guard };
                let reply = self.house.setattr(&ctx, request).await?;
                Ok(Shown { changes: vec![reply.change], ..Shown::default() })
            }
            Action::Access { inode, wanted } => {
                let (ctx, inode) = self.at(caller, *inode);
                let reply = self.house.access(&ctx, AccessRequest { inode, wanted: *wanted }).await?;
                let number = Some(u64::from(reply.granted.0));
                Ok(Shown { objects: vec![reply.attributes], number, ..Shown::default() })
            }
            Action::StatFs { inode } => {
                let (ctx, inode) = self.at(caller, *inode);
                let reply = self.house.stat_fs(&ctx, inode).await?;
                Ok(Shown { objects: vec![reply.attributes], ..Shown::default() })
            }
            Action::Xattrs { inode } => {
                let (ctx, inode) = self.at(caller, *inode);
                let request = XattrListRequest { inode, via: Via::Anonymous };
                let reply = self.house.xattr_list(&ctx, request).await?;
                let pairs = reply.entries.iter().flat_map(|(name, value)| [&name[..], b"=", &value[..], b";"]);
                let data = Some(Bytes::from(pairs.collect::<Vec<_>>().concat()));
                Ok(Shown { objects: vec![reply.attributes], data, ..Shown::default() })
            }
            _ => Ok(Shown::default()),
        }
    }
}

impl<V: Vfs> Session<'_, V> {
    async fn streams(&mut self, caller: Caller, action: &Action) -> Result<Shown, Failure> {
        match action {
            Action::Stream { inode, name, offset, length, fill, goes } => {
                let (ctx, inode) = self.at(caller, *inode);
                let opened = self.house.open(&ctx, opening(inode, name, *goes)).await?;
                let (stream, via) = (opened.attributes.inode, Via::Open(opened.open));
                let data = pattern(*fill, *length).into();
                let write = WriteRequest { inode: stream, via, offset: *offset, data, stability: Stability::File };
                let written = self.house.write(&ctx, write).await.map(|_| ());
                let read = ReadRequest { inode: stream, via, offset: 0, length: 1 << 16 };
                let read = self.house.read(&ctx, read).await.map(|reply| reply.data.to_bytes());
                self.house.close(&ctx, CloseRequest { open: opened.open }).await?;
                written?;
                let whole = self.house.getattr(&ctx, inode).await?.attributes;
                Ok(Shown { objects: vec![whole], data: Some(read?), ..Shown::default() })
            }
            Action::Streams { inode } => {
                let (ctx, inode) = self.at(caller, *inode);
                let request = StreamListRequest { inode, via: Via::Anonymous };
                let entries = self.house.stream_list(&ctx, request).await?.entries;
                let told = entries.iter().map(|entry| format!("{}={};", entry.name, entry.size)).collect::<String>();
                Ok(Shown { data: Some(told.into()), ..Shown::default() })
            }
            _ => Ok(Shown::default()),
        }
    }
}

fn opening(inode: InodeId, stream: &Name, goes: bool) -> OpenRequest {
    let access = AccessMask::READ_DATA.union(AccessMask::WRITE_DATA);
    OpenRequest {
        target: OpenTarget::Inode(inode),
        stream: Some(stream.clone()),
        disposition: if goes { Disposition::Open } else { Disposition::OpenOrCreate },
        directory: None,
        opens_links: true,
        access: if goes { access.union(AccessMask::DELETE) } else { access },
        share: ShareMode::default(),
        lease: None,
        delete_on_close: goes,
        attributes: SetAttributes::default(),
        persistent: None,
        mailbox: Arc::new(Mailbox::default()),
    }
}

/// Bytes that differ at every offset and for every fill; made once, so that a write costs nothing.
fn pattern(fill: u64, length: usize) -> Bytes {
    static PATTERN: OnceLock<Bytes> = OnceLock::new();
    let whole = PATTERN.get_or_init(|| {
        let mut random = Random::new(1);
        (0..(PATTERN_BYTES / 8 + 512)).flat_map(|_| random.bits().to_le_bytes()).collect()
    });
    let start = usize::try_from(fill % PATTERN_SHIFTS).unwrap_or_default();
    whole.slice(start..start + length.min(PATTERN_BYTES))
}
