//! The cache, with a provider that tests hold by the hand.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::poll_fn;
use testkit::{ManualClock, block_on};

use super::cache::{ASKED_MAX, GROUPS_HELD_MAX, USERS_MAX};
use super::{Found, GroupCache, GroupProvider, Lifetimes, Lookup, ProviderError};

/// Answers even uids with their own number as group and odd ones with nobody; counts questions; is held or broken.
#[derive(Debug, Default)]
struct Provider {
    questions: AtomicUsize,
    groups_each: AtomicUsize,
    held: Arc<Mutex<bool>>,
    is_broken: Mutex<bool>,
}

impl GroupProvider for Provider {
    fn groups_of(&self, uid: u32) -> Lookup {
        self.questions.fetch_add(1, Ordering::Relaxed);
        let count = self.groups_each.load(Ordering::Relaxed).max(1);
        let groups: Option<Arc<[u32]>> = uid.is_multiple_of(2).then(|| vec![uid; count].into());
        let answer = if *self.is_broken.lock().unwrap() { Err(ProviderError("away".into())) } else { Ok(groups) };
        let held = Arc::clone(&self.held);
        let wait = poll_fn(move |_| if *held.lock().unwrap() { Poll::Pending } else { Poll::Ready(()) });
        Box::pin(wait.map(move |()| answer))
    }
}

struct Bench {
    provider: Arc<Provider>,
    cache: GroupCache,
    clock: ManualClock,
}

impl Bench {
    fn new() -> Self {
        let provider = Arc::new(Provider::default());
        let lifetimes = Lifetimes { known: Duration::from_secs(300), unknown: Duration::from_secs(60) };
        let cache = GroupCache::new(provider.clone(), lifetimes);
        Self { provider, cache, clock: ManualClock::standing() }
    }

    fn find(&self, uid: u32) -> Result<Found, ProviderError> {
        block_on(self.cache.find(uid, &self.clock))
    }

    fn questions(&self) -> usize {
        self.provider.questions.load(Ordering::Relaxed)
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

#[test]
fn answers_hold_for_their_lifetimes() {
    let bench = Bench::new();
    let found = bench.find(4).unwrap();
    assert_eq!((found.groups.as_deref(), found.until), (Some(&[4][..]), Duration::from_secs(300)));
    assert_eq!(bench.find(5).unwrap(), Found { groups: None, until: Duration::from_secs(60) });
    assert_eq!(bench.questions(), 2);
    bench.advance(59);
    assert_eq!((bench.find(4).unwrap(), bench.find(5).unwrap().groups), (found, None));
    assert_eq!(bench.questions(), 2, "known and unknown are remembered");
    bench.advance(1);
    assert_eq!(bench.find(5).unwrap().until, Duration::from_secs(120));
    assert_eq!(bench.questions(), 3, "that there is no such user holds for less");
    bench.advance(239);
    bench.find(4).unwrap();
    assert_eq!(bench.questions(), 3);
    bench.advance(1);
    bench.find(4).unwrap();
    assert_eq!(bench.questions(), 4);
}

#[test]
fn many_callers_ask_once() {
    let bench = Bench::new();
    *bench.provider.held.lock().unwrap() = true;
    let mut waiting: Vec<_> = (0..100).map(|_| Box::pin(bench.cache.find(4, &bench.clock))).collect();
    let mut context = Context::from_waker(Waker::noop());
    assert!(waiting.iter_mut().all(|caller| caller.as_mut().poll(&mut context).is_pending()));
    assert_eq!(bench.questions(), 1);
    // The first, which asked, goes away; the question stays with the others.
    drop(waiting.remove(0));
    *bench.provider.held.lock().unwrap() = false;
    for caller in waiting {
        assert_eq!(block_on(caller).unwrap().groups.as_deref(), Some(&[4][..]));
    }
    assert_eq!(bench.questions(), 1);
}

#[test]
fn a_question_that_nobody_waits_for_is_asked_again() {
    let bench = Bench::new();
    *bench.provider.held.lock().unwrap() = true;
    {
        let mut caller = pin!(bench.cache.find(4, &bench.clock));
        assert!(caller.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    *bench.provider.held.lock().unwrap() = false;
    assert!(bench.find(4).is_ok());
    assert_eq!(bench.questions(), 2);
}

#[test]
fn a_provider_that_is_away_leaves_what_it_said() {
    let bench = Bench::new();
    bench.find(4).unwrap();
    bench.advance(300);
    *bench.provider.is_broken.lock().unwrap() = true;
    let stale = bench.find(4).unwrap();
    assert_eq!((stale.groups.as_deref(), stale.until), (Some(&[4][..]), Duration::from_secs(360)));
    assert_eq!(bench.find(6), Err(ProviderError("away".into())), "nothing was ever said of this one");
    assert_eq!(bench.questions(), 3);
    bench.find(4).unwrap();
    assert_eq!(bench.questions(), 3, "it is left alone for a while");
    *bench.provider.is_broken.lock().unwrap() = false;
    assert!(bench.find(6).is_ok(), "failures are not remembered");
}

#[test]
fn users_and_groups_that_are_kept_are_bounded() {
    let bench = Bench::new();
    let users = u32::try_from(USERS_MAX).unwrap();
    (0..=users).for_each(|uid| drop(bench.find(uid).unwrap()));
    let asked = bench.questions();
    bench.find(1).unwrap();
    assert_eq!(bench.questions(), asked, "the second is still there");
    bench.find(0).unwrap();
    assert_eq!(bench.questions(), asked + 1, "the oldest went");

    let bench = Bench::new();
    bench.provider.groups_each.store(GROUPS_HELD_MAX / 4, Ordering::Relaxed);
    [0, 2, 4, 6, 8].iter().for_each(|uid| drop(bench.find(*uid).unwrap()));
    bench.find(2).unwrap();
    assert_eq!(bench.questions(), 5);
    bench.find(0).unwrap();
    assert_eq!(bench.questions(), 6);
    bench.provider.groups_each.store(GROUPS_HELD_MAX + 1, Ordering::Relaxed);
    assert!(bench.find(10).is_ok() && bench.find(10).is_ok(), "one that is too large alone is kept alone");
    assert_eq!(bench.questions(), 7);
}

#[test]
fn questions_at_once_are_bounded() {
    let bench = Bench::new();
    *bench.provider.held.lock().unwrap() = true;
    let mut context = Context::from_waker(Waker::noop());
    let asked = u32::try_from(ASKED_MAX).unwrap();
    let mut waiting: Vec<_> = (0..asked).map(|uid| Box::pin(bench.cache.find(uid, &bench.clock))).collect();
    waiting.iter_mut().for_each(|caller| assert!(caller.as_mut().poll(&mut context).is_pending()));
    assert!(bench.find(asked).is_err());
    drop(waiting);
    *bench.provider.held.lock().unwrap() = false;
    assert!(bench.find(asked).is_ok(), "those that nobody waits for do not count");
}
