//! The Server Service (MS-SRVS): shares, sessions and the server itself.

use super::ndr::{Counted, Text, arguments, levels, structure};
use super::pdu::SyntaxId;
use crate::codec::flags;

/// `srvsvc`, version 3.0 (MS-SRVS 1.9).
pub const INTERFACE: SyntaxId = SyntaxId::new(0x4b32_4fc8_1670_01d3_1278_5a47_bf6e_e188, 3);

flags! {
    /// `STYPE_*` (MS-SRVS 2.2.2.4). The low bits are a number: a share of files has none of them.
    pub struct ShareKind(u32) {
        PRINT_QUEUE = 1 "STYPE_PRINTQ",
        PIPES = 3 "STYPE_IPC",
        TEMPORARY = 0x4000_0000 "STYPE_TEMPORARY",
        /// Clients do not show it.
        SPECIAL = 0x8000_0000 "STYPE_SPECIAL",
    }
}

structure! {
    /// `SHARE_INFO_0` (MS-SRVS 2.2.4.22).
    pub struct ShareInfo0<'a> {
        pub name: Option<Text<'a>> = "shi0_netname",
    }
}

structure! {
    /// `SHARE_INFO_1` (MS-SRVS 2.2.4.23).
    pub struct ShareInfo1<'a> {
        pub name: Option<Text<'a>> = "shi1_netname",
        /// [`ShareKind`].
        pub kind: u32 = "shi1_type",
        pub remark: Option<Text<'a>> = "shi1_remark",
    }
}

structure! {
    /// `SHARE_INFO_2` (MS-SRVS 2.2.4.24).
    pub struct ShareInfo2<'a> {
        pub name: Option<Text<'a>> = "shi2_netname",
        /// [`ShareKind`].
        pub kind: u32 = "shi2_type",
        pub remark: Option<Text<'a>> = "shi2_remark",
        pub permissions: u32 = "shi2_permissions",
        pub uses_max: u32 = "shi2_max_uses",
        pub uses: u32 = "shi2_current_uses",
        pub path: Option<Text<'a>> = "shi2_path",
        pub password: Option<Text<'a>> = "shi2_passwd",
    }
}

structure! {
    /// `SHARE_INFO_501` (MS-SRVS 2.2.4.25).
    pub struct ShareInfo501<'a> {
        pub name: Option<Text<'a>> = "shi501_netname",
        /// [`ShareKind`].
        pub kind: u32 = "shi501_type",
        pub remark: Option<Text<'a>> = "shi501_remark",
        pub flags: u32 = "shi501_flags",
    }
}

structure! {
    /// `SHARE_INFO_1005` (MS-SRVS 2.2.4.29).
    pub struct ShareInfo1005 {
        /// As `ShareFlags` of TREE_CONNECT.
        pub flags: u32 = "shi1005_flags",
    }
}

levels! {
    /// `SHARE_INFO` (MS-SRVS 2.2.3.6): one share.
    pub enum ShareInfo<'a>(u32) {
        0 => Names(Option<ShareInfo0<'a>>),
        1 => Kinds(Option<ShareInfo1<'a>>),
        2 => Paths(Option<ShareInfo2<'a>>),
        501 => Flags(Option<ShareInfo501<'a>>),
        1005 => Caching(Option<ShareInfo1005>),
    }
}

levels! {
    /// `SHARE_ENUM_UNION` (MS-SRVS 2.2.3.5): many shares.
    pub enum ShareInfos<'a>(u32) {
        0 => Names(Option<Counted<ShareInfo0<'a>>>),
        1 => Kinds(Option<Counted<ShareInfo1<'a>>>),
        2 => Paths(Option<Counted<ShareInfo2<'a>>>),
        501 => Flags(Option<Counted<ShareInfo501<'a>>>),
    }
}

structure! {
    /// `SHARE_ENUM_STRUCT` (MS-SRVS 2.2.4.38).
    pub struct ShareEnum<'a> {
        pub level: u32 = "Level",
        pub shares: ShareInfos<'a> = "ShareInfo",
    }
}

arguments! {
    /// `NetrShareEnum` and `NetrShareEnumSticky` (MS-SRVS 3.1.4.8, 3.1.4.9).
    pub struct ShareEnumRequest<'a> {
        pub server: Option<Text<'a>> = "ServerName",
        pub wanted: ShareEnum<'a> = "InfoStruct",
        /// Bytes of an answer; all ones: whatever there is.
        pub preferred_length: u32 = "PreferedMaximumLength",
        pub resume: Option<u32> = "ResumeHandle",
    }
}

arguments! {
    /// What [`ShareEnumRequest`] comes to.
    pub struct ShareEnumResponse<'a> {
        pub found: ShareEnum<'a> = "InfoStruct",
        /// As many as there are from where the call began.
        pub total: u32 = "TotalEntries",
        pub resume: Option<u32> = "ResumeHandle",
        /// A Win32 error.
        pub error: u32 = "return",
    }
}

arguments! {
    /// `NetrShareGetInfo` (MS-SRVS 3.1.4.10).
    pub struct ShareGetInfoRequest<'a> {
        pub server: Option<Text<'a>> = "ServerName",
        pub name: Text<'a> = "NetName",
        pub level: u32 = "Level",
    }
}

arguments! {
    /// What [`ShareGetInfoRequest`] comes to.
    pub struct ShareGetInfoResponse<'a> {
        pub found: ShareInfo<'a> = "InfoStruct",
        /// A Win32 error.
        pub error: u32 = "return",
    }
}

structure! {
    /// `SERVER_INFO_100` (MS-DTYP 2.3.12).
    pub struct ServerInfo100<'a> {
        pub platform: u32 = "sv100_platform_id",
        pub name: Option<Text<'a>> = "sv100_name",
    }
}

structure! {
    /// `SERVER_INFO_101` (MS-DTYP 2.3.13).
    pub struct ServerInfo101<'a> {
        pub platform: u32 = "sv101_platform_id",
        pub name: Option<Text<'a>> = "sv101_name",
        pub version: u32 = "sv101_version_major",
        pub minor_version: u32 = "sv101_version_minor",
        pub kind: u32 = "sv101_type",
        pub comment: Option<Text<'a>> = "sv101_comment",
    }
}

structure! {
    /// `SERVER_INFO_102` (MS-SRVS 2.2.4.43).
    pub struct ServerInfo102<'a> {
        pub platform: u32 = "sv102_platform_id",
        pub name: Option<Text<'a>> = "sv102_name",
        pub version: u32 = "sv102_version_major",
        pub minor_version: u32 = "sv102_version_minor",
        pub kind: u32 = "sv102_type",
        pub comment: Option<Text<'a>> = "sv102_comment",
        pub users_max: u32 = "sv102_users",
        /// In minutes.
        pub disconnect: u32 = "sv102_disc",
        pub is_hidden: u32 = "sv102_hidden",
        pub announce: u32 = "sv102_announce",
        pub announce_delta: u32 = "sv102_anndelta",
        pub licences: u32 = "sv102_licenses",
        pub user_path: Option<Text<'a>> = "sv102_userpath",
    }
}

levels! {
    /// `SERVER_INFO` (MS-SRVS 2.2.3.7).
    pub enum ServerInfo<'a>(u32) {
        100 => Name(Option<ServerInfo100<'a>>),
        101 => Kind(Option<ServerInfo101<'a>>),
        102 => Users(Option<ServerInfo102<'a>>),
    }
}

arguments! {
    /// `NetrServerGetInfo` (MS-SRVS 3.1.4.17) and `NetrWkstaGetInfo` (MS-WKST 3.2.4.1).
    pub struct GetInfoRequest<'a> {
        pub server: Option<Text<'a>> = "ServerName",
        pub level: u32 = "Level",
    }
}

arguments! {
    /// What `NetrServerGetInfo` comes to.
    pub struct ServerGetInfoResponse<'a> {
        pub found: ServerInfo<'a> = "InfoStruct",
        /// A Win32 error.
        pub error: u32 = "return",
    }
}

structure! {
    /// `SESSION_INFO_0` (MS-SRVS 2.2.4.11).
    pub struct SessionInfo0<'a> {
        pub client: Option<Text<'a>> = "sesi0_cname",
    }
}

structure! {
    /// `SESSION_INFO_1` (MS-SRVS 2.2.4.12).
    pub struct SessionInfo1<'a> {
        pub client: Option<Text<'a>> = "sesi1_cname",
        pub user: Option<Text<'a>> = "sesi1_username",
        pub opens: u32 = "sesi1_num_opens",
        /// In seconds.
        pub age: u32 = "sesi1_time",
        /// In seconds.
        pub idle: u32 = "sesi1_idle_time",
        pub flags: u32 = "sesi1_user_flags",
    }
}

structure! {
    /// `SESSION_INFO_10` (MS-SRVS 2.2.4.14).
    pub struct SessionInfo10<'a> {
        pub client: Option<Text<'a>> = "sesi10_cname",
        pub user: Option<Text<'a>> = "sesi10_username",
        /// In seconds.
        pub age: u32 = "sesi10_time",
        /// In seconds.
        pub idle: u32 = "sesi10_idle_time",
    }
}

levels! {
    /// `SESSION_ENUM_UNION` (MS-SRVS 2.2.3.4).
    pub enum SessionInfos<'a>(u32) {
        0 => Clients(Option<Counted<SessionInfo0<'a>>>),
        1 => Opens(Option<Counted<SessionInfo1<'a>>>),
        10 => Users(Option<Counted<SessionInfo10<'a>>>),
    }
}

structure! {
    /// `SESSION_ENUM_STRUCT` (MS-SRVS 2.2.4.21).
    pub struct SessionEnum<'a> {
        pub level: u32 = "Level",
        pub sessions: SessionInfos<'a> = "SessionInfo",
    }
}

arguments! {
    /// `NetrSessionEnum` (MS-SRVS 3.1.4.5).
    pub struct SessionEnumRequest<'a> {
        pub server: Option<Text<'a>> = "ServerName",
        /// Only those of this client.
        pub client: Option<Text<'a>> = "ClientName",
        /// Only those of this user.
        pub user: Option<Text<'a>> = "UserName",
        pub wanted: SessionEnum<'a> = "InfoStruct",
        /// Bytes of an answer; all ones: whatever there is.
        pub preferred_length: u32 = "PreferedMaximumLength",
        pub resume: Option<u32> = "ResumeHandle",
    }
}

arguments! {
    /// What [`SessionEnumRequest`] comes to.
    pub struct SessionEnumResponse<'a> {
        pub found: SessionEnum<'a> = "InfoStruct",
        pub total: u32 = "TotalEntries",
        pub resume: Option<u32> = "ResumeHandle",
        /// A Win32 error.
        pub error: u32 = "return",
    }
}

structure! {
    /// `FILE_INFO_2` (MS-SRVS 2.2.4.6).
    pub struct FileInfo2 {
        pub id: u32 = "fi2_id",
    }
}

structure! {
    /// `FILE_INFO_3` (MS-SRVS 2.2.4.7).
    pub struct FileInfo3<'a> {
        pub id: u32 = "fi3_id",
        pub permissions: u32 = "fi3_permissions",
        pub locks: u32 = "fi3_num_locks",
        pub path: Option<Text<'a>> = "fi3_pathname",
        pub user: Option<Text<'a>> = "fi3_username",
    }
}

levels! {
    /// `FILE_ENUM_UNION` (MS-SRVS 2.2.3.3).
    pub enum FileInfos<'a>(u32) {
        2 => Ids(Option<Counted<FileInfo2>>),
        3 => Paths(Option<Counted<FileInfo3<'a>>>),
    }
}

structure! {
    /// `FILE_ENUM_STRUCT` (MS-SRVS 2.2.4.10).
    pub struct FileEnum<'a> {
        pub level: u32 = "Level",
        pub files: FileInfos<'a> = "FileInfo",
    }
}

arguments! {
    /// `NetrFileEnum` (MS-SRVS 3.1.4.2).
    pub struct FileEnumRequest<'a> {
        pub server: Option<Text<'a>> = "ServerName",
        pub base_path: Option<Text<'a>> = "BasePath",
        pub user: Option<Text<'a>> = "UserName",
        pub wanted: FileEnum<'a> = "InfoStruct",
        /// Bytes of an answer; all ones: whatever there is.
        pub preferred_length: u32 = "PreferedMaximumLength",
        pub resume: Option<u32> = "ResumeHandle",
    }
}

arguments! {
    /// What [`FileEnumRequest`] comes to.
    pub struct FileEnumResponse<'a> {
        pub found: FileEnum<'a> = "InfoStruct",
        pub total: u32 = "TotalEntries",
        pub resume: Option<u32> = "ResumeHandle",
        /// A Win32 error.
        pub error: u32 = "return",
    }
}

structure! {
    /// `TIME_OF_DAY_INFO` (MS-SRVS 2.2.4.105).
    pub struct TimeOfDay {
        /// Seconds since 1970.
        pub elapsed: u32 = "tod_elapsedt",
        /// Milliseconds since the server began.
        pub ticks: u32 = "tod_msecs",
        pub hours: u32 = "tod_hours",
        pub minutes: u32 = "tod_mins",
        pub seconds: u32 = "tod_secs",
        pub hundredths: u32 = "tod_hunds",
        /// Minutes west of UTC, in two's complement.
        pub timezone: u32 = "tod_timezone",
        /// Ticks of the clock in units of 100 us.
        pub interval: u32 = "tod_tinterval",
        pub day: u32 = "tod_day",
        pub month: u32 = "tod_month",
        pub year: u32 = "tod_year",
        /// From Sunday.
        pub weekday: u32 = "tod_weekday",
    }
}

arguments! {
    /// `NetrRemoteTOD` (MS-SRVS 3.1.4.21).
    pub struct RemoteTodRequest<'a> {
        pub server: Option<Text<'a>> = "ServerName",
    }
}

arguments! {
    /// What [`RemoteTodRequest`] comes to.
    pub struct RemoteTodResponse {
        pub time: Option<TimeOfDay> = "BufferPtr",
        /// A Win32 error.
        pub error: u32 = "return",
    }
}
