//! The curves as a page of Markdown and two plots each.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::super::load::Sample;
use super::super::plot::{Line, Plot};
use super::super::results::{machine, today};
use super::super::site::Site;
use super::{Curve, Point};

/// A table for each curve, and where its plots are.
pub(super) fn page(curves: &[&'static Curve], points: &[Point], site: &Site) -> String {
    let mut text = String::from("# Berth as it grows\n\n");
    text += &machine(&site.log());
    text += &format!("- network: {}\n", site.isolation.describe());
    for curve in curves {
        text += &format!("\n## {}\n\n{}\n", capital(curve.what), table(curve, points));
        for kind in KINDS {
            let name = plot_name(curve, kind);
            text += &format!("![{} of {}]({name})\n", kind.title, curve.what);
        }
    }
    text
}

/// Writes two plots for each curve.
pub(super) fn write_plots(folder: &Path, curves: &[&'static Curve], points: &[Point]) -> Result<()> {
    for curve in curves {
        for kind in KINDS {
            fs::write(folder.join(plot_name(curve, kind)), plot(curve, kind, points).svg())?;
        }
    }
    Ok(())
}

/// A figure that is drawn.
struct Kind {
    key: &'static str,
    title: &'static str,
    unit: &'static str,
    of: fn(&Sample) -> f64,
}

const KINDS: &[Kind] = &[
    Kind { key: "rate", title: "Rate", unit: "operations/s", of: |sample| sample.operations_per_second },
    Kind { key: "p99", title: "Latency, 99th percentile", unit: "us", of: |sample| sample.p99_us },
];

fn table(curve: &Curve, points: &[Point]) -> String {
    let mut text = String::from(
        "| size | operation | rate | server CPU | p50 | p99 |\n| ---: | --- | ---: | ---: | ---: | ---: |\n",
    );
    for Point { size, operation, sample, .. } in points.iter().filter(|point| point.curve == curve.key) {
        let cpu = sample.server_cpu_us_per_operation.unwrap_or_default();
        text += &format!(
            "| {size} | {operation} | {:.0}/s | {cpu:.2} us | {:.0} us | {:.0} us |\n",
            sample.operations_per_second, sample.p50_us, sample.p99_us
        );
    }
    text
}

fn plot(curve: &Curve, kind: &Kind, points: &[Point]) -> Plot {
    let mut lines: Vec<Line> = Vec::new();
    for point in points.iter().filter(|point| point.curve == curve.key) {
        #[expect(clippy::cast_precision_loss, reason = "a place on paper")]
        let place = (point.size as f64, (kind.of)(&point.sample));
        match lines.iter_mut().find(|line| line.name == point.operation) {
            Some(line) => line.points.push(place),
            None => lines.push(Line { name: point.operation.to_owned(), points: vec![place] }),
        }
    }
    let title = format!("{}: {}", kind.title, curve.what);
    Plot { title, x: curve.what.to_owned(), y: kind.unit.to_owned(), lines }
}

fn plot_name(curve: &Curve, kind: &Kind) -> String {
    format!("{}-scale-{}-{}.svg", today().unwrap_or_default(), curve.key, kind.key)
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::super::curves::CURVES;
    use super::*;

    #[test]
    fn each_operation_is_a_line() {
        let point = |size, operation, rate: f64| {
            let sample = Sample { operations_per_second: rate, ..Sample::default() };
            Point { curve: "files", size, operation, sample }
        };
        let points = [point(10, "LOOKUP", 5.0), point(10, "CREATE", 2.0), point(100, "LOOKUP", 4.0)];
        let plot = plot(&CURVES[0], &KINDS[0], &points);
        let told: Vec<_> = plot.lines.iter().map(|line| (line.name.as_str(), line.points.clone())).collect();
        assert_eq!(told, [("LOOKUP", vec![(10.0, 5.0), (100.0, 4.0)]), ("CREATE", vec![(10.0, 2.0)])]);
        assert!(table(&CURVES[0], &points).contains("| 100 | LOOKUP | 4/s | 0.00 us | 0 us | 0 us |"));
    }
}
