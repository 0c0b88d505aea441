//! Quotas are kept and told, and what is used is counted anew each time; nothing is refused for one.

use std::collections::BTreeSet;

use vfs::{
    Failure, FileType, FsError, InodeId, OwnerQuotasRequest, Quota, QuotaDomain, QuotaSettings, QuotaUsage,
    SetQuotaRequest,
};

use super::turn::Turn;

/// A quota by its directory.
pub(super) type KeptQuota = (InodeId, QuotaDomain, QuotaSettings);

impl Turn<'_> {
    pub(super) fn set_quota(&mut self, request: SetQuotaRequest) -> Result<(), Failure> {
        let SetQuotaRequest { directory, domain, settings, .. } = request;
        if settings.is_some_and(|settings| !settings.are_valid()) {
            return Err(FsError::InvalidArgument.into());
        }
        self.directory(directory)?;
        let before = self.state.quotas.len();
        self.state.quotas.retain(|(found, of, _)| *found != directory || *of != domain);
        match settings {
            Some(settings) => self.state.quotas.push((directory, domain, settings)),
            None if before == self.state.quotas.len() => return Err(FsError::NotFound.into()),
            None => {}
        }
        Ok(())
    }

    pub(super) fn owner_quotas(&self, request: &OwnerQuotasRequest) -> Result<Vec<Quota>, Failure> {
        let every = match request.domain {
            QuotaDomain::User(_) => QuotaDomain::EveryUser,
            QuotaDomain::Group(_) => QuotaDomain::EveryGroup,
            _ => return Err(FsError::InvalidArgument.into()),
        };
        self.inode(request.inode)?;
        let mut quotas = Vec::new();
        for at in self.chain(request.inode) {
            let of = |domain: &QuotaDomain| {
                self.state.quotas.iter().find(|(found, of, _)| *found == at && of == domain).map(|(.., set)| *set)
            };
            let own = of(&request.domain);
            let Some(settings) = own.or_else(|| of(&every)) else { continue };
            quotas.push(Quota {
                directory: at,
                path: Vec::new(),
                domain: request.domain.clone(),
                settings,
                usage: self.owned(at, &request.domain),
                bytes_since: None,
                inodes_since: None,
                is_ready: true,
                is_linked: own.is_none(),
            });
        }
        Ok(quotas)
    }

    /// The directory of an inode and all above it.
    fn chain(&self, inode: InodeId) -> Vec<InodeId> {
        let is_in = |at: InodeId| {
            let mut directories = self.state.inodes.iter().filter_map(|(id, inode)| Some((id, inode.directory()?)));
            directories.find(|(_, directory)| directory.children().any(|(_, child)| child == at)).map(|(id, _)| *id)
        };
        let first = if self.directory(inode).is_ok() { Some(inode) } else { is_in(inode) };
        std::iter::successors(first, |at| is_in(*at)).collect()
    }

    fn owned(&self, directory: InodeId, domain: &QuotaDomain) -> QuotaUsage {
        let (mut usage, mut seen, mut left) = (QuotaUsage::default(), BTreeSet::new(), vec![directory]);
        while let Some(id) = left.pop() {
            let Some(inode) = self.state.inodes.get(&id).filter(|_| seen.insert(id)) else { continue };
            left.extend(
                inode.directory().into_iter().flat_map(|directory| directory.children()).map(|(_, child)| child),
            );
            let attributes = &inode.attributes;
            let is_own = match domain {
                QuotaDomain::User(owner) => *owner == attributes.owner,
                QuotaDomain::Group(group) => *group == attributes.group,
                _ => false,
            };
            if is_own {
                let has_length = attributes.file_type != FileType::Directory;
                usage.inodes += 1;
                usage.application_bytes += if has_length { attributes.size } else { 0 };
                usage.logical_bytes += attributes.allocated_bytes;
                usage.physical_bytes += attributes.allocated_bytes;
            }
        }
        usage
    }
}
