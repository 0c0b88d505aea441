//! The Server Service (MS-SRVS 3.1.4): shares, sessions and the server itself.

use std::sync::Arc;
use std::time::Duration;

use smb_wire::codec::Utf16;
use smb_wire::pipe::ndr::{Counted, Text};
use smb_wire::pipe::pdu::FaultStatus;
use smb_wire::pipe::srvsvc::*;
use vfs::{Credentials, Timestamp, date};
use zones::Share;

use super::service::{Circumstances, Outcome, arguments, outcome, utf16, win32};
use crate::session::{Listed, Standing};

pub(super) fn call(operation: u16, stub: &[u8], circumstances: &Circumstances<'_>) -> Outcome {
    match operation {
        FILE_ENUM => files(&arguments(stub)?),
        SESSION_ENUM => sessions(&arguments(stub)?, circumstances),
        SHARE_ENUM | SHARE_ENUM_STICKY => shares(&arguments(stub)?, circumstances),
        SHARE_GET_INFO => share(&arguments(stub)?, circumstances),
        SERVER_GET_INFO => server(&arguments(stub)?, circumstances),
        REMOTE_TOD => {
            let RemoteTodRequest { .. } = arguments(stub)?;
            outcome(&RemoteTodResponse { time: Some(time_of_day(circumstances.facts.clock.now())), error: 0 })
        }
        _ => Err(FaultStatus::UNKNOWN_OPERATION),
    }
}

/// A share as it is told.
struct Told {
    name: Vec<u8>,
    kind: ShareKind,
    remark: Vec<u8>,
    path: Vec<u8>,
    flags: u32,
}

/// Shares that a caller may know of. Nobody is told of those that it cannot use; names that end in `$` are told, and hidden
/// by clients.
fn known_shares(circumstances: &Circumstances<'_>) -> Vec<Told> {
    let shares = circumstances.zone.shares().iter();
    let known = shares.filter(|share| share.is_browsable() && is_usable(share, circumstances)).map(|share| told(share));
    known.chain([pipes()]).collect()
}

fn is_usable(share: &Share, circumstances: &Circumstances<'_>) -> bool {
    let is_proved = circumstances.session.is_proved();
    let credentials: &Credentials = &circumstances.can;
    (is_proved || share.takes_guests()) && share.rights(credentials).0 != 0
}

fn told(share: &Share) -> Told {
    let path = String::from_utf8_lossy(&share.path()).replace('/', r"\");
    let is_hidden = share.name().ends_with('$');
    Told {
        name: utf16(share.name()),
        kind: if is_hidden { ShareKind::SPECIAL } else { ShareKind::empty() },
        remark: utf16(share.description()),
        path: utf16(&format!("C:{path}")),
        flags: if share.must_encrypt() { ENCRYPTED } else { 0 },
    }
}

fn pipes() -> Told {
    let kind = ShareKind::PIPES | ShareKind::SPECIAL;
    Told { name: utf16("IPC$"), kind, remark: utf16("Remote calls"), path: Vec::new(), flags: NO_CACHING }
}

impl Told {
    fn name(&self) -> Option<Text<'_>> {
        text(&self.name)
    }

    fn as_0(&self) -> ShareInfo0<'_> {
        ShareInfo0 { name: self.name() }
    }

    fn as_1(&self) -> ShareInfo1<'_> {
        ShareInfo1 { name: self.name(), kind: self.kind.bits(), remark: text(&self.remark) }
    }

    fn as_2(&self) -> ShareInfo2<'_> {
        ShareInfo2 {
            name: self.name(),
            kind: self.kind.bits(),
            remark: text(&self.remark),
            permissions: 0,
            uses_max: u32::MAX,
            uses: 1,
            path: text(&self.path),
            password: None,
        }
    }

    fn as_501(&self) -> ShareInfo501<'_> {
        ShareInfo501 { name: self.name(), kind: self.kind.bits(), remark: text(&self.remark), flags: self.flags }
    }

    /// No less than it takes in an answer.
    fn bytes(&self) -> usize {
        128 + self.name.len() + self.remark.len() + self.path.len()
    }
}

/// `NetrShareEnum` (MS-SRVS 3.1.4.8).
fn shares(request: &ShareEnumRequest<'_>, circumstances: &Circumstances<'_>) -> Outcome {
    let all = known_shares(circumstances);
    let page = Page::of(&all, Told::bytes, (request.resume, request.preferred_length));
    let level = request.wanted.shares.level();
    let found = match level {
        0 => ShareInfos::Names(counted(page.items, Told::as_0)),
        1 => ShareInfos::Kinds(counted(page.items, Told::as_1)),
        2 => ShareInfos::Paths(counted(page.items, Told::as_2)),
        501 => ShareInfos::Flags(counted(page.items, Told::as_501)),
        other => ShareInfos::Other(other),
    };
    let (total, resume, error) = page.end(request.resume, (level, matches!(found, ShareInfos::Other(_))));
    outcome(&ShareEnumResponse { found: ShareEnum { level, shares: found }, total, resume, error })
}

/// `NetrShareGetInfo` (MS-SRVS 3.1.4.10).
fn share(request: &ShareGetInfoRequest<'_>, circumstances: &Circumstances<'_>) -> Outcome {
    let name = request.name.0.to_string();
    let known =
        circumstances.zone.share(&name).filter(|share| is_usable(share, circumstances)).map(|share| told(share));
    let found = known.or_else(|| name.eq_ignore_ascii_case("IPC$").then(pipes));
    let Some(told) = &found else {
        let (found, error) = (ShareInfo::Other(request.level), win32::NET_NAME_NOT_FOUND);
        return outcome(&ShareGetInfoResponse { found, error });
    };
    let found = match request.level {
        0 => ShareInfo::Names(Some(told.as_0())),
        1 => ShareInfo::Kinds(Some(told.as_1())),
        2 => ShareInfo::Paths(Some(told.as_2())),
        501 => ShareInfo::Flags(Some(told.as_501())),
        1005 => ShareInfo::Caching(Some(ShareInfo1005 { flags: told.flags })),
        other => ShareInfo::Other(other),
    };
    let error = refusal((request.level, matches!(found, ShareInfo::Other(_))));
    outcome(&ShareGetInfoResponse { found, error })
}

/// `NetrServerGetInfo` (MS-SRVS 3.1.4.17).
fn server(request: &GetInfoRequest<'_>, circumstances: &Circumstances<'_>) -> Outcome {
    let (name, comment) = (utf16(&circumstances.zone.computer_name()), utf16(circumstances.zone.name()));
    let (name, comment) = (text(&name), text(&comment));
    let (platform, version, minor_version, kind) = (PLATFORM_NT, VERSION, MINOR_VERSION, SERVER_KIND);
    let found = match request.level {
        100 => ServerInfo::Name(Some(ServerInfo100 { platform, name })),
        101 => ServerInfo::Kind(Some(ServerInfo101 { platform, name, version, minor_version, kind, comment })),
        102 => ServerInfo::Users(Some(ServerInfo102 {
            platform,
            name,
            version,
            minor_version,
            kind,
            comment,
            users_max: u32::MAX,
            disconnect: u32::MAX,
            is_hidden: 0,
            announce: 0,
            announce_delta: 0,
            licences: 0,
            user_path: Some(Text::default()),
        })),
        other => ServerInfo::Other(other),
    };
    let error = refusal((request.level, matches!(found, ServerInfo::Other(_))));
    outcome(&ServerGetInfoResponse { found, error })
}

/// A session as it is told.
struct Met {
    client: Vec<u8>,
    user: Vec<u8>,
    opens: u32,
    age: u32,
    idle: u32,
}

impl Met {
    fn of(listed: &Listed, (now, monotonic): (Timestamp, Duration)) -> Self {
        let age = now.seconds.saturating_sub(listed.session.since.seconds);
        Self {
            client: utf16(&format!(r"\\{}", listed.client.ip().to_canonical())),
            user: utf16(&listed.session.user),
            opens: u32::try_from(listed.session.opens.count()).unwrap_or(u32::MAX),
            age: u32::try_from(age).unwrap_or(0),
            idle: u32::try_from(listed.traffic.idle(monotonic).as_secs()).unwrap_or(u32::MAX),
        }
    }

    fn as_0(&self) -> SessionInfo0<'_> {
        SessionInfo0 { client: text(&self.client) }
    }

    fn as_1(&self) -> SessionInfo1<'_> {
        let Self { opens, age, idle, .. } = *self;
        SessionInfo1 { client: text(&self.client), user: text(&self.user), opens, age, idle, flags: 0 }
    }

    fn as_10(&self) -> SessionInfo10<'_> {
        let Self { age, idle, .. } = *self;
        SessionInfo10 { client: text(&self.client), user: text(&self.user), age, idle }
    }

    /// No less than it takes in an answer.
    fn bytes(&self) -> usize {
        96 + self.client.len() + self.user.len()
    }
}

/// `NetrSessionEnum` (MS-SRVS 3.1.4.5). There are no administrators over SMB: everybody is told of its own sessions, and of
/// nobody else's.
fn sessions(request: &SessionEnumRequest<'_>, circumstances: &Circumstances<'_>) -> Outcome {
    let facts = circumstances.facts;
    let at = (facts.clock.now(), facts.clock.monotonic());
    let is_wanted = |asked: Option<Text<'_>>, is: &str| {
        let asked = asked.map(|text| text.0.to_string()).unwrap_or_default();
        asked.is_empty() || asked.trim_start_matches('\\').eq_ignore_ascii_case(is)
    };
    let session = circumstances.session;
    let own = |listed: &Listed| {
        let theirs = &listed.session;
        let is_own = if session.is_proved() {
            theirs.standing == Standing::Proved && theirs.zone == session.zone && theirs.user == session.user
        } else {
            Arc::ptr_eq(theirs, session)
        };
        let client = listed.client.ip().to_canonical().to_string();
        is_own && is_wanted(request.user, &theirs.user) && is_wanted(request.client, &client)
    };
    let all: Vec<_> = facts.sessions.those(own, SESSIONS_MAX).iter().map(|listed| Met::of(listed, at)).collect();
    let page = Page::of(&all, Met::bytes, (request.resume, request.preferred_length));
    let level = request.wanted.sessions.level();
    let found = match level {
        0 => SessionInfos::Clients(counted(page.items, Met::as_0)),
        1 => SessionInfos::Opens(counted(page.items, Met::as_1)),
        10 => SessionInfos::Users(counted(page.items, Met::as_10)),
        other => SessionInfos::Other(other),
    };
    let (total, resume, error) = page.end(request.resume, (level, matches!(found, SessionInfos::Other(_))));
    outcome(&SessionEnumResponse { found: SessionEnum { level, sessions: found }, total, resume, error })
}

/// `NetrFileEnum` (MS-SRVS 3.1.4.2) is for administrators, of which there are none.
fn files(request: &FileEnumRequest<'_>) -> Outcome {
    let level = request.wanted.files.level();
    let files = match level {
        2 => FileInfos::Ids(None),
        3 => FileInfos::Paths(None),
        other => FileInfos::Other(other),
    };
    let error = if matches!(files, FileInfos::Other(_)) { win32::INVALID_LEVEL } else { win32::ACCESS_DENIED };
    outcome(&FileEnumResponse { found: FileEnum { level, files }, total: 0, resume: request.resume, error })
}

/// Items of one answer, from where the last one ended.
struct Page<'a, T> {
    items: &'a [T],
    /// From the first of these on.
    left: usize,
    end: usize,
}

impl<'a, T> Page<'a, T> {
    /// As many as the caller wants, and an answer holds, but at least one.
    fn of(all: &'a [T], bytes: impl Fn(&T) -> usize, (resume, preferred): (Option<u32>, u32)) -> Self {
        let start = usize::try_from(resume.unwrap_or(0)).unwrap_or(usize::MAX).min(all.len());
        let rest = all.get(start..).unwrap_or_default();
        let room = usize::try_from(preferred).unwrap_or(usize::MAX).min(ANSWER_BYTES_MAX);
        let sizes = rest.iter().scan(0, |sum, item| {
            *sum += bytes(item);
            Some(*sum)
        });
        let count = sizes.take_while(|sum| *sum <= room).count().max(1).min(rest.len());
        Self { items: rest.get(..count).unwrap_or_default(), left: rest.len(), end: start + count }
    }

    /// How many there are, where to go on, and the error.
    fn end(&self, resume: Option<u32>, (level, is_unknown): (u32, bool)) -> (u32, Option<u32>, u32) {
        if is_unknown {
            return (0, resume, refusal((level, true)));
        }
        let is_over = self.items.len() == self.left;
        let next = if is_over { 0 } else { u32::try_from(self.end).unwrap_or(u32::MAX) };
        let total = u32::try_from(self.left).unwrap_or(u32::MAX);
        (total, resume.map(|_| next), if is_over { 0 } else { win32::MORE_DATA })
    }
}

/// Levels that tell what is for administrators are there, and refused (MS-SRVS 3.1.4.8).
fn refusal((level, is_unknown): (u32, bool)) -> u32 {
    match level {
        _ if !is_unknown => 0,
        502 | 503 => win32::ACCESS_DENIED,
        _ => win32::INVALID_LEVEL,
    }
}

fn counted<'a, T, U>(items: &'a [T], tell: impl Fn(&'a T) -> U) -> Option<Counted<U>> {
    Some(Counted::new(items.iter().map(tell).collect()))
}

fn text(units: &[u8]) -> Option<Text<'_>> {
    Some(Text(Utf16::from_bytes(units).unwrap_or_default()))
}

/// The calendar from a day on (the proleptic Gregorian one, in UTC).
fn time_of_day(now: Timestamp) -> TimeOfDay {
    let seconds = u64::try_from(now.seconds).unwrap_or(0);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let low = |number: u64| u32::try_from(number & u64::from(u32::MAX)).unwrap_or(0);
    TimeOfDay {
        elapsed: low(seconds),
        ticks: low(seconds * 1000 + u64::from(now.nanoseconds / 1_000_000)),
        hours: low(second / 3600),
        minutes: low(second / 60 % 60),
        seconds: low(second % 60),
        hundredths: now.nanoseconds / 10_000_000,
        timezone: 0,
        interval: 310,
        day: low(day),
        month: low(month),
        year: low(year),
        // The first of January 1970 was a Thursday.
        weekday: low((days + 4) % 7),
    }
}

const FILE_ENUM: u16 = 9;
const SESSION_ENUM: u16 = 12;
const SHARE_ENUM: u16 = 15;
const SHARE_GET_INFO: u16 = 16;
const SERVER_GET_INFO: u16 = 21;
const REMOTE_TOD: u16 = 28;
const SHARE_ENUM_STICKY: u16 = 36;

/// `SHI1005_FLAGS_ENCRYPT_DATA`, and that nothing is cached offline (MS-SRVS 2.2.2.5).
const ENCRYPTED: u32 = 0x8000;
const NO_CACHING: u32 = 0x30;
/// `SV_TYPE_WORKSTATION`, `SV_TYPE_SERVER`, `SV_TYPE_NT`, `SV_TYPE_SERVER_NT` (MS-SRVS 2.2.2.7).
const SERVER_KIND: u32 = 0x9003;
/// What is claimed of the operating system: Windows clients do less with older ones.
pub(super) const PLATFORM_NT: u32 = 500;
pub(super) const VERSION: u32 = 10;
pub(super) const MINOR_VERSION: u32 = 0;
/// Items of one answer.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Sessions that are told at most.
const SESSIONS_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_on_where_the_last_one_ended() {
        let all = [10, 20, 30, 40];
        let page = |resume, preferred| Page::of(&all, |bytes| *bytes, (resume, preferred));
        assert_eq!(page(None, u32::MAX).end(None, (1, false)), (4, None, 0));
        let first = page(Some(0), 35);
        assert_eq!((first.items, first.end(Some(0), (1, false))), (&all[..2], (4, Some(2), win32::MORE_DATA)));
        let second = page(Some(2), 1);
        assert_eq!((second.items, second.end(Some(2), (1, false))), (&all[2..3], (2, Some(3), win32::MORE_DATA)));
        assert_eq!(page(Some(3), 100).end(Some(3), (1, false)), (1, Some(0), 0));
        assert_eq!(page(Some(9), 100).end(Some(9), (1, false)), (0, Some(0), 0));
        assert_eq!(page(None, 1).end(None, (502, true)).2, win32::ACCESS_DENIED);
    }

    #[test]
    fn days_have_dates() {
        for (days, expected) in [
            (0, (1970, 1, 1)),
            (58, (1970, 2, 28)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (20_789, (2026, 12, 2)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(date(days), expected, "{days}");
        }
        let time = time_of_day(Timestamp { seconds: 86_399 + 3 * 86_400, nanoseconds: 990_000_000 });
        assert_eq!((time.hours, time.minutes, time.seconds, time.hundredths, time.weekday), (23, 59, 59, 99, 0));
    }
}
