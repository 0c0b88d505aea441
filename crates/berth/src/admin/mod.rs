//! The operator's window of this process: its socket, and what it shows.

mod documents;
mod process;
mod socket;
mod sources;

use std::path::Path;
use std::sync::Arc;

use admin_server::{Scope, Sources, Window, ZoneDocuments};
use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub(crate) use self::documents::{Changes, Documents, Pending};
use self::socket::Socket;
pub(crate) use self::sources::{About, HouseSources};
use crate::settings::Settings;

/// The open window, until dropped. Belongs to the runtime that it was opened on.
#[derive(Debug)]
pub(crate) struct Operator {
    _tasks: JoinSet<()>,
    _socket: Socket,
}

impl Operator {
    /// Answers on the admin socket, and on the port for monitoring if there is one.
    pub(crate) fn open(
        settings: &Settings,
        sources: Arc<dyn Sources>,
        documents: Arc<dyn ZoneDocuments>,
    ) -> Result<Self> {
        let path = settings.admin_socket();
        let (socket, listener) = Socket::open(&path)?;
        let monitoring = settings.admin.metrics_listen.map(listen).transpose()?;
        let (window, mut tasks) = (Window::new(sources, documents), JoinSet::new());
        let sampled = window.clone();
        tasks.spawn(async move { sampled.sample().await });
        if let Some(listener) = monitoring {
            let window = window.clone();
            tasks.spawn(async move { window.serve(listener, Scope::Monitoring).await });
        }
        tasks.spawn(async move { window.serve(listener, Scope::Everything).await });
        tracing::info!(socket = %path.display(), metrics = ?settings.admin.metrics_listen, "the operator's window is open");
        Ok(Self { _tasks: tasks, _socket: socket })
    }
}

fn listen(at: std::net::SocketAddr) -> Result<TcpListener> {
    let bind = || {
        let listener = std::net::TcpListener::bind(at)?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    };
    bind().with_context(|| format!("cannot listen on {at} (TCP): set another address in admin.metrics_listen"))
}

/// Says of a path what to do when nothing can be opened there.
fn refusal(path: &Path) -> String {
    format!(
        "cannot open the admin socket {}: its folder must be there and writable (systemd: RuntimeDirectory=berth), or \
         name another path in admin.socket",
        path.display()
    )
}
