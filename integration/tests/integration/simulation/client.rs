//! A client: changes its own directory, reads, and knows what it was promised.

use std::cell::Cell;
use std::time::Duration;

use pages::Payload;
use testkit::Random;
use vfs::{
    Admin, AttributeIo, Attributes, Case, CommitRequest, CreateHow, CreateRequest, Failure, FileIo, FsError, InodeId,
    LinkRequest, MkdirRequest, Name, Namespace, OpContext, ReadRequest, RemoveKind, RemoveRequest, RenameRequest,
    SetAttributes, SetTime, SetattrRequest, Stability, SymlinkRequest, Via, WalkRequest, WriteRequest, WriteVerifier,
};

use super::content::{Stamp, UNIT};
use super::devices::Devices;
use super::model::{Change, Model};
use super::observed::{Observed, list};
use super::store::House;

/// What a client may expect of the life it is in.
#[derive(Debug)]
pub(super) struct Life<'l> {
    pub(super) house: &'l House,
    pub(super) devices: &'l Devices,
    /// Whether operations may fail although the power is on.
    pub(super) is_faulty: bool,
    /// Operations of all clients so far.
    pub(super) steps: Cell<u64>,
    /// What the background is at, for a message.
    pub(super) doing: Cell<&'static str>,
}

#[derive(Debug)]
pub(super) struct Client {
    number: u64,
    root: InodeId,
    random: Random,
    model: Model,
    /// What is there instead if a change happened that was not acknowledged.
    other: Option<Model>,
    must_look: bool,
    in_flight: Option<Change>,
    /// New with every change.
    changes: u64,
    /// What was done, for a message.
    journal: Vec<String>,
}

impl Client {
    pub(super) fn new(number: u64, root: InodeId, seed: u64) -> Self {
        let random = Random::new(seed ^ number << 32);
        Self {
            number,
            root,
            random,
            model: Model::default(),
            other: None,
            must_look: false,
            in_flight: None,
            changes: 0,
            journal: Vec::new(),
        }
    }

    /// Works until it has done its part or the power is off.
    pub(super) async fn work(&mut self, life: &Life<'_>, operations: u64) {
        for _ in 0..operations {
            if life.devices.is_cut() || self.must_look && !self.look(life).await {
                return;
            }
            life.steps.set(life.steps.get() + 1);
            match self.random.below(10) {
                0..=1 => self.read(life).await,
                2 => self.list(life).await,
                _ => self.change(life).await,
            }
        }
    }

    /// The life is over: what was in flight may have happened or not, and what is not stable may be lost.
    pub(super) fn survive(&mut self) {
        if let Some(change) = self.in_flight.take() {
            self.journal.push("  (cut off)".to_owned());
            self.doubt(&change);
        }
        self.must_look = true;
    }

    /// Looks what is there. `false` when the power failed first.
    pub(super) async fn look(&mut self, life: &Life<'_>) -> bool {
        for attempt in 0..ATTEMPTS_MAX {
            match Observed::read(life.house, self.root).await {
                Ok(Some(observed)) => {
                    self.compare(&observed);
                    return true;
                }
                Ok(None) => {}
                Err(_) if life.devices.is_cut() => return false,
                Err((what, failure)) => {
                    self.tolerate(life, &failure, &format!("looking: {what}"));
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            if attempt == HEALED_AFTER {
                life.devices.heal();
            }
        }
        let (doing, is_reloading) = (life.doing.get(), life.house.is_reloading());
        let number = self.number;
        panic!(
            "client {number}: the house does not come back (reloading: {is_reloading}) while {doing}\n{}",
            self.tell()
        );
    }

    fn compare(&mut self, observed: &Observed) {
        let without = observed.fits(self.number, &self.model);
        let with = self.other.take().map(|other| observed.fits(self.number, &other));
        self.model = match (without, with) {
            (Ok(model), _) | (_, Some(Ok(model))) => model,
            (Err(without), with) => {
                let with = with.and_then(Result::err);
                panic!("client {}: {without}; or {with:?}\n{}", self.number, self.tell());
            }
        };
        self.must_look = false;
        self.journal.push(format!("looked: {:?}", observed.verifier.unwrap()));
    }

    async fn change(&mut self, life: &Life<'_>) {
        self.changes += 1;
        let change = self.model.choose(self.changes, &mut self.random);
        self.journal.push(format!("{change:?}"));
        self.in_flight = Some(change.clone());
        let outcome = self.perform(life.house, &change).await;
        self.in_flight = None;
        match outcome {
            Ok(verifier) => {
                self.model.apply(&change, verifier);
                if let Change::Write { path, .. } | Change::Commit { path } = &change {
                    self.must_look = self.model.file(path).is_some_and(|file| file.content.is_shaken());
                }
                self.journal.push(format!("  ok {verifier:?}"));
            }
            Err(failure) => {
                self.tolerate(life, &failure, &change);
                self.doubt(&change);
            }
        }
    }

    fn doubt(&mut self, change: &Change) {
        self.other = self.model.apply_perhaps(change);
        self.must_look = true;
    }

    /// A failure is honest when something failed, the house is being reloaded, or memory is short.
    fn tolerate(&mut self, life: &Life<'_>, failure: &Failure, what: &dyn std::fmt::Debug) {
        self.journal.push(format!("  {:?} while {what:?}", failure.error));
        let is_honest = match failure.error {
            FsError::Io | FsError::NoSpace => life.is_faulty || life.devices.is_cut(),
            // Others kept taking the little room for dirty data.
            FsError::Delay => true,
            _ => false,
        };
        assert!(is_honest, "client {}: {failure:?} of {what:?}\n{}", self.number, self.tell());
    }

    async fn read(&mut self, life: &Life<'_>) {
        let names: Vec<_> = self.model.names.keys().cloned().collect();
        let path = self.random.pick(&names);
        let Some(file) = self.model.file(&path).cloned() else { return };
        let first = self.random.below(file.content.size() + 2);
        let length = u32::try_from(UNIT).unwrap() * self.random.pick(&[1, 8, 40, 300]);
        self.journal.push(format!("read {path} from {first}, {length} bytes"));
        let found = async {
            let inode = self.inode(life.house, &path).await?;
            let offset = first * UNIT as u64;
            let request = ReadRequest { inode, via: Via::Anonymous, offset, length };
            life.house.read(&OpContext::internal(self.root), request).await
        };
        let reply = match found.await {
            Ok(reply) => reply,
            Err(failure) => return self.tolerate(life, &failure, &"reading"),
        };
        let (now, whose) = (life.house.write_verifier(), (self.number, file.number));
        let right = file.content.accepts(whose, (first, &reply.data.to_bytes()), now);
        let right = right.and_then(|()| file.content.accepts_size(reply.attributes.size, now));
        if let Err(what) = right {
            panic!("client {}: {path}: {what}, read under {now:?}\n{}", self.number, self.tell());
        }
    }

    async fn list(&mut self, life: &Life<'_>) {
        let directories: Vec<_> = self.model.directories.keys().cloned().collect();
        let path = if self.random.chance(50) { self.random.pick(&directories) } else { String::new() };
        let page = self.random.pick(&[3, 5, 100]);
        let found = async {
            let directory = self.inode(life.house, &path).await?;
            list(life.house, &OpContext::internal(self.root), directory, page).await
        };
        let found = match found.await {
            Ok(found) => found,
            Err(failure) => return self.tolerate(life, &failure, &"listing"),
        };
        let mut found: Vec<_> = found.into_iter().map(|(name, _)| name).collect();
        found.sort();
        let expected = self.model.listing(&path);
        assert_eq!(found, expected, "client {}: listing of {path:?}\n{}", self.number, self.tell());
    }

    async fn perform(&self, house: &House, change: &Change) -> Result<WriteVerifier, Failure> {
        let ctx = &OpContext::internal(self.root);
        match change {
            Change::Mkdir { path, mode } => {
                let (parent, name) = self.place(house, path).await?;
                house.mkdir(ctx, MkdirRequest { parent, name, attributes: with_mode(*mode) }).await?;
            }
            Change::Rmdir { path } => self.remove(house, path, RemoveKind::Directory).await?,
            Change::Remove { path } => self.remove(house, path, RemoveKind::File).await?,
            Change::Create { path, mode } => {
                let (parent, name) = self.place(house, path).await?;
                house.create(ctx, CreateRequest { parent, name, how: CreateHow::Guarded(with_mode(*mode)) }).await?;
            }
            Change::Symlink { path, target } => {
                let (parent, name) = self.place(house, path).await?;
                let target = bytes::Bytes::from(target.clone());
                house.symlink(ctx, SymlinkRequest { parent, name, target, attributes: with_mode(0o777) }).await?;
            }
            Change::Link { from, to } => {
                let inode = self.inode(house, from).await?;
                let (parent, name) = self.place(house, to).await?;
                house.link(ctx, LinkRequest { inode, parent, name, replace: false }).await?;
            }
            Change::Rename { from, to } => {
                let (from_parent, from_name) = self.place(house, from).await?;
                let (to_parent, to_name) = self.place(house, to).await?;
                let request = RenameRequest { from_parent, from_name, to_parent, to_name, replace: true };
                house.rename(ctx, request).await?;
            }
            Change::Chmod { path, mode } => self.set(house, path, with_mode(*mode)).await?,
            Change::SetTime { path, modified } => {
                let modified = Some(SetTime::To(*modified));
                self.set(house, path, SetAttributes { modified, ..SetAttributes::default() }).await?;
            }
            Change::Cut { path, size } => {
                let size = Some(size * UNIT as u64);
                self.set(house, path, SetAttributes { size, ..SetAttributes::default() }).await?;
            }
            Change::Write { .. } => return self.write(house, change).await,
            Change::Commit { path } => {
                let inode = self.inode(house, path).await?;
                let request = CommitRequest { inode, via: Via::Anonymous, offset: 0, length: 0 };
                return Ok(house.commit(ctx, request).await?.verifier);
            }
        }
        Ok(house.write_verifier())
    }

    async fn write(&self, house: &House, change: &Change) -> Result<WriteVerifier, Failure> {
        let Change::Write { path, first, count, version, stable } = change else { unreachable!() };
        let inode = self.inode(house, path).await?;
        let (client, file) = (self.number, self.model.file(path).map_or(0, |file| file.number));
        let units = (*first..first + count).map(|unit| Stamp { client, file, unit, version: *version }.bytes());
        let data = Payload::from(units.collect::<Vec<_>>().concat());
        let length = data.len();
        let stability = if *stable { Stability::File } else { Stability::Unstable };
        let request = WriteRequest { inode, via: Via::Anonymous, offset: first * UNIT as u64, data, stability };
        let reply = house.write(&OpContext::internal(self.root), request).await?;
        assert!(reply.count as usize == length && reply.stability >= stability, "{reply:?}");
        Ok(reply.verifier)
    }

    async fn set(&self, house: &House, path: &str, attributes: SetAttributes) -> Result<(), Failure> {
        let inode = self.inode(house, path).await?;
        let request = SetattrRequest { inode, via: Via::Anonymous, attributes, guard: None };
        house.setattr(&OpContext::internal(self.root), request).await.map(drop)
    }

    async fn remove(&self, house: &House, path: &str, kind: RemoveKind) -> Result<(), Failure> {
        let (parent, name) = self.place(house, path).await?;
        house.remove(&OpContext::internal(self.root), RemoveRequest { parent, name, kind }).await.map(drop)
    }

    async fn place(&self, house: &House, path: &str) -> Result<(InodeId, Name), Failure> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok((self.inode(house, parent).await?, Name::try_from(name).unwrap()))
    }

    async fn inode(&self, house: &House, path: &str) -> Result<InodeId, Failure> {
        Ok(self.attributes(house, path).await?.inode)
    }

    async fn attributes(&self, house: &House, path: &str) -> Result<Attributes, Failure> {
        let path = path.split('/').filter(|name| !name.is_empty()).map(|name| Name::try_from(name).unwrap());
        let request = WalkRequest { start: self.root, path: path.collect(), case: Case::Sensitive };
        Ok(house.walk(&OpContext::internal(self.root), request).await?.attributes)
    }

    /// The last that it did.
    fn tell(&self) -> String {
        let from = self.journal.len().saturating_sub(JOURNAL_TOLD);
        self.journal[from..].join("\n")
    }
}

fn with_mode(mode: u32) -> SetAttributes {
    SetAttributes { mode: Some(mode), ..SetAttributes::default() }
}

/// Times that a client looks before the house counts as lost.
const ATTEMPTS_MAX: u32 = 3000;
/// Times after which nothing new fails.
const HEALED_AFTER: u32 = 100;
const JOURNAL_TOLD: usize = 60;
