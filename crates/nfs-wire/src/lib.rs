//! XDR, ONC RPC, portmap, MOUNT, NFSv3, NLM and NSM as types: encode and decode, bytes only.
//!
//! No sockets, no clock, no file system: a server reads bytes into a buffer, [`rpc::RecordReader`] cuts them into
//! records, [`rpc::CallHeader`] says which [`rpc::Procedure`] is called, and the procedure's `Args` and `Result` are
//! plain values. Both directions exist for every type, so that tests and load generators can be clients.
//!
//! No decoder panics, and none allocates by a length that was only announced.

pub mod catalogue;
pub mod mount;
pub mod nfs3;
pub mod nlm4;
pub mod nsm;
pub mod portmap;
pub mod rpc;
pub mod rquota;
pub mod xdr;

#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod sample;
