//! The file of tokens, read for each request: what stands there holds.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use admin_server::TokenFile;
use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;
use zones::system_secret_reader;

/// The file of tokens.
#[derive(Debug)]
pub(crate) struct Tokens {
    file: PathBuf,
}

impl Tokens {
    pub(crate) fn new(file: PathBuf) -> Self {
        Self { file }
    }

    /// The text of a file that nobody but its owner may read; blocks. One that is not there is empty.
    pub(crate) fn read(file: &Path) -> io::Result<String> {
        let bytes = match system_secret_reader(file, BYTES_MAX) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "no UTF-8 text"))
    }
}

impl TokenFile for Tokens {
    fn read(&self) -> BoxFuture<'_, Result<String, String>> {
        let file = self.file.clone();
        Box::pin(async move {
            let name = file.display().to_string();
            let read = spawn_blocking(move || Self::read(&file)).await.map_err(|error| error.to_string())?;
            read.map_err(|error| format!("cannot read {name}: {error}"))
        })
    }
}

/// Largest file of tokens.
const BYTES_MAX: u64 = 1 << 20;
