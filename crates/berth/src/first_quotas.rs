//! Quotas that directories of exports have from the start.

use admin_server::QuotaStore;
use vfs::{FsError, Name, QuotaDomain, QuotaGuard, QuotaLimits, QuotaSettings, SetQuotaRequest};
use zones::Zone;

/// A quota that a directory gets when it has none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FirstQuota {
    /// The zone.
    pub(crate) zone: &'static str,
    /// A directory in its base.
    pub(crate) directory: &'static str,
    /// The hard limit on bytes, which clients see as the size.
    pub(crate) bytes: u64,
}

impl FirstQuota {
    /// Sets it. A directory that is not there, or has a quota already, stays as it is.
    pub(crate) async fn set(&self, zone: &Zone, quotas: &dyn QuotaStore) -> Result<(), FsError> {
        let Ok(name) = Name::try_from(self.directory) else { return Err(FsError::InvalidArgument) };
        let directory = quotas.directory(zone.root(), vec![name]).await?;
        let bytes = QuotaLimits { hard: Some(self.bytes), ..QuotaLimits::default() };
        let settings = QuotaSettings { bytes, enforced: true, container: true, ..QuotaSettings::default() };
        let (domain, guard) = (QuotaDomain::Directory, QuotaGuard::Absent);
        let set = quotas.set(SetQuotaRequest { directory, domain, settings: Some(settings), guard }).await;
        if set == Err(FsError::NotSync) { Ok(()) } else { set }
    }
}
