//! `berth job list`.

use admin_api::{JOBS_PATH, Job, JobState};

use super::Listed;
use super::table::{Column, Table};

impl Listed for Job {
    const PATH: &'static str = JOBS_PATH;
    const NAME: &'static str = "jobs";

    fn table(items: &[Self]) -> Table {
        let mut table = Table::new(&[
            Column::Text("JOB"),
            Column::Text("STATE"),
            Column::Number("LEFT"),
            Column::Number("DONE"),
            Column::Text("OF"),
            Column::Text("WHAT IT DOES"),
        ]);
        for job in items {
            let state = match job.state {
                JobState::Idle => "idle",
                JobState::Waiting => "waiting",
                JobState::Running => "running",
            };
            let (left, done) = (job.left.to_string(), job.done.to_string());
            table.row([job.name.clone(), state.to_owned(), left, done, job.unit.clone(), job.about.clone()]);
        }
        table
    }
}
