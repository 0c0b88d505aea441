//! One run of a sequence on one house: its registers, and what was seen so far.

use std::collections::HashMap;
use std::sync::Arc;

use vfs::{
    Attributes, Change, Failure, InodeId, Name, OpContext, Protocol, SetAttributes, ShardId, Timestamp, TreeId, Vfs,
    ZoneRootRequest,
};

use super::listing::Cursor;
use super::{CURSORS, Caller, DIRECTORY_REGISTERS, Outcome, REGISTERS, Register, SeenBefore, SeenInode};

/// Sequences applied to one house. Each session works in two zones of its own.
#[derive(Debug)]
pub struct Session<'a, V> {
    pub(super) house: &'a V,
    pub(super) cursors: Vec<Option<Cursor>>,
    registers: Vec<InodeId>,
    numbers: HashMap<InodeId, usize>,
    numbered: Vec<InodeId>,
    seen: HashMap<InodeId, Attributes>,
}

impl<'a, V: Vfs> Session<'a, V> {
    /// Makes the two zones, `base` and `base` with a `+`, with mode 0777.
    ///
    /// Errors: as `zone_root`.
    pub async fn begin(house: &'a V, base: &str) -> Result<Self, Failure> {
        let mut roots = Vec::new();
        for base in [base.to_owned(), format!("{base}+")] {
            let attributes = SetAttributes { mode: Some(0o777), ..SetAttributes::default() };
            let base = Name::try_from(base.as_str()).map_err(|_| vfs::FsError::InvalidArgument)?;
            let ctx = OpContext::internal(InodeId::root_of(ShardId::ROOT));
            let reply = house.zone_root(&ctx, ZoneRootRequest { base: vec![base], attributes }).await?;
            roots.push(reply.attributes.inode);
        }
        let mut registers = vec![roots.first().copied().unwrap_or_default(); usize::from(REGISTERS)];
        if let (Some(second), Some(root)) = (registers.get_mut(1), roots.get(1)) {
            *second = *root;
        }
        let cursors = (0..CURSORS).map(|_| None).collect();
        let mut session =
            Self { house, cursors, registers, numbers: HashMap::new(), numbered: Vec::new(), seen: HashMap::new() };
        for root in roots {
            session.number(root);
        }
        Ok(session)
    }

    /// Goes on with another house on the same store.
    #[must_use]
    pub fn on<'b>(self, house: &'b V) -> Session<'b, V> {
        let Self { cursors, registers, numbers, numbered, seen, .. } = self;
        Session { house, cursors, registers, numbers, numbered, seen }
    }

    /// A session that goes on in a clone where this one is now: what it holds of a tree, it holds of the clone.
    #[must_use]
    pub fn in_clone(&self, (shard, tree): (ShardId, TreeId), clone: TreeId) -> Self {
        let moved = |inode: InodeId| {
            if (inode.shard, inode.tree) == (shard, tree) { inode.in_tree(clone) } else { inode }
        };
        Self {
            house: self.house,
            cursors: (0..CURSORS).map(|_| None).collect(),
            registers: self.registers.iter().copied().map(moved).collect(),
            numbers: self.numbers.iter().map(|(inode, number)| (moved(*inode), *number)).collect(),
            numbered: self.numbered.iter().copied().map(moved).collect(),
            seen: HashMap::new(),
        }
    }

    /// From now on what is done to its second zone is done to the first.
    pub fn keep_to_first_zone(&mut self) {
        let first = self.inode(Register(0));
        self.registers.iter_mut().filter(|inode| inode.shard != first.shard).for_each(|inode| *inode = first);
    }

    /// Forgets where listings were and what was seen: as in a clone of where it is.
    pub fn begin_anew(&mut self) {
        self.cursors = (0..CURSORS).map(|_| None).collect();
        self.seen.clear();
    }

    /// The inode in a register.
    #[must_use]
    pub fn inode(&self, register: Register) -> InodeId {
        self.registers.get(usize::from(register.0 % REGISTERS)).copied().unwrap_or_default()
    }

    /// Keeps an inode; registers of directories take nothing else, only the last of the others takes directories too,
    /// and roots stay.
    pub(super) fn keep(&mut self, into: Register, attributes: &Attributes) {
        let index = into.0 % REGISTERS;
        let is_for_directories = index < DIRECTORY_REGISTERS || index == REGISTERS - 1;
        let is_for_others = index >= DIRECTORY_REGISTERS;
        let fits = index >= 2 && if attributes.is_directory() { is_for_directories } else { is_for_others };
        if let Some(register) = self.registers.get_mut(usize::from(index)).filter(|_| fits) {
            *register = attributes.inode;
        }
    }

    /// The context of a caller who works on an inode: `..` does not lead out of its zone.
    pub(super) fn context(caller: Caller, inode: InodeId) -> OpContext {
        let root = InodeId::root_of(inode.shard).in_tree(inode.tree);
        OpContext { credentials: Arc::new(caller.credentials()), protocol: Protocol::Nfs3, ..OpContext::internal(root) }
    }

    /// The time of change that was last seen of an inode.
    pub(super) fn last_changed(&self, inode: InodeId) -> Timestamp {
        self.seen.get(&inode).map_or_else(Timestamp::default, |attributes| attributes.changed)
    }

    /// The number of an inode by the order in which inodes were first seen.
    pub(super) fn number(&mut self, inode: InodeId) -> usize {
        let numbered = &mut self.numbered;
        *self.numbers.entry(inode).or_insert_with(|| {
            numbered.push(inode);
            numbered.len() - 1
        })
    }

    /// The inode with a number.
    pub(super) fn inode_of(&self, number: usize) -> Option<InodeId> {
        self.numbered.get(number).copied()
    }

    /// Notes an inode that a reply showed.
    pub(super) fn see(&mut self, outcome: &mut Outcome, attributes: &Attributes) -> SeenInode {
        self.check(outcome, attributes);
        self.seen.insert(attributes.inode, attributes.clone());
        SeenInode::new(self.number(attributes.inode), attributes)
    }

    pub(super) fn show(&mut self, outcome: &mut Outcome, attributes: &Attributes) {
        let seen = self.see(outcome, attributes);
        outcome.inodes.push(seen);
    }

    pub(super) fn show_change(&mut self, outcome: &mut Outcome, change: &Change) {
        self.check_before(outcome, change);
        outcome.before.push(SeenBefore::from(&change.before));
        self.show(outcome, &change.after);
    }

    /// The outcome of a failure. Its attributes are checked but not shown: a house need not send them.
    pub(super) fn fail(&self, failure: &Failure) -> Outcome {
        let mut outcome = Outcome::failed(failure.error);
        for attributes in failure.attributes.iter().chain(&failure.target) {
            self.check(&mut outcome, attributes);
        }
        outcome
    }

    /// Checks the change counter against what was seen of the inode before.
    fn check(&self, outcome: &mut Outcome, attributes: &Attributes) {
        if let Some(before) = self.seen.get(&attributes.inode) {
            let is_same = common(before) == common(attributes);
            if attributes.change < before.change || attributes.change == before.change && !is_same {
                outcome.faults.push(format!("change counter hides a change: {before:?} then {attributes:?}"));
            }
        }
    }

    fn check_before(&self, outcome: &mut Outcome, change: &Change) {
        let (before, after) = (&change.before, &change.after.pre());
        if before.change > after.change || before.change == after.change && before != after {
            outcome.faults.push(format!("change counter hides a change: {before:?} to {after:?}"));
        }
        let seen = self.seen.get(&change.after.inode);
        if seen.is_some_and(|seen| before.change < seen.change || before.change == seen.change && *before != seen.pre())
        {
            outcome.faults.push(format!("what was before is older than what was seen: {before:?} after {seen:?}"));
        }
    }
}

/// The part of the attributes that the change counter speaks for.
fn common(attributes: &Attributes) -> SeenInode {
    SeenInode { accessed: Timestamp::default(), ..SeenInode::new(0, attributes) }
}
