//! Quotas of users and groups: what they own below a directory counts, whoever writes it.
//!
//! An owner without limits of their own has those for every user or group of the directory, by itself. Such an *account*
//! stands here only while something of it is reserved, or a soft limit of it is exceeded.

use std::collections::HashMap;

use meta::records::{OwnersRecord, QuotaRecord};
use slab::Slab;
use smallvec::SmallVec;
use vfs::{InodeId, Principal, QuotaUsage, Timestamp};

use super::Held;
use super::domain::{Domain, with};
use super::ledger::Step;
use crate::cache::{OwnerKey, Seeded};

/// Where an account stands; as long as something of it is reserved.
pub(super) type AccountPlace = usize;
/// The accounts that bind a file.
pub(super) type Accounts = SmallVec<[AccountPlace; 2]>;

/// All quotas of owners of a shard.
#[derive(Debug, Default)]
pub(crate) struct OwnerQuotas {
    directories: HashMap<InodeId, Owners, Seeded>,
    accounts: Slab<Account>,
}

/// Those of one directory.
#[derive(Debug, Default)]
struct Owners {
    counted: OwnersRecord,
    /// For every user, for every group.
    every: [Option<QuotaRecord>; 2],
    users: HashMap<Principal, AccountPlace, Seeded>,
    groups: HashMap<Principal, AccountPlace, Seeded>,
}

/// What one owner may have below one directory.
#[derive(Debug)]
struct Account {
    key: OwnerKey,
    domain: Domain,
    held: Held,
    /// Files with something reserved that count here.
    holders: u32,
}

impl OwnerQuotas {
    /// Whether no directory has any, and none counts owners.
    pub(crate) fn is_empty(&self) -> bool {
        self.directories.is_empty()
    }

    /// How many limits have been set.
    pub(crate) fn len(&self) -> usize {
        let of = |owners: &Owners| owners.every.iter().flatten().count() + owners.all().count();
        self.directories.values().map(of).sum()
    }

    /// How far a directory has come with counting its owners; `None` when it does not.
    pub(crate) fn counted(&self, directory: InodeId) -> Option<OwnersRecord> {
        self.directories.get(&directory).map(|owners| owners.counted)
    }

    /// Directories that have not counted all yet, or have something to remove.
    pub(crate) fn unfinished(&self) -> Option<(InodeId, OwnersRecord)> {
        let mut all = self.directories.iter().map(|(directory, owners)| (*directory, owners.counted));
        all.find(|(_, counted)| *counted != OwnersRecord::READY)
    }

    /// The directories with quotas of owners.
    pub(crate) fn directories(&self) -> impl Iterator<Item = InodeId> {
        self.directories.keys().copied()
    }

    /// Whether a directory has any limits.
    pub(crate) fn limits_any(&self, directory: InodeId) -> bool {
        self.directories.get(&directory).is_some_and(|owners| {
            let is_own = |place: &AccountPlace| self.accounts.get(*place).is_some_and(Account::is_own);
            owners.every.iter().any(Option::is_some) || owners.all().any(is_own)
        })
    }

    /// The limits for every user, or every group.
    pub(crate) fn every(&self, directory: InodeId, is_group: bool) -> Option<QuotaRecord> {
        self.directories.get(&directory)?.every.get(usize::from(is_group)).copied().flatten()
    }

    /// The limits of their own that owners have at a directory, and soft limits that others exceed.
    pub(crate) fn of_directory(&self, directory: InodeId) -> Vec<(OwnerKey, Domain)> {
        let places = self.directories.get(&directory).map(Owners::all);
        let accounts = places.into_iter().flatten().filter_map(|place| self.accounts.get(*place));
        accounts.map(|account| (account.key.clone(), account.domain.clone())).collect()
    }

    /// The limits that bind an owner, of whom `used` is used; `None` without any.
    pub(crate) fn domain(&self, key: &OwnerKey, used: QuotaUsage) -> Option<Domain> {
        match self.account(key) {
            Some(account) => Some(account.domain.clone()),
            None => self.every(key.0, key.1).map(|every| linked(every, used)),
        }
    }

    /// The account of an owner, if one stands: where, its limits, and what is reserved.
    pub(super) fn find(&self, key: &OwnerKey) -> Option<(AccountPlace, &Domain, Held)> {
        let place = self.place(key)?;
        self.accounts.get(place).map(|account| (place, &account.domain, account.held))
    }

    /// The directories of a chain that count owners, and how far they have come.
    pub(crate) fn counting(&self, chain: &[InodeId]) -> SmallVec<[(InodeId, OwnersRecord); 2]> {
        if self.directories.len() > chain.len() {
            return chain.iter().filter_map(|directory| Some((*directory, self.counted(*directory)?))).collect();
        }
        let counting = self.directories.iter().filter(|(directory, _)| chain.contains(directory));
        counting.map(|(directory, owners)| (*directory, owners.counted)).collect()
    }

    /// What is reserved of an owner.
    pub(crate) fn held(&self, key: &OwnerKey) -> Held {
        self.account(key).map_or_else(Held::default, |account| account.held)
    }

    /// The limits that bind a user and a group at directories.
    pub(super) fn binding(
        &self,
        directories: impl Iterator<Item = InodeId>,
        (owner, group): (&Principal, &Principal),
    ) -> SmallVec<[OwnerKey; 2]> {
        let mut keys = SmallVec::new();
        if self.is_empty() {
            return keys;
        }
        for directory in directories.filter(|directory| self.directories.contains_key(directory)) {
            let both = [(directory, false, owner.clone()), (directory, true, group.clone())];
            let binds = |key: &OwnerKey| self.account(key).is_some() || self.every(key.0, key.1).is_some();
            keys.extend(both.into_iter().filter(binds));
        }
        keys
    }

    /// Whether an account stands here, so that nobody has to say what is used of it.
    pub(super) fn stands(&self, key: &OwnerKey) -> bool {
        self.account(key).is_some()
    }

    /// Where an account stands, made when it does not: so much is used of it.
    pub(super) fn stand(&mut self, key: &OwnerKey, used: QuotaUsage) -> Option<AccountPlace> {
        let every = self.every(key.0, key.1);
        let owners = self.directories.get_mut(&key.0)?;
        if let Some(place) = owners.of(key.1).get(&key.2) {
            return Some(*place);
        }
        let account = Account { key: key.clone(), domain: linked(every?, used), held: Held::default(), holders: 0 };
        let place = self.accounts.insert(account);
        owners.of_mut(key.1).insert(key.2.clone(), place);
        Some(place)
    }

    /// The key of an account.
    pub(super) fn key(&self, place: AccountPlace) -> Option<&OwnerKey> {
        self.accounts.get(place).map(|account| &account.key)
    }

    /// The one of these that forbids that more is reserved.
    pub(super) fn refuser(&self, accounts: &Accounts, growth: Held, now: Timestamp) -> Option<&OwnerKey> {
        let refuser = accounts.iter().filter_map(|place| self.accounts.get(*place)).find(|account| {
            let before = with(&account.domain.used, account.held);
            account.domain.forbids((&before, &with(&before, growth)), now)
        });
        refuser.map(|account| &account.key)
    }

    /// Whether none of these forbids that so much more is reserved, without looking closer.
    pub(super) fn have_room(&self, accounts: &Accounts, growth: Held) -> bool {
        let mut accounts = accounts.iter().filter_map(|place| self.accounts.get(*place));
        accounts.all(|account| account.held.plus(growth).fits(account.domain.room()))
    }

    /// What a file has reserved in its accounts changes.
    pub(super) fn add(&mut self, accounts: &Accounts, step: Step, now: Timestamp) {
        for place in accounts {
            let Some(account) = self.accounts.get_mut(*place) else { continue };
            account.held = account.held.after(step);
            if account.domain.has_soft() {
                account.domain.note(&with(&account.domain.used, account.held), now);
            }
        }
    }

    /// A file has something reserved in these accounts from now on.
    pub(super) fn enter(&mut self, accounts: &Accounts) {
        for place in accounts {
            self.accounts.get_mut(*place).into_iter().for_each(|account| account.holders += 1);
        }
    }

    /// A file has nothing reserved any more.
    pub(super) fn leave(&mut self, accounts: &Accounts) {
        for place in accounts {
            self.accounts.get_mut(*place).into_iter().for_each(|account| account.holders -= 1);
        }
        self.drop_idle(accounts);
    }

    /// Accounts of owners without limits of their own go when nothing is reserved of them.
    pub(super) fn drop_idle(&mut self, accounts: &Accounts) {
        for place in accounts {
            let Some(account) = self.accounts.get(*place) else { continue };
            if account.holders > 0 || account.is_own() || account.domain.is_exceeded() {
                continue;
            }
            let (directory, is_group, owner) = self.accounts.remove(*place).key;
            if let Some(owners) = self.directories.get_mut(&directory) {
                owners.of_mut(is_group).remove(&owner);
            }
        }
    }

    /// So much is used of an account now.
    pub(super) fn count(&mut self, place: AccountPlace, used: QuotaUsage) {
        if let Some(account) = self.accounts.get_mut(place) {
            account.domain.used = used;
        }
    }

    /// A directory counts its owners so far, or not any more.
    pub(super) fn put_counted(&mut self, directory: InodeId, counted: Option<OwnersRecord>) {
        match counted {
            Some(counted) => self.directories.entry(directory).or_default().counted = counted,
            None => self.let_go(directory),
        }
    }

    /// Puts limits of an owner in the place of what there was, or takes them away: those for all bind then.
    pub(super) fn put(&mut self, key: &OwnerKey, domain: Option<Domain>) {
        let every = self.every(key.0, key.1);
        let Some(owners) = self.directories.get_mut(&key.0) else { return };
        let Some(place) = owners.of(key.1).get(&key.2).copied() else {
            let Some(domain) = domain else { return };
            let place = self.accounts.insert(Account { key: key.clone(), domain, held: Held::default(), holders: 0 });
            owners.of_mut(key.1).insert(key.2.clone(), place);
            return self.drop_idle(&Accounts::from_slice(&[place]));
        };
        if let Some(account) = self.accounts.get_mut(place) {
            account.domain = domain.unwrap_or_else(|| linked(every.unwrap_or_default(), account.domain.used));
        }
        self.drop_idle(&Accounts::from_slice(&[place]));
    }

    /// Puts what was stored: of an owner without limits of their own since when those for all are exceeded.
    pub(super) fn put_loaded(&mut self, key: OwnerKey, stored: Domain) {
        let Domain { record, used, .. } = stored;
        if !record.linked {
            return self.put(&key, Some(stored));
        }
        let every = linked(self.every(key.0, key.1).unwrap_or_default(), used).record;
        let QuotaRecord { soft_since, inodes_since, .. } = record;
        let domain = Domain { record: QuotaRecord { soft_since, inodes_since, ..every }, stored: record, used };
        self.put(&key, Some(domain));
    }

    /// Sets the limits for every user, or every group: accounts without limits of their own have them.
    pub(super) fn put_every(&mut self, (directory, is_group): (InodeId, bool), every: Option<QuotaRecord>) {
        let Some(owners) = self.directories.get_mut(&directory) else { return };
        if let Some(place) = owners.every.get_mut(usize::from(is_group)) {
            *place = every;
        }
        let places: Accounts = owners.of(is_group).values().copied().collect();
        for place in &places {
            let Some(account) = self.accounts.get_mut(*place).filter(|account| !account.is_own()) else { continue };
            let Domain { record: QuotaRecord { soft_since, inodes_since, .. }, stored, used } = account.domain;
            let record = linked(every.unwrap_or_default(), used).record;
            account.domain = Domain { record: QuotaRecord { soft_since, inodes_since, ..record }, stored, used };
        }
        self.drop_idle(&places);
    }

    /// A directory is gone: nothing can be reserved below it.
    pub(super) fn forget(&mut self, directory: InodeId) {
        let counted = self.counted(directory);
        self.let_go(directory);
        if let Some(counted) = counted.filter(|counted| counted.is_clearing) {
            self.put_counted(directory, Some(counted));
        }
    }

    /// Accounts that files still have something reserved in go with the last of them.
    fn let_go(&mut self, directory: InodeId) {
        let Some(owners) = self.directories.remove(&directory) else { return };
        let places: Accounts = owners.all().copied().collect();
        for account in &places {
            let Some(account) = self.accounts.get_mut(*account) else { continue };
            account.domain = linked(QuotaRecord::default(), account.domain.used);
        }
        self.drop_idle(&places);
    }

    fn place(&self, key: &OwnerKey) -> Option<AccountPlace> {
        self.directories.get(&key.0)?.of(key.1).get(&key.2).copied()
    }

    fn account(&self, key: &OwnerKey) -> Option<&Account> {
        self.accounts.get(self.place(key)?)
    }
}

impl Owners {
    fn of(&self, is_group: bool) -> &HashMap<Principal, AccountPlace, Seeded> {
        if is_group { &self.groups } else { &self.users }
    }

    fn of_mut(&mut self, is_group: bool) -> &mut HashMap<Principal, AccountPlace, Seeded> {
        if is_group { &mut self.groups } else { &mut self.users }
    }

    fn all(&self) -> impl Iterator<Item = &AccountPlace> {
        self.users.values().chain(self.groups.values())
    }
}

impl Account {
    fn is_own(&self) -> bool {
        !self.domain.record.linked
    }
}

/// The limits of an owner that has none of their own.
pub(super) fn linked(every: QuotaRecord, used: QuotaUsage) -> Domain {
    let record = QuotaRecord { linked: true, soft_since: None, inodes_since: None, container: false, ..every };
    Domain { record, stored: record, used }
}
