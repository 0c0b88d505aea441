//! Setting, listing and loading quotas.

use std::collections::{BTreeSet, HashSet};

use kv::Direction;
use meta::MetaError;
use meta::keys::{self, KeyKind};
use meta::records::{DentryRecord, InodeRecord, OwnerUsageRecord, OwnersRecord, QuotaRecord, Record, UsageRecord};
use vfs::{
    Failure, FileType, FsError, InodeId, InodeNumber, Name, Principal, Quota, QuotaDomain, QuotaGuard, QuotaSettings,
    QuotaUsage, SetQuotaRequest, ShardId, TreeId,
};

use super::bind::SetQuota;
use super::domain::{Domain, used, used_by, with};
use super::{Held, Ledger};
use crate::Filesystem;
use crate::cache::{OwnerKey, Seen};
use crate::load::{kind_of, owner_key};
use crate::shard::Shard;
use crate::turn::{Step, Turn, of_record};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_set_quota(&self, request: SetQuotaRequest) -> Result<Option<Quota>, Failure> {
        if request.settings.is_some_and(|settings| !settings.are_valid()) {
            return Err(FsError::InvalidArgument.into());
        }
        let of_owners = request.domain != QuotaDomain::Directory;
        if of_owners && request.settings.is_some_and(|settings| settings.container) {
            return Err(FsError::InvalidArgument.into());
        }
        let directory = request.directory;
        let record = self.live(directory, &mut Seen::default()).await?;
        if record.file_type != FileType::Directory {
            return Err(FsError::NotDirectory.into());
        }
        let shard = self.shard(directory.shard)?;
        // So that nobody ends what another begins.
        let _one_at_a_time = self.shards.setting_quotas.lock().await;
        if !self.shards.begin_quotas(&shard) {
            // Who has the turn now does not know of it yet.
            drop(shard.turn());
            self.reserve_dirty(&shard).await.map_err(|error| self.refuse(&error))?;
        }
        let set = self.mutate(directory.shard, |turn| set_in_turn(turn, &request)).await;
        if of_owners && set.is_ok() {
            self.rebind_all(&shard).await.map_err(|error| self.refuse(&error))?;
        }
        self.shards.end_quotas(&shard);
        set?;
        if request.settings.is_none() {
            return Ok(None);
        }
        let all = self.quotas_of(&shard, (InodeId::root_of(directory.shard), directory)).await?;
        Ok(all.into_iter().find(|quota| quota.domain == request.domain && !quota.is_linked))
    }

    pub(crate) async fn do_quotas(&self, below: InodeId) -> Result<Vec<Quota>, Failure> {
        self.live(below, &mut Seen::default()).await?;
        let shard = self.shard(below.shard)?;
        let directories = shard.quotas.active().map_or_else(BTreeSet::new, |ledger| {
            ledger.domains().directories().chain(ledger.owners().directories()).collect()
        });
        let mut quotas = Vec::with_capacity(directories.len());
        for directory in directories {
            if self.chain_of(directory).await?.contains(&below) {
                quotas.extend(self.quotas_of(&shard, (below, directory)).await?);
            }
        }
        Ok(quotas)
    }

    /// All quotas of a directory: its own, those for every user and group, those of some, and those that come to owners
    /// without limits of their own.
    async fn quotas_of(&self, shard: &Shard, (below, directory): (InodeId, InodeId)) -> Result<Vec<Quota>, Failure> {
        let path = self.path_below((below, directory)).await?;
        let owners = self.owners_of(shard, directory).await?;
        let Some(ledger) = shard.quotas.active() else { return Ok(Vec::new()) };
        let quota = |domain: QuotaDomain, limits: &Domain, held| Quota {
            directory,
            path: path.clone(),
            domain,
            settings: limits.record.settings(),
            usage: with(&limits.used, held),
            bytes_since: limits.record.soft_since,
            inodes_since: limits.record.inodes_since,
            is_ready: true,
            is_linked: limits.record.linked,
        };
        let own = ledger.domains().get(directory);
        let mut all: Vec<_> =
            own.map(|own| quota(QuotaDomain::Directory, own, ledger.held_below(directory))).into_iter().collect();
        let is_ready = ledger.owners().counted(directory) == Some(OwnersRecord::READY);
        for (is_group, domain) in [(false, QuotaDomain::EveryUser), (true, QuotaDomain::EveryGroup)] {
            let every = ledger.owners().every(directory, is_group);
            let every = every.map(|every| Domain::new(every, QuotaUsage::default()));
            all.extend(every.map(|every| Quota { is_ready, ..quota(domain, &every, Held::default()) }));
        }
        for (key, used) in owners {
            let Some(limits) = ledger.owners().domain(&key, used) else { continue };
            let domain = if key.1 { QuotaDomain::Group(key.2.clone()) } else { QuotaDomain::User(key.2.clone()) };
            all.push(Quota { is_ready, ..quota(domain, &limits, ledger.owners().held(&key)) });
        }
        Ok(all)
    }

    /// Who may have limits at a directory, with what they use: those who own something below it, and those with limits of
    /// their own.
    async fn owners_of(&self, shard: &Shard, directory: InodeId) -> Result<Vec<(OwnerKey, QuotaUsage)>, Failure> {
        let stood = shard
            .quotas
            .active()
            .map(|ledger| ledger.owners().counted(directory).map(|_| ledger.owners().of_directory(directory)));
        let Some(Some(stood)) = stood else { return Ok(Vec::new()) };
        let mut owners: Vec<_> = stood.into_iter().map(|(key, domain)| (key, domain.used)).collect();
        let known: HashSet<_> = owners.iter().map(|(key, _)| key.clone()).collect();
        let range = keys::owner_usage_range(directory);
        let found = self.meta.scan(&range, OWNERS_SHOWN_MAX, Direction::Forward).await;
        for (key, value) in found.map_err(|error| self.refuse(&error))? {
            let kind = kind_of(&key).map_err(|error| self.refuse(&error))?;
            let KeyKind::OwnerUsage { kind, owner, .. } = kind else { continue };
            let usage = OwnerUsageRecord::decode_at(&key, &value).map_err(|error| self.refuse(&error))?;
            let key = (directory, kind == keys::OwnerKind::Group, owner);
            if !known.contains(&key) {
                owners.push((key, used_by(Some(&usage))));
            }
        }
        Ok(owners)
    }

    /// A directory and all above it; empty when one of them is gone.
    pub(super) async fn chain_of(&self, directory: InodeId) -> Result<Vec<InodeId>, Failure> {
        if self.is_going(directory) {
            return Ok(Vec::new());
        }
        let (mut chain, mut at) = (vec![directory], directory);
        while at != InodeId::root_of(at.shard) {
            let Some(record) = self.inode(at, &mut Seen::default()).await? else { return Ok(Vec::new()) };
            at = self.above(at, record.home_parent);
            chain.push(at);
        }
        Ok(chain)
    }

    /// The names that lead from one directory, or the root of the shard, to another.
    pub(crate) async fn path_below(&self, (below, directory): (InodeId, InodeId)) -> Result<Vec<Name>, Failure> {
        let (mut names, mut at) = (Vec::new(), self.at_top(directory));
        while at != InodeId::root_of(at.shard) && at != below {
            let record = self.live(at, &mut Seen::default()).await?;
            let parent = self.above(at, record.home_parent);
            let entry = self.stored::<DentryRecord>(parent, |parent| keys::dentry(parent, record.home_cookie)).await;
            let entry = entry.map_err(|error| self.refuse(&error))?.value.ok_or(FsError::StaleHandle)?;
            names.push(entry.name.clone());
            at = self.at_top(parent);
        }
        names.reverse();
        Ok(names)
    }

    /// The root of a tree as a snapshot has it is where the tree hangs now; anything else is itself.
    fn at_top(&self, directory: InodeId) -> InodeId {
        let Some(known) = self.known(directory) else { return directory };
        let present = directory.in_tree(known.record.tree);
        let is_root = || self.shards.find(present.shard).is_some_and(|shard| shard.clones.is_root(present));
        if present == InodeId::root_of(present.shard) || is_root() { present } else { directory }
    }

    /// Brings the quotas of a shard into its ledger, and reserves what is dirty: at a start, before anybody changes it.
    ///
    /// # Errors
    /// `Engine`, `Failed`, `Damaged`.
    pub(crate) async fn load_quotas(&self, shard: &Shard) -> Result<(), MetaError> {
        let (mut counted, mut loaded) = (Vec::new(), Vec::new());
        let clones = shard.clones.all().into_iter().filter(|known| !known.record.deleting);
        for tree in std::iter::once(TreeId::LIVE).chain(clones.map(|known| known.tree)) {
            counted.extend(self.load_counted((shard.id, tree)).await?);
            loaded.extend(self.load_limits((shard.id, tree)).await?);
        }
        if loaded.is_empty() && counted.is_empty() {
            return Ok(());
        }
        self.shards.begin_quotas(shard);
        if let Some(mut ledger) = shard.quotas.active() {
            put_loaded(&mut ledger, counted, loaded);
            shard.quotas.note_owners(&ledger);
        }
        self.reserve_dirty(shard).await
    }

    async fn load_limits(
        &self,
        (shard, tree): (ShardId, TreeId),
    ) -> Result<Vec<(InodeId, QuotaDomain, Domain)>, MetaError> {
        let found = self.meta.scan(&keys::quota_range(shard, tree), QUOTAS_MAX, Direction::Forward).await?;
        let mut loaded = Vec::with_capacity(found.len());
        for (key, value) in found {
            let KeyKind::Quota { directory, domain } = kind_of(&key)? else { continue };
            let directory = InodeId { shard, tree, number: directory };
            let record = QuotaRecord::decode_at(&key, &value)?;
            let used = self.stored_usage((directory, &domain)).await?;
            loaded.push((directory, domain, Domain::new(record, used)));
        }
        Ok(loaded)
    }

    /// How far the directories of a tree have counted their owners.
    async fn load_counted(&self, (shard, tree): (ShardId, TreeId)) -> Result<Vec<(InodeId, OwnersRecord)>, MetaError> {
        let found = self.meta.scan(&keys::owners_range(shard, tree), QUOTAS_MAX, Direction::Forward).await?;
        let mut counted = Vec::with_capacity(found.len());
        for (key, value) in found {
            let KeyKind::Owners(directory) = kind_of(&key)? else { continue };
            counted.push((InodeId { shard, tree, number: directory }, OwnersRecord::decode_at(&key, &value)?));
        }
        Ok(counted)
    }

    async fn stored_usage(&self, (directory, domain): (InodeId, &QuotaDomain)) -> Result<QuotaUsage, MetaError> {
        let owner = match domain {
            QuotaDomain::User(owner) => Some((directory, false, owner.clone())),
            QuotaDomain::Group(owner) => Some((directory, true, owner.clone())),
            QuotaDomain::EveryUser | QuotaDomain::EveryGroup => return Ok(QuotaUsage::default()),
            QuotaDomain::Directory => None,
        };
        let key = owner.as_ref().map_or_else(|| keys::usage(directory), owner_key);
        let Some(value) = self.meta.read(&key).await? else { return Ok(QuotaUsage::default()) };
        if owner.is_some() {
            return Ok(used_by(Some(&OwnerUsageRecord::decode_at(&key, &value)?)));
        }
        Ok(used(&UsageRecord::decode_at(&key, &value)?))
    }
}

fn put_loaded(ledger: &mut Ledger, counted: Vec<(InodeId, OwnersRecord)>, loaded: Vec<(InodeId, QuotaDomain, Domain)>) {
    let owners = ledger.owners_mut();
    counted.into_iter().for_each(|(directory, counted)| owners.put_counted(directory, Some(counted)));
    let of_owners = loaded.iter().filter(|(_, domain, _)| *domain != QuotaDomain::Directory);
    for root in
        of_owners.map(|(directory, ..)| *directory).filter(|directory| *directory == InodeId::root_of(directory.shard))
    {
        owners.put_counted(root, Some(OwnersRecord::READY));
    }
    // Those for all first: what is linked to them takes its limits from there.
    for (directory, domain, limits) in &loaded {
        if matches!(domain, QuotaDomain::EveryUser | QuotaDomain::EveryGroup) {
            owners.put_every((*directory, *domain == QuotaDomain::EveryGroup), Some(limits.record));
        }
    }
    for (directory, domain, limits) in loaded {
        match domain {
            QuotaDomain::Directory => ledger.put(directory, Some(limits)),
            QuotaDomain::User(owner) => ledger.owners_mut().put_loaded((directory, false, owner), limits),
            QuotaDomain::Group(owner) => ledger.owners_mut().put_loaded((directory, true, owner), limits),
            QuotaDomain::EveryUser | QuotaDomain::EveryGroup => {}
        }
    }
}

fn set_in_turn<K: kv::Engine, C: chunk::Store>(turn: &mut Turn<'_, K, C>, request: &SetQuotaRequest) -> Step<()> {
    let directory = request.directory;
    let record = turn.directory(directory)?;
    let (old, count) = match turn.shard.quotas.active() {
        Some(ledger) => (old_of(&ledger, request), ledger.domains().len() + ledger.owners().len()),
        None => (None, 0),
    };
    let is_meant = match (request.guard, &old) {
        (QuotaGuard::Any, _) | (QuotaGuard::Absent, None) => true,
        (QuotaGuard::Is(known), Some(old)) => old.record.settings() == known,
        (QuotaGuard::Absent, Some(_)) | (QuotaGuard::Is(_), None) => false,
    };
    if !is_meant {
        return Err(FsError::NotSync.into());
    }
    match (&request.settings, &old) {
        (None, None) => return Err(FsError::NotFound.into()),
        (Some(_), None) if count >= QUOTAS_MAX => return Err(FsError::NoSpace.into()),
        _ => {}
    }
    let used = match &request.domain {
        QuotaDomain::Directory => used(&turn.usage(directory)?),
        QuotaDomain::User(owner) => set_owners(turn, (directory, &record), Some((false, owner)))?,
        QuotaDomain::Group(owner) => set_owners(turn, (directory, &record), Some((true, owner)))?,
        QuotaDomain::EveryUser | QuotaDomain::EveryGroup => set_owners(turn, (directory, &record), None)?,
    };
    if request.settings.is_none() && request.domain != QuotaDomain::Directory {
        end_counting(turn, request);
    }
    let quota = request.settings.as_ref().map(|settings| domain(settings, old, used));
    turn.quota.set = Some(SetQuota { directory, domain: request.domain.clone(), quota });
    Ok(())
}

/// What somebody has set.
fn old_of(ledger: &Ledger, request: &SetQuotaRequest) -> Option<Domain> {
    let directory = request.directory;
    let of = |is_group, owner: &Principal| {
        let domain = ledger.owners().domain(&(directory, is_group, owner.clone()), QuotaUsage::default());
        domain.filter(|domain| !domain.record.linked)
    };
    let every = |is_group| ledger.owners().every(directory, is_group);
    match &request.domain {
        QuotaDomain::Directory => ledger.domains().get(directory).cloned(),
        QuotaDomain::User(owner) => of(false, owner),
        QuotaDomain::Group(owner) => of(true, owner),
        QuotaDomain::EveryUser => every(false).map(|record| Domain::new(record, QuotaUsage::default())),
        QuotaDomain::EveryGroup => every(true).map(|record| Domain::new(record, QuotaUsage::default())),
    }
}

/// A directory counts its owners from now on; what one uses so far. An empty one has counted them then.
///
/// Errors: `NoSpace`.
fn set_owners<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    (directory, record): (InodeId, &InodeRecord),
    owner: Option<(bool, &Principal)>,
) -> Step<QuotaUsage> {
    let (counted, of_directory) = turn.shard.quotas.active().map_or((None, 0), |ledger| {
        let owners = ledger.owners();
        (owners.counted(directory), owners.of_directory(directory).len())
    });
    if of_directory >= OWNER_QUOTAS_MAX {
        return Err(FsError::NoSpace.into());
    }
    if counted.is_none() {
        let is_empty = record.size == 0 && record.streams == 0;
        let is_root = directory == InodeId::root_of(directory.shard);
        if is_empty && !is_root {
            for (is_group, principal) in [(false, &record.owner), (true, &record.group)] {
                let key = (directory, is_group, principal.clone());
                let own = turn.owner_usage(&key)?.plus(&of_record(record)).ok_or(FsError::Io)?;
                turn.put_owner_usage(key, own);
            }
        }
        let counted = if is_empty || is_root { OwnersRecord::READY } else { OwnersRecord::default() };
        turn.quota.counted = Some((directory, Some(counted)));
    }
    let Some((is_group, owner)) = owner else { return Ok(QuotaUsage::default()) };
    let usage = turn.owner_usage(&(directory, is_group, owner.clone()))?;
    // What is about to be removed says nothing.
    Ok(if counted.is_some_and(|counted| counted.is_clearing) { QuotaUsage::default() } else { used_by(Some(&usage)) })
}

/// With the last quota of an owner a directory has nothing to count them for.
fn end_counting<K: kv::Engine, C: chunk::Store>(turn: &mut Turn<'_, K, C>, request: &SetQuotaRequest) {
    let directory = request.directory;
    let Some(is_last) = turn.shard.quotas.active().map(|ledger| {
        let every = [(false, QuotaDomain::EveryUser), (true, QuotaDomain::EveryGroup)];
        let every = every.iter().any(|(is_group, domain)| {
            ledger.owners().every(directory, *is_group).is_some() && *domain != request.domain
        });
        let own = ledger.owners().of_directory(directory).into_iter().any(|((_, is_group, owner), limits)| {
            let domain = if is_group { QuotaDomain::Group(owner) } else { QuotaDomain::User(owner) };
            !limits.record.linked && domain != request.domain
        });
        !every && !own
    }) else {
        return;
    };
    if is_last {
        let is_root = directory == InodeId::root_of(directory.shard);
        let clearing = OwnersRecord { counted_below: InodeNumber(0), is_clearing: true };
        turn.quota.counted = Some((directory, (!is_root).then_some(clearing)));
    }
}

/// The quota as it is to be: a limit that is exceeded already stays so since when it was.
fn domain(settings: &QuotaSettings, old: Option<Domain>, used: QuotaUsage) -> Domain {
    let stored = old.map(|old| old.stored).unwrap_or_default();
    let since =
        QuotaRecord { soft_since: stored.soft_since, inodes_since: stored.inodes_since, ..QuotaRecord::new(settings) };
    Domain { record: since, stored, used }
}

/// Most quotas of a shard.
pub(super) const QUOTAS_MAX: usize = 65_536;
/// Most users and groups with limits of their own at a directory: all go with it in one change.
const OWNER_QUOTAS_MAX: usize = 4096;
/// Most users and groups of one directory that are told.
const OWNERS_SHOWN_MAX: usize = 65_536;
