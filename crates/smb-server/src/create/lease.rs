//! Oplocks and leases of CREATE (MS-SMB2 3.3.5.9, 3.3.5.9.8, 3.3.5.9.11): what is asked for, and what was granted.

use smb_wire::create::{
    CreateRequest, CreateResponseContext, LeaseContext, LeaseFlags, LeaseState as WireState, OplockLevel, ParentLease,
};
use smb_wire::negotiate::{Capabilities, Dialect};
use vfs::{LeaseGrant, LeaseKey, LeaseRequest, LeaseState};

use crate::dispatch::Call;

/// An oplock or a lease that is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    request: LeaseRequest,
    context: Option<LeaseContext>,
}

impl Asked {
    /// What the request asks for, if anything; a lease where the dialect has such.
    pub(super) fn of<V>(
        call: &Call<'_, V>,
        request: &CreateRequest<'_>,
        context: Option<LeaseContext>,
    ) -> Option<Self> {
        if request.oplock_level != OplockLevel::LEASE {
            let wanted = state_of(request.oplock_level)?;
            let request = LeaseRequest { wanted, key: None, parent: None, epoch: None };
            return Some(Self { request, context: None });
        }
        Self::lease(call, context)
    }

    /// The lease that a request names, whatever level it asks for.
    pub(super) fn lease<V>(call: &Call<'_, V>, context: Option<LeaseContext>) -> Option<Self> {
        let is_leasing = call.terms.capabilities.contains(Capabilities::LEASING);
        let mut context = context.filter(|_| is_leasing)?;
        if matches!(call.terms.dialect, Dialect::SMB_2_1) {
            // The second version came with SMB 3.
            context.v2 = None;
        }
        let client = u128::from_le_bytes(call.terms.client_guid.0);
        let key = |key| LeaseKey { zone: call.zone.id(), client, key: u128::from_le_bytes(key) };
        let has_parent = context.flags.contains(LeaseFlags::PARENT_LEASE_KEY_SET);
        let parent = context.v2.filter(|_| has_parent).map(|v2| key(v2.parent_key));
        let wanted = LeaseState {
            read: context.state.contains(WireState::READ),
            handle: context.state.contains(WireState::HANDLE),
            write: context.state.contains(WireState::WRITE),
        };
        let epoch = context.v2.map(|v2| v2.epoch);
        Some(Self {
            request: LeaseRequest { wanted, key: Some(key(context.key)), parent, epoch },
            context: Some(context),
        })
    }

    pub(super) fn request(&self) -> LeaseRequest {
        self.request
    }

    /// `OplockLevel` of the answer, and the context of a lease, in the version in which it was asked for first.
    pub(super) fn granted(&self, grant: LeaseGrant) -> (OplockLevel, Option<CreateResponseContext<'static>>) {
        let Some(asked) = self.context else { return (level_of(grant.state), None) };
        let parent = self.request.parent.filter(|_| grant.epoch.is_some());
        let mut flags = parent.map_or(LeaseFlags::empty(), |_| LeaseFlags::PARENT_LEASE_KEY_SET);
        if grant.is_breaking {
            flags |= LeaseFlags::BREAK_IN_PROGRESS;
        }
        let parent_key = parent.map_or([0; 16], |parent| parent.key.to_le_bytes());
        let v2 = grant.epoch.map(|epoch| ParentLease { parent_key, epoch });
        let context = LeaseContext { key: asked.key, state: wire_state(grant.state), flags, v2 };
        (OplockLevel::LEASE, Some(CreateResponseContext::Lease(context)))
    }
}

/// What an oplock caches; `None` for none and for what is no level.
pub(crate) fn state_of(level: OplockLevel) -> Option<LeaseState> {
    let (handle, write) = match level {
        OplockLevel::II => (false, false),
        OplockLevel::EXCLUSIVE => (false, true),
        OplockLevel::BATCH => (true, true),
        _ => return None,
    };
    Some(LeaseState { read: true, handle, write })
}

/// The oplock that caches this.
pub(crate) fn level_of(state: LeaseState) -> OplockLevel {
    match state {
        LeaseState { read: true, write: true, handle: true } => OplockLevel::BATCH,
        LeaseState { read: true, write: true, .. } => OplockLevel::EXCLUSIVE,
        LeaseState { read: true, .. } => OplockLevel::II,
        LeaseState { .. } => OplockLevel::NONE,
    }
}

/// `LeaseState` on the wire.
pub(crate) fn wire_state(state: LeaseState) -> WireState {
    let bits = [(state.read, WireState::READ), (state.handle, WireState::HANDLE), (state.write, WireState::WRITE)];
    bits.into_iter().filter(|(has, _)| *has).fold(WireState::empty(), |all, (_, bit)| all | bit)
}
