//! What goes through the named pipes of `IPC$`: remote procedure calls of connection-oriented DCE/RPC (C706, MS-RPCE), with
//! their arguments in NDR of 32 bits.
//!
//! [`pdu`] takes fragments apart; what the fragments of a call carry together are the arguments of one of the messages in
//! [`srvsvc`], [`wkssvc`] and [`lsarpc`], named after the call as the specification spells it. Unlike elsewhere in this
//! crate, lists of arguments are read into vectors: they never hold more than stands in the message.

pub mod lsarpc;
pub mod ndr;
pub mod pdu;
pub mod srvsvc;
pub mod wkssvc;
