//! The window over made-up figures, through the bytes of HTTP.

mod access;
mod asking;
mod audit;
mod clones;
mod documents;
mod exposition;
mod fake;
mod lists;
mod metrics;
mod openapi;
mod quotas;
mod reverts;
mod snapshots;
mod status;
