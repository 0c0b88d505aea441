//! What every door does with its connections: who is let in, whose turn it is, how much they hold, and how replies go out.
//!
//! A protocol is none of its business. A door takes a [`Place`] for each connection, [`Turns`] on the thread that serves
//! it, and a [`Share`] of the bytes that all may hold; calls are polled in a [`Slot`], replies gathered in an [`Output`].
//! Doors that share [`Threads`] share the threads fairly too.

mod client;
mod connection;
mod connections;
mod fair;
mod held;
mod large;
mod latency;
mod output;
mod settings;
mod slot;
mod spawner;
mod streams;

pub use client::{client_id, client_network};
pub use connection::{Connection, Distrusted, Ended, Protocol};
pub use connections::{ConnectionFigures, Connections, Limits, Place, Seat};
pub use fair::{Allowance, Threads, Turns, Who};
pub use held::{HeldBytes, Share};
pub use large::LargeRecord;
pub use latency::{Histogram, LATENCY_BOUNDS_US, LatencyFigures};
pub use output::Output;
pub use settings::ConnectionSettings;
pub use slot::{Finished, Slot, Waiting, poll_slot};
pub use spawner::Spawner;
pub use streams::{ACCEPT_PAUSE, prepare_stream, stopped};
