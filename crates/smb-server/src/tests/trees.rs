//! TREE_CONNECT and TREE_DISCONNECT.

use smb_wire::codec::decode_body;
use smb_wire::negotiate::Dialect;
use smb_wire::tree_connect::{ShareFlags, ShareType, TreeConnectResponse};
use smb_wire::{Command, Status, TreeDisconnectRequest};

use super::harness::{CONTOSO, FABRIKAM, House, offer};

#[test]
fn a_share_of_the_zone_is_found_in_any_case_and_others_are_not() {
    let house = House::new();
    let mut client = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
    let response = client.connect("pRoJeCtS");
    let body: TreeConnectResponse = decode_body(&response.body).unwrap();
    assert_eq!((response.status(), body.share_type), (Status::SUCCESS, ShareType::DISK));
    assert_eq!(body.maximal_access.bits(), 0x001f_01ff);
    assert_eq!(client.ask(Command(0x13), &TreeDisconnectRequest {}).status(), Status::NOT_SUPPORTED);
    assert_eq!(client.ask(Command::TREE_DISCONNECT, &TreeDisconnectRequest {}).status(), Status::SUCCESS);
    let again = client.ask(Command::TREE_DISCONNECT, &TreeDisconnectRequest {}).status();
    assert_eq!(again, Status::NETWORK_NAME_DELETED);
    for (share, status) in [
        ("of-contoso", Status::SUCCESS),
        ("of-fabrikam", Status::BAD_NETWORK_NAME),
        ("gone", Status::BAD_NETWORK_NAME),
        ("ipc$", Status::SUCCESS),
    ] {
        assert_eq!(client.connect(share).status(), status, "{share}");
    }
    let mut other = house.client(FABRIKAM).at_home(Dialect::SMB_3_1_1);
    assert_eq!(other.connect("of-fabrikam").status(), Status::ACCESS_DENIED, "it is not named there");
}

#[test]
fn a_share_that_is_encrypted_is_reached_in_no_other_way() {
    let house = House::new();
    let mut old = house.client(CONTOSO).at_home(Dialect::SMB_2_1);
    assert_eq!(old.connect("sealed").status(), Status::ACCESS_DENIED);
    let mut client = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
    let response = client.connect("sealed");
    let body: TreeConnectResponse = decode_body(&response.body).unwrap();
    assert!(body.share_flags.contains(ShareFlags::ENCRYPT_DATA));
    let bare = client.ask(Command::TREE_DISCONNECT, &TreeDisconnectRequest {}).status();
    assert_eq!(bare, Status::ACCESS_DENIED);
    assert_eq!(client.ask_sealed(Command::TREE_DISCONNECT, &TreeDisconnectRequest {}).status(), Status::SUCCESS);
}

#[test]
fn guests_come_in_where_a_share_takes_them() {
    let house = House::new();
    let mut client = house.client(CONTOSO);
    client.negotiate(offer(&[Dialect::SMB_3_1_1]));
    let id = client.log_on(&["guest"]).header.session_id;
    client.guest = id;
    assert_eq!(client.connect("projects").status(), Status::ACCESS_DENIED);
    let response = client.connect("open");
    let body: TreeConnectResponse = decode_body(&response.body).unwrap();
    assert_eq!((response.status(), body.maximal_access.bits()), (Status::SUCCESS, 0x0012_00a9), "to read");
}
