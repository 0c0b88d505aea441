//! Users of the zones at the SMB door: NTLM in SPNEGO with the passwords of the zones' own files, and a brake on guessing.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use security::brake::Brake;
use security::ntlm::{self, Account, Accounts, NtHash, TargetNames};
use security::{Step, spnego};
use smb_server::{Asked, Exchange, Users};
use vfs::{Clock, Credentials, Timestamp};
use zones::{Logon, Zone};

/// The users of all zones. Doors ask it; it asks the zones.
pub(crate) struct ZoneUsers {
    brake: Arc<Mutex<Brake>>,
    clock: Arc<dyn Clock>,
}

/// The users of one zone, for one exchange.
struct OfZone {
    zone: Arc<Zone>,
    from: IpAddr,
    brake: Arc<Mutex<Brake>>,
    clock: Arc<dyn Clock>,
    /// The first name that was asked for.
    claimed: Arc<OnceLock<String>>,
}

/// One exchange, which remembers who its client said it is.
#[derive(Debug)]
struct ZoneExchange {
    tokens: spnego::Acceptor,
    claimed: Arc<OnceLock<String>>,
}

impl ZoneUsers {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { brake: Arc::new(Mutex::new(Brake::new())), clock }
    }
}

impl Users for ZoneUsers {
    fn exchange(&self, zone: &Arc<Zone>, from: IpAddr, asked: Asked) -> Box<dyn Exchange> {
        let takes_guests = zone.shares().iter().any(|share| share.takes_guests());
        let (zone, brake, clock) = (Arc::clone(zone), Arc::clone(&self.brake), Arc::clone(&self.clock));
        let claimed = Arc::<OnceLock<String>>::default();
        let settings = ntlm::Settings {
            names: names(&zone),
            anonymous: takes_guests || asked.is_known,
            // A guest logon for any unknown name would tell which users there are.
            guests: false,
            accounts: Arc::new(OfZone { zone, from, brake, clock, claimed: Arc::clone(&claimed) }),
        };
        let ntlm = ntlm::Acceptor::new(settings, asked.challenge);
        Box::new(ZoneExchange { tokens: spnego::Acceptor::new(vec![Box::new(ntlm)]), claimed })
    }

    fn hint(&self) -> Vec<u8> {
        spnego::hint(&[ntlm::OID])
    }

    fn credentials(&self, zone: &Zone, from: IpAddr, user: &str) -> Option<Credentials> {
        let found = zone.local_user(user)?;
        lock(&self.brake).succeeded(from, &in_zone(zone, user), self.clock.monotonic());
        Some(zone.credentials_of(&found))
    }
}

impl Exchange for ZoneExchange {
    fn step(&mut self, token: &[u8], now: Timestamp) -> Step {
        self.tokens.step(token, now)
    }

    fn claimed(&self) -> Option<String> {
        self.claimed.get().cloned()
    }
}

impl Accounts for OfZone {
    fn find(&self, user: &str, _: &str) -> Account {
        self.claimed.get_or_init(|| user.to_owned());
        let attempt = lock(&self.brake).attempt(self.from, &in_zone(&self.zone, user), self.clock.monotonic());
        match (attempt, self.zone.logon(user)) {
            (Ok(()), Logon::With(hash)) => Account::Known(NtHash::new(hash.0)),
            (_, Logon::Unknown) => Account::Unknown,
            _ => Account::Refused,
        }
    }
}

impl fmt::Debug for ZoneUsers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ZoneUsers")
    }
}

impl fmt::Debug for OfZone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "OfZone({})", self.zone.name())
    }
}

/// One user in one zone: tenants may have users of the same name, and networks with the same addresses.
fn in_zone(zone: &Zone, user: &str) -> String {
    format!("{}/{}", zone.id().0, user.to_lowercase())
}

/// What the server calls itself: the zone, as long as it has no name in DNS.
fn names(zone: &Zone) -> TargetNames {
    TargetNames { netbios: zone.computer_name(), dns: zone.name().to_lowercase() }
}

fn lock(brake: &Mutex<Brake>) -> MutexGuard<'_, Brake> {
    brake.lock().unwrap_or_else(PoisonError::into_inner)
}
