//! `smb-load`: closed-loop load on an SMB server over some connections, each with some requests in flight.

mod arguments;
mod log_on;
mod message;
mod open;
mod operations;
mod prepare;
mod protocol;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use load::{Connection, Load, Phase, Report, ServerCpu, Slots, Subject, Tally, Window};

use crate::arguments::Arguments;
use crate::operations::{Place, operation};
use crate::prepare::{Ground, connect, open_file, prepare};
use crate::protocol::Smb;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("smb-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let runtime = load::runtime()?;
    let ground = runtime.block_on(prepare(arguments)).context("preparing")?;
    if arguments.pace.phase == Phase::Prepare {
        return Ok(());
    }
    let server = ServerCpu::of(arguments.pace.pid);
    let measured = load::measure(&Requests { arguments, ground }, (&arguments.pace, &server), &runtime)?;
    let operation = arguments.operation.to_possible_value().map_or_else(String::new, |name| name.get_name().into());
    let subject = Subject { operation, protection: Some(arguments.protection().name().to_owned()) };
    Report::new(subject, &arguments.pace, &measured).print(arguments.pace.json)?;
    Ok(())
}

struct Requests<'a> {
    arguments: &'a Arguments,
    ground: Arc<Ground>,
}

impl Load for Requests<'_> {
    type Connection = (usize, Connection<Smb>);

    async fn open(&self, number: usize) -> Result<Self::Connection> {
        Ok((number, connect(self.arguments).await?))
    }

    async fn run(&self, (number, mut connection): Self::Connection, window: Window) -> Result<Tally> {
        let Arguments { operation: kind, pace, .. } = self.arguments;
        let file_id = open_file(&mut connection, &self.ground).await?;
        let place = |slot| Place { file_id, number: number * pace.depth + slot };
        let operations = (0..pace.depth).map(|slot| operation(*kind, &self.ground, place(slot))).collect();
        connection.run(Slots::new(operations, window)?).await
    }
}
