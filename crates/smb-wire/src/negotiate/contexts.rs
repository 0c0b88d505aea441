//! `SMB2 NEGOTIATE_CONTEXT` (MS-SMB2 2.2.3.1 and 2.2.4.1), the same in both directions.

use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Fault, List, Place, Utf16, codes, flags};

const ALIGNMENT: usize = 8;

codes! {
    /// `ContextType`.
    pub struct ContextType(u16) {
        PREAUTH_INTEGRITY = 1 "SMB2_PREAUTH_INTEGRITY_CAPABILITIES",
        ENCRYPTION = 2 "SMB2_ENCRYPTION_CAPABILITIES",
        COMPRESSION = 3 "SMB2_COMPRESSION_CAPABILITIES",
        NETNAME = 5 "SMB2_NETNAME_NEGOTIATE_CONTEXT_ID",
        TRANSPORT = 6 "SMB2_TRANSPORT_CAPABILITIES",
        RDMA_TRANSFORM = 7 "SMB2_RDMA_TRANSFORM_CAPABILITIES",
        SIGNING = 8 "SMB2_SIGNING_CAPABILITIES",
        POSIX = 0x100 "SMB2_POSIX_EXTENSIONS_AVAILABLE",
    }
}

codes! {
    /// `HashAlgorithms` (MS-SMB2 2.2.3.1.1).
    pub struct HashAlgorithm(u16) {
        SHA_512 = 1 "SHA-512",
    }
}

codes! {
    /// `Ciphers` (MS-SMB2 2.2.3.1.2).
    pub struct Cipher(u16) {
        AES_128_CCM = 1 "AES-128-CCM",
        AES_128_GCM = 2 "AES-128-GCM",
        AES_256_CCM = 3 "AES-256-CCM",
        AES_256_GCM = 4 "AES-256-GCM",
    }
}

codes! {
    /// `CompressionAlgorithms` (MS-SMB2 2.2.3.1.3).
    pub struct CompressionAlgorithm(u16) {
        NONE = 0 "NONE",
        LZNT1 = 1 "LZNT1",
        LZ77 = 2 "LZ77",
        LZ77_HUFFMAN = 3 "LZ77+Huffman",
        PATTERN_V1 = 4 "Pattern_V1",
        LZ4 = 5 "LZ4",
    }
}

flags! {
    /// `Flags` of compression (MS-SMB2 2.2.3.1.3).
    pub struct CompressionFlags(u32) {
        CHAINED = 1 "SMB2_COMPRESSION_CAPABILITIES_FLAG_CHAINED",
    }
}

flags! {
    /// `Flags` of the transport (MS-SMB2 2.2.3.1.5).
    pub struct TransportFlags(u32) {
        ACCEPT_TRANSPORT_LEVEL_SECURITY = 1 "SMB2_ACCEPT_TRANSPORT_LEVEL_SECURITY",
    }
}

codes! {
    /// `RDMATransformIds` (MS-SMB2 2.2.3.1.6).
    pub struct RdmaTransform(u16) {
        NONE = 0 "SMB2_RDMA_TRANSFORM_NONE",
        ENCRYPTION = 1 "SMB2_RDMA_TRANSFORM_ENCRYPTION",
        SIGNING = 2 "SMB2_RDMA_TRANSFORM_SIGNING",
    }
}

codes! {
    /// `SigningAlgorithms` (MS-SMB2 2.2.3.1.7).
    pub struct SigningAlgorithm(u16) {
        HMAC_SHA256 = 0 "HMAC-SHA256",
        AES_CMAC = 1 "AES-CMAC",
        AES_GMAC = 2 "AES-GMAC",
    }
}

/// One context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NegotiateContext<'a> {
    /// `SMB2_PREAUTH_INTEGRITY_CAPABILITIES` (MS-SMB2 2.2.3.1.1).
    PreauthIntegrity {
        /// `HashAlgorithms`.
        hash_algorithms: List<'a, HashAlgorithm>,
        /// `Salt`.
        salt: &'a [u8],
    },
    /// `SMB2_ENCRYPTION_CAPABILITIES` (MS-SMB2 2.2.3.1.2), the preferred one first.
    Encryption(List<'a, Cipher>),
    /// `SMB2_COMPRESSION_CAPABILITIES` (MS-SMB2 2.2.3.1.3).
    Compression {
        /// `Flags`.
        flags: CompressionFlags,
        /// `CompressionAlgorithms`.
        algorithms: List<'a, CompressionAlgorithm>,
    },
    /// `SMB2_NETNAME_NEGOTIATE_CONTEXT_ID` (MS-SMB2 2.2.3.1.4): the server as the client calls it.
    NetName(Utf16<'a>),
    /// `SMB2_TRANSPORT_CAPABILITIES` (MS-SMB2 2.2.3.1.5).
    Transport(TransportFlags),
    /// `SMB2_RDMA_TRANSFORM_CAPABILITIES` (MS-SMB2 2.2.3.1.6).
    RdmaTransform(List<'a, RdmaTransform>),
    /// `SMB2_SIGNING_CAPABILITIES` (MS-SMB2 2.2.3.1.7), the preferred one first.
    Signing(List<'a, SigningAlgorithm>),
    /// Any other, which a receiver ignores.
    Unknown {
        /// `ContextType`.
        kind: ContextType,
        /// `Data`.
        data: &'a [u8],
    },
}

impl<'a> NegotiateContext<'a> {
    /// `ContextType`.
    #[must_use]
    pub const fn kind(&self) -> ContextType {
        match self {
            Self::PreauthIntegrity { .. } => ContextType::PREAUTH_INTEGRITY,
            Self::Encryption(_) => ContextType::ENCRYPTION,
            Self::Compression { .. } => ContextType::COMPRESSION,
            Self::NetName(_) => ContextType::NETNAME,
            Self::Transport(_) => ContextType::TRANSPORT,
            Self::RdmaTransform(_) => ContextType::RDMA_TRANSFORM,
            Self::Signing(_) => ContextType::SIGNING,
            Self::Unknown { kind, .. } => *kind,
        }
    }

    fn of(kind: ContextType, data: &'a [u8]) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new(data);
        Ok(match kind {
            ContextType::PREAUTH_INTEGRITY => {
                let count: u16 = decoder.read("HashAlgorithmCount")?;
                let salt_length: u16 = decoder.read("SaltLength")?;
                let hash_algorithms = List::read(&mut decoder, count.into(), "HashAlgorithms")?;
                Self::PreauthIntegrity { hash_algorithms, salt: decoder.take(salt_length.into(), "Salt")? }
            }
            ContextType::ENCRYPTION => {
                let count: u16 = decoder.read("CipherCount")?;
                Self::Encryption(List::read(&mut decoder, count.into(), "Ciphers")?)
            }
            ContextType::COMPRESSION => {
                let count: u16 = decoder.read("CompressionAlgorithmCount")?;
                decoder.skip(2)?;
                let flags = decoder.read("Flags")?;
                let algorithms = List::read(&mut decoder, count.into(), "CompressionAlgorithms")?;
                Self::Compression { flags, algorithms }
            }
            ContextType::NETNAME => Self::NetName(Utf16::decode(&mut decoder)?),
            ContextType::TRANSPORT => Self::Transport(decoder.read("Flags")?),
            ContextType::RDMA_TRANSFORM => {
                let count: u16 = decoder.read("TransformCount")?;
                decoder.skip(6)?;
                Self::RdmaTransform(List::read(&mut decoder, count.into(), "RDMATransformIds")?)
            }
            ContextType::SIGNING => {
                let count: u16 = decoder.read("SigningAlgorithmCount")?;
                Self::Signing(List::read(&mut decoder, count.into(), "SigningAlgorithms")?)
            }
            _ => Self::Unknown { kind, data },
        })
    }

    fn encode_data(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::PreauthIntegrity { hash_algorithms, salt } => {
                encoder.put_count_16(hash_algorithms.len());
                encoder.put_count_16(salt.len());
                hash_algorithms.encode(encoder);
                encoder.put_bytes(salt);
            }
            Self::Encryption(ciphers) => {
                encoder.put_count_16(ciphers.len());
                ciphers.encode(encoder);
            }
            Self::Compression { flags, algorithms } => {
                encoder.put_count_16(algorithms.len());
                encoder.put_zeros(2);
                encoder.put(*flags);
                algorithms.encode(encoder);
            }
            Self::NetName(name) => name.encode(encoder),
            Self::Transport(flags) => encoder.put(*flags),
            Self::RdmaTransform(transforms) => {
                encoder.put_count_16(transforms.len());
                encoder.put_zeros(6);
                transforms.encode(encoder);
            }
            Self::Signing(algorithms) => {
                encoder.put_count_16(algorithms.len());
                algorithms.encode(encoder);
            }
            Self::Unknown { data, .. } => encoder.put_bytes(data),
        }
    }
}

impl<'a> Decode<'a> for NegotiateContext<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let kind = decoder.read("ContextType")?;
        let length: u16 = decoder.read("DataLength")?;
        decoder.skip(4)?;
        Self::of(kind, decoder.take(length.into(), "Data")?)
    }
}

impl Encode for NegotiateContext<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.kind());
        let length = encoder.place::<u16>();
        encoder.put_zeros(4);
        let start = encoder.offset();
        self.encode_data(encoder);
        encoder.set_16(length, encoder.offset() - start);
    }
}

/// `NegotiateContextList`: contexts that all decode, from the wire or from memory. They compare by their items.
#[derive(Debug, Clone, Copy)]
pub enum NegotiateContexts<'a> {
    /// As they stand on the wire, checked by [`NegotiateContexts::at`].
    Wire {
        /// From the first context to the end of the message.
        bytes: &'a [u8],
        /// `NegotiateContextCount`.
        count: u16,
    },
    /// As values.
    Items(&'a [NegotiateContext<'a>]),
}

impl<'a> NegotiateContexts<'a> {
    /// The contexts of a message, each of them checked.
    ///
    /// # Errors
    /// `NegotiateContextOffset` out of bounds; a context that is cut off; a field of it that does not fit.
    pub fn at(decoder: &Decoder<'a>, offset: u32, count: u16) -> Result<Self, DecodeError> {
        if count == 0 {
            return Ok(Self::default());
        }
        let out_of_bounds = DecodeError::new("NegotiateContextOffset", Fault::OutOfBounds);
        let before = usize::try_from(offset).ok().and_then(|offset| offset.checked_sub(decoder.offset()));
        let bytes = before.and_then(|before| decoder.rest().get(before..)).ok_or(out_of_bounds)?;
        let mut walk = Decoder::new(bytes);
        for index in 0..count {
            next(&mut walk, index)?;
        }
        Ok(Self::Wire { bytes, count })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Wire { count, .. } => usize::from(*count),
            Self::Items(items) => items.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The contexts in order.
    pub fn iter(&self) -> impl Iterator<Item = NegotiateContext<'a>> + use<'a> {
        let (bytes, items): (&[u8], &[_]) = match self {
            Self::Wire { bytes, .. } => (bytes, &[]),
            Self::Items(items) => (&[], items),
        };
        let count = u16::try_from(self.len()).unwrap_or(u16::MAX) - u16::try_from(items.len()).unwrap_or(u16::MAX);
        let mut walk = Decoder::new(bytes);
        (0..count).map_while(move |index| next(&mut walk, index).ok()).chain(items.iter().copied())
    }

    /// Appends the contexts behind the rest of a message, and where they are.
    pub(super) fn encode_behind(&self, encoder: &mut Encoder<'_>, offset: Place) {
        if self.is_empty() {
            return;
        }
        encoder.align(ALIGNMENT);
        encoder.set_32(offset, encoder.offset());
        for (index, context) in self.iter().enumerate() {
            if index > 0 {
                encoder.align(ALIGNMENT);
            }
            context.encode(encoder);
        }
    }
}

/// Every context but the first is padded.
fn next<'a>(walk: &mut Decoder<'a>, index: u16) -> Result<NegotiateContext<'a>, DecodeError> {
    if index > 0 {
        walk.align(ALIGNMENT)?;
    }
    NegotiateContext::decode(walk)
}

impl Default for NegotiateContexts<'_> {
    fn default() -> Self {
        Self::Items(&[])
    }
}

impl PartialEq for NegotiateContexts<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for NegotiateContexts<'_> {}
