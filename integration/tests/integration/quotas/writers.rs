//! 64 writers at once, half of them over each door: nobody passes a limit by a byte, and nothing is refused that fits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use integration::CONTOSO;
use integration::client::{Answer, CallFailure, Client};
use nfs_wire::nfs3::{FileHandle, Nfsstat3, Sattr3, StableHow, WriteArgs};
use smb_wire::dtyp::AccessMask;
use smb_wire::info::FileInformationClass;
use smb_wire::query_info::InfoType;
use smb_wire::{FileId, Status};
use testkit::Random;

use super::quota;
use crate::both_doors::client::{How, User};
use crate::smb_clients::House;

const WRITERS: usize = 64;
const STEPS: u64 = 60;
const LIMIT: u64 = 1_500_000;
const CHANGES: How =
    How::to(AccessMask::GENERIC_READ.union(AccessMask::GENERIC_WRITE).union(AccessMask::DELETE)).create();

#[test]
fn writers_at_both_doors_never_pass_a_limit_and_are_refused_only_what_does_not_fit() {
    let house = House::open("[smb]\n");
    quota(&house, &["set", "--hard", &LIMIT.to_string()]);
    let (book, is_over) = (Mutex::new(Book::new()), AtomicBool::new(false));
    let written: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let house = &house;
        scope.spawn(|| watch(house, &is_over));
        let write = |number| {
            let book = &book;
            scope.spawn(move || Writer::new(house, number, book).run())
        };
        let writers: Vec<_> = (0..WRITERS).map(write).collect();
        let written: Vec<_> = writers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Relaxed);
        written.into_iter().map(Result::unwrap).collect()
    });
    let book = book.into_inner().unwrap();
    let sum: u64 = written.iter().map(|content| content.len() as u64).sum();
    assert_eq!((book.acknowledged, book.possible, used(&house)), (sum, sum, sum));
    assert!(book.refused > 0, "the limit was never met");
    let mut nfs = Client::connect(house.site.address(CONTOSO).unwrap()).unwrap();
    let root = nfs.mount("/projects").unwrap();
    for (number, content) in written.iter().enumerate() {
        let file = nfs.lookup(&root, &name(number)).unwrap();
        assert!(nfs.read_all(&file).unwrap() == *content, "{}", name(number));
    }
    fill(&house, sum);
    house.close();
}

/// To the last byte, and not beyond, at either door.
fn fill(house: &House, sum: u64) {
    let (mut nfs, mut smb) = (Door::nfs(house), Door::smb(house));
    nfs.create("last");
    smb.create("beyond");
    let mut rest = LIMIT - sum;
    let mut offset = 0;
    while rest > 0 {
        let piece = rest.min(60_000);
        assert!(nfs.write(offset, &vec![9; usize::try_from(piece).unwrap()]));
        (offset, rest) = (offset + piece, rest - piece);
    }
    assert!(!nfs.write(offset, &[9]) && !smb.write(0, &[9]));
    assert_eq!(used(house), LIMIT);
    nfs.remove("last");
    assert!(smb.write(0, &[9]) || sum == LIMIT);
}

/// What the operator is told, again and again.
fn watch(house: &House, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let used = used(house);
        assert!(used <= LIMIT, "{used} are used of {LIMIT}");
    }
}

fn used(house: &House) -> u64 {
    let told: serde_json::Value = serde_json::from_str(&quota(house, &["show", "--json"])).unwrap();
    told["usage"]["bytes"].as_u64().unwrap()
}

fn name(number: usize) -> String {
    format!("file-{number}")
}

/// What all writers together know.
struct Book {
    /// At least so much is used: growth when it is answered, less when it is asked for.
    acknowledged: u64,
    /// At most so much is used: growth when it is asked for, less when it is answered.
    possible: u64,
    /// The most that was possible since each asked for its growth.
    peaks: [Option<u64>; WRITERS],
    refused: u64,
}

impl Book {
    fn new() -> Self {
        Self { acknowledged: 0, possible: 0, peaks: [None; WRITERS], refused: 0 }
    }

    fn ask_for(&mut self, number: usize, more: u64) {
        self.possible += more;
        self.peaks[number] = Some(0);
        let possible = self.possible;
        self.peaks.iter_mut().flatten().for_each(|peak| *peak = possible.max(*peak));
    }

    fn answer(&mut self, number: usize, more: u64, is_done: bool) {
        let peak = self.peaks[number].take().unwrap();
        if is_done {
            self.acknowledged += more;
            assert!(self.acknowledged <= LIMIT, "{} were acknowledged of {LIMIT}", self.acknowledged);
        } else {
            assert!(more > 0 && peak > LIMIT, "{more} were refused where {peak} of {LIMIT} were used at most");
            self.possible -= more;
            self.refused += 1;
        }
    }
}

/// One file at one door.
struct Writer<'a> {
    number: usize,
    door: Door,
    book: &'a Mutex<Book>,
    content: Vec<u8>,
    random: Random,
}

impl<'a> Writer<'a> {
    fn new(house: &House, number: usize, book: &'a Mutex<Book>) -> Self {
        let mut door = if number.is_multiple_of(2) { Door::nfs(house) } else { Door::smb(house) };
        door.create(&name(number));
        Self { number, door, book, content: Vec::new(), random: Random::new(number as u64) }
    }

    fn run(mut self) -> Vec<u8> {
        for step in 0..STEPS {
            let length = usize::try_from(1 + self.random.below(8000)).unwrap();
            let data = vec![u8::try_from(step + 1).unwrap(); length];
            let within = usize::try_from(self.random.below(self.content.len() as u64)).unwrap();
            match self.random.below(10) {
                0 => self.shrink(within),
                1 if self.random.chance(50) => self.remove(),
                2 | 3 => self.write(within, &data),
                _ => self.write(self.content.len(), &data),
            }
        }
        self.door.close();
        self.content
    }

    fn write(&mut self, offset: usize, data: &[u8]) {
        let end = offset + data.len();
        let more = end.saturating_sub(self.content.len()) as u64;
        self.book().ask_for(self.number, more);
        let is_done = self.door.write(offset as u64, data);
        self.book().answer(self.number, more, is_done);
        if is_done {
            self.content.resize(end.max(self.content.len()), 0);
            self.content[offset..end].copy_from_slice(data);
        }
    }

    fn shrink(&mut self, size: usize) {
        let less = (self.content.len() - size) as u64;
        self.book().acknowledged -= less;
        self.door.resize(size as u64);
        self.book().possible -= less;
        self.content.truncate(size);
    }

    fn remove(&mut self) {
        let less = self.content.len() as u64;
        self.book().acknowledged -= less;
        self.door.remove(&name(self.number));
        self.book().possible -= less;
        self.content.clear();
        self.door.create(&name(self.number));
    }

    fn book(&self) -> MutexGuard<'a, Book> {
        self.book.lock().unwrap()
    }
}

/// A connection, and a file.
enum Door {
    Nfs { client: Client, root: FileHandle, file: FileHandle },
    Smb { user: User, file: Option<FileId> },
}

impl Door {
    fn nfs(house: &House) -> Self {
        let mut client = Client::connect(house.site.address(CONTOSO).unwrap()).unwrap();
        let root = client.mount("/projects").unwrap();
        Self::Nfs { client, file: root.clone(), root }
    }

    fn smb(house: &House) -> Self {
        Self::Smb { user: User::log_on(house, "alice"), file: None }
    }

    fn create(&mut self, name: &str) {
        match self {
            Self::Nfs { client, root, file } => *file = client.create(root, name, 0o666).unwrap(),
            Self::Smb { user, file } => *file = Some(user.open(name, CHANGES).unwrap()),
        }
    }

    /// Whether it was done; it was refused for a quota otherwise.
    fn write(&mut self, offset: u64, data: &[u8]) -> bool {
        match self {
            Self::Nfs { client, file, .. } => {
                let (count, data) = (u32::try_from(data.len()).unwrap(), Bytes::copy_from_slice(data));
                let stable = if offset.is_multiple_of(4) { StableHow::FileSync } else { StableHow::Unstable };
                fits(client.write(&WriteArgs { file: file.clone(), offset, count, stable, data }).map(drop))
            }
            Self::Smb { user, file } => match user.write_at(file.unwrap(), offset, data) {
                Status::SUCCESS => true,
                Status::DISK_FULL => false,
                status => panic!("{status:?}"),
            },
        }
    }

    fn resize(&mut self, size: u64) {
        match self {
            Self::Nfs { client, file, .. } => {
                client.setattr(file, Sattr3 { size: Some(size), ..Sattr3::default() }).unwrap();
            }
            Self::Smb { user, file } => {
                set(user, file.unwrap(), (FileInformationClass::END_OF_FILE, &size.to_le_bytes()));
            }
        }
    }

    fn remove(&mut self, name: &str) {
        match self {
            Self::Nfs { client, root, .. } => client.remove(root, name).unwrap(),
            Self::Smb { user, file } => {
                set(user, file.unwrap(), (FileInformationClass::DISPOSITION, &[1]));
                user.close(file.take().unwrap());
            }
        }
    }

    fn close(&mut self) {
        if let Self::Smb { user, file: Some(file) } = self {
            user.close(*file);
        }
    }
}

fn fits(answer: Answer<()>) -> bool {
    match answer {
        Ok(()) => true,
        Err(CallFailure::Refused(Nfsstat3::Dquot)) => false,
        Err(failure) => panic!("{failure}"),
    }
}

fn set(user: &mut User, file: FileId, (class, input): (FileInformationClass, &[u8])) {
    let id = user.begin_to_set(file, ((InfoType::FILE, class.0), input)).unwrap();
    assert_eq!(user.0.answer_to(id).unwrap().status, Status::SUCCESS);
}
