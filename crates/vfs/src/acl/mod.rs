//! The one model of permission: a security descriptor as Windows and NFSv4 know it, with the Unix mode as its
//! projection.

mod inherit;
mod mode;
mod rights;
#[cfg(test)]
mod tests;

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
///
/// As [`crate::Attributes::descriptor`] holds it, it has neither owner nor group (those of the attributes count) and no
/// `sacl`, and its `dacl` is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SecurityDescriptor {
    /// Owner.
    pub owner: Option<Principal>,
    /// Owning group.
    pub group: Option<Principal>,
    /// Control bits as stored (MS-DTYP 2.4.6 `Control`).
    pub control: u16,
    /// Who may what, first match of each right decides; `None` lets everyone do everything, if `control` has
    /// [`SecurityDescriptor::DACL_PRESENT`], and says nothing otherwise.
    pub dacl: Option<Vec<Ace>>,
    /// What is recorded; not kept.
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
    /// Read or change what is recorded; nobody has it.
    pub const SYSTEM_SECURITY: Self = Self(0x100_0000);
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

    /// Generic rights spelt out (MS-DTYP 2.4.3, MS-FSCC for files).
    #[must_use]
    pub fn map_generic(self) -> Self {
        let part = |generic: u32, mask: u32| if self.0 & generic != 0 { mask } else { 0 };
        Self(
            self.0 & 0x0fff_ffff
                | part(0x8000_0000, 0x12_0089)
                | part(0x4000_0000, 0x12_0116)
                | part(0x2000_0000, 0x12_00a0)
                | part(0x1000_0000, Self::ALL.0),
        )
    }

    /// The rights in this mask and not in the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
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
    /// `Control`: there is a DACL (MS-DTYP 2.4.6 `SE_DACL_PRESENT`).
    pub const DACL_PRESENT: u16 = 0x0004;
    /// `Control`: what is set is to be inherited as by `DACL_AUTO_INHERITED` (`SE_DACL_AUTO_INHERIT_REQ`).
    pub const DACL_AUTO_INHERIT_REQ: u16 = 0x0100;
    /// `Control`: entries that come from above are marked so (`SE_DACL_AUTO_INHERITED`).
    pub const DACL_AUTO_INHERITED: u16 = 0x0400;
    /// `Control`: clients do not hand down to it what changes above (`SE_DACL_PROTECTED`).
    pub const DACL_PROTECTED: u16 = 0x1000;

    /// What is kept of one that is set: control bits that go on to mean something, and the DACL with generic rights of what
    /// it says of the object itself spelt out. Inheritance is marked only where that is asked for (MS-DTYP 2.5.3.4.2).
    #[must_use]
    pub fn kept(&self) -> Self {
        let marking = Self::DACL_AUTO_INHERITED | Self::DACL_AUTO_INHERIT_REQ;
        let marks = if self.control & marking == marking { Self::DACL_AUTO_INHERITED } else { 0 };
        let spelt_out =
            |ace: &Ace| Ace { mask: if ace.is_effective() { ace.mask.map_generic() } else { ace.mask }, ..ace.clone() };
        Self {
            control: Self::DACL_PRESENT | marks | (self.control & Self::DACL_PROTECTED),
            dacl: self.dacl.as_ref().map(|dacl| dacl.iter().map(spelt_out).collect()),
            ..Self::default()
        }
    }

    /// Whether it has no more than [`crate::limits::DESCRIPTOR_ENTRIES_MAX`] entries.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.dacl.as_ref().is_none_or(|dacl| dacl.len() <= crate::limits::DESCRIPTOR_ENTRIES_MAX)
    }

    /// Whether it says who may what.
    #[must_use]
    pub fn has_dacl(&self) -> bool {
        self.control & Self::DACL_PRESENT != 0
    }
}

impl Ace {
    /// Whether it is about the object itself.
    fn is_effective(&self) -> bool {
        !self.flags.inherit_only
    }
}

impl Trustee {
    /// Whether it stands for whoever this owner is.
    fn is_owner(&self, owner: &Principal) -> bool {
        matches!(self, Self::Owner) || matches!(self, Self::User(user) if user == owner)
    }

    /// Whether it stands for this group.
    fn is_group(&self, group: &Principal) -> bool {
        matches!(self, Self::OwningGroup) || matches!(self, Self::Group(member) if member == group)
    }
}

/// The uid that guests and users without rights run as: no authenticated user (S-1-5-11).
const NOBODY: u32 = 65_534;
