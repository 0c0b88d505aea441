//! Plays the suite: every test, by every client.

use anyhow::{Result, anyhow};
use nfs_wire::nfs3::{FileHandle, MkdirArgs};

use super::case::{Case, Scene, Setting, at, mode};
use super::cases;
use super::client::{Answer, ProtocolClient, Stop, User};
use super::own::Own;
use super::stage::{Implementation, Stage};

/// What one test found with one client.
#[derive(Debug)]
pub struct Finding {
    /// The test.
    pub case: &'static Case,
    /// The client.
    pub implementation: Implementation,
    /// How it ended.
    pub verdict: Verdict,
}

/// How a test ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As the specification says.
    Passed,
    /// Not begun, or not ended: the client has no words for it.
    Cannot(&'static str),
    /// Otherwise.
    Failed(String),
}

/// Plays every test with every client, on one gateway for each [`Setting`]; an error when a gateway fails.
pub fn play() -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for setting in [Setting::Roomy, Setting::Full] {
        let stage = Stage::start(setting)?;
        for implementation in Implementation::ALL {
            let mut cast = Cast::new(&stage, implementation)?;
            let played = cases::ALL.iter().copied().flatten().filter(|case| case.setting == setting);
            for case in played {
                let verdict = cast.play(&stage, case)?;
                findings.push(Finding { case, implementation, verdict });
            }
        }
        stage.close()?;
    }
    Ok(findings)
}

/// The clients of one implementation, and ours beside them.
struct Cast {
    implementation: Implementation,
    it: Box<dyn ProtocolClient>,
    alice: Box<dyn ProtocolClient>,
    other: Own,
}

impl Cast {
    fn new(stage: &Stage, implementation: Implementation) -> Result<Self> {
        Ok(Self {
            implementation,
            it: stage.client(implementation, User::ROOT)?,
            alice: stage.client(implementation, User::ALICE)?,
            other: stage.own(User::ROOT)?,
        })
    }

    fn play(&mut self, stage: &Stage, case: &Case) -> Result<Verdict> {
        let folder = match case.setting {
            Setting::Roomy => self.fresh_folder(stage, case)?,
            Setting::Full => stage.places.prepared.root.clone(),
        };
        let (it, alice) = (self.it.as_mut(), self.alice.as_mut());
        let mut scene = Scene { it, alice, other: &mut self.other, folder, places: &stage.places };
        let answer = (case.run)(&mut scene);
        Ok(judge(case, answer))
    }

    fn fresh_folder(&mut self, stage: &Stage, case: &Case) -> Result<FileHandle> {
        let name = format!("{}-{}-{}", self.implementation.name(), case.file, case.name);
        let args = MkdirArgs { place: at(&stage.places.projects, name), attributes: mode(0o755) };
        let made = self.other.mkdir(&args).map_err(|stop| anyhow!("no folder for {}: {stop}", case.name))?;
        made.object.ok_or_else(|| anyhow!("the folder for {} has no handle", case.name))
    }
}

fn judge(case: &Case, answer: Answer<()>) -> Verdict {
    let wanted = case.status.map_or("OK", |status| status.name());
    match (case.status, answer) {
        (_, Err(Stop::Cannot(why))) => Verdict::Cannot(why),
        (None, Ok(())) => Verdict::Passed,
        (Some(status), Err(Stop::Refused(refusal))) if refusal.status == status => Verdict::Passed,
        (Some(_), Ok(())) => Verdict::Failed(format!("{wanted} wanted, but it was done")),
        (_, Err(stop)) => Verdict::Failed(format!("{wanted} wanted, but {stop}")),
    }
}
