//! What a descriptor record holds: who may what. Trustees are stored as the house knows them, by uid, gid or identifier.

use std::sync::Arc;

use bytes::Bytes;
use vfs::Principal;
use vfs::acl::{AccessMask, Ace, AceFlags, AceKind, SecurityDescriptor, Trustee};

use crate::RecordError;
use crate::codec::{Field, Reader, Writer, fields, tags};

/// What an inode record names a descriptor by, with the descriptor once that was loaded.
#[derive(Clone, Debug)]
pub struct DescriptorRef {
    /// Hash of its stored bytes.
    pub hash: [u8; 32],
    /// The descriptor; not stored with the inode.
    pub loaded: Option<Arc<SecurityDescriptor>>,
}

impl DescriptorRef {
    /// Names a descriptor that is not loaded.
    #[must_use]
    pub fn unloaded(hash: [u8; 32]) -> Self {
        Self { hash, loaded: None }
    }

    /// The descriptor; one that was not loaded lets nobody do anything.
    #[must_use]
    pub fn in_force(&self) -> Arc<SecurityDescriptor> {
        self.loaded.clone().unwrap_or_else(|| {
            let control = SecurityDescriptor::DACL_PRESENT;
            Arc::new(SecurityDescriptor { control, dacl: Some(Vec::new()), ..SecurityDescriptor::default() })
        })
    }
}

/// The hash says it all.
impl PartialEq for DescriptorRef {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl Eq for DescriptorRef {}

impl Field for DescriptorRef {
    fn put(&self, to: &mut Writer) {
        self.hash.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        Field::take(from).map(Self::unloaded)
    }
}

/// Control and DACL of a descriptor as they are stored, and hashed. Nothing else of it is kept.
#[must_use]
pub fn encode_descriptor(descriptor: &SecurityDescriptor) -> Bytes {
    let mut to = Writer::bare();
    descriptor.control.put(&mut to);
    descriptor.dacl.put(&mut to);
    to.finish()
}

/// Reads what [`encode_descriptor`] wrote.
///
/// # Errors
/// In order: `Truncated` or `Invalid` (as the fields come), `Trailing`.
pub fn decode_descriptor(bytes: &[u8]) -> Result<SecurityDescriptor, RecordError> {
    let mut from = Reader::over(bytes, "descriptor");
    let (control, dacl) = (Field::take(&mut from)?, Field::take(&mut from)?);
    from.end()?;
    Ok(SecurityDescriptor { control, dacl, ..SecurityDescriptor::default() })
}

tags!(AceKind, "kind of entry", Allow = 0, Deny = 1, Audit = 2);
fields!(Ace, kind, flags, mask, trustee);

impl Field for AccessMask {
    fn put(&self, to: &mut Writer) {
        self.0.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        u32::take(from).map(Self)
    }
}

/// The lower five bits of `AceFlags` (MS-DTYP 2.4.4.1).
impl Field for AceFlags {
    fn put(&self, to: &mut Writer) {
        let bits = [self.object_inherit, self.container_inherit, self.no_propagate, self.inherit_only, self.inherited];
        let bits = bits.iter().rev().fold(0_u8, |bits, bit| bits << 1 | u8::from(*bit));
        bits.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        let bits = u8::take(from)?;
        let has = |bit: u8| bits >> bit & 1 == 1;
        if bits >> 5 != 0 {
            return Err(RecordError::Invalid("flags of an entry"));
        }
        Ok(Self {
            object_inherit: has(0),
            container_inherit: has(1),
            no_propagate: has(2),
            inherit_only: has(3),
            inherited: has(4),
        })
    }
}

/// `1 | owner` a user, `2 | owner` a group, `3` who owns it, `4` its group, `5` everyone, `6` who creates below, `7` that
/// one's group, `8 | owner` an identifier that is not known.
impl Field for Trustee {
    fn put(&self, to: &mut Writer) {
        let (tag, principal) = match self {
            Self::User(user) => (1, Some(user.clone())),
            Self::Group(group) => (2, Some(group.clone())),
            Self::Owner => (3, None),
            Self::OwningGroup => (4, None),
            Self::Everyone => (5, None),
            Self::CreatorOwner => (6, None),
            Self::CreatorGroup => (7, None),
            Self::Sid(sid) => (8, Some(Principal::Sid(Arc::clone(sid)))),
        };
        u8::put(&tag, to);
        if let Some(principal) = principal {
            principal.put(to);
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        Ok(match u8::take(from)? {
            1 => Self::User(Field::take(from)?),
            2 => Self::Group(Field::take(from)?),
            3 => Self::Owner,
            4 => Self::OwningGroup,
            5 => Self::Everyone,
            6 => Self::CreatorOwner,
            7 => Self::CreatorGroup,
            8 => match Principal::take(from)? {
                Principal::Sid(sid) => Self::Sid(sid),
                Principal::Unix(_) => return Err(RecordError::Invalid("trustee")),
            },
            _ => return Err(RecordError::Invalid("kind of trustee")),
        })
    }
}

#[cfg(test)]
mod tests {
    use vfs::Sid;

    use super::*;

    fn entry(kind: AceKind, trustee: Trustee) -> Ace {
        let flags = AceFlags { container_inherit: true, inherited: true, ..AceFlags::default() };
        Ace { kind, flags, mask: AccessMask(0x12_0089), trustee }
    }

    fn every_trustee() -> SecurityDescriptor {
        let sid = Arc::new(Sid { authority: 5, sub_authorities: [32, 545].into_iter().collect() });
        let trustees = [
            Trustee::User(Principal::Unix(1000)),
            Trustee::Group(Principal::Unix(100)),
            Trustee::Owner,
            Trustee::OwningGroup,
            Trustee::Everyone,
            Trustee::CreatorOwner,
            Trustee::CreatorGroup,
            Trustee::Sid(sid),
        ];
        let dacl = trustees.into_iter().map(|trustee| entry(AceKind::Deny, trustee)).collect();
        SecurityDescriptor { control: 0x1004, dacl: Some(dacl), ..SecurityDescriptor::default() }
    }

    /// Stores hold these bytes, and name them by their hash: they never change.
    #[test]
    fn stored_descriptors_never_change() {
        let bytes = encode_descriptor(&every_trustee());
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let head = "0112" /* deny, container and inherited */
            .to_owned()
            + "00120089";
        let entries = [
            "0101000003e8",
            "020100000064",
            "03",
            "04",
            "05",
            "06",
            "07",
            "080200000000000502000000200000", /* S-1-5-32-545 */
        ];
        let entries: String = entries.iter().map(|trustee| format!("{head}{trustee}")).collect();
        assert_eq!(hex, format!("10040100000008{entries}0221"));
        assert_eq!(decode_descriptor(&bytes), Ok(every_trustee()));
        let anyone = SecurityDescriptor { control: 4, ..SecurityDescriptor::default() };
        assert_eq!(&encode_descriptor(&anyone)[..], [0, 4, 0]);
        assert_eq!(decode_descriptor(&[0, 4, 0]), Ok(anyone));
    }

    #[test]
    fn what_is_no_descriptor_is_refused() {
        let bytes = encode_descriptor(&every_trustee());
        for end in 0..bytes.len() {
            assert!(decode_descriptor(&bytes[..end]).is_err(), "cut at {end}");
        }
        let list = |entry: &[u8]| [&[0, 4, 1, 0, 0, 0, 1], entry].concat();
        for wrong in [
            &list(&[3, 0, 0, 0, 0, 0, 5]),
            &list(&[0, 0x20, 0, 0, 0, 0, 5]),
            &list(&[0, 0, 0, 0, 0, 0, 9]),
            &list(&[0, 0, 0, 0, 0, 0, 8, 1, 0, 0, 0, 7]),
            &list(&[0, 0, 0, 0, 0, 0, 5, 0]),
        ] {
            assert!(decode_descriptor(wrong).is_err(), "{wrong:?}");
        }
    }
}
