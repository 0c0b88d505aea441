//! Credentials and verifiers (RFC 5531 8.2, appendix A).

use smallvec::SmallVec;

use crate::xdr::{self, Decode, DecodeError, Decoder, Encode, Encoder, Opaque, UNIT, xdr_struct};

/// Limit of a credential or verifier body in bytes (RFC 5531 8.2).
pub const AUTH_BODY_MAX_BYTES: usize = 400;
/// Limit of `machinename` in AUTH_SYS, bytes (RFC 5531 appendix A).
pub const MACHINE_NAME_MAX_BYTES: usize = 255;
/// Limit of supplementary groups in AUTH_SYS (RFC 5531 appendix A).
pub const SYS_GROUPS_MAX: usize = 16;

/// `auth_flavor` (RFC 5531 8.2): an open set, so any number is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuthFlavor(pub u32);

impl AuthFlavor {
    /// `AUTH_NONE`: nobody in particular.
    pub const NONE: Self = Self(0);
    /// `AUTH_SYS` (once AUTH_UNIX): numeric ids, believed.
    pub const SYS: Self = Self(1);
    /// `AUTH_SHORT`: a server-made shorthand; never given out here.
    pub const SHORT: Self = Self(2);
    /// `AUTH_DH`: obsolete.
    pub const DH: Self = Self(3);
    /// `RPCSEC_GSS` (RFC 2203).
    pub const RPCSEC_GSS: Self = Self(6);
    /// Kerberos 5 authentication as MOUNT lists it (RFC 2623).
    pub const KRB5: Self = Self(390_003);
    /// Kerberos 5 with integrity (RFC 2623).
    pub const KRB5I: Self = Self(390_004);
    /// Kerberos 5 with privacy (RFC 2623).
    pub const KRB5P: Self = Self(390_005);
}

impl Encode for AuthFlavor {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_u32(self.0);
    }

    fn encoded_size(&self) -> usize {
        UNIT
    }
}

impl Decode for AuthFlavor {
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        decoder.read_u32().map(Self)
    }
}

xdr_struct! {
    /// `opaque_auth` (RFC 5531 8.2): a credential or a verifier, its body not looked into yet.
    pub struct OpaqueAuth {
        /// Which kind of body.
        pub flavor: AuthFlavor,
        /// At most 400 bytes.
        pub body: Opaque<AUTH_BODY_MAX_BYTES>,
    }
}

impl OpaqueAuth {
    /// AUTH_NONE with an empty body: the verifier of every AUTH_NONE and AUTH_SYS message.
    #[must_use]
    pub fn none() -> Self {
        Self { flavor: AuthFlavor::NONE, body: Opaque::default() }
    }

    /// An AUTH_SYS credential, for clients. A body above 400 bytes cannot come out of the type's own limits
    /// (at most 344).
    #[must_use]
    pub fn sys(credential: &AuthSys) -> Self {
        Self { flavor: AuthFlavor::SYS, body: Opaque::new(xdr::to_bytes(credential)).unwrap_or_default() }
    }
}

/// `authsys_parms` (RFC 5531 appendix A): what an AUTH_SYS credential says, unproven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthSys {
    /// An arbitrary number of the client.
    pub stamp: u32,
    /// `machinename`: what the client calls itself; bytes, not text.
    pub machine_name: Opaque<MACHINE_NAME_MAX_BYTES>,
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// `gids`: supplementary groups, at most 16; not the truth about who is in more.
    pub gids: SmallVec<[u32; SYS_GROUPS_MAX]>,
}

impl AuthSys {
    /// Reads the body of an AUTH_SYS credential; bytes after the groups are ignored, as other servers do.
    ///
    /// # Errors
    /// Those of decoding; the answer is `AUTH_ERROR(AUTH_BADCRED)`.
    pub fn from_credential(credential: &OpaqueAuth) -> Result<Self, DecodeError> {
        Self::decode(&mut Decoder::new(credential.body.as_bytes().clone()))
    }
}

impl Encode for AuthSys {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_u32(self.stamp);
        self.machine_name.encode(encoder);
        encoder.put_u32(self.uid);
        encoder.put_u32(self.gid);
        let groups = self.gids.len().min(SYS_GROUPS_MAX);
        encoder.put_length(groups);
        for gid in self.gids.iter().take(groups) {
            encoder.put_u32(*gid);
        }
    }

    fn encoded_size(&self) -> usize {
        4 * UNIT + self.machine_name.encoded_size() + self.gids.len().min(SYS_GROUPS_MAX) * UNIT
    }
}

impl Decode for AuthSys {
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        let stamp = decoder.read_u32()?;
        let machine_name = Opaque::decode(decoder)?;
        let uid = decoder.read_u32()?;
        let gid = decoder.read_u32()?;
        let mut gids = SmallVec::new();
        for _ in 0..decoder.read_length(SYS_GROUPS_MAX)? {
            gids.push(decoder.read_u32()?);
        }
        Ok(Self { stamp, machine_name, uid, gid, gids })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(groups: usize) -> AuthSys {
        AuthSys {
            stamp: 7,
            machine_name: Opaque::from_static("client-a"),
            uid: 1000,
            gid: 100,
            gids: (0..u32::try_from(groups).unwrap()).collect(),
        }
    }

    #[test]
    fn sixteen_groups_and_a_long_name_fit_a_credential() {
        let mut full = credential(SYS_GROUPS_MAX);
        full.machine_name = Opaque::new(vec![b'x'; MACHINE_NAME_MAX_BYTES]).unwrap();
        let body = OpaqueAuth::sys(&full);
        assert_eq!(AuthSys::from_credential(&body), Ok(full));
    }

    #[test]
    fn a_seventeenth_group_is_refused() {
        let mut bytes = xdr::to_bytes(&credential(16)).to_vec();
        let count_at = bytes.len() - 17 * UNIT;
        bytes[count_at..count_at + UNIT].copy_from_slice(&17_u32.to_be_bytes());
        bytes.extend_from_slice(&[0; UNIT]);
        let body = OpaqueAuth { flavor: AuthFlavor::SYS, body: Opaque::new(bytes).unwrap() };
        assert_eq!(AuthSys::from_credential(&body), Err(DecodeError::TooLong { length: 17, maximum: 16 }));
    }

    #[test]
    fn an_empty_body_is_an_error() {
        let body = OpaqueAuth { flavor: AuthFlavor::SYS, body: Opaque::default() };
        assert!(AuthSys::from_credential(&body).is_err());
    }

    #[test]
    fn groups_do_not_leave_the_stack() {
        let decoded = AuthSys::from_credential(&OpaqueAuth::sys(&credential(SYS_GROUPS_MAX))).unwrap();
        assert!(!decoded.gids.spilled());
    }
}
