//! A private network, process table and `/run` for servers and loads.
//!
//! As root a bench runs itself again in namespaces of its own: loopback has `cubic` on both ends whatever the machine's
//! default is, a peer's port mapper is seen by nobody else, and when the outer process dies, by Ctrl-C too, the kernel
//! ends everything inside. Without root it runs where it is, and the results say so.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::command::{Task, is_installed};

/// Where servers and loads run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// In namespaces of their own, with cubic on both ends.
    Private,
    /// On the machine's own loopback.
    Shared,
}

impl Isolation {
    /// For the results.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Private => "private network namespace, cubic on both ends",
            Self::Shared => "the machine's own loopback (not root, or a tool is missing), no servers that need root",
        }
    }
}

/// What the caller does next.
pub(crate) enum Entered {
    /// It goes on here.
    Here(Isolation),
    /// Everything was done inside by the same command; this process only ends.
    DoneInside,
}

/// Whether this process already runs inside.
pub(crate) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs this very command again inside, unless that is where it runs, or it cannot be.
pub(crate) fn enter(wanted: bool) -> Result<Entered> {
    if is_inside() {
        set_up()?;
        return Ok(Entered::Here(Isolation::Private));
    }
    if !wanted || !is_possible() {
        return Ok(Entered::Here(Isolation::Shared));
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare"]).args(NAMESPACES);
    command.arg(std::env::current_exe()?).args(std::env::args_os().skip(1)).env(INSIDE, "1");
    let status = command.status()?;
    ensure!(status.success(), "the bench inside its namespaces ended with {status}");
    Ok(Entered::DoneInside)
}

fn is_possible() -> bool {
    let tools = ["setpriv", "unshare", "ip", "mount"];
    let mut probe = NAMESPACES.to_vec();
    probe.push("true");
    tools.into_iter().all(is_installed) && Task::new("unshare", &probe).answers()
}

/// Loopback with cubic by route: the namespace's default may only be changed where the machine allows it to everyone.
/// Without an address of its own a machine resolves no addresses for servers (AI_ADDRCONFIG).
fn set_up() -> Result<()> {
    let script = "mount -t tmpfs tmpfs /run && mkdir -p /run/rpcbind && ip link set lo up && \
                  ip address add 198.51.100.1/32 dev lo && \
                  for to in 127.0.0.0/8 127.0.0.1; do ip route replace local $to dev lo proto kernel scope host \
                  src 127.0.0.1 table local congctl cubic || exit 1; done";
    let task = Task::new("sh", &["-c", script]);
    ensure!(task.run()?.success, "cannot set up the private network: {task}");
    Ok(())
}

const INSIDE: &str = "BERTH_BENCH_INSIDE";
const NAMESPACES: &[&str] =
    &["--fork", "--kill-child", "--pid", "--mount-proc", "--net", "--mount", "--propagation", "private"];
