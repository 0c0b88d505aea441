//! Conversations with the door, in process and without sockets.

mod applications;
mod audit;
mod channels;
mod descriptors;
mod durable;
mod extended_attributes;
mod files;
mod garbage;
mod harness;
mod ioctl;
mod leases;
mod listings;
mod negotiating;
mod pipes;
mod protection;
mod quotas;
mod sessions;
mod streams;
mod symlinks;
mod tolerance;
mod trees;
mod waiting;
mod watching;
