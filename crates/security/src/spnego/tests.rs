use super::*;

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
