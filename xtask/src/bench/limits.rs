//! `bench limits`: the program of that name, and what it found.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::binaries::Binaries;
use super::isolation::{self, Entered};
use super::process::command;
use super::results;
use super::site::Site;

#[derive(Args)]
pub(crate) struct LimitsOptions {
    /// Fractions of a second for each figure: only to see that it works.
    #[arg(long)]
    quick: bool,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Also write the table and the JSON into benches/results.
    #[arg(long)]
    save: bool,
    /// Folder on the disk that is measured.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Use the programs in this folder instead of building them.
    #[arg(long)]
    binaries: Option<PathBuf>,
}

/// A figure of the machine, as `limits --json` tells it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Figure {
    pub(crate) key: String,
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) unit: String,
    /// Microseconds for an operation, or seconds for a GiB where the unit is MB/s.
    pub(crate) cpu: Option<f64>,
}

/// What the machine can do.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Limits(pub(crate) Vec<Figure>);

impl Limits {
    /// Measures.
    pub(crate) fn measure(site: &Site, quick: bool) -> Result<Self> {
        let folder = site.fresh()?;
        let mut program = command(&site.binaries.limits(), None);
        program.arg("--json").arg("--folder").arg(&folder);
        if quick {
            program.args(["--seconds", "0.3", "--file-mib", "256"]);
        }
        let output = program.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "limits ended with {}", output.status);
        serde_json::from_slice(&output.stdout).context("the output of limits")
    }

    /// The value of a figure.
    pub(crate) fn value(&self, key: &str) -> Option<f64> {
        self.0.iter().find(|figure| figure.key == key).map(|figure| figure.value)
    }

    /// As a Markdown table.
    pub(crate) fn table(&self) -> String {
        let mut text = String::from("| limit of the machine | value | CPU |\n| --- | ---: | ---: |\n");
        for Figure { what, value, unit, cpu, .. } in &self.0 {
            let cpu = match cpu {
                Some(cpu) if unit == "MB/s" => format!("{cpu:.3} s/GiB"),
                Some(cpu) => format!("{cpu:.2} us"),
                None => String::new(),
            };
            text += &format!("| {what} | {value:.0} {unit} | {cpu} |\n");
        }
        text
    }
}

pub(crate) fn run(options: &LimitsOptions) -> Result<()> {
    if !isolation::is_inside() {
        Binaries::build(options.binaries.as_deref())?;
    }
    let Entered::Here(isolation) = isolation::enter(true)? else { return Ok(()) };
    let binaries = Binaries::built(options.binaries.as_deref())?;
    let site = Site::open(options.folder.as_deref(), binaries, isolation)?;
    let limits = Limits::measure(&site, options.quick)?;
    if options.save {
        results::write(&results::folder(), ("limits", &limits.page(), &serde_json::to_string_pretty(&limits)?))?;
    }
    results::print(&if options.json { serde_json::to_string(&limits)? } else { limits.table() })
}

impl Limits {
    fn page(&self) -> String {
        format!("# Limits of a machine\n\n{}\n{}", results::machine(Path::new(".")), self.table())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_program_tells_is_understood() {
        let text = r#"[{"key":"a","what":"stream","value":10.4,"unit":"MB/s","cpu":0.25},
                       {"key":"b","what":"copy","value":3.0,"unit":"/s","cpu":null}]"#;
        let limits: Limits = serde_json::from_str(text).unwrap();
        assert_eq!(limits.value("b"), Some(3.0));
        assert_eq!(limits.value("c"), None);
        assert!(limits.table().ends_with("| stream | 10 MB/s | 0.250 s/GiB |\n| copy | 3 /s |  |\n"));
    }
}
