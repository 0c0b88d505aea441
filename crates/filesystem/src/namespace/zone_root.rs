//! The base directories of access zones: each that is made here becomes the root of a shard of its own.

use meta::Version;
use meta::records::{AllocatorRecord, DentryRecord, InodeRecord, OwnerUsageRecord, ShardRecord, UsageRecord};
use meta::{Change, ShardClock, keys};
use vfs::{
    Case, Change as AttributeChange, Credentials, Epoch, Failure, FileType, FsError, InodeId, InodeNumber, Name,
    OpContext, Principal, SetAttributes, ShardId, TreeId, ZoneRootReply, ZoneRootRequest,
};

use super::create::{NewInode, create_new, new_record};
use crate::Filesystem;
use crate::attributes::apply;
use crate::cache::Seen;
use crate::shard::{Shard, ShardState};
use crate::turn::{Step, Turn, of_record};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_zone_root(&self, request: ZoneRootRequest) -> Result<ZoneRootReply, Failure> {
        for _ in 0..RACES_MAX {
            match self.find_or_make_root(&request).await {
                // Somebody made a directory of that name meanwhile: it is taken as it is.
                Err(failure) if failure.error == FsError::Exists => {}
                done => return done,
            }
        }
        Err(FsError::Delay.into())
    }

    async fn find_or_make_root(&self, request: &ZoneRootRequest) -> Result<ZoneRootReply, Failure> {
        let mut at = InodeId::root_of(ShardId::ROOT);
        let mut path = request.base.iter().peekable();
        while let Some(name) = path.next() {
            at = match self.sub_directory(at, name).await? {
                Some(found) => found,
                None if path.peek().is_some() => self.make_directory(at, name, &request.attributes).await?,
                None => self.make_shard(at, name, request).await?,
            };
        }
        Ok(ZoneRootReply { attributes: self.settled_attributes(at).await? })
    }

    async fn sub_directory(&self, directory: InodeId, name: &Name) -> Result<Option<InodeId>, Failure> {
        let mut seen = Seen::default();
        match self.entry(directory, (name, Case::Sensitive), &mut seen).await? {
            Some(found) if found.dentry.file_type != FileType::Directory => Err(FsError::NotDirectory.into()),
            found => Ok(found.map(|found| found.target)),
        }
    }

    async fn make_directory(
        &self,
        parent: InodeId,
        name: &Name,
        attributes: &SetAttributes,
    ) -> Result<InodeId, Failure> {
        let ctx = OpContext::internal(parent);
        let new = NewInode::of(FileType::Directory, attributes.clone());
        let made = self.mutate(parent.shard, |turn| {
            let record = turn.live(parent)?;
            let before = turn.attributes(parent, &record);
            if turn.find(parent, name)?.is_some() {
                return Err(FsError::Exists.into());
            }
            create_new(turn, &ctx, (&before, name), &new)
        });
        Ok(made.await?.attributes.inode)
    }

    /// A new shard, hung into its parent's directory in the same change.
    async fn make_shard(&self, parent: InodeId, name: &Name, request: &ZoneRootRequest) -> Result<InodeId, Failure> {
        let _one_at_a_time = self.shards.making.lock().await;
        if let Some(found) = self.sub_directory(parent, name).await? {
            return Ok(found);
        }
        let id = self.next_shard().await?;
        let record = ShardRecord {
            base: request.base.clone(),
            parent,
            clock: ShardClock { current: Epoch(1), newest_snapshot: None },
            fsid: u64::from(id.0),
            created: self.clock.now(),
        };
        let (change, state) = self.new_shard(id, record, &request.attributes);
        // While nobody can make names in it.
        self.records.names.begin(InodeId::root_of(id));
        let hang = |turn: &mut Turn<'_, K, C>| hang_in(turn, (parent, name), id, &change);
        self.mutate(parent.shard, hang).await?;
        self.shards.add(Shard::new(id, state, (Vec::new(), Vec::new())));
        Ok(InodeId::root_of(id))
    }

    /// The records of a shard without content.
    pub(crate) fn new_shard(&self, id: ShardId, record: ShardRecord, set: &SetAttributes) -> (Change, ShardState) {
        let root = InodeId::root_of(id);
        let mut inode = root_record(self.clock.now(), self.next_change(), record.clock.current);
        apply(&mut inode, &Credentials::root(), set, self.clock.now());
        let charge = of_record(&inode);
        let reserved = AllocatorRecord { next_inode: InodeNumber(2), next_intent: 1, ..AllocatorRecord::default() };
        let mut change = Change::new();
        change.put_record(keys::shard(id), &record);
        change.put_record(keys::allocator(id), &reserved);
        change.put_record(keys::inode(root), &inode);
        let usage = UsageRecord { born: record.clock.current, inodes: 1, ..UsageRecord::default() };
        change.put_record(keys::usage(root), &usage);
        for (kind, owner) in [(keys::OwnerKind::User, &inode.owner), (keys::OwnerKind::Group, &inode.group)] {
            let counted = OwnerUsageRecord { ready: true, ..OwnerUsageRecord::default() };
            let counted = counted.plus(&charge).unwrap_or(counted);
            change.put_record(keys::owner_usage(root, kind, owner), &counted);
        }
        let (next_inode, next_intent) = (reserved.next_inode, reserved.next_intent);
        let state =
            ShardState { next_inode, next_intent, reserved, record, is_sharing: false, kept: 0, drops: 0, marks: 0 };
        (change, state)
    }

    /// Takes the next number of a shard, durably.
    async fn next_shard(&self) -> Result<ShardId, Failure> {
        let key = keys::allocator(keys::STORE);
        let read = self.meta.read(&key).await.map_err(|error| self.refuse(&error))?;
        let mut numbers = match read {
            Some(value) => decode(&key, &value).map_err(|error| self.refuse(&error))?,
            None => AllocatorRecord::default(),
        };
        let id = ShardId(numbers.next_shard.0.max(ShardId::ROOT.0 + 1));
        numbers.next_shard = ShardId(id.0 + 1);
        let mut change = Change::new();
        change.put_record(key, &numbers);
        let version: Version = self.meta.submit(change).map_err(|error| self.refuse(&error))?;
        self.settle(version).await?;
        Ok(id)
    }
}

fn decode<R: meta::Record>(key: &keys::Key, value: &[u8]) -> Result<R, meta::MetaError> {
    R::decode_at(key, value)
}

fn hang_in<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    (parent, name): (InodeId, &Name),
    shard: ShardId,
    records: &Change,
) -> Step<AttributeChange> {
    let record = turn.directory(parent)?;
    let before = turn.attributes(parent, &record).pre();
    if turn.find(parent, name)?.is_some() {
        return Err(FsError::Exists.into());
    }
    let dentry = DentryRecord {
        born: turn.clock().current,
        name: name.clone(),
        tree: TreeId::LIVE,
        number: InodeNumber::ROOT,
        shard: Some(shard),
        file_type: FileType::Directory,
    };
    turn.add_dentry(parent, dentry)?;
    for (key, value) in records.writes() {
        turn.write_plain(key.clone(), value);
    }
    let after = turn.touch_directory(parent, 1, 1)?;
    Ok(AttributeChange { before, after })
}

/// The root directory of a shard: its own parent, owned by root.
fn root_record(now: vfs::Timestamp, change: u64, born: Epoch) -> InodeRecord {
    let new = NewInode::of(FileType::Directory, SetAttributes::default());
    let mut record = new_record(&new, (InodeNumber::ROOT, born), (now, change));
    record.mode = ROOT_MODE;
    (record.owner, record.group) = (Principal::Unix(0), Principal::Unix(0));
    record
}

/// Mode of a directory that nobody set one for.
const ROOT_MODE: u16 = 0o755;
/// Times the root of a zone is looked for again because a client made a directory on its way.
const RACES_MAX: usize = 8;
