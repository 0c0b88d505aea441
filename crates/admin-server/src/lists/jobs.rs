//! `/v1/jobs`: what is done behind what clients ask for.

use admin_api::{JOBS_PATH, Job, JobState, List, Page, Problem};
use vfs::{JobFigures, JobKind};

use crate::page::Asked;
use crate::window::Desk;

/// All kinds of jobs, in a fixed order; they are of no zone.
#[utoipa::path(get, path = JOBS_PATH, params(Page), summary = "What is done behind what clients ask for.",
    responses((status = 200, body = List<Job>)))]
pub(crate) fn jobs(desk: &Desk, asked: &Asked) -> Result<List<Job>, Problem> {
    let mut jobs = desk.sources.figures().house.jobs;
    jobs.retain(|_| asked.is_about(None));
    let total = jobs.len() as u64;
    Ok(asked.cut(jobs.iter().map(shown), Some(total)))
}

fn shown(job: &JobFigures) -> Job {
    let (name, unit, about) = match job.kind {
        JobKind::Removal => ("removal", "files", "takes apart what was removed or cut off and is large"),
        JobKind::Reordering => ("reordering", "parts", "puts in order what is read in order and lies scattered"),
        JobKind::Revert => ("revert", "directories", "makes directories again what snapshots show of them"),
        JobKind::Evacuation => ("evacuation", "segments", "moves what is live out of sparse segments"),
    };
    let state = match job {
        JobFigures { left: 0, .. } => JobState::Idle,
        JobFigures { is_waiting: true, .. } => JobState::Waiting,
        JobFigures { .. } => JobState::Running,
    };
    let [name, unit, about] = [name, unit, about].map(str::to_owned);
    Job { name, about, unit, state, left: job.left, done: job.done }
}
