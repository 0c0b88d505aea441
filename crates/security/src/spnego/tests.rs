use vfs::Timestamp;

use super::*;
use crate::mechanism::{Failure, Mechanism, Step};

#[test]
fn the_hint_of_a_server() {
    let ntlm = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a];
    // As servers that speak NTLM only send it (smbd 4.17, "NegTokenInit2").
    let expected = [
        [0x60, 0x48, 0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02, 0xa0, 0x3e, 0x30, 0x3c].as_slice(),
        &[0xa0, 0x0e, 0x30, 0x0c, 0x06, 0x0a],
        &ntlm,
        &[0xa3, 0x2a, 0x30, 0x28, 0xa0, 0x26, 0x1b, 0x24],
        b"not_defined_in_RFC4178@please_ignore",
    ]
    .concat();
    assert_eq!(hint(&[&ntlm]), expected);
    let read = InitialToken::decode(&expected).unwrap();
    assert_eq!(read.mechanisms().collect::<Vec<_>>(), [ntlm]);
}

#[test]
fn responses_come_back() {
    let long = vec![7; 70_000];
    for token in [
        ResponseToken::default(),
        ResponseToken {
            state: Some(NegotiationState::Incomplete),
            mechanism: Some(&[1, 2]),
            mechanism_token: Some(&long),
            list_code: Some(&[5; 130]),
        },
        ResponseToken { state: Some(NegotiationState::CodeRequested), list_code: Some(&[]), ..Default::default() },
    ] {
        let encoded = token.encode();
        assert_eq!(ResponseToken::decode(&encoded), Ok(token));
        assert!((0..encoded.len()).step_by(97).all(|length| ResponseToken::decode(&encoded[..length]).is_err()));
    }
}

/// Understands nothing, and says so when it is asked.
#[derive(Debug)]
struct Picky;

impl Mechanism for Picky {
    fn oids(&self) -> &'static [&'static [u8]] {
        &[&[9, 9]]
    }

    fn step(&mut self, token: &[u8], _now: Timestamp) -> Step {
        if token == b"for me" {
            Step::Continue(b"yes".to_vec())
        } else {
            Step::Failed(Failure::Malformed("not for me"))
        }
    }

    fn message_code(&self, _message: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn verify_message_code(&self, _message: &[u8], _code: &[u8]) -> bool {
        false
    }
}

/// A client's first token: these mechanisms, and a token for the first of them.
fn initial(mechanisms: &[&[u8]], token: &[u8]) -> Vec<u8> {
    let mechanisms: Vec<_> = mechanisms.iter().map(|oid| der::wrap(der::OBJECT_IDENTIFIER, &[oid])).collect();
    let list = der::wrap(der::SEQUENCE, &mechanisms.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let list = der::wrap(der::context(0), &[&list]);
    let token = der::wrap(der::context(2), &[&der::wrap(der::OCTET_STRING, &[token])]);
    let inside = der::wrap(der::context(0), &[&der::wrap(der::SEQUENCE, &[&list, &token])]);
    let spnego = [0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02];
    der::wrap(der::APPLICATION_0, &[&spnego, &inside])
}

#[test]
fn the_first_token_is_for_the_first_mechanism_only() {
    let now = Timestamp::default();
    for (mechanisms, answer) in
        [([[9, 9].as_slice(), &[1]], Some(b"yes".as_slice())), ([[1].as_slice(), &[9, 9]], None)]
    {
        let token = if answer.is_some() { b"for me".as_slice() } else { b"a ticket" };
        let mut acceptor = Acceptor::new(vec![Box::new(Picky)]);
        let Step::Continue(reply) = acceptor.step(&initial(&mechanisms, token), now) else { panic!("refused") };
        let reply = ResponseToken::decode(&reply).unwrap();
        assert_eq!((reply.state, reply.mechanism), (Some(NegotiationState::Incomplete), Some([9, 9].as_slice())));
        assert_eq!(reply.mechanism_token, answer);
    }
    let mut acceptor = Acceptor::new(vec![Box::new(Picky)]);
    let refused = acceptor.step(&initial(&[&[1], &[2]], b"x"), now);
    assert!(matches!(refused, Step::Failed(Failure::NoCommonMechanism)), "{refused:?}");
    let mut acceptor = Acceptor::new(vec![Box::new(Picky)]);
    let bare = acceptor.step(b"NTLMSSP\0\x01\0\0\0", now);
    assert!(matches!(bare, Step::Failed(Failure::NoCommonMechanism)), "{bare:?}");
}

#[test]
fn what_is_no_token() {
    use TokenError::{Malformed, OtherToken};
    let hint = hint(&[&[1]]);
    for (token, error) in [
        (Vec::new(), OtherToken),
        (vec![0x60], OtherToken),
        (vec![0x60, 0x80, 0, 0], OtherToken),
        (vec![0x60, 0x85, 0, 0, 0, 0, 1], OtherToken),
        (vec![0x60, 0x84, 0xff, 0xff, 0xff, 0xff], OtherToken),
        // Kerberos without SPNEGO around it.
        (vec![0x60, 0x04, 0x06, 0x02, 0x2a, 0x86], OtherToken),
        (hint[..hint.len() - 1].to_vec(), OtherToken),
        ([&hint[..14], &[0xa0; 60]].concat(), Malformed),
    ] {
        assert_eq!(InitialToken::decode(&token), Err(error), "{token:02x?}");
    }
}
