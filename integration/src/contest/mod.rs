//! Good clients and hostile ones at one gateway, each with an address of its own, and what each was served.

mod attack;
mod cores;
mod good;
mod sockets;

pub use attack::{Attack, Hostile};
pub use cores::on_cores_apart;
pub use good::{Good, Work};
pub use sockets::{connect_from, raise_file_limit};
