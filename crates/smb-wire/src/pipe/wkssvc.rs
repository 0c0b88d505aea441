//! The Workstation Service (MS-WKST): what a computer is called.

use super::ndr::{Text, arguments, levels, structure};
use super::pdu::SyntaxId;

/// `wkssvc`, version 1.0 (MS-WKST 1.9).
pub const INTERFACE: SyntaxId = SyntaxId::new(0x6bff_d098_a112_3610_9833_46c3_f87e_345a, 1);

structure! {
    /// `WKSTA_INFO_100` (MS-WKST 2.2.5.1).
    pub struct WkstaInfo100<'a> {
        pub platform: u32 = "wki100_platform_id",
        pub name: Option<Text<'a>> = "wki100_computername",
        pub domain: Option<Text<'a>> = "wki100_langroup",
        pub version: u32 = "wki100_ver_major",
        pub minor_version: u32 = "wki100_ver_minor",
    }
}

structure! {
    /// `WKSTA_INFO_101` (MS-WKST 2.2.5.2).
    pub struct WkstaInfo101<'a> {
        pub platform: u32 = "wki101_platform_id",
        pub name: Option<Text<'a>> = "wki101_computername",
        pub domain: Option<Text<'a>> = "wki101_langroup",
        pub version: u32 = "wki101_ver_major",
        pub minor_version: u32 = "wki101_ver_minor",
        pub root: Option<Text<'a>> = "wki101_lanroot",
    }
}

structure! {
    /// `WKSTA_INFO_102` (MS-WKST 2.2.5.3).
    pub struct WkstaInfo102<'a> {
        pub platform: u32 = "wki102_platform_id",
        pub name: Option<Text<'a>> = "wki102_computername",
        pub domain: Option<Text<'a>> = "wki102_langroup",
        pub version: u32 = "wki102_ver_major",
        pub minor_version: u32 = "wki102_ver_minor",
        pub root: Option<Text<'a>> = "wki102_lanroot",
        pub users: u32 = "wki102_logged_on_users",
    }
}

levels! {
    /// `WKSTA_INFO` (MS-WKST 2.2.4.1).
    pub enum WkstaInfo<'a>(u32) {
        100 => Name(Option<WkstaInfo100<'a>>),
        101 => Root(Option<WkstaInfo101<'a>>),
        102 => Users(Option<WkstaInfo102<'a>>),
    }
}

arguments! {
    /// What `NetrWkstaGetInfo` (MS-WKST 3.2.4.1) comes to; it is asked by a [`super::srvsvc::GetInfoRequest`].
    pub struct WkstaGetInfoResponse<'a> {
        pub found: WkstaInfo<'a> = "WkstaInfo",
        /// A Win32 error.
        pub error: u32 = "return",
    }
}
