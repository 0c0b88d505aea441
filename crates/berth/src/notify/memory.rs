//! What was told, so that it is not told again: in a file, which a restart finds.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use vfs::{Quota, QuotaDomain};

use crate::replace::{SECRET_MODE, replace};

/// What was told, by rule, quota and counter.
#[derive(Debug, Default)]
pub(super) struct Memory {
    file: PathBuf,
    told: BTreeMap<String, Told>,
    /// What was looked at since [`Memory::begin`]: all else is forgotten.
    looked_at: HashSet<String>,
    is_changed: bool,
    is_full: bool,
}

/// What was told of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    /// Whether it was exceeded when it was told.
    pub(super) is_over: bool,
    /// When, in seconds since 1970.
    pub(super) at: Option<i64>,
    /// How often something was denied since.
    pub(super) times: u64,
}

impl Told {
    pub(super) fn is_held_off(&self, (holdoff, now): (u64, i64)) -> bool {
        self.at.is_some_and(|at| now.saturating_sub(at) < holdoff.cast_signed())
    }
}

/// Names a counter of a quota under a rule.
pub(super) fn key((zone, label): (&str, &str), quota: &Quota, counter: &str) -> String {
    let directory = quota.directory;
    let whose = match &quota.domain {
        QuotaDomain::Directory => "all".to_owned(),
        QuotaDomain::EveryUser => "users".to_owned(),
        QuotaDomain::EveryGroup => "groups".to_owned(),
        QuotaDomain::User(owner) => format!("user {owner:?}"),
        QuotaDomain::Group(owner) => format!("group {owner:?}"),
    };
    let (shard, tree, number) = (directory.shard.0, directory.tree.0, directory.number.0);
    format!("{zone}\n{label}\n{shard}.{tree}.{number}\n{whose}\n{counter}")
}

impl Memory {
    /// What the file says; nothing where there is none. One that cannot be understood is begun anew: then something is told twice.
    pub(super) async fn load(file: PathBuf) -> Self {
        let from = file.clone();
        let told = match spawn_blocking(move || std::fs::read(from)).await {
            Ok(Ok(bytes)) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(file = %file.display(), %error, "what was told of quotas is not known any more");
                BTreeMap::new()
            }),
            _ => BTreeMap::new(),
        };
        Self { file, told, ..Self::default() }
    }

    /// A look begins.
    pub(super) fn begin(&mut self) {
        self.looked_at.clear();
    }

    /// A zone cannot be looked at now: what is known of it stays.
    pub(super) fn keep(&mut self, zone: &str) {
        let prefix = format!("{zone}\n");
        self.looked_at.extend(self.told.keys().filter(|key| key.starts_with(&prefix)).cloned());
    }

    pub(super) fn get(&self, key: &str) -> Option<Told> {
        self.told.get(key).copied()
    }

    /// What is known of one from now on; `None` when there is no room to remember it: then it must not be told, as it would be
    /// again and again.
    pub(super) fn put(&mut self, key: String, told: Option<Told>) -> Option<()> {
        let Some(told) = told else { return Some(()) };
        if self.told.len() >= ENTRIES_MAX && !self.told.contains_key(&key) {
            if !std::mem::replace(&mut self.is_full, true) {
                tracing::warn!(max = ENTRIES_MAX, "too many quotas want attention: some are not told");
            }
            return None;
        }
        self.is_changed |= self.told.get(&key) != Some(&told);
        self.told.insert(key.clone(), told);
        self.looked_at.insert(key);
        Some(())
    }

    /// A look is over: what it did not meet is forgotten, and the file says the rest.
    pub(super) async fn store(&mut self) {
        let before = self.told.len();
        self.told.retain(|key, _| self.looked_at.contains(key));
        self.is_full &= self.told.len() >= ENTRIES_MAX;
        if !std::mem::take(&mut self.is_changed) && before == self.told.len() {
            return;
        }
        let (file, text) = (self.file.clone(), serde_json::to_string(&self.told).unwrap_or_default());
        let written = spawn_blocking(move || replace(&file, &text, SECRET_MODE)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(file = %self.file.display(), %error, "what was told of quotas is not kept: a restart tells it again");
            self.is_changed = true;
        }
    }
}

/// Counters of quotas that are exceeded, or were told a short while ago.
const ENTRIES_MAX: usize = 65_536;
