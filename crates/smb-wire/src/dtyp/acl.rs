//! `ACL` and `ACE` (MS-DTYP 2.4.4, 2.4.5).

use super::{AccessMask, Sid};
use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Fault, codes, flags};

const HEAD_BYTES: usize = 8;
const ACE_HEAD_BYTES: usize = 4;

codes! {
    /// `AceType` (MS-DTYP 2.4.4.1).
    pub struct AceType(u8) {
        ACCESS_ALLOWED = 0x00 "ACCESS_ALLOWED_ACE_TYPE",
        ACCESS_DENIED = 0x01 "ACCESS_DENIED_ACE_TYPE",
        SYSTEM_AUDIT = 0x02 "SYSTEM_AUDIT_ACE_TYPE",
        ACCESS_ALLOWED_OBJECT = 0x05 "ACCESS_ALLOWED_OBJECT_ACE_TYPE",
        ACCESS_DENIED_OBJECT = 0x06 "ACCESS_DENIED_OBJECT_ACE_TYPE",
        ACCESS_ALLOWED_CALLBACK = 0x09 "ACCESS_ALLOWED_CALLBACK_ACE_TYPE",
        ACCESS_DENIED_CALLBACK = 0x0a "ACCESS_DENIED_CALLBACK_ACE_TYPE",
        SYSTEM_MANDATORY_LABEL = 0x11 "SYSTEM_MANDATORY_LABEL_ACE_TYPE",
        SYSTEM_RESOURCE_ATTRIBUTE = 0x12 "SYSTEM_RESOURCE_ATTRIBUTE_ACE_TYPE",
        SYSTEM_SCOPED_POLICY_ID = 0x13 "SYSTEM_SCOPED_POLICY_ID_ACE_TYPE",
    }
}

flags! {
    /// `AceFlags` (MS-DTYP 2.4.4.1).
    pub struct AceFlags(u8) {
        OBJECT_INHERIT = 0x01 "OBJECT_INHERIT_ACE",
        CONTAINER_INHERIT = 0x02 "CONTAINER_INHERIT_ACE",
        NO_PROPAGATE_INHERIT = 0x04 "NO_PROPAGATE_INHERIT_ACE",
        INHERIT_ONLY = 0x08 "INHERIT_ONLY_ACE",
        INHERITED = 0x10 "INHERITED_ACE",
        SUCCESSFUL_ACCESS = 0x40 "SUCCESSFUL_ACCESS_ACE_FLAG",
        FAILED_ACCESS = 0x80 "FAILED_ACCESS_ACE_FLAG",
    }
}

/// `ACE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ace<'a> {
    /// `AceType`.
    pub kind: AceType,
    /// `AceFlags`.
    pub flags: AceFlags,
    /// What follows the head.
    pub body: AceBody<'a>,
}

/// What follows the head of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AceBody<'a> {
    /// Of the types that name somebody and rights and nothing else.
    Rights {
        /// `Mask`.
        mask: AccessMask,
        /// `Sid`.
        sid: Sid,
        /// What follows: conditions and attributes, or nothing.
        data: &'a [u8],
    },
    /// Of all others, as it is.
    Other(&'a [u8]),
}

impl<'a> Ace<'a> {
    /// Bytes on the wire.
    #[must_use]
    pub fn size(&self) -> usize {
        ACE_HEAD_BYTES
            + match self.body {
                AceBody::Rights { sid, data, .. } => size_of::<u32>() + sid.size() + data.len(),
                AceBody::Other(data) => data.len(),
            }
    }

    const fn names_rights(kind: AceType) -> bool {
        matches!(
            kind,
            AceType::ACCESS_ALLOWED
                | AceType::ACCESS_DENIED
                | AceType::SYSTEM_AUDIT
                | AceType::ACCESS_ALLOWED_CALLBACK
                | AceType::ACCESS_DENIED_CALLBACK
                | AceType::SYSTEM_MANDATORY_LABEL
                | AceType::SYSTEM_RESOURCE_ATTRIBUTE
                | AceType::SYSTEM_SCOPED_POLICY_ID
        )
    }
}

impl<'a> Decode<'a> for Ace<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let kind = decoder.read("AceType")?;
        let flags = decoder.read("AceFlags")?;
        let size: u16 = decoder.read("AceSize")?;
        let Some(length) = usize::from(size).checked_sub(ACE_HEAD_BYTES) else {
            return Err(DecodeError::new("AceSize", Fault::Length));
        };
        let data = decoder.take(length, "AceSize")?;
        if !Self::names_rights(kind) {
            return Ok(Self { kind, flags, body: AceBody::Other(data) });
        }
        let mut body = Decoder::new(data);
        let mask = body.read("Mask")?;
        let sid = Sid::decode(&mut body)?;
        Ok(Self { kind, flags, body: AceBody::Rights { mask, sid, data: body.rest() } })
    }
}

impl Encode for Ace<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.kind);
        encoder.put(self.flags);
        encoder.put_count_16(self.size());
        match &self.body {
            AceBody::Rights { mask, sid, data } => {
                encoder.put(*mask);
                sid.encode(encoder);
                encoder.put_bytes(data);
            }
            AceBody::Other(data) => encoder.put_bytes(data),
        }
    }
}

/// `ACL`: entries that all decode, from the wire or from memory. They compare by their entries.
#[derive(Debug, Clone, Copy)]
pub struct Acl<'a> {
    /// `AclRevision`: 2, or 4 with entries of objects.
    pub revision: u8,
    entries: AceList<'a>,
}

#[derive(Debug, Clone, Copy)]
enum AceList<'a> {
    Wire { bytes: &'a [u8], count: u16 },
    Items(&'a [Ace<'a>]),
}

impl<'a> Acl<'a> {
    /// An `ACL` of revision 2.
    #[must_use]
    pub const fn new(entries: &'a [Ace<'a>]) -> Self {
        Self { revision: 2, entries: AceList::Items(entries) }
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = Ace<'a>> + use<'a> {
        let (bytes, count, items): (&[u8], u16, &[_]) = match self.entries {
            AceList::Wire { bytes, count } => (bytes, count, &[]),
            AceList::Items(items) => (&[], 0, items),
        };
        let mut walk = Decoder::new(bytes);
        (0..count).map_while(move |_| Ace::decode(&mut walk).ok()).chain(items.iter().copied())
    }

    /// Bytes on the wire.
    #[must_use]
    pub fn size(&self) -> usize {
        HEAD_BYTES + self.iter().map(|entry| entry.size()).sum::<usize>()
    }
}

impl PartialEq for Acl<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.revision == other.revision && self.iter().eq(other.iter())
    }
}

impl Eq for Acl<'_> {}

impl<'a> Decode<'a> for Acl<'a> {
    /// Errors: what is cut off, an `AclSize` below the head, then those of the entries.
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let revision = decoder.read("AclRevision")?;
        decoder.skip(1)?;
        let size: u16 = decoder.read("AclSize")?;
        let count = decoder.read("AceCount")?;
        decoder.skip(2)?;
        let Some(length) = usize::from(size).checked_sub(HEAD_BYTES) else {
            return Err(DecodeError::new("AclSize", Fault::Length));
        };
        let bytes = decoder.take(length, "AclSize")?;
        let mut walk = Decoder::new(bytes);
        for _ in 0..count {
            Ace::decode(&mut walk)?;
        }
        Ok(Self { revision, entries: AceList::Wire { bytes, count } })
    }
}

impl Encode for Acl<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.revision);
        encoder.put_zeros(1);
        encoder.put_count_16(self.size());
        encoder.put_count_16(self.iter().count());
        encoder.put_zeros(2);
        self.iter().for_each(|entry| entry.encode(encoder));
    }
}
