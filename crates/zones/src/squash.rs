//! Who a request runs as: the mappings of its export.

use std::net::IpAddr;

use vfs::{Credentials, Flavor, Identity};

use crate::ClientAccess;
use crate::export::{Export, Mappings};
use crate::mapping::Mapping;

/// A request that an export lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// What its client may do.
    pub access: ClientAccess,
    /// Who it runs as.
    pub credentials: Credentials,
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
}

impl Export {
    /// Lets a request of this client in, and says who it runs as.
    ///
    /// Errors, in order: `ClientNotNamed`, `FlavorNotAccepted`, `UnknownUser`.
    pub fn admit(&self, identity: &Identity, client: IpAddr) -> Result<Admitted, Refusal> {
        let access = self.access(client).ok_or(Refusal::ClientNotNamed)?;
        let credentials = self.map(identity, access)?;
        Ok(Admitted { access, credentials })
    }

    /// Who a request of this client runs as; [`Export::admit`] without the access.
    ///
    /// Errors: as `admit`.
    pub fn credentials(&self, identity: &Identity, client: IpAddr) -> Result<Credentials, Refusal> {
        self.admit(identity, client).map(|admitted| admitted.credentials)
    }

    fn map(&self, identity: &Identity, access: ClientAccess) -> Result<Credentials, Refusal> {
        match identity {
            Identity::Anonymous => {
                self.accept(Flavor::None)?;
                Ok(self.mappings.all.unwrap_or(Mapping::ANONYMOUS).credentials())
            }
            Identity::Unix { uid, gid, groups } => {
                self.accept(Flavor::Sys)?;
                Ok(self.mappings.apply(Credentials::unix(*uid, *gid, groups), access.root))
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
    /// the rest. Where root is mapped, its group goes with it: nobody keeps group 0 by claiming it.
    fn apply(&self, claimed: Credentials, is_root_client: bool) -> Credentials {
        let mapping = match (claimed.uid, is_root_client) {
            (0, true) => None,
            (0, false) => self.all.or(self.root),
            _ => self.all.or(self.non_root),
        };
        match (mapping, self.root) {
            (Some(mapping), _) => mapping.credentials(),
            (None, Some(root)) if !is_root_client => replace_root_group(claimed, root.gid),
            _ => claimed,
        }
    }
}

fn replace_root_group(claimed: Credentials, gid: u32) -> Credentials {
    let replace = |group: u32| if group == 0 { gid } else { group };
    let groups: Vec<_> = claimed.groups.iter().copied().map(replace).collect();
    Credentials::unix(claimed.uid, replace(claimed.gid), &groups)
}
