//! Files of lines that a zone file names: what they share.

/// What is wrong in a line (from 1; 0 is the file as a whole).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: usize,
    pub(crate) reason: String,
}

/// Gathers faults; of very many the first are told.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    told: Vec<Fault>,
    untold: usize,
}

impl Faults {
    pub(crate) fn add(&mut self, line: usize, reason: String) {
        if self.told.len() < FAULTS_MAX {
            self.told.push(Fault { line, reason });
        } else {
            self.untold += 1;
        }
    }

    /// The faults; `value` when there are none.
    pub(crate) fn finish<T>(mut self, value: T) -> Result<T, Vec<Fault>> {
        if self.told.is_empty() {
            return Ok(value);
        }
        self.told.sort_by_key(|fault| fault.line);
        if self.untold > 0 {
            self.told.push(Fault { line: 0, reason: format!("and {} more lines are wrong", self.untold) });
        }
        Err(self.told)
    }
}

/// Lines with their numbers, without empty ones and comments (`#`).
pub(crate) fn numbered_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_end()));
    lines.filter(|(_, line)| !line.trim_start().is_empty() && !line.trim_start().starts_with('#'))
}

/// Faults of one file that are told.
const FAULTS_MAX: usize = 20;
