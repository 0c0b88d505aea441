//! The one binary: `serve` and `demo` put the house together, `check` and `store` are for a store that nobody
//! serves, `user` and `token` change files that say who may come in, all other verbs ask a gateway that runs.

mod added_lines;
mod admin;
mod arguments;
mod assemble;
mod check;
mod client;
mod clock;
mod conditions;
mod data_directory;
mod demo;
mod first_quotas;
mod listeners;
mod manual;
mod move_log;
mod notify;
mod ready;
mod replace;
mod reports;
mod runtime;
mod schedules;
mod serve;
mod settings;
mod shutdown;
mod smb_users;
mod store;
mod telemetry;
mod token;
mod trail;
mod user;
mod zone_change;
mod zone_roots;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, JobVerb, ListVerb, StoreVerb, Verb, ZoneVerb};

/// Requests and changes are made of many small allocations that end on another thread than they began on.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let outcome = match Arguments::parse().verb {
        Verb::Serve(arguments) if arguments.check => serve::check(&arguments),
        Verb::Serve(arguments) => serve::run(&arguments),
        Verb::Demo(arguments) => demo::run(&arguments),
        Verb::User(verb) => user::run(&verb),
        Verb::Token(verb) => token::run(&verb),
        Verb::Man(arguments) => manual::man(&arguments),
        Verb::Completions(arguments) => manual::completions(&arguments),
        Verb::Store(StoreVerb::MoveLog(arguments)) => move_log::run(&arguments),
        Verb::Check(arguments) => return check::run(&arguments),
        Verb::Status(arguments) => return client::status(&arguments),
        Verb::Session(ListVerb::List(arguments)) => return client::list::<admin_api::Session>(&arguments),
        Verb::Lock(ListVerb::List(arguments)) => return client::list::<admin_api::Lock>(&arguments),
        Verb::Job(JobVerb::List(arguments)) => return client::jobs(&arguments),
        Verb::Export(ListVerb::List(arguments)) => return client::list::<admin_api::Export>(&arguments),
        Verb::Share(ListVerb::List(arguments)) => return client::list::<admin_api::Share>(&arguments),
        Verb::Zone(ZoneVerb::List(arguments)) => return client::list::<admin_api::Zone>(&arguments),
        Verb::Zone(verb) => return client::zone(&verb),
        Verb::Quota(verb) => return client::quota(&verb),
        Verb::Notification(verb) => return client::notification(&verb),
        Verb::Clone(verb) => return client::clone(&verb),
        Verb::Snapshot(verb) => return client::snapshot(&verb),
        Verb::Revert(verb) => return client::revert(&verb),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Says on standard error why the process ends; every cause on a line of its own.
fn complain(error: &anyhow::Error) {
    let causes: Vec<_> = error.chain().map(ToString::to_string).collect();
    // Without a standard error there is nobody to tell.
    drop(writeln!(io::stderr().lock(), "berth: {}", causes.join("\n  because: ")));
}
