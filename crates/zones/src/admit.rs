//! Who a request runs as: the mappings of its export, and the groups of the zone's provider.

use std::net::IpAddr;
use std::time::Duration;

use vfs::{Clock, Credentials, Flavor, Identity};

use crate::ClientAccess;
use crate::export::{Export, Mappings};
use crate::groups::Found;
use crate::mapping::Mapping;
use crate::zone::Zone;

/// A request at the door.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// What its token says.
    pub identity: &'a Identity,
    /// Its client.
    pub client: IpAddr,
    /// Says how old answers of the zone's provider are.
    pub clock: &'a dyn Clock,
}

/// A request that an export lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// What its client may do.
    pub access: ClientAccess,
    /// Who it runs as.
    pub credentials: Credentials,
    /// Until when this holds, on the monotonic clock; `None`: as long as the zone is served as it is.
    pub until: Option<Duration>,
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The zone has no such export (any more).
    #[error("no such export")]
    NoSuchExport,
    /// A directory below an export without `all_dirs`.
    #[error("directories below this export cannot be mounted")]
    NotMountable,
    /// The export names clients, and this one is not among them.
    #[error("the client is not named by the export")]
    ClientNotNamed,
    /// The export does not accept this security flavor.
    #[error("the export does not accept this security flavor")]
    FlavorNotAccepted,
    /// No user of the zone has this identity.
    #[error("the identity is not known in the zone")]
    UnknownUser,
    /// The zone's provider of groups cannot be asked now; later it may.
    #[error("the users of the zone cannot be asked now")]
    ProviderFailed,
}

/// Who a request runs as, as far as its export says.
enum Mapped {
    /// This one, whatever the provider says.
    Settled(Credentials),
    /// Itself, with the groups that its client claims.
    Itself(Credentials),
}

impl Zone {
    /// Lets a request in, and says who it runs as. A user that no mapping of the export touches is looked up in the zone
    /// when the zone has `resolve_groups` or the export `lookup`: one that is known gets all its groups in place of
    /// those its client claims (`resolve_groups`), one that is not becomes `map_failure` (`lookup`) or stays as claimed.
    ///
    /// Errors, in order: `ClientNotNamed`, `FlavorNotAccepted`, `UnknownUser`, `ProviderFailed`.
    pub async fn admit(&self, export: &Export, asker: Asker<'_>) -> Result<Admitted, Refusal> {
        let access = export.access(asker.client).ok_or(Refusal::ClientNotNamed)?;
        let claimed = match export.map(asker.identity, access)? {
            Mapped::Itself(claimed) if self.resolves_groups() || export.mappings().lookup => claimed,
            Mapped::Itself(credentials) | Mapped::Settled(credentials) => {
                return Ok(Admitted { access, credentials, until: None });
            }
        };
        let found = self.groups().find(claimed.uid, asker.clock).await.map_err(|_| Refusal::ProviderFailed)?;
        let until = Some(found.until);
        let credentials = self.resolve(export, (claimed, found), access);
        Ok(Admitted { access, credentials, until })
    }

    fn resolve(&self, export: &Export, (claimed, found): (Credentials, Found), access: ClientAccess) -> Credentials {
        match (found.groups, &export.mappings().failure) {
            (Some(groups), _) if self.resolves_groups() => {
                let full = Credentials::in_groups(claimed.uid, claimed.gid, groups);
                export.mappings().without_root_group(full, access.root)
            }
            (None, Some(failure)) if export.mappings().lookup => failure.credentials(),
            _ => claimed,
        }
    }
}

impl Export {
    fn map(&self, identity: &Identity, access: ClientAccess) -> Result<Mapped, Refusal> {
        match identity {
            Identity::Anonymous => {
                self.accept(Flavor::None)?;
                let mapping = self.mappings().all.as_ref().unwrap_or_else(|| &self.mappings().anonymous);
                Ok(Mapped::Settled(mapping.credentials()))
            }
            Identity::Unix { uid, gid, groups } => {
                self.accept(Flavor::Sys)?;
                Ok(self.mappings().apply(Credentials::unix(*uid, *gid, groups), access.root))
            }
            Identity::User { .. } => Err(Refusal::UnknownUser),
        }
    }

    fn accept(&self, flavor: Flavor) -> Result<(), Refusal> {
        if self.flavors().contains(&flavor) { Ok(()) } else { Err(Refusal::FlavorNotAccepted) }
    }
}

impl Mappings {
    /// Root of a root client is touched by no mapping. Anybody else is mapped by `all`, or by the one for root or for
    /// the rest. Root is root: nobody looks it up.
    fn apply(&self, claimed: Credentials, is_root_client: bool) -> Mapped {
        let mapping = match (claimed.uid, is_root_client) {
            (0, true) => None,
            (0, false) => self.all.as_ref().or(self.root.as_ref()),
            _ => self.all.as_ref().or(self.non_root.as_ref()),
        };
        match mapping {
            Some(mapping) => Mapped::Settled(mapping.credentials()),
            None if claimed.uid == 0 => Mapped::Settled(claimed),
            None => Mapped::Itself(self.without_root_group(claimed, is_root_client)),
        }
    }

    /// Where root is mapped, its group goes with it: nobody keeps group 0 by claiming it.
    fn without_root_group(&self, claimed: Credentials, is_root_client: bool) -> Credentials {
        match &self.root {
            Some(Mapping { gid, .. }) if !is_root_client => replace_root_group(claimed, *gid),
            _ => claimed,
        }
    }
}

/// Groups without root's are shared on, not copied.
fn replace_root_group(claimed: Credentials, gid: u32) -> Credentials {
    let replace = |group: u32| if group == 0 { gid } else { group };
    let own = replace(claimed.gid);
    if claimed.groups.first() != Some(&0) {
        return Credentials::in_groups(claimed.uid, own, claimed.groups);
    }
    let groups: Vec<_> = claimed.groups.iter().copied().map(replace).collect();
    Credentials::unix(claimed.uid, own, &groups)
}
