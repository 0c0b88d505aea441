//! `SECURITY_DESCRIPTOR` in its self-relative form (MS-DTYP 2.4.6).

use super::{Acl, Sid};
use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Fault, Place, flags};

const REVISION: u8 = 1;
const ALIGNMENT: usize = 4;

flags! {
    /// `Control` (MS-DTYP 2.4.6).
    pub struct DescriptorControl(u16) {
        OWNER_DEFAULTED = 0x0001 "SE_OWNER_DEFAULTED",
        GROUP_DEFAULTED = 0x0002 "SE_GROUP_DEFAULTED",
        /// There is a DACL; if its offset is zero, it is NULL: everybody may do everything.
        DACL_PRESENT = 0x0004 "SE_DACL_PRESENT",
        DACL_DEFAULTED = 0x0008 "SE_DACL_DEFAULTED",
        SACL_PRESENT = 0x0010 "SE_SACL_PRESENT",
        SACL_DEFAULTED = 0x0020 "SE_SACL_DEFAULTED",
        DACL_AUTO_INHERIT_REQ = 0x0100 "SE_DACL_AUTO_INHERIT_REQ",
        SACL_AUTO_INHERIT_REQ = 0x0200 "SE_SACL_AUTO_INHERIT_REQ",
        DACL_AUTO_INHERITED = 0x0400 "SE_DACL_AUTO_INHERITED",
        SACL_AUTO_INHERITED = 0x0800 "SE_SACL_AUTO_INHERITED",
        DACL_PROTECTED = 0x1000 "SE_DACL_PROTECTED",
        SACL_PROTECTED = 0x2000 "SE_SACL_PROTECTED",
        RM_CONTROL_VALID = 0x4000 "SE_RM_CONTROL_VALID",
        SELF_RELATIVE = 0x8000 "SE_SELF_RELATIVE",
    }
}

/// `SECURITY_DESCRIPTOR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SecurityDescriptor<'a> {
    /// `Control`.
    pub control: DescriptorControl,
    /// `OwnerSid`.
    pub owner: Option<Sid>,
    /// `GroupSid`.
    pub group: Option<Sid>,
    /// `Sacl`.
    pub sacl: Option<Acl<'a>>,
    /// `Dacl`.
    pub dacl: Option<Acl<'a>>,
}

impl<'a> Decode<'a> for SecurityDescriptor<'a> {
    /// Errors: another `Revision`, a `Control` without `SE_SELF_RELATIVE`, offsets that lie outside, then those of the parts.
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let whole = decoder.clone();
        if decoder.read::<u8>("Revision")? != REVISION {
            return Err(DecodeError::new("Revision", Fault::Value));
        }
        decoder.skip(1)?;
        let control: DescriptorControl = decoder.read("Control")?;
        if !control.contains(DescriptorControl::SELF_RELATIVE) {
            return Err(DecodeError::new("Control", Fault::Value));
        }
        let [owner, group, sacl, dacl] = [
            decoder.read("OffsetOwner")?,
            decoder.read("OffsetGroup")?,
            decoder.read("OffsetSacl")?,
            decoder.read("OffsetDacl")?,
        ];
        Ok(Self {
            control,
            owner: at(&whole, owner, "OffsetOwner")?,
            group: at(&whole, group, "OffsetGroup")?,
            sacl: at(&whole, sacl, "OffsetSacl")?,
            dacl: at(&whole, dacl, "OffsetDacl")?,
        })
    }
}

/// A part by its offset; zero: there is none.
fn at<'a, T: Decode<'a>>(whole: &Decoder<'a>, offset: u32, field: &'static str) -> Result<Option<T>, DecodeError> {
    if offset == 0 {
        return Ok(None);
    }
    let part = usize::try_from(offset).ok().and_then(|offset| whole.rest().get(offset..));
    let part = part.ok_or_else(|| DecodeError::new(field, Fault::OutOfBounds))?;
    T::decode(&mut Decoder::new(part)).map(Some)
}

/// Parts stand in the order of Windows: `Sacl`, `Dacl`, `OwnerSid`, `GroupSid`.
impl Encode for SecurityDescriptor<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        let start = encoder.offset();
        encoder.put(REVISION);
        encoder.put_zeros(1);
        encoder.put(self.control | DescriptorControl::SELF_RELATIVE);
        let [owner, group, sacl, dacl] = [(); 4].map(|()| encoder.place::<u32>());
        part(encoder, start, sacl, self.sacl.as_ref());
        part(encoder, start, dacl, self.dacl.as_ref());
        part(encoder, start, owner, self.owner.as_ref());
        part(encoder, start, group, self.group.as_ref());
    }
}

fn part(encoder: &mut Encoder<'_>, start: usize, place: Place, item: Option<&impl Encode>) {
    let Some(item) = item else { return };
    encoder.align(ALIGNMENT);
    encoder.set_32(place, encoder.offset() - start);
    item.encode(encoder);
}
