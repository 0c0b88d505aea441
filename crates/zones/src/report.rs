//! Reports of quotas that are made by themselves.

use crate::period::Period;

/// Reports that are made again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReportSchedule {
    pub(crate) period: Period,
    pub(crate) format: ReportFormat,
    pub(crate) keep: u32,
}

/// What a report is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReportFormat {
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
    /// For people.
    Html,
}

impl ReportSchedule {
    /// When.
    #[must_use]
    pub fn period(&self) -> Period {
        self.period
    }

    /// As what.
    #[must_use]
    pub fn format(&self) -> ReportFormat {
        self.format
    }

    /// How many of this format are kept.
    #[must_use]
    pub fn keep(&self) -> u32 {
        self.keep
    }
}

impl ReportFormat {
    /// As it is written, and as its files end.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Html => "html",
        }
    }
}
