//! Typed call in, typed reply out, over the reference file system, through the bytes of the wire.

mod audit;
mod directories;
mod exports;
mod files;
mod garbage;
mod handles;
pub(crate) mod harness;
mod identities;
mod listings;
mod mounting;
mod names;
mod nlm_grants;
mod nlm_harness;
mod nlm_locks;
mod nsm;
pub(crate) mod outside;
mod peers;
mod permissions;
mod refusals;
mod replay;
mod rpc;
mod rquota;
mod sequences;
