//! Asking the gateway: one HTTP request over its socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use admin_api::{LIMIT_MAX, List};
use admin_api::{Mistake, Problem};
use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::http::request::Builder;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use zones::ConfigError;

use crate::arguments::ClientArguments;
use crate::settings::Settings;

/// Where a gateway answers.
#[derive(Debug)]
pub(super) struct Gateway {
    socket: PathBuf,
}

/// What it answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) etag: Option<String>,
    pub(super) body: Bytes,
}

impl Gateway {
    /// The gateway that is meant: `--socket`, the variable, or the settings file.
    pub(super) fn find(arguments: &ClientArguments) -> Result<Self> {
        let named = arguments.socket.clone();
        let named = named.or_else(|| {
            let variable = std::env::var_os(SOCKET_VARIABLE).filter(|path| !path.is_empty());
            variable.filter(|_| arguments.config.is_none()).map(PathBuf::from)
        });
        if let Some(socket) = named {
            return Ok(Self { socket });
        }
        let config = arguments.config.as_deref().unwrap_or_else(|| Path::new(DEFAULT_CONFIG));
        let settings = Settings::load(config).with_context(|| {
            format!("which gateway? Name its socket by --socket or {SOCKET_VARIABLE}, or its settings file by --config")
        })?;
        Ok(Self { socket: settings.admin_socket() })
    }

    /// What it answers at a path.
    ///
    /// Errors, in order: nobody answers, the request is refused, the answer is not understood.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let answer = self.ask(Request::get(path), Bytes::new()).await?;
        answer.check(path)?;
        answer.read()
    }

    /// All of a list, page by page.
    ///
    /// Errors: as [`Gateway::get`].
    pub(super) async fn all<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page: List<T> = self.get(&format!("{path}?limit={LIMIT_MAX}{cursor}")).await?;
            all.extend(page.items);
            match page.next {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(all),
            }
        }
    }

    /// What it answers to a request, whatever that is.
    ///
    /// Errors: nobody answers.
    pub(super) async fn ask(&self, request: Builder, body: Bytes) -> Result<Answer> {
        let request = request.header("host", "berth").body(Full::new(body)).context("no such request can be made")?;
        tokio::time::timeout(ANSWER_TIME, self.exchange(request)).await.context("the gateway does not answer")?
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer> {
        let stream = UnixStream::connect(&self.socket).await.with_context(|| {
            format!(
                "no gateway answers at {}: it does not run, is still starting (see its log), has another socket \
                 ([admin] socket of its settings), or belongs to another user (try as root)",
                self.socket.display()
            )
        })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.context("the gateway closed the connection")?;
        let status = response.status().as_u16();
        let etag = response.headers().get("etag").and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?.to_bytes();
        drop(sender);
        // The answer is complete: how the connection ends says nothing more.
        drop(connection.await);
        Ok(Answer { status, etag, body })
    }
}

impl Answer {
    /// Errors: the request for what is at `path` was refused; every mistake on a line of its own where that is why.
    pub(super) fn check(&self, path: &str) -> Result<()> {
        if (200..300).contains(&self.status) {
            return Ok(());
        }
        let unknown = |_| Problem::new(self.status, "", "");
        let problem: Problem = serde_json::from_slice(&self.body).unwrap_or_else(unknown);
        if problem.errors.is_empty() {
            bail!("the gateway refuses {path}: {} {} {}", problem.status, problem.title, problem.detail);
        }
        bail!("{}", problem.errors.iter().map(told).collect::<Vec<_>>().join("\n"))
    }

    /// What it says, in JSON.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).context("the answer is not understood: is the gateway of another version?")
    }
}

/// As `berth serve --check` tells it.
fn told(mistake: &Mistake) -> String {
    let Mistake { file, line, key, reason } = mistake;
    let (file, line) = (file.clone().into(), line.and_then(|line| usize::try_from(line).ok()));
    let error = ConfigError { file, line, key: key.clone(), reason: reason.clone() }.to_string();
    error.strip_prefix(": ").map(str::to_owned).unwrap_or(error)
}

const SOCKET_VARIABLE: &str = "BERTH_ADMIN_SOCKET";
const DEFAULT_CONFIG: &str = "/etc/berth/berth.toml";
const ANSWER_TIME: Duration = Duration::from_secs(15);
const ANSWER_BYTES_MAX: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::on_this_thread;

    fn arguments(socket: Option<&str>, config: Option<&Path>) -> ClientArguments {
        ClientArguments { socket: socket.map(PathBuf::from), config: config.map(Path::to_owned), json: false }
    }

    #[test]
    fn the_socket_is_named_or_found_in_the_settings() {
        assert_eq!(Gateway::find(&arguments(Some("/a/b"), None)).unwrap().socket, Path::new("/a/b"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("berth.toml");
        std::fs::write(&file, "data = \"d\"\n").unwrap();
        let found = Gateway::find(&arguments(None, Some(&file))).unwrap();
        assert_eq!(found.socket, folder.path().join("d/admin.sock"));
        let missing = Gateway::find(&arguments(None, Some(&folder.path().join("none")))).unwrap_err();
        assert!(missing.to_string().contains("--socket or BERTH_ADMIN_SOCKET"), "{missing:#}");
    }

    #[test]
    fn a_gateway_that_is_not_there_is_told_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let gateway = Gateway { socket: folder.path().join("admin.sock") };
        let error = on_this_thread().unwrap().block_on(gateway.get::<Problem>("/")).unwrap_err().to_string();
        assert!(error.starts_with("no gateway answers at ") && error.contains("try as root"), "{error}");
    }
}
