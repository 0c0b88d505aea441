//! `nfs-load`: closed-loop load on an NFSv3 server over some connections, each with some calls in flight.
//!
//! It counts operations and their latency at the client and the CPU time of the server process, because wall-clock rates
//! move with the machine while CPU per operation does not.

mod arguments;
mod connection;
mod idle;
mod operations;
mod prepare;
mod report;
mod rpc;
mod server_cpu;
mod window;

use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, anyhow};
use clap::Parser;
use futures_util::future::try_join_all;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::arguments::{Arguments, Phase};
use crate::connection::{Connection, Tally};
use crate::idle::IdleConnections;
use crate::prepare::{Ground, prepare};
use crate::report::{Measured, Report};
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
    let runtime = runtime()?;
    let ground = Arc::new(runtime.block_on(prepare(arguments)).context("preparing")?);
    if arguments.phase == Phase::Prepare {
        return Ok(());
    }
    let report = measure(arguments, &ground, &runtime)?;
    #[expect(clippy::print_stdout, reason = "the report is what this program is for")]
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{report}");
    }
    Ok(())
}

fn measure(arguments: &Arguments, ground: &Arc<Ground>, runtime: &Runtime) -> Result<Report> {
    let server = ServerCpu::of(arguments.pid);
    let idle = runtime.block_on(IdleConnections::open(arguments, &server))?;
    runtime.block_on(server.settle(arguments.drain()));
    let window = Window::new(arguments.warmup(), arguments.time());
    let (tallies, cpu) = thread::scope(|scope| {
        let (done, all_done) = oneshot::channel::<()>();
        let load = scope.spawn(|| {
            // Dropped at the end, also of a run that fails.
            let _done = done;
            load(arguments, ground, &window)
        });
        let all_done = async { drop(all_done.await) };
        let cpu = runtime.block_on(server.measure(&window, arguments.drain(), all_done));
        (load.join().map_err(|_| anyhow!("a thread of the load panicked")), cpu)
    });
    let measured = Measured { tallies: tallies??, cpu, bytes_per_idle_connection: idle.bytes_each() };
    Ok(Report::new(arguments, &window, &measured))
}

/// Connections shared out over threads, each with a runtime of its own.
fn load(arguments: &Arguments, ground: &Arc<Ground>, window: &Window) -> Result<Vec<Tally>> {
    let threads = arguments.threads.max(1);
    let of_thread = |number: usize| (number..arguments.connections).step_by(threads);
    let work = |number: usize| runtime()?.block_on(run_connections(arguments, ground, (of_thread(number), window)));
    let tallies: Result<Vec<Vec<Tally>>> = thread::scope(|scope| {
        let work = &work;
        let others: Vec<_> = (1..threads).map(|number| scope.spawn(move || work(number))).collect();
        let own = work(0);
        let ended = others.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?);
        std::iter::once(own).chain(ended).collect()
    });
    Ok(tallies?.into_iter().flatten().collect())
}

async fn run_connections(
    arguments: &Arguments,
    ground: &Arc<Ground>,
    (numbers, window): (impl Iterator<Item = usize>, &Window),
) -> Result<Vec<Tally>> {
    let mut connections = Vec::new();
    for number in numbers {
        connections.push(Connection::open(arguments, ground, number).await?);
    }
    try_join_all(connections.into_iter().map(|connection| connection.run(window))).await
}

fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
