//! Streams: inodes of their own, listed in the one whose streams they are.

use std::collections::BTreeMap;

use vfs::acl::AccessMask;
use vfs::limits::STREAMS_MAX;
use vfs::{
    Attributes, Disposition, DosAttributes, Failure, FileType, FsError, InodeId, Name, OpenReply, OpenRequest,
    OpenedHow, RenameStreamRequest, ShareMode, StreamEntry, StreamListReply, StreamListRequest, Via,
};

use super::content::Content;
use super::inode::{Body, Inode};
use super::opens::{Link, Open, how_existing, overwrites};
use super::set_attributes::set_size;
use super::turn::Turn;

impl Turn<'_> {
    /// The attributes of a stream with those of its file; of anything else as they are.
    pub(super) fn whole(&self, id: InodeId) -> Result<Attributes, Failure> {
        let own = self.attributes(id)?.clone();
        let Some(file) = own.stream_of.and_then(|file| self.attributes(file).ok()) else { return Ok(own) };
        Ok(Attributes {
            inode: id,
            file_type: own.file_type,
            size: own.size,
            allocated_bytes: own.allocated_bytes,
            modified: own.modified.max(file.modified),
            changed: own.changed.max(file.changed),
            change: own.change.max(file.change),
            stream_of: own.stream_of,
            ..file.clone()
        })
    }

    pub(super) fn open_stream(
        &mut self,
        (request, name): (&OpenRequest, &Name),
        file: InodeId,
        link: Option<Link>,
    ) -> Result<OpenReply, Failure> {
        let found = self.find_stream(file, name)?;
        let creates = !matches!(request.disposition, Disposition::Open | Disposition::Overwrite);
        self.ensure(found.is_none() || request.disposition != Disposition::Create, file, FsError::Exists)?;
        self.ensure(found.is_some() || creates, file, FsError::NotFound)?;
        let is_going = link.as_ref().is_some_and(|link| self.is_pending(link))
            || found.is_some_and(|stream| self.state.opens.pending_streams.contains(&stream));
        self.ensure(!is_going, file, FsError::DeletePending)?;
        let is_fixed = link.as_ref().is_none_or(|(parent, _)| parent.shard != file.shard);
        let mut maximal = self.maximal(file, link.as_ref(), is_fixed)?;
        if maximal.contains(AccessMask::WRITE_DATA) {
            maximal = maximal.union(AccessMask::DELETE);
        }
        let granted = self.grant(request, file, maximal)?;
        self.ensure(!request.delete_on_close || !self.is_read_only(file)?, file, FsError::NotPermitted)?;
        let Some(stream) = found else {
            self.ensure(maximal.contains(AccessMask::WRITE_DATA), file, FsError::AccessDenied)?;
            self.require_own_key(request, InodeId::default())?;
            let stream = self.add_stream(file, name)?;
            return self.add_open(request, (stream, link, Some(file), OpenedHow::Created), (granted, maximal));
        };
        let cuts = overwrites(request.disposition);
        if cuts {
            self.check_stream_cut(request, file, maximal)?;
        }
        let write = if cuts { AccessMask::WRITE_DATA } else { AccessMask::default() };
        self.make_room(request, stream, (granted.union(write), cuts))?;
        if cuts {
            let now = self.now;
            self.change(stream, |stream| set_size(stream, 0, now))?;
        }
        let what = (stream, link, Some(file), how_existing(request.disposition));
        self.add_open(request, what, (granted, maximal))
    }

    fn check_stream_cut(&self, request: &OpenRequest, file: InodeId, maximal: AccessMask) -> Result<(), Failure> {
        let deletes = request.disposition != Disposition::Supersede || maximal.contains(AccessMask::DELETE);
        let given = request.attributes.dos.unwrap_or_default();
        let hidden = DosAttributes::HIDDEN.0 | DosAttributes::SYSTEM.0;
        let is_kept = (self.attributes(file)?.dos.0 & !given.0) & hidden == 0;
        let may = deletes && is_kept && maximal.contains(AccessMask::WRITE_DATA);
        self.ensure(may, file, FsError::AccessDenied)
    }

    /// Errors: `TooManyLinks`.
    pub(super) fn add_stream(&mut self, file: InodeId, name: &Name) -> Result<InodeId, Failure> {
        self.ensure(self.inode(file)?.streams.len() < STREAMS_MAX, file, FsError::TooManyLinks)?;
        let (number, now) = (self.state.next_number(), self.now);
        let stream = file.sibling(number);
        let attributes = self.state.blank(stream, FileType::Regular, now);
        let attributes = Attributes { stream_of: Some(file), ..attributes };
        let body = Body::File(Content::default());
        let inode = Inode { attributes, body, exclusive: None, xattrs: BTreeMap::new(), streams: Vec::new() };
        self.state.inodes.insert(stream, inode);
        self.change(file, |file| file.streams.push((stream, name.clone())))?;
        Ok(stream)
    }

    /// Takes all streams of an inode.
    pub(super) fn lose_streams(&mut self, file: InodeId) -> Result<(), Failure> {
        let streams = self.state.inodes.get_mut(&file).map(|file| std::mem::take(&mut file.streams));
        for (stream, _) in streams.unwrap_or_default() {
            self.unlink(stream)?;
            self.state.opens.pending_streams.remove(&stream);
        }
        Ok(())
    }

    fn lose_stream(&mut self, file: InodeId, stream: InodeId) -> Result<(), Failure> {
        self.change(file, |file| file.streams.retain(|(other, _)| *other != stream))?;
        self.unlink(stream)?;
        self.state.opens.pending_streams.remove(&stream);
        Ok(())
    }

    /// The name of a stream.
    pub(super) fn stream_name(&self, file: InodeId, stream: InodeId) -> Option<Name> {
        let streams = &self.inode(file).ok()?.streams;
        streams.iter().find(|(other, _)| *other == stream).map(|(_, name)| name.clone())
    }

    /// What a close does to the stream that it closes.
    pub(super) fn close_stream(&mut self, open: &Open) -> Result<(), Failure> {
        let Some(file) = open.stream_of else { return Ok(()) };
        self.stamp_file(file, open.inode)?;
        let opens = &mut self.state.opens;
        if open.delete_on_close {
            opens.pending_streams.insert(open.inode);
        }
        let is_last = !opens.all.values().any(|other| other.inode == open.inode);
        if is_last && opens.pending_streams.remove(&open.inode) && self.stream_name(file, open.inode).is_some() {
            self.lose_stream(file, open.inode)?;
        }
        Ok(())
    }

    /// What was written of a stream is told by the times of its file.
    fn stamp_file(&mut self, file: InodeId, stream: InodeId) -> Result<(), Failure> {
        let is_named = |id| self.attributes(id).is_ok_and(|attributes| attributes.links > 0);
        if !is_named(file) || !is_named(stream) {
            return Ok(());
        }
        let (own, whole) = (self.attributes(stream)?, self.attributes(file)?);
        let modified = own.modified;
        if modified > own.created && modified > whole.modified {
            self.change(file, |file| file.attributes.modified = modified)?;
        }
        Ok(())
    }

    pub(super) fn set_stream_pending(&mut self, open: &Open, pending: bool) -> Result<(), Failure> {
        let (stream, Some(file)) = (open.inode, open.stream_of) else { return Ok(()) };
        if !pending {
            self.state.opens.pending_streams.remove(&stream);
            return Ok(());
        }
        self.ensure(!self.is_read_only(file)?, file, FsError::NotPermitted)?;
        if self.stream_name(file, stream).is_some() {
            self.state.opens.pending_streams.insert(stream);
        }
        Ok(())
    }

    /// As [`vfs::Opens::rename_stream`].
    pub(super) fn rename_stream(&mut self, request: &RenameStreamRequest) -> Result<(), Failure> {
        let open = self.deleting_open(request.open)?;
        let file = open.stream_of.ok_or(FsError::WrongType)?;
        let name = self.stream_name(file, open.inode).ok_or(FsError::NotFound)?;
        if name == request.to_name {
            return Ok(());
        }
        if let Some(target) = self.find_stream(file, &request.to_name)?.filter(|target| *target != open.inode) {
            self.ensure(request.replace, file, FsError::Exists)?;
            self.ensure(!self.state.opens.holds(target), file, FsError::AccessDenied)?;
            self.lose_stream(file, target)?;
        }
        self.change(file, |file| {
            let entry = file.streams.iter_mut().find(|(stream, _)| *stream == open.inode);
            entry.into_iter().for_each(|entry| entry.1 = request.to_name.clone());
        })?;
        Ok(())
    }

    /// As [`vfs::AttributeIo::stream_list`].
    pub(super) fn stream_list(&self, request: &StreamListRequest) -> Result<StreamListReply, Failure> {
        self.attributes(request.inode)?;
        self.attributes_through(request.inode, request.via)?;
        let entry = |(stream, name): &(InodeId, Name)| {
            let attributes = self.attributes(*stream)?;
            let (size, allocated_bytes) = (attributes.size, attributes.allocated_bytes);
            Ok(StreamEntry { name: name.clone(), size, allocated_bytes })
        };
        let entries: Result<_, Failure> = self.inode(request.inode)?.streams.iter().map(entry).collect();
        Ok(StreamListReply { entries: entries? })
    }

    /// Errors: `ShareConflict`.
    pub(super) fn require_streams_deletable(&self, at: InodeId, file: InodeId) -> Result<(), Failure> {
        for (stream, _) in &self.inode(file)?.streams {
            let deletes = ShareMode { delete: true, ..ShareMode::default() };
            let shared = self.require_shared(*stream, Via::Anonymous, deletes);
            shared.map_err(|failure| self.refuse(at, failure.error))?;
        }
        Ok(())
    }

    fn find_stream(&self, file: InodeId, name: &Name) -> Result<Option<InodeId>, Failure> {
        let wanted = folded(name);
        let found = self.inode(file)?.streams.iter().find(|(_, stream)| folded(stream) == wanted);
        Ok(found.map(|(stream, _)| *stream))
    }
}

fn folded(name: &Name) -> Vec<u8> {
    String::from_utf8_lossy(name.as_bytes()).to_uppercase().into_bytes()
}
