//! What a row must reach, and whether it does.

use std::fmt;

use serde::Serialize;

use super::super::limits::Limits;

/// One condition.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bar {
    /// Microseconds of the server's CPU for an operation.
    CpuAtMost(f64),
    /// Seconds of the server's CPU for a GiB.
    CpuOfGibibyteAtMost(f64),
    /// Operations in a second.
    RateAtLeast(f64),
    /// Operations in a second of the server's CPU.
    RateOfCoreAtLeast(f64),
    /// Operations in a second, as a multiple of ganesha's.
    OfGaneshaAtLeast(f64),
    /// The same of Samba's.
    OfSambaAtLeast(f64),
    /// Of a limit of the machine: its key, and the part of it.
    OfLimitAtLeast(&'static str, f64),
    /// 99th percentile, in milliseconds.
    P99BelowMs(f64),
    /// A ratio of two runs.
    RatioAtLeast(f64),
    /// The same after the server has put things in order.
    RatioInOrderAtLeast(f64),
    /// Bytes for a connection.
    BytesAtMost(f64),
    /// Tables of metadata, as a part of the data.
    MetadataAtMost(f64),
}

/// Berth's medians in one row, and what they are held against.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) rate: Option<f64>,
    /// Bytes in a second, in millions.
    pub(crate) megabytes: Option<f64>,
    pub(crate) cpu_us: Option<f64>,
    pub(crate) cpu_of_gibibyte: Option<f64>,
    pub(crate) p99_us: Option<f64>,
    pub(crate) ratio: Option<f64>,
    pub(crate) ratio_in_order: Option<f64>,
    pub(crate) memory: Option<f64>,
    pub(crate) metadata_part: Option<f64>,
    /// Of the first server beside it.
    pub(crate) peer_rate: Option<f64>,
}

/// Whether a condition is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Verdict {
    Met,
    Missed,
    /// What it needs was not measured.
    Unknown,
}

impl Bar {
    pub(crate) fn verdict(self, figures: &Figures, limits: &Limits) -> Verdict {
        match self.is_met(figures, limits) {
            Some(true) => Verdict::Met,
            Some(false) => Verdict::Missed,
            None => Verdict::Unknown,
        }
    }

    fn is_met(self, figures: &Figures, limits: &Limits) -> Option<bool> {
        Some(match self {
            Self::CpuAtMost(most) => figures.cpu_us? <= most,
            Self::CpuOfGibibyteAtMost(most) => figures.cpu_of_gibibyte? <= most,
            Self::RateAtLeast(least) => figures.rate? >= least,
            Self::RateOfCoreAtLeast(least) => 1e6 / figures.cpu_us? >= least,
            Self::OfGaneshaAtLeast(least) | Self::OfSambaAtLeast(least) => figures.rate? >= least * figures.peer_rate?,
            Self::OfLimitAtLeast(key, part) => of_limit(key, figures)? >= part * limits.value(key)?,
            Self::P99BelowMs(most) => figures.p99_us? < most * 1e3,
            Self::RatioAtLeast(least) => figures.ratio? >= least,
            Self::RatioInOrderAtLeast(least) => figures.ratio_in_order? >= least,
            Self::BytesAtMost(most) => figures.memory? <= most,
            Self::MetadataAtMost(most) => figures.metadata_part? <= most,
        })
    }
}

/// Streams of the disk are told in bytes, other limits in operations.
fn of_limit(key: &str, figures: &Figures) -> Option<f64> {
    if key.contains("stream") { figures.megabytes } else { figures.rate }
}

impl fmt::Display for Bar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CpuAtMost(most) => write!(formatter, "<= {most} us"),
            Self::CpuOfGibibyteAtMost(most) => write!(formatter, "<= {most} s/GiB"),
            Self::RateAtLeast(least) => write!(formatter, ">= {} k/s", least / 1e3),
            Self::RateOfCoreAtLeast(least) => write!(formatter, ">= {} M/s per core", least / 1e6),
            Self::OfGaneshaAtLeast(least) => write!(formatter, ">= {least} x ganesha"),
            Self::OfSambaAtLeast(least) => write!(formatter, ">= {least} x Samba"),
            Self::OfLimitAtLeast(_, part) => write!(formatter, ">= {:.0} % of the disk", part * 100.0),
            Self::P99BelowMs(most) => write!(formatter, "p99 < {most} ms"),
            Self::RatioAtLeast(least) => write!(formatter, ">= {least} x"),
            Self::RatioInOrderAtLeast(least) => write!(formatter, ">= {least} x once put in order"),
            Self::BytesAtMost(most) => write!(formatter, "<= {} KiB", most / 1024.0),
            Self::MetadataAtMost(most) => write!(formatter, "metadata <= {:.0} % of the data", most * 100.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::limits::Figure;
    use super::*;

    #[test]
    fn a_bar_is_met_missed_or_not_known() {
        let limits = Limits(vec![Figure {
            key: "disk_stream_read".into(),
            what: String::new(),
            value: 1000.0,
            unit: "MB/s".into(),
            cpu: None,
        }]);
        let figures = Figures {
            rate: Some(300.0),
            megabytes: Some(900.0),
            cpu_us: Some(1.2),
            peer_rate: Some(100.0),
            ..Figures::default()
        };
        let verdict = |bar: Bar| bar.verdict(&figures, &limits);
        assert_eq!(verdict(Bar::CpuAtMost(1.2)), Verdict::Met);
        assert_eq!(verdict(Bar::CpuAtMost(1.1)), Verdict::Missed);
        assert_eq!(verdict(Bar::OfGaneshaAtLeast(3.0)), Verdict::Met);
        assert_eq!(verdict(Bar::OfGaneshaAtLeast(3.1)), Verdict::Missed);
        assert_eq!(verdict(Bar::OfLimitAtLeast("disk_stream_read", 0.9)), Verdict::Met);
        assert_eq!(verdict(Bar::OfLimitAtLeast("disk_stream_read", 0.91)), Verdict::Missed);
        assert_eq!(verdict(Bar::OfLimitAtLeast("other", 0.1)), Verdict::Unknown);
        assert_eq!(verdict(Bar::RateOfCoreAtLeast(800_000.0)), Verdict::Met);
        assert_eq!(verdict(Bar::P99BelowMs(5.0)), Verdict::Unknown);
    }
}
