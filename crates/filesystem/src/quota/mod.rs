//! Quotas: a directory's counters are there anyway, so a quota is a limit on them and nothing has to be counted first.
//!
//! What is written and not flushed yet is in no counter: it is *reserved* in the ledger of the shard before the write is
//! acknowledged, and becomes usage in the change that names it, in one step. So a flush fails for no quota.
//!
//! What users and groups own is counted at the root of a shard, and at directories with quotas of theirs only.

mod advance;
mod bind;
mod count;
mod domain;
mod ledger;
mod owners;
mod refusals;
mod report;
mod reserve;
mod set;
mod tree;

pub(crate) use advance::Advance;
pub(crate) use bind::QuotaEffects;
pub(crate) use ledger::{Held, Ledger, QuotaLedger};
pub(crate) use refusals::Refuser;
pub(crate) use reserve::{Growth, Reserving};

#[cfg(test)]
mod tests;
