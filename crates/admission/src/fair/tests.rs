//! The order of turns, without sockets and without a clock: what each turn costs is made up.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use vfs::ZoneId;

use super::queue::{Queue, Ticket};
use super::*;

/// One connection of the model: how long its turns take, and whether it always has more to do.
#[derive(Clone, Copy, Debug)]
struct Model {
    who: Who,
    turn_ns: u64,
    /// Between two turns the thread is this long without work of this connection; 0 is always busy.
    pause_ns: u64,
}

/// A thread of the model: connections that are ready, in the runtime's order, and the clock.
struct Machine {
    queue: Queue<usize>,
    connections: Vec<Model>,
    tickets: Vec<Option<Ticket>>,
    /// Since when each has input that it has not seen; `None` while it waits in the queue or has paused.
    next_input_ns: Vec<Option<u64>>,
    now_ns: u64,
    served_ns: BTreeMap<Who, u64>,
    turns: Vec<u64>,
    waited_ns_max: BTreeMap<Who, u64>,
}

fn who(zone: u32, client: u8) -> Who {
    (ZoneId(zone), IpAddr::from([192, 0, 2, client]))
}

fn busy(who: Who, turn_ns: u64) -> Model {
    Model { who, turn_ns, pause_ns: 0 }
}

impl Machine {
    fn new(connections: Vec<Model>) -> Self {
        let mut queue = Queue::default();
        connections.iter().for_each(|one| queue.join(one.who));
        let (count, now) = (connections.len(), Some(0));
        Self {
            queue,
            connections,
            tickets: vec![None; count],
            next_input_ns: vec![now; count],
            now_ns: 0,
            served_ns: BTreeMap::new(),
            turns: vec![0; count],
            waited_ns_max: BTreeMap::new(),
        }
    }

    /// Runs as a runtime does: everything ready in order, then a look at the network, then what yielded.
    fn run(&mut self, until_ns: u64) {
        while self.now_ns < until_ns {
            let before_ns = self.now_ns;
            let ready =
                |machine: &Self, index: &usize| machine.next_input_ns[*index].is_some_and(|at| at <= machine.now_ns);
            let arrived: Vec<_> = (0..self.connections.len()).filter(|index| ready(self, index)).collect();
            arrived.into_iter().for_each(|index| self.poll(index));
            for index in self.queue.next_round() {
                self.poll(index);
            }
            if self.now_ns == before_ns {
                self.now_ns =
                    self.next_input_ns.iter().flatten().copied().min().unwrap_or(until_ns).max(self.now_ns + 1);
            }
        }
    }

    fn poll(&mut self, index: usize) {
        let Model { who, turn_ns, pause_ns } = self.connections[index];
        let expected_ns = match self.tickets[index] {
            Some(ticket) => self.queue.begin_granted(ticket).expect("only who has a turn is woken"),
            None if self.queue.try_begin(who) => 0,
            None => {
                self.tickets[index] = self.queue.park(who, index);
                self.next_input_ns[index].take();
                return;
            }
        };
        self.tickets[index] = None;
        let waited_ns = self.waited_ns_max.entry(who).or_default();
        if pause_ns > 0
            && let Some(at) = self.next_input_ns[index]
        {
            *waited_ns = (*waited_ns).max(self.now_ns - at);
        }
        // Short turns when others want theirs, as connections do.
        let cost_ns = if self.queue.is_contended(who.0) { turn_ns.min(level::SLICE_NS) } else { turn_ns };
        self.now_ns += cost_ns;
        self.queue.end(who, (cost_ns, expected_ns));
        *self.served_ns.entry(who).or_default() += cost_ns;
        self.turns[index] += 1;
        if pause_ns > 0 {
            self.next_input_ns[index] = Some(self.now_ns + pause_ns);
        } else {
            self.tickets[index] = self.queue.park(who, index);
            self.next_input_ns[index] = None;
        }
    }

    fn share(&self, who: Who) -> f64 {
        let all: u64 = self.served_ns.values().sum();
        precise(self.served_ns.get(&who).copied().unwrap_or(0)) / precise(all)
    }
}

#[expect(clippy::cast_precision_loss, reason = "times of a second")]
fn precise(ns: u64) -> f64 {
    ns as f64
}

const SECOND_NS: u64 = 1_000_000_000;

#[test]
fn a_client_with_many_connections_gets_as_much_as_one_with_one() {
    let mut connections = vec![busy(who(1, 1), 130_000); 200];
    connections.push(busy(who(1, 2), 20_000));
    let mut machine = Machine::new(connections);
    machine.run(SECOND_NS);
    let share = machine.share(who(1, 2));
    assert!((0.48..0.52).contains(&share), "{share}");
    let [least, most] = [machine.turns[..200].iter().min(), machine.turns[..200].iter().max()];
    assert!(most.unwrap() - least.unwrap() <= 2, "connections of one client take turns: {least:?} {most:?}");
}

#[test]
fn a_zone_with_many_clients_gets_as_much_as_one_with_one() {
    let mut connections: Vec<_> = (1..=50).map(|client| busy(who(1, client), 50_000)).collect();
    connections.push(busy(who(2, 1), 50_000));
    let mut machine = Machine::new(connections);
    machine.run(SECOND_NS);
    let share = machine.share(who(2, 1));
    assert!((0.48..0.52).contains(&share), "{share}");
    for client in 1..=50 {
        let share = machine.share(who(1, client));
        assert!((0.008..0.012).contains(&share), "client {client}: {share}");
    }
}

/// A client that asks, waits for the answer and asks again: it is answered within a few slices, whatever others do.
#[test]
fn who_asks_little_hardly_waits() {
    let mut connections = vec![busy(who(1, 1), 2_000_000); 100];
    connections.extend(vec![Model { who: who(1, 2), turn_ns: 10_000, pause_ns: 40_000 }; 100]);
    connections.push(Model { who: who(1, 3), turn_ns: 10_000, pause_ns: 30_000 });
    let mut machine = Machine::new(connections);
    machine.run(SECOND_NS / 10);
    // Until it has been seen that there are several, each may have had its long turn.
    machine.waited_ns_max.clear();
    machine.run(SECOND_NS);
    let waited_ns = machine.waited_ns_max[&who(1, 3)];
    assert!(waited_ns <= 24_000, "{waited_ns}");
    let asked = machine.turns.last().copied().unwrap();
    assert!(asked >= 4000, "of at most 25,000 when alone and 8,300 as a third: {asked}");
}

#[test]
fn who_is_alone_is_not_cut_short() {
    let mut machine = Machine::new(vec![busy(who(1, 1), 130_000); 10]);
    machine.run(SECOND_NS / 10);
    assert!(!machine.queue.is_contended(ZoneId(1)));
    assert_eq!(machine.served_ns[&who(1, 1)], machine.turns.iter().sum::<u64>() * 130_000);
}

#[test]
fn a_pause_is_not_saved_up() {
    let mut machine = Machine::new(vec![busy(who(1, 1), 50_000), busy(who(1, 2), 50_000)]);
    machine.next_input_ns[1] = Some(SECOND_NS);
    machine.run(SECOND_NS);
    machine.served_ns.clear();
    machine.run(2 * SECOND_NS);
    let share = machine.share(who(1, 2));
    assert!((0.48..0.52).contains(&share), "after a second of rest it gets half, not all: {share}");
}

#[test]
fn new_connections_pay_no_debt() {
    let mut queue: Queue<usize> = Queue::default();
    let [mine, other] = [who(1, 1), who(1, 2)];
    queue.join(other);
    queue.join(mine);
    for _ in 0..10 {
        queue.end(other, (64_000, 0));
        queue.end(mine, (64_000, 0));
    }
    queue.end(mine, (1_000_000, 0));
    queue.leave(mine);
    queue.join(mine);
    let (_, _) = (queue.park(other, 0), queue.park(mine, 1));
    let first: Vec<_> = (0..10).filter_map(|_| queue.next_round().pop()).collect();
    assert_eq!(first[0], 0, "{first:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever the clients are: nobody who is always busy gets less than nine tenths of its equal part, and nobody
    /// waits for ever.
    #[test]
    fn always_busy_clients_share_equally(
        clients in prop::collection::vec((1_usize..10, 16_000_u64..300_000), 2..6),
        idlers in prop::collection::vec((1_u64..200_000, 1_000_u64..20_000), 0..10),
    ) {
        let mut connections = Vec::new();
        for (index, (count, turn_ns)) in clients.iter().enumerate() {
            connections.extend(vec![busy(who(1, u8::try_from(index).unwrap()), *turn_ns); *count]);
        }
        for (index, (pause_ns, turn_ns)) in idlers.iter().enumerate() {
            let who = who(1, 100 + u8::try_from(index).unwrap());
            connections.push(Model { who, turn_ns: *turn_ns, pause_ns: *pause_ns });
        }
        let mut machine = Machine::new(connections);
        machine.run(SECOND_NS / 10);
        let equal = 1.0 / precise((clients.len() + idlers.len()) as u64);
        for index in 0..clients.len() {
            let share = machine.share(who(1, u8::try_from(index).unwrap()));
            prop_assert!(share >= equal * 0.9, "client {index} of {clients:?} got {share} of {equal}");
        }
        prop_assert!(machine.turns.iter().all(|turns| *turns > 0));
    }

    /// Two zones share a thread equally, however many clients each has.
    #[test]
    fn zones_share_equally(clients in prop::collection::vec((1_u8..10, 16_000_u64..300_000), 2..5)) {
        let mut connections = Vec::new();
        for (zone, (count, turn_ns)) in clients.iter().enumerate() {
            connections.extend((0..*count).map(|client| busy(who(u32::try_from(zone).unwrap(), client), *turn_ns)));
        }
        let mut machine = Machine::new(connections);
        machine.run(SECOND_NS / 10);
        let equal = 1.0 / precise(clients.len() as u64);
        for (zone, (count, _)) in clients.iter().enumerate() {
            let share: f64 = (0..*count).map(|client| machine.share(who(u32::try_from(zone).unwrap(), client))).sum();
            prop_assert!((share / equal - 1.0).abs() < 0.1, "zone {zone} got {share} of {equal}");
        }
    }

    /// Any order of joining, waiting, going on and leaving: everyone who waits gets a turn, and nothing is left behind.
    #[test]
    fn nothing_is_lost(steps in prop::collection::vec((0_u8..5, 0_u8..12), 0..400)) {
        let mut queue: Queue<u8> = Queue::default();
        let mut tickets: BTreeMap<u8, Option<Ticket>> = BTreeMap::new();
        let whose = |connection: u8| who(u32::from(connection % 2), connection % 4);
        for (step, connection) in steps {
            let ticket = tickets.get(&connection).copied();
            match (step, ticket) {
                (0, None) => {
                    queue.join(whose(connection));
                    tickets.insert(connection, None);
                }
                (1, Some(None)) if queue.try_begin(whose(connection)) => queue.end(whose(connection), (9_000, 0)),
                (1 | 2, Some(None)) => {
                    tickets.insert(connection, queue.park(whose(connection), connection));
                }
                (3, Some(ticket)) => {
                    if let Some(ticket) = ticket {
                        queue.unpark(whose(connection), ticket);
                    }
                    queue.leave(whose(connection));
                    tickets.remove(&connection);
                }
                (4, _) => drop(queue.next_round()),
                _ => {}
            }
            finish_granted(&mut queue, &mut tickets, whose);
        }
        for _ in 0..=tickets.len() {
            drop(queue.next_round());
            finish_granted(&mut queue, &mut tickets, whose);
        }
        prop_assert!(!queue.has_parked() && tickets.values().all(Option::is_none), "{tickets:?}");
    }
}

fn finish_granted(queue: &mut Queue<u8>, tickets: &mut BTreeMap<u8, Option<Ticket>>, whose: impl Fn(u8) -> Who) {
    for (connection, ticket) in tickets {
        if let Some(expected_ns) = ticket.and_then(|ticket| queue.begin_granted(ticket)) {
            queue.end(whose(*connection), (30_000, expected_ns));
            *ticket = None;
        }
    }
}

/// Outside of a runtime nothing can be waited for: a round begins at once, and a connection that goes while others wait
/// leaves them a round.
#[test]
fn who_goes_lets_the_others_go_on() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let threads = Threads::default();
        let woken = [0, 1].map(|_| Arc::new(Count(AtomicUsize::new(0))));
        let wakers = woken.clone().map(Waker::from);
        let [first, second] = [0, 1].map(|index| Context::from_waker(&wakers[index]));
        let [mut leader, mut follower] = [threads.join(who(1, 1)), threads.join(who(1, 1))];
        assert!(leader.begin(&first).is_some() && follower.begin(&second).is_some());
        for (turns, cx) in [(&mut leader, &first), (&mut follower, &second)] {
            turns.end(SECOND_NS, true, cx);
            assert!(turns.is_waiting() && turns.begin(cx).is_none());
        }
        tokio::task::yield_now().await;
        assert_eq!(woken.each_ref().map(|count| count.0.load(Ordering::Relaxed)), [1, 0]);
        drop(leader);
        tokio::task::yield_now().await;
        assert_eq!(woken[1].0.load(Ordering::Relaxed), 1);
        assert!(follower.begin(&second).is_some());
    });
}
