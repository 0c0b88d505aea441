//! Connections of the window: few, short, one request each.

use std::future::{Future, Ready, ready};
use std::io;
use std::time::Duration;

use axum::{Extension, Router};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use crate::access::Origin;

/// What may be asked on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything: a socket that only administrators reach.
    Everything,
    /// What the token of each request allows: a port that others reach.
    Tokens,
    /// Health and metrics only: a port that monitoring reaches.
    Monitoring,
}

/// Where connections come from.
pub trait Listener: Send {
    /// A connection that can be talked over.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send;
    /// One that is there, but has to agree on encryption, say, before that.
    type Arriving: Future<Output = io::Result<Self::Stream>> + Send;

    /// The next connection, and where it comes from. Loses none when it is dropped.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Arriving, Origin)>> + Send;
}

impl Listener for UnixListener {
    type Stream = tokio::net::UnixStream;
    type Arriving = Ready<io::Result<Self::Stream>>;

    async fn accept(&self) -> io::Result<(Self::Arriving, Origin)> {
        let (stream, _) = Self::accept(self).await?;
        let uid = stream.peer_cred().ok().map(|peer| peer.uid());
        Ok((ready(Ok(stream)), Origin::Local { uid }))
    }
}

impl Listener for TcpListener {
    type Stream = tokio::net::TcpStream;
    type Arriving = Ready<io::Result<Self::Stream>>;

    async fn accept(&self) -> io::Result<(Self::Arriving, Origin)> {
        let (stream, from) = Self::accept(self).await?;
        Ok((ready(Ok(stream)), Origin::Remote(from)))
    }
}

/// Answers requests until it is dropped. While [`CONNECTIONS_MAX`] are open, others wait to be accepted.
pub(crate) async fn serve(listener: impl Listener, router: Router) {
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if open.len() < CONNECTIONS_MAX => match accepted {
                Ok((arriving, origin)) => open.push(answer(arriving, router.clone().layer(Extension(origin)))),
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(()) = open.next(), if !open.is_empty() => {}
        }
    }
}

/// Answers one request, whatever comes, within [`REQUEST_TIME`].
async fn answer<S: AsyncRead + AsyncWrite + Unpin + Send>(
    arriving: impl Future<Output = io::Result<S>>,
    router: Router,
) {
    let mut builder = http1::Builder::new();
    // One time is for all of it, slow headers included.
    builder.keep_alive(false).header_read_timeout(None);
    builder.max_buf_size(HEADER_BYTES_MAX).max_headers(HEADERS_MAX);
    let connection = async {
        let stream = match arriving.await {
            Ok(stream) => stream,
            Err(error) => return tracing::debug!(%error, "an admin connection was not agreed on"),
        };
        let answered = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).await;
        if let Err(error) = answered {
            tracing::debug!(%error, "an admin request was not answered");
        }
    };
    if tokio::time::timeout(REQUEST_TIME, connection).await.is_err() {
        tracing::debug!("an admin request took too long");
    }
}

/// Connections of one listener at once.
const CONNECTIONS_MAX: usize = 32;
/// From accepting a connection to the last byte of the answer.
const REQUEST_TIME: Duration = Duration::from_secs(10);
/// Request line and headers.
const HEADER_BYTES_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 64;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
