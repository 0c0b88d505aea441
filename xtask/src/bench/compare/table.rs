//! The comparison as a page of Markdown.

use super::super::load::{Door, Sample};
use super::super::results::machine;
use super::super::rows::{Figures, ROWS, Row, Shown, Verdict};
use super::super::servers::Server;
use super::super::site::Site;
use super::super::statistics::Summary;
use super::{Cell, Comparison};

/// The whole page.
pub(super) fn page(comparison: &Comparison, site: &Site) -> String {
    let mut text = String::from("# Berth beside other servers\n\n");
    text += &machine(&site.log());
    text += &format!(
        "- network: {}; congestion control of the load: {}; server on core {}, load on core {}\n- rounds: {}, servers in turn within each row\n{}",
        comparison.network,
        congestion(comparison),
        site.server_cores().unwrap_or("any"),
        site.load_cores().unwrap_or("any"),
        comparison.rounds,
        if comparison.quick { "- a quick run: the figures mean nothing\n" } else { "" },
    );
    for line in &comparison.missing {
        text += &format!("- not measured: {line}\n");
    }
    text += "\n";
    text += &table(comparison);
    text += "\nRates and CPU are medians; CPU is the server's, and in rows that write it counts until write-back has ended. \
             Spread is the largest less the smallest of the rounds, as a part of the median.\n\nWhat survives a crash when it \
             is answered:\n\n";
    for server in Server::ALL {
        text += &format!("- {}: {}\n", server.name(), server.durability());
    }
    text += &short(comparison);
    if !comparison.limits.0.is_empty() {
        text += &format!("\n## The machine\n\n{}", comparison.limits.table());
    }
    text + &failures(comparison)
}

/// What the sockets of the loads had.
fn congestion(comparison: &Comparison) -> String {
    let samples = comparison.cells.iter().filter_map(|cell| cell.sample.as_ref());
    let mut names: Vec<_> = samples.map(|sample| sample.congestion.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

/// A line for each row that was measured; a table for each protocol.
fn table(comparison: &Comparison) -> String {
    let mut text = String::new();
    for peers in PEERS {
        let rows: Vec<_> = rows_beside(peers).filter(|row| comparison.has(row)).collect();
        if rows.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text += &head(peers);
        for row in rows {
            text += &line(row, peers, comparison);
        }
    }
    text
}

fn head(peers: &[Server]) -> String {
    let mut names = vec!["operation".to_owned(), "Berth".to_owned(), "CPU".to_owned(), "spread".to_owned()];
    for peer in peers {
        names.extend([peer.name().to_owned(), "CPU".to_owned()]);
    }
    let mut rule = vec!["---"];
    if let Some(first) = peers.first() {
        names.extend([format!("rate to {}", first.name()), format!("CPU of {} to Berth", first.name())]);
    }
    rule.resize(names.len(), "---:");
    names.extend(["bar".to_owned(), "met".to_owned()]);
    rule.extend(["---", "---"]);
    format!("| {} |\n| {} |\n", names.join(" | "), rule.join(" | "))
}

fn line(row: &Row, peers: &[Server], comparison: &Comparison) -> String {
    let medians = |server: Server| Medians::of(row, server, &comparison.cells);
    let (berth, beside): (_, Vec<_>) = (medians(Server::Berth), peers.iter().copied().map(medians).collect());
    let (peer_rate, peer_cpu) = beside.first().map_or((None, None), |first| (first.rate, first.cpu_us));
    let figures = Figures { peer_rate: peer_rate.map(|rate| rate.median), ..berth.figures() };
    let verdicts: Vec<_> = row.bars.iter().map(|bar| bar.verdict(&figures, &comparison.limits)).collect();
    let bars: Vec<_> = row.bars.iter().map(ToString::to_string).collect();
    let met: Vec<_> = verdicts.into_iter().map(word).collect();
    let mut cells = vec![row.what.to_owned()];
    cells.extend([berth.shown(row), berth.cpu(row), berth.spread(row)]);
    cells.extend(beside.iter().flat_map(|peer| [peer.shown(row), peer.cpu(row)]));
    cells.extend(match row.shown {
        Shown::Operations | Shown::Bytes => [ratio(berth.rate, peer_rate), ratio(peer_cpu, berth.cpu_us)],
        Shown::Latency => [nothing(), ratio(peer_cpu, berth.cpu_us)],
        Shown::Memory | Shown::Ratio => [nothing(), nothing()],
    });
    cells.extend([bars.join(", "), met.join(", ")]);
    format!("| {} |\n", cells.join(" | "))
}

/// The ratios alone, as the README shows them.
fn short(comparison: &Comparison) -> String {
    let mut text = String::new();
    for peer in PEERS.iter().filter_map(|peers| peers.first().copied()) {
        let lines = short_beside(peer, comparison);
        if !lines.is_empty() {
            let head = "rate | operations for the same CPU |\n| --- | ---: | ---: |\n";
            text += &format!("\n| against {} | {head}{lines}", peer.name());
        }
    }
    if text.is_empty() { text } else { format!("\n## In short\n{text}") }
}

fn short_beside(peer: Server, comparison: &Comparison) -> String {
    let mut text = String::new();
    let is_shown = |row: &&Row| matches!(row.shown, Shown::Operations | Shown::Bytes) && row.servers.contains(&peer);
    for row in ROWS.iter().filter(is_shown) {
        let [berth, other] = [Server::Berth, peer].map(|server| Medians::of(row, server, &comparison.cells));
        if let (Some(_), Some(_)) = (berth.rate, other.rate) {
            let (rate, cpu) = (ratio(berth.rate, other.rate), ratio(other.cpu_us, berth.cpu_us));
            text += &format!("| {} | {rate} | {cpu} |\n", row.what);
        }
    }
    text
}

/// The rows of one protocol; every one has Berth, and those without another are among those of NFS.
fn rows_beside(peers: &'static [Server]) -> impl Iterator<Item = &'static Row> {
    let door = |row: &&Row| matches!(row.door, Door::Smb(_)) == peers.contains(&Server::Samba);
    ROWS.iter().filter(door)
}

/// Who stands beside Berth in each table.
const PEERS: [&[Server]; 2] = [&[Server::Ganesha, Server::Nfsserve], &[Server::Samba]];

/// One server's medians in one row.
#[derive(Debug, Default)]
struct Medians {
    rate: Option<Summary>,
    megabytes: Option<Summary>,
    cpu_us: Option<Summary>,
    cpu_of_gibibyte: Option<Summary>,
    p99_us: Option<Summary>,
    ratio: Option<Summary>,
    ratio_in_order: Option<Summary>,
    memory: Option<Summary>,
    metadata_part: Option<Summary>,
}

impl Medians {
    fn of(row: &Row, server: Server, cells: &[Cell]) -> Self {
        let own = |cell: &&Cell| cell.row == row.key && cell.server == server.name();
        let samples: Vec<&Sample> = cells.iter().filter(own).filter_map(|cell| cell.sample.as_ref()).collect();
        let all = |figure: fn(&Sample) -> Option<f64>| Summary::of(samples.iter().filter_map(|sample| figure(sample)));
        Self {
            rate: all(|sample| Some(sample.operations_per_second)),
            megabytes: all(|sample| Some(sample.megabytes_per_second)),
            cpu_us: all(|sample| sample.server_cpu_us_per_operation),
            cpu_of_gibibyte: all(|sample| sample.server_cpu_seconds_per_gibibyte),
            p99_us: all(|sample| Some(sample.p99_us)),
            ratio: all(|sample| sample.ratio),
            ratio_in_order: all(|sample| sample.ratio_in_order),
            memory: all(|sample| sample.server_bytes_per_idle_connection),
            metadata_part: all(|sample| sample.metadata_part),
        }
    }

    fn figures(&self) -> Figures {
        let median = |summary: Option<Summary>| summary.map(|summary| summary.median);
        Figures {
            rate: median(self.rate),
            megabytes: median(self.megabytes),
            cpu_us: median(self.cpu_us),
            cpu_of_gibibyte: median(self.cpu_of_gibibyte),
            p99_us: median(self.p99_us),
            ratio: median(self.ratio),
            ratio_in_order: median(self.ratio_in_order),
            memory: median(self.memory),
            metadata_part: median(self.metadata_part),
            peer_rate: None,
        }
    }

    /// The figure that the row is about.
    fn main(&self, row: &Row) -> Option<Summary> {
        match row.shown {
            Shown::Operations => self.rate,
            Shown::Bytes => self.megabytes,
            Shown::Memory => self.memory,
            Shown::Ratio => self.ratio,
            Shown::Latency => self.p99_us,
        }
    }

    fn shown(&self, row: &Row) -> String {
        let mut text = self.main(row).map_or_else(nothing, |summary| shown(row.shown, summary.median));
        if let Some(later) = self.ratio_in_order {
            text += &format!(", {:.2} x in order", later.median);
        }
        if let Some(part) = self.metadata_part {
            text += &format!(", metadata {:.1} %", part.median * 100.0);
        }
        text
    }

    fn spread(&self, row: &Row) -> String {
        self.main(row).map_or_else(nothing, |summary| format!("{:.0} %", summary.spread * 100.0))
    }

    fn cpu(&self, row: &Row) -> String {
        match row.shown {
            Shown::Operations | Shown::Latency => {
                self.cpu_us.map_or_else(nothing, |cpu| format!("{:.2} us", cpu.median))
            }
            Shown::Bytes => self.cpu_of_gibibyte.map_or_else(nothing, |cpu| format!("{:.3} s/GiB", cpu.median)),
            Shown::Memory | Shown::Ratio => nothing(),
        }
    }
}

fn shown(kind: Shown, value: f64) -> String {
    match kind {
        Shown::Operations => format!("{}/s", count(value)),
        Shown::Bytes => format!("{value:.0} MB/s"),
        Shown::Memory => format!("{:.1} KiB", value / 1024.0),
        Shown::Ratio => format!("{value:.2} x"),
        Shown::Latency => format!("{:.2} ms", value / 1e3),
    }
}

/// One sample on a line of progress.
pub(super) fn told(row: &Row, sample: &Sample) -> String {
    let figure = match row.shown {
        Shown::Operations => sample.operations_per_second,
        Shown::Bytes => sample.megabytes_per_second,
        Shown::Memory => sample.server_bytes_per_idle_connection.unwrap_or_default(),
        Shown::Ratio => sample.ratio.unwrap_or_default(),
        Shown::Latency => sample.p99_us,
    };
    let cpu = match (row.shown, sample.server_cpu_seconds_per_gibibyte, sample.server_cpu_us_per_operation) {
        (Shown::Bytes, Some(cpu), _) => format!(", {cpu:.3} s/GiB"),
        (Shown::Operations, _, Some(cpu)) => format!(", {cpu:.2} us"),
        _ => String::new(),
    };
    format!("{}{cpu}, p99 {:.2} ms", shown(row.shown, figure), sample.p99_us / 1e3)
}

/// Three digits, in thousands or millions.
fn count(value: f64) -> String {
    if value >= 1e6 {
        format!("{:.2}M", value / 1e6)
    } else if value >= 1e3 {
        format!("{:.1}k", value / 1e3)
    } else {
        format!("{value:.0}")
    }
}

fn ratio(above: Option<Summary>, below: Option<Summary>) -> String {
    match above.zip(below) {
        Some((above, below)) if below.median > 0.0 => format!("{:.1} x", above.median / below.median),
        _ => nothing(),
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "yes",
        Verdict::Missed => "**no**",
        Verdict::Unknown => "?",
    }
}

fn nothing() -> String {
    "-".to_owned()
}

fn failures(comparison: &Comparison) -> String {
    let failed = comparison.cells.iter().filter_map(|cell| cell.failure.as_ref().map(|why| (cell, why)));
    let lines: Vec<_> =
        failed.map(|(cell, why)| format!("- {}, {}, round {}: {why}\n", cell.row, cell.server, cell.round)).collect();
    if lines.is_empty() { String::new() } else { format!("\n## What failed\n\n{}", lines.concat()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(server: &'static str, round: u32, (rate, cpu): (f64, f64)) -> Cell {
        let sample =
            Sample { operations_per_second: rate, server_cpu_us_per_operation: Some(cpu), ..Sample::default() };
        Cell { row: "getattr", server, round, sample: Some(sample), failure: None }
    }

    #[test]
    fn a_line_has_medians_ratios_and_verdicts() {
        let comparison = Comparison {
            limits: super::super::Limits::default(),
            cells: vec![
                cell("Berth", 1, (1_000_000.0, 1.0)),
                cell("ganesha", 1, (40_000.0, 30.0)),
                cell("Berth", 2, (1_100_000.0, 1.2)),
                cell("ganesha", 2, (60_000.0, 25.0)),
            ],
            missing: Vec::new(),
            rounds: "2".to_owned(),
            network: "",
            quick: false,
        };
        let text = table(&comparison);
        assert_eq!(text.lines().count(), 3);
        assert_eq!(
            text.lines().last().unwrap(),
            "| GETATTR d64 | 1.05M/s | 1.10 us | 10 % | 50.0k/s | 27.50 us | - | - | 21.0 x | 25.0 x | <= 1.8 us | yes |"
        );
    }

    #[test]
    fn the_short_table_has_rows_that_both_have() {
        let comparison = Comparison {
            limits: super::super::Limits::default(),
            cells: vec![cell("Berth", 1, (900.0, 2.0)), cell("ganesha", 1, (300.0, 9.0))],
            missing: Vec::new(),
            rounds: "1".to_owned(),
            network: "",
            quick: false,
        };
        assert!(short(&comparison).ends_with("| ---: |\n| GETATTR d64 | 3.0 x | 4.5 x |\n"));
        assert_eq!(short(&Comparison { cells: vec![cell("Berth", 1, (900.0, 2.0))], ..comparison }), "");
    }

    #[test]
    fn figures_have_the_units_that_fit() {
        assert_eq!(shown(Shown::Memory, 8192.0), "8.0 KiB");
        assert_eq!(shown(Shown::Latency, 1500.0), "1.50 ms");
        assert_eq!(shown(Shown::Ratio, 1.755), "1.75 x");
        assert_eq!(shown(Shown::Operations, 999.0), "999/s");
        assert_eq!(shown(Shown::Operations, 25_400.0), "25.4k/s");
    }
}
