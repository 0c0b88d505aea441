//! What must hold for any token, by decoder. Shared by the smoke test here and by libFuzzer (`fuzz/src/targets.rs`).

use std::sync::Arc;

use allocation_counter::measure;
use security::ntlm::{self, Account, Accounts, Authenticate, Negotiate, NtHash, NtResponse, Settings, TargetNames};
use security::spnego::{self, InitialToken, ResponseToken};
use security::{Failure, Step};
use vfs::Timestamp;

/// What an exchange may hold for each byte of a token: the token itself is kept once, and names are turned into text.
const MEMORY_PER_INPUT_BYTE: usize = 8;
/// And for any token: answers, and the state of an exchange.
const MEMORY_FOR_ANY_INPUT: usize = 8192;

/// One decoder with its rules.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    check: fn(&[u8]),
}

/// Every decoder there is.
pub(crate) fn all() -> Vec<Target> {
    [
        Target { name: "ntlm NEGOTIATE", check: check_negotiate },
        Target { name: "ntlm AUTHENTICATE", check: check_authenticate },
        Target { name: "spnego initial", check: check_initial },
        Target { name: "spnego response", check: check_response },
        Target { name: "exchange", check: check_exchange },
    ]
    .to_vec()
}

impl Target {
    /// Panics if a rule is broken.
    pub(crate) fn run(&self, input: &[u8]) {
        let limit = input.len() * MEMORY_PER_INPUT_BYTE + MEMORY_FOR_ANY_INPUT;
        let used = measure(|| (self.check)(input));
        assert!(used.bytes_max <= limit as u64, "{} took {} bytes for {input:02x?}", self.name, used.bytes_max);
    }
}

fn is_within(whole: &[u8], part: &[u8]) -> bool {
    part.is_empty() || whole.as_ptr_range().contains(&part.as_ptr()) && part.len() <= whole.len()
}

fn check_negotiate(token: &[u8]) {
    let is_whole = token.starts_with(b"NTLMSSP\0\x01\0\0\0") && token.len() >= 16;
    assert_eq!(Negotiate::decode(token).is_ok(), is_whole);
}

fn check_authenticate(token: &[u8]) {
    let Ok(told) = Authenticate::decode(token) else { return };
    let fields = [told.lm_response, told.nt_response, told.domain, told.user, told.session_key];
    assert!(fields.iter().all(|field| is_within(token, field)));
    let Some(response) = NtResponse::decode(told.nt_response) else { return };
    let pairs: usize = response.pairs.map(|pair| pair.value.len() + 4).sum();
    assert!(pairs <= response.client_challenge.len());
    assert!(!response.pairs.promise_mic() || pairs >= 8);
}

fn check_initial(token: &[u8]) {
    let Ok(initial) = InitialToken::decode(token) else { return };
    assert!(is_within(token, initial.mechanism_list) && is_within(token, initial.mechanism_token.unwrap_or_default()));
    let listed: usize = initial.mechanisms().map(|oid| oid.len() + 2).sum();
    assert!(listed <= initial.mechanism_list.len());
}

fn check_response(token: &[u8]) {
    let Ok(response) = ResponseToken::decode(token) else { return };
    let encoded = response.encode();
    assert_eq!(ResponseToken::decode(&encoded), Ok(response));
}

/// The input is tokens, each after its length. Nobody gets in without the password, and no token is taken after the end.
fn check_exchange(input: &[u8]) {
    let mut acceptor = acceptor();
    let mut rest = input;
    let mut has_ended = false;
    while let Some((length, others)) = rest.split_first_chunk::<2>() {
        let (token, others) = others.split_at(others.len().min(usize::from(u16::from_le_bytes(*length))));
        rest = others;
        let step = acceptor.step(token, NOW);
        assert!(!has_ended || matches!(step, Step::Failed(Failure::Malformed(_))), "{step:?} after the end");
        has_ended = !matches!(step, Step::Continue(_));
        // No recorded client knew the hash of this acceptor's user.
        assert!(!matches!(step, Step::Done(_)), "{step:?}");
    }
}

#[derive(Debug)]
struct Users;

impl Accounts for Users {
    fn find(&self, user: &str, _domain: &str) -> Account {
        if user == "alice" { Account::Known(NtHash::new([7; 16])) } else { Account::Unknown }
    }
}

const NOW: Timestamp = Timestamp { seconds: 1_790_000_000, nanoseconds: 500 };

fn acceptor() -> spnego::Acceptor {
    let names = TargetNames { netbios: "CONTOSO".to_owned(), dns: "contoso.test".to_owned() };
    let settings = Settings { names, anonymous: false, guests: false, accounts: Arc::new(Users) };
    spnego::Acceptor::new(vec![Box::new(ntlm::Acceptor::new(settings, [1; 8]))])
}
