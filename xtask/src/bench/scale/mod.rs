//! `bench scale`: Berth alone, as one thing after the other grows.

mod curves;
mod page;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;

use super::binaries::Binaries;
use super::isolation::{self, Entered};
use super::load::Sample;
use super::results;
use super::site::Site;
use curves::{CURVES, Curve};

#[derive(Args)]
pub(crate) struct ScaleOptions {
    /// Only the smallest two points of each curve, half a second each: only to see that it works.
    #[arg(long)]
    quick: bool,
    /// One more point where it takes long: ten million files, a million entries in a directory.
    #[arg(long)]
    largest: bool,
    /// Only these curves, by their keys, with commas between.
    #[arg(long, value_delimiter = ',')]
    curves: Vec<String>,
    /// Where the results are written; benches/results when not named.
    #[arg(long)]
    results: Option<PathBuf>,
    /// Only print; write no results.
    #[arg(long)]
    dry: bool,
    /// Folder for what the server writes.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Use the programs in this folder instead of building them.
    #[arg(long)]
    binaries: Option<PathBuf>,
}

/// One measured point.
#[derive(Debug, Serialize)]
struct Point {
    curve: &'static str,
    /// How large what grows was.
    size: u64,
    /// What was measured at that size.
    operation: &'static str,
    sample: Sample,
}

pub(crate) fn run(options: &ScaleOptions) -> Result<()> {
    let curves = selected(&options.curves)?;
    if !isolation::is_inside() {
        Binaries::build(options.binaries.as_deref())?;
    }
    let Entered::Here(isolation) = isolation::enter(true)? else { return Ok(()) };
    let site = Site::open(options.folder.as_deref(), Binaries::built(options.binaries.as_deref())?, isolation)?;
    let mut points = Vec::new();
    for curve in &curves {
        measure(curve, options, (&site, &mut points));
    }
    let page = page::page(&curves, &points, &site);
    if !options.dry {
        let folder = options.results.clone().unwrap_or_else(results::folder);
        results::write(&folder, ("scale", &page, &serde_json::to_string_pretty(&points)?))?;
        page::write_plots(&folder, &curves, &points)?;
    }
    results::print(&page)
}

fn measure(curve: &'static Curve, options: &ScaleOptions, (site, points): (&Site, &mut Vec<Point>)) {
    for size in curve.sizes(options.quick, options.largest) {
        match (curve.measure)(site, size, options.quick) {
            Ok(samples) => {
                for (operation, sample) in samples {
                    eprintln!("bench: {} {size}: {operation} {:.0}/s", curve.key, sample.operations_per_second);
                    points.push(Point { curve: curve.key, size, operation, sample });
                }
            }
            Err(error) => eprintln!("bench: {} {size}: FAILED: {error:#}", curve.key),
        }
    }
}

fn selected(keys: &[String]) -> Result<Vec<&'static Curve>> {
    if let Some(unknown) = keys.iter().find(|key| !CURVES.iter().any(|curve| curve.key == **key)) {
        let known: Vec<_> = CURVES.iter().map(|curve| curve.key).collect();
        bail!("there is no curve {unknown:?}; there are {}", known.join(", "));
    }
    Ok(CURVES.iter().filter(|curve| keys.is_empty() || keys.iter().any(|key| key == curve.key)).collect())
}
