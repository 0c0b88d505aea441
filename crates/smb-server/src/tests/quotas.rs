//! Quotas of users over SMB.

use bytes::BytesMut;
use smb_wire::codec::{decode, decode_body, encode};
use smb_wire::create::CreateDisposition;
use smb_wire::dtyp::Sid;
use smb_wire::info::FileInformationClass;
use smb_wire::info::{
    Entries, EntryWriter, FileQuota, FsControl, FsFullSize, FsInformationClass, GetQuota, Number64, QueryQuota,
};
use smb_wire::negotiate::Dialect;
use smb_wire::query_info::{InfoType, QueryInfoFlags, QueryInfoRequest, SecurityInformation, SetInfoRequest};
use smb_wire::{Command, FileId, OutputResponse, Status};
use testkit::block_on;
use vfs::{Admin, OpContext, Principal, QuotaDomain, QuotaGuard, QuotaLimits, QuotaSettings, SetQuotaRequest};
use zones::Persona;

use super::files::open;
use super::harness::{CONTOSO, Client, House};
use super::listings::set;

/// Who the clients log on as.
const ALICE: u32 = 1001;

/// Limits of a user below the base of the zone.
fn limit(house: &House, id: u32, bytes: QuotaLimits) {
    let zone = house.door.facts.registry.zones().into_iter().find(|zone| zone.name() == "contoso").unwrap();
    let (directory, domain) = (zone.root(), QuotaDomain::User(Principal::Unix(id)));
    let settings = Some(QuotaSettings { bytes, enforced: true, ..QuotaSettings::default() });
    let request = SetQuotaRequest { directory, domain, settings, guard: QuotaGuard::Any };
    block_on(house.door.vfs.set_quota(&OpContext::internal(directory), request)).unwrap();
}

fn sid(house: &House, id: u32) -> Sid {
    let zone = house.door.facts.registry.zones().into_iter().find(|zone| zone.name() == "contoso").unwrap();
    zone.sids().sid(Persona::User(id)).to_string().parse().unwrap()
}

fn at_home(house: &House) -> Client<'_> {
    let mut client = house.client(CONTOSO).at_home(Dialect::SMB_3_1_1);
    assert_eq!(client.connect("projects").status(), Status::SUCCESS);
    client
}

fn ask(client: &mut Client<'_>, file_id: FileId, asked: &QueryQuota<'_>, room: u32) -> Result<Vec<FileQuota>, Status> {
    let mut input = BytesMut::new();
    encode(asked, &mut input);
    let (info_type, additional, flags) = (InfoType::QUOTA, SecurityInformation::empty(), QueryInfoFlags::empty());
    let request =
        QueryInfoRequest { info_type, class: 0, output_length: room, additional, flags, file_id, input: &input };
    let response = client.ask(Command::QUERY_INFO, &request);
    if response.status() != Status::SUCCESS {
        return Err(response.status());
    }
    let body: OutputResponse<'_> = decode_body(&response.body).unwrap();
    Ok(Entries::<FileQuota>::new(body.output).collect::<Result<_, _>>().unwrap())
}

fn everybody(restart_scan: bool) -> QueryQuota<'static> {
    QueryQuota {
        return_single: false,
        restart_scan,
        sid_list_length: 0,
        start_sid_length: 0,
        start_sid_offset: 0,
        sids: &[],
    }
}

#[test]
fn a_user_is_told_what_it_may_use_and_of_nobody_else() {
    let house = House::new();
    let mut client = at_home(&house);
    let file = open(&mut client, "file", CreateDisposition::CREATE).unwrap();
    assert_eq!(set(&mut client, file, FileInformationClass::END_OF_FILE, &Number64 { value: 700 }), Status::SUCCESS);
    limit(&house, ALICE, QuotaLimits { hard: Some(10_000), soft: None, advisory: Some(9000) });
    limit(&house, 5, QuotaLimits { hard: Some(5), ..QuotaLimits::default() });
    let told = ask(&mut client, file, &everybody(false), 1000).unwrap();
    let [own] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((own.used, own.threshold, own.limit, own.sid), (700, 9000, 10_000, sid(&house, ALICE)));
    assert_eq!(ask(&mut client, file, &everybody(false), 1000), Err(Status::NO_MORE_ENTRIES));
    assert_eq!(ask(&mut client, file, &everybody(true), 1000).map(|told| told.len()), Ok(1));
    assert_eq!(ask(&mut client, file, &everybody(true), 20), Err(Status::BUFFER_TOO_SMALL));
    for (id, expected) in [(ALICE, Ok(1)), (5, Err(Status::ACCESS_DENIED))] {
        let mut list = BytesMut::new();
        assert!(EntryWriter::new(&mut list, 1000).push(&GetQuota { sid: sid(&house, id) }));
        let sid_list_length = u32::try_from(list.len()).unwrap();
        let asked = QueryQuota { sid_list_length, sids: &list, ..everybody(false) };
        assert_eq!(ask(&mut client, file, &asked, 1000).map(|told| told.len()), expected, "{id}");
        assert_eq!(
            ask(&mut client, file, &QueryQuota { sid_list_length: 9999, ..asked }, 1000),
            Err(Status::INVALID_PARAMETER)
        );
    }
    let (info_type, additional) = (InfoType::QUOTA, SecurityInformation::empty());
    let request = SetInfoRequest { info_type, class: 0, additional, file_id: file, input: &[0; 64] };
    assert_eq!(client.ask(Command::SET_INFO, &request).status(), Status::NOT_SUPPORTED, "limits are the operator's");
}

#[test]
fn what_a_user_may_still_use_is_what_is_free_for_it() {
    let house = House::new();
    let mut client = at_home(&house);
    let file = open(&mut client, "file", CreateDisposition::CREATE).unwrap();
    let query = |client: &mut Client<'_>, class: FsInformationClass| {
        let (additional, flags) = (SecurityInformation::empty(), QueryInfoFlags::empty());
        let (info_type, class) = (InfoType::FILESYSTEM, class.0);
        let request =
            QueryInfoRequest { info_type, class, output_length: 200, additional, flags, file_id: file, input: &[] };
        let response = client.ask(Command::QUERY_INFO, &request);
        decode_body::<OutputResponse<'_>>(&response.body).unwrap().output.to_vec()
    };
    let flags =
        |client: &mut Client<'_>| decode::<FsControl>(&query(client, FsInformationClass::CONTROL)).unwrap().flags;
    assert_eq!(flags(&mut client), 0);
    limit(&house, ALICE, QuotaLimits { hard: Some(40 * 4096), ..QuotaLimits::default() });
    assert_eq!(set(&mut client, file, FileInformationClass::END_OF_FILE, &Number64 { value: 4096 }), Status::SUCCESS);
    let size: FsFullSize = decode(&query(&mut client, FsInformationClass::FULL_SIZE)).unwrap();
    assert_eq!(size.caller_available_units, 39);
    assert!(size.actual_available_units > 1000);
    assert_eq!(flags(&mut client), 3);
}
