//! Names and security identifiers of a zone (MS-LSAT 3.1.4, MS-LSAD 3.1.4.4): what shows permissions by name asks here.
//! Nothing can be changed.

mod translate;

use smb_wire::Status;
use smb_wire::codec::Utf16;
use smb_wire::pipe::lsarpc::*;
use smb_wire::pipe::ndr::{Counted, UnicodeString};
use smb_wire::pipe::pdu::FaultStatus;

use self::translate::{Found, Names, wire_sid};
use super::service::{Circumstances, Outcome, arguments, outcome, utf16};
use crate::session::Standing;

/// The policies that a client has open.
#[derive(Debug, Default)]
pub(super) struct Policies {
    last: u64,
    open: Vec<PolicyHandle>,
}

pub(super) fn call(policies: &mut Policies, operation: u16, stub: &[u8], circumstances: &Circumstances<'_>) -> Outcome {
    match operation {
        CLOSE => close(policies, &arguments(stub)?),
        OPEN_POLICY | OPEN_POLICY_2 => open(policies, circumstances),
        QUERY_POLICY | QUERY_POLICY_2 => query(policies, &arguments(stub)?, circumstances),
        LOOKUP_NAMES => names(policies, &arguments(stub)?, circumstances),
        LOOKUP_NAMES_2 => names_2(policies, &arguments(stub)?, circumstances),
        LOOKUP_NAMES_3 => names_3(policies, &arguments(stub)?, circumstances),
        LOOKUP_SIDS => sids(policies, &arguments(stub)?, circumstances),
        LOOKUP_SIDS_2 => sids_2(policies, &arguments(stub)?, circumstances),
        GET_USER_NAME => user_name(&arguments(stub)?, circumstances),
        // For controllers of domains only, over a channel of their own (MS-LSAT 3.1.4.5, 3.1.4.6).
        LOOKUP_SIDS_3 | LOOKUP_NAMES_4 => Err(FaultStatus::ACCESS_DENIED),
        _ => Err(FaultStatus::UNKNOWN_OPERATION),
    }
}

impl Policies {
    fn check(&self, handle: &PolicyHandle) -> Result<(), Status> {
        if self.open.contains(handle) { Ok(()) } else { Err(Status::INVALID_HANDLE) }
    }
}

/// `LsarOpenPolicy` and `LsarOpenPolicy2` (MS-LSAD 3.1.4.4.1). Who is nobody in particular learns no names.
fn open(policies: &mut Policies, circumstances: &Circumstances<'_>) -> Outcome {
    let refused = if circumstances.session.standing != Standing::Proved {
        Some(Status::ACCESS_DENIED)
    } else if policies.open.len() >= POLICIES_MAX {
        Some(Status::INSUFFICIENT_RESOURCES)
    } else {
        None
    };
    if let Some(status) = refused {
        return outcome(&HandleResponse { handle: NO_HANDLE, status: status.0 });
    }
    policies.last += 1;
    let mut handle = NO_HANDLE;
    if let Some(place) = handle.last_chunk_mut() {
        *place = policies.last.to_le_bytes();
    }
    policies.open.push(handle);
    outcome(&HandleResponse { handle, status: 0 })
}

fn close(policies: &mut Policies, request: &CloseHandleRequest) -> Outcome {
    let checked = policies.check(&request.handle);
    policies.open.retain(|handle| *handle != request.handle);
    outcome(&HandleResponse { handle: NO_HANDLE, status: status(checked) })
}

/// `LsarQueryInformationPolicy2` (MS-LSAD 3.1.4.4.3): the zone is a server of its own, with the accounts of its own domain.
fn query(policies: &Policies, request: &QueryPolicyRequest, circumstances: &Circumstances<'_>) -> Outcome {
    let name = utf16(&circumstances.zone.computer_name());
    let name = UnicodeString::new(Utf16::from_bytes(&name).unwrap_or_default());
    let sid = wire_sid(&circumstances.zone.sids().domain());
    let info = match request.class {
        PRIMARY_DOMAIN => Some(PolicyInfo::PrimaryDomain(DomainInfo { name, sid: None })),
        ACCOUNT_DOMAIN => Some(PolicyInfo::AccountDomain(DomainInfo { name, sid })),
        DNS_DOMAIN => Some(PolicyInfo::DnsDomain(DnsDomainInfo { name, ..DnsDomainInfo::default() })),
        _ => None,
    };
    let result = policies.check(&request.handle).and_then(|()| info.ok_or(Status::INVALID_PARAMETER));
    let status = status(result.as_ref().map(drop).map_err(|status| *status));
    outcome(&QueryPolicyResponse { info: result.ok(), status })
}

/// `LsarGetUserName` (MS-LSAT 3.1.4.4): the caller.
fn user_name(request: &GetUserNameRequest<'_>, circumstances: &Circumstances<'_>) -> Outcome {
    let (user, domain) = match circumstances.session.standing {
        Standing::Proved => (circumstances.session.user.clone(), circumstances.zone.computer_name()),
        Standing::Guest => ("Guest".to_owned(), circumstances.zone.computer_name()),
        Standing::Anonymous => ("ANONYMOUS LOGON".to_owned(), "NT AUTHORITY".to_owned()),
    };
    let (user, domain) = (utf16(&user), utf16(&domain));
    let text = |units| UnicodeString::new(Utf16::from_bytes(units).unwrap_or_default());
    let domain = request.domain.as_ref().map(|_| Some(text(&domain)));
    outcome(&GetUserNameResponse { user: Some(text(&user)), domain, status: 0 })
}

/// `LsarLookupNames` (MS-LSAT 3.1.4.9).
fn names(policies: &Policies, request: &LookupNamesRequest<'_>, circumstances: &Circumstances<'_>) -> Outcome {
    let looked_up = Names::of_names(policies.check(&request.handle), (request.count, &request.names.0), circumstances);
    let item = |found: &Found| TranslatedSid { kind: found.kind.0, rid: found.rid(), domain: found.domain };
    let translated = Counted::new(looked_up.found.iter().map(item).collect());
    let (domains, mapped, status) = looked_up.told();
    outcome(&LookupNamesResponse { domains, translated, mapped, status })
}

/// `LsarLookupNames2` (MS-LSAT 3.1.4.8).
fn names_2(policies: &Policies, request: &LookupNames2Request<'_>, circumstances: &Circumstances<'_>) -> Outcome {
    let looked_up = Names::of_names(policies.check(&request.handle), (request.count, &request.names.0), circumstances);
    let item = |found: &Found| TranslatedSidEx { kind: found.kind.0, rid: found.rid(), domain: found.domain, flags: 0 };
    let translated = Counted::new(looked_up.found.iter().map(item).collect());
    let (domains, mapped, status) = looked_up.told();
    outcome(&LookupNames2Response { domains, translated, mapped, status })
}

/// `LsarLookupNames3` (MS-LSAT 3.1.4.7).
fn names_3(policies: &Policies, request: &LookupNames3Request<'_>, circumstances: &Circumstances<'_>) -> Outcome {
    let looked_up = Names::of_names(policies.check(&request.handle), (request.count, &request.names.0), circumstances);
    let item = |found: &Found| TranslatedSidEx2 { kind: found.kind.0, sid: found.sid, domain: found.domain, flags: 0 };
    let translated = Counted::new(looked_up.found.iter().map(item).collect());
    let (domains, mapped, status) = looked_up.told();
    outcome(&LookupNames3Response { domains, translated, mapped, status })
}

/// `LsarLookupSids` (MS-LSAT 3.1.4.11).
fn sids(policies: &Policies, request: &LookupSidsRequest<'_>, circumstances: &Circumstances<'_>) -> Outcome {
    let looked_up = Names::of_sids(policies.check(&request.handle), request.sids.items(), circumstances);
    let names: Vec<_> = looked_up.found.iter().map(|found| utf16(&found.name)).collect();
    let items = looked_up.found.iter().zip(&names).map(|(found, name)| {
        let (kind, name, domain) = (found.kind.0, string(name), found.domain);
        TranslatedName { kind, name, domain }
    });
    let translated = Counted::new(items.collect());
    let (domains, mapped, status) = looked_up.told();
    outcome(&LookupSidsResponse { domains, translated, mapped, status })
}

/// `LsarLookupSids2` (MS-LSAT 3.1.4.10).
fn sids_2(policies: &Policies, request: &LookupSids2Request<'_>, circumstances: &Circumstances<'_>) -> Outcome {
    let looked_up = Names::of_sids(policies.check(&request.handle), request.sids.items(), circumstances);
    let names: Vec<_> = looked_up.found.iter().map(|found| utf16(&found.name)).collect();
    let items = looked_up.found.iter().zip(&names).map(|(found, name)| {
        let (kind, name, domain) = (found.kind.0, string(name), found.domain);
        TranslatedNameEx { kind, name, domain, flags: 0 }
    });
    let translated = Counted::new(items.collect());
    let (domains, mapped, status) = looked_up.told();
    outcome(&LookupSids2Response { domains, translated, mapped, status })
}

fn string(units: &[u8]) -> UnicodeString<'_> {
    UnicodeString::new(Utf16::from_bytes(units).unwrap_or_default())
}

fn status(checked: Result<(), Status>) -> u32 {
    checked.err().unwrap_or(Status::SUCCESS).0
}

const NO_HANDLE: PolicyHandle = [0; 20];
/// Policies that one pipe has open.
const POLICIES_MAX: usize = 32;
/// `POLICY_INFORMATION_CLASS` (MS-LSAD 2.2.4.1).
const PRIMARY_DOMAIN: u16 = 3;
const ACCOUNT_DOMAIN: u16 = 5;
const DNS_DOMAIN: u16 = 12;

const CLOSE: u16 = 0;
const OPEN_POLICY: u16 = 6;
const QUERY_POLICY: u16 = 7;
const LOOKUP_NAMES: u16 = 14;
const LOOKUP_SIDS: u16 = 15;
const OPEN_POLICY_2: u16 = 44;
const GET_USER_NAME: u16 = 45;
const QUERY_POLICY_2: u16 = 46;
const LOOKUP_SIDS_2: u16 = 57;
const LOOKUP_NAMES_2: u16 = 58;
const LOOKUP_NAMES_3: u16 = 68;
const LOOKUP_SIDS_3: u16 = 76;
const LOOKUP_NAMES_4: u16 = 77;
