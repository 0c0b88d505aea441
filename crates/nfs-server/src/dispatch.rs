//! From a record to its answer: RPC checks, zone, reply cache, and the program it is for (RFC 5531 9).

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use nfs_wire::rpc::{
    AcceptStat, AuthFlavor, AuthStat, AuthSys, CallError, CallHeader, MOUNT_PROGRAM, NFS_PROGRAM, NLM_PROGRAM,
    NSM_PROGRAM, OpaqueAuth, PORTMAP_PROGRAM, Procedure, RQUOTA_PROGRAM, ReplyHeader,
};
use nfs_wire::xdr::Decoder;
use nfs_wire::{nlm4 as wire_nlm4, nsm as wire_nsm};
use tracing::Instrument;
use vfs::{Identity, OperationId, Priority, ReplayKey, Vfs};
use zones::{ExportId, Zone};

use crate::caller::{Caller, Role, is_client};
use crate::door::{Door, ZoneState};
use crate::metrics::{Answer, Operation, Verdict};
use crate::reply::{Outcome, Reply};
use crate::reply_cache::{Admission, ReplyKey, Ticket};
use crate::{mount, nfs3, nlm4, nsm, portmap, rquota};

/// A call whose header was read.
struct Call<'a, V> {
    door: &'a Door<V>,
    caller: &'a Caller,
    zone: &'a Arc<Zone>,
    state: &'a ZoneState,
    header: &'a CallHeader,
    operation_id: OperationId,
    /// The export that its handle names.
    export: &'a OnceLock<ExportId>,
}

/// Does what a record asks and returns what becomes of it. Never fails: whatever is wrong has its answer.
pub(crate) async fn handle<V: Vfs>(door: &Door<V>, caller: &Caller, record: Bytes) -> Outcome {
    let Some(home) = caller.home(door) else { return Outcome::Close };
    let (zone, state) = (&home.zone, &*home.state);
    if caller.is_datagram && caller.role == Role::Nfs && !is_client(zone, caller.client) {
        // Its address may be another's, who has nothing to do with this house.
        return Outcome::Silence;
    }
    let mut decoder = Decoder::new(record.clone());
    let header = match CallHeader::decode_call(&mut decoder) {
        Ok(header) => header,
        Err(error) => return refuse_header(error),
    };
    let operation = Operation::of(header.program, header.procedure);
    let began = door.clock.monotonic();
    caller.traffic.begin(record.len(), began);
    let in_flight = state.metrics.begin(caller.session.0, operation, (record.len(), began));
    let operation_id = caller.next_operation();
    let span = tracing::debug_span!(
        "nfs",
        zone = zone.name(),
        protocol = "nfs3",
        op = operation.name(),
        operation_id = operation_id.0
    );
    let export = OnceLock::new();
    let call = Call { door, caller, zone, state, header: &header, operation_id, export: &export };
    let outcome = call.run(&record, decoder).instrument(span).await;
    if let (Outcome::Reply(reply), Some(counted)) = (&outcome, &in_flight) {
        let (bytes, verdict) = (reply.len(), reply.verdict(operation));
        counted.answered(&Answer { export: export.get().copied(), bytes, verdict, at: door.clock.monotonic() });
        caller.traffic.end(bytes);
    }
    outcome
}

impl<V: Vfs> Call<'_, V> {
    async fn run(&self, record: &Bytes, arguments: Decoder) -> Outcome {
        let header = self.header;
        if let Err(status) = check_program(self.caller, header) {
            return Outcome::Reply(Reply::header_only(&ReplyHeader::accepted(header.xid, status)));
        }
        if self.door.settings.reserved_lock_ports && !may_change_locks(self.caller, header) {
            return Outcome::Reply(Reply::header_only(&ReplyHeader::auth_error(header.xid, AuthStat::TooWeak)));
        }
        let identity = match identity(&header.credential) {
            Ok(identity) => identity,
            // NULL is answered whoever asks (RFC 5531 12).
            Err(_) if header.procedure == 0 => Identity::Anonymous,
            Err(status) => return Outcome::Reply(Reply::header_only(&ReplyHeader::auth_error(header.xid, status))),
        };
        match header.program {
            NFS_PROGRAM => self.nfs(&identity, record, arguments).await,
            MOUNT_PROGRAM => Outcome::Reply(Box::pin(self.mount(arguments)).await),
            NLM_PROGRAM => Box::pin(self.nlm(&identity, record, arguments)).await,
            NSM_PROGRAM => Outcome::Reply(Box::pin(self.nsm(arguments)).await),
            RQUOTA_PROGRAM => Outcome::Reply(Box::pin(self.rquota(&identity, arguments)).await),
            _ => Outcome::Reply(self.portmap(arguments)),
        }
    }

    async fn nfs(&self, identity: &Identity, record: &Bytes, arguments: Decoder) -> Outcome {
        if !nfs3::must_not_be_repeated(self.header.procedure) {
            return Outcome::Reply(self.nfs_call(identity, None, arguments).await);
        }
        let key = ReplyKey::of(self.caller.client, self.header.xid, record);
        let ticket = match self.admit(key).await {
            Ok(ticket) => ticket,
            Err(outcome) => return outcome,
        };
        let replay_key = ReplayKey { slot: key.slot(), request: key.request() };
        let reply = self.nfs_call(identity, Some(replay_key), arguments).await;
        // What the house could not do is tried again when asked again: by then it may know what came of it.
        let operation = Operation::of(self.header.program, self.header.procedure);
        if reply.verdict(operation) == Verdict::Fault {
            drop(ticket);
        } else {
            ticket.finish(reply.head());
        }
        Outcome::Reply(reply)
    }

    /// The right to do a call that must not be done twice, or what to say instead.
    async fn admit(&self, key: ReplyKey) -> Result<Ticket<'_>, Outcome> {
        loop {
            match self.state.replies.admit(key) {
                Admission::New(ticket) => {
                    self.state.metrics.count_admission(self.caller.session.0, true);
                    return Ok(ticket);
                }
                Admission::Done(reply) => {
                    self.state.metrics.count_admission(self.caller.session.0, false);
                    return Err(Outcome::Reply(Reply::stored(reply)));
                }
                Admission::Flooded => return Err(Outcome::Silence),
                Admission::Running(reply) => {
                    if let Ok(reply) = reply.await {
                        self.state.metrics.count_admission(self.caller.session.0, false);
                        return Err(Outcome::Reply(Reply::stored(reply)));
                    }
                }
            }
        }
    }

    async fn nfs_call(&self, identity: &Identity, replay_key: Option<ReplayKey>, arguments: Decoder) -> Reply {
        let header = self.header;
        let priority = nfs3::priority(header.procedure);
        let call = nfs3::Call { replay_key, priority, ..self.on_files(identity) };
        nfs3::dispatch(&call, (header.xid, header.procedure), arguments).await
    }

    async fn nlm(&self, identity: &Identity, record: &Bytes, arguments: Decoder) -> Outcome {
        let (xid, procedure) = (self.header.xid, self.header.procedure);
        let nfs = nfs3::Call { priority: nlm4::priority(procedure), ..self.on_files(identity) };
        let call = nlm4::Call { nfs, state: self.state };
        if !nlm4::must_not_be_repeated(procedure) {
            return Outcome::Reply(nlm4::dispatch(&call, (xid, procedure), arguments).await);
        }
        let ticket = match self.admit(ReplyKey::of(self.caller.client, xid, record)).await {
            Ok(ticket) => ticket,
            Err(outcome) => return outcome,
        };
        let reply = nlm4::dispatch(&call, (xid, procedure), arguments).await;
        ticket.finish(reply.head());
        Outcome::Reply(reply)
    }

    async fn nsm(&self, arguments: Decoder) -> Reply {
        let call = nsm::Call { door: self.door, caller: self.caller, zone: self.zone };
        nsm::dispatch(&call, (self.header.xid, self.header.procedure), arguments).await
    }

    /// A call that opens file handles.
    fn on_files<'a>(&'a self, identity: &'a Identity) -> nfs3::Call<'a, V> {
        nfs3::Call {
            door: self.door,
            caller: self.caller,
            zone: self.zone,
            token: &self.header.credential,
            identity,
            operation_id: self.operation_id,
            export: self.export,
            replay_key: None,
            priority: Priority::Normal,
            folds_file_ids: AtomicBool::new(false),
        }
    }

    async fn mount(&self, arguments: Decoder) -> Reply {
        mount::dispatch(&self.of_paths(), self.which(), arguments).await
    }

    async fn rquota(&self, identity: &Identity, arguments: Decoder) -> Reply {
        let call = rquota::Call { mount: self.of_paths(), identity };
        rquota::dispatch(&call, self.which(), arguments).await
    }

    /// A call that names exported paths.
    fn of_paths(&self) -> mount::Call<'_, V> {
        mount::Call { door: self.door, caller: self.caller, zone: self.zone, state: self.state, xid: self.header.xid }
    }

    fn which(&self) -> mount::Which {
        let CallHeader { xid, version, procedure, .. } = *self.header;
        mount::Which { xid, version, procedure }
    }

    fn portmap(&self, arguments: Decoder) -> Reply {
        let local = self.caller.local.ip().to_canonical();
        let may_list = !self.caller.is_datagram || is_client(self.zone, self.caller.client);
        let directory = portmap::Directory { local, settings: &self.door.settings, clock: &*self.door.clock, may_list };
        let CallHeader { xid, version, procedure, .. } = *self.header;
        portmap::dispatch(&directory, (xid, version, procedure), arguments)
    }
}

fn refuse_header(error: CallError) -> Outcome {
    match error {
        CallError::Malformed(_) => Outcome::Close,
        CallError::NotACall { .. } => Outcome::Silence,
        CallError::RpcMismatch { xid, .. } => Outcome::Reply(Reply::header_only(&ReplyHeader::rpc_mismatch(xid))),
        CallError::BadCredential { xid } => {
            Outcome::Reply(Reply::header_only(&ReplyHeader::auth_error(xid, AuthStat::BadCredential)))
        }
        CallError::BadVerifier { xid } => {
            Outcome::Reply(Reply::header_only(&ReplyHeader::auth_error(xid, AuthStat::BadVerifier)))
        }
    }
}

/// Errors, in order: `PROG_UNAVAIL` (not served on this port), `PROG_MISMATCH`.
fn check_program(caller: &Caller, header: &CallHeader) -> Result<(), AcceptStat> {
    let versions = match (caller.role, header.program) {
        // Over datagrams it would have no flow control, and replies larger than their fragments survive.
        (Role::Nfs, NFS_PROGRAM) if !caller.is_datagram => 3..=3,
        (Role::Nfs, MOUNT_PROGRAM) => mount::VERSIONS,
        (Role::Nfs, NLM_PROGRAM) => 4..=4,
        (Role::Nfs, NSM_PROGRAM) => nsm::VERSIONS,
        (Role::Nfs, RQUOTA_PROGRAM) => rquota::VERSIONS,
        (Role::Portmap, PORTMAP_PROGRAM) => portmap::VERSIONS,
        _ => return Err(AcceptStat::ProgUnavail),
    };
    if versions.contains(&header.version) {
        return Ok(());
    }
    Err(AcceptStat::ProgMismatch { low: *versions.start(), high: *versions.end() })
}

/// Whether a call may do what it does to locks. Any user of a machine may send a datagram, under any address that its
/// network lets through; one that changes locks must come from a port that users cannot have. What frees all locks of a
/// client must, over TCP too: clients send it from such ports (Linux `sm-notify` and `lockd`).
fn may_change_locks(caller: &Caller, header: &CallHeader) -> bool {
    let frees_all = matches!(
        (header.program, header.procedure),
        (NLM_PROGRAM, wire_nlm4::FreeAll::NUMBER) | (NSM_PROGRAM, wire_nsm::Notify::NUMBER)
    );
    let changes_some = header.program == NLM_PROGRAM
        && !matches!(header.procedure, wire_nlm4::Null::NUMBER | wire_nlm4::Test::NUMBER | wire_nlm4::TestMsg::NUMBER);
    caller.has_reserved_port || !(frees_all || changes_some && caller.is_datagram)
}

/// Who a credential says is calling.
///
/// Errors, in order: `AUTH_REJECTEDCRED` (a flavor that is not spoken here), `AUTH_BADCRED` (it does not decode).
fn identity(credential: &OpaqueAuth) -> Result<Identity, AuthStat> {
    match credential.flavor {
        AuthFlavor::NONE => Ok(security::auth_none::identity()),
        AuthFlavor::SYS => {
            let token = AuthSys::from_credential(credential).map_err(|_| AuthStat::BadCredential)?;
            Ok(security::auth_sys::identity(token.uid, token.gid, &token.gids))
        }
        _ => Err(AuthStat::RejectedCredential),
    }
}
