//! `berth serve`: from a settings file to a gateway that runs until it is told to stop.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use vfs::{Clock, Vfs};
use zones::{ConfigErrors, Zone, ZoneDefinition};

use crate::admin::{About, Changes, Documents, Operator, Pending};
use crate::arguments::ServeArguments;
use crate::assemble::{CLOSE_TIME, Ground, House, ZoneSource};
use crate::clock::SystemClock;
use crate::runtime::on_this_thread;
use crate::settings::Settings;
use crate::shutdown::{Order, Orders, notify_ready, notify_reloading, notify_stopping, stop_within};
use crate::store::OpenStore;
use crate::{admin, telemetry, zone_change, zone_roots};

/// What is served, and what is said when it is.
pub(crate) struct Gateway {
    pub(crate) settings: Settings,
    pub(crate) source: ZoneSource,
    /// Called once, when clients can mount.
    pub(crate) announce: fn(&Settings, &[Arc<Zone>]) -> Result<()>,
}

/// Serves until SIGTERM.
pub(crate) fn run(arguments: &ServeArguments) -> Result<()> {
    let settings = Settings::load(&arguments.config)?;
    telemetry::start(&settings.log)?;
    let source = ZoneSource {
        load: load_zones,
        folder: |settings| Some(settings.zones.clone()),
        export_mode: zone_roots::EXPORT_MODE,
        quotas: &[],
    };
    Gateway { settings, source, announce: |_, _| Ok(()) }.run()
}

/// Says whether settings and zone files are right, and does nothing else.
pub(crate) fn check(arguments: &ServeArguments) -> Result<()> {
    let settings = Settings::load(&arguments.config);
    let zones = match &settings {
        Ok(settings) => load_zones(settings),
        Err(wrong) => Err(wrong.clone()),
    };
    let zones = zones?;
    if let Ok(settings) = &settings {
        admin::check(settings)?;
    }
    for warning in zones.iter().flat_map(|zone| zone.warnings()) {
        writeln!(io::stderr().lock(), "berth: warning: {warning}")?;
    }
    let exports: usize = zones.iter().map(|zone| zone.exports().len()).sum();
    writeln!(io::stdout().lock(), "the configuration is right: zones {}, exported paths {exports}", zones.len())?;
    Ok(())
}

impl Gateway {
    /// Serves until SIGTERM; SIGHUP reads the zones again.
    pub(crate) fn run(self) -> Result<()> {
        raise_file_limit(self.settings.nfs.connections_max.saturating_add(self.settings.smb.connections_max));
        let runtime = on_this_thread().context("cannot start a runtime")?;
        let outcome = runtime.block_on(self.serve());
        // What still blocks (a store that takes its time to open) is not waited for.
        runtime.shutdown_background();
        outcome
    }

    async fn serve(self) -> Result<()> {
        let mut orders = Orders::listen().context("cannot take signals")?;
        let opened = tokio::select! {
            opened = self.open() => opened,
            () = orders.stop() => {
                tracing::info!("told to stop before the start was over");
                return Ok(());
            }
        };
        let (store, mut house, operator, mut changes) = opened?;
        self.tell_ready(&house)?;
        loop {
            let change = tokio::select! {
                order = orders.next() => match order {
                    Order::Stop => break,
                    Order::Reload => None,
                },
                Some(change) = changes.recv() => Some(change),
            };
            notify_reloading();
            let reread = async {
                if change.is_none() {
                    operator.reload().await;
                    house.reopen_records();
                }
                reread(&mut house, change).await;
            };
            tokio::select! {
                () = reread => {}
                () = orders.stop() => break,
            }
            notify_ready(&status(&house.zones()));
        }
        stop_within(STOP_TIME);
        notify_stopping();
        tracing::info!("stopping");
        drop(operator);
        house.close().await;
        store.close(CLOSE_TIME).await?;
        tracing::info!("stopped");
        Ok(())
    }

    async fn open(&self) -> Result<(OpenStore, House<crate::store::LocalFilesystem>, Operator, Changes)> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let about = About::new(&self.settings, clock.now());
        let store = OpenStore::open(&self.settings, Arc::clone(&clock)).await?;
        let handle_keys = store.handle_keys().context("the keys of file handles")?;
        let (vfs, pool) = (Arc::clone(&store.filesystem), store.pool.clone());
        let server_guid = store.server_guid();
        let ground = Ground { vfs, handle_keys, server_guid, clock, pool };
        let house = House::open(ground, &self.settings, self.source.clone()).await?;
        house.set_first_quotas().await?;
        let (documents, changes) = Documents::new(house.zone_folder());
        let changed = (Arc::new(documents) as _, Arc::new(house.quotas()) as _, Arc::new(house.snapshots()) as _);
        let told = (Arc::new(house.events()) as _, Arc::new(house.notifications()) as _);
        let operator = Operator::open(&self.settings, Arc::new(house.sources(about)), changed, told)?;
        Ok((store, house, operator, changes))
    }

    fn tell_ready(&self, house: &House<crate::store::LocalFilesystem>) -> Result<()> {
        let zones = house.zones();
        tracing::info!(zones = zones.len(), data = %self.settings.data.display(), "ready");
        notify_ready(&status(&zones));
        (self.announce)(&self.settings, &zones)
    }
}

/// Reads the zones again, with a change of one of them if there is one.
async fn reread<V: Vfs>(house: &mut House<V>, change: Option<Pending>) {
    if let Some(Pending { change, answer }) = change {
        let zone = change.name.clone();
        let made = zone_change::make(house, change).await;
        tracing::info!(zone, error = ?made.as_ref().err(), "a change of a zone");
        // Nobody waits any more: the change is made all the same.
        drop(answer.send(made));
        return;
    }
    tracing::info!("reading the zones again");
    match house.reload().await {
        Ok(()) => tracing::info!(zones = house.zones().len(), "zones reloaded"),
        Err(error) => tracing::error!(error = format!("{error:#}"), "zones not reloaded; the old ones stay"),
    }
}

/// As many open files as the system allows: each connection is one.
fn raise_file_limit(connections_max: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let wanted = u64::try_from(connections_max).unwrap_or(u64::MAX).saturating_add(FILES_OF_THE_HOUSE);
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if allowed < wanted {
        tracing::warn!(
            allowed,
            wanted,
            "the limit of open files is too low for nfs.connections_max and smb.connections_max"
        );
    }
}

fn load_zones(settings: &Settings) -> Result<Vec<ZoneDefinition>, ConfigErrors> {
    zones::load(&settings.zones)
}

fn status(zones: &[Arc<Zone>]) -> String {
    let exports: usize = zones.iter().map(|zone| zone.exports().len()).sum();
    format!("serving {} zones, {exports} exported paths", zones.len())
}

/// Files that are open beside connections: the store, listeners, the log.
const FILES_OF_THE_HOUSE: u64 = 1024;
/// From the order to stop to the last moment at which the process begins to end; the kernel takes its time too.
const STOP_TIME: Duration = Duration::from_secs(4);
