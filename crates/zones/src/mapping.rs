//! Users and groups that identities are mapped to.
//!
//! A mapping names ids, the names that mean the same on every machine (`root`, `nobody`, `nogroup`), or users and groups
//! of the zone's own files. Accounts of the gateway's own host are not those of a tenant and are not looked up.

use vfs::Credentials;
use vfs::limits::GROUPS_MAX;

use crate::accounts::Accounts;
use crate::settings::{IdSetting, MapSetting};

/// The user that nobody is mapped to.
pub const NOBODY: u32 = 65_534;
/// The group that nobody is mapped to.
pub const NOGROUP: u32 = 65_534;

/// A user to run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Supplementary groups.
    pub(crate) groups: Vec<u32>,
}

impl Mapping {
    /// The anonymous user.
    pub(crate) const ANONYMOUS: Self = Self { uid: NOBODY, gid: NOGROUP, groups: Vec::new() };

    /// What a setting means; `None` is `"off"`. A user without a group gets its own if it has a name (`root`: 0, a user
    /// of the zone: that of the file), else nogroup. Supplementary groups are those it names.
    pub(crate) fn parse(setting: &MapSetting, accounts: &Accounts) -> Result<Option<Self>, String> {
        let MapSetting::To { user, group, groups } = setting else { return Ok(None) };
        let uid = parse_id(user, USERS, |name| accounts.uid(name)).map_err(|name| unknown_user(&name))?;
        let group_id = |group| parse_id(group, GROUPS, |name| accounts.gid(name)).map_err(|name| unknown_group(&name));
        let gid = match group {
            Some(group) => group_id(group)?,
            None => primary_gid(user, accounts),
        };
        if groups.len() > GROUPS_MAX {
            return Err(format!("more than {GROUPS_MAX} groups"));
        }
        let groups = groups.iter().map(group_id).collect::<Result<_, _>>()?;
        Ok(Some(Self { uid, gid, groups }))
    }

    /// The user as an operation runs as it.
    pub(crate) fn credentials(&self) -> Credentials {
        Credentials::unix(self.uid, self.gid, &self.groups)
    }
}

fn primary_gid(user: &IdSetting, accounts: &Accounts) -> u32 {
    match user {
        IdSetting::Name(name) if name == "root" => 0,
        IdSetting::Name(name) if name == "nobody" => NOGROUP,
        IdSetting::Name(name) => accounts.primary_gid(name).unwrap_or(NOGROUP),
        IdSetting::Number(_) => NOGROUP,
    }
}

/// Names that mean the same everywhere go before those of the zone, and names before numbers.
///
/// Errors: the name that nobody has.
fn parse_id(
    setting: &IdSetting,
    built_in: &[(&str, u32)],
    of_zone: impl Fn(&str) -> Option<u32>,
) -> Result<u32, String> {
    let name = match setting {
        IdSetting::Number(id) => return Ok(*id),
        IdSetting::Name(name) => name,
    };
    let named = built_in.iter().find(|(known, _)| known == name).map(|(_, id)| *id);
    let numeric = || name.parse().ok().filter(|&id| id != u32::MAX);
    named.or_else(|| of_zone(name)).or_else(numeric).ok_or_else(|| name.escape_default().to_string())
}

fn unknown_user(name: &str) -> String {
    format!("unknown user \"{name}\": allowed are \"nobody\", \"root\", names of users_file and numeric ids")
}

fn unknown_group(name: &str) -> String {
    format!(
        "unknown group \"{name}\": allowed are \"nogroup\", \"nobody\", \"root\", names of groups_file and numeric ids"
    )
}

const USERS: &[(&str, u32)] = &[("nobody", NOBODY), ("root", 0)];
const GROUPS: &[(&str, u32)] = &[("nogroup", NOGROUP), ("nobody", NOGROUP), ("root", 0)];
