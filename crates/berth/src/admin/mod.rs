//! The operator's window of this process: its socket, and what it shows.

mod documents;
mod process;
mod socket;
mod sources;
mod tls;
mod tokens;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use admin_server::{Scope, Sources, Token, TokenFile, Window, WindowParts, ZoneDocuments};
use anyhow::{Context, Result, anyhow};
use tokio::net::TcpListener;
use tokio::task::{JoinSet, spawn_blocking};

pub(crate) use self::documents::{Changes, Documents, Pending};
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
}

impl Operator {
    /// Answers on the admin socket, and on the ports for monitoring and for who has a token if there are such.
    pub(crate) fn open(
        settings: &Settings,
        sources: Arc<dyn Sources>,
        documents: Arc<dyn ZoneDocuments>,
    ) -> Result<Self> {
        let path = settings.admin_socket();
        let (socket, listener) = Socket::open(&path)?;
        let monitoring = settings.admin.metrics_listen.map(|at| listen(at, "admin.metrics_listen")).transpose()?;
        let remote = settings.admin.remote();
        let tokens = remote.as_ref().map(|remote| Arc::new(Tokens::new(remote.tokens.clone())) as Arc<dyn TokenFile>);
        let port =
            remote.map(|Remote { listen, identity, .. }| TlsPort::open(listen, &identity).map(|port| (port, identity)));
        let port = port.transpose()?;
        let (window, mut tasks) = (Window::new(WindowParts { sources, documents, tokens }), JoinSet::new());
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
        Ok(Self { _tasks: tasks, _socket: socket, port })
    }

    /// Reads the certificate again. One that is wrong is not taken: the old one stays.
    pub(crate) async fn reload(&self) {
        let Some((port, identity)) = &self.port else { return };
        let files = identity.clone();
        let loaded = spawn_blocking(move || files.load()).await.context("reading the certificate");
        match loaded.and_then(|loaded| loaded) {
            Ok(config) => {
                port.renew(config);
                tracing::info!("certificate read again");
            }
            Err(error) => tracing::error!(error = format!("{error:#}"), "certificate not taken; the old one stays"),
        }
    }
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
