//! `SID` (MS-DTYP 2.4.2).

use std::fmt;
use std::str::FromStr;

use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Fault};

const REVISION: u8 = 1;
const HEAD_BYTES: usize = 8;
const AUTHORITY_BYTES: usize = 6;

/// `SID`: who, in the words of Windows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sid {
    authority: [u8; AUTHORITY_BYTES],
    count: u8,
    /// Zero behind the count.
    sub_authorities: [u32; Self::SUB_AUTHORITIES_MAX],
}

impl Sid {
    /// Most of what follows the authority.
    pub const SUB_AUTHORITIES_MAX: usize = 15;
    /// `S-1-1-0`, Everyone.
    pub const EVERYONE: Self = Self::well_known(1, &[0]);
    /// `S-1-3-0`, CREATOR OWNER.
    pub const CREATOR_OWNER: Self = Self::well_known(3, &[0]);
    /// `S-1-3-1`, CREATOR GROUP.
    pub const CREATOR_GROUP: Self = Self::well_known(3, &[1]);
    /// `S-1-3-4`, OWNER RIGHTS.
    pub const OWNER_RIGHTS: Self = Self::well_known(3, &[4]);
    /// `S-1-5-7`, ANONYMOUS LOGON.
    pub const ANONYMOUS: Self = Self::well_known(5, &[7]);
    /// `S-1-5-11`, Authenticated Users.
    pub const AUTHENTICATED_USERS: Self = Self::well_known(5, &[11]);
    /// `S-1-5-18`, SYSTEM.
    pub const SYSTEM: Self = Self::well_known(5, &[18]);
    /// `S-1-5-32-544`, the Administrators of a machine.
    pub const ADMINISTRATORS: Self = Self::well_known(5, &[32, 544]);

    /// `S-1-AUTHORITY-SUB-...`. `None` for more than 15 sub-authorities or an authority above 48 bits.
    #[must_use]
    pub fn new(authority: u64, sub_authorities: &[u32]) -> Option<Self> {
        let [0, 0, authority @ ..] = authority.to_be_bytes() else { return None };
        let mut sid = Self { authority, count: u8::try_from(sub_authorities.len()).ok()?, sub_authorities: [0; 15] };
        sid.sub_authorities.get_mut(..sub_authorities.len())?.copy_from_slice(sub_authorities);
        Some(sid)
    }

    const fn well_known(authority: u8, subs: &[u32]) -> Self {
        let mut sub_authorities = [0; Self::SUB_AUTHORITIES_MAX];
        let count = match subs {
            [first] => {
                sub_authorities[0] = *first;
                1
            }
            [first, second] => {
                sub_authorities[0] = *first;
                sub_authorities[1] = *second;
                2
            }
            _ => 0,
        };
        Self { authority: [0, 0, 0, 0, 0, authority], count, sub_authorities }
    }

    /// `IdentifierAuthority`.
    #[must_use]
    pub const fn authority(&self) -> u64 {
        let [a, b, c, d, e, f] = self.authority;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }

    /// `SubAuthority`.
    #[must_use]
    pub fn sub_authorities(&self) -> &[u32] {
        self.sub_authorities.get(..self.count.into()).unwrap_or_default()
    }

    /// What of a domain this is: the last sub-authority, and the SID without it.
    #[must_use]
    pub fn split_rid(&self) -> Option<(Self, u32)> {
        let (rid, domain) = self.sub_authorities().split_last()?;
        Some((Self::new(self.authority(), domain)?, *rid))
    }

    /// This one with a sub-authority more; `None` if there is no room.
    #[must_use]
    pub fn with_rid(&self, rid: u32) -> Option<Self> {
        let mut sid = *self;
        *sid.sub_authorities.get_mut(usize::from(self.count))? = rid;
        sid.count += 1;
        Some(sid)
    }

    /// Bytes on the wire.
    #[must_use]
    pub fn size(&self) -> usize {
        HEAD_BYTES + size_of::<u32>() * usize::from(self.count)
    }
}

impl<'a> Decode<'a> for Sid {
    /// Errors: a `Revision` other than 1, more than 15 sub-authorities, whatever is cut off.
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        if decoder.read::<u8>("Revision")? != REVISION {
            return Err(DecodeError::new("Revision", Fault::Value));
        }
        let count: u8 = decoder.read("SubAuthorityCount")?;
        let authority = decoder.array("IdentifierAuthority")?;
        let mut sub_authorities = [0; Self::SUB_AUTHORITIES_MAX];
        let Some(places) = sub_authorities.get_mut(..count.into()) else {
            return Err(DecodeError::new("SubAuthorityCount", Fault::Value));
        };
        for place in places {
            *place = decoder.read("SubAuthority")?;
        }
        Ok(Self { authority, count, sub_authorities })
    }
}

impl Encode for Sid {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(REVISION);
        encoder.put(self.count);
        encoder.put(self.authority);
        self.sub_authorities().iter().for_each(|sub_authority| encoder.put(*sub_authority));
    }
}

/// `S-1-5-21-...` (MS-DTYP 2.4.2.1).
impl fmt::Display for Sid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.authority() {
            small if u32::try_from(small).is_ok() => write!(formatter, "S-1-{small}")?,
            large => write!(formatter, "S-1-{large:#014x}")?,
        }
        self.sub_authorities().iter().try_for_each(|sub_authority| write!(formatter, "-{sub_authority}"))
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Text that is no SID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SID: S-1-AUTHORITY-NUMBER-...")]
pub struct ParseSidError;

impl FromStr for Sid {
    type Err = ParseSidError;

    fn from_str(text: &str) -> Result<Self, ParseSidError> {
        let mut parts = text.strip_prefix("S-1-").ok_or(ParseSidError)?.split('-');
        let authority = parts.next().ok_or(ParseSidError)?;
        let authority = match authority.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => authority.parse(),
        };
        let mut sid = Self::new(authority.map_err(|_| ParseSidError)?, &[]).ok_or(ParseSidError)?;
        for part in parts {
            sid = sid.with_rid(part.parse().map_err(|_| ParseSidError)?).ok_or(ParseSidError)?;
        }
        Ok(sid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for text in ["S-1-5-21-1-2-3-1000", "S-1-0x123456789abc-7", "S-1-5-32-544", "S-1-3"] {
            assert_eq!(text.parse::<Sid>().unwrap().to_string(), text);
        }
        assert_eq!("S-1-5-32-544".parse(), Ok(Sid::ADMINISTRATORS));
        let crowd = "S-1-5".to_owned() + &"-1".repeat(16);
        for text in ["", "S-2-5", "S-1-", "S-1-5--1", "S-1-0x1000000000000", "S-1-5-4294967296", &crowd] {
            assert_eq!(text.parse::<Sid>(), Err(ParseSidError), "{text}");
        }
    }

    #[test]
    fn the_last_part_is_the_user_of_a_domain() {
        let user: Sid = "S-1-5-21-1-2-3-1000".parse().unwrap();
        let (domain, rid) = user.split_rid().unwrap();
        assert_eq!((domain.to_string(), rid), ("S-1-5-21-1-2-3".to_owned(), 1000));
        assert_eq!(domain.with_rid(rid), Some(user));
        assert_eq!(Sid::new(5, &[]).unwrap().split_rid(), None);
    }
}
