//! The port that others reach: encrypted, whatever they ask.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use admin_server::Origin;
use anyhow::{Context, Result, ensure};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};
use zones::system_reader;

/// The files that say who this gateway is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Its certificate and those up to one that clients trust, in PEM.
    pub(crate) certificate: PathBuf,
    /// The key of the first of them, in PEM.
    pub(crate) key: PathBuf,
}

/// A port that speaks TLS 1.3 and 1.2. Clones are the same port.
#[derive(Clone)]
pub(crate) struct TlsPort {
    listener: Arc<TcpListener>,
    config: Arc<Mutex<Arc<ServerConfig>>>,
}

impl Identity {
    /// What connections are agreed on with.
    ///
    /// Errors, in order: a file cannot be read, holds none, a key that others may read, one that is not that of the certificate.
    pub(crate) fn load(&self) -> Result<Arc<ServerConfig>> {
        let read =
            |file: &Path| system_reader(file, BYTES_MAX).with_context(|| format!("cannot read {}", file.display()));
        let (certificate, key) = (read(&self.certificate)?, read(&self.key)?);
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&certificate)
            .collect::<Result<_, _>>()
            .with_context(|| format!("{} is no PEM file", self.certificate.display()))?;
        ensure!(!chain.is_empty(), "{} holds no certificate (PEM)", self.certificate.display());
        let mode = fs::metadata(&self.key)?.permissions().mode();
        ensure!(mode & 0o007 == 0, "everybody may read {}: chmod 600", self.key.display());
        let key = PrivateKeyDer::from_pem_slice(&key)
            .with_context(|| format!("{} holds no private key (PEM)", self.key.display()))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .with_context(|| format!("{} and {}", self.certificate.display(), self.key.display()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl TlsPort {
    /// Listens; nobody is answered yet.
    pub(super) fn open(at: SocketAddr, identity: &Identity) -> Result<Self> {
        let config = Arc::new(Mutex::new(identity.load()?));
        Ok(Self { listener: Arc::new(super::listen(at, "admin.listen")?), config })
    }

    /// Shows another certificate from now on; connections that are open go on.
    pub(super) fn renew(&self, config: Arc<ServerConfig>) {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
    }
}

impl admin_server::Listener for TlsPort {
    type Stream = TlsStream<TcpStream>;
    type Arriving = Accept<TcpStream>;

    async fn accept(&self) -> io::Result<(Self::Arriving, Origin)> {
        let (stream, from) = self.listener.accept().await?;
        let config = Arc::clone(&self.config.lock().unwrap_or_else(PoisonError::into_inner));
        Ok((TlsAcceptor::from(config).accept(stream), Origin::Remote(from)))
    }
}

impl std::fmt::Debug for TlsPort {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TlsPort").field("listener", &self.listener).finish_non_exhaustive()
    }
}

/// Largest file of a key or certificates.
const BYTES_MAX: u64 = 1 << 20;
