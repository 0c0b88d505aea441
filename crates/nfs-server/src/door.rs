//! What all connections share.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use vfs::{Case, Clock, FsError, InodeId, Mailbox, OpContext, SessionId, Vfs, WalkRequest, ZoneId};
use zones::{Export, ExportId, Registry, Zone};

use crate::handle::HandleKeys;
use crate::metrics::Metrics;
use crate::mount::MountTable;
use crate::nlm4::Desk;
use crate::reply_cache::ReplyCache;
use crate::sessions::Sessions;
use crate::settings::Settings;

/// What all connections share.
pub(crate) struct Door<V> {
    pub(crate) vfs: Arc<V>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) keys: HandleKeys,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
    pub(crate) roots: ExportRoots,
    /// What lock calls share.
    pub(crate) locks: Desk,
    /// The connections that are open.
    pub(crate) open_sessions: Sessions,
    zones: RwLock<HashMap<ZoneId, Arc<ZoneState>>>,
    sessions: AtomicU64,
}

/// What the door keeps for a zone over reloads.
#[derive(Debug)]
pub(crate) struct ZoneState {
    pub(crate) replies: ReplyCache,
    pub(crate) metrics: Metrics,
    pub(crate) mounts: MountTable,
    /// Where grants of locks that were waited for are told.
    pub(crate) lock_events: Arc<Mailbox>,
}

/// The root inodes of exports, found by walking from the base of the zone and kept until a MNT finds another.
#[derive(Debug, Default)]
pub(crate) struct ExportRoots {
    known: Mutex<HashMap<(InodeId, ExportId), InodeId>>,
    version: AtomicU64,
}

impl<V: Vfs> Door<V> {
    pub(crate) fn new(
        vfs: Arc<V>,
        registry: Arc<Registry>,
        (keys, clock): (HandleKeys, Arc<dyn Clock>),
        settings: Settings,
    ) -> Self {
        let (roots, zones, sessions) = (ExportRoots::default(), RwLock::default(), AtomicU64::new(1));
        let (open_sessions, locks) = (Sessions::default(), Desk::new(&keys));
        Self { vfs, registry, keys, clock, settings, roots, locks, open_sessions, zones, sessions }
    }

    /// A number for the next connection.
    pub(crate) fn next_session(&self) -> SessionId {
        SessionId(self.sessions.fetch_add(1, Ordering::Relaxed))
    }

    /// What is kept for a zone.
    pub(crate) fn zone_state(&self, id: ZoneId) -> Arc<ZoneState> {
        if let Some(state) = self.zones.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Arc::clone(state);
        }
        let mut zones = self.zones.write().unwrap_or_else(PoisonError::into_inner);
        // Zones that are gone leave with the next that comes, so the table is no longer than two configurations.
        zones.retain(|known, _| *known == id || self.registry.zone(*known).is_some());
        let make = || {
            let replies = ReplyCache::new(self.settings.reply_cache_bytes_max);
            let (metrics, mounts) = (Metrics::new(), MountTable::new(self.settings.mounts_max));
            Arc::new(ZoneState { replies, metrics, mounts, lock_events: Arc::default() })
        };
        Arc::clone(zones.entry(id).or_insert_with(make))
    }

    /// What is kept for every zone that was called.
    pub(crate) fn zone_states(&self) -> Vec<(ZoneId, Arc<ZoneState>)> {
        let zones = self.zones.read().unwrap_or_else(PoisonError::into_inner);
        zones.iter().map(|(id, state)| (*id, Arc::clone(state))).collect()
    }

    /// The root inode of an export.
    ///
    /// Errors: as [`vfs::Namespace::walk`] for the path of the export below the base of the zone.
    pub(crate) async fn export_root(&self, zone: &Zone, export: &Export) -> Result<InodeId, FsError> {
        match self.roots.get(zone, export.id()) {
            Some(root) => Ok(root),
            None => self.find_export_root(zone, export).await,
        }
    }

    /// As [`Door::export_root`], but looks where the path leads now.
    pub(crate) async fn find_export_root(&self, zone: &Zone, export: &Export) -> Result<InodeId, FsError> {
        let ctx = OpContext { zone: zone.id(), ..OpContext::internal(zone.root()) };
        let path = export.components().to_vec();
        let request = WalkRequest { start: zone.root(), path, case: Case::Sensitive };
        let reply = self.vfs.walk(&ctx, request).await.map_err(|failure| failure.error)?;
        if !reply.attributes.is_directory() {
            return Err(FsError::NotDirectory);
        }
        self.roots.set(zone, export.id(), reply.attributes.inode);
        Ok(reply.attributes.inode)
    }
}

impl<V> fmt::Debug for Door<V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Door").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl ExportRoots {
    /// Changes whenever a root did.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn get(&self, zone: &Zone, export: ExportId) -> Option<InodeId> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(zone.root(), export)).copied()
    }

    fn set(&self, zone: &Zone, export: ExportId, root: InodeId) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ROOTS_MAX {
            known.clear();
        }
        if known.insert((zone.root(), export), root) != Some(root) {
            self.version.fetch_add(1, Ordering::Release);
        }
    }
}

/// Roots kept; above all exports that a configuration has.
const ROOTS_MAX: usize = 65_536;
