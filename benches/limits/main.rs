//! `limits`: what this machine can do at most, without a server: loopback, memory, disk, log. A result of Berth is read
//! against these.

mod cpu;
mod device;
mod echo;
mod figure;
mod log;
mod memory;
mod stream;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;

use crate::figure::{Figure, table};

/// Measures the machine in a minute or two.
#[derive(Debug, Parser)]
#[command(name = "limits")]
pub(crate) struct Arguments {
    /// Folder on the disk that is measured; a file in it is made and removed.
    #[arg(long)]
    folder: PathBuf,
    /// Seconds for each figure.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Size of the file on the disk, in MiB.
    #[arg(long, default_value_t = 2048)]
    file_mib: u64,
    /// One JSON array instead of a table.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("limits: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let time = Duration::from_secs_f64(arguments.seconds);
    let mut figures = Vec::new();
    let mut add = |found: Vec<Figure>| {
        for figure in found {
            eprintln!("limits: {figure}");
            figures.push(figure);
        }
    };
    add(stream::measure(time)?);
    for depth in [1, 64] {
        add(echo::measure(depth, time)?);
    }
    add(memory::measure(time));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let file_bytes = arguments.file_mib.max(1) << 20;
    add(runtime.block_on(device::measure(&arguments.folder, file_bytes, time))?);
    add(runtime.block_on(log::measure(&arguments.folder, time))?);
    #[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
    if arguments.json {
        println!("{}", serde_json::to_string(&figures)?);
    } else {
        print!("{}", table(&figures));
    }
    Ok(())
}
