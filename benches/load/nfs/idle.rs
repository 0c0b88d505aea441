//! Connections at rest, and what they cost the server.

use std::time::Duration;

use anyhow::{Context, Result};
use load::ServerCpu;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::arguments::Arguments;
use crate::rpc::Call;

/// Open connections, each of which has made one NULL call.
#[derive(Debug)]
pub(crate) struct IdleConnections {
    streams: Vec<TcpStream>,
    grown_bytes: Option<u64>,
}

impl IdleConnections {
    /// Opens as many as the arguments say, and looks at the server's memory before and after.
    pub(crate) async fn open(arguments: &Arguments, server: &ServerCpu) -> Result<Self> {
        let before = server.memory_bytes();
        let mut streams = Vec::new();
        for _ in 0..arguments.idle_connections {
            let mut stream = TcpStream::connect(arguments.pace.server).await.context("an idle connection")?;
            call_null(&mut stream).await?;
            streams.push(stream);
        }
        if !streams.is_empty() {
            tokio::time::sleep(REST).await;
        }
        let grown_bytes = before.zip(server.memory_bytes()).map(|(before, after)| after.saturating_sub(before));
        Ok(Self { streams, grown_bytes })
    }

    /// What the server's memory grew by for each.
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub(crate) fn bytes_each(&self) -> Option<f64> {
        let count = self.streams.len();
        self.grown_bytes.filter(|_| count > 0).map(|grown| grown as f64 / count as f64)
    }
}

async fn call_null(stream: &mut TcpStream) -> Result<()> {
    stream.write_all(&Call::new::<nfs_wire::nfs3::Null>(&()).head).await?;
    let length = stream.read_u32().await? & !(1 << 31);
    let mut record = vec![0; usize::try_from(length)?];
    stream.read_exact(&mut record).await?;
    Ok(())
}

/// In which a server may give back what it needed for the calls.
const REST: Duration = Duration::from_secs(2);
