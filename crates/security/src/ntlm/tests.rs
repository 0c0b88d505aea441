//! The exchange against a client of our own, which is made of the same hashes; clients that are not ours are in the fixtures
//! (`tests/security/exchanges.rs`) and in `integration`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::hash::hmac_md5;
use super::message::{encode_authenticate, encode_negotiate, without_mic};
use super::session::rc4;
use super::target_info::utf16;
use super::*;
use crate::mechanism::{Failure, Mechanism, Step, Who};
use vfs::Timestamp;

/// Knows `User` with `Password`, and `Gone`, who may not log on.
#[derive(Debug, Default)]
struct Users(AtomicU32);

impl Accounts for Users {
    fn find(&self, user: &str, _domain: &str) -> Account {
        self.0.fetch_add(1, Ordering::Relaxed);
        match user {
            "User" | "Üser" => Account::Known(NtHash::of_password("Password")),
            "Gone" => Account::Refused,
            _ => Account::Unknown,
        }
    }
}

const NOW: Timestamp = Timestamp { seconds: 1_700_000_000, nanoseconds: 0 };
const CHALLENGE: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
const ASKED: Flags = Flags(0xe208_8237 & !0x0200_0000);

fn settings() -> Settings {
    let names = TargetNames { netbios: "CONTOSO".to_owned(), dns: "contoso.test".to_owned() };
    Settings { names, anonymous: false, guests: false, accounts: Arc::new(Users::default()) }
}

/// A client that does as it is told, also what is wrong.
#[derive(Clone)]
struct Client {
    user: &'static str,
    password: &'static str,
    flags: Flags,
    mic: Option<fn(&mut [u8; 16])>,
    nt_response: Option<Vec<u8>>,
    session_key: [u8; 16],
}

impl Client {
    fn new(user: &'static str, password: &'static str) -> Self {
        let mic: Option<fn(&mut [u8; 16])> = Some(|_| {});
        Self { user, password, flags: ASKED, mic, nt_response: None, session_key: [0x55; 16] }
    }

    fn authenticate(&self, negotiate: &[u8], challenge: &[u8]) -> Vec<u8> {
        let (user, domain) = (utf16(self.user), utf16("Domain"));
        let key = NtHash::of_password(self.password).response_key(self.user, &domain);
        let flags = if self.mic.is_some() { [6, 0, 4, 0, 2, 0, 0, 0].as_slice() } else { &[] };
        let info = [&[1, 1, 0, 0, 0, 0, 0, 0], [0; 8].as_slice(), &[0xaa; 8], &[0; 4], flags, &[0; 8]].concat();
        let server_challenge = &challenge[24..32];
        let proof = hmac_md5(&key, &[server_challenge, &info]);
        let mut encrypted = self.session_key;
        rc4(&hmac_md5(&key, &[&proof]), &mut encrypted);
        let response = self.nt_response.clone().unwrap_or_else(|| [proof.as_slice(), &info].concat());
        let mut message = encode_authenticate(self.flags, [&[], &response, &domain, &user, &[], &encrypted]);
        if let Some(change) = self.mic {
            let [head, zeros, tail] = without_mic(&message);
            let mut mic = hmac_md5(&self.session_key, &[negotiate, challenge, head, zeros, tail]);
            change(&mut mic);
            message[72..88].copy_from_slice(&mic);
        }
        message
    }

    fn log_on(&self, settings: &Settings) -> Step {
        let mut acceptor = Acceptor::new(settings.clone(), CHALLENGE);
        let first = encode_negotiate(ASKED);
        let Step::Continue(challenge) = acceptor.step(&first, NOW) else { panic!("no challenge") };
        acceptor.step(&self.authenticate(&first, &challenge), NOW)
    }

    fn failure(&self, settings: &Settings) -> Failure {
        match self.log_on(settings) {
            Step::Failed(failure) => failure,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_user_with_its_password() {
    for user in ["User", "Üser"] {
        let Step::Done(done) = Client::new(user, "Password").log_on(&settings()) else { panic!("not let in") };
        assert_eq!(done.who, Who::User { name: user.to_owned(), domain: "Domain".to_owned() });
        assert_eq!((done.session_key.bytes(), done.token.len()), ([0x55; 16].as_slice(), 0));
    }
}

#[test]
fn our_own_asking_side() {
    let ask = |password| {
        let chosen = Chosen { challenge: [0xaa; 8], session_key: [0x77; 16] };
        let initiator = Initiator::new("Üser", NtHash::of_password(password), chosen);
        let mut acceptor = Acceptor::new(settings(), CHALLENGE);
        let Step::Continue(challenge) = acceptor.step(&initiator.negotiate(), NOW) else { panic!("no challenge") };
        let proved = initiator.authenticate(&challenge).unwrap();
        let told = Authenticate::decode(&proved.token).unwrap();
        assert!(NtResponse::decode(told.nt_response).unwrap().pairs.promise_mic());
        (acceptor.step(&proved.token, NOW), proved.session_key)
    };
    let (Step::Done(done), key) = ask("Password") else { panic!("not let in") };
    assert_eq!(done.who, Who::User { name: "Üser".to_owned(), domain: String::new() });
    assert_eq!(done.session_key.bytes(), key.bytes());
    assert!(matches!(ask("password").0, Step::Failed(Failure::LogonFailure)));
    let initiator = Initiator::new("", NtHash::new([0; 16]), Chosen { challenge: [0; 8], session_key: [0; 16] });
    assert!(initiator.authenticate(&encode_negotiate(ASKED)).is_err());
}

#[test]
fn a_client_without_key_exchange_uses_the_key_of_the_proof() {
    let client =
        Client { flags: Flags(ASKED.0 & !Flags::KEY_EXCHANGE.0), mic: None, ..Client::new("User", "Password") };
    let Step::Done(done) = client.log_on(&settings()) else { panic!("not let in") };
    assert_eq!(done.session_key.bytes().len(), 16);
    assert_ne!(done.session_key.bytes(), [0x55; 16]);
}

#[test]
fn pairs_that_are_cut_short_are_no_proof_at_all() {
    let with = |pairs: &[u8]| {
        let response = [&[7; 16], &[1, 1][..], &[0; 26], pairs].concat();
        Client { nt_response: Some(response), ..Client::new("User", "Password") }.failure(&settings())
    };
    for cut in [&[1, 0, 4, 0, 9, 9][..], &[2, 0, 0, 0, 1, 0, 1, 0], &[1, 0, 0]] {
        assert!(matches!(with(cut), Failure::Malformed(_)), "{cut:?}");
    }
    for whole in [&[1, 0, 2, 0, 9, 9, 0, 0, 0, 0][..], &[1, 0, 2, 0, 9, 9], &[0; 8], &[]] {
        assert_eq!(with(whole), Failure::LogonFailure, "only the proof is wrong: {whole:?}");
    }
}

#[test]
fn whatever_is_wrong_the_answer_is_one() {
    for (user, password) in [("User", "password"), ("User", ""), ("Nobody", "Password"), ("Gone", "Password")] {
        assert_eq!(Client::new(user, password).failure(&settings()), Failure::LogonFailure, "{user} {password}");
    }
    // Not even somebody who guesses what stands in for the hash of a user that there is not.
    let dummy = Client::new("Nobody", "");
    assert_eq!(dummy.failure(&settings()), Failure::LogonFailure);
}

#[test]
fn accounts_are_asked_once_for_every_attempt() {
    let users = Arc::new(Users::default());
    let settings = Settings { accounts: Arc::clone(&users) as Arc<dyn Accounts>, ..settings() };
    for (attempts, user) in [(1, "User"), (2, "Nobody"), (3, "Gone")] {
        Client::new(user, "wrong").failure(&settings);
        assert_eq!(users.0.load(Ordering::Relaxed), attempts);
    }
}

#[test]
fn a_mic_that_is_promised_is_verified() {
    for bit in [0, 64, 127] {
        let changes: [fn(&mut [u8; 16]); 3] = [|mic| mic[0] ^= 1, |mic| mic[8] ^= 1, |mic| mic[15] ^= 0x80];
        let client = Client { mic: Some(changes[bit / 60]), ..Client::new("User", "Password") };
        assert_eq!(client.failure(&settings()), Failure::LogonFailure, "bit {bit}");
    }
    // Without the promise there is none to verify.
    let client = Client { mic: None, ..Client::new("User", "Password") };
    assert!(matches!(client.log_on(&settings()), Step::Done(_)));
}

#[test]
fn a_mic_covers_every_message() {
    let client = Client::new("User", "Password");
    let (first, other) = (encode_negotiate(ASKED), encode_negotiate(ASKED | Flags(0x0010_0000)));
    let mut acceptor = Acceptor::new(settings(), CHALLENGE);
    let Step::Continue(challenge) = acceptor.step(&other, NOW) else { panic!("no challenge") };
    let last = acceptor.step(&client.authenticate(&first, &challenge), NOW);
    assert!(matches!(last, Step::Failed(Failure::LogonFailure)), "another NEGOTIATE: {last:?}");

    let mut acceptor = Acceptor::new(settings(), CHALLENGE);
    let Step::Continue(mut challenge) = acceptor.step(&first, NOW) else { panic!("no challenge") };
    let at = challenge.len() - 1;
    challenge[at] ^= 1;
    let last = acceptor.step(&client.authenticate(&first, &challenge), NOW);
    assert!(matches!(last, Step::Failed(Failure::LogonFailure)), "another CHALLENGE: {last:?}");
}

#[test]
fn old_and_weak_clients_are_refused() {
    let weak = |flags| {
        let mut acceptor = Acceptor::new(settings(), CHALLENGE);
        match acceptor.step(&encode_negotiate(flags), NOW) {
            Step::Failed(Failure::TooWeak(reason)) => reason,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(weak(Flags(ASKED.0 & !Flags::EXTENDED_SESSION_SECURITY.0)), "no extended session security");
    assert_eq!(weak(Flags(ASKED.0 & !Flags::KEY_128.0)), "no 128-bit keys");
    assert_eq!(weak(Flags(ASKED.0 & !Flags::UNICODE.0)), "no Unicode");
    for response in [vec![0; 24], vec![1; 16], vec![0; 200], Vec::new()] {
        let client = Client { nt_response: Some(response), ..Client::new("User", "Password") };
        assert_eq!(client.failure(&settings()), Failure::TooWeak("no NTLMv2 response"));
    }
    // Nor later than in the first message.
    let client = Client { flags: Flags(ASKED.0 & !Flags::KEY_128.0), ..Client::new("User", "Password") };
    assert_eq!(client.failure(&settings()), Failure::TooWeak("no 128-bit keys"));
}

#[test]
fn guests_and_nobody_come_in_only_where_they_may() {
    let guests = Settings { guests: true, ..settings() };
    let Step::Done(done) = Client::new("Nobody", "x").log_on(&guests) else { panic!("no guest") };
    assert_eq!((done.who, done.session_key.bytes()), (Who::Guest { name: "Nobody".to_owned() }, [].as_slice()));
    for user in ["User", "Gone"] {
        assert_eq!(Client::new(user, "wrong").failure(&guests), Failure::LogonFailure, "{user} is no guest");
    }

    let nobody = Client { nt_response: Some(Vec::new()), ..Client::new("", "") };
    assert_eq!(nobody.failure(&settings()), Failure::LogonFailure);
    let Step::Done(done) = nobody.log_on(&Settings { anonymous: true, ..settings() }) else { panic!("refused") };
    assert_eq!((done.who, done.session_key.bytes().len()), (Who::Anonymous, 16));
    let weakly = Client { flags: Flags(ASKED.0 & !Flags::EXTENDED_SESSION_SECURITY.0), ..nobody };
    let done = weakly.log_on(&Settings { anonymous: true, ..settings() });
    assert!(matches!(done, Step::Done(_)), "what is not proved need not be proved strongly");
}

#[test]
fn no_token_is_taken_out_of_turn() {
    let mut acceptor = Acceptor::new(settings(), CHALLENGE);
    let (first, client) = (encode_negotiate(ASKED), Client::new("User", "Password"));
    let Step::Continue(challenge) = acceptor.step(&first, NOW) else { panic!("no challenge") };
    let last = client.authenticate(&first, &challenge);
    assert!(matches!(acceptor.step(&last, NOW), Step::Done(_)));
    assert!(matches!(acceptor.step(&last, NOW), Step::Failed(Failure::Malformed(_))));
    assert!(matches!(acceptor.step(&first, NOW), Step::Failed(Failure::Malformed(_))));
    let mut acceptor = Acceptor::new(settings(), CHALLENGE);
    assert!(matches!(acceptor.step(&last, NOW), Step::Failed(Failure::Malformed(_))));
    assert!(matches!(acceptor.step(&first, NOW), Step::Failed(Failure::Malformed(_))), "one failure is the end");
    assert!(acceptor.message_code(b"x").is_none() && !acceptor.verify_message_code(b"x", &[0; 16]));
    let mut acceptor = Acceptor::new(settings(), CHALLENGE);
    let long = [encode_negotiate(ASKED), vec![0; 4096]].concat();
    assert!(matches!(acceptor.step(&long, NOW), Step::Failed(Failure::Malformed(_))));
}

#[test]
fn messages_that_are_cut_are_malformed() {
    let first = encode_negotiate(ASKED);
    let challenge = {
        let Step::Continue(challenge) = Acceptor::new(settings(), CHALLENGE).step(&first, NOW) else { panic!() };
        challenge
    };
    let whole = Client::new("User", "Password").authenticate(&first, &challenge);
    for length in 0..whole.len() {
        assert!(Authenticate::decode(&whole[..length]).is_err(), "{length}");
    }
    assert!(Authenticate::decode(&whole).is_ok());
    let mut far = whole.clone();
    far[24..28].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(Authenticate::decode(&far), Err(MessageError::FieldOutside));
    let mut long = whole;
    long[36..38].copy_from_slice(&600_u16.to_le_bytes());
    assert_eq!(Authenticate::decode(&long), Err(MessageError::FieldTooLong));
}

#[test]
fn what_a_challenge_says() {
    let mut acceptor = Acceptor::new(settings(), CHALLENGE);
    let Step::Continue(challenge) = acceptor.step(&encode_negotiate(ASKED), NOW) else { panic!("no challenge") };
    assert_eq!(&challenge[24..32], CHALLENGE);
    let info_at = usize::try_from(u32::from_le_bytes(challenge[44..48].try_into().unwrap())).unwrap();
    let pairs: Vec<_> = AvPairs(&challenge[info_at..]).map(|pair| (pair.id, pair.value.to_vec())).collect();
    let (netbios, dns) = (utf16("CONTOSO"), utf16("contoso.test"));
    // 2023-11-14 22:13:20 UTC.
    let time = 133_444_736_000_000_000_u64.to_le_bytes().to_vec();
    assert_eq!(pairs, [(2, netbios.clone()), (1, netbios), (4, dns.clone()), (3, dns), (7, time)]);
}
