//! Calls that are the same every time, and look-ups.

use std::sync::Arc;

use anyhow::Result;
use nfs_wire::nfs3::{
    Access, AccessArgs, DirOpArgs, Filename, Getattr, GetattrArgs, Lookup, LookupArgs, Null, access_rights,
};

use load::{Next, Operation, Random};

use super::{Names, done};
use crate::prepare::Ground;
use crate::rpc::{Call, Reply};

/// One call, again and again.
pub(crate) struct Fixed {
    call: Call,
    has_status: bool,
}

pub(crate) fn null() -> Fixed {
    Fixed { call: Call::new::<Null>(&()), has_status: false }
}

pub(crate) fn getattr(ground: &Ground) -> Fixed {
    Fixed { call: Call::new::<Getattr>(&GetattrArgs { object: ground.file.clone() }), has_status: true }
}

pub(crate) fn access(ground: &Ground) -> Fixed {
    let access = access_rights::READ | access_rights::MODIFY | access_rights::EXTEND;
    Fixed { call: Call::new::<Access>(&AccessArgs { object: ground.file.clone(), access }), has_status: true }
}

impl Operation<Call, Reply> for Fixed {
    fn begin(&mut self) -> Option<Call> {
        Some(self.call.clone())
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        if self.has_status { done(reply, 0) } else { Ok(Next::Done { operations: 1, bytes: 0 }) }
    }
}

/// LOOKUP of one name after the other.
pub(crate) struct Lookups {
    calls: Vec<Call>,
    at: usize,
}

impl Lookups {
    pub(crate) fn new(ground: &Ground, number: usize) -> Self {
        let call = |name: &Filename| {
            let what = DirOpArgs { dir: ground.folder.clone(), name: name.clone() };
            Call::new::<Lookup>(&LookupArgs { what })
        };
        Self { calls: ground.some_names.iter().map(call).collect(), at: number }
    }
}

impl Operation<Call, Reply> for Lookups {
    fn begin(&mut self) -> Option<Call> {
        self.at += 1;
        self.calls.get(self.at % self.calls.len().max(1)).cloned()
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        done(reply, 0)
    }
}

/// LOOKUP of any of many names.
pub(crate) struct LookupsAny {
    names: Arc<Names>,
    random: Random,
}

impl LookupsAny {
    pub(crate) fn new(ground: &Ground, number: usize) -> Self {
        Self { names: Arc::clone(&ground.old_names), random: Random::new(number as u64) }
    }
}

impl Operation<Call, Reply> for LookupsAny {
    fn begin(&mut self) -> Option<Call> {
        self.names.any(&mut self.random).map(|what| Call::new::<Lookup>(&LookupArgs { what }))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        done(reply, 0)
    }
}
