//! Who may what by a descriptor (MS-DTYP 2.5.3.2).

use super::{AccessMask, Ace, AceKind, NOBODY, SecurityDescriptor, Trustee};
use crate::{Credentials, Principal, Sid};

impl SecurityDescriptor {
    /// All rights that a descriptor in force gives a caller: of each right the first entry that names the caller decides.
    /// The owner may also read the descriptor and change it, unless entries say what the owner may (S-1-3-4). Without a
    /// list everyone may do everything.
    #[must_use]
    pub fn rights(&self, (owner, group): (&Principal, &Principal), credentials: &Credentials) -> AccessMask {
        let Some(dacl) = &self.dacl else { return AccessMask::ALL };
        let (mut granted, mut refused) = (0, 0);
        for ace in dacl.iter().filter(|ace| ace.is_effective() && names(ace, (owner, group), credentials)) {
            match ace.kind {
                AceKind::Allow => granted |= ace.mask.map_generic().0 & !refused,
                AceKind::Deny => refused |= ace.mask.map_generic().0 & !granted,
                AceKind::Audit => {}
            }
        }
        let tells_of_owner = dacl.iter().any(|ace| ace.is_effective() && ace.trustee == Trustee::Owner);
        if credentials.is_user(owner) && !tells_of_owner {
            granted |= AccessMask::READ_CONTROL.0 | AccessMask::WRITE_DAC.0;
        }
        AccessMask(granted).intersection(AccessMask::ALL)
    }
}

fn names(ace: &Ace, (owner, group): (&Principal, &Principal), credentials: &Credentials) -> bool {
    match &ace.trustee {
        Trustee::User(user) => credentials.is_user(user),
        Trustee::Group(member) => credentials.is_member(member),
        Trustee::Owner => credentials.is_user(owner),
        Trustee::OwningGroup => credentials.is_member(group),
        Trustee::Everyone => true,
        Trustee::CreatorOwner | Trustee::CreatorGroup => false,
        Trustee::Sid(sid) if is_authenticated_users(sid) => credentials.uid != NOBODY,
        Trustee::Sid(sid) => credentials.sid.as_ref() == Some(sid) || credentials.group_sids.contains(sid),
    }
}

/// S-1-5-11.
fn is_authenticated_users(sid: &Sid) -> bool {
    sid.authority == 5 && sid.sub_authorities.as_slice() == [11]
}
