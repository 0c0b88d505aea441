//! Users and groups that identities are mapped to.
//!
//! A mapping names an id, or one of the names that mean the same on every machine: `root`, `nobody` and `nogroup`.
//! Other names are refused: accounts of the gateway's own host are not those of a tenant, and a zone's own directory of
//! users comes with its identity providers.

use vfs::Credentials;

use crate::settings::{IdSetting, MapSetting};

/// The user that nobody is mapped to.
pub const NOBODY: u32 = 65_534;
/// The group that nobody is mapped to.
pub const NOGROUP: u32 = 65_534;

/// A user to run as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Mapping {
    /// The anonymous user.
    pub(crate) const ANONYMOUS: Self = Self { uid: NOBODY, gid: NOGROUP };

    /// What a setting means; `None` is `"off"`. A user without a group gets its own if it has a name (`root`:
    /// 0), else nogroup.
    pub(crate) fn parse(setting: &MapSetting) -> Result<Option<Self>, String> {
        let MapSetting::To { user, group } = setting else { return Ok(None) };
        let uid = parse_id(user, USERS, "user")?;
        let gid = match group {
            Some(group) => parse_id(group, GROUPS, "group")?,
            None if *user == IdSetting::Name("root".to_owned()) => 0,
            None => NOGROUP,
        };
        Ok(Some(Self { uid, gid }))
    }

    /// The user as an operation runs as it: without supplementary groups.
    pub(crate) fn credentials(self) -> Credentials {
        Credentials::unix(self.uid, self.gid, &[])
    }
}

fn parse_id(setting: &IdSetting, known: &[(&str, u32)], kind: &str) -> Result<u32, String> {
    let name = match setting {
        IdSetting::Number(id) => return Ok(*id),
        IdSetting::Name(name) => name,
    };
    let named = known.iter().find(|(known, _)| known == name).map(|(_, id)| *id);
    let numeric = || name.parse().ok().filter(|&id| id != u32::MAX);
    named.or_else(numeric).ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        format!("unknown {kind} \"{}\": allowed are {} and numeric ids", name.escape_default(), names.join(", "))
    })
}

const USERS: &[(&str, u32)] = &[("nobody", NOBODY), ("root", 0)];
const GROUPS: &[(&str, u32)] = &[("nogroup", NOGROUP), ("nobody", NOGROUP), ("root", 0)];
