//! Sessions: somebody who logged on, with keys, tree connects and opens.

mod channel;
mod life;
mod table;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

use admission::Distrusted;
use security::smb::{Decryptor, Encryptor, Signer};
use smb_wire::Status;
use vfs::{Credentials, Event, LeaseBreak, LeaseOwner, Mailbox, SessionId, Timestamp, ZoneId};

pub(crate) use self::channel::Channel;
use self::channel::Channels;
pub(crate) use self::life::Life;
pub(crate) use self::table::{Listed, Sessions};
use crate::connection::{Peer, Replies, Terms};
use crate::durable::Lost;
use crate::open_table::Opens;
use crate::oplock_break::notification;
use crate::pipe::Pipes;
use crate::tree::Tree;
use crate::waits::{Waits, Which};

/// Somebody who logged on, over one connection or several.
pub(crate) struct Session {
    /// `SessionId` on the wire.
    pub(crate) id: u64,
    pub(crate) zone: ZoneId,
    pub(crate) user: String,
    pub(crate) standing: Standing,
    /// `None` for guests and anonymous sessions: there is no key.
    pub(crate) keys: Option<Keys>,
    /// What its first connection agreed on, and all others must.
    pub(crate) terms: Arc<Terms>,
    /// Requests that are not encrypted must be signed.
    pub(crate) must_sign: bool,
    /// Requests must be encrypted.
    pub(crate) must_encrypt: bool,
    pub(crate) since: Timestamp,
    pub(crate) opens: Opens,
    pub(crate) pipes: Pipes,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) life: Life,
    channels: Channels,
    /// Breaks of opens that their client has not heard of yet.
    held_back: Mutex<Vec<LeaseBreak>>,
    /// Breaks that were told over one of several connections, until they are answered.
    told: Mutex<Vec<(Weak<Peer>, LeaseBreak)>>,
    /// Requests whose connection was lost while they waited, by name.
    pub(crate) lost: Lost,
    credentials: Mutex<Arc<Credentials>>,
    /// Its user has proved last that it is nobody.
    is_nobody: AtomicBool,
    trees: Mutex<Trees>,
}

/// How a session came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its user proved it.
    Proved,
    /// Its user is not known.
    Guest,
    /// It has none.
    Anonymous,
}

/// What a session signs and encrypts with.
pub(crate) struct Keys {
    /// Of its first connection, and of those that are about to join.
    pub(crate) signer: Arc<Signer>,
    pub(crate) encryption: Option<(Encryptor, Decryptor)>,
}

/// A new session.
pub(crate) struct SessionParts {
    pub(crate) id: u64,
    pub(crate) zone: ZoneId,
    pub(crate) user: String,
    pub(crate) standing: Standing,
    pub(crate) keys: Option<Keys>,
    pub(crate) terms: Arc<Terms>,
    pub(crate) must_sign: bool,
    pub(crate) must_encrypt: bool,
    pub(crate) since: Timestamp,
    pub(crate) credentials: Arc<Credentials>,
}

#[derive(Debug, Default)]
struct Trees {
    last: u32,
    connected: HashMap<u32, Arc<Tree>>,
}

impl Session {
    pub(crate) fn new(parts: SessionParts) -> Self {
        let SessionParts { id, zone, user, standing, keys, terms, must_sign, must_encrypt, since, credentials } = parts;
        Self {
            id,
            zone,
            user,
            standing,
            keys,
            terms,
            must_sign,
            must_encrypt,
            since,
            opens: Opens::default(),
            pipes: Pipes::default(),
            mailbox: Arc::default(),
            life: Life::default(),
            channels: Channels::default(),
            held_back: Mutex::default(),
            told: Mutex::default(),
            lost: Lost::default(),
            credentials: Mutex::new(credentials),
            is_nobody: AtomicBool::new(false),
            trees: Mutex::default(),
        }
    }

    /// Its number in the house.
    pub(crate) fn session_id(&self) -> SessionId {
        SessionId(self.id)
    }

    /// Whether its user is known now.
    pub(crate) fn is_proved(&self) -> bool {
        self.standing == Standing::Proved && !self.is_nobody.load(Ordering::Relaxed)
    }

    /// Who it runs as.
    pub(crate) fn credentials(&self) -> Arc<Credentials> {
        Arc::clone(&self.credentials.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Its user proved once more who it is, and may be in other groups by now.
    /// Or nobody, for the time being: whoever it was, it is reached no more than a stranger would reach.
    pub(crate) fn refresh(&self, credentials: Arc<Credentials>, is_same: bool) {
        self.is_nobody.store(!is_same, Ordering::Relaxed);
        *self.credentials.lock().unwrap_or_else(PoisonError::into_inner) = credentials;
    }

    /// It is reached over another connection.
    ///
    /// Errors, in order: USER_SESSION_DELETED, INSUFFICIENT_RESOURCES.
    pub(crate) fn join(&self, peer: &Arc<Peer>) -> Result<(), Status> {
        if self.channels.add(Arc::clone(peer))? {
            self.mailbox.wake_by(&Waker::from(Arc::clone(&peer.outbox)));
        }
        Ok(())
    }

    /// A connection ended. What is to be told goes over another one from now on; says whether there is none.
    pub(crate) fn leave(&self, peer: &Arc<Peer>) -> bool {
        let Some(left) = self.channels.remove(peer) else { return true };
        let is_lost =
            |told: &mut (Weak<Peer>, LeaseBreak)| told.0.upgrade().is_none_or(|told| Arc::ptr_eq(&told, peer));
        let lost = lock(&self.told).extract_if(.., is_lost).map(|(_, told)| told).collect::<Vec<_>>();
        lock(&self.held_back).extend(lost);
        let waker = Waker::from(Arc::clone(&left.outbox));
        self.mailbox.wake_by(&waker);
        waker.wake();
        false
    }

    /// Lets go what waits for something that is gone, whichever connection it waits on. `own` is the one of who asks.
    pub(crate) fn end_waits(&self, own: Option<&Waits>, which: Which) {
        self.channels.each_waits(own, |waits| waits.end(which));
    }

    /// What its client is to be told of breaks by now; wakes by the waker when there is more.
    ///
    /// Errors: some were lost.
    pub(crate) fn take_breaks(
        self: &Arc<Self>,
        peer: &Arc<Peer>,
        waker: &Waker,
        told: &mut Vec<Replies>,
    ) -> Result<(), Distrusted> {
        if let Some(first) = self.channels.before(peer) {
            // Clients expect breaks over the first of their connections.
            first.outbox.rouse();
            return Ok(());
        }
        let mut held_back = lock(&self.held_back);
        loop {
            let (events, has_lost) = self.mailbox.take(waker);
            if has_lost {
                return Err(Distrusted);
            }
            if events.is_empty() {
                break;
            }
            held_back.extend(events.into_iter().filter_map(|event| match event {
                Event::BreakLease(told) => Some(told),
                _ => None,
            }));
        }
        let are_several = self.channels.are_several();
        held_back.retain(|one| match self.opens.get(one.open) {
            Some(open) if open.is_told.load(Ordering::Relaxed) => {
                peer.is_lost_to(one.must_acknowledge);
                if are_several && one.must_acknowledge {
                    lock(&self.told).push((Arc::downgrade(peer), *one));
                }
                told.push(notification(self, &open, one));
                false
            }
            // Of one that is closed there is nothing to tell.
            open => open.is_some(),
        });
        Ok(())
    }

    /// A break was answered: it is not told again.
    pub(crate) fn answered(&self, owner: LeaseOwner) {
        if self.channels.are_several() {
            lock(&self.told).retain(|(_, told)| told.owner != owner);
        }
    }

    /// A new tree connect; `None` when there are too many. `make` gets its `TreeId`.
    pub(crate) fn connect(&self, make: impl FnOnce(u32) -> Tree) -> Option<Arc<Tree>> {
        let mut trees = self.trees();
        if trees.connected.len() >= TREES_MAX {
            return None;
        }
        trees.last = trees.last.checked_add(1).filter(|id| *id != u32::MAX)?;
        let id = trees.last;
        let tree = Arc::new(make(id));
        trees.connected.insert(id, Arc::clone(&tree));
        Some(tree)
    }

    pub(crate) fn tree(&self, id: u32) -> Option<Arc<Tree>> {
        self.trees().connected.get(&id).map(Arc::clone)
    }

    pub(crate) fn disconnect(&self, id: u32) -> Option<Arc<Tree>> {
        self.trees().connected.remove(&id)
    }

    /// Names of the shares it is connected to.
    pub(crate) fn shares(&self) -> Vec<String> {
        let mut names: Vec<_> = self.trees().connected.values().map(|tree| tree.name.clone()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn trees(&self) -> MutexGuard<'_, Trees> {
        self.trees.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("id", &self.id).field("user", &self.user).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tree connects of one session.
const TREES_MAX: usize = 1024;
