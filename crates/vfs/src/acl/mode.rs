//! Descriptor and mode: each is made from the other.

use super::{AccessMask, Ace, AceFlags, AceKind, SecurityDescriptor, Trustee};
use crate::Principal;

impl SecurityDescriptor {
    /// The descriptor that says exactly what owner, group and mode say. Refusals stand before grants where a narrower
    /// class has fewer rights than a wider one, as POSIX asks the first class that fits and no other.
    #[must_use]
    pub fn from_mode(owner: &Principal, group: &Principal, (mode, is_directory): (u32, bool)) -> Self {
        let dacl = Classes::of(mode, is_directory).entries(owner, group);
        Self { control: Self::DACL_PRESENT, dacl: Some(dacl.into_iter().flatten().collect()), ..Self::default() }
    }

    /// The permission bits (0777) that come nearest: what owner, members of the group and everyone are granted.
    #[must_use]
    pub fn to_mode(&self, owner: &Principal, group: &Principal) -> u32 {
        let Some(dacl) = &self.dacl else { return 0o777 };
        let class = |is_in: &dyn Fn(&Trustee) -> bool| {
            let (mut granted, mut refused) = (0, 0);
            for ace in dacl.iter().filter(|ace| ace.is_effective() && is_in(&ace.trustee)) {
                match ace.kind {
                    AceKind::Allow => granted |= ace.mask.map_generic().0 & !refused,
                    AceKind::Deny => refused |= ace.mask.map_generic().0 & !granted,
                    AceKind::Audit => {}
                }
            }
            AccessMask(granted).to_mode_bits()
        };
        let everyone = |trustee: &Trustee| *trustee == Trustee::Everyone;
        let owners = class(&|trustee| everyone(trustee) || trustee.is_owner(owner));
        let members = class(&|trustee| everyone(trustee) || trustee.is_group(group));
        owners << 6 | members << 3 | class(&everyone)
    }

    /// The descriptor after a change of the mode to other permission bits; `None` when these say all there is to say.
    /// Entries of owner, group and everyone become what the mode says; those of others are cut to what the group may, as
    /// the mask of POSIX does; what is only handed down stays.
    #[must_use]
    pub fn with_mode(
        &self,
        (owner, group): (&Principal, &Principal),
        (mode, is_directory): (u32, bool),
    ) -> Option<Self> {
        let classes = Classes::of(mode, is_directory);
        let [owners, members, everyone] = classes.entries(owner, group);
        let is_class =
            |trustee: &Trustee| trustee.is_owner(owner) || trustee.is_group(group) || *trustee == Trustee::Everyone;
        let (mut refusals, mut others, mut below) = (Vec::new(), Vec::new(), Vec::new());
        for ace in self.dacl.iter().flatten() {
            if is_directory && (ace.flags.container_inherit || ace.flags.object_inherit) {
                below.push(Ace { flags: AceFlags { inherit_only: true, ..ace.flags }, ..ace.clone() });
            }
            if !ace.is_effective() || is_class(&ace.trustee) {
                continue;
            }
            let alone =
                Ace { flags: AceFlags { inherited: ace.flags.inherited, ..AceFlags::default() }, ..ace.clone() };
            match ace.kind {
                AceKind::Deny => refusals.push(alone),
                AceKind::Allow => others.push(Ace { mask: classes.masked(ace.mask.map_generic()), ..alone }),
                AceKind::Audit => {}
            }
        }
        others.retain(|ace| ace.mask != AccessMask::default());
        if refusals.is_empty() && others.is_empty() && below.is_empty() {
            return None;
        }
        let dacl = refusals.into_iter().chain(owners).chain(others).chain(members).chain(everyone).chain(below);
        Some(Self { dacl: Some(dacl.collect()), ..self.clone() })
    }

    /// The descriptor of something that is given to others: entries of its owner and group are of the new ones.
    #[must_use]
    pub fn given(
        &self,
        (owner, new_owner): (&Principal, &Principal),
        (group, new_group): (&Principal, &Principal),
    ) -> Self {
        let given = |ace: &Ace| {
            let trustee = match &ace.trustee {
                Trustee::User(user) if user == owner => Trustee::User(new_owner.clone()),
                Trustee::Group(member) if member == group => Trustee::Group(new_group.clone()),
                other => other.clone(),
            };
            Ace { trustee, ..ace.clone() }
        };
        Self { dacl: self.dacl.as_ref().map(|dacl| dacl.iter().map(given).collect()), ..self.clone() }
    }
}

/// What owner, members of the group and others may.
struct Classes {
    user: AccessMask,
    members: AccessMask,
    others: AccessMask,
}

impl Classes {
    fn of(mode: u32, is_directory: bool) -> Self {
        let class = |shift: u32| class_rights(mode >> shift & 7, is_directory);
        Self { user: class(6), members: class(3), others: class(0) }
    }

    /// Entries of the owner, of the group, and of everyone.
    fn entries(&self, owner: &Principal, group: &Principal) -> [Vec<Ace>; 3] {
        let Self { user, members, others } = *self;
        let ace = |kind, trustee: Trustee, mask: AccessMask| {
            (mask.0 != 0).then(|| Ace { kind, flags: AceFlags::default(), mask, trustee })
        };
        let (owner, group) = (|| Trustee::User(owner.clone()), || Trustee::Group(group.clone()));
        let pair = |refused, granted| [refused, granted].into_iter().flatten().collect();
        let owned = user.union(AccessMask::WRITE_DAC).union(AccessMask::WRITE_ATTRIBUTES);
        [
            pair(
                ace(AceKind::Deny, owner(), members.union(others).without(owned)),
                ace(AceKind::Allow, owner(), owned.union(ALWAYS)),
            ),
            pair(
                ace(AceKind::Deny, group(), others.without(members)),
                ace(AceKind::Allow, group(), members.union(ALWAYS)),
            ),
            pair(None, ace(AceKind::Allow, Trustee::Everyone, others.union(ALWAYS))),
        ]
    }

    /// What is left of the rights of others when the group may only so much.
    fn masked(&self, mask: AccessMask) -> AccessMask {
        let has = |right| self.members.contains(right);
        let writes = if has(AccessMask::WRITE_DATA) { CHANGES } else { AccessMask::default() };
        mask.intersection(self.members.union(ALWAYS).union(writes))
    }
}

/// What three mode bits let a class do: who may write may also set times and attributes, and entries of a directory are
/// changed only by who may also search.
fn class_rights(bits: u32, is_directory: bool) -> AccessMask {
    let rights = AccessMask::from_mode_bits(bits);
    let writes = AccessMask::MODE_WRITE.union(AccessMask::WRITE_ATTRIBUTES);
    match bits {
        _ if bits & 2 == 0 => rights,
        _ if !is_directory => rights.union(writes),
        _ if bits & 1 == 0 => rights.without(AccessMask::MODE_WRITE),
        _ => rights.union(writes).union(AccessMask::DELETE_CHILD),
    }
}

/// What every class may.
const ALWAYS: AccessMask = AccessMask(AccessMask::ALWAYS.0 | AccessMask::SYNCHRONIZE.0);
/// What the mode has no bits for and changes something.
const CHANGES: AccessMask =
    AccessMask(AccessMask::WRITE_DAC.0 | AccessMask::WRITE_OWNER.0 | AccessMask::DELETE.0 | AccessMask::DELETE_CHILD.0);
