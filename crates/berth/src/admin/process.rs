//! Figures of this process, as Linux tells them in /proc (proc(5)).

use std::fs;
use std::time::Duration;

use admin_server::ProcessFigures;
use rustix::process::{Resource, getrlimit};

/// How this process is doing; what cannot be read is 0.
pub(super) fn figures() -> ProcessFigures {
    let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    ProcessFigures {
        memory_bytes: memory_bytes(&read("status")).unwrap_or(0),
        cpu: cpu(&read("stat")).unwrap_or_default(),
        open_files: fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64),
        open_files_max: getrlimit(Resource::Nofile).current.unwrap_or(0),
    }
}

fn memory_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// User and system time: the twelfth and thirteenth field behind the name, which may hold anything.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_ascii_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().ok());
    let ticks: u64 = ticks.sum::<Option<u64>>()?;
    Some(Duration::from_millis(ticks * (1000 / TICKS_PER_SECOND)))
}

/// `USER_HZ`: what Linux shows to processes, whatever it counts in.
const TICKS_PER_SECOND: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found() {
        let stat = "42 (a) b) c) S 1 2 3 4 5 6 7 8 9 10 250 130 11 12";
        assert_eq!(cpu(stat), Some(Duration::from_millis(3800)));
        assert_eq!(memory_bytes("Name:\tx\nVmRSS:\t    1234 kB\n"), Some(1234 * 1024));
        assert_eq!((cpu("nonsense"), memory_bytes("nonsense")), (None, None));
    }

    #[test]
    fn this_process_has_figures() {
        let figures = figures();
        assert!(figures.memory_bytes > 1 << 20 && figures.open_files >= 3, "{figures:?}");
        assert!(figures.open_files_max >= figures.open_files);
    }
}
