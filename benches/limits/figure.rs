//! One figure of the machine.

use std::fmt;

use serde::Serialize;

/// One figure of the machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Figure {
    /// A name that never changes, for programs.
    pub(crate) key: String,
    /// What it is, for people.
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// CPU time: microseconds for an operation, or seconds for a GiB where the unit is MB/s.
    pub(crate) cpu: Option<f64>,
}

impl Figure {
    pub(crate) fn new(key: &str, what: &str, (value, unit): (f64, &'static str)) -> Self {
        Self { key: key.to_owned(), what: what.to_owned(), value, unit, cpu: None }
    }

    pub(crate) fn with_cpu(mut self, cpu: f64) -> Self {
        self.cpu = Some(cpu);
        self
    }

    fn cpu_text(&self) -> String {
        match self.cpu {
            Some(cpu) if self.unit == MEGABYTES => format!("{cpu:.3} s/GiB"),
            Some(cpu) => format!("{cpu:.2} us"),
            None => String::new(),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {:.0} {} {}", self.what, self.value, self.unit, self.cpu_text())
    }
}

/// As a Markdown table.
pub(crate) fn table(figures: &[Figure]) -> String {
    let mut text = String::from("| limit of the machine | value | CPU |\n| --- | ---: | ---: |\n");
    for figure in figures {
        text += &format!("| {} | {:.0} {} | {} |\n", figure.what, figure.value, figure.unit, figure.cpu_text());
    }
    text
}

pub(crate) const MEGABYTES: &str = "MB/s";
pub(crate) const PER_SECOND: &str = "/s";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_told_in_the_unit_that_fits() {
        let stream = Figure::new("a", "loopback", (1234.4, MEGABYTES)).with_cpu(0.1234);
        let calls = Figure::new("b", "echo", (9.6, PER_SECOND)).with_cpu(1.005);
        let plain = Figure::new("c", "copy", (1.0, MEGABYTES));
        assert_eq!(
            table(&[stream, calls, plain]),
            "| limit of the machine | value | CPU |\n| --- | ---: | ---: |\n| loopback | 1234 MB/s | 0.123 s/GiB |\n\
             | echo | 10 /s | 1.00 us |\n| copy | 1 MB/s |  |\n"
        );
    }
}
