//! The requests of a frame, one after the other: session, tree connect, and the command's own file.

use std::sync::Arc;

use smallvec::SmallVec;
use smb_wire::{Command, EchoResponse, HeaderFlags, LogoffResponse, Status};
use tracing::Instrument;
use vfs::{InodeId, OpContext, OperationId, Priority, Protocol, Vfs, View};
use zones::Zone;

use crate::answer::Answer;
use crate::connection::{After, Batch, Peer, Replies, Request, Verdict, tree_id};
use crate::door::Door;
use crate::session::Session;
use crate::tree::{self, Target, Tree};

/// A request that is being done.
pub(crate) struct Call<'a, V> {
    pub(crate) door: &'a Door<V>,
    pub(crate) peer: &'a Peer,
    pub(crate) zone: &'a Arc<Zone>,
    pub(crate) session: &'a Arc<Session>,
    pub(crate) request: &'a Request,
    pub(crate) is_sealed: bool,
    related: &'a Related,
}

/// What an element leaves to a related one behind it (MS-SMB2 3.3.5.2.7.2).
#[derive(Debug, Default)]
struct Related {
    tree: Option<u32>,
    failed: Option<Status>,
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
    let Batch { requests, sealed, bytes } = batch;
    peer.traffic.begin((requests.len(), bytes), door.facts.clock.monotonic());
    let mut replies = SmallVec::with_capacity(requests.len());
    let mut related = Related::default();
    for mut request in requests {
        let is_related = request.header.flags.contains(HeaderFlags::RELATED_OPERATIONS);
        if !is_related {
            related = Related { tree: tree_id(&request.header), failed: None };
        }
        let answer = match std::mem::replace(&mut request.verdict, Verdict::Do) {
            Verdict::Answered(answer) => answer,
            Verdict::Do => {
                let circumstances = (sealed.is_some(), &related);
                match perform(&door, &peer, &request, circumstances).await {
                    Ok(answer) => answer,
                    Err(Refusal::Status(status)) => Answer::error(status),
                    Err(Refusal::Close) => return None,
                }
            }
        };
        if let Some(After::End(session)) = request.after.take() {
            door.end(&session).await;
        }
        related.tree = answer.tree_id.or(related.tree);
        related.failed = answer.status.is_error().then_some(answer.status);
        replies.push(request.reply(answer));
    }
    Some(Replies { replies, sealed })
}

async fn perform<V: Vfs>(
    door: &Door<V>,
    peer: &Peer,
    request: &Request,
    (is_sealed, related): (bool, &Related),
) -> Result<Answer, Refusal> {
    let command = request.header.command;
    if command == Command::ECHO {
        return Ok(Answer::success(&EchoResponse {}));
    }
    let Some(session) = &request.session else { return Err(Status::INVALID_PARAMETER.into()) };
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
    let call = Call { door, peer, zone: &zone, session, request, is_sealed, related };
    call.perform(command).instrument(span).await
}

impl<V: Vfs> Call<'_, V> {
    async fn perform(&self, command: Command) -> Result<Answer, Refusal> {
        if command == Command::TREE_CONNECT {
            return Ok(tree::connect(self).await?);
        }
        let tree = self.tree()?;
        if let Target::Disk(disk) = &tree.target
            && disk.share.must_encrypt()
            && !self.is_sealed
        {
            // MS-SMB2 3.3.5.2.11.
            return Err(Status::ACCESS_DENIED.into());
        }
        match command {
            Command::TREE_DISCONNECT => Ok(tree::disconnect(self).await?),
            _ => Err(Status::NOT_SUPPORTED.into()),
        }
    }

    /// The tree connect that a request names, or that the one before it left to it.
    ///
    /// Errors: NETWORK_NAME_DELETED (MS-SMB2 3.3.5.2.11).
    pub(crate) fn tree(&self) -> Result<Arc<Tree>, Status> {
        self.related.tree.and_then(|id| self.session.tree(id)).ok_or(Status::NETWORK_NAME_DELETED)
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
            view: View::Live,
            replay_key: None,
            deadline: None,
            priority: match self.request.header.command {
                Command::CLOSE | Command::FLUSH | Command::TREE_DISCONNECT => Priority::Releasing,
                _ => Priority::Normal,
            },
        }
    }
}
