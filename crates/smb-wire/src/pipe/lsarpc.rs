//! Local Security Authority (MS-LSAT, MS-LSAD): names of security identifiers, and identifiers of names.

use super::ndr::{Array, Counted, Text, UnicodeString, arguments, levels, structure};
use super::pdu::SyntaxId;
use crate::codec::codes;
use crate::dtyp::Sid;

/// `lsarpc`, version 0.0 (MS-LSAD 1.9).
pub const INTERFACE: SyntaxId = SyntaxId::new(0x1234_5778_1234_abcd_ef00_0123_4567_89ab, 0);

/// `LSAPR_HANDLE` (MS-LSAD 2.2.2.1): whatever the server makes of it; all zero is none.
pub type PolicyHandle = [u8; 20];

codes! {
    /// `SID_NAME_USE` (MS-LSAT 2.2.13).
    pub struct SidNameUse(u16) {
        USER = 1 "SidTypeUser",
        GROUP = 2 "SidTypeGroup",
        DOMAIN = 3 "SidTypeDomain",
        ALIAS = 4 "SidTypeAlias",
        WELL_KNOWN_GROUP = 5 "SidTypeWellKnownGroup",
        DELETED_ACCOUNT = 6 "SidTypeDeletedAccount",
        INVALID = 7 "SidTypeInvalid",
        UNKNOWN = 8 "SidTypeUnknown",
    }
}

arguments! {
    /// `LsarClose` (MS-LSAD 3.1.4.9.4).
    pub struct CloseHandleRequest {
        pub handle: PolicyHandle = "ObjectHandle",
    }
}

arguments! {
    /// What [`CloseHandleRequest`] and the calls that open a policy come to.
    pub struct HandleResponse {
        pub handle: PolicyHandle = "PolicyHandle",
        /// An NTSTATUS.
        pub status: u32 = "return",
    }
}

arguments! {
    /// `LsarOpenPolicy2` (MS-LSAD 3.1.4.4.1). Of `ObjectAttributes` and `DesiredAccess` nothing is looked at: the policy may
    /// be read by whoever proved who it is, and changed by nobody.
    pub struct OpenPolicy2Request<'a> {
        pub server: Option<Text<'a>> = "SystemName",
    }
}

arguments! {
    /// `LsarQueryInformationPolicy` and `LsarQueryInformationPolicy2` (MS-LSAD 3.1.4.4.4, 3.1.4.4.3).
    pub struct QueryPolicyRequest {
        pub handle: PolicyHandle = "PolicyHandle",
        pub class: u16 = "InformationClass",
    }
}

structure! {
    /// `LSAPR_POLICY_PRIMARY_DOM_INFO` and `LSAPR_POLICY_ACCOUNT_DOM_INFO` (MS-LSAD 2.2.4.5, 2.2.4.6).
    pub struct DomainInfo<'a> {
        pub name: UnicodeString<'a> = "Name",
        pub sid: Option<Sid> = "Sid",
    }
}

structure! {
    /// `LSAPR_POLICY_DNS_DOMAIN_INFO` (MS-LSAD 2.2.4.14).
    pub struct DnsDomainInfo<'a> {
        pub name: UnicodeString<'a> = "Name",
        pub dns_name: UnicodeString<'a> = "DnsDomainName",
        pub forest: UnicodeString<'a> = "DnsForestName",
        pub guid: [u8; 16] = "DomainGuid",
        pub sid: Option<Sid> = "Sid",
    }
}

levels! {
    /// `LSAPR_POLICY_INFORMATION` (MS-LSAD 2.2.4.2).
    pub enum PolicyInfo<'a>(u16) {
        3 => PrimaryDomain(DomainInfo<'a>),
        5 => AccountDomain(DomainInfo<'a>),
        12 => DnsDomain(DnsDomainInfo<'a>),
    }
}

arguments! {
    /// What [`QueryPolicyRequest`] comes to.
    pub struct QueryPolicyResponse<'a> {
        pub info: Option<PolicyInfo<'a>> = "PolicyInformation",
        /// An NTSTATUS.
        pub status: u32 = "return",
    }
}

structure! {
    /// `LSAPR_TRUST_INFORMATION` (MS-LSAT 2.2.11).
    pub struct ReferencedDomain<'a> {
        pub name: UnicodeString<'a> = "Name",
        pub sid: Option<Sid> = "Sid",
    }
}

structure! {
    /// `LSAPR_REFERENCED_DOMAIN_LIST` (MS-LSAT 2.2.12).
    pub struct ReferencedDomains<'a> {
        pub domains: Counted<ReferencedDomain<'a>> = "Domains",
        pub entries_max: u32 = "MaxEntries",
    }
}

structure! {
    /// `LSA_TRANSLATED_SID` (MS-LSAT 2.2.14).
    pub struct TranslatedSid {
        /// [`SidNameUse`].
        pub kind: u16 = "Use",
        pub rid: u32 = "RelativeId",
        /// Where its domain stands; all ones: nowhere.
        pub domain: u32 = "DomainIndex",
    }
}

structure! {
    /// `LSAPR_TRANSLATED_SID_EX` (MS-LSAT 2.2.18).
    pub struct TranslatedSidEx {
        /// [`SidNameUse`].
        pub kind: u16 = "Use",
        pub rid: u32 = "RelativeId",
        /// Where its domain stands; all ones: nowhere.
        pub domain: u32 = "DomainIndex",
        pub flags: u32 = "Flags",
    }
}

structure! {
    /// `LSAPR_TRANSLATED_SID_EX2` (MS-LSAT 2.2.20).
    pub struct TranslatedSidEx2 {
        /// [`SidNameUse`].
        pub kind: u16 = "Use",
        pub sid: Option<Sid> = "Sid",
        /// Where its domain stands; all ones: nowhere.
        pub domain: u32 = "DomainIndex",
        pub flags: u32 = "Flags",
    }
}

arguments! {
    /// `LsarLookupNames` (MS-LSAT 3.1.4.9).
    pub struct LookupNamesRequest<'a> {
        pub handle: PolicyHandle = "PolicyHandle",
        pub count: u32 = "Count",
        pub names: Array<UnicodeString<'a>> = "Names",
        pub translated: Counted<TranslatedSid> = "TranslatedSids",
        pub level: u16 = "LookupLevel",
        pub mapped: u32 = "MappedCount",
    }
}

arguments! {
    /// `LsarLookupNames2` (MS-LSAT 3.1.4.8).
    pub struct LookupNames2Request<'a> {
        pub handle: PolicyHandle = "PolicyHandle",
        pub count: u32 = "Count",
        pub names: Array<UnicodeString<'a>> = "Names",
        pub translated: Counted<TranslatedSidEx> = "TranslatedSids",
        pub level: u16 = "LookupLevel",
        pub mapped: u32 = "MappedCount",
        pub options: u32 = "LookupOptions",
        pub revision: u32 = "ClientRevision",
    }
}

arguments! {
    /// `LsarLookupNames3` (MS-LSAT 3.1.4.7).
    pub struct LookupNames3Request<'a> {
        pub handle: PolicyHandle = "PolicyHandle",
        pub count: u32 = "Count",
        pub names: Array<UnicodeString<'a>> = "Names",
        pub translated: Counted<TranslatedSidEx2> = "TranslatedSids",
        pub level: u16 = "LookupLevel",
        pub mapped: u32 = "MappedCount",
        pub options: u32 = "LookupOptions",
        pub revision: u32 = "ClientRevision",
    }
}

arguments! {
    /// What [`LookupNamesRequest`] comes to.
    pub struct LookupNamesResponse<'a> {
        pub domains: Option<ReferencedDomains<'a>> = "ReferencedDomains",
        pub translated: Counted<TranslatedSid> = "TranslatedSids",
        pub mapped: u32 = "MappedCount",
        /// An NTSTATUS.
        pub status: u32 = "return",
    }
}

arguments! {
    /// What [`LookupNames2Request`] comes to.
    pub struct LookupNames2Response<'a> {
        pub domains: Option<ReferencedDomains<'a>> = "ReferencedDomains",
        pub translated: Counted<TranslatedSidEx> = "TranslatedSids",
        pub mapped: u32 = "MappedCount",
        /// An NTSTATUS.
        pub status: u32 = "return",
    }
}

arguments! {
    /// What [`LookupNames3Request`] comes to.
    pub struct LookupNames3Response<'a> {
        pub domains: Option<ReferencedDomains<'a>> = "ReferencedDomains",
        pub translated: Counted<TranslatedSidEx2> = "TranslatedSids",
        pub mapped: u32 = "MappedCount",
        /// An NTSTATUS.
        pub status: u32 = "return",
    }
}

structure! {
    /// `LSAPR_SID_INFORMATION` (MS-LSAT 2.2.17).
    pub struct SidInformation {
        pub sid: Option<Sid> = "Sid",
    }
}

structure! {
    /// `LSAPR_TRANSLATED_NAME` (MS-LSAT 2.2.19).
    pub struct TranslatedName<'a> {
        /// [`SidNameUse`].
        pub kind: u16 = "Use",
        pub name: UnicodeString<'a> = "Name",
        /// Where its domain stands; all ones: nowhere.
        pub domain: u32 = "DomainIndex",
    }
}

structure! {
    /// `LSAPR_TRANSLATED_NAME_EX` (MS-LSAT 2.2.21).
    pub struct TranslatedNameEx<'a> {
        /// [`SidNameUse`].
        pub kind: u16 = "Use",
        pub name: UnicodeString<'a> = "Name",
        /// Where its domain stands; all ones: nowhere.
        pub domain: u32 = "DomainIndex",
        pub flags: u32 = "Flags",
    }
}

arguments! {
    /// `LsarLookupSids` (MS-LSAT 3.1.4.11).
    pub struct LookupSidsRequest<'a> {
        pub handle: PolicyHandle = "PolicyHandle",
        pub sids: Counted<SidInformation> = "SidEnumBuffer",
        pub translated: Counted<TranslatedName<'a>> = "TranslatedNames",
        pub level: u16 = "LookupLevel",
        pub mapped: u32 = "MappedCount",
    }
}

arguments! {
    /// `LsarLookupSids2` (MS-LSAT 3.1.4.10).
    pub struct LookupSids2Request<'a> {
        pub handle: PolicyHandle = "PolicyHandle",
        pub sids: Counted<SidInformation> = "SidEnumBuffer",
        pub translated: Counted<TranslatedNameEx<'a>> = "TranslatedNames",
        pub level: u16 = "LookupLevel",
        pub mapped: u32 = "MappedCount",
        pub options: u32 = "LookupOptions",
        pub revision: u32 = "ClientRevision",
    }
}

arguments! {
    /// What [`LookupSidsRequest`] comes to.
    pub struct LookupSidsResponse<'a> {
        pub domains: Option<ReferencedDomains<'a>> = "ReferencedDomains",
        pub translated: Counted<TranslatedName<'a>> = "TranslatedNames",
        pub mapped: u32 = "MappedCount",
        /// An NTSTATUS.
        pub status: u32 = "return",
    }
}

arguments! {
    /// What [`LookupSids2Request`] comes to.
    pub struct LookupSids2Response<'a> {
        pub domains: Option<ReferencedDomains<'a>> = "ReferencedDomains",
        pub translated: Counted<TranslatedNameEx<'a>> = "TranslatedNames",
        pub mapped: u32 = "MappedCount",
        /// An NTSTATUS.
        pub status: u32 = "return",
    }
}

arguments! {
    /// `LsarGetUserName` (MS-LSAT 3.1.4.4).
    pub struct GetUserNameRequest<'a> {
        pub server: Option<Text<'a>> = "SystemName",
        pub user: Option<UnicodeString<'a>> = "UserName",
        pub domain: Option<Option<UnicodeString<'a>>> = "DomainName",
    }
}

arguments! {
    /// What [`GetUserNameRequest`] comes to.
    pub struct GetUserNameResponse<'a> {
        pub user: Option<UnicodeString<'a>> = "UserName",
        pub domain: Option<Option<UnicodeString<'a>>> = "DomainName",
        /// An NTSTATUS.
        pub status: u32 = "return",
    }
}
