//! GETQUOTA and GETACTIVEQUOTA: of all limits that bind somebody at a directory, the one that leaves least.

use bytes::Bytes;
use nfs_wire::rquota::{QuotaResult, Rquota};
use vfs::{Credentials, OpContext, OwnerQuotasRequest, Principal, Quota, QuotaDomain, QuotaLimits, Timestamp, Vfs};
use zones::Asker;

use super::Call;
use crate::mount;

/// What is asked.
pub(super) struct Question<'q> {
    pub(super) path: &'q Bytes,
    pub(super) domain: QuotaDomain,
    pub(super) only_active: bool,
}

/// Errors, in order: `Q_NOQUOTA` (nothing is exported there to this client, or nothing is there), `Q_EPERM` (somebody else's),
/// `Q_NOQUOTA`.
pub(super) async fn answer<V: Vfs>(call: &Call<'_, V>, question: Question<'_>) -> QuotaResult {
    let mount = &call.mount;
    let Ok((inode, export)) = mount::find(mount, question.path).await else { return QuotaResult::None };
    let asker = Asker { identity: call.identity, client: mount.caller.client, clock: &*mount.door.clock };
    let Ok(let_in) = mount.zone.admit(&export, asker).await else { return QuotaResult::NotPermitted };
    if !may_know(&let_in.credentials, &question.domain) {
        return QuotaResult::NotPermitted;
    }
    let ctx = OpContext { zone: mount.zone.id(), ..OpContext::internal(inode) };
    let request = OwnerQuotasRequest { inode, domain: question.domain };
    let quotas = mount.door.vfs.owner_quotas(&ctx, request).await.unwrap_or_default();
    let bound = quotas.into_iter().filter(|quota| quota.settings.enforced || !question.only_active);
    told(bound, mount.door.clock.now()).map_or(QuotaResult::None, QuotaResult::Ok)
}

/// Everybody may know their own, and root all.
fn may_know(credentials: &Credentials, domain: &QuotaDomain) -> bool {
    let own = match domain {
        QuotaDomain::User(Principal::Unix(uid)) => *uid == credentials.uid,
        QuotaDomain::Group(Principal::Unix(gid)) => *gid == credentials.gid || credentials.groups.contains(gid),
        _ => false,
    };
    own || credentials.superuser
}

/// Bytes and files each by the quota that leaves least of them.
fn told(quotas: impl Iterator<Item = Quota>, now: Timestamp) -> Option<Rquota> {
    let quotas: Vec<_> = quotas.collect();
    let left = |limits: &QuotaLimits, used: u64| limits.shown().map_or(u64::MAX, |limit| limit.saturating_sub(used));
    let by_bytes = |quota: &&Quota| left(&quota.settings.bytes, quota.usage.bytes(quota.settings.basis));
    let by_files = |quota: &&Quota| left(&quota.settings.inodes, quota.usage.inodes);
    let (bytes, files) = (quotas.iter().min_by_key(by_bytes)?, quotas.iter().min_by_key(by_files)?);
    let used = bytes.usage.bytes(bytes.settings.basis);
    let most = [bytes.settings.bytes.hard, bytes.settings.bytes.soft, Some(used)].into_iter().flatten().max();
    let block_bytes = block_for(most.unwrap_or_default());
    // A limit rounds down, so that nobody is told more than there is, and what is used up.
    let limit = |limit: Option<u64>| limit.map_or(0, |limit| word((limit / u64::from(block_bytes)).max(1)));
    let count = |limit: Option<u64>| limit.map_or(0, |limit| word(limit.max(1)));
    Some(Rquota {
        block_bytes,
        active: bytes.settings.enforced,
        blocks_hard: limit(bytes.settings.bytes.hard),
        blocks_soft: limit(bytes.settings.bytes.soft),
        blocks: word(used.div_ceil(u64::from(block_bytes))),
        files_hard: count(files.settings.inodes.hard),
        files_soft: count(files.settings.inodes.soft),
        files: word(files.usage.inodes),
        blocks_time_left: time_left(bytes.bytes_since, bytes.settings.grace_seconds, now),
        files_time_left: time_left(files.inodes_since, files.settings.grace_seconds, now),
    })
}

/// The smallest block in which so many bytes can be told.
fn block_for(bytes: u64) -> u32 {
    let fits = |shift: &u32| bytes >> shift <= u64::from(u32::MAX - 1);
    1 << (BLOCK_SHIFT_MIN..BLOCK_SHIFT_MAX).find(fits).unwrap_or(BLOCK_SHIFT_MAX)
}

/// Seconds of grace that are left; none when it is over, or does not run.
fn time_left(since: Option<Timestamp>, grace: u64, now: Timestamp) -> u32 {
    let end = since.map_or(0, |since| since.seconds.saturating_add(grace.try_into().unwrap_or(i64::MAX)));
    u32::try_from(end.saturating_sub(now.seconds).max(0)).unwrap_or(u32::MAX)
}

fn word(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Blocks of 1 KiB, as clients print them, where they can.
const BLOCK_SHIFT_MIN: u32 = 10;
/// `rq_bsize` is signed.
const BLOCK_SHIFT_MAX: u32 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_as_small_as_they_can_be() {
        assert_eq!(block_for(0), 1024);
        assert_eq!(block_for(4 << 40), 2048);
        assert_eq!(block_for((4 << 40) - 2048), 1024);
        assert_eq!(block_for(u64::MAX), 1 << 30);
    }

    #[test]
    fn grace_runs_from_when_the_limit_was_exceeded() {
        let at = |seconds| Timestamp { seconds, nanoseconds: 0 };
        assert_eq!(time_left(Some(at(100)), 60, at(110)), 50);
        assert_eq!(time_left(Some(at(100)), 60, at(170)), 0);
        assert_eq!(time_left(None, 60, at(10)), 0);
        assert_eq!(time_left(Some(at(0)), u64::MAX, at(10)), u32::MAX);
    }
}
