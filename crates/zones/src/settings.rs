//! A zone file as it is written. Keys are final; unknown ones are refused.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor, value::MapAccessDeserializer};
use toml::Spanned;

/// A text or a list with its place in the file.
pub(crate) type Text = Spanned<String>;
pub(crate) type Texts = Spanned<Vec<Text>>;
/// A number with its place in the file.
pub(crate) type Number = Spanned<i64>;

/// One zone file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ZoneFile {
    pub(crate) name: Text,
    pub(crate) base: Text,
    pub(crate) addresses: Texts,
    #[serde(default)]
    pub(crate) force_overlap: bool,
    pub(crate) users_file: Option<Text>,
    pub(crate) groups_file: Option<Text>,
    pub(crate) passwords_file: Option<Text>,
    pub(crate) netgroup_file: Option<Text>,
    pub(crate) resolve_groups: Option<Spanned<bool>>,
    pub(crate) cache_seconds: Option<Number>,
    pub(crate) negative_cache_seconds: Option<Number>,
    pub(crate) snapshot_directory: Option<Text>,
    #[serde(default)]
    pub(crate) aliases: BTreeMap<Text, Text>,
    #[serde(default)]
    pub(crate) export: Vec<ExportTable>,
    #[serde(default)]
    pub(crate) share: Vec<ShareTable>,
    #[serde(default)]
    pub(crate) snapshot: Vec<SnapshotTable>,
    #[serde(default)]
    pub(crate) notification: Vec<NotificationTable>,
    #[serde(default)]
    pub(crate) report: Vec<ReportTable>,
    pub(crate) audit: Option<AuditTable>,
}

/// `[audit]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditTable {
    pub(crate) events: Texts,
    pub(crate) outcomes: Option<Text>,
    pub(crate) file_mib: Option<Number>,
    pub(crate) files: Option<Number>,
}

/// One `[[notification]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotificationTable {
    pub(crate) limit: Text,
    pub(crate) when: Text,
    pub(crate) path: Option<Text>,
    pub(crate) holdoff: Option<Text>,
    pub(crate) every: Option<Text>,
    pub(crate) at: Option<Text>,
    pub(crate) webhook: Option<WebhookTable>,
    pub(crate) mail: Option<MailTable>,
}

/// Its `webhook`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookTable {
    pub(crate) url: Text,
    pub(crate) ca_file: Option<Text>,
    pub(crate) secret_file: Option<Text>,
}

/// Its `mail`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailTable {
    pub(crate) relay: Text,
    pub(crate) from: Text,
    pub(crate) to: Texts,
    #[serde(default)]
    pub(crate) starttls: bool,
    pub(crate) ca_file: Option<Text>,
}

/// One `[[report]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportTable {
    pub(crate) every: Text,
    pub(crate) at: Option<Text>,
    pub(crate) format: Text,
    pub(crate) keep: Option<Number>,
}

/// One `[[snapshot]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SnapshotTable {
    pub(crate) path: Text,
    pub(crate) every: Text,
    pub(crate) at: Option<Text>,
    pub(crate) name: Option<Text>,
    pub(crate) keep: Option<Text>,
}

/// One `[[export]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportTable {
    pub(crate) paths: Texts,
    pub(crate) description: Option<Text>,
    #[serde(default)]
    pub(crate) clients: Vec<Text>,
    #[serde(default)]
    pub(crate) read_only: bool,
    #[serde(default)]
    pub(crate) read_only_clients: Vec<Text>,
    #[serde(default)]
    pub(crate) read_write_clients: Vec<Text>,
    #[serde(default)]
    pub(crate) root_clients: Vec<Text>,
    #[serde(default)]
    pub(crate) ignore_unresolvable_hosts: bool,
    #[serde(default)]
    pub(crate) all_dirs: bool,
    pub(crate) map_root: Option<Spanned<MapSetting>>,
    pub(crate) map_non_root: Option<Spanned<MapSetting>>,
    pub(crate) map_all: Option<Spanned<MapSetting>>,
    pub(crate) lookup: Option<Spanned<bool>>,
    pub(crate) map_failure: Option<Spanned<MapSetting>>,
    pub(crate) anonymous: Option<Spanned<MapSetting>>,
    pub(crate) security: Option<Texts>,
    pub(crate) read_size_max: Option<Number>,
    pub(crate) read_size_preferred: Option<Number>,
    pub(crate) read_size_multiple: Option<Number>,
    pub(crate) write_size_max: Option<Number>,
    pub(crate) write_size_preferred: Option<Number>,
    pub(crate) write_size_multiple: Option<Number>,
    pub(crate) readdir_size_preferred: Option<Number>,
    pub(crate) file_ids: Option<Text>,
    pub(crate) can_set_time: Option<bool>,
}

/// One `[[share]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShareTable {
    pub(crate) name: Text,
    pub(crate) path: Text,
    pub(crate) description: Option<Text>,
    #[serde(default)]
    pub(crate) read_only: bool,
    #[serde(default)]
    pub(crate) guests: bool,
    pub(crate) browsable: Option<bool>,
    pub(crate) streams: Option<bool>,
    #[serde(default)]
    pub(crate) smb3_encryption_enabled: bool,
    #[serde(default)]
    pub(crate) continuously_available: bool,
    #[serde(default)]
    pub(crate) access_based_enumeration: bool,
    pub(crate) permissions: Option<Vec<Spanned<PermissionSetting>>>,
}

/// `{ trustee = ..., action = "allow", rights = "read" }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PermissionSetting {
    pub(crate) trustee: String,
    pub(crate) action: Option<String>,
    pub(crate) rights: String,
}

/// `"off"` or `{ user = ..., group = ..., groups = [...] }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MapSetting {
    Off,
    To { user: IdSetting, group: Option<IdSetting>, groups: Vec<IdSetting> },
}

/// A user or group: a name or a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IdSetting {
    Number(u32),
    Name(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MapTable {
    user: IdSetting,
    group: Option<IdSetting>,
    #[serde(default)]
    groups: Vec<IdSetting>,
}

impl<'de> Deserialize<'de> for MapSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MapVisitor)
    }
}

struct MapVisitor;

impl<'de> Visitor<'de> for MapVisitor {
    type Value = MapSetting;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("\"off\" or { user = name or id, group = name or id, groups = [names or ids] }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<MapSetting, E> {
        match text {
            "off" => Ok(MapSetting::Off),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MapSetting, A::Error> {
        let MapTable { user, group, groups } = MapTable::deserialize(MapAccessDeserializer::new(map))?;
        Ok(MapSetting::To { user, group, groups })
    }
}

impl<'de> Deserialize<'de> for IdSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = IdSetting;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name or an id from 0 to 4294967294")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<IdSetting, E> {
        let id = u32::try_from(number).ok().filter(|&id| id != u32::MAX);
        id.map(IdSetting::Number).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<IdSetting, E> {
        let id = u32::try_from(number).ok().filter(|&id| id != u32::MAX);
        id.map(IdSetting::Number).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<IdSetting, E> {
        Ok(IdSetting::Name(text.to_owned()))
    }
}
