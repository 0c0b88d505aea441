//! The house, put together in the order of docs/architecture.md and taken apart backwards.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use nfs_server::{HandleKeys, Registration, Rpcbind, Server, ServerParts};
use pages::Pool;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};
use vfs::{Clock, Vfs};
use zones::{ConfigErrors, Registry, Zone, ZoneDefinition};

use crate::admin::{About, HouseQuotas, HouseSnapshots, HouseSources};
use crate::conditions::Conditions;
use crate::first_quotas::FirstQuota;
use crate::listeners::{Listeners, Stand};
use crate::notify::{self, HouseNotifications, Sent, Tally, Teller};
use crate::runtime::Workers;
use crate::settings::Settings;
use crate::smb_users::ZoneUsers;
use crate::trail::{self, HouseEvents, Trails};
use crate::zone_roots;
use crate::{reports, schedules};

/// Where the descriptions of zones come from.
#[derive(Clone, Debug)]
pub(crate) struct ZoneSource {
    /// Reads them; blocks.
    pub(crate) load: fn(&Settings) -> Result<Vec<ZoneDefinition>, ConfigErrors>,
    /// The folder of zone files that it reads; `None`: they come from nowhere that can be changed.
    pub(crate) folder: fn(&Settings) -> Option<PathBuf>,
    /// Mode of exported directories that are made.
    pub(crate) export_mode: u32,
    /// Quotas that directories have from the start.
    pub(crate) quotas: &'static [FirstQuota],
}

/// What stands on the store: zones, doors, listeners, and the threads that serve.
#[derive(Debug)]
pub(crate) struct House<V> {
    vfs: Arc<V>,
    settings: Settings,
    source: ZoneSource,
    registry: Arc<Registry>,
    listeners: Listeners<V>,
    workers: Workers,
    conditions: Arc<Conditions>,
    /// What became of what was told of quotas.
    notified: Arc<Tally>,
    /// What was sent of that.
    sent: Arc<Sent>,
    /// What is recorded of what clients do, and who writes it until it is told to end.
    trails: Arc<Trails>,
    recording: Option<(watch::Sender<bool>, JoinHandle<()>)>,
    server: Server<V>,
    smb: smb_server::Server<V>,
    clock: Arc<dyn Clock>,
    /// What runs beside the connections until the stop.
    beside: JoinSet<()>,
    /// What rpcbind knows of us.
    registration: Option<Registration>,
    stop: watch::Sender<bool>,
}

/// What a house is built on.
#[derive(Debug)]
pub(crate) struct Ground<V> {
    pub(crate) vfs: Arc<V>,
    pub(crate) handle_keys: HandleKeys,
    /// Names this server to SMB clients.
    pub(crate) server_guid: [u8; 16],
    pub(crate) clock: Arc<dyn Clock>,
    /// The memory of blocks.
    pub(crate) pool: Pool,
}

impl<V: Vfs> House<V> {
    /// Serves the zones of the source; when this returns, clients can mount.
    pub(crate) async fn open(ground: Ground<V>, settings: &Settings, source: ZoneSource) -> Result<Self> {
        let Ground { vfs, handle_keys, server_guid, clock, pool } = ground;
        let registry = Arc::new(Registry::new());
        let (stop, stopped) = watch::channel(false);
        let threads = Arc::default();
        let server = Server::new(ServerParts {
            vfs: Arc::clone(&vfs),
            registry: Arc::clone(&registry),
            handle_keys,
            clock: Arc::clone(&clock),
            settings: settings.for_nfs(CALLS_TIME),
            pool: pool.clone(),
            threads: Arc::clone(&threads),
            stop: stopped.clone(),
        });
        let smb = smb_server::Server::new(smb_server::ServerParts {
            vfs: Arc::clone(&vfs),
            registry: Arc::clone(&registry),
            users: Arc::new(ZoneUsers::new(Arc::clone(&clock))),
            server_guid,
            clock: Arc::clone(&clock),
            random: fill_random,
            settings: settings.for_smb(CALLS_TIME),
            pool,
            threads,
            stop: stopped,
        });
        let workers = Workers::start(settings.threads).context("cannot start the serving threads")?;
        let conditions = Arc::new(Conditions::default());
        let listeners =
            Listeners::new((server.clone(), smb.clone()), (workers.seats(), settings.ports()), Arc::clone(&conditions));
        let sent = Arc::new(Sent::new(settings.data.join(SENT_FOLDER)));
        let trails = Arc::new(Trails::new(settings.data.join(TRAILS_FOLDER)));
        let settings = settings.clone();
        let beside = JoinSet::new();
        let mut house = Self {
            vfs,
            settings,
            source,
            registry,
            listeners,
            workers,
            conditions,
            notified: Arc::default(),
            sent,
            trails,
            recording: None,
            server,
            smb,
            clock,
            beside,
            registration: None,
            stop,
        };
        house.reload().await?;
        let server = house.server.clone();
        house.beside.spawn(async move { server.serve_locks().await });
        let smb = house.smb.clone();
        house.beside.spawn(async move { smb.serve_parked().await });
        let (vfs, clock, zones) = (Arc::clone(&house.vfs), Arc::clone(&house.clock), Arc::clone(&house.registry));
        let told = (clock, Arc::clone(&house.conditions));
        house.beside.spawn(async move { schedules::run(vfs, told, move || zones.zones()).await });
        house.watch_quotas();
        house.record_events();
        if house.settings.portmap.register {
            house.registration = Some(house.server.register(Rpcbind::default()).await);
        }
        Ok(house)
    }

    /// Tells people of quotas, and makes reports of them, until the stop.
    fn watch_quotas(&mut self) {
        let (vfs, zones) = (Arc::clone(&self.vfs), Arc::clone(&self.registry));
        let teller = Teller {
            clock: Arc::clone(&self.clock),
            tally: Arc::clone(&self.notified),
            sent: Arc::clone(&self.sent),
            file: self.settings.data.join(NOTIFIED_FILE),
        };
        self.beside.spawn(async move { notify::run(vfs, teller, move || zones.zones()).await });
        let (vfs, zones) = (Arc::clone(&self.vfs), Arc::clone(&self.registry));
        let folder = self.settings.data.join(REPORTS_FOLDER);
        let told = (Arc::clone(&self.clock), Arc::clone(&self.conditions), folder);
        self.beside.spawn(async move { reports::run(vfs, told, move || zones.zones()).await });
    }

    /// Writes what zones record of what their clients do, until the stop.
    fn record_events(&mut self) {
        let (vfs, zones) = (Arc::clone(&self.vfs), Arc::clone(&self.registry));
        let told = (Arc::clone(&self.trails), Arc::clone(&self.clock));
        let (end, is_over) = watch::channel(false);
        let writing = tokio::spawn(async move { trail::run(vfs, told, move || zones.zones(), is_over).await });
        self.recording = Some((end, writing));
    }

    /// Reads the zones again and serves them as they are now: all of them, or, when anything is wrong, those served so
    /// far. Connections that are open go on.
    pub(crate) async fn reload(&mut self) -> Result<()> {
        let reloaded = self.try_reload().await;
        if let Err(error) = &reloaded {
            self.conditions.refuse_reload(format!("{error:#}"));
        }
        reloaded
    }

    /// What the operator's window shows of this house.
    pub(crate) fn sources(&self, about: About) -> HouseSources<V> {
        HouseSources {
            about,
            vfs: Arc::clone(&self.vfs),
            server: self.server.clone(),
            smb: self.smb.clone(),
            registry: Arc::clone(&self.registry),
            conditions: Arc::clone(&self.conditions),
            notified: Arc::clone(&self.notified),
            trails: Arc::clone(&self.trails),
            clock: Arc::clone(&self.clock),
            connections_max: (self.settings.nfs.connections_max + self.settings.smb.connections_max) as u64,
        }
    }

    /// The quotas of this house.
    pub(crate) fn quotas(&self) -> HouseQuotas<V> {
        HouseQuotas(Arc::clone(&self.vfs))
    }

    /// What was recorded of what clients of this house did.
    pub(crate) fn events(&self) -> HouseEvents {
        HouseEvents(Arc::clone(&self.trails))
    }

    /// What was told of the quotas of this house.
    pub(crate) fn notifications(&self) -> HouseNotifications {
        HouseNotifications(Arc::clone(&self.sent))
    }

    /// Goes on with records in the files that have their names now.
    pub(crate) fn reopen_records(&self) {
        self.trails.reopen();
    }

    /// The snapshots of this house.
    pub(crate) fn snapshots(&self) -> HouseSnapshots<V> {
        HouseSnapshots(Arc::clone(&self.vfs))
    }

    /// Gives directories the quotas that they have from the start.
    ///
    /// Errors: one cannot be set.
    pub(crate) async fn set_first_quotas(&self) -> Result<()> {
        for quota in self.source.quotas {
            let zones = self.zones();
            let Some(zone) = zones.iter().find(|zone| zone.name() == quota.zone) else { continue };
            let set = quota.set(zone, &self.quotas()).await;
            set.map_err(|error| anyhow!("{error:?}")).with_context(|| format!("the quota of {}", quota.directory))?;
        }
        Ok(())
    }

    async fn try_reload(&mut self) -> Result<()> {
        let (settings, load) = (self.settings.clone(), self.source.load);
        let definitions = spawn_blocking(move || load(&settings)).await.context("reading the zones")??;
        self.take(definitions).await
    }

    /// Serves these zones: all of them, or, when that cannot be, those served so far.
    pub(crate) async fn take(&mut self, definitions: Vec<ZoneDefinition>) -> Result<()> {
        for (zone, warning) in definitions.iter().flat_map(|zone| zone.warnings().iter().map(move |note| (zone, note)))
        {
            tracing::warn!(zone = zone.name(), warning = %warning, "a zone file is not quite right");
        }
        let prepared = zone_roots::prepare(&*self.vfs, definitions, self.source.export_mode).await?;
        let zones = prepared.zones;
        let stands: Vec<_> = zones.iter().flat_map(|(zone, _)| Stand::of(zone)).collect();
        let bound = self.listeners.bind(&stands)?;
        self.registry.install(zones);
        self.listeners.serve(bound);
        self.listeners.keep(&stands).await;
        self.conditions.reload(prepared.left_out);
        Ok(())
    }

    /// The folder of zone files, if there is one.
    pub(crate) fn zone_folder(&self) -> Option<PathBuf> {
        (self.source.folder)(&self.settings)
    }

    /// The zones served now.
    pub(crate) fn zones(&self) -> Vec<Arc<Zone>> {
        self.registry.zones()
    }

    /// Accepts nothing any more, lets calls that have begun end, and ends the threads.
    pub(crate) async fn close(mut self) {
        self.stop.send_replace(true);
        if let Some(registration) = self.registration.take() {
            // rpcbind is on this machine, but it may hang all the same.
            drop(tokio::time::timeout(CALLS_TIME_MARGIN, registration.undo()).await);
        }
        self.listeners.keep(&[]).await;
        let left = self.workers.drain(CALLS_TIME + CALLS_TIME_MARGIN).await;
        if left > 0 {
            tracing::warn!(connections = left, "connections were cut off: their calls took too long");
        }
        if let Some((end, writing)) = self.recording.take() {
            end.send_replace(true);
            drop(tokio::time::timeout(CALLS_TIME_MARGIN, writing).await);
        }
    }
}

/// Fills bytes that nobody can guess. Without them there is no security to offer: better to end.
#[expect(clippy::expect_used, reason = "a kernel without randomness cannot be served from")]
fn fill_random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the kernel has randomness");
}

/// Where reports are, in the folder of the data, by zone.
const REPORTS_FOLDER: &str = "reports";
/// Where records of what clients did are, in the folder of the data, by zone.
const TRAILS_FOLDER: &str = "events";
/// What was sent of what was told of quotas, in the folder of the data, by zone.
const SENT_FOLDER: &str = "notifications";
/// What was told of quotas, in the folder of the data.
const NOTIFIED_FILE: &str = "notified.json";
/// How long calls that have begun may take when the gateway stops.
const CALLS_TIME: Duration = Duration::from_millis(1000);
const CALLS_TIME_MARGIN: Duration = Duration::from_millis(200);
/// How long the store may take to close; with the calls and the end of the process it stays within 5 s.
pub(crate) const CLOSE_TIME: Duration = Duration::from_millis(2300);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::path::Path;

    use admin_server::Condition;
    use tempfile::TempDir;
    use testkit::{ManualClock, ReferenceFilesystem};

    use pages::PoolSettings;

    use super::*;
    use crate::runtime::on_this_thread;

    /// A folder of zone files, and settings with ports that nothing used a moment ago.
    struct Site {
        folder: TempDir,
        settings: Settings,
    }

    impl Site {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let mut settings = Settings::for_data(Path::new("unused"));
            settings.zones = folder.path().to_owned();
            settings.threads = 2;
            settings.nfs.port = free_port();
            settings.portmap.port = free_port();
            settings.smb.port = free_port();
            Self { folder, settings }
        }

        fn write(&self, name: &str, address: &str) {
            let text = format!(
                "name = \"{name}\"\nbase = \"/{name}\"\naddresses = [\"{address}\"]\n[[export]]\npaths = [\"/projects\"]\n"
            );
            fs::write(self.folder.path().join(format!("{name}.toml")), text).unwrap();
        }

        async fn open(&self) -> Result<House<ReferenceFilesystem>> {
            let clock = Arc::new(ManualClock::standing());
            let vfs = Arc::new(ReferenceFilesystem::new(clock.clone()));
            let handle_keys = HandleKeys::new(&[(1, [7; 32])]).unwrap();
            let source = ZoneSource {
                load: |settings| zones::load(&settings.zones),
                folder: |settings| Some(settings.zones.clone()),
                export_mode: 0o755,
                quotas: &[],
            };
            let pool = Pool::new(PoolSettings::default());
            House::open(Ground { vfs, handle_keys, server_guid: [1; 16], clock, pool }, &self.settings, source).await
        }

        fn answers(&self, address: &str) -> bool {
            let ports = [self.settings.nfs.port, self.settings.portmap.port];
            let connects = |port: u16| TcpStream::connect(SocketAddr::new(address.parse().unwrap(), port)).is_ok();
            ports.into_iter().all(connects)
        }
    }

    fn free_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    fn names(house: &House<ReferenceFilesystem>) -> Vec<String> {
        house.zones().iter().map(|zone| zone.name().to_owned()).collect()
    }

    #[test]
    fn a_reload_brings_zones_and_takes_them_away() {
        on_this_thread().unwrap().block_on(async {
            let site = Site::new();
            site.write("a", "127.0.0.11");
            let mut house = site.open().await.unwrap();
            assert!(site.answers("127.0.0.11") && !site.answers("127.0.0.12"));
            let kept = house.zones()[0].root();

            site.write("b", "127.0.0.12");
            house.reload().await.unwrap();
            assert_eq!(names(&house), ["a", "b"]);
            assert_eq!(house.zones()[0].root(), kept, "a zone stays where it is");
            assert!(site.answers("127.0.0.11") && site.answers("127.0.0.12"));

            fs::remove_file(site.folder.path().join("a.toml")).unwrap();
            house.reload().await.unwrap();
            assert_eq!(names(&house), ["b"]);
            assert!(!site.answers("127.0.0.11") && site.answers("127.0.0.12"));
            house.close().await;
            assert!(!site.answers("127.0.0.12"), "a closed house does not answer");
        });
    }

    #[test]
    fn a_reload_that_is_wrong_changes_nothing() {
        on_this_thread().unwrap().block_on(async {
            let site = Site::new();
            site.write("a", "127.0.0.13");
            let mut house = site.open().await.unwrap();
            // An address that this machine does not have (RFC 5737), and a name that is one already.
            for (name, address) in [("b", "192.0.2.1"), ("b", "127.0.0.13")] {
                site.write(name, address);
                let refusal = format!("{:#}", house.reload().await.unwrap_err());
                assert!(refusal.contains(address), "{refusal}");
                assert_eq!(names(&house), ["a"]);
                assert!(site.answers("127.0.0.13"));
                let conditions = house.conditions.all(false);
                let [Condition::ReloadRefused { reason }] = &conditions[..] else { panic!("{conditions:?}") };
                assert_eq!(reason, &refusal);
            }
            fs::remove_file(site.folder.path().join("b.toml")).unwrap();
            house.reload().await.unwrap();
            assert!(house.conditions.all(false).is_empty());
            house.close().await;
        });
    }

    #[test]
    fn shares_come_and_go_with_a_reload() {
        on_this_thread().unwrap().block_on(async {
            let site = Site::new();
            site.write("a", "127.0.0.15");
            let mut house = site.open().await.unwrap();
            let answers = || TcpStream::connect(("127.0.0.15", site.settings.smb.port)).is_ok();
            assert!(!answers(), "nobody shares anything");
            let file = site.folder.path().join("a.toml");
            let without = fs::read_to_string(&file).unwrap();
            fs::write(&file, format!("{without}[[share]]\nname = \"x\"\npath = \"/deep/x\"\n")).unwrap();
            house.reload().await.unwrap();
            assert!(answers());
            fs::write(&file, without).unwrap();
            house.reload().await.unwrap();
            assert!(!answers() && site.answers("127.0.0.15"), "SMB only");
            house.close().await;
        });
    }

    #[test]
    fn a_busy_port_is_refused_with_what_to_do() {
        on_this_thread().unwrap().block_on(async {
            let site = Site::new();
            site.write("a", "127.0.0.14");
            let _busy = TcpListener::bind(("127.0.0.14", site.settings.nfs.port)).unwrap();
            let refusal = format!("{:#}", site.open().await.unwrap_err());
            let begin = format!("cannot listen on 127.0.0.14:{} (TCP): another server", site.settings.nfs.port);
            assert!(refusal.starts_with(&begin) && refusal.contains("set another port in [nfs]"), "{refusal}");
        });
    }
}
