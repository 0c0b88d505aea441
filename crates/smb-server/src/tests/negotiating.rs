//! NEGOTIATE, from SMB1 on.

use smb_wire::codec::{List, decode_body};
use smb_wire::negotiate::{
    self as wire, Capabilities, Dialect, HashAlgorithm, NegotiateContext, NegotiateResponse, SecurityMode,
};
use smb_wire::{Command, EchoRequest, Status};

use super::harness::{CIPHERS, CONTOSO, Client, EVERY_DIALECT, House, Offer, PREAUTH, SIGNING, offer, responses};

#[test]
fn every_dialect_is_spoken_and_the_best_is_chosen() {
    let house = House::new();
    for (index, dialect) in EVERY_DIALECT.into_iter().enumerate() {
        let mut client = house.client(CONTOSO);
        let response = client.negotiate(offer(&EVERY_DIALECT[..=index]));
        let body: NegotiateResponse<'_> = decode_body(&response.body).unwrap();
        assert_eq!((response.status(), body.dialect), (Status::SUCCESS, dialect));
        assert_eq!((body.security_buffer, body.server_guid.0), (&b"hint"[..], [9; 16]));
        let is_large = dialect != Dialect::SMB_2_0_2;
        assert_eq!(body.max_read_size, if is_large { 8 << 20 } else { 64 << 10 });
        assert_eq!(body.capabilities.contains(Capabilities::LARGE_MTU), is_large);
        assert!(body.security_mode.contains(SecurityMode::SIGNING_REQUIRED), "unless set otherwise");
        assert_eq!(response.header.credits, 10);
    }
}

#[test]
fn gmac_and_gcm_are_chosen_first_and_compression_is_not_spoken_of() {
    let (house, lz77) = (House::new(), wire::CompressionAlgorithm::LZ77);
    let mut client = house.client(CONTOSO);
    let compression = NegotiateContext::Compression {
        flags: wire::CompressionFlags::empty(),
        algorithms: List::Items(std::slice::from_ref(&lz77)),
    };
    let posix = NegotiateContext::Unknown { kind: wire::ContextType::POSIX, data: &[1; 16] };
    let contexts = [posix, SIGNING, compression, CIPHERS, PREAUTH];
    let response = client.negotiate(Offer { contexts: &contexts, ..offer(&[Dialect::SMB_3_1_1]) });
    let body: NegotiateResponse<'_> = decode_body(&response.body).unwrap();
    let kinds: Vec<_> = body.contexts.iter().map(|context| context.kind().0).collect();
    assert_eq!(kinds, [1, 2, 8]);
    let terms = client.terms.unwrap();
    assert_eq!((terms.cipher.unwrap().id(), terms.signing.id()), (2, 2));
}

#[test]
fn contexts_that_cannot_be_are_refused() {
    let house = House::new();
    let no_sha = NegotiateContext::PreauthIntegrity { hash_algorithms: List::Items(&[HashAlgorithm(9)]), salt: &[] };
    let cases: [(&[NegotiateContext<'_>], Status); 5] = [
        (&[], Status::INVALID_PARAMETER),
        (&[CIPHERS], Status::INVALID_PARAMETER),
        (&[PREAUTH, PREAUTH], Status::INVALID_PARAMETER),
        (&[PREAUTH, NegotiateContext::Encryption(List::Items(&[]))], Status::INVALID_PARAMETER),
        (&[no_sha], Status::SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP),
    ];
    for (contexts, status) in cases {
        let mut client = house.client(CONTOSO);
        let response = client.negotiate(Offer { contexts, ..offer(&[Dialect::SMB_3_1_1]) });
        assert_eq!(response.status(), status);
    }
    let response = house.client(CONTOSO).negotiate(offer(&[Dialect(0x0400)]));
    assert_eq!(response.status(), Status::NOT_SUPPORTED);
}

#[test]
fn nothing_comes_before_negotiate_and_no_second_one_after_it() {
    let house = House::new();
    let mut client = house.client(CONTOSO);
    let header = client.header(Command::ECHO);
    assert!(client.exchange(&client.message(header, &EchoRequest {})).is_err());
    let mut client = house.client(CONTOSO);
    client.negotiate(offer(&[Dialect::SMB_2_1]));
    let header = client.header(Command::NEGOTIATE);
    assert!(client.exchange(&client.message(header, &EchoRequest {})).is_err());
}

fn smb1(client: &mut Client<'_>, dialects: &[&str]) -> Option<Dialect> {
    let mut names = Vec::new();
    for name in dialects {
        names.extend([&[2], name.as_bytes(), &[0]].concat());
    }
    let length = u16::try_from(names.len()).unwrap().to_le_bytes();
    let frame = [b"\xffSMB\x72", &[0; 27][..], &[0], &length, &names].concat();
    let answer = client.exchange(&frame).ok()??;
    client.next = 1;
    let answers = responses(&answer);
    let body: NegotiateResponse<'_> = decode_body(&answers[0].body).unwrap();
    Some(body.dialect)
}

#[test]
fn clients_of_smb1_are_led_to_smb2_or_sent_away() {
    let house = House::new();
    let mut client = house.client(CONTOSO);
    assert_eq!(smb1(&mut client, &["NT LM 0.12", "SMB 2.002", "SMB 2.???"]), Some(Dialect::WILDCARD));
    assert_eq!(client.negotiate(offer(&EVERY_DIALECT)).status(), Status::SUCCESS);
    assert_eq!(client.log_on(&["alice"]).status(), Status::SUCCESS, "the hash begins with the NEGOTIATE of SMB2");

    let mut client = house.client(CONTOSO);
    assert_eq!(smb1(&mut client, &["SMB 2.002"]), Some(Dialect::SMB_2_0_2));
    let mut client = house.client(CONTOSO);
    assert_eq!(smb1(&mut client, &["NT LM 0.12"]), None);
}
