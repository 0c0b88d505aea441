//! A brake on guessing passwords, by where attempts come from and for whom.
//!
//! Each attempt costs one unit of two allowances: that of its source for this user, and that of its source for all users. A
//! success gives both back. An allowance that is used up grows again one unit at a time; until then attempts are refused
//! without being looked at, which costs nothing further. There is no allowance for a user from everywhere: it would let
//! anybody lock out whomever they like.
//!
//! | allowance | at once | then one every | guesses in a day |
//! |---|---:|---:|---:|
//! | a source for one user | 10 | 30 s | 2,890 |
//! | a source for all users | 60 | 5 s | 17,340 |
//!
//! A source is an IPv4 address or a /64 of IPv6. At most [`ENTRIES_MAX`] allowances that are not whole are remembered (about
//! 6 MiB); beyond that the one that is nearest to being whole is forgotten. Time is handed in, monotonic, and never goes back.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Allowances that are remembered at once.
pub const ENTRIES_MAX: usize = 65_536;

/// An attempt is not to be looked at yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts; the next is looked at in {0:?}")]
pub struct Braked(pub Duration);

/// Counts attempts.
#[derive(Debug, Default)]
pub struct Brake {
    /// When an allowance is whole again, by whose it is; those that are whole are not here.
    whole_at: HashMap<Holder, Duration>,
    /// The same in the order of time.
    order: BTreeSet<(Duration, Holder)>,
    /// Users are remembered by a keyed hash: names are as long as clients like.
    names: RandomState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Holder {
    source: Source,
    /// `None`: for all users.
    user: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Source(u128);

#[derive(Clone, Copy, Debug)]
struct Allowance {
    at_once: u32,
    every: Duration,
}

const ONE_USER: Allowance = Allowance { at_once: 10, every: Duration::from_secs(30) };
const ALL_USERS: Allowance = Allowance { at_once: 60, every: Duration::from_secs(5) };

impl Brake {
    /// A brake that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts an attempt before anything is verified, so that many at once cannot slip through together. `user` in one
    /// spelling: attempts for `Bob` and `bob` are for one user.
    ///
    /// Errors: `Braked`; nothing was counted.
    pub fn attempt(&mut self, from: IpAddr, user: &str, now: Duration) -> Result<(), Braked> {
        self.forget_whole(now);
        let holders = self.holders(from, user);
        let wait = holders.iter().map(|(holder, allowance)| self.wait(*holder, *allowance, now)).max();
        if let Some(wait) = wait.filter(|wait| *wait > Duration::ZERO) {
            return Err(Braked(wait));
        }
        for (holder, allowance) in holders {
            let whole_at = self.whole_at.get(&holder).copied().unwrap_or(now).max(now);
            self.set(holder, whole_at.saturating_add(allowance.every));
        }
        self.make_room();
        Ok(())
    }

    /// An attempt succeeded: its user has its whole allowance again, and the source gets back what it cost.
    pub fn succeeded(&mut self, from: IpAddr, user: &str, now: Duration) {
        let [(one, _), (all, allowance)] = self.holders(from, user);
        self.set(one, Duration::ZERO);
        let whole_at = self.whole_at.get(&all).copied().unwrap_or_default();
        self.set(all, whole_at.saturating_sub(allowance.every));
        self.forget_whole(now);
    }

    /// How many allowances are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.whole_at.len()
    }

    fn holders(&self, from: IpAddr, user: &str) -> [(Holder, Allowance); 2] {
        let source = Source::of(from);
        let user = self.names.hash_one(user);
        [(Holder { source, user: Some(user) }, ONE_USER), (Holder { source, user: None }, ALL_USERS)]
    }

    /// How long until there is a unit left.
    fn wait(&self, holder: Holder, allowance: Allowance, now: Duration) -> Duration {
        let whole_at = self.whole_at.get(&holder).copied().unwrap_or_default();
        let last_unit = allowance.every.saturating_mul(allowance.at_once.saturating_sub(1));
        whole_at.saturating_sub(now).saturating_sub(last_unit)
    }

    /// `ZERO` is whole.
    fn set(&mut self, holder: Holder, whole_at: Duration) {
        let before = if whole_at.is_zero() {
            self.whole_at.remove(&holder)
        } else {
            self.order.insert((whole_at, holder));
            self.whole_at.insert(holder, whole_at)
        };
        if let Some(before) = before.filter(|before| *before != whole_at) {
            self.order.remove(&(before, holder));
        }
    }

    fn forget_whole(&mut self, now: Duration) {
        while let Some((whole_at, holder)) = self.order.first().copied().filter(|(whole_at, _)| *whole_at <= now) {
            self.order.remove(&(whole_at, holder));
            self.whole_at.remove(&holder);
        }
    }

    fn make_room(&mut self) {
        while self.order.len() > ENTRIES_MAX {
            let Some((_, holder)) = self.order.pop_first() else { return };
            self.whole_at.remove(&holder);
        }
    }
}

impl Source {
    fn of(address: IpAddr) -> Self {
        let address = match address.to_canonical() {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64),
        };
        Self(address.to_bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// How many attempts are looked at out of `of`.
    fn looked_at(brake: &mut Brake, (from, user): (IpAddr, &str), of: usize, now: Duration) -> usize {
        (0..of).filter(|_| brake.attempt(from, user, now).is_ok()).count()
    }

    #[test]
    fn one_user_from_one_source() {
        let mut brake = Brake::new();
        assert_eq!(looked_at(&mut brake, (HERE, "bob"), 50, at(100)), 10);
        assert_eq!(brake.attempt(HERE, "bob", at(100)), Err(Braked(at(30))));
        assert_eq!(brake.attempt(HERE, "bob", at(129)), Err(Braked(at(1))));
        assert_eq!(looked_at(&mut brake, (HERE, "bob"), 5, at(130)), 1);
        assert_eq!(looked_at(&mut brake, (HERE, "bob"), 50, at(1000)), 10);
        assert_eq!(looked_at(&mut brake, (THERE, "bob"), 50, at(1000)), 10, "others are not locked out with it");
        assert_eq!(looked_at(&mut brake, (HERE, "eve"), 50, at(1000)), 10);
    }

    #[test]
    fn many_users_from_one_source() {
        let mut brake = Brake::new();
        let users: Vec<_> = (0..100).map(|number| format!("user{number}")).collect();
        let passed = users.iter().filter(|user| brake.attempt(HERE, user, at(1)).is_ok()).count();
        assert_eq!(passed, 60);
        assert_eq!(brake.attempt(HERE, "bob", at(1)), Err(Braked(at(5))));
        assert_eq!(brake.attempt(THERE, "bob", at(1)), Ok(()));
        assert_eq!(brake.attempt(HERE, "bob", at(6)), Ok(()));
    }

    #[test]
    fn a_success_gives_back_what_failures_took() {
        let mut brake = Brake::new();
        for _ in 0..500 {
            assert_eq!(looked_at(&mut brake, (HERE, "bob"), 9, at(5)), 9);
            brake.succeeded(HERE, "bob", at(5));
            looked_at(&mut brake, (HERE, "bob"), 1, at(5));
            brake.succeeded(HERE, "bob", at(5));
            let source = Holder { source: Source::of(HERE), user: None };
            brake.set(source, Duration::ZERO);
        }
        for _ in 0..500 {
            assert_eq!(brake.attempt(HERE, "bob", at(6)), Ok(()));
            brake.succeeded(HERE, "bob", at(6));
        }
        assert_eq!(brake.remembered(), 0);
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let mut brake = Brake::new();
        let passed = (0..100_u128).filter(|host| {
            let address = Ipv6Addr::from_bits(0x2001_0db8_u128 << 96 | host);
            brake.attempt(address.into(), "bob", at(1)).is_ok()
        });
        assert_eq!(passed.count(), 10);
        assert_eq!(brake.attempt("2001:db8:0:1::1".parse().unwrap(), "bob", at(1)), Ok(()));
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(looked_at(&mut brake, (mapped, "bob"), 50, at(1)), 10);
        assert!(brake.attempt(HERE, "bob", at(1)).is_err());
    }

    #[test]
    fn memory_is_bounded_and_whole_allowances_are_forgotten() {
        let mut brake = Brake::new();
        for host in 0..100_000_u32 {
            brake.attempt(IpAddr::V4(host.into()), "bob", at(1)).unwrap();
            assert!(brake.remembered() <= ENTRIES_MAX);
        }
        assert_eq!(brake.remembered(), ENTRIES_MAX);
        assert_eq!(brake.whole_at.len(), brake.order.len());
        brake.attempt(HERE, "bob", at(1000)).unwrap();
        assert_eq!((brake.remembered(), brake.order.len()), (2, 2));
    }
}
