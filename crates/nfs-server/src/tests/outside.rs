//! Clients as servers: a network without sockets, on which they answer what tests tell them.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use nfs_wire::nlm4::{Granted, Nlm4Stats, StatusResult, TestArgs};
use nfs_wire::nsm;
use nfs_wire::portmap::rpcbind::{BindString, v4};
use nfs_wire::portmap::{Getport, Mapping, PROTOCOL_TCP};
use nfs_wire::rpc::{CallHeader, NLM_PROGRAM, NSM_PROGRAM, PORTMAP_PROGRAM, Procedure, ReplyHeader};
use nfs_wire::xdr::{Decode, Decoder, Encode, to_bytes};

use super::harness::House;
use crate::callback::{Network, Peers, Route, Transport, Unanswered};
use crate::nlm4::deliver_grants;
use crate::nsm::send_notices;

/// What a client does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    /// Answers with this status.
    Says(Nlm4Stats),
    /// Does it, and its answer is lost.
    Mumbles,
    /// Is not reached.
    Sleeps,
    /// Takes the call and never answers.
    Hangs,
}

/// A call that a client got.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) route: Route,
    pub(crate) header: CallHeader,
    args: Bytes,
}

#[derive(Debug)]
pub(crate) struct Outside {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    got: Vec<Got>,
    next: HashMap<IpAddr, VecDeque<Does>>,
    always: HashMap<IpAddr, Does>,
    ports: HashMap<(IpAddr, Transport), u16>,
    mappers_asked: usize,
    hanging: usize,
    routes: Vec<Route>,
    given_up: usize,
    paused: Duration,
    /// What calls to those who were not reached took, one after the other.
    sought: Duration,
}

impl Got {
    pub(crate) fn args<P: Procedure>(&self) -> P::Args {
        assert_eq!(
            (self.header.program, self.header.version, self.header.procedure),
            (P::PROGRAM, P::VERSION, P::NUMBER)
        );
        let mut decoder = Decoder::new(self.args.clone());
        let args = P::Args::decode(&mut decoder).unwrap();
        decoder.finish().unwrap();
        args
    }

    pub(crate) fn is<P: Procedure>(&self) -> bool {
        (self.header.program, self.header.procedure) == (P::PROGRAM, P::NUMBER)
    }
}

impl Outside {
    /// Clients that take every lock, over TCP at port 4001 and UDP at port 4002.
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default() }
    }

    /// What a client does with its next calls.
    pub(crate) fn next(&self, client: &str, does: &[Does]) {
        self.state().next.insert(client.parse().unwrap(), does.iter().copied().collect());
    }

    /// What a client does with all other calls.
    pub(crate) fn always(&self, client: &str, does: Does) {
        self.state().always.insert(client.parse().unwrap(), does);
    }

    /// Where a client's services listen; 0 is nowhere.
    pub(crate) fn listens(&self, client: &str, transport: Transport, port: u16) {
        self.state().ports.insert((client.parse().unwrap(), transport), port);
    }

    /// The calls that clients got since the last question.
    pub(crate) fn got(&self) -> Vec<Got> {
        std::mem::take(&mut self.state().got)
    }

    /// How long calls waited to be repeated, in all.
    pub(crate) fn paused(&self) -> Duration {
        self.state().paused
    }

    pub(crate) fn mappers_asked(&self) -> usize {
        self.state().mappers_asked
    }

    pub(crate) fn hanging(&self) -> usize {
        self.state().hanging
    }

    /// The ways of all calls, those to port mappers too, and those that did not arrive.
    pub(crate) fn routes(&self) -> Vec<Route> {
        self.state().routes.clone()
    }

    /// Those who wait for an answer that never comes give up.
    pub(crate) fn wake_hanging(&self) {
        self.state().given_up += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn does(&self, client: IpAddr) -> Does {
        let mut state = self.state();
        let always = state.always.get(&client).copied().unwrap_or(Does::Says(Nlm4Stats::Granted));
        state.next.get_mut(&client).and_then(VecDeque::pop_front).unwrap_or(always)
    }

    fn mapped(&self, route: Route, args: Bytes) -> u32 {
        let mut state = self.state();
        state.mappers_asked += 1;
        let asked = Mapping::decode(&mut Decoder::new(args)).unwrap();
        let transport = if asked.protocol == PROTOCOL_TCP { Transport::Tcp } else { Transport::Udp };
        let usual = if transport == Transport::Tcp { 4001 } else { 4002 };
        let is_known = [(NLM_PROGRAM, 4), (NSM_PROGRAM, 1)].contains(&(asked.program, asked.version));
        let port = state.ports.get(&(route.to.ip(), transport)).copied().unwrap_or(usual);
        if is_known { u32::from(port) } else { 0 }
    }
}

impl Network for Outside {
    async fn exchange(&self, route: Route, call: Bytes) -> Result<Bytes, Unanswered> {
        once_more().await;
        let mut decoder = Decoder::new(call);
        let header = CallHeader::decode_call(&mut decoder).unwrap();
        let (xid, args) = (header.xid, decoder.rest());
        let client = route.to.ip();
        self.state().routes.push(route);
        if self.state().always.get(&client) == Some(&Does::Sleeps) {
            self.state().sought += route.patience;
            return Err(Unanswered { may_have_arrived: false });
        }
        if (header.program, header.procedure) == (PORTMAP_PROGRAM, v4::Getaddr::NUMBER) && client.is_ipv6() {
            return Ok(reply(xid, &BindString::from_static("::.15.162")));
        }
        if header.program == PORTMAP_PROGRAM {
            assert_eq!((route.to.port(), header.procedure), (111, Getport::NUMBER));
            return Ok(reply(xid, &self.mapped(route, args)));
        }
        let does = self.does(client);
        let got = Got { route, header, args };
        if does != Does::Sleeps {
            self.state().got.push(got.clone());
        }
        match does {
            Does::Says(status) if got.is::<Granted>() => {
                let TestArgs { cookie, .. } = got.args::<Granted>();
                Ok(reply(xid, &StatusResult { cookie, status }))
            }
            Does::Says(_) => Ok(reply(xid, &())),
            Does::Mumbles => Err(Unanswered { may_have_arrived: true }),
            Does::Sleeps => Err(Unanswered { may_have_arrived: false }),
            Does::Hangs => {
                let given_up = {
                    let mut state = self.state();
                    state.hanging += 1;
                    state.given_up
                };
                while self.state().given_up == given_up {
                    once_more().await;
                }
                Err(Unanswered { may_have_arrived: true })
            }
        }
    }

    fn now(&self) -> Duration {
        let state = self.state();
        state.paused + state.sought
    }

    async fn pause(&self, time: Duration) {
        self.state().paused += time;
        once_more().await;
    }
}

/// What the house does outside by itself.
pub(crate) struct Errands<'a>(Pin<Box<dyn Future<Output = ()> + 'a>>);

impl<'a> Errands<'a> {
    pub(crate) fn of(house: &'a House, outside: &'a Outside) -> Self {
        Self(Box::pin(async move {
            let peers = Peers::new(outside, &*house.door.clock);
            tokio::join!(deliver_grants(&house.door, &peers), send_notices(&house.door, &peers));
        }))
    }

    /// Lets all go on that can.
    pub(crate) fn run(&mut self) {
        for _ in 0..500 {
            assert!(self.0.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
    }
}

/// The name under which notices are looked at.
pub(crate) type Notice = nsm::Notify;

fn reply(xid: u32, result: &impl Encode) -> Bytes {
    [&to_bytes(&ReplyHeader::success(xid))[..], &to_bytes(result)].concat().into()
}

/// Pending once.
async fn once_more() {
    let mut is_polled = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut is_polled, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
