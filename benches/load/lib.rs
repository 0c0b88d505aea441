//! What the load generators share: closed-loop load over some connections, each with some operations in flight, counted
//! at the client, beside the CPU time of the server's process; wall-clock rates move with the machine, CPU per operation
//! does not.
//!
//! A generator brings a [`Protocol`], [`Operation`]s and a [`Load`]; [`measure`] does the rest.

mod connection;
mod limited;
mod operation;
mod pace;
mod random;
mod report;
mod run;
mod server_cpu;
mod stream;
mod tally;
mod window;

pub use connection::{Connection, Protocol, Received};
pub use limited::Limited;
pub use operation::{Next, Operation, Slots};
pub use pace::{Pace, Phase};
pub use random::Random;
pub use report::{Measured, Report, Subject};
pub use run::{Load, measure, runtime};
pub use server_cpu::ServerCpu;
pub use stream::{Output, Stream};
pub use tally::Tally;
pub use window::Window;
