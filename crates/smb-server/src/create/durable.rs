//! Durable opens of CREATE (MS-SMB2 3.3.5.9.6, 3.3.5.9.10): what is asked for, and what is granted.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use smb_wire::create::{
    CreateRequestContext, CreateResponseContext, DurableFlags, DurableGranted, DurableReconnect, DurableRequest,
};
use smb_wire::negotiate::Dialect;
use smb_wire::{FileId, Status};
use vfs::{Attributes, FileType, LeaseGrant, Vfs};

use crate::dispatch::Call;
use crate::durable::{Claim, Durable, Found, Owner, TIMEOUT_CONTINUOUS, TIMEOUT_DEFAULT, TIMEOUT_MAX};
use crate::open_table::Open;
use crate::tree::{Disk, Tree};

/// An open that is to outlive its connection, or did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// A new one.
    First,
    /// A new one, whose request has a name.
    Second(DurableRequest),
    /// One that is there.
    Again(Reconnect),
}

/// An open that its client takes up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reconnect {
    First(FileId),
    Second(DurableReconnect),
}

/// Whether a request is new.
pub(super) enum Asking {
    /// It is; its name is taken, if it has one.
    New(Option<Arc<Claim>>),
    /// It waited when its connection was lost, and waits no more.
    Lost(Arc<Claim>),
    /// It made this open of the session, and is sent again.
    Again(Arc<Open>),
    /// It made this open, which waits for its client.
    Back(Arc<Open>),
}

impl Durability {
    /// What a context asks for; the second version came with SMB 3.
    pub(super) fn of(context: CreateRequestContext<'_>, dialect: Dialect) -> Option<Self> {
        let has_second = dialect.0 >= Dialect::SMB_3_0.0;
        match context {
            CreateRequestContext::DurableRequestV1 => Some(Self::First),
            CreateRequestContext::DurableReconnectV1(file_id) => Some(Self::Again(Reconnect::First(file_id))),
            CreateRequestContext::DurableRequestV2(request) if has_second => Some(Self::Second(request)),
            CreateRequestContext::DurableReconnectV2(again) if has_second => {
                Some(Self::Again(Reconnect::Second(again)))
            }
            _ => None,
        }
    }

    /// This beside another context of the request.
    ///
    /// Errors: INVALID_PARAMETER. Only in the first version one may ask for both (MS-SMB2 3.3.5.9.7).
    pub(super) fn beside(self, other: Option<Self>) -> Result<Self, Status> {
        match (self, other) {
            (only, None) => Ok(only),
            (again @ Self::Again(Reconnect::First(_)), Some(Self::First))
            | (Self::First, Some(again @ Self::Again(Reconnect::First(_)))) => Ok(again),
            _ => Err(Status::INVALID_PARAMETER),
        }
    }

    /// What makes an open persistent, where that is asked for and the share is continuously available (MS-SMB2 3.3.5.9.10).
    pub(super) fn persistent<V>(self, call: &Call<'_, V>, (tree, disk): (&Tree, &Disk)) -> Option<Durable> {
        let Self::Second(request) = self else { return None };
        let is_possible =
            request.flags.contains(DurableFlags::PERSISTENT) && disk.share.is_continuous() && call.session.is_proved();
        let timeout = timeout(request, TIMEOUT_CONTINUOUS);
        let (create_guid, owner) = (Some(request.create_guid), owner(call, tree));
        is_possible.then_some(Durable { create_guid, timeout, is_persistent: true, owner })
    }

    /// What makes an open durable that was granted this; `None` where nobody would be asked before others use the file.
    pub(super) fn granted<V>(
        self,
        call: &Call<'_, V>,
        tree: &Tree,
        (attributes, grant): (&Attributes, LeaseGrant),
    ) -> Option<Durable> {
        let is_file = attributes.file_type == FileType::Regular;
        let is_possible = is_file && grant.state.handle && call.session.is_proved();
        let (create_guid, timeout) = match self {
            Self::First => (None, TIMEOUT_MAX),
            Self::Second(request) => (Some(request.create_guid), timeout(request, TIMEOUT_DEFAULT)),
            Self::Again(_) => return None,
        };
        is_possible.then(|| Durable { create_guid, timeout, is_persistent: false, owner: owner(call, tree) })
    }
}

/// Who may take an open up again.
pub(super) fn owner<V>(call: &Call<'_, V>, tree: &Tree) -> Owner {
    Owner {
        zone: call.session.zone,
        share: tree.name.clone(),
        user: call.session.user.clone(),
        client: call.terms.client_guid,
    }
}

/// The context of an answer that tells that an open is durable.
pub(super) fn told(durable: &Durable) -> CreateResponseContext<'static> {
    if durable.create_guid.is_none() {
        return CreateResponseContext::DurableV1;
    }
    let timeout_ms = u32::try_from(durable.timeout.as_millis()).unwrap_or(u32::MAX);
    let flags = if durable.is_persistent { DurableFlags::PERSISTENT } else { DurableFlags::empty() };
    CreateResponseContext::DurableV2(DurableGranted { timeout_ms, flags })
}

/// Takes the name of a request, if it has one.
///
/// Errors: FILE_NOT_AVAILABLE (it is sent again while it is under way), DUPLICATE_OBJECTID (another has this name).
pub(super) fn ask<V: Vfs>(call: &Call<'_, V>, durability: Option<Durability>) -> Result<Asking, Status> {
    let Some(Durability::Second(request)) = durability else { return Ok(Asking::New(None)) };
    let key = (call.session.zone, call.terms.client_guid, request.create_guid);
    let claims = &call.door.facts.claims;
    match (claims.take(key), call.is_sent_again()) {
        (Found::New(claim), _) => Ok(Asking::New(Some(claim))),
        (Found::UnderWay, true) => {
            let lost = call.session.lost.take(|claim| claim.is(key));
            lost.map(Asking::Lost).ok_or(Status::FILE_NOT_AVAILABLE)
        }
        (Found::Open(open, session), true) if session == call.session.id => {
            // Who has used it knows its answer, and means another.
            let is_known = open.is_used.load(Ordering::Relaxed);
            Ok(if is_known { Asking::New(Some(claims.take_away(key))) } else { Asking::Again(open) })
        }
        (Found::Open(open, _), true) if call.door.facts.parked.find(open.id).is_some() => Ok(Asking::Back(open)),
        _ => Err(Status::DUPLICATE_OBJECTID),
    }
}

fn timeout(request: DurableRequest, default: Duration) -> Duration {
    match request.timeout_ms {
        0 => default,
        wanted => Duration::from_millis(wanted.into()).min(TIMEOUT_MAX),
    }
}
