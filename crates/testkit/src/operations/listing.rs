//! Listings: whole ones, and ones that go on while the directory changes.

use std::collections::BTreeSet;

use bytes::Bytes;
use vfs::{
    Cookie, DirectoryEntry, Failure, InodeId, ListedAttributes, Name, OpContext, ReaddirReply, ReaddirRequest, Vfs,
};

use super::{CURSORS, Caller, Outcome, Register, SeenEntry, Session};

/// More pages than any directory of a sequence has entries.
const PAGES_MAX: usize = 10_000;
const WHOLE_PAGE: usize = 4096;

/// A listing under way.
#[derive(Debug)]
pub(super) struct Cursor {
    directory: InodeId,
    after: Cookie,
    /// Names that must still come: there since the beginning and not touched.
    due: BTreeSet<Bytes>,
    /// Names that came.
    came: BTreeSet<Bytes>,
    /// Names that changed meanwhile and may come or not.
    touched: BTreeSet<Bytes>,
}

impl<V: Vfs> Session<'_, V> {
    /// Lists a directory to its end in pages and shows its entries by name.
    pub(super) async fn list(
        &mut self,
        caller: Caller,
        directory: InodeId,
        (page, attributes): (usize, bool),
    ) -> Outcome {
        let ctx = Self::context(caller, directory);
        let attributes = if attributes { ListedAttributes::All } else { ListedAttributes::None };
        let request = ReaddirRequest { directory, after: Cookie::START, entries_max: page, attributes };
        let mut outcome = Outcome::default();
        let mut entries = match self.pages(&ctx, request, &mut outcome).await {
            Ok(entries) => entries,
            Err(failure) => return self.fail(&failure),
        };
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        if entries.windows(2).any(|pair| matches!(pair, [one, other] if one.name == other.name)) {
            outcome.faults.push("a name was listed twice".to_owned());
        }
        for entry in entries {
            let attributes = entry.attributes.as_ref().map(|attributes| self.see(&mut outcome, attributes));
            let (inode, file_type) = (self.number(entry.inode), entry.file_type);
            outcome.entries.push(SeenEntry { name: entry.name, inode, file_type, attributes });
        }
        outcome
    }

    pub(super) async fn list_begin(&mut self, cursor: u8, directory: Register) -> Outcome {
        let directory = self.inode(directory);
        let outcome = self.list(Caller::Root, directory, (WHOLE_PAGE, false)).await;
        let due = outcome.entries.iter().map(|entry| entry.name.clone()).collect();
        if let Some(place) = self.cursors.get_mut(usize::from(cursor % CURSORS)).filter(|_| outcome.error.is_none()) {
            let (came, touched) = (BTreeSet::new(), BTreeSet::new());
            *place = Some(Cursor { directory, after: Cookie::START, due, came, touched });
        }
        outcome
    }

    /// Takes the next page of a listing under way. Pages are the house's own, so only faults are shown.
    pub(super) async fn list_next(&mut self, caller: Caller, cursor: u8, page: usize) -> Outcome {
        let index = usize::from(cursor % CURSORS);
        let Some(Some(place)) = self.cursors.get(index) else { return Outcome::default() };
        let (directory, after) = (place.directory, place.after);
        let ctx = Self::context(caller, directory);
        let request = ReaddirRequest { directory, after, entries_max: page, attributes: ListedAttributes::None };
        let reply = match self.house.readdir(&ctx, request).await {
            Ok(reply) => reply,
            Err(failure) => return self.fail(&failure),
        };
        let mut outcome = Outcome::default();
        check_page(&mut outcome, after, &reply);
        self.show(&mut outcome, &reply.directory);
        if let Some(Some(place)) = self.cursors.get_mut(index) {
            place.take(&mut outcome, &reply);
        }
        outcome
    }

    /// Tells the listings under way that an entry changed.
    pub(super) fn touch_entry(&mut self, directory: InodeId, name: &Name) {
        for cursor in self.cursors.iter_mut().flatten().filter(|cursor| cursor.directory == directory) {
            cursor.due.remove(name.as_bytes());
            cursor.touched.insert(name.to_bytes());
        }
    }

    async fn pages(
        &mut self,
        ctx: &OpContext,
        mut request: ReaddirRequest,
        outcome: &mut Outcome,
    ) -> Result<Vec<DirectoryEntry>, Failure> {
        let mut entries = Vec::new();
        for _ in 0..PAGES_MAX {
            let reply = self.house.readdir(ctx, request.clone()).await?;
            check_page(outcome, request.after, &reply);
            if reply.entries.len() > request.entries_max {
                outcome.faults.push(format!("{} entries in a page of {}", reply.entries.len(), request.entries_max));
            }
            request.after = reply.entries.last().map_or(request.after, |last| last.cookie);
            entries.extend(reply.entries);
            if reply.end {
                self.show(outcome, &reply.directory);
                return Ok(entries);
            }
        }
        outcome.faults.push("the listing does not end".to_owned());
        Ok(entries)
    }
}

impl Cursor {
    fn take(&mut self, outcome: &mut Outcome, reply: &ReaddirReply) {
        for entry in &reply.entries {
            let is_new = self.came.insert(entry.name.clone());
            if !is_new && !self.touched.contains(&entry.name) {
                outcome.faults.push(format!("{:?} was listed twice", entry.name));
            }
            self.due.remove(&entry.name);
            self.after = entry.cookie;
        }
        if reply.end && !self.due.is_empty() {
            outcome.faults.push(format!("left out of the listing: {:?}", self.due));
            self.due.clear();
        }
    }
}

/// Cookies rise, and only the last page may be empty.
fn check_page(outcome: &mut Outcome, mut after: Cookie, reply: &ReaddirReply) {
    for entry in &reply.entries {
        if entry.cookie <= after || i64::try_from(entry.cookie.0).is_err() {
            outcome.faults.push(format!("cookie {:?} after {after:?}", entry.cookie));
        }
        after = entry.cookie;
    }
    if reply.entries.is_empty() && !reply.end {
        outcome.faults.push("an empty page that is not the last".to_owned());
    }
}
