//! Calls to clients: whose calls wait for whose.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use nfs_wire::nsm::{MonitorName, Notify, NotifyArgs};

use super::harness::{CONTOSO, FABRIKAM, House};
use super::outside::{Does, Outside};
use crate::callback::{CALLS_PER_HOME_MAX, CALLS_PER_PEER_MAX, Line, PEERS_MAX, Peers, Transport};

const A: &str = "192.0.2.1";

type Calling<'a> = Pin<Box<dyn Future<Output = bool> + 'a>>;

/// A call from an address of the house; whether it was answered.
fn call<'a>(peers: &'a Peers<'_, Outside>, from: &str, to: IpAddr) -> Calling<'a> {
    let line = Line { from: from.parse().unwrap(), to };
    let args = NotifyArgs { name: MonitorName::from_static("house"), state: 3 };
    Box::pin(async move { peers.call::<Notify>(line, [Transport::Udp, Transport::Tcp], &args).await.is_ok() })
}

/// Lets a call go on as far as it comes; whether it was answered, when it is over.
fn run(calling: &mut Calling<'_>) -> Option<bool> {
    let mut poll = || calling.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    (0..20).find_map(|_| match poll() {
        Poll::Ready(answered) => Some(answered),
        Poll::Pending => None,
    })
}

/// Calls to clients that never answer.
fn hang<'a>(peers: &'a Peers<'_, Outside>, from: &str, clients: impl Iterator<Item = IpAddr>) -> Vec<Calling<'a>> {
    let mut calls = Vec::new();
    for client in clients {
        peers.network.always(&client.to_string(), Does::Hangs);
        let mut calling = call(peers, from, client);
        assert_eq!(run(&mut calling), None);
        calls.push(calling);
    }
    calls
}

fn strangers(count: usize) -> impl Iterator<Item = IpAddr> {
    (0..u32::try_from(count).unwrap()).map(|number| IpAddr::V4(Ipv4Addr::from(0x0a00_0001 + number)))
}

#[test]
fn no_tenant_waits_for_the_clients_of_another() {
    let (house, outside) = (House::new(), Outside::new());
    let peers = Peers::new(&outside, &*house.door.clock);
    let _hanging = hang(&peers, CONTOSO, strangers(300));
    assert_eq!(outside.hanging(), CALLS_PER_HOME_MAX);
    assert_eq!(run(&mut call(&peers, FABRIKAM, A.parse().unwrap())), Some(true));
    assert_eq!(run(&mut call(&peers, CONTOSO, A.parse().unwrap())), None);
}

#[test]
fn equal_addresses_at_two_tenants_are_two_clients() {
    let (house, outside) = (House::new(), Outside::new());
    let peers = Peers::new(&outside, &*house.door.clock);
    for _ in 0..2 {
        assert_eq!(run(&mut call(&peers, CONTOSO, A.parse().unwrap())), Some(true));
    }
    assert_eq!(outside.mappers_asked(), 1);
    assert_eq!(run(&mut call(&peers, FABRIKAM, A.parse().unwrap())), Some(true));
    assert_eq!(outside.mappers_asked(), 2, "what listens where at one says nothing of the other");
    let _hanging = hang(&peers, CONTOSO, std::iter::repeat_n(A.parse().unwrap(), 9));
    assert_eq!(outside.hanging(), CALLS_PER_PEER_MAX);
    let _others = hang(&peers, FABRIKAM, std::iter::repeat_n(A.parse().unwrap(), 9));
    assert_eq!(outside.hanging(), 2 * CALLS_PER_PEER_MAX);
}

#[test]
fn addresses_of_one_network_are_one_client() {
    let (house, outside) = (House::new(), Outside::new());
    let peers = Peers::new(&outside, &*house.door.clock);
    let addresses = (1..=40).map(|host| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host)));
    let _hanging = hang(&peers, CONTOSO, addresses);
    assert_eq!(outside.hanging(), CALLS_PER_PEER_MAX);
    assert_eq!(run(&mut call(&peers, CONTOSO, A.parse().unwrap())), Some(true));
}

#[test]
fn clients_beyond_the_bound_are_refused() {
    let (house, outside) = (House::new(), Outside::new());
    let peers = Peers::new(&outside, &*house.door.clock);
    let hanging = hang(&peers, CONTOSO, strangers(PEERS_MAX));
    assert_eq!(run(&mut call(&peers, CONTOSO, A.parse().unwrap())), Some(false));
    assert_eq!(run(&mut call(&peers, FABRIKAM, A.parse().unwrap())), Some(true));
    drop(hanging);
    assert_eq!(run(&mut call(&peers, CONTOSO, A.parse().unwrap())), Some(true));
}
