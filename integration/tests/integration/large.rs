//! Large directories, large files, scattered files: every call answers soon, memory stays bounded, space comes back.
//!
//! `BERTH_LARGE_FILES`, `BERTH_LARGE_EXTENTS`: how large (the gate is small, a proof large). `BERTH_LARGE_LATENCY_MS`: the
//! longest that any call may take; without it times are printed and not judged.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use integration::client::Client;
use integration::load::Random;
use integration::{CONTOSO, Durations, Gateway, Limit, Site, count_from};
use nfs_wire::nfs3::{
    FileHandle, Read, ReadArgs, Readdir, ReaddirArgs, Readdirplus, ReaddirplusArgs, Sattr3, StableHow, Verifier,
    WriteArgs,
};

#[test]
fn a_directory_of_many_files() {
    let house = House::open();
    let files = count_from("BERTH_LARGE_FILES", 5000);
    let mut client = house.client();
    let folder = client.mkdir(&house.root, "many", 0o755).unwrap();
    house.spread("CREATE", (CONNECTIONS, files), |client, number| {
        client.create(&folder, &name_of(number), 0o644).unwrap();
    });
    assert_eq!(client.getattr(&folder).unwrap().nlink, 2);
    house.spread("LOOKUP", (CONNECTIONS, files.min(100_000)), |client, number| {
        client.lookup(&folder, &name_of(number)).unwrap();
    });
    let mut lister = Lister { client, folder: &folder, durations: Durations::default() };
    assert_all_once(files, |seen| lister.list_with_attributes(seen));
    house.judge("READDIRPLUS", &std::mem::take(&mut lister.durations));
    assert_all_once(files, |seen| lister.list(seen));
    house.judge("READDIR", &lister.durations);
    house.spread("REMOVE", (CONNECTIONS, files), |client, number| {
        client.remove(&folder, &name_of(number)).unwrap();
    });
    assert_eq!(lister.client.readdir(&folder).unwrap(), Vec::<String>::new());
    lister.client.rmdir(&house.root, "many").unwrap();
    house.close();
}

#[test]
fn a_sparse_file_of_a_tebibyte() {
    const SIZE: u64 = 1 << 40;
    const WRITES: u32 = 256;
    let house = House::open();
    let mut client = house.client();
    for ending in [Ending::Truncate, Ending::Remove] {
        let file = client.create(&house.root, "sparse", 0o644).unwrap();
        client.setattr(&file, size(SIZE)).unwrap();
        let place = |number: u32| u64::from(number) * (SIZE / u64::from(WRITES)) + u64::from(number) * 12_288;
        house.spread("WRITE into 1 TiB", (FEW_CONNECTIONS, WRITES), |client, number| {
            write(client, &file, (place(number), piece(number, 64 << 10)));
        });
        client.commit(&file).unwrap();
        let attributes = client.getattr(&file).unwrap();
        assert_eq!((attributes.size, attributes.used), (SIZE, u64::from(WRITES) * (64 << 10)));
        assert_eq!(read(&mut client, &file, (place(200), 64 << 10)), piece(200, 64 << 10));
        assert_eq!(read(&mut client, &file, (place(200) + (64 << 10), 4096)), vec![0; 4096]);
        house.end(&mut client, (&file, "sparse"), ending);
    }
    house.close();
}

#[test]
fn a_file_of_many_extents() {
    let house = House::open();
    let extents = count_from("BERTH_LARGE_EXTENTS", 2000);
    let mut client = house.client();
    for ending in [Ending::Truncate, Ending::Remove] {
        let file = client.create(&house.root, "scattered", 0o644).unwrap();
        house.spread("WRITE of every second block", (FEW_CONNECTIONS, extents), |client, number| {
            write(client, &file, (u64::from(number) * 2 * BLOCK_BYTES, piece(number, 4096)));
        });
        let mut durations = Durations::default();
        durations.time(|| client.commit(&file)).unwrap();
        house.judge("COMMIT of every second block", &durations);
        let attributes = client.getattr(&file).unwrap();
        assert_eq!(attributes.size, (u64::from(extents) * 2 - 1) * BLOCK_BYTES);
        assert_eq!(attributes.used, u64::from(extents) * BLOCK_BYTES);
        let mut random = Random::new(7);
        for number in (0..100).map(|_| u32::try_from(random.below(u64::from(extents))).unwrap()) {
            let content = read(&mut client, &file, (u64::from(number) * 2 * BLOCK_BYTES, 4096));
            assert_eq!(content, piece(number, 4096), "extent {number}");
        }
        house.end(&mut client, (&file, "scattered"), ending);
    }
    house.close();
}

/// How a large file is got rid of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Cut to nothing, then removed.
    Truncate,
    /// Removed as it is.
    Remove,
}

/// A gateway with little memory, and the root of its export.
struct House {
    site: Site,
    gateway: Gateway,
    address: SocketAddr,
    root: FileHandle,
}

impl House {
    fn open() -> Self {
        let site = Site::new(None).unwrap();
        site.add_settings(&format!("[memory]\nbudget_bytes = {BUDGET_BYTES}\n")).unwrap();
        let gateway = Gateway::start(&site).unwrap();
        let address = site.address(CONTOSO).unwrap();
        let root = Client::connect(address).unwrap().mount("/projects").unwrap();
        Self { site, gateway, address, root }
    }

    fn client(&self) -> Client {
        Client::connect(self.address).unwrap()
    }

    /// Does a call for every number below a count, over so many connections at once.
    fn spread(&self, what: &str, (connections, count): (u32, u32), call: impl Fn(&mut Client, u32) + Sync) {
        let mut all = Durations::default();
        let mut whole = Durations::default();
        whole.time(|| {
            thread::scope(|scope| {
                let (call, house) = (&call, &self);
                let work = |first: u32| move || house.call_each(first, (connections, count), call);
                let workers: Vec<_> = (0..connections).map(|first| scope.spawn(work(first))).collect();
                workers.into_iter().for_each(|worker| all.merge(worker.join().unwrap()));
            });
        });
        let seconds = whole.total().as_secs_f64();
        println!("{what}: {:.0} a second on {connections} connections", f64::from(count) / seconds);
        self.judge(what, &all);
    }

    fn call_each(
        &self,
        first: u32,
        (connections, count): (u32, u32),
        call: &(impl Fn(&mut Client, u32) + Sync),
    ) -> Durations {
        let (mut client, mut durations) = (self.client(), Durations::default());
        for number in (first..count).step_by(usize::try_from(connections).unwrap()) {
            durations.time(|| call(&mut client, number));
        }
        durations
    }

    /// Prints times and memory; judges times only if someone says what is too long.
    fn judge(&self, what: &str, durations: &Durations) {
        let mebibytes = self.gateway.peak_memory_bytes().unwrap() >> 20;
        println!("{what}: {durations}; the gateway's memory has been {mebibytes} MiB at most");
        let allowed = count_from("BERTH_LARGE_LATENCY_MS", u32::MAX);
        let longest = durations.longest();
        assert!(longest <= Duration::from_millis(u64::from(allowed)), "a {what} took {longest:?}");
    }

    /// Gets rid of a large file that is all on the disk; its space comes back.
    fn end(&self, client: &mut Client, (file, name): (&FileHandle, &str), ending: Ending) {
        let used = client.getattr(file).unwrap().used;
        let (with, mut durations) = (self.site.stored_bytes().unwrap(), Durations::default());
        if ending == Ending::Truncate {
            durations.time(|| client.setattr(file, size(0))).unwrap();
            assert_eq!(client.getattr(file).unwrap().size, 0);
            self.judge("SETATTR of size 0", &durations);
        }
        let mut durations = Durations::default();
        durations.time(|| client.remove(&self.root, name)).unwrap();
        self.judge("REMOVE of the large file", &durations);
        let mut waited = Durations::default();
        waited.time(|| {
            let is_back = || Ok((self.site.stored_bytes()? + used <= with + MAP_BYTES).then_some(()));
            Limit::seconds(SPACE_BACK_LIMIT).wait("the space of the file", is_back).unwrap();
        });
        println!("{ending:?}: {} MiB are back {:?} after the answer", used >> 20, waited.total());
    }

    /// Memory was bounded; the gateway stops in good order and the store is in order.
    fn close(self) {
        let peak = self.gateway.peak_memory_bytes().unwrap();
        let allowed = BUDGET_BYTES + BESIDE_BUDGET_BYTES;
        assert!(peak <= allowed, "the gateway held {} MiB, {} MiB are allowed", peak >> 20, allowed >> 20);
        self.gateway.stop().unwrap();
        Gateway::check(&self.site).unwrap();
    }
}

/// Lists a directory page by page.
struct Lister<'a> {
    client: Client,
    folder: &'a FileHandle,
    durations: Durations,
}

impl Lister<'_> {
    fn list_with_attributes(&mut self, seen: &mut Seen) {
        let (mut cookie, mut cookieverf, mut is_over) = (0, Verifier::default(), false);
        while !is_over {
            let (dir, dircount, maxcount) = (self.folder.clone(), PAGE_BYTES, PAGE_BYTES);
            let args = ReaddirplusArgs { dir, cookie, cookieverf, dircount, maxcount };
            let page = self.durations.time(|| self.client.call::<Readdirplus>(&args)).unwrap().into_result().unwrap();
            let entries = page.entries.into_vec();
            (cookieverf, is_over) = (page.cookieverf, page.eof);
            cookie = entries.last().map_or(cookie, |entry| entry.cookie);
            assert!(is_over || !entries.is_empty(), "READDIRPLUS gives nothing and no end");
            for entry in &entries {
                let is_told = entry.name_attributes.is_some() && entry.name_handle.is_some();
                assert!(is_told || entry.name[..] == *b"..", "{:?}", entry.name);
                seen.add(&entry.name);
            }
        }
    }

    fn list(&mut self, seen: &mut Seen) {
        let (mut cookie, mut cookieverf, mut is_over) = (0, Verifier::default(), false);
        while !is_over {
            let args = ReaddirArgs { dir: self.folder.clone(), cookie, cookieverf, count: PAGE_BYTES };
            let page = self.durations.time(|| self.client.call::<Readdir>(&args)).unwrap().into_result().unwrap();
            let entries = page.entries.into_vec();
            (cookieverf, is_over) = (page.cookieverf, page.eof);
            cookie = entries.last().map_or(cookie, |entry| entry.cookie);
            assert!(is_over || !entries.is_empty(), "READDIR gives nothing and no end");
            entries.iter().for_each(|entry| seen.add(&entry.name));
        }
    }
}

/// Which of the numbered files were listed.
struct Seen(Vec<bool>);

impl Seen {
    fn add(&mut self, name: &[u8]) {
        if name == b"." || name == b".." {
            return;
        }
        let name = std::str::from_utf8(name).unwrap();
        let number: usize = name.strip_prefix("file-").and_then(|number| number.parse().ok()).unwrap();
        assert!(!std::mem::replace(&mut self.0[number], true), "{name} was listed twice");
    }
}

fn assert_all_once(files: u32, list: impl FnOnce(&mut Seen)) {
    let mut seen = Seen(vec![false; usize::try_from(files).unwrap()]);
    list(&mut seen);
    let missing = seen.0.iter().filter(|was_seen| !**was_seen).count();
    assert_eq!(missing, 0, "files that were not listed");
}

fn name_of(number: u32) -> String {
    format!("file-{number:07}")
}

fn size(bytes: u64) -> Sattr3 {
    Sattr3 { size: Some(bytes), ..Sattr3::default() }
}

/// What piece `number` is filled with; never zeros.
fn piece(number: u32, bytes: usize) -> Vec<u8> {
    let seed = (number.wrapping_mul(2_654_435_761) | 1).to_le_bytes();
    seed.repeat(bytes / seed.len())
}

fn write(client: &mut Client, file: &FileHandle, (offset, content): (u64, Vec<u8>)) {
    let count = u32::try_from(content.len()).unwrap();
    let (file, data, stable) = (file.clone(), Bytes::from(content), StableHow::Unstable);
    client.write(&WriteArgs { file, offset, count, stable, data }).unwrap();
}

fn read(client: &mut Client, file: &FileHandle, (offset, count): (u64, u32)) -> Vec<u8> {
    let args = ReadArgs { file: file.clone(), offset, count };
    client.call::<Read>(&args).unwrap().into_result().unwrap().data.to_vec()
}

const CONNECTIONS: u32 = 64;
const FEW_CONNECTIONS: u32 = 8;
const BLOCK_BYTES: u64 = 4096;
const PAGE_BYTES: u32 = 128 << 10;
/// The memory that the gateway is told to use.
const BUDGET_BYTES: u64 = 512 << 20;
/// What is beside the budget: the program itself, buffers of connections, and what the allocator keeps.
const BESIDE_BUDGET_BYTES: u64 = 256 << 20;
/// What the disk's file system may need to tell the holes of the segments apart.
const MAP_BYTES: u64 = 256 << 10;
const SPACE_BACK_LIMIT: u64 = 120;
