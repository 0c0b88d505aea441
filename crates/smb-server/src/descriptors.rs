//! Security descriptors between SMB and the house (MS-DTYP 2.4.6): identifiers of the zone's users and groups are their
//! numbers there.

use std::sync::Arc;

use bytes::BytesMut;
use smb_wire::Status;
use smb_wire::codec::{decode, encode};
use smb_wire::dtyp::{
    AccessMask as WireMask, Ace as WireAce, AceBody, AceFlags as WireFlags, AceType, Acl, DescriptorControl,
    SecurityDescriptor as WireDescriptor, Sid as WireSid,
};
use smb_wire::query_info::SecurityInformation;
use vfs::acl::{AccessMask, Ace, AceFlags, AceKind, SecurityDescriptor, Trustee};
use vfs::{Attributes, Principal, SetAttributes, Sid};
use zones::{Persona, Zone, ZoneSids};

/// The parts that are asked for of what is in force on a file.
pub(crate) fn told(zone: &Zone, attributes: &Attributes, asked: SecurityInformation) -> BytesMut {
    let sids = zone.definition().sids();
    let shown = attributes.security();
    let asks = |part| asked.contains(part);
    let (owner, group) = (persona(&attributes.owner, Persona::User), persona(&attributes.group, Persona::Group));
    let (owner, group) = (wire_sid(&known(sids, owner)), wire_sid(&known(sids, group)));
    let entries: Option<Vec<_>> = shown.dacl.as_ref().map(|dacl| {
        let entry = |ace: &Ace| wire_ace(ace, |trustee| named(sids, trustee, group));
        dacl.iter().filter_map(entry).collect()
    });
    let control = if asks(SecurityInformation::DACL) { shown.control } else { 0 };
    let mut bytes = BytesMut::new();
    let descriptor = WireDescriptor {
        control: DescriptorControl::from_bits_retain(control),
        owner: owner.filter(|_| asks(SecurityInformation::OWNER)),
        group: group.filter(|_| asks(SecurityInformation::GROUP)),
        sacl: None,
        dacl: entries.as_deref().map(Acl::new).filter(|_| asks(SecurityInformation::DACL)),
    };
    encode(&descriptor, &mut bytes);
    bytes
}

/// What a descriptor of a client sets of the parts that it names.
///
/// Errors: INVALID_SECURITY_DESCR.
pub(crate) fn given(zone: &Zone, bytes: &[u8], parts: SecurityInformation) -> Result<SetAttributes, Status> {
    let given: WireDescriptor<'_> = decode(bytes).map_err(|_| Status::INVALID_SECURITY_DESCR)?;
    let sids = zone.definition().sids();
    let mut set = SetAttributes::default();
    if parts.contains(SecurityInformation::OWNER) {
        set.owner = given.owner.map(|sid| principal(sids, &sid, true));
    }
    if parts.contains(SecurityInformation::GROUP) {
        set.group = given.group.map(|sid| principal(sids, &sid, false));
    }
    let has_dacl = given.control.contains(DescriptorControl::DACL_PRESENT);
    if parts.contains(SecurityInformation::DACL) && has_dacl {
        let entry = |ace: WireAce<'_>| entry(sids, &ace).ok_or(Status::INVALID_SECURITY_DESCR);
        let dacl = given.dacl.map(|dacl| dacl.iter().map(entry).collect::<Result<_, _>>()).transpose()?;
        let control = given.control.bits();
        set.descriptor = Some(Arc::new(SecurityDescriptor { control, dacl, ..SecurityDescriptor::default() }));
    }
    Ok(set)
}

/// Who may set such parts of a descriptor, or see them.
pub(crate) fn needed(parts: SecurityInformation, is_set: bool) -> AccessMask {
    let owners = parts.intersects(SecurityInformation::OWNER | SecurityInformation::GROUP);
    let part = |has: bool, right| if has { right } else { AccessMask::default() };
    let records = part(parts.contains(SecurityInformation::SACL), AccessMask::SYSTEM_SECURITY);
    let dacl = parts.contains(SecurityInformation::DACL);
    let rights = if is_set {
        part(owners, AccessMask::WRITE_OWNER).union(part(dacl, AccessMask::WRITE_DAC))
    } else {
        part(owners || dacl, AccessMask::READ_CONTROL)
    };
    rights.union(records)
}

fn persona(principal: &Principal, of: fn(u32) -> Persona) -> Result<Persona, Arc<Sid>> {
    match principal {
        Principal::Unix(id) => Ok(of(*id)),
        Principal::Sid(sid) => Err(Arc::clone(sid)),
    }
}

fn known(sids: ZoneSids, persona: Result<Persona, Arc<Sid>>) -> Arc<Sid> {
    persona.map_or_else(|sid| sid, |persona| Arc::new(sids.sid(persona)))
}

fn named(sids: ZoneSids, trustee: &Trustee, group: Option<WireSid>) -> Option<WireSid> {
    let of = |principal, kind| wire_sid(&known(sids, persona(principal, kind)));
    match trustee {
        Trustee::User(user) => of(user, Persona::User),
        Trustee::Group(member) => of(member, Persona::Group),
        Trustee::Owner => Some(WireSid::OWNER_RIGHTS),
        Trustee::OwningGroup => group,
        Trustee::Everyone => Some(WireSid::EVERYONE),
        Trustee::CreatorOwner => Some(WireSid::CREATOR_OWNER),
        Trustee::CreatorGroup => Some(WireSid::CREATOR_GROUP),
        Trustee::Sid(sid) => wire_sid(sid),
    }
}

/// As the wire has it.
pub(crate) fn wire_sid(sid: &Sid) -> Option<WireSid> {
    WireSid::new(sid.authority, &sid.sub_authorities)
}

/// As the house has it.
pub(crate) fn house_sid(sid: &WireSid) -> Sid {
    Sid { authority: sid.authority(), sub_authorities: sid.sub_authorities().iter().copied().collect() }
}

fn principal(sids: ZoneSids, sid: &WireSid, is_user: bool) -> Principal {
    let sid = house_sid(sid);
    match (sids.persona(&sid), is_user) {
        (Some(Persona::User(id)), true) | (Some(Persona::Group(id)), false) => Principal::Unix(id),
        _ => Principal::Sid(Arc::new(sid)),
    }
}

fn wire_ace(ace: &Ace, name: impl Fn(&Trustee) -> Option<WireSid>) -> Option<WireAce<'static>> {
    let flag = |has: bool, flag| if has { flag } else { WireFlags::empty() };
    let AceFlags { object_inherit, container_inherit, no_propagate, inherit_only, inherited } = ace.flags;
    let flags = flag(object_inherit, WireFlags::OBJECT_INHERIT)
        | flag(container_inherit, WireFlags::CONTAINER_INHERIT)
        | flag(no_propagate, WireFlags::NO_PROPAGATE_INHERIT)
        | flag(inherit_only, WireFlags::INHERIT_ONLY)
        | flag(inherited, WireFlags::INHERITED);
    let kind = match ace.kind {
        AceKind::Allow => AceType::ACCESS_ALLOWED,
        AceKind::Deny => AceType::ACCESS_DENIED,
        AceKind::Audit => AceType::SYSTEM_AUDIT,
    };
    let mask = WireMask::from_bits_retain(ace.mask.0);
    Some(WireAce { kind, flags, body: AceBody::Rights { mask, sid: name(&ace.trustee)?, data: &[] } })
}

/// `None` for kinds that the house cannot heed: leaving one out could let somebody in.
fn entry(sids: ZoneSids, ace: &WireAce<'_>) -> Option<Ace> {
    let kind = match ace.kind {
        AceType::ACCESS_ALLOWED => AceKind::Allow,
        AceType::ACCESS_DENIED => AceKind::Deny,
        _ => return None,
    };
    let AceBody::Rights { mask, sid, .. } = ace.body else { return None };
    let has = |flag| ace.flags.contains(flag);
    let flags = AceFlags {
        object_inherit: has(WireFlags::OBJECT_INHERIT),
        container_inherit: has(WireFlags::CONTAINER_INHERIT),
        no_propagate: has(WireFlags::NO_PROPAGATE_INHERIT),
        inherit_only: has(WireFlags::INHERIT_ONLY),
        inherited: has(WireFlags::INHERITED),
    };
    let trustee = match sid {
        WireSid::EVERYONE => Trustee::Everyone,
        WireSid::CREATOR_OWNER => Trustee::CreatorOwner,
        WireSid::CREATOR_GROUP => Trustee::CreatorGroup,
        WireSid::OWNER_RIGHTS => Trustee::Owner,
        sid => match sids.persona(&house_sid(&sid)) {
            Some(Persona::User(uid)) => Trustee::User(Principal::Unix(uid)),
            Some(Persona::Group(gid)) => Trustee::Group(Principal::Unix(gid)),
            None => Trustee::Sid(Arc::new(house_sid(&sid))),
        },
    };
    Some(Ace { kind, flags, mask: AccessMask(mask.bits()), trustee })
}
