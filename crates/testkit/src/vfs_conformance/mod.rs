//! What every house must do, as tests that any of them runs: `vfs_conformance::all(&house, &clock).await`.
//!
//! One file per theme. Each theme works in a zone of its own, named after it, and turns the clock on before each
//! operation, so that times tell what changed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code that is a library because it runs in the tests of other crates"
)]

mod actor;
mod clones;
mod create;
mod descriptors;
mod directories;
mod files;
mod holes;
mod links;
mod listing;
mod lookup;
mod opens;
mod permissions;
mod remove;
mod rename;
mod set_attributes;
mod set_id;
mod special;
mod streams;
mod times;
mod watches;
mod xattrs;
mod zones;

use actor::Scene;
use vfs::Vfs;

use crate::ManualClock;

/// Runs the whole suite on a house that was made with this clock and has not run it before.
///
/// # Panics
/// When the house does not conform.
pub async fn all<V: Vfs>(house: &V, clock: &ManualClock) {
    Box::pin(create::all(&Scene::set("create", house, clock).await)).await;
    Box::pin(special::all(&Scene::set("special", house, clock).await)).await;
    Box::pin(directories::all(&Scene::set("directories", house, clock).await)).await;
    Box::pin(lookup::all(&Scene::set("lookup", house, clock).await)).await;
    Box::pin(files::all(&Scene::set("files", house, clock).await)).await;
    Box::pin(holes::all(&Scene::set("holes", house, clock).await)).await;
    Box::pin(clones::all(&Scene::set("clones", house, clock).await)).await;
    Box::pin(links::all(&Scene::set("links", house, clock).await)).await;
    Box::pin(remove::all(&Scene::set("remove", house, clock).await)).await;
    Box::pin(rename::all(&Scene::set("rename", house, clock).await)).await;
    Box::pin(listing::all(&Scene::set("listing", house, clock).await)).await;
    Box::pin(permissions::all(&Scene::set("permissions", house, clock).await)).await;
    Box::pin(descriptors::all(&Scene::set("descriptors", house, clock).await)).await;
    Box::pin(xattrs::all(&Scene::set("xattrs", house, clock).await)).await;
    Box::pin(streams::all(&Scene::set("streams", house, clock).await)).await;
    Box::pin(set_attributes::all(&Scene::set("set_attributes", house, clock).await)).await;
    Box::pin(set_id::all(&Scene::set("set_id", house, clock).await)).await;
    Box::pin(opens::all(&Scene::set("opens", house, clock).await)).await;
    Box::pin(watches::all(&Scene::set("watches", house, clock).await)).await;
    Box::pin(times::all(&Scene::set("times", house, clock).await)).await;
    Box::pin(zones::all(&Scene::set("zones", house, clock).await)).await;
}
