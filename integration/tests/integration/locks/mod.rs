//! Locks between machines: kernel clients with a lock manager of their own, two at once.

use std::fs;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::Result;
use integration::{ClientScript, Gateway, KernelClient, Limit, Site, skip};
use tempfile::TempDir;

#[test]
fn kernel_locks_exclude_each_other() {
    let scenarios = "conflicting_and_disjoint upgraded_and_downgraded blocking cancelled handed_over killed_process \
                     flocked";
    in_step("kernel clients: locks", scenarios, |_| ());
}

#[test]
fn kernel_reclaims_locks_after_the_server_was_killed() {
    in_step("kernel clients: locks over a restart", "server_restarted", |street| {
        street.await_sign("restart-please-a");
        street.await_sign("restart-please-b");
        street.restart();
        street.sign("restarted");
    });
}

#[test]
fn kernel_that_died_and_came_back_has_no_locks() {
    let Some(street) = Street::open("kernel clients: a machine that dies") else { return };
    let tell = "tell() { echo >$OUT/$1; sync -f $OUT/$1; }; hear() { while ! test -e $OUT/$1; do sleep 0.1; done; }";
    let dies = format!(
        "{tell}; attach_locking $HOST $M; exec 9>$M/file; flock -x 9; cp -a /var/lib/nfs $OUT/nsm; tell holding
         hear die; halt -ff; sleep 60"
    );
    let waits = format!(
        "{tell}; attach_locking $HOST $M; exec 9>$M/file; ! flock -nx 9; tell refused
         hear gone; ! flock -nx 9; tell still; flock -w 60 -x 9"
    );
    // What statd noted before the death is what a machine with a disk finds after it.
    let comes_back = "rm -rf /var/lib/nfs; cp -a $OUT/nsm /var/lib/nfs; sm-notify -f; sleep 2";
    thread::scope(|scope| {
        let first = scope.spawn(|| street.run(&dies));
        street.await_sign("holding");
        let second = scope.spawn(|| street.run(&waits));
        street.await_sign("refused");
        street.sign("die");
        assert!(first.join().unwrap().is_err(), "a machine that halts has no exit status");
        street.sign("gone");
        street.await_sign("still");
        street.run(comes_back).unwrap();
        second.join().unwrap().unwrap();
    });
    street.close();
}

#[test]
fn kernel_runs_sqlite() {
    let Some(street) = Street::open("kernel clients: sqlite") else { return };
    let alone = "attach_locking $HOST $M; cd $M
        for mode in delete wal; do
          echo \"PRAGMA journal_mode=$mode; CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);\" | sqlite3 $mode.db
          for i in $(seq 1 30); do echo \"INSERT INTO t(b) VALUES(hex(randomblob(500)));\"; done | sqlite3 $mode.db
          echo 'BEGIN; UPDATE t SET b=b||1; ROLLBACK; DELETE FROM t WHERE a>20; VACUUM;' | sqlite3 $mode.db
          test \"$(sqlite3 $mode.db 'SELECT count(*), sum(length(b)) FROM t; PRAGMA integrity_check' | tr '\\n' ' ')\" = '20|20000 ok '
        done";
    street.run(alone).unwrap();
    // Two machines write one database: no row of either is lost.
    let both = "attach_locking $HOST $M; cd $M
        sqlite3 -cmd '.timeout 60000' both.db 'CREATE TABLE IF NOT EXISTS t(a INTEGER PRIMARY KEY, b TEXT)'
        for i in $(seq 1 25); do sqlite3 -cmd '.timeout 60000' both.db 'INSERT INTO t(b) VALUES(hex(randomblob(100)))'; done";
    thread::scope(|scope| {
        let writers = [scope.spawn(|| street.run(both)), scope.spawn(|| street.run(both))];
        for writer in writers {
            writer.join().unwrap().unwrap();
        }
    });
    let count = "attach_locking $HOST $M; cd $M
        test \"$(sqlite3 both.db 'SELECT count(*) FROM t; PRAGMA integrity_check' | tr '\\n' ' ')\" = '50 ok '";
    street.run(count).unwrap();
    street.close();
}

#[test]
fn kernel_runs_postgresql() {
    let Some(street) = Street::open("kernel clients: PostgreSQL") else { return };
    let script = "attach_locking $HOST $M; install -d -o postgres -m 700 $M/pg; B=$(echo /usr/lib/postgresql/*/bin)
        as() { su postgres -s /bin/bash -c \"cd /tmp; export PATH=$B:\\$PATH; $*\"; }
        as initdb -D $M/pg >/dev/null; as pg_ctl -D $M/pg -o \"'-k /tmp'\" -w -l /tmp/log start || { cat /tmp/log; exit 1; }
        as pgbench -h /tmp -i -q -s 1 postgres; as pgbench -h /tmp -c 4 -t 25 postgres
        as psql -h /tmp -Atc \"'SELECT count(*) FROM pgbench_history'\" postgres >/tmp/count; test $(cat /tmp/count) = 100
        as pg_ctl -D $M/pg -m fast -w stop; as pg_ctl -D $M/pg -o \"'-k /tmp'\" -w -l /tmp/log start
        test $(as psql -h /tmp -Atc \"'SELECT count(*) FROM pgbench_history'\" postgres) = 100
        test $(as psql -h /tmp -Atc \"'SELECT sum(abalance) - (SELECT sum(delta) FROM pgbench_history) FROM pgbench_accounts'\" postgres) = 0
        as pg_ctl -D $M/pg -m fast -w stop";
    street.run(script).unwrap();
    street.close();
}

/// Two machines run scenarios of `lockstep.py` in step, and `meanwhile` does its part outside.
fn in_step(what: &str, scenarios: &str, meanwhile: impl FnOnce(&Street)) {
    let Some(street) = Street::open(what) else { return };
    let script = |who: &str| format!("attach_locking $HOST $M; python3 $IN/lockstep.py {who} $M $OUT {scenarios}");
    thread::scope(|scope| {
        let machines = ["a", "b"].map(|who| {
            let (street, script) = (&street, script(who));
            scope.spawn(move || street.run(&script))
        });
        meanwhile(&street);
        for machine in machines {
            let outcome = machine.join().unwrap();
            println!("{}", outcome.unwrap_or_else(|error| panic!("{what}: {error:#}\n{}", street.log())));
        }
    });
    street.close();
}

/// A gateway, and client machines around it that see one folder beside the share.
struct Street {
    client: KernelClient,
    site: Site,
    gateway: Mutex<Option<Gateway>>,
    inbox: TempDir,
    meeting: TempDir,
}

impl Street {
    /// `None` where there are no client machines, which is said.
    fn open(what: &str) -> Option<Self> {
        let client = match KernelClient::find_lab() {
            Ok(client) => client,
            Err(why) => {
                skip(what, &why);
                return None;
            }
        };
        let (inbox, meeting) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(inbox.path().join("lockstep.py"), include_str!("lockstep.py")).unwrap();
        let site = Site::new(None).unwrap();
        let gateway = Mutex::new(Some(Gateway::start(&site).unwrap()));
        Some(Self { client, site, gateway, inbox, meeting })
    }

    /// Runs a script on a machine of its own.
    fn run(&self, text: &str) -> Result<String> {
        let (inbox, outbox) = (self.inbox.path(), self.meeting.path());
        self.client.run(&self.site, &ClientScript { text, inbox, outbox, limit_seconds: MACHINE_SECONDS })
    }

    fn sign(&self, name: &str) {
        fs::write(self.meeting.path().join(name), "here\n").unwrap();
    }

    fn await_sign(&self, name: &str) {
        let sign = self.meeting.path().join(name);
        let seen = Limit::seconds(SIGN_SECONDS).wait(name, || Ok(sign.exists().then_some(())));
        seen.unwrap_or_else(|error| panic!("{error:#}\n{}", self.log()));
    }

    /// Kills the gateway and starts it again.
    fn restart(&self) {
        let mut gateway = self.gateway.lock().unwrap_or_else(PoisonError::into_inner);
        gateway.take().unwrap().kill().unwrap();
        *gateway = Some(Gateway::start(&self.site).unwrap());
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(self.site.log()).unwrap_or_default();
        format!("the gateway's log:\n{log}")
    }

    fn close(self) {
        let gateway = self.gateway.into_inner().unwrap_or_else(PoisonError::into_inner);
        gateway.unwrap().stop().unwrap();
        Gateway::check(&self.site).unwrap();
    }
}

const MACHINE_SECONDS: u64 = 300;
const SIGN_SECONDS: u64 = 120;
