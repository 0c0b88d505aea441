//! TREE_CONNECT.

use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Utf16, codes, flags, layout};
use crate::dtyp::AccessMask;

flags! {
    /// `Flags` of the request in SMB 3.1.1 (MS-SMB2 2.2.9).
    pub struct TreeConnectFlags(u16) {
        CLUSTER_RECONNECT = 1 "SMB2_TREE_CONNECT_FLAG_CLUSTER_RECONNECT",
        REDIRECT_TO_OWNER = 2 "SMB2_TREE_CONNECT_FLAG_REDIRECT_TO_OWNER",
        /// Contexts stand in front of the path. They are skipped: the path is found by its offset.
        EXTENSION_PRESENT = 4 "SMB2_TREE_CONNECT_FLAG_EXTENSION_PRESENT",
    }
}

codes! {
    /// `ShareType` (MS-SMB2 2.2.10).
    pub struct ShareType(u8) {
        DISK = 1 "SMB2_SHARE_TYPE_DISK",
        PIPE = 2 "SMB2_SHARE_TYPE_PIPE",
        PRINT = 3 "SMB2_SHARE_TYPE_PRINT",
    }
}

flags! {
    /// `ShareFlags` (MS-SMB2 2.2.10). Without a caching flag, clients cache what a user asked them to
    /// (`SMB2_SHAREFLAG_MANUAL_CACHING`).
    pub struct ShareFlags(u32) {
        DFS = 0x0000_0001 "SMB2_SHAREFLAG_DFS",
        DFS_ROOT = 0x0000_0002 "SMB2_SHAREFLAG_DFS_ROOT",
        AUTO_CACHING = 0x0000_0010 "SMB2_SHAREFLAG_AUTO_CACHING",
        VDO_CACHING = 0x0000_0020 "SMB2_SHAREFLAG_VDO_CACHING",
        NO_CACHING = 0x0000_0030 "SMB2_SHAREFLAG_NO_CACHING",
        RESTRICT_EXCLUSIVE_OPENS = 0x0000_0100 "SMB2_SHAREFLAG_RESTRICT_EXCLUSIVE_OPENS",
        FORCE_SHARED_DELETE = 0x0000_0200 "SMB2_SHAREFLAG_FORCE_SHARED_DELETE",
        ALLOW_NAMESPACE_CACHING = 0x0000_0400 "SMB2_SHAREFLAG_ALLOW_NAMESPACE_CACHING",
        ACCESS_BASED_DIRECTORY_ENUM = 0x0000_0800 "SMB2_SHAREFLAG_ACCESS_BASED_DIRECTORY_ENUM",
        FORCE_LEVELII_OPLOCK = 0x0000_1000 "SMB2_SHAREFLAG_FORCE_LEVELII_OPLOCK",
        ENABLE_HASH_V1 = 0x0000_2000 "SMB2_SHAREFLAG_ENABLE_HASH_V1",
        ENABLE_HASH_V2 = 0x0000_4000 "SMB2_SHAREFLAG_ENABLE_HASH_V2",
        ENCRYPT_DATA = 0x0000_8000 "SMB2_SHAREFLAG_ENCRYPT_DATA",
        IDENTITY_REMOTING = 0x0004_0000 "SMB2_SHAREFLAG_IDENTITY_REMOTING",
        COMPRESS_DATA = 0x0010_0000 "SMB2_SHAREFLAG_COMPRESS_DATA",
        ISOLATED_TRANSPORT = 0x0020_0000 "SMB2_SHAREFLAG_ISOLATED_TRANSPORT",
    }
}

flags! {
    /// `Capabilities` (MS-SMB2 2.2.10).
    pub struct ShareCapabilities(u32) {
        DFS = 0x0000_0008 "SMB2_SHARE_CAP_DFS",
        CONTINUOUS_AVAILABILITY = 0x0000_0010 "SMB2_SHARE_CAP_CONTINUOUS_AVAILABILITY",
        SCALEOUT = 0x0000_0020 "SMB2_SHARE_CAP_SCALEOUT",
        CLUSTER = 0x0000_0040 "SMB2_SHARE_CAP_CLUSTER",
        ASYMMETRIC = 0x0000_0080 "SMB2_SHARE_CAP_ASYMMETRIC",
        REDIRECT_TO_OWNER = 0x0000_0100 "SMB2_SHARE_CAP_REDIRECT_TO_OWNER",
    }
}

/// `SMB2 TREE_CONNECT Request` (MS-SMB2 2.2.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeConnectRequest<'a> {
    /// `Flags`.
    pub flags: TreeConnectFlags,
    /// `Buffer`: `\\server\share`.
    pub path: Utf16<'a>,
}

impl<'a> Decode<'a> for TreeConnectRequest<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.structure_size(9)?;
        let flags = decoder.read("Flags")?;
        let offset: u16 = decoder.read("PathOffset")?;
        let length: u16 = decoder.read("PathLength")?;
        Ok(Self { flags, path: decoder.text(offset.into(), length.into(), "PathName")? })
    }
}

impl Encode for TreeConnectRequest<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(9_u16);
        encoder.put(self.flags);
        let offset = encoder.place::<u16>();
        encoder.put_count_16(self.path.len());
        encoder.set_16(offset, encoder.offset());
        self.path.encode(encoder);
    }
}

layout! {
    /// `SMB2 TREE_CONNECT Response` (MS-SMB2 2.2.10).
    pub struct TreeConnectResponse [size 16] {
        pub share_type: ShareType = "ShareType",
        [reserved 1]
        pub share_flags: ShareFlags = "ShareFlags",
        pub capabilities: ShareCapabilities = "Capabilities",
        /// What the user may do with files of the share.
        pub maximal_access: AccessMask = "MaximalAccess",
    }
}
