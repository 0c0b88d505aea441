//! The operator's window of this process: its socket, and what it shows.

mod audit;
mod documents;
mod process;
mod quotas;
mod snapshots;
mod socket;
mod sources;
mod tls;
mod tokens;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use admin_server::{
    AuditLog, EventStore, NotificationStore, QuotaStore, Scope, SnapshotStore, Sources, Token, TokenFile, Window,
    WindowParts, ZoneDocuments,
};
use anyhow::{Context, Result, anyhow};
use tokio::net::TcpListener;
use tokio::task::{JoinSet, spawn_blocking};

use self::audit::Audit;
pub(crate) use self::documents::{Changes, Documents, Pending};
pub(crate) use self::quotas::HouseQuotas;
pub(crate) use self::snapshots::HouseSnapshots;
use self::socket::Socket;
pub(crate) use self::sources::{About, HouseSources};
pub(crate) use self::tls::Identity;
use self::tls::TlsPort;
pub(crate) use self::tokens::Tokens;
use crate::settings::{AdminSettings, Remote, Settings};

/// The open window, until dropped. Belongs to the runtime that it was opened on.
#[derive(Debug)]
pub(crate) struct Operator {
    _tasks: JoinSet<()>,
    _socket: Socket,
    /// The port for who has a token, and the files of its certificate.
    port: Option<(TlsPort, Identity)>,
    audit: Option<Audit>,
}

impl Operator {
    /// Answers on the admin socket, and on the ports for monitoring and for who has a token if there are such.
    pub(crate) fn open(
        settings: &Settings,
        sources: Arc<dyn Sources>,
        (documents, quotas, snapshots): (Arc<dyn ZoneDocuments>, Arc<dyn QuotaStore>, Arc<dyn SnapshotStore>),
        (events, notifications): (Arc<dyn EventStore>, Arc<dyn NotificationStore>),
    ) -> Result<Self> {
        let path = settings.admin_socket();
        let (socket, listener) = Socket::open(&path)?;
        let monitoring = settings.admin.metrics_listen.map(|at| listen(at, "admin.metrics_listen")).transpose()?;
        let remote = settings.admin.remote();
        let tokens = remote.as_ref().map(|remote| Arc::new(Tokens::new(remote.tokens.clone())) as Arc<dyn TokenFile>);
        let port =
            remote.map(|Remote { listen, identity, .. }| TlsPort::open(listen, &identity).map(|port| (port, identity)));
        let port = port.transpose()?;
        let audit = settings.admin.audit_log.as_deref().map(Audit::open).transpose()?;
        let recorder = audit.clone().map(|audit| Arc::new(audit) as Arc<dyn AuditLog>);
        let parts =
            WindowParts { sources, documents, quotas, snapshots, events, notifications, tokens, audit: recorder };
        let (window, mut tasks) = (Window::new(parts), JoinSet::new());
        let sampled = window.clone();
        tasks.spawn(async move { sampled.sample().await });
        if let Some(listener) = monitoring {
            let window = window.clone();
            tasks.spawn(async move { window.serve(listener, Scope::Monitoring).await });
        }
        if let Some((port, _)) = &port {
            let (window, port) = (window.clone(), port.clone());
            tasks.spawn(async move { window.serve(port, Scope::Tokens).await });
        }
        tasks.spawn(async move { window.serve(listener, Scope::Everything).await });
        let AdminSettings { metrics_listen, listen, .. } = &settings.admin;
        tracing::info!(socket = %path.display(), metrics = ?metrics_listen, ?listen, "the operator's window is open");
        Ok(Self { _tasks: tasks, _socket: socket, port, audit })
    }

    /// Reads the certificate again, and goes on with the audit log in the file that has its name now. What is wrong is not
    /// taken: the old one stays.
    pub(crate) async fn reload(&self) {
        if let Some(audit) = self.audit.clone() {
            match blocking(move || audit.reopen()).await {
                Ok(()) => tracing::info!("audit log opened again"),
                Err(error) => tracing::error!(error = format!("{error:#}"), "audit log not opened; the old one stays"),
            }
        }
        let Some((port, identity)) = &self.port else { return };
        let files = identity.clone();
        match blocking(move || files.load()).await {
            Ok(config) => {
                port.renew(config);
                tracing::info!("certificate read again");
            }
            Err(error) => tracing::error!(error = format!("{error:#}"), "certificate not taken; the old one stays"),
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(error.into()))
}

/// Whether the files that `[admin]` names are right.
///
/// Errors: the first that is not.
pub(crate) fn check(settings: &Settings) -> Result<()> {
    let Some(Remote { identity, tokens, .. }) = settings.admin.remote() else { return Ok(()) };
    identity.load()?;
    let text = Tokens::read(&tokens).with_context(|| format!("cannot read {}", tokens.display()))?;
    Token::parse_file(&text).map(drop).map_err(|mistake| anyhow!("{}: {mistake}", tokens.display()))
}

fn listen(at: SocketAddr, key: &str) -> Result<TcpListener> {
    let bind = || {
        let listener = std::net::TcpListener::bind(at)?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    };
    bind().with_context(|| format!("cannot listen on {at} (TCP): set another address in {key}"))
}

/// Says of a path what to do when nothing can be opened there.
fn refusal(path: &Path) -> String {
    format!(
        "cannot open the admin socket {}: its folder must be there and writable (systemd: RuntimeDirectory=berth), or \
         name another path in admin.socket",
        path.display()
    )
}
