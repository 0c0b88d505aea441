//! Clients that harm others, on purpose or not: what they cost the others is bounded, and so is what they cost in memory.
//!
//! `BERTH_HOSTILE_CONNECTIONS`: idle connections of the memory test; `BERTH_HOSTILE_ROUNDS`: turns of each row of the
//! table; `BERTH_HOSTILE_ROWS`: only rows whose name contains one of these, separated by commas. The table of docs/testing.md:
//! `cargo nextest run -p integration --release --run-ignored only --no-capture hostile::the_table` on a quiet machine.

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use integration::client::Client;
use integration::contest::{Attack, Good, Hostile, Work, connect_from, on_cores_apart, raise_file_limit};
use integration::{CONTOSO, FABRIKAM, Gateway, Limit, Site, count_from};
use nfs_wire::nfs3::{Create, CreateArgs, CreateHow, DirOpArgs, Nfsstat3, Sattr3};

#[test]
fn a_client_with_many_connections_gets_no_more_than_one_with_one() {
    let site = Site::new(None).unwrap();
    site.add_to_top("threads = 1\n").unwrap();
    let gateway = Gateway::start(&site).unwrap();
    let address = site.address(CONTOSO).unwrap();
    let many = Attack::start(Hostile::Pipelines(100), source(1), address).unwrap();
    await_count("the first calls", || many.answered(), 1000);
    let one = Attack::start(Hostile::Pipelines(1), source(2), address).unwrap();
    await_count("the first calls", || one.answered(), 1000);
    let before = (many.answered(), one.answered());
    await_count("the modest client", || one.answered(), before.1 + 20_000);
    let (many_got, one_got) = (many.answered() - before.0, one.answered() - before.1);
    println!("served meanwhile: {many_got} calls on a hundred connections, {one_got} on one");
    // Without shares by client it is a hundred to one.
    assert!(many_got <= one_got * 8, "{many_got} and {one_got}");
    many.stop().unwrap();
    one.stop().unwrap();
    gateway.stop().unwrap();
}

#[test]
fn a_zone_with_many_clients_gets_no_more_than_one_with_one() {
    let site = Site::new(None).unwrap();
    site.add_to_top("threads = 1\n").unwrap();
    let gateway = Gateway::start(&site).unwrap();
    let crowd = site.address(CONTOSO).unwrap();
    let many: Vec<_> =
        (1..=40).map(|client| Attack::start(Hostile::Pipelines(1), source(client), crowd).unwrap()).collect();
    let one = Attack::start(Hostile::Pipelines(1), source(1), site.address(FABRIKAM).unwrap()).unwrap();
    let sum = || many.iter().map(Attack::answered).sum::<u64>();
    await_count("the first calls", sum, 10_000);
    await_count("the first calls", || one.answered(), 1000);
    let before = (sum(), one.answered());
    await_count("the other zone", || one.answered(), before.1 + 20_000);
    let (many_got, one_got) = (sum() - before.0, one.answered() - before.1);
    println!("served meanwhile: {many_got} calls of forty clients, {one_got} of the one of the other zone");
    assert!(many_got <= one_got * 8, "{many_got} and {one_got}");
    many.into_iter().for_each(|attack| attack.stop().unwrap());
    one.stop().unwrap();
    gateway.stop().unwrap();
}

#[test]
fn good_clients_go_on_whatever_others_do() {
    let site = Site::new(None).unwrap();
    site.add_to_nfs("connections_per_client_max = 300\n").unwrap();
    site.add_settings("[memory]\nbudget_bytes = 268435456\n").unwrap();
    let gateway = Gateway::start(&site).unwrap();
    let address = site.address(CONTOSO).unwrap();
    let attacks = [
        Hostile::ReadsNothing,
        Hostile::SlowLoris,
        Hostile::HoldsConnections(500),
        Hostile::Reopens,
        Hostile::Pipelines(1),
        Hostile::Pipelines(100),
        Hostile::AnnouncesGiants,
        Hostile::SendsGarbage,
    ];
    for (number, hostile) in (10..).zip(attacks) {
        let attack = Attack::start(hostile, source(number), address).unwrap();
        let looks = Good::start(Work::Look, source(1), address).unwrap();
        let writes = Good::start(Work::Write, source(2), address).unwrap();
        await_count("connections of the hostile client", || attack.connections(), 1);
        await_count("a good client that looks", || looks.answered(), 300);
        await_count("a good client that writes", || writes.answered(), 100);
        println!("{hostile:?}: {} connections", attack.connections());
        looks.stop().unwrap();
        writes.stop().unwrap();
        attack.stop().unwrap();
    }
    let peak = gateway.peak_memory_bytes().unwrap() >> 20;
    assert!(peak <= 512, "the gateway held {peak} MiB");
    gateway.stop().unwrap();
}

#[test]
fn half_open_connections_end_and_others_stay() {
    let site = Site::new(None).unwrap();
    site.add_to_nfs("first_call_timeout_s = 1\n").unwrap();
    let gateway = Gateway::start(&site).unwrap();
    let address = site.address(CONTOSO).unwrap();
    let mut used = Client::connect(address).unwrap();
    let root = used.mount("/projects").unwrap();
    for begun in [&[][..], &[0x80], &[0x80, 0, 0, 100, 1, 2, 3]] {
        let mut stream = connect_from(source(1), address).unwrap();
        stream.write_all(begun).unwrap();
        // Waits until the gateway closes it.
        assert!(matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_)), "{begun:?}");
    }
    used.getattr(&root).unwrap();
    gateway.stop().unwrap();
}

/// A client that was restarted leaves connections behind: they make room for its new ones, and for nobody else's.
#[test]
fn idle_connections_make_room_for_their_own_client() {
    let site = Site::new(None).unwrap();
    site.add_to_nfs("connections_per_client_max = 3\n").unwrap();
    let gateway = Gateway::start(&site).unwrap();
    let address = site.address(CONTOSO).unwrap();
    let connect = || Client::connect_from(source(1), address).unwrap();
    let mut left_behind: Vec<_> = (0..3).map(|_| connect()).collect();
    let root = left_behind[0].mount("/projects").unwrap();
    left_behind.iter_mut().for_each(|client| assert!(client.getattr(&root).is_ok()));
    assert!(connect().getattr(&root).is_err(), "there are three, and none is idle for long");
    let new = Limit::seconds(60).wait("one to make room", || {
        let mut client = connect();
        Ok(client.getattr(&root).is_ok().then_some(client))
    });
    let gone = left_behind.iter_mut().filter_map(|client| client.getattr(&root).err()).count();
    assert_eq!(gone, 1, "one made room");
    new.unwrap().getattr(&root).unwrap();
    gateway.stop().unwrap();
}

#[test]
fn connections_of_one_client_are_one_client() {
    let site = Site::new(None).unwrap();
    let gateway = Gateway::start(&site).unwrap();
    let address = site.address(CONTOSO).unwrap();
    let mut connections: Vec<_> = (0..8).map(|_| Client::connect_from(source(1), address).unwrap()).collect();
    let root = connections[0].mount("/projects").unwrap();
    let name = nfs_wire::xdr::Opaque::from_static("once");
    let how = CreateHow::Guarded(Sattr3::default());
    let args = CreateArgs { place: DirOpArgs { dir: root, name }, how };
    let record = connections[0].record::<Create>(&args);
    let made = connections[0].send::<Create>(&record).unwrap().into_result().unwrap().obj;
    for connection in &mut connections[1..] {
        // The client lost the answer and asks again over another connection.
        let again = connection.send::<Create>(&record).unwrap().into_result().unwrap().obj;
        assert_eq!(again, made, "the stored answer");
    }
    let mut other = Client::connect_from(source(2), address).unwrap();
    let refused = other.send::<Create>(&record).unwrap().into_result().unwrap_err();
    assert_eq!(refused, Nfsstat3::Exist, "another client's call is another call");
    gateway.stop().unwrap();
}

/// What the process holds for each connection at rest, the kernel's sockets not counted.
#[test]
fn idle_connections_cost_little_memory() {
    let count = count_from("BERTH_HOSTILE_CONNECTIONS", 2000);
    let site = Site::new(None).unwrap();
    let limits = format!(
        "connections_max = 20000\nconnections_per_zone_max = {}\nconnections_per_client_max = {}\nfirst_call_timeout_s = 4\n",
        count + 100,
        count + 100
    );
    site.add_to_nfs(&limits).unwrap();
    let gateway = Gateway::start(&site).unwrap();
    assert!(raise_file_limit().unwrap() > u64::from(count) + 100, "this test needs more open files");
    let address = site.address(CONTOSO).unwrap();
    // What the first calls bring into memory is not counted.
    drop(connected(address, 100));
    let before = memory_bytes(&gateway);
    let connections = connected(address, count);
    let each = |after: u64| after.saturating_sub(before) / u64::from(count);
    Limit::seconds(60)
        .wait("buffers to be given back", || Ok((each(memory_bytes(&gateway)) <= IDLE_BYTES_MAX).then_some(())))
        .unwrap();
    println!("{count} idle connections: {} bytes each", each(memory_bytes(&gateway)));
    drop(connections);
    gateway.stop().unwrap();
}

fn connected(address: SocketAddr, count: u32) -> Vec<Client> {
    let connect = |number: u32| {
        let [_, _, third, fourth] = (number % 1000).to_be_bytes();
        let mut client = Client::connect_from(Ipv4Addr::new(127, 0, 100 + third, fourth).into(), address).unwrap();
        let root = client.mount("/projects").unwrap();
        client.getattr(&root).unwrap();
        client
    };
    (0..count).map(connect).collect()
}

#[test]
#[ignore = "takes minutes, and means something on a quiet machine only"]
fn the_table() {
    raise_file_limit().unwrap();
    let site = Site::new(None).unwrap();
    site.add_to_nfs("connections_per_zone_max = 12000\nconnections_per_client_max = 11000\n").unwrap();
    let gateway = on_cores_apart(|| Gateway::start(&site)).unwrap();
    let address = site.address(CONTOSO).unwrap();
    println!("load average before: {}", fs::read_to_string("/proc/loadavg").unwrap().trim());
    for hostile in [Hostile::Nothing, Hostile::Pipelines(1), Hostile::Pipelines(100)] {
        let attack = Attack::start(hostile, source(9), address).unwrap();
        let rate = per_second(|| attack.answered(), WINDOW);
        attack.stop().unwrap();
        println!("{hostile:?} alone: {rate} GETATTR a second");
    }
    println!(
        "\n| beside | GETATTR alone | beside it | of its fair share | WRITE+COMMIT alone | beside it | of its fair share |"
    );
    println!("|---|---|---|---|---|---|---|");
    let attacks = [
        Hostile::Nothing,
        Hostile::ReadsNothing,
        Hostile::SlowLoris,
        Hostile::HoldsConnections(10_000),
        Hostile::Reopens,
        Hostile::Pipelines(1),
        Hostile::Pipelines(100),
        Hostile::AnnouncesGiants,
        Hostile::SendsGarbage,
    ];
    let rows = std::env::var("BERTH_HOSTILE_ROWS").unwrap_or_default();
    for (number, hostile) in (20..).zip(attacks) {
        if !rows.split(',').any(|row| format!("{hostile:?}").contains(row)) {
            continue;
        }
        let cells = [Work::Look, Work::Write].map(|work| measure((work, hostile), source(number), address));
        println!("| {hostile:?} | {} |", cells.join(" | "));
    }
    println!("\nload average after: {}", fs::read_to_string("/proc/loadavg").unwrap().trim());
    println!("the gateway held {} MiB at most", gateway.peak_memory_bytes().unwrap() >> 20);
    gateway.stop().unwrap();
}

/// In turns: the good client alone, and beside the other. Two clients are active then, so its fair share is half of what
/// it does alone.
fn measure((work, hostile): (Work, Hostile), source_of_attack: IpAddr, address: SocketAddr) -> String {
    let good = Good::start(work, source(1), address).unwrap();
    let (mut alone, mut beside) = (0, 0);
    let rounds = count_from("BERTH_HOSTILE_ROUNDS", ROUNDS);
    for _ in 0..rounds {
        alone += per_second(|| good.answered(), WINDOW);
        let attack = Attack::start(hostile, source_of_attack, address).unwrap();
        thread::sleep(WINDOW);
        beside += per_second(|| good.answered(), WINDOW);
        attack.stop().unwrap();
        thread::sleep(WINDOW / 2);
    }
    good.stop().unwrap();
    let percent = beside * 200 / alone.max(1);
    format!("{} | {} | {percent} %", alone / u64::from(rounds), beside / u64::from(rounds))
}

fn per_second(count: impl Fn() -> u64, window: Duration) -> u64 {
    let before = count();
    thread::sleep(window);
    (count() - before) * 1000 / u64::try_from(window.as_millis()).unwrap()
}

fn await_count(what: &str, count: impl Fn() -> u64, wanted: u64) {
    Limit::seconds(PROGRESS_LIMIT).wait(what, || Ok((count() >= wanted).then_some(()))).unwrap();
}

fn memory_bytes(gateway: &Gateway) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// An address of the machine; each is another client.
fn source(number: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 1, number).into()
}

const PROGRESS_LIMIT: u64 = 60;
/// The bar for one connection at rest.
const IDLE_BYTES_MAX: u64 = 16 << 10;
const WINDOW: Duration = Duration::from_secs(2);
const ROUNDS: u32 = 3;
