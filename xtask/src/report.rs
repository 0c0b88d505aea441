//! The gate's steps as they run, and the table at its end.

#![expect(clippy::print_stdout, reason = "talking to a person on the terminal is what this tool does")]

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::command::{Ended, Task};

/// What happened so far; the first failing step ends the gate.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    skipped: Vec<String>,
    closing: Vec<String>,
}

struct Row {
    title: String,
    verdict: &'static str,
    took: Duration,
}

impl Report {
    /// Runs one step on the terminal.
    pub(crate) fn run(&mut self, title: &str, task: &Task) -> Result<()> {
        self.step(title, task, Task::run)
    }

    /// Runs one step of tests; its runner's closing lines are repeated at the end.
    pub(crate) fn run_tests(&mut self, title: &str, task: &Task) -> Result<()> {
        self.step(title, task, Task::run_listening)
    }

    /// A step of this process itself.
    pub(crate) fn own(&mut self, title: &str, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        println!("\n=== {title}");
        let started = now();
        work(self)?;
        self.row(title, "ok", started.elapsed());
        Ok(())
    }

    /// Notes something that is not run, and why.
    pub(crate) fn skip(&mut self, title: &str, why: &str) {
        println!("\n=== {title}\nSKIPPED: {why}");
        self.row(title, "SKIPPED", Duration::ZERO);
        self.note_skipped(format!("{title}: {why}"));
    }

    /// Notes something inside a step that was left out, and why.
    pub(crate) fn note_skipped(&mut self, what: String) {
        if !self.skipped.contains(&what) {
            self.skipped.push(what);
        }
    }

    /// Prints the table, what was left out, and the test runners' own last words.
    pub(crate) fn print(&self) {
        println!("\n=== summary");
        for Row { title, verdict, took } in &self.rows {
            println!("{verdict:>8}  {:>7.1} s  {title}", took.as_secs_f64());
        }
        let total: Duration = self.rows.iter().map(|row| row.took).sum();
        println!("{:>8}  {:>7.1} s", "total", total.as_secs_f64());
        for line in &self.skipped {
            println!("SKIPPED: {line}");
        }
        for line in closing_lines(&self.closing) {
            println!("{line}");
        }
    }

    fn step(&mut self, title: &str, task: &Task, run: fn(&Task) -> Result<Ended>) -> Result<()> {
        println!("\n=== {title}\n$ {task}");
        let started = now();
        let ended = run(task)?;
        let took = started.elapsed();
        self.closing.extend(ended.closing);
        if ended.success {
            self.row(title, "ok", took);
            return Ok(());
        }
        self.row(title, "FAILED", took);
        self.print();
        bail!("{title} failed; to run it again: {task}")
    }

    fn row(&mut self, title: &str, verdict: &'static str, took: Duration) {
        self.rows.push(Row { title: title.to_owned(), verdict, took });
    }
}

#[expect(clippy::disallowed_methods, reason = "a tool that times its own steps; no product code")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Nextest sums up in one line; the standard runner prints one per binary, which are added up here.
fn closing_lines(lines: &[String]) -> Vec<String> {
    let (per_binary, mut kept): (Vec<_>, Vec<_>) =
        lines.iter().cloned().partition(|line| line.starts_with("test result:"));
    if !per_binary.is_empty() {
        let total = |word| per_binary.iter().map(|line| count_before(line, word)).sum::<u64>();
        let (passed, failed, ignored) = (total("passed"), total("failed"), total("ignored"));
        kept.push(format!("test results, all binaries: {passed} passed; {failed} failed; {ignored} ignored"));
    }
    kept
}

fn count_before(line: &str, word: &str) -> u64 {
    let mut last = 0;
    for part in line.split([' ', ';', '.']).filter(|part| !part.is_empty()) {
        if part == word {
            return last;
        }
        last = part.parse().unwrap_or(0);
    }
    0
}

#[cfg(test)]
mod tests {
    use super::{Report, closing_lines};
    use crate::command::Task;

    #[test]
    fn results_of_several_binaries_are_added_up() {
        let lines = [
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "     Summary [   0.1s] 7 tests run: 7 passed, 0 skipped",
            "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ];
        let closing = closing_lines(&lines.map(str::to_owned));
        assert_eq!(closing, [lines[1], "test results, all binaries: 7 passed; 2 failed; 1 ignored"]);
    }

    #[test]
    fn a_failing_step_names_the_command_to_run_again() {
        let mut report = Report::default();
        report.run("fine", &Task::new("true", &[])).unwrap();
        let error = report.run("broken", &Task::new("false", &["-x"])).unwrap_err();
        assert_eq!(error.to_string(), "broken failed; to run it again: false -x");
    }
}
