//! The zone files, as the window asks for them: read here, changed by whoever owns the house.

use std::path::PathBuf;

use admin_server::{Changed, Fault, ZoneChange, ZoneDocuments};
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use zones::document::Document;
use zones::find_document;

/// The zone files.
#[derive(Debug)]
pub(crate) struct Documents {
    folder: Option<PathBuf>,
    orders: mpsc::Sender<Pending>,
}

/// Changes that are asked for, in their order.
pub(crate) type Changes = mpsc::Receiver<Pending>;

/// A change that is asked for, and who waits for what it comes to.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) change: ZoneChange,
    pub(crate) answer: oneshot::Sender<Result<Changed, Fault>>,
}

impl Documents {
    /// The files of a folder, and the changes of them that are to be made.
    pub(crate) fn new(folder: Option<PathBuf>) -> (Self, Changes) {
        let (orders, changes) = mpsc::channel(WAITING_MAX);
        (Self { folder, orders }, changes)
    }
}

impl ZoneDocuments for Documents {
    fn read(&self, name: String) -> BoxFuture<'_, Result<Option<Document>, Fault>> {
        Box::pin(async move {
            let folder = self.folder.clone().ok_or(Fault::NoFiles)?;
            let found = spawn_blocking(move || find_document(&folder, &name)).await;
            let found = found.map_err(|error| Fault::Failed(error.to_string()))?;
            found.map_err(|errors| Fault::Failed(errors.to_string()))
        })
    }

    fn change(&self, change: ZoneChange) -> BoxFuture<'_, Result<Changed, Fault>> {
        let (answer, made) = oneshot::channel();
        let sent = self.orders.try_send(Pending { change, answer });
        Box::pin(async move {
            sent.map_err(|_| Fault::Busy)?;
            made.await.unwrap_or_else(|_| Err(Fault::Failed("the gateway stops".to_owned())))
        })
    }
}

/// Changes that wait for their turn.
const WAITING_MAX: usize = 16;
