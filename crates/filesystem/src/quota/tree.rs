//! The directories above files that have something reserved, each with the sum of what is below it, so that a directory
//! that moves takes along what is reserved below it.
//!
//! They stand in a slab and know each other by their places: a write climbs without looking anything up.

use std::collections::HashMap;

use slab::Slab;
use vfs::InodeId;

use super::Held;
use super::ledger::Step;
use crate::cache::Seeded;

/// Where a directory stands; as long as something below it does.
pub(super) type Place = usize;

/// A directory with something reserved below it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) directory: InodeId,
    /// `None` at the root of the shard.
    parent: Option<Place>,
    pub(super) held: Held,
    /// Its quota, if it has one.
    pub(super) quota: Option<Bound>,
    /// Files and directories directly in it that stand here.
    entries: u32,
}

/// The quota of a directory as a write meets it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    /// Where it stands.
    pub(super) place: usize,
    /// As long as no more is reserved than this, nothing forbids it: there is no need to look closer.
    pub(super) room: Held,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Slab<Node>,
    places: HashMap<InodeId, Place, Seeded>,
}

impl Tree {
    /// Where a directory stands.
    pub(super) fn place(&self, directory: InodeId) -> Option<Place> {
        self.places.get(&directory).copied()
    }

    /// What stands there.
    pub(super) fn at(&self, place: Place) -> Option<&Node> {
        self.nodes.get(place)
    }

    /// The node of a directory.
    pub(super) fn find(&self, directory: InodeId) -> Option<&Node> {
        self.at(self.place(directory)?)
    }

    /// A directory gets a quota, or loses it. Nobody is asked for it where nothing is reserved below.
    pub(super) fn set_quota(&mut self, directory: InodeId, quota: impl FnOnce() -> Option<Bound>) {
        if let Some(node) = self.place(directory).and_then(|place| self.nodes.get_mut(place)) {
            node.quota = quota();
        }
    }

    /// Makes sure that the directories of a chain, the lowest first, stand here: `up` names the next one of each, `quota` the
    /// quota of one.
    ///
    /// Errors: what `up` misses; nothing has changed then.
    pub(super) fn stand<E>(
        &mut self,
        first: InodeId,
        mut up: impl FnMut(InodeId) -> Result<Option<InodeId>, E>,
        quota: impl Fn(InodeId) -> Option<Bound>,
    ) -> Result<Place, E> {
        let (mut missing, mut at) = (Vec::new(), Some(first));
        let mut place = None;
        while let Some(directory) = at {
            place = self.place(directory);
            if place.is_some() {
                break;
            }
            at = up(directory)?;
            missing.push(directory);
        }
        for directory in missing.into_iter().rev() {
            place.into_iter().for_each(|above| self.enter(above));
            let node = Node { directory, parent: place, held: Held::default(), quota: quota(directory), entries: 0 };
            let new = self.nodes.insert(node);
            self.places.insert(directory, new);
            place = Some(new);
        }
        Ok(place.unwrap_or_default())
    }

    /// What stands at a place and all above it.
    pub(super) fn above(&self, place: Place) -> impl Iterator<Item = &Node> {
        std::iter::successors(self.nodes.get(place), |node| self.nodes.get(node.parent?))
    }

    /// Whether nothing above forbids that so much more is reserved, without looking closer.
    pub(super) fn has_room(&self, place: Place, growth: Held) -> bool {
        self.above(place).all(|node| node.quota.is_none_or(|bound| node.held.plus(growth).fits(bound.room)))
    }

    /// So much more or less is reserved below a place and all above it. `note` hears of each.
    pub(super) fn add(&mut self, place: Place, step: Step, mut note: impl FnMut(&Node)) {
        let mut at = Some(place);
        while let Some(node) = at.and_then(|at| self.nodes.get_mut(at)) {
            node.held = node.held.after(step);
            at = node.parent;
            note(node);
        }
    }

    /// Something more stands directly in a directory.
    pub(super) fn enter(&mut self, place: Place) {
        if let Some(node) = self.nodes.get_mut(place) {
            node.entries += 1;
        }
    }

    /// Something less does.
    pub(super) fn leave(&mut self, place: Place) {
        if let Some(node) = self.nodes.get_mut(place) {
            node.entries = node.entries.saturating_sub(1);
        }
        self.fell(place);
    }

    /// Takes out directories below which nothing stands any more.
    pub(super) fn fell(&mut self, place: Place) {
        let mut at = Some(place);
        while let Some(place) = at.filter(|place| self.nodes.get(*place).is_some_and(|node| node.entries == 0)) {
            let node = self.nodes.remove(place);
            self.places.remove(&node.directory);
            at = node.parent;
            if let Some(above) = at.and_then(|above| self.nodes.get_mut(above)) {
                above.entries = above.entries.saturating_sub(1);
            }
        }
    }

    /// A directory that stands here has another one above it.
    pub(super) fn set_parent(&mut self, place: Place, parent: Place) {
        if let Some(node) = self.nodes.get_mut(place) {
            node.parent = Some(parent);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.places.is_empty()
    }
}
