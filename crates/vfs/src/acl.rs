//! The one model of permission: a security descriptor as Windows and NFSv4 know it, with the Unix mode as its
//! projection.

use std::sync::Arc;

use crate::{Principal, Sid};

/// Rights on an object (MS-DTYP 2.4.3, MS-SMB2 2.2.13.1). For a directory `READ_DATA` lists, `WRITE_DATA` adds files,
/// `APPEND_DATA` adds sub-directories and `EXECUTE` searches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AccessMask(pub u32);

/// Kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AceKind {
    /// Grants.
    Allow,
    /// Refuses.
    Deny,
    /// Is recorded when used (system list only).
    Audit,
}

/// Whom an entry is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Trustee {
    /// A user.
    User(Principal),
    /// A group.
    Group(Principal),
    /// Who owns the object now (S-1-3-4, NFSv4 `OWNER@`).
    Owner,
    /// The object's group now (NFSv4 `GROUP@`).
    OwningGroup,
    /// Everyone (S-1-1-0, NFSv4 `EVERYONE@`).
    Everyone,
    /// Whoever creates below (S-1-3-0); replaced when inherited.
    CreatorOwner,
    /// The group of whoever creates below (S-1-3-1); replaced when inherited.
    CreatorGroup,
    /// An identifier that is not known to be user or group.
    Sid(Arc<Sid>),
}

/// Inheritance of an entry (MS-DTYP 2.4.4.1 `AceFlags`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AceFlags {
    /// Files below inherit it.
    pub object_inherit: bool,
    /// Directories below inherit it.
    pub container_inherit: bool,
    /// Only one level.
    pub no_propagate: bool,
    /// Says nothing about the object itself.
    pub inherit_only: bool,
    /// Came from above.
    pub inherited: bool,
}

/// One entry of an access control list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ace {
    /// Grants, refuses or records.
    pub kind: AceKind,
    /// Inheritance.
    pub flags: AceFlags,
    /// Which rights.
    pub mask: AccessMask,
    /// Of whom.
    pub trustee: Trustee,
}

/// Owner, group and access control lists of an object (MS-DTYP 2.4.6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SecurityDescriptor {
    /// Owner.
    pub owner: Option<Principal>,
    /// Owning group.
    pub group: Option<Principal>,
    /// Control bits as stored (MS-DTYP 2.4.6 `Control`).
    pub control: u16,
    /// Who may what, first match of each right decides; `None` lets everyone do everything.
    pub dacl: Option<Vec<Ace>>,
    /// What is recorded.
    pub sacl: Option<Vec<Ace>>,
}

impl AccessMask {
    /// Read the data, or list the directory.
    pub const READ_DATA: Self = Self(0x1);
    /// Write the data, or add a file.
    pub const WRITE_DATA: Self = Self(0x2);
    /// Append, or add a sub-directory.
    pub const APPEND_DATA: Self = Self(0x4);
    /// Read extended attributes.
    pub const READ_EA: Self = Self(0x8);
    /// Write extended attributes.
    pub const WRITE_EA: Self = Self(0x10);
    /// Execute, or search the directory.
    pub const EXECUTE: Self = Self(0x20);
    /// Delete any entry of the directory.
    pub const DELETE_CHILD: Self = Self(0x40);
    /// Read attributes.
    pub const READ_ATTRIBUTES: Self = Self(0x80);
    /// Write attributes and times.
    pub const WRITE_ATTRIBUTES: Self = Self(0x100);
    /// Delete the object.
    pub const DELETE: Self = Self(0x1_0000);
    /// Read the descriptor.
    pub const READ_CONTROL: Self = Self(0x2_0000);
    /// Change the lists (chmod).
    pub const WRITE_DAC: Self = Self(0x4_0000);
    /// Change owner or group.
    pub const WRITE_OWNER: Self = Self(0x8_0000);
    /// Wait for the object; everyone may.
    pub const SYNCHRONIZE: Self = Self(0x10_0000);
    /// Every right that an object can have.
    pub const ALL: Self = Self(0x1f_01ff);
    /// Ask for all rights there are.
    pub const MAXIMUM_ALLOWED: Self = Self(0x200_0000);
    /// What the mode bit `r` stands for.
    pub const MODE_READ: Self = Self(0x1 | 0x8);
    /// What the mode bit `w` stands for.
    pub const MODE_WRITE: Self = Self(0x2 | 0x4 | 0x10);
    /// What the mode bit `x` stands for.
    pub const MODE_EXECUTE: Self = Self(0x20);
    /// What everyone may always do who reaches the object.
    pub const ALWAYS: Self = Self(0x80 | 0x2_0000);

    /// Whether all rights of `other` are in this mask.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The rights in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The rights in both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The rights that three mode bits stand for.
    #[must_use]
    pub fn from_mode_bits(bits: u32) -> Self {
        let part = |bit: u32, mask: Self| if bits & bit != 0 { mask.0 } else { 0 };
        Self(part(4, Self::MODE_READ) | part(2, Self::MODE_WRITE) | part(1, Self::MODE_EXECUTE))
    }

    /// The three mode bits whose rights are all in this mask.
    #[must_use]
    pub fn to_mode_bits(self) -> u32 {
        let bit = |mask: Self, bit: u32| if self.contains(mask) { bit } else { 0 };
        bit(Self::READ_DATA, 4) | bit(Self(0x2 | 0x4), 2) | bit(Self::EXECUTE, 1)
    }
}

impl SecurityDescriptor {
    /// The descriptor that says exactly what owner, group and mode say. Refusals stand before grants where a narrower
    /// class has fewer rights than a wider one, as POSIX asks the first class that fits and no other.
    #[must_use]
    pub fn from_mode(owner: Principal, group: Principal, mode: u32) -> Self {
        let rights = |shift: u32| AccessMask::from_mode_bits(mode >> shift & 7);
        let (user, members, others) = (rights(6), rights(3), rights(0));
        let mut dacl = Vec::with_capacity(5);
        let mut push = |kind, trustee, mask: AccessMask| {
            if mask.0 != 0 {
                dacl.push(Ace { kind, flags: AceFlags::default(), mask, trustee });
            }
        };
        push(AceKind::Deny, Trustee::Owner, AccessMask((members.0 | others.0) & !user.0));
        push(AceKind::Allow, Trustee::Owner, user.union(AccessMask(0x4_0000 | 0x100)));
        push(AceKind::Deny, Trustee::OwningGroup, AccessMask(others.0 & !members.0));
        push(AceKind::Allow, Trustee::OwningGroup, members);
        push(AceKind::Allow, Trustee::Everyone, others.union(AccessMask::ALWAYS));
        Self { owner: Some(owner), group: Some(group), control: 0, dacl: Some(dacl), sacl: None }
    }

    /// The permission bits (0777) that come nearest: what owner, members of the group and everyone are granted.
    #[must_use]
    pub fn to_mode(&self) -> u32 {
        let Some(dacl) = &self.dacl else { return 0o777 };
        let class = |classes: &[Trustee]| {
            let (mut granted, mut refused) = (0, 0);
            for ace in dacl.iter().filter(|ace| !ace.flags.inherit_only && classes.contains(&ace.trustee)) {
                match ace.kind {
                    AceKind::Allow => granted |= ace.mask.0 & !refused,
                    AceKind::Deny => refused |= ace.mask.0 & !granted,
                    AceKind::Audit => {}
                }
            }
            AccessMask(granted).to_mode_bits()
        };
        let owner = class(&[Trustee::Owner, Trustee::Everyone]);
        let group = class(&[Trustee::OwningGroup, Trustee::Everyone]);
        owner << 6 | group << 3 | class(&[Trustee::Everyone])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_survives_the_descriptor() {
        for mode in 0..=0o777 {
            let descriptor = SecurityDescriptor::from_mode(Principal::Unix(1), Principal::Unix(2), mode);
            assert_eq!(descriptor.to_mode(), mode, "mode {mode:o}");
        }
    }
}
