//! READDIRPLUS of a whole directory.

use anyhow::{Context, Result, bail};
use nfs_wire::nfs3::{Readdirplus, ReaddirplusArgs, Reply3, Verifier};
use nfs_wire::rpc::Procedure;

use load::{Next, Operation};

use crate::prepare::Ground;
use crate::rpc::{Call, Reply};

/// Page after page; an operation is an entry.
pub(crate) struct Listings {
    args: ReaddirplusArgs,
}

impl Listings {
    pub(crate) fn new(ground: &Ground) -> Self {
        let args = ReaddirplusArgs {
            dir: ground.folder.clone(),
            cookie: 0,
            cookieverf: Verifier::default(),
            dircount: PAGE_BYTES,
            maxcount: PAGE_BYTES,
        };
        Self { args }
    }
}

impl Operation<Call, Reply> for Listings {
    fn begin(&mut self) -> Option<Call> {
        Some(Call::new::<Readdirplus>(&self.args))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        let body = match reply.decode::<<Readdirplus as Procedure>::Result>()? {
            Reply3::Ok(body) => body,
            Reply3::Failed(status, _) => bail!("{status:?}"),
        };
        let operations = body.entries.len() as u64;
        if body.eof {
            (self.args.cookie, self.args.cookieverf) = (0, Verifier::default());
        } else {
            let last = body.entries.iter().last().context("an empty page")?;
            (self.args.cookie, self.args.cookieverf) = (last.cookie, body.cookieverf);
        }
        Ok(Next::Done { operations, bytes: 0 })
    }
}

const PAGE_BYTES: u32 = 64 << 10;
