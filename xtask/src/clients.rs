//! The outside programs that tests use, and the Debian packages they come from.

#![expect(clippy::print_stdout, reason = "talking to a person on the terminal is what this tool does")]

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use crate::command::{Task, is_installed, root};

/// A program, its package, and what is left out without it.
struct Client {
    program: &'static str,
    package: &'static str,
    needed_for: &'static str,
}

#[derive(Args)]
pub(crate) struct ClientOptions {
    /// Also set up the kernel-client lab, when it lies beside the clone (several minutes, root).
    #[arg(long)]
    lab: bool,
}

/// Installs what is missing; without root only says so.
pub(crate) fn run(options: &ClientOptions) -> Result<()> {
    for line in install() {
        println!("MISSING: {line}");
    }
    match lab_folder() {
        Some(lab) if options.lab => set_up_lab(lab),
        None if options.lab => bail!("no lab: set BERTH_LAB to its folder"),
        _ => Ok(()),
    }
}

/// Tries to install the missing clients; returns one line for each that is still missing.
pub(crate) fn install() -> Vec<String> {
    let packages: Vec<&str> = missing().map(|client| client.package).collect();
    if packages.is_empty() {
        println!("every test client is there");
        return Vec::new();
    }
    let can_install = is_root() && is_installed("apt-get");
    if can_install && !install_packages(&packages) {
        println!("apt-get could not install {}", packages.join(" "));
    }
    let describe = |client: &Client| {
        let Client { program, package, needed_for } = client;
        format!("{program} is missing (as root: apt-get install {package}); without it: {needed_for}")
    };
    missing().map(describe).collect()
}

fn missing() -> impl Iterator<Item = &'static Client> {
    CLIENTS.iter().filter(|client| !is_installed(client.program))
}

pub(crate) fn install_packages(packages: &[&str]) -> bool {
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend_from_slice(packages);
    let install = Task::new("apt-get", &arguments).set("DEBIAN_FRONTEND", "noninteractive");
    println!("$ {install}");
    let succeeds = |task: &Task| task.run().is_ok_and(|ended| ended.success);
    // The first try fails on a machine whose package lists were never read.
    succeeds(&install) || (succeeds(&Task::new("apt-get", &["update"])) && succeeds(&install))
}

fn set_up_lab(lab: PathBuf) -> Result<()> {
    let setup = lab.join("setup");
    let task = Task::new(&setup.to_string_lossy(), &["--no-servers"]);
    if task.run()?.success { Ok(()) } else { bail!("{task} failed") }
}

fn lab_folder() -> Option<PathBuf> {
    let folder = match std::env::var_os("BERTH_LAB") {
        Some(named) => PathBuf::from(named),
        None => root().join("../shared/lab"),
    };
    folder.join("guest").is_file().then_some(folder)
}

fn is_root() -> bool {
    Task::new("sh", &["-c", "test \"$(id -u)\" = 0"]).answers()
}

const CLIENTS: &[Client] = &[
    Client { program: "nfs-ls", package: "libnfs-utils", needed_for: "the libnfs client tests" },
    Client { program: "smbclient", package: "smbclient", needed_for: "the SMB client tests" },
    Client { program: "git", package: "git", needed_for: "the tidy tests that ask for tracked files" },
    Client { program: "mkfs.ext4", package: "e2fsprogs", needed_for: "the power-loss test" },
    Client { program: "losetup", package: "mount", needed_for: "the power-loss test" },
    Client { program: "python3", package: "python3", needed_for: "the power-loss test" },
];
