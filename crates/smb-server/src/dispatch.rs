//! The requests of a frame, one after the other: session, tree connect, and the command's own file.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Poll;

use smallvec::SmallVec;
use smb_wire::codec::decode_body;
use smb_wire::negotiate::Dialect;
use smb_wire::{Command, EchoRequest, EchoResponse, FileId, HeaderFlags, LogoffResponse, Status};
use tracing::Instrument;
use vfs::{Awaited, Failure, FsError, InodeId, Mailbox, OpContext, OperationId, Priority, Protocol, Vfs};
use zones::Zone;

use crate::answer::Answer;
use crate::channel_sequence::Changing;
use crate::connection::{After, Batch, Delay, Peer, Replies, Reply, Request, Terms, Verdict, tree_id};
use crate::door::Door;
use crate::open_table::Open;
use crate::pipe::{self, Pipe};
use crate::session::Session;
use crate::status;
use crate::tree::{self, Target, Tree};
use crate::waits::{Interrupted, Waiting, told};
use crate::{
    audit, change_notify, close, create, flush, ioctl, lock, oplock_break, query_directory, query_info, read, set_info,
    write,
};

/// A request that is being done.
pub(crate) struct Call<'a, V> {
    pub(crate) door: &'a Door<V>,
    pub(crate) peer: &'a Peer,
    pub(crate) zone: &'a Arc<Zone>,
    pub(crate) session: &'a Arc<Session>,
    pub(crate) terms: &'a Terms,
    pub(crate) request: &'a Request,
    pub(crate) is_sealed: bool,
    related: &'a Related,
    progress: &'a Progress,
}

/// How far a frame is done.
#[derive(Debug, Default)]
struct Progress {
    /// The answers so far, which do not wait for one that waits.
    replies: Mutex<SmallVec<[Reply; 1]>>,
    /// Nothing follows the request that is being done.
    is_last: bool,
    /// What its client was told it waits under.
    async_id: OnceLock<u64>,
}

/// What an element leaves to a related one behind it (MS-SMB2 3.3.5.2.7.2).
#[derive(Debug, Default)]
struct Related {
    tree: Option<u32>,
    /// The open that the last one named or made.
    file: Mutex<Option<FileId>>,
    failed: Option<Status>,
}

impl Related {
    /// Keeps what an element did for those that belong to it. Where it was to make something and could not, they fail as it
    /// did.
    fn note(&mut self, command: Command, answer: &Answer) {
        self.tree = answer.tree_id.or(self.tree);
        if matches!(command, Command::CREATE | Command::TREE_CONNECT) {
            self.failed = answer.status.is_error().then_some(answer.status);
        }
        if let Some(file_id) = answer.file_id {
            self.file = Mutex::new(Some(file_id));
        }
    }
}

/// How a request ends that is answered by closing the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// With this status.
    Status(Status),
    /// Without an answer.
    Close,
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

/// Does the requests of a frame; `None` closes the connection.
pub(crate) async fn run<V: Vfs>(door: Arc<Door<V>>, peer: Arc<Peer>, batch: Batch) -> Option<Replies> {
    let Batch { requests, sealed, terms, bytes } = batch;
    peer.traffic.begin((requests.len(), bytes), door.facts.clock.monotonic());
    let mut progress = Progress::default();
    let mut related = Related::default();
    let mut requests = requests.into_iter();
    while let Some(mut request) = requests.next() {
        progress.is_last = requests.len() == 0;
        let is_related = request.header.flags.contains(HeaderFlags::RELATED_OPERATIONS);
        if !is_related {
            related = Related { tree: tree_id(&request.header), ..Related::default() };
        }
        let answer = match std::mem::replace(&mut request.verdict, Verdict::Do) {
            Verdict::Answered(answer) => *answer,
            Verdict::Do => {
                let circumstances = (terms.as_deref(), sealed.is_some(), &related, &progress);
                match perform(&door, &peer, &request, circumstances).await {
                    Ok(answer) => answer,
                    Err(Refusal::Status(status)) => Answer::error(status),
                    Err(Refusal::Close) => return None,
                }
            }
        };
        match request.after.take() {
            Some(After::End(session)) => Box::pin(door.end(&session)).await,
            Some(After::Lose(session)) => Box::pin(door.lose(&session)).await,
            None => {}
        }
        related.note(request.header.command, &answer);
        let mut reply = request.reply(answer);
        reply.delay = progress.async_id.take().map_or(Delay::None, Delay::Last);
        progress.replies.get_mut().unwrap_or_else(PoisonError::into_inner).push(reply);
    }
    let replies = progress.replies.into_inner().unwrap_or_else(PoisonError::into_inner);
    Some(Replies { replies, sealed })
}

async fn perform<V: Vfs>(
    door: &Door<V>,
    peer: &Peer,
    request: &Request,
    (terms, is_sealed, related, progress): (Option<&Terms>, bool, &Related, &Progress),
) -> Result<Answer, Refusal> {
    let command = request.header.command;
    if command == Command::ECHO {
        let _: EchoRequest = decode_body(&request.body).map_err(status::unreadable)?;
        return Ok(Answer::success(&EchoResponse {}));
    }
    let (Some(channel), Some(terms)) = (&request.channel, terms) else { return Err(Status::INVALID_PARAMETER.into()) };
    let session = &channel.session;
    let zone = door.facts.registry.zone_for(peer.local.ip()).ok_or(Refusal::Close)?;
    if zone.id() != session.zone {
        // The address was given to another tenant: what was opened is not theirs.
        return Err(Refusal::Close);
    }
    if command == Command::LOGOFF {
        return Ok(Answer::success(&LogoffResponse {}));
    }
    if let Some(status) = related.failed {
        return Err(status.into());
    }
    let Some(_under_way) = session.life.begin() else { return Err(Status::USER_SESSION_DELETED.into()) };
    let span =
        tracing::debug_span!("smb", zone = zone.name(), protocol = "smb", op = command.name().unwrap_or("UNKNOWN"));
    let call = Call { door, peer, terms, zone: &zone, session, request, is_sealed, related, progress };
    call.perform(command).instrument(span).await
}

impl<V: Vfs> Call<'_, V> {
    async fn perform(&self, command: Command) -> Result<Answer, Refusal> {
        if command == Command::TREE_CONNECT {
            let outcome = Box::pin(tree::connect(self)).await.map_err(Refusal::from);
            if let Some(trail) = self.zone.trail() {
                audit::tell((self, trail), (command, None), None, &outcome);
            }
            return outcome;
        }
        let tree = self.tree()?;
        let clock = &self.door.facts.clock;
        let counted = tree.counters.begin(self.session.id, command, clock.monotonic());
        // In a box: what is not recorded is not to be moved about with more than it needs.
        let before = self.zone.trail().and_then(|_| audit::name_before(self, (command, &tree))).map(Box::new);
        let outcome = self.of_tree(command, &tree).await;
        if let Some(counted) = counted {
            let answer = outcome.as_ref().map_err(|refusal| match refusal {
                Refusal::Status(status) => *status,
                Refusal::Close => Status::INVALID_PARAMETER,
            });
            counted.answered(self.request.body.len(), answer, clock.monotonic());
        }
        if let Some(trail) = self.zone.trail() {
            audit::tell((self, trail), (command, Some(&tree)), before.map(|before| *before), &outcome);
        }
        outcome
    }

    async fn of_tree(&self, command: Command, tree: &Tree) -> Result<Answer, Refusal> {
        if let Target::Disk(disk) = &tree.target
            && disk.share.must_encrypt()
            && !self.is_sealed
        {
            // MS-SMB2 3.3.5.2.11.
            return Err(Status::ACCESS_DENIED.into());
        }
        if self.is_for_a_pipe(tree, command) {
            return Ok(pipe::perform(self, tree, command)?);
        }
        match command {
            Command::READ => Ok(read::read(self, tree).await?),
            Command::QUERY_INFO => Ok(query_info::query_info(self, tree).await?),
            Command::CLOSE => Ok(close::close(self, tree).await?),
            // In a box: a frame's requests are moved as a whole before they run, and these are larger than they are often.
            _ => Box::pin(self.of_tree_large(command, tree)).await,
        }
    }

    async fn of_tree_large(&self, command: Command, tree: &Tree) -> Result<Answer, Refusal> {
        match command {
            Command::TREE_DISCONNECT => Ok(tree::disconnect(self).await?),
            Command::CREATE => Ok(create::create(self, tree).await?),
            Command::FLUSH => Ok(flush::flush(self, tree).await?),
            Command::WRITE => Ok(write::write(self, tree).await?),
            Command::IOCTL => ioctl::ioctl(self, tree).await,
            Command::OPLOCK_BREAK => Ok(oplock_break::acknowledge(self, tree)?),
            Command::LOCK => Ok(lock::lock(self, tree).await?),
            Command::QUERY_DIRECTORY => Ok(query_directory::query_directory(self, tree).await?),
            Command::CHANGE_NOTIFY => Ok(change_notify::change_notify(self, tree).await?),
            Command::SET_INFO => Ok(set_info::set_info(self, tree).await?),
            command if command.name().is_none() => Err(Status::INVALID_PARAMETER.into()),
            _ => Err(Status::NOT_SUPPORTED.into()),
        }
    }

    /// The tree connect that a request names, or that the one before it left to it.
    ///
    /// Errors: NETWORK_NAME_DELETED (MS-SMB2 3.3.5.2.11).
    pub(crate) fn tree(&self) -> Result<Arc<Tree>, Status> {
        self.related.tree.and_then(|id| self.session.tree(id)).ok_or(Status::NETWORK_NAME_DELETED)
    }

    /// The open that a request names; all ones stand for that of the element before.
    ///
    /// Errors: FILE_CLOSED (also all ones in a request that belongs to none before), INVALID_PARAMETER (there was none
    /// before).
    pub(crate) fn open(&self, file_id: FileId, tree: &Tree) -> Result<Arc<Open>, Status> {
        let open = self.session.opens.find(self.named(file_id)?, tree.id).ok_or(Status::FILE_CLOSED)?;
        if let Some(number) = self.sequence() {
            open.sequence.see(number);
        }
        if open.claim.is_some() && !open.is_used.load(Ordering::Relaxed) {
            open.is_used.store(true, Ordering::Relaxed);
        }
        Ok(open)
    }

    /// The open that a request names, which changes something; it is under way while what is returned is there.
    ///
    /// Errors: FILE_NOT_AVAILABLE (it is late).
    pub(crate) fn changing<'o>(&self, open: &'o Open) -> Result<Option<Changing<'o>>, Status> {
        let is_again = self.is_sent_again();
        self.sequence().map(|number| open.sequence.begin(number, is_again)).transpose()
    }

    /// Whether a request says that it was sent before.
    pub(crate) fn is_sent_again(&self) -> bool {
        self.request.header.flags.contains(HeaderFlags::REPLAY_OPERATION)
    }

    /// `ChannelSequence` of a request; SMB 2 has none.
    pub(crate) fn sequence(&self) -> Option<u16> {
        (self.terms.dialect.0 >= Dialect::SMB_3_0.0).then(|| self.request.header.channel_sequence())
    }

    /// The pipe that a request names, as [`Call::open`].
    ///
    /// Errors: FILE_CLOSED, INVALID_PARAMETER (there was none before).
    pub(crate) fn pipe(&self, file_id: FileId, tree: &Tree) -> Result<Arc<Pipe>, Status> {
        self.session.pipes.find(self.named(file_id)?, tree.id).ok_or(Status::FILE_CLOSED)
    }

    /// The open that the request named, once it was asked for.
    pub(crate) fn named_last(&self) -> Option<FileId> {
        *self.related.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn named(&self, file_id: FileId) -> Result<FileId, Status> {
        let mut last = self.related.file.lock().unwrap_or_else(PoisonError::into_inner);
        let is_related = self.request.header.flags.contains(HeaderFlags::RELATED_OPERATIONS);
        // All ones in a request that belongs to none before is an open that is not there, also for those behind it.
        let file_id =
            if is_related && file_id == FileId::RELATED { last.ok_or(Status::INVALID_PARAMETER)? } else { file_id };
        *last = Some(file_id);
        Ok(file_id)
    }

    /// Whether a request is about a pipe, or is to open one. Much that is asked by IOCTL has nothing to do with the tree.
    fn is_for_a_pipe(&self, tree: &Tree, command: Command) -> bool {
        matches!(tree.target, Target::Pipes)
            && match command {
                Command::TREE_DISCONNECT => false,
                Command::IOCTL => pipe::is_asked_for(&self.request.body),
                _ => true,
            }
    }

    /// Waits for what a client does, which may take as long as it likes. The client of the request is told so, unless it
    /// has become ready at once (MS-SMB2 3.3.4.2), and what the frame came to so far goes out before; where others follow
    /// in the frame it may not wait (3.3.5.2.7). The request of an open ends with it.
    ///
    /// Errors: `Cancelled`, `Gone`, `Refused` with INSUFFICIENT_RESOURCES (too many wait on the connection) or
    /// INTERNAL_ERROR (others follow).
    pub(crate) async fn wait<T>(
        &self,
        open: Option<&Open>,
        awaited: impl Future<Output = T>,
    ) -> Result<T, Interrupted> {
        let mut awaited = pin!(awaited);
        if let Poll::Ready(outcome) = poll_fn(|cx| Poll::Ready(awaited.as_mut().poll(cx))).await {
            return Ok(outcome);
        }
        if !self.progress.is_last {
            return Err(Interrupted::Refused(Status::INTERNAL_ERROR));
        }
        self.enter_wait(open, awaited).await
    }

    /// Asks the house for what a lease of others may be in the way of, again when that is broken. Unlike others it may
    /// wait in the middle of a frame, where its client is not told: it is the server's to end, and soon.
    ///
    /// Errors: the wait was interrupted: CANCELLED, FILE_CLOSED, INSUFFICIENT_RESOURCES.
    pub(crate) async fn past_leases<T, F>(
        &self,
        open: Option<&Open>,
        ask: impl Fn() -> F,
    ) -> Result<Result<T, Failure>, Status>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let first = ask().await;
        match breaking(&first) {
            None => Ok(first),
            // In a box: else every such request would hold what it asks twice.
            Some(breaking) => Box::pin(self.past_a_break(open, breaking, ask)).await,
        }
    }

    async fn past_a_break<T, F>(
        &self,
        open: Option<&Open>,
        breaking: InodeId,
        ask: impl Fn() -> F,
    ) -> Result<Result<T, Failure>, Status>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut again = pin!(self.ask_again(breaking, ask));
        if let Poll::Ready(outcome) = poll_fn(|cx| Poll::Ready(again.as_mut().poll(cx))).await {
            return Ok(outcome);
        }
        let waited = self.enter_wait(open, again).await;
        waited.map_err(|interrupted| interrupted.status(Status::FILE_CLOSED))
    }

    async fn ask_again<T, F>(&self, mut inode: InodeId, ask: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        loop {
            let mailbox = Arc::<Mailbox>::default();
            while self.door.vfs.await_break(inode, &mailbox)? == Awaited::Told {
                told(&mailbox).await;
            }
            let outcome = ask().await;
            match breaking(&outcome) {
                Some(next) => inode = next,
                None => return outcome,
            }
        }
    }

    async fn enter_wait<T>(&self, open: Option<&Open>, awaited: impl Future<Output = T>) -> Result<T, Interrupted> {
        let wait = self.peer.waits.enter(Waiting {
            message_id: self.request.header.message_id,
            session: self.session.id,
            tree: self.related.tree.unwrap_or_default(),
            open: open.map(|open| open.file_id.volatile),
        })?;
        if self.session.life.is_over() {
            return Err(Interrupted::Gone);
        }
        if self.progress.is_last && self.progress.async_id.set(wait.async_id).is_ok() {
            self.tell_interim(wait.async_id);
        }
        wait.until(awaited).await
    }

    fn tell_interim(&self, async_id: u64) {
        let sealed = || self.is_sealed.then(|| Arc::clone(self.session));
        let so_far = std::mem::take(&mut *self.progress.replies.lock().unwrap_or_else(PoisonError::into_inner));
        if !so_far.is_empty() {
            self.peer.outbox.put(Replies { replies: so_far, sealed: sealed() });
        }
        let interim = SmallVec::from_iter([self.request.interim(async_id)]);
        self.peer.outbox.put(Replies { replies: interim, sealed: sealed() });
    }

    /// Whether the credits of a request pay for so many bytes, there or back (MS-SMB2 3.3.5.2.5).
    pub(crate) fn is_paid(&self, bytes: u32) -> bool {
        let charge = u32::from(self.request.header.credit_charge.max(1));
        !self.terms.charges_by_size() || bytes.div_ceil(CREDIT_BYTES) <= charge
    }

    /// The circumstances of what is asked of the house.
    pub(crate) fn context(&self, root: InodeId) -> OpContext {
        OpContext {
            operation_id: OperationId(self.request.header.message_id),
            zone: self.zone.id(),
            root,
            credentials: self.session.credentials(),
            protocol: Protocol::Smb,
            client: self.peer.client_id,
            session: self.session.session_id(),
            snapshots: self.zone.definition().snapshots(),
            replay_key: None,
            deadline: None,
            priority: match self.request.header.command {
                Command::CLOSE | Command::FLUSH | Command::OPLOCK_BREAK | Command::TREE_DISCONNECT => {
                    Priority::Releasing
                }
                _ => Priority::Normal,
            },
        }
    }
}

/// The inode whose lease is in the way.
fn breaking<T>(outcome: &Result<T, Failure>) -> Option<InodeId> {
    match outcome.as_ref().err()?.error {
        FsError::Breaking(inode) => Some(inode),
        _ => None,
    }
}

/// What one credit pays for.
const CREDIT_BYTES: u32 = 64 << 10;
