//! What differs between two states of a directory: a snapshot, and a younger one or now.
//!
//! The index of ended states names every inode that was there and has changed since (`candidates`). Each is told by itself:
//! where it was and where it is (`paths`), and what of it differs (`compare`). What is new has no state that ended: it stands
//! in the entries of directories that changed. What lies in a directory that was moved into the one asked for, or out of it,
//! has not changed either. Both are found by walking (`walk`). So everything is told by exactly one of three: itself if it
//! changed, else the directory that it is new in, else the one that it was moved with; and nothing told has to be remembered.

mod candidates;
mod compare;
mod cursor;
mod paths;
mod ranges;
mod span;
mod walk;

use vfs::{ChangeKind, ChangedEntry, ChangedPart, ChangesReply, ChangesRequest, Failure, FileType, InodeNumber};

use self::candidates::{Candidates, Position};
use self::cursor::At;
use self::paths::Paths;
use self::span::{Pair, Side, Span};
use self::walk::{Walk, Way};
use crate::Filesystem;
use crate::cache::Seen;

/// A page that is being made.
struct Page<'h, K: kv::Engine, C: chunk::Store> {
    house: &'h Filesystem<K, C>,
    span: Span,
    paths: Paths,
    entries: Vec<ChangedEntry>,
    limit: usize,
    /// Records and lists that may still be looked at.
    looks: usize,
    seen: Seen,
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_changes(&self, request: ChangesRequest) -> Result<ChangesReply, Failure> {
        let span = self.span_of((request.from, request.to), FileType::Directory).await?;
        let at = request.after.as_ref().map(|cursor| cursor::parse(cursor, &span)).transpose()?;
        if at.is_none() || !span.is_open() {
            self.name_until(&span).await?;
        }
        let limit = request.limit.clamp(1, vfs::CHANGES_MAX);
        let (paths, entries, seen) = (Paths::default(), Vec::new(), Seen::default());
        let mut page = Page { house: self, span, paths, entries, limit, looks: LOOKS_MAX, seen };
        let end = page.fill(at).await?;
        let Page { entries, seen, span, .. } = page;
        // A snapshot that went meanwhile showed less and less.
        self.require_both(&span)?;
        self.settle(seen.0).await?;
        Ok(ChangesReply { entries, next: end.map(|end| cursor::encode(&end, &span)) })
    }
}

impl<K: kv::Engine, C: chunk::Store> Page<'_, K, C> {
    /// Goes on from where the page before ended. Returns where this one does, unless there is nothing more.
    async fn fill(&mut self, at: Option<At>) -> Result<Option<At>, Failure> {
        let mut at = at.unwrap_or_else(|| At { position: Position::first(&self.span), walk: None });
        let mut candidates = Candidates::from(at.position.clone());
        loop {
            if self.is_full() {
                return Ok(Some(at));
            }
            if let Some(walk) = at.walk {
                at.walk = self.walk_on(walk).await?;
                continue;
            }
            match candidates.next(self).await? {
                Some((number, position)) => at = At { position, walk: self.tell(number).await? },
                None => match candidates.rest() {
                    Some(position) => at.position = position.clone(),
                    None => return Ok(None),
                },
            }
        }
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= self.limit || self.looks == 0
    }

    /// Counts what is looked at.
    fn look(&mut self, count: usize) {
        self.looks = self.looks.saturating_sub(count);
    }

    /// Tells of an inode that changed, if it is or was below the directory. Returns where what it brought or took along
    /// has to be looked for.
    async fn tell(&mut self, number: InodeNumber) -> Result<Option<Walk>, Failure> {
        let pair = self.pair(number).await?;
        // What had no name is told as new by the directory that it is in.
        let Some(known) = pair.from.as_ref() else { return Ok(None) };
        if known.is_stream() {
            self.tell_stream(number, known.home_parent).await?;
            return Ok(None);
        }
        let is_directory = known.file_type == FileType::Directory;
        let before = self.path((Side::From, number), pair.from.as_deref()).await?;
        let after = self.path((Side::To, number), pair.to.as_deref()).await?;
        let is_there = pair.to.is_some();
        let way = match (before, after) {
            (None, None) => return Ok(None),
            (Some(before), Some(after)) => {
                self.tell_changed((number, &pair), (before, after)).await?;
                Way::New
            }
            (Some(before), None) => {
                self.put((number, &pair), (ChangeKind::Removed, before));
                Way::Out
            }
            (None, Some(after)) => {
                self.put((number, &pair), (ChangeKind::Created, after));
                Way::In
            }
        };
        // A directory that was removed was empty then: what had been in it changed too.
        Ok((is_directory && is_there).then(|| Walk::of(number, way)))
    }

    /// Tells of something that only one state has here.
    fn put(&mut self, (inode, pair): (InodeNumber, &Pair), (kind, path): (ChangeKind, Vec<vfs::Name>)) {
        let Some(known) = pair.any() else { return };
        let [before, after] = [&pair.from, &pair.to].map(|record| record.as_ref().map(|record| record.size));
        let (size_before, size_after) = match kind {
            ChangeKind::Created => (None, after),
            ChangeKind::Removed => (before, None),
            ChangeKind::Changed => (before, after),
        };
        let (file_type, parts) = (known.file_type, Vec::new());
        self.entries.push(ChangedEntry {
            path,
            old_path: None,
            inode,
            file_type,
            kind,
            parts,
            size_before,
            size_after,
        });
    }

    async fn tell_changed(
        &mut self,
        (number, pair): (InodeNumber, &Pair),
        (before, after): (Vec<vfs::Name>, Vec<vfs::Name>),
    ) -> Result<(), Failure> {
        let is_renamed = pair.homes_differ() || before.last() != after.last();
        let mut parts = self.parts(number, pair).await?;
        if is_renamed && number != self.span.top {
            parts.insert(0, ChangedPart::Name);
        }
        if parts.is_empty() {
            return Ok(());
        }
        self.put((number, pair), (ChangeKind::Changed, after));
        if let Some(entry) = self.entries.last_mut() {
            entry.old_path = (parts.first() == Some(&ChangedPart::Name)).then_some(before);
            entry.parts = parts;
        }
        Ok(())
    }

    /// A stream that changed alone: its file is told, by the first of those that did.
    async fn tell_stream(&mut self, stream: InodeNumber, file: InodeNumber) -> Result<(), Failure> {
        let pair = self.pair(file).await?;
        if pair.has_changed(&self.span) || self.first_changed_stream(file).await? != Some(stream) {
            return Ok(());
        }
        let before = self.path((Side::From, file), pair.from.as_deref()).await?;
        let after = self.path((Side::To, file), pair.to.as_deref()).await?;
        let (Some(_), Some(after)) = (before, after) else { return Ok(()) };
        self.put((file, &pair), (ChangeKind::Changed, after));
        if let Some(entry) = self.entries.last_mut() {
            entry.parts = vec![ChangedPart::Streams];
        }
        Ok(())
    }
}

/// Records and lists that one page looks at, about: what it costs at most, whatever it finds.
const LOOKS_MAX: usize = 8192;
