use std::cell::RefCell;
use std::collections::BTreeSet;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use admission::{Connections, Share};
use nfs_wire::nfs3;
use pages::{Pool, PoolSettings};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio::sync::oneshot;
use vfs::ZoneId;

use super::*;
use crate::dispatch::handle;
use crate::reply::Reply;
use crate::tests::harness::{CONTOSO, House};

type Gates = Rc<RefCell<Vec<Option<oneshot::Sender<()>>>>>;

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), test).await.expect("the test hangs") })
}

fn settings() -> ConnectionSettings {
    ConnectionSettings::default()
}

/// Answers each record with its first word; a record that is exactly `wait` waits for its gate, in order of arrival.
fn echo(gates: &Gates) -> impl Fn(Bytes) -> Pin<Box<dyn Future<Output = Outcome>>> + Unpin + use<> {
    let gates = Rc::clone(gates);
    move |record| {
        let xid = record.first_chunk().map_or(0, |word| u32::from_be_bytes(*word));
        if !record.ends_with(b"wait") {
            return Box::pin(std::future::ready(Outcome::Reply(Reply::success(xid, &()))));
        }
        let (open, opened) = oneshot::channel();
        gates.borrow_mut().push(Some(open));
        Box::pin(async move {
            drop(opened.await);
            Outcome::Reply(Reply::success(xid, &()))
        })
    }
}

fn calls<B>(begin: B) -> Calls<'static, B> {
    static PLACE: LazyLock<Place> = LazyLock::new(|| place(usize::MAX));
    Calls { begin, reply_bytes_max: |_| 0, place: &PLACE }
}

/// A place on a door whose connections may hold so many bytes.
fn place(held_bytes_max: usize) -> Place {
    let connections = Connections::new(held_bytes_max, Pool::new(PoolSettings::default()), Arc::default());
    Connections::beside(&Arc::new(connections), (ZoneId(1), [192, 0, 2, 1].into()))
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&nfs_wire::rpc::record_marker(body.len()), body].concat()
}

fn call(xid: u32, rest: &[u8]) -> Vec<u8> {
    framed(&[&xid.to_be_bytes(), rest].concat())
}

/// Reads one reply and returns its xid; `None` at the end of the stream.
async fn reply(client: &mut DuplexStream) -> Option<u32> {
    let marker = client.read_u32().await.ok()?;
    let mut body = vec![0; (marker & 0x7fff_ffff) as usize];
    client.read_exact(&mut body).await.unwrap();
    body.first_chunk().map(|word| u32::from_be_bytes(*word))
}

async fn replies(client: &mut DuplexStream, count: usize) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    for _ in 0..count {
        found.insert(reply(client).await.expect("the stream ended early"));
    }
    found
}

fn never() -> impl Future<Output = ()> + Send {
    std::future::pending()
}

#[test]
fn a_thousand_calls_at_once_are_all_answered() {
    run(async {
        let house = House::new();
        let owner = house.client(CONTOSO);
        let root = owner.mount();
        let (mut client, server) = duplex(1 << 16);
        let begin = |record: Bytes| handle(&house.door, &owner.caller, record);
        let settings = settings();
        let connection = serve(server, calls(begin), &settings, never());
        let client = async {
            let mut expected = BTreeSet::new();
            let mut stream = Vec::new();
            for _ in 0..1000 {
                let record = owner.record::<nfs3::Getattr>(&nfs3::GetattrArgs { object: root.clone() });
                expected.insert(u32::from_be_bytes(*record.first_chunk().unwrap()));
                stream.extend(framed(&record));
            }
            let (mut reader, mut writer) = tokio::io::split(&mut client);
            let write = async { writer.write_all(&stream).await.unwrap() };
            let read = async {
                let mut found = BTreeSet::new();
                for _ in 0..1000 {
                    let marker = reader.read_u32().await.unwrap();
                    let mut body = vec![0; (marker & 0x7fff_ffff) as usize];
                    reader.read_exact(&mut body).await.unwrap();
                    assert_eq!(body[24..28], [0; 4], "NFS3_OK");
                    found.insert(u32::from_be_bytes(*body.first_chunk().unwrap()));
                }
                found
            };
            let ((), found) = tokio::join!(write, read);
            assert_eq!(found, expected);
            drop(client);
        };
        let (ended, ()) = tokio::join!(connection, client);
        assert!(matches!(ended, Ended::Closed), "{ended:?}");
    });
}

#[test]
fn records_come_in_any_pieces() {
    run(async {
        let (mut client, server) = duplex(64);
        let settings = settings();
        let gates = Gates::default();
        let connection = serve(server, calls(echo(&gates)), &settings, never());
        let client = async move {
            let mut stream = call(1, b"");
            stream.extend([0, 0, 0, 2, 0, 0]);
            stream.extend([0, 0, 0, 0]);
            stream.extend([0x80, 0, 0, 2, 0, 2]);
            stream.extend(call(3, &[7; 1000]));
            for byte in stream {
                client.write_all(&[byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
            assert_eq!(replies(&mut client, 3).await, BTreeSet::from([1, 2, 3]));
        };
        let (ended, ()) = tokio::join!(connection, client);
        assert!(matches!(ended, Ended::Closed), "{ended:?}");
    });
}

#[test]
fn what_cannot_be_a_record_ends_the_connection_after_what_came_before() {
    run(async {
        let (mut client, server) = duplex(1 << 16);
        let settings = settings();
        let gates = Gates::default();
        let connection = serve(server, calls(echo(&gates)), &settings, never());
        let client = async move {
            client.write_all(&[&call(1, b"")[..], &[0xff; 4]].concat()).await.unwrap();
            assert_eq!(reply(&mut client).await, Some(1));
            assert_eq!(reply(&mut client).await, None);
        };
        let (ended, ()) = tokio::join!(connection, client);
        assert!(matches!(ended, Ended::Unreadable(RecordError::TooLong { length: 0x7fff_ffff, .. })), "{ended:?}");
    });
}

#[test]
fn a_record_that_is_no_call_ends_the_connection() {
    run(async {
        let house = House::new();
        let owner = house.client(CONTOSO);
        let (mut client, server) = duplex(1 << 16);
        let settings = settings();
        let begin = |record: Bytes| handle(&house.door, &owner.caller, record);
        let connection = serve(server, calls(begin), &settings, never());
        let client = async move {
            client.write_all(&framed(b"abc")).await.unwrap();
            assert_eq!(reply(&mut client).await, None);
        };
        let (ended, ()) = tokio::join!(connection, client);
        assert!(matches!(ended, Ended::Distrusted), "{ended:?}");
    });
}

#[test]
fn a_waiting_call_does_not_hold_up_the_others() {
    run(async {
        let (mut client, server) = duplex(1 << 16);
        let settings = settings();
        let gates = Gates::default();
        let connection = serve(server, calls(echo(&gates)), &settings, never());
        let client = async {
            client.write_all(&[call(1, b"wait"), call(2, b"wait"), call(3, b"")].concat()).await.unwrap();
            assert_eq!(reply(&mut client).await, Some(3));
            gates.borrow_mut()[1].take();
            assert_eq!(reply(&mut client).await, Some(2));
            gates.borrow_mut()[0].take();
            assert_eq!(reply(&mut client).await, Some(1));
            drop(client);
        };
        let (ended, ()) = tokio::join!(connection, client);
        assert!(matches!(ended, Ended::Closed), "{ended:?}");
    });
}

#[test]
fn calls_in_flight_are_bounded_and_go_on_when_there_is_room() {
    run(async {
        let (mut client, server) = duplex(1 << 16);
        let settings = ConnectionSettings { calls_in_flight_max: 4, ..settings() };
        let gates = Gates::default();
        let connection = serve(server, calls(echo(&gates)), &settings, never());
        let client = async {
            let stream: Vec<u8> = (0..100).flat_map(|xid| call(xid, b"wait")).collect();
            client.write_all(&stream).await.unwrap();
            for round in 0..25 {
                while gates.borrow().len() < (round + 1) * 4 {
                    tokio::task::yield_now().await;
                }
                tokio::task::yield_now().await;
                assert_eq!(gates.borrow().len(), (round + 1) * 4);
                gates.borrow_mut().iter_mut().for_each(|gate| drop(gate.take()));
                replies(&mut client, 4).await;
            }
            drop(client);
        };
        let (ended, ()) = tokio::join!(connection, client);
        assert!(matches!(ended, Ended::Closed), "{ended:?}");
    });
}

#[test]
fn a_client_that_does_not_read_is_pushed_back_and_then_cut_off() {
    run(async {
        let (mut client, server) = duplex(1000);
        let settings =
            ConnectionSettings { bytes_in_flight_max: 4000, write_timeout: Duration::from_millis(200), ..settings() };
        let begun = Rc::new(RefCell::new(0));
        let counted = Rc::clone(&begun);
        let begin = move |_: Bytes| {
            *counted.borrow_mut() += 1;
            std::future::ready(Outcome::Reply(Reply::success(1, &Bytes::from_static(&[7; 1000]))))
        };
        let connection = serve(server, calls(begin), &settings, never());
        let client = async move {
            // Calls go in until nothing moves any more.
            while client.write_all(&call(1, b"")).await.is_ok() {}
            client
        };
        let ended = tokio::select! {
            ended = connection => ended,
            _ = client => panic!("the client was not pushed back"),
        };
        assert!(matches!(ended, Ended::SlowReader), "{ended:?}");
        assert!(*begun.borrow() <= 6, "{} replies of 1 KiB were made", begun.borrow());
    });
}

/// A client that reads nothing while replies of 1 KiB become ready at once: only so many are taken.
#[test]
fn replies_that_become_ready_at_once_do_not_pile_up() {
    run(async {
        let (mut client, server) = duplex(64);
        let settings = ConnectionSettings { bytes_in_flight_max: 4096, ..settings() };
        let (open, opened) = tokio::sync::watch::channel(false);
        let payload = pages::Payload::from(Bytes::from(vec![7; 1024]));
        let taken = Rc::new(RefCell::new(0));
        let begin = |_: Bytes| {
            let (mut opened, payload, taken) = (opened.clone(), payload.clone(), Rc::clone(&taken));
            async move {
                drop(opened.wait_for(|is_open| *is_open).await);
                *taken.borrow_mut() += 1;
                let head = nfs3::ReadHead { file_attributes: None, count: 1024, eof: true };
                Outcome::Reply(Reply::read(5, &head, payload))
            }
        };
        let mut connection = pin!(serve(server, calls(begin), &settings, never()));
        for _ in 0..100 {
            let record = call(5, b"");
            let send = client.write_all(&record);
            tokio::select! {
                biased;
                sent = send => sent.unwrap(),
                ended = &mut connection => panic!("{ended:?}"),
            }
            tokio::select! {
                biased;
                ended = &mut connection => panic!("{ended:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
        open.send_replace(true);
        for _ in 0..10 {
            tokio::select! {
                biased;
                ended = &mut connection => panic!("{ended:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
        assert!(*taken.borrow() <= 5, "{} replies were taken", taken.borrow());
        let client = async {
            for _ in 0..100 {
                assert_eq!(reply(&mut client).await, Some(5));
            }
            drop(client);
        };
        let (ended, ()) = tokio::join!(connection, client);
        assert!(matches!(ended, Ended::Closed), "{ended:?}");
    });
}

#[test]
fn when_all_hold_too_much_each_may_do_one_call_at_a_time() {
    run(async {
        let place = place(0);
        let (mut client, server) = duplex(1 << 16);
        let (settings, gates) = (settings(), Gates::default());
        let calls = Calls { place: &place, ..calls(echo(&gates)) };
        let connection = serve(server, calls, &settings, never());
        let client = async {
            client.write_all(&[call(1, b"wait"), call(2, b"wait")].concat()).await.unwrap();
            for begun in 1..=2 {
                while gates.borrow().len() < begun {
                    tokio::task::yield_now().await;
                }
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
                assert_eq!(gates.borrow().len(), begun, "one at a time");
                gates.borrow_mut()[begun - 1].take();
                assert_eq!(reply(&mut client).await, u32::try_from(begun).ok());
            }
            drop(client);
        };
        let (ended, ()) = tokio::join!(connection, client);
        assert!(matches!(ended, Ended::Closed), "{ended:?}");
    });
}

/// A stream that lets its door be full as soon as so many bytes have come.
struct Filling<'p> {
    stream: DuplexStream,
    left: usize,
    place: &'p Place,
}

impl AsyncRead for Filling<'_> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, to);
        self.left -= to.filled().len() - before;
        if self.left == 0 {
            self.place.held().set_max(0);
        }
        polled
    }
}

impl AsyncWrite for Filling<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[test]
fn a_large_write_that_waits_for_room_is_begun_when_there_is_some() {
    run(async {
        let (settings, gates, place) = (settings(), Gates::default(), place(usize::MAX));
        let data = vec![7; 1 << 20].into();
        let write = nfs3::WriteArgs {
            file: House::new().client(CONTOSO).mount(),
            offset: 0,
            count: 1 << 20,
            stable: nfs3::StableHow::Unstable,
            data,
        };
        let write = House::new().client(CONTOSO).record::<nfs3::Write>(&write);
        let xid = u32::from_be_bytes(*write.first_chunk().unwrap());
        let stream = [call(!xid, b"wait"), framed(&write)].concat();
        let (mut client, server) = duplex(4 << 20);
        let server = Filling { stream: server, left: stream.len(), place: &place };
        let calls = Calls { place: &place, ..calls(echo(&gates)) };
        let connection = serve(server, calls, &settings, never());
        let client = async {
            client.write_all(&stream).await.unwrap();
            while !Share::new(place.held()).is_full() {
                tokio::task::yield_now().await;
            }
            gates.borrow_mut()[0].take();
            assert_eq!(reply(&mut client).await, Some(!xid));
            assert_eq!(reply(&mut client).await, Some(xid));
            drop(client);
        };
        let (ended, ()) = tokio::join!(connection, client);
        assert!(matches!(ended, Ended::Closed), "{ended:?}");
    });
}

#[test]
fn idle_and_unfinished_connections_end() {
    run(async {
        let short = Duration::from_millis(40);
        let long = Duration::from_secs(3600);
        let idle = ConnectionSettings { idle_timeout: short, record_timeout: long, ..settings() };
        let gates = Gates::default();
        let (mut client, server) = duplex(1 << 16);
        client.write_all(&call(1, b"")).await.unwrap();
        let ended = serve(server, calls(echo(&gates)), &idle, never()).await;
        assert!(matches!(ended, Ended::Idle), "{ended:?}");
        let slow = ConnectionSettings { idle_timeout: long, record_timeout: short, ..settings() };
        for part in [&[0x80][..], &[0x80, 0, 0, 10], &[0x80, 0, 0, 10, 1, 2], &[0, 0, 0, 1, 5]] {
            let (mut client, server) = duplex(1 << 16);
            client.write_all(part).await.unwrap();
            let ended = serve(server, calls(echo(&gates)), &slow, never()).await;
            assert!(matches!(ended, Ended::SlowRecord), "{part:?}: {ended:?}");
        }
    });
}

#[test]
fn what_a_client_began_is_finished_after_it_went() {
    run(async {
        let (mut client, server) = duplex(1 << 16);
        let settings = settings();
        let gates = Gates::default();
        let connection = serve(server, calls(echo(&gates)), &settings, never());
        client.write_all(&[call(1, b"wait"), framed(b"half")[..6].to_vec()].concat()).await.unwrap();
        drop(client);
        let finish = async {
            while gates.borrow().is_empty() {
                tokio::task::yield_now().await;
            }
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            let gate = gates.borrow_mut()[0].take().unwrap();
            assert!(!gate.is_closed(), "the call was dropped");
            drop(gate);
        };
        let (ended, ()) = tokio::join!(connection, finish);
        assert!(matches!(ended, Ended::Closed | Ended::Broken(_)), "{ended:?}");
    });
}

#[test]
fn a_call_that_never_ends_is_given_up_when_its_client_went() {
    run(async {
        let (mut client, server) = duplex(1 << 16);
        let settings = ConnectionSettings { abandoned_timeout: Duration::from_millis(30), ..settings() };
        let gates = Gates::default();
        let connection = serve(server, calls(echo(&gates)), &settings, never());
        client.write_all(&call(1, b"wait")).await.unwrap();
        drop(client);
        let ended = connection.await;
        assert!(matches!(ended, Ended::Closed | Ended::Broken(_)), "{ended:?}");
    });
}

#[test]
fn a_stream_that_cannot_be_read_on_does_not_undo_calls() {
    run(async {
        let (mut client, server) = duplex(1 << 16);
        let settings = ConnectionSettings { stop_timeout: Duration::from_millis(1), ..settings() };
        let gates = Gates::default();
        let connection = serve(server, calls(echo(&gates)), &settings, never());
        let client = async {
            client.write_all(&call(1, b"wait")).await.unwrap();
            // A record of 2 GiB.
            client.write_all(&[0xff; 4]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(30)).await;
            gates.borrow_mut()[0].take();
            assert_eq!(reply(&mut client).await, Some(1), "what was begun is finished and answered");
        };
        let (ended, ()) = tokio::join!(connection, client);
        assert!(matches!(ended, Ended::Unreadable(_)), "{ended:?}");
    });
}

#[test]
fn a_stop_lets_calls_finish_and_takes_no_more() {
    run(async {
        let (mut client, server) = duplex(1 << 16);
        let settings = settings();
        let gates = Gates::default();
        let (stop, stopped) = oneshot::channel::<()>();
        let connection = serve(server, calls(echo(&gates)), &settings, async { drop(stopped.await) });
        let client = async {
            client.write_all(&call(1, b"wait")).await.unwrap();
            while gates.borrow().is_empty() {
                tokio::task::yield_now().await;
            }
            drop(stop);
            tokio::task::yield_now().await;
            client.write_all(&call(2, b"")).await.unwrap();
            tokio::task::yield_now().await;
            gates.borrow_mut()[0].take();
            assert_eq!(reply(&mut client).await, Some(1));
            assert_eq!(reply(&mut client).await, None);
        };
        let (ended, ()) = tokio::join!(connection, client);
        assert!(matches!(ended, Ended::Stopped), "{ended:?}");
    });
}

#[test]
fn a_stop_does_not_wait_for_ever() {
    run(async {
        let (mut client, server) = duplex(1 << 16);
        let settings = ConnectionSettings { stop_timeout: Duration::from_millis(30), ..settings() };
        let gates = Gates::default();
        client.write_all(&call(1, b"wait")).await.unwrap();
        let stop = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let ended = serve(server, calls(echo(&gates)), &settings, stop).await;
        assert!(matches!(ended, Ended::Stopped), "{ended:?}");
        assert_eq!(gates.borrow().len(), 1);
    });
}

#[test]
fn a_megabyte_of_payload_goes_out_whole_in_small_steps() {
    run(async {
        let (mut client, server) = duplex(777);
        let settings = settings();
        let data: Vec<u8> = (0..=252).cycle().take(1_000_001).collect();
        let payload: pages::Payload = data.chunks(4096).map(Bytes::copy_from_slice).collect();
        let begin = move |_: Bytes| {
            let head = nfs3::ReadHead { file_attributes: None, count: 1_000_001, eof: true };
            std::future::ready(Outcome::Reply(Reply::read(5, &head, payload.clone())))
        };
        let connection = serve(server, calls(begin), &settings, never());
        let client = async move {
            client.write_all(&[call(5, b""), call(5, b"")].concat()).await.unwrap();
            for _ in 0..2 {
                let marker = client.read_u32().await.unwrap();
                let mut body = vec![0; (marker & 0x7fff_ffff) as usize];
                client.read_exact(&mut body).await.unwrap();
                assert_eq!(body[44..44 + data.len()], data);
                assert_eq!(body.len(), 44 + data.len() + 3);
            }
        };
        let (ended, ()) = tokio::join!(connection, client);
        assert!(matches!(ended, Ended::Closed), "{ended:?}");
    });
}
