//! `nfs-load`: closed-loop load on an NFSv3 server over some connections, each with some calls in flight.
//!
//! It counts operations and their latency at the client and the CPU time of the server process, because wall-clock rates
//! move with the machine while CPU per operation does not.

mod arguments;
mod connection;
mod operations;
mod prepare;
mod report;
mod rpc;
mod server_cpu;
mod window;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use futures_util::future::try_join_all;

use crate::arguments::Arguments;
use crate::connection::Connection;
use crate::prepare::prepare;
use crate::report::Report;
use crate::server_cpu::ServerCpu;
use crate::window::Window;

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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(measure(arguments))?;
    #[expect(clippy::print_stdout, reason = "the report is what this program is for")]
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{report}");
    }
    Ok(())
}

async fn measure(arguments: &Arguments) -> Result<Report> {
    let cpu = ServerCpu::of(arguments.pid);
    let ground = Arc::new(prepare(arguments).await.context("preparing")?);
    let mut connections = Vec::new();
    for number in 0..arguments.connections {
        connections.push(Connection::open(arguments, &ground, number).await?);
    }
    cpu.settle(arguments.drain()).await;
    let window = Window::new(arguments.warmup(), arguments.time());
    let tallies = try_join_all(connections.into_iter().map(|connection| connection.run(&window)));
    let (tallies, used) = tokio::join!(tallies, cpu.measure(&window, arguments.drain()));
    Ok(Report::new(arguments, &tallies?, used))
}
