//! The opens of the house: what each was granted, the name it was opened by, and which names go with their last open.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use bytes::Bytes;
use vfs::acl::AccessMask;
use vfs::{InodeId, LeaseOwner, LeaseRequest, Name, OpenId, SessionId, ShardId, ShareMode};

use crate::parted::Parted;

/// All opens. Their share reservations stand in the [`crate::LockTable`], under [`vfs::LockOwner::Open`].
///
/// Order of the short locks within: inodes, then sessions or opens.
#[derive(Debug)]
pub struct OpenTable {
    opens: Parted<HashMap<OpenId, Arc<Open>>>,
    inodes: Parted<HashMap<InodeId, InodeOpens>>,
    sessions: Parted<HashMap<SessionId, HashSet<OpenId>>>,
    count: AtomicU64,
    next: AtomicU64,
    session_max: usize,
}

/// An open.
#[derive(Debug)]
pub struct Open {
    /// Which one.
    pub id: OpenId,
    /// What it has open.
    pub inode: InodeId,
    /// Whether its close marks its name for deletion.
    pub delete_on_close: bool,
    /// The lease that it asked for.
    pub lease: Option<LeaseRequest>,
    /// The file that it is a stream of; that is open with it.
    pub stream_of: Option<InodeId>,
    /// It survives a restart.
    pub persistent: Option<Persistent>,
    session: AtomicU64,
    granted: AtomicU32,
    is_closing: AtomicBool,
    /// Something was written through it.
    has_written: AtomicBool,
}

/// An open that is to be added.
#[derive(Clone, Debug)]
pub struct NewOpen {
    /// What it has open.
    pub inode: InodeId,
    /// Whose it is.
    pub session: SessionId,
    /// What it may do.
    pub granted: AccessMask,
    /// The name it is opened by.
    pub link: Option<Link>,
    /// Whether its close marks that name for deletion.
    pub delete_on_close: bool,
    /// The lease that it asks for.
    pub lease: Option<LeaseRequest>,
    /// The file that it is a stream of, and the name by which that was found.
    pub stream_of: Option<(InodeId, Option<Link>)>,
    /// It survives a restart.
    pub persistent: Option<Persistent>,
}

/// What of an open that survives a restart stands nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persistent {
    /// What others may do meanwhile.
    pub share: ShareMode,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// What its door has to know to give it back.
    pub note: Bytes,
}

/// A name of an inode: the entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The directory.
    pub parent: InodeId,
    /// The name as it is stored.
    pub name: Name,
}

/// The session or the house has as many opens as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyOpens;

/// What the beginning of a close found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closing {
    /// It is being closed already.
    Begun,
    /// Nothing else is to be done.
    Plain,
    /// It is the last open of names that are to be removed before it is ended.
    Removes {
        /// That of a stream, in the file.
        stream: Option<Link>,
        /// That of an inode: what is open, or the file whose stream it is.
        name: Option<(InodeId, Link)>,
    },
}

/// The opens of one inode.
#[derive(Debug, Default)]
struct InodeOpens {
    held: Vec<Held>,
    /// Opens of its streams, with the name by which this inode was found.
    streams: Vec<Held>,
    /// Names that go with their last open.
    pending: Vec<Link>,
    /// The intent that removes the inode, which has lost its last name; it waits for the last open.
    orphan: Option<u64>,
}

#[derive(Debug)]
struct Held {
    open: Arc<Open>,
    link: Option<Link>,
}

impl OpenTable {
    /// No opens; the numbers of those to come begin behind `first`.
    #[must_use]
    pub fn new(first: OpenId) -> Self {
        Self {
            opens: Parted::new(),
            inodes: Parted::new(),
            sessions: Parted::new(),
            count: AtomicU64::new(0),
            next: AtomicU64::new(first.0),
            session_max: SESSION_OPENS_MAX,
        }
    }

    /// Adds an open.
    ///
    /// # Errors
    /// `TooManyOpens`.
    pub fn add(&self, new: NewOpen) -> Result<Arc<Open>, TooManyOpens> {
        self.put(OpenId(self.next.fetch_add(1, Ordering::Relaxed) + 1), new)
    }

    /// Adds an open that was there before a restart. Its number is below those of all others.
    ///
    /// # Errors
    /// `TooManyOpens`.
    pub fn restore(&self, id: OpenId, old: NewOpen) -> Result<Arc<Open>, TooManyOpens> {
        self.put(id, old)
    }

    fn put(&self, id: OpenId, new: NewOpen) -> Result<Arc<Open>, TooManyOpens> {
        let NewOpen { inode, session, granted, link, delete_on_close, lease, stream_of, persistent } = new;
        let (granted, is_closing, has_written) =
            (AtomicU32::new(granted.0), AtomicBool::new(false), AtomicBool::new(false));
        let file = stream_of.as_ref().map(|(file, _)| *file);
        let open = Open {
            id,
            inode,
            delete_on_close,
            lease,
            stream_of: file,
            persistent,
            session: AtomicU64::new(session.0),
            granted,
            is_closing,
            has_written,
        };
        let open = Arc::new(open);
        let mut inodes = self.inodes.of(&inode);
        if self.count() >= HOUSE_OPENS_MAX {
            return Err(TooManyOpens);
        }
        self.enter_session(session, id)?;
        self.count.fetch_add(1, Ordering::Relaxed);
        self.opens.of(&id).insert(id, Arc::clone(&open));
        inodes.entry(inode).or_default().held.push(Held { open: Arc::clone(&open), link });
        drop(inodes);
        if let Some((file, link)) = stream_of {
            self.inodes.of(&file).entry(file).or_default().streams.push(Held { open: Arc::clone(&open), link });
        }
        Ok(open)
    }

    /// An open of a session that is not being closed.
    #[must_use]
    pub fn find(&self, session: SessionId, id: OpenId) -> Option<Arc<Open>> {
        let opens = self.opens.of(&id);
        opens.get(&id).filter(|open| open.session() == session && !open.is_closing()).cloned()
    }

    /// Makes an open that of another session; whoever asks for it as of the old one finds none.
    ///
    /// # Errors
    /// `TooManyOpens`.
    pub fn hand_over(&self, open: &Open, to: SessionId) -> Result<(), TooManyOpens> {
        let from = open.session();
        if from == to {
            return Ok(());
        }
        self.enter_session(to, open.id)?;
        open.session.store(to.0, Ordering::Release);
        self.leave_session(from, open.id);
        Ok(())
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether an inode is open. Where nothing is open it costs one look at a counter.
    #[must_use]
    pub fn holds(&self, inode: InodeId) -> bool {
        self.count() != 0 && self.inodes.of(&inode).get(&inode).is_some_and(InodeOpens::is_open)
    }

    /// Whether streams of an inode are open.
    #[must_use]
    pub fn holds_streams(&self, inode: InodeId) -> bool {
        if self.count() == 0 {
            return false;
        }
        let inodes = self.inodes.of(&inode);
        inodes.get(&inode).is_some_and(|opens| opens.streams.iter().any(|held| !held.open.is_closing()))
    }

    /// Whether an inode itself has an open of this kind that is not being closed.
    #[must_use]
    pub fn holds_any(&self, inode: InodeId, is_meant: impl Fn(&Open) -> bool) -> bool {
        let inodes = self.inodes.of(&inode);
        let mut held = inodes.get(&inode).into_iter().flat_map(|opens| &opens.held);
        held.any(|held| !held.open.is_closing() && is_meant(&held.open))
    }

    /// The name that an open was opened by, as it is now, and whether it goes with its last open.
    #[must_use]
    pub fn link(&self, open: &Open) -> (Option<Link>, bool) {
        self.link_in(open.inode, open.id)
    }

    /// The name of the file whose stream an open has open, as [`OpenTable::link`].
    #[must_use]
    pub fn file_link(&self, open: &Open) -> (Option<Link>, bool) {
        open.stream_of.map_or((None, false), |file| self.link_in(file, open.id))
    }

    /// Whether a name of an inode goes with its last open; any name, where none is given.
    #[must_use]
    pub fn is_pending(&self, inode: InodeId, link: Option<&Link>) -> bool {
        if self.count() == 0 {
            return false;
        }
        let inodes = self.inodes.of(&inode);
        let is_meant = |opens: &InodeOpens| match link {
            Some(link) => opens.pending.contains(link),
            None => !opens.pending.is_empty(),
        };
        inodes.get(&inode).is_some_and(is_meant)
    }

    /// Marks the name of an open for deletion, or takes the mark back; `false` when it has none.
    pub fn set_pending(&self, open: &Open, is_pending: bool) -> bool {
        let mut inodes = self.inodes.of(&open.inode);
        inodes.get_mut(&open.inode).is_some_and(|opens| opens.set_pending(open.id, is_pending))
    }

    /// Begins a close: nobody else uses the open from now on, but it stands in the way of others until it is ended.
    #[must_use]
    pub fn begin_close(&self, open: &Open) -> Closing {
        let own = {
            let mut inodes = self.inodes.of(&open.inode);
            if open.is_closing.swap(true, Ordering::AcqRel) {
                return Closing::Begun;
            }
            let opens = inodes.get_mut(&open.inode);
            opens.and_then(|opens| {
                if open.delete_on_close {
                    opens.set_pending(open.id, true);
                }
                opens.removed_with(open.id)
            })
        };
        let (stream, name) = match open.stream_of {
            None => (None, own.map(|link| (open.inode, link))),
            Some(file) => {
                let inodes = self.inodes.of(&file);
                (own, inodes.get(&file).and_then(|opens| opens.removed_with(open.id)).map(|link| (file, link)))
            }
        };
        if stream.is_none() && name.is_none() { Closing::Plain } else { Closing::Removes { stream, name } }
    }

    /// Ends an open. Returns the inodes without a name of which it was the last, with the intents that waited for it.
    #[must_use]
    pub fn end(&self, open: &Open) -> Vec<(InodeId, u64)> {
        open.is_closing.store(true, Ordering::Release);
        if self.opens.of(&open.id).remove(&open.id).is_none() {
            return Vec::new();
        }
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.leave_session(open.session(), open.id);
        let inodes = [Some(open.inode), open.stream_of].into_iter().flatten();
        inodes.filter_map(|inode| Some((inode, self.end_in(inode, open.id)?))).collect()
    }

    fn end_in(&self, inode: InodeId, id: OpenId) -> Option<u64> {
        let mut inodes = self.inodes.of(&inode);
        let opens = inodes.get_mut(&inode)?;
        opens.held.retain(|held| held.open.id != id);
        opens.streams.retain(|held| held.open.id != id);
        let orphan = if opens.is_open() { None } else { opens.orphan.take() };
        opens.forget_pending();
        if opens.held.is_empty() && opens.streams.is_empty() {
            inodes.remove(&inode);
        }
        orphan
    }

    /// An inode has lost its last name, and this intent removes it: it waits for the last open. `false` when nothing of
    /// it is open.
    #[must_use]
    pub fn hold_orphan(&self, inode: InodeId, intent: u64) -> bool {
        let mut inodes = self.inodes.of(&inode);
        match inodes.get_mut(&inode).filter(|opens| opens.is_open()) {
            Some(opens) => {
                opens.orphan = Some(intent);
                true
            }
            None => false,
        }
    }

    /// A name of an inode was removed.
    pub fn unlink(&self, inode: InodeId, link: &Link) {
        self.each_of(inode, link, |held| held.link = None);
        if let Some(opens) = self.inodes.of(&inode).get_mut(&inode) {
            opens.pending.retain(|pending| pending != link);
        }
    }

    /// A name of an inode was changed.
    pub fn relink(&self, inode: InodeId, link: &Link, to: &Link) {
        self.each_of(inode, link, |held| held.link = Some(to.clone()));
        if let Some(opens) = self.inodes.of(&inode).get_mut(&inode) {
            opens.pending.iter_mut().filter(|pending| *pending == link).for_each(|pending| *pending = to.clone());
        }
    }

    /// The opens of a session.
    #[must_use]
    pub fn of_session(&self, session: SessionId) -> Vec<OpenId> {
        self.sessions.of(&session).get(&session).map_or_else(Vec::new, |opens| opens.iter().copied().collect())
    }

    /// The opens of an inode and of its streams that survive a restart.
    #[must_use]
    pub fn persistent_of(&self, inode: InodeId) -> Vec<Arc<Open>> {
        let inodes = self.inodes.of(&inode);
        let all = inodes.get(&inode).into_iter().flat_map(InodeOpens::all);
        all.filter(|held| held.open.persistent.is_some()).map(|held| Arc::clone(&held.open)).collect()
    }

    /// An open of any session that is not being closed.
    #[must_use]
    pub fn get(&self, id: OpenId) -> Option<Arc<Open>> {
        self.opens.of(&id).get(&id).filter(|open| !open.is_closing()).cloned()
    }

    /// The directories of a shard in which something is open, with what is open there.
    #[must_use]
    pub fn parents(&self, shard: ShardId) -> HashSet<InodeId> {
        let mut parents = HashSet::new();
        for part in self.inodes.all() {
            let opens = part.values().flat_map(InodeOpens::all);
            let of_shard = opens.filter_map(|held| held.link.as_ref()).filter(|link| link.parent.shard == shard);
            parents.extend(of_shard.map(|link| link.parent));
        }
        parents
    }

    /// What is open under the names of a directory.
    #[must_use]
    pub fn below(&self, directory: InodeId) -> Vec<InodeId> {
        let is_below = |opens: &InodeOpens| {
            opens.held.iter().any(|held| held.link.as_ref().is_some_and(|link| link.parent == directory))
        };
        let found = self.inodes.all().flat_map(|part| {
            part.iter().filter(|(_, opens)| is_below(opens)).map(|(inode, _)| *inode).collect::<Vec<_>>()
        });
        found.collect()
    }

    /// Ends all opens: for a reload, which makes what they knew void. Returns them.
    #[must_use]
    pub fn clear(&self) -> Vec<Arc<Open>> {
        let all: Vec<_> = self.opens.all().flat_map(|part| part.values().cloned().collect::<Vec<_>>()).collect();
        for open in &all {
            // Intents are queued again from the store.
            let _ = self.end(open);
        }
        all
    }

    fn each_of(&self, inode: InodeId, link: &Link, change: impl Fn(&mut Held)) {
        if let Some(opens) = self.inodes.of(&inode).get_mut(&inode) {
            let all = opens.held.iter_mut().chain(&mut opens.streams);
            all.filter(|held| held.link.as_ref() == Some(link)).for_each(change);
        }
    }

    fn link_in(&self, inode: InodeId, id: OpenId) -> (Option<Link>, bool) {
        let inodes = self.inodes.of(&inode);
        let Some(opens) = inodes.get(&inode) else { return (None, false) };
        let link = opens.link_of(id);
        let is_pending = link.as_ref().is_some_and(|link| opens.pending.contains(link));
        (link, is_pending)
    }

    fn enter_session(&self, session: SessionId, id: OpenId) -> Result<(), TooManyOpens> {
        let mut sessions = self.sessions.of(&session);
        if sessions.get(&session).map_or(0, HashSet::len) >= self.session_max {
            return Err(TooManyOpens);
        }
        sessions.entry(session).or_default().insert(id);
        Ok(())
    }

    fn leave_session(&self, session: SessionId, id: OpenId) {
        let mut sessions = self.sessions.of(&session);
        if let Some(opens) = sessions.get_mut(&session) {
            opens.remove(&id);
            if opens.is_empty() {
                sessions.remove(&session);
            }
        }
    }
}

impl Open {
    /// Whose it is.
    #[must_use]
    pub fn session(&self) -> SessionId {
        SessionId(self.session.load(Ordering::Acquire))
    }

    /// What it may do.
    #[must_use]
    pub fn granted(&self) -> AccessMask {
        AccessMask(self.granted.load(Ordering::Relaxed))
    }

    /// Sets what it may do: once, before its client hears of it.
    pub fn grant(&self, rights: AccessMask) {
        self.granted.store(rights.0, Ordering::Relaxed);
    }

    /// Something is written through it.
    pub fn note_write(&self) {
        self.has_written.store(true, Ordering::Relaxed);
    }

    /// Whether something was written through it.
    #[must_use]
    pub fn has_written(&self) -> bool {
        self.has_written.load(Ordering::Relaxed)
    }

    /// Whose the lease is that it asked for.
    #[must_use]
    pub fn lease_owner(&self) -> Option<LeaseOwner> {
        self.lease.map(|lease| lease.key.map_or(LeaseOwner::Open(self.id), LeaseOwner::Key))
    }

    fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }
}

impl InodeOpens {
    /// Opens of it and of its streams.
    fn all(&self) -> impl Iterator<Item = &Held> {
        self.held.iter().chain(&self.streams)
    }

    /// Whether it or a stream of it has an open that is not being closed.
    fn is_open(&self) -> bool {
        self.all().any(|held| !held.open.is_closing())
    }

    /// The name by which it was found for this open.
    fn link_of(&self, id: OpenId) -> Option<Link> {
        self.all().find(|held| held.open.id == id).and_then(|held| held.link.clone())
    }

    /// The name that is to be removed as this open, which is being closed, was the last that was opened by it.
    fn removed_with(&self, id: OpenId) -> Option<Link> {
        let link = self.link_of(id).filter(|link| self.pending.contains(link))?;
        let mut others = self.all().filter(|held| !held.open.is_closing());
        (!others.any(|held| held.link.as_ref() == Some(&link))).then_some(link)
    }

    fn set_pending(&mut self, id: OpenId, is_pending: bool) -> bool {
        let Some(held) = self.held.iter().find(|held| held.open.id == id) else { return false };
        let Some(link) = held.link.clone() else { return false };
        self.pending.retain(|pending| *pending != link);
        if is_pending {
            self.pending.push(link);
        }
        true
    }

    /// Names that nothing has open any more are not pending any more either: their removal was tried.
    fn forget_pending(&mut self) {
        let Self { held, streams, pending, .. } = self;
        pending.retain(|link| held.iter().chain(&*streams).any(|held| held.link.as_ref() == Some(link)));
    }
}

/// Most opens of one session.
pub const SESSION_OPENS_MAX: usize = 65_536;
/// Most opens of the house.
pub const HOUSE_OPENS_MAX: u64 = 1 << 18;

#[cfg(test)]
mod tests {
    use vfs::InodeNumber;

    use super::*;

    const SESSION: SessionId = SessionId(1);

    fn inode(number: u64) -> InodeId {
        InodeId { number: InodeNumber(number), ..InodeId::default() }
    }

    fn link(name: &str) -> Link {
        Link { parent: inode(1), name: Name::try_from(name).unwrap() }
    }

    fn new(name: Option<&str>) -> NewOpen {
        let granted = AccessMask::READ_DATA;
        NewOpen {
            inode: inode(7),
            session: SESSION,
            granted,
            link: name.map(link),
            delete_on_close: false,
            lease: None,
            stream_of: None,
            persistent: None,
        }
    }

    fn removes(name: &str) -> Closing {
        Closing::Removes { stream: None, name: Some((inode(7), link(name))) }
    }

    fn table() -> OpenTable {
        OpenTable::new(OpenId(100))
    }

    fn is_empty(table: &OpenTable) -> bool {
        let inodes = table.inodes.all().all(|part| part.is_empty());
        let sessions = table.sessions.all().all(|part| part.is_empty());
        inodes && sessions && table.opens.all().all(|part| part.is_empty()) && table.count() == 0
    }

    #[test]
    fn an_open_belongs_to_its_session_until_it_is_closed() {
        let table = table();
        let open = table.add(new(Some("a"))).unwrap();
        assert!(table.find(SESSION, open.id).is_some() && table.holds(inode(7)));
        assert!(table.find(SessionId(2), open.id).is_none());
        assert_eq!(table.of_session(SESSION), [open.id]);
        assert_eq!(table.begin_close(&open), Closing::Plain);
        assert!(table.find(SESSION, open.id).is_none() && !table.holds(inode(7)));
        assert_eq!(table.begin_close(&open), Closing::Begun);
        assert_eq!(table.end(&open), []);
        assert!(is_empty(&table));
    }

    #[test]
    fn the_last_open_of_a_name_removes_it() {
        let table = table();
        let (one, two) = (table.add(new(Some("a"))).unwrap(), table.add(new(Some("a"))).unwrap());
        let other = table.add(new(Some("b"))).unwrap();
        assert!(table.set_pending(&one, true));
        assert!(table.is_pending(inode(7), Some(&link("a"))) && !table.is_pending(inode(7), Some(&link("b"))));
        assert_eq!(table.begin_close(&two), Closing::Plain);
        assert_eq!(table.end(&two), []);
        assert_eq!(table.begin_close(&one), removes("a"));
        assert!(table.is_pending(inode(7), Some(&link("a"))), "until it is done");
        assert_eq!(table.end(&one), []);
        assert!(!table.is_pending(inode(7), None));
        assert_eq!(table.begin_close(&other), Closing::Plain);
        assert_eq!(table.end(&other), []);
        assert!(is_empty(&table));
    }

    #[test]
    fn of_two_that_close_together_the_second_removes() {
        let table = table();
        let delete = NewOpen { delete_on_close: true, ..new(Some("a")) };
        let (one, two) = (table.add(delete).unwrap(), table.add(new(Some("a"))).unwrap());
        assert_eq!(table.begin_close(&one), Closing::Plain);
        assert_eq!(table.begin_close(&two), removes("a"));
    }

    #[test]
    fn names_are_followed() {
        let table = table();
        let open = table.add(new(Some("a"))).unwrap();
        table.set_pending(&open, true);
        table.relink(inode(7), &link("a"), &link("b"));
        assert_eq!(table.link(&open), (Some(link("b")), true));
        table.unlink(inode(7), &link("a"));
        assert_eq!(table.link(&open), (Some(link("b")), true), "another name");
        table.unlink(inode(7), &link("b"));
        assert_eq!(table.link(&open), (None, false));
        assert!(!table.set_pending(&open, true));
        assert_eq!(table.begin_close(&open), Closing::Plain);
    }

    #[test]
    fn an_orphan_waits_for_its_last_open() {
        let table = table();
        assert!(!table.hold_orphan(inode(7), 3));
        let (one, two) = (table.add(new(Some("a"))).unwrap(), table.add(new(None)).unwrap());
        assert!(table.hold_orphan(inode(7), 3));
        assert_eq!((table.end(&one), table.end(&two)), (vec![], vec![(inode(7), 3)]));
        let closing = table.add(new(None)).unwrap();
        assert_eq!(table.begin_close(&closing), Closing::Plain);
        assert!(!table.hold_orphan(inode(7), 4), "nobody would let it go");
    }

    #[test]
    fn a_file_is_open_with_its_streams() {
        let table = table();
        let stream = |name: &str| NewOpen {
            inode: inode(8),
            link: Some(Link { parent: inode(7), name: Name::try_from(name).unwrap() }),
            stream_of: Some((inode(7), Some(link("a")))),
            delete_on_close: true,
            ..new(None)
        };
        let (file, one) = (table.add(new(Some("a"))).unwrap(), table.add(stream("s")).unwrap());
        assert!(table.holds_streams(inode(7)) && !table.holds_any(inode(7), |open| open.id == one.id));
        assert!(table.set_pending(&file, true));
        assert_eq!(table.begin_close(&file), Closing::Plain, "its stream is open");
        assert_eq!(table.end(&file), []);
        assert!(table.is_pending(inode(7), Some(&link("a"))) && table.holds(inode(7)));
        table.relink(inode(7), &link("a"), &link("b"));
        assert_eq!(table.file_link(&one), (Some(link("b")), true));
        assert!(table.hold_orphan(inode(7), 3) && table.hold_orphan(inode(8), 4));
        let closing = table.begin_close(&one);
        let Closing::Removes { stream: Some(gone), name } = closing else { panic!("{closing:?}") };
        assert_eq!((gone.parent, name), (inode(7), Some((inode(7), link("b")))));
        assert_eq!(table.end(&one), [(inode(8), 4), (inode(7), 3)]);
        assert!(is_empty(&table));
    }

    #[test]
    fn the_opens_of_a_session_are_bounded() {
        let table = OpenTable { session_max: 2, ..table() };
        let first = table.add(new(None)).unwrap();
        table.add(new(None)).unwrap();
        assert_eq!(table.add(new(None)).err(), Some(TooManyOpens));
        table.add(NewOpen { session: SessionId(2), ..new(None) }).unwrap();
        assert_eq!(table.end(&first), []);
        table.add(new(None)).unwrap();
        assert_eq!(table.clear().len(), 3);
        assert!(is_empty(&table));
    }
}
