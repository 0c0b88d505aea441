//! Quotas of users (MS-SMB2 3.3.5.20.4, MS-FSCC 2.4.41): everybody is told what they may use themselves, the superuser
//! also what others may. They are set over the operator's window only.

use std::sync::atomic::Ordering;

use bytes::BytesMut;
use smb_wire::dtyp::{FileTime, Sid};
use smb_wire::info::{Entries, EntryWriter, FileQuota, GetQuota, QueryQuota};
use smb_wire::query_info::QueryInfoRequest;
use smb_wire::{OutputInPlace, Status};
use vfs::{OpContext, OwnerQuotasRequest, Principal, Quota, QuotaDomain, Timestamp, Vfs};
use zones::Persona;

use crate::answer::Answer;
use crate::descriptors::{house_sid, wire_sid};
use crate::dispatch::Call;
use crate::open_table::Open;
use crate::set_info::structure;
use crate::status;

/// Tells what users may use where a file is: those that are named, or else the caller.
///
/// Errors, in order: INVALID_PARAMETER, ACCESS_DENIED (others than the caller), NO_MORE_ENTRIES, those of the house,
/// BUFFER_TOO_SMALL (not even one fits).
pub(super) async fn tell<V: Vfs>(
    call: &Call<'_, V>,
    (ctx, open): (&OpContext, &Open),
    request: &QueryInfoRequest<'_>,
) -> Result<Answer, Status> {
    let asked: QueryQuota<'_> = structure(request.input)?;
    let uid = ctx.credentials.uid;
    let own = wire_sid(&call.zone.sids().sid(Persona::User(uid))).ok_or(Status::NOT_SUPPORTED)?;
    let named = named(&asked)?;
    if named.iter().any(|sid| *sid != own) && !ctx.credentials.superuser {
        return Err(Status::ACCESS_DENIED);
    }
    // Of all, the caller is told of one: itself.
    let was_told = named.is_empty() && open.quota_told.swap(true, Ordering::Relaxed);
    if was_told && !asked.restart_scan {
        return Err(Status::NO_MORE_ENTRIES);
    }
    let limit = usize::try_from(request.output_length).unwrap_or(usize::MAX);
    let mut list = BytesMut::new();
    let mut writer = EntryWriter::new(&mut list, limit);
    let of = if named.is_empty() { vec![own] } else { named };
    for sid in of.into_iter().take(if asked.return_single { 1 } else { usize::MAX }) {
        let entry = entry(call, (ctx, open), sid).await?;
        if !writer.push(&entry) {
            break;
        }
    }
    if list.is_empty() {
        return Err(Status::BUFFER_TOO_SMALL);
    }
    let mut body = BytesMut::with_capacity(list.len() + 8);
    let place = OutputInPlace::begin(&mut body);
    body.extend_from_slice(&list);
    place.finish(&mut body);
    Ok(Answer::of_body(Status::SUCCESS, body))
}

/// The users that are asked about; none: whoever comes.
fn named(asked: &QueryQuota<'_>) -> Result<Vec<Sid>, Status> {
    let part = |from: u32, length: u32| {
        let from = usize::try_from(from).ok()?;
        asked.sids.get(from..from.checked_add(usize::try_from(length).ok()?)?)
    };
    if asked.sid_list_length > 0 {
        let list = part(0, asked.sid_list_length).ok_or(Status::INVALID_PARAMETER)?;
        let sids: Result<Vec<_>, _> = Entries::<GetQuota>::new(list).take(SIDS_MAX).collect();
        return sids
            .map(|sids| sids.into_iter().map(|entry| entry.sid).collect())
            .map_err(|_| Status::INVALID_PARAMETER);
    }
    if asked.start_sid_length > 0 {
        let sid = part(asked.start_sid_offset, asked.start_sid_length).ok_or(Status::INVALID_PARAMETER)?;
        return Ok(vec![structure(sid)?]);
    }
    Ok(Vec::new())
}

async fn entry<V: Vfs>(call: &Call<'_, V>, (ctx, open): (&OpContext, &Open), sid: Sid) -> Result<FileQuota, Status> {
    let quotas = match call.zone.sids().persona(&house_sid(&sid)) {
        Some(Persona::User(uid)) => of_user(call, (ctx, open), uid).await?,
        _ => Vec::new(),
    };
    let left = |quota: &&Quota| {
        let used = quota.usage.bytes(quota.settings.basis);
        quota.settings.bytes.shown().map_or(u64::MAX, |limit| limit.saturating_sub(used))
    };
    let tightest = quotas.iter().min_by_key(left);
    let settings = tightest.map(|quota| quota.settings.bytes).unwrap_or_default();
    Ok(FileQuota {
        change_time: FileTime(0),
        used: tightest.map_or(0, |quota| quota.usage.bytes(quota.settings.basis)),
        threshold: settings.soft.or(settings.advisory).unwrap_or(UNLIMITED),
        limit: settings.hard.unwrap_or(UNLIMITED),
        sid,
    })
}

/// The limits that bind a user where a file is.
pub(super) async fn of_user<V: Vfs>(
    call: &Call<'_, V>,
    (ctx, open): (&OpContext, &Open),
    uid: u32,
) -> Result<Vec<Quota>, Status> {
    let request = OwnerQuotasRequest { inode: open.file, domain: QuotaDomain::User(Principal::Unix(uid)) };
    call.door.vfs.owner_quotas(ctx, request).await.map_err(status::of)
}

/// How much more a user may use by these; `None` without limits that bind.
pub(super) fn left(quotas: &[Quota], now: Timestamp) -> Option<u64> {
    let enforced = quotas.iter().filter(|quota| quota.settings.enforced);
    let limits = enforced.filter_map(|quota| {
        let grace = i64::try_from(quota.settings.grace_seconds).unwrap_or(i64::MAX);
        let is_over = quota.bytes_since.is_some_and(|since| now.seconds.saturating_sub(since.seconds) >= grace);
        let soft = quota.settings.bytes.soft.filter(|_| is_over);
        let limit = [quota.settings.bytes.hard, soft].into_iter().flatten().min()?;
        Some(limit.saturating_sub(quota.usage.bytes(quota.settings.basis)))
    });
    limits.min()
}

const UNLIMITED: u64 = u64::MAX;
/// Most users that one request names.
const SIDS_MAX: usize = 256;
