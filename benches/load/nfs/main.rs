//! `nfs-load`: closed-loop load on an NFSv3 server over some connections, each with some calls in flight.

mod arguments;
mod idle;
mod operations;
mod prepare;
mod protocol;
mod rpc;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use load::{Connection, Load, Measured, Phase, Report, ServerCpu, Slots, Stream, Subject, Tally, Window};
use tokio::runtime::Runtime;

use crate::arguments::Arguments;
use crate::idle::IdleConnections;
use crate::operations::operation;
use crate::prepare::{Ground, prepare};
use crate::protocol::Nfs;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nfs-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let runtime = load::runtime()?;
    let ground = Arc::new(runtime.block_on(prepare(arguments)).context("preparing")?);
    if arguments.pace.phase == Phase::Prepare {
        return Ok(());
    }
    let measured = measure(&Calls { arguments, ground }, &runtime)?;
    let operation = arguments.operation.to_possible_value().map_or_else(String::new, |name| name.get_name().into());
    Report::new(Subject { operation, protection: None }, &arguments.pace, &measured).print(arguments.pace.json)?;
    Ok(())
}

fn measure(calls: &Calls<'_>, runtime: &Runtime) -> Result<Measured> {
    let server = ServerCpu::of(calls.arguments.pace.pid);
    let idle = runtime.block_on(IdleConnections::open(calls.arguments, &server))?;
    let measured = load::measure(calls, (&calls.arguments.pace, &server), runtime)?;
    Ok(Measured { bytes_per_idle_connection: idle.bytes_each(), ..measured })
}

struct Calls<'a> {
    arguments: &'a Arguments,
    ground: Arc<Ground>,
}

impl Load for Calls<'_> {
    type Connection = (usize, Connection<Nfs>);

    async fn open(&self, number: usize) -> Result<Self::Connection> {
        let Arguments { pace, .. } = self.arguments;
        let stream = Stream::connect(pace.server, pace.congestion.as_deref()).await?;
        Ok((number, Connection::new(stream, Nfs::default())))
    }

    async fn run(&self, (number, mut connection): Self::Connection, window: Window) -> Result<Tally> {
        let slots = 0..self.arguments.pace.depth;
        let operations = slots.map(|slot| operation(self.arguments, &self.ground, (number, slot))).collect();
        connection.run(Slots::new(operations, window)?).await
    }
}
