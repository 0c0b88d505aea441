//! A call that must not be done twice is sent again: over another connection, and to a gateway that was killed meanwhile.

use integration::client::{Answer, Client};
use integration::{CONTOSO, Gateway, Site};
use nfs_wire::nfs3::{
    Create, CreateArgs, CreateHow, DirOpArgs, FileHandle, Filename, Link, LinkArgs, Mkdir, MkdirArgs, Nfsstat3, Remove,
    RemoveArgs, Rename, RenameArgs, Reply3, Rmdir, RmdirArgs, Sattr3, Setattr, SetattrArgs,
};
use nfs_wire::rpc::Procedure;

/// A call that was answered with success, and what it would be told if it were done once more.
struct Sent {
    name: &'static str,
    record: Vec<u8>,
    done_twice: Nfsstat3,
    send: fn(&mut Client, &[u8]) -> Answer<Option<Nfsstat3>>,
}

#[test]
fn what_was_done_before_a_kill_is_answered_with_success_when_sent_again() {
    let site = Site::new(None).unwrap();
    let address = site.address(CONTOSO).unwrap();
    let gateway = Gateway::start(&site).unwrap();
    let mut client = Client::connect(address).unwrap();
    let root = client.mount("/projects").unwrap();
    let calls = do_all(&mut client, &root);
    let mut other = Client::connect(address).unwrap();
    for call in &calls {
        assert_eq!((call.send)(&mut other, &call.record).unwrap(), None, "{} over another connection", call.name);
    }
    let before = client.readdir(&root).unwrap();
    gateway.kill().unwrap();
    let gateway = Gateway::start(&site).unwrap();
    let mut client = Client::connect(address).unwrap();
    for call in &calls {
        assert_eq!((call.send)(&mut client, &call.record).unwrap(), None, "{} after a kill", call.name);
    }
    assert_eq!(client.readdir(&root).unwrap(), before);
    for call in &calls {
        let mut again = call.record.clone();
        // Another xid: another call.
        again[4] ^= 0x80;
        assert_eq!((call.send)(&mut client, &again).unwrap(), Some(call.done_twice), "{} done again", call.name);
    }
    gateway.stop().unwrap();
    Gateway::check(&site).unwrap();
}

/// One call of each kind, in an order in which each is done.
fn do_all(client: &mut Client, root: &FileHandle) -> Vec<Sent> {
    let folder = client.mkdir(root, "folder", 0o755).unwrap();
    for name in ["removed", "renamed", "linked"] {
        client.create(&folder, name, 0o644).unwrap();
    }
    client.mkdir(&folder, "empty", 0o755).unwrap();
    let file = client.lookup(&folder, "linked").unwrap();
    let at = |name: &'static str| DirOpArgs { dir: folder.clone(), name: Filename::from_static(name) };
    let attributes = Sattr3 { mode: Some(0o640), ..Sattr3::default() };
    let guard = Some(client.getattr(&file).unwrap().ctime);
    let set = SetattrArgs { object: file.clone(), new_attributes: attributes, guard };
    let create = CreateArgs { place: at("created"), how: CreateHow::Guarded(attributes) };
    let mkdir = MkdirArgs { place: at("made"), attributes };
    let rename = RenameArgs { from: at("renamed"), to: at("new name") };
    vec![
        sent::<Setattr, _, _>(client, &set, Nfsstat3::NotSync),
        sent::<Create, _, _>(client, &create, Nfsstat3::Exist),
        sent::<Mkdir, _, _>(client, &mkdir, Nfsstat3::Exist),
        sent::<Link, _, _>(client, &LinkArgs { file, link: at("second") }, Nfsstat3::Exist),
        sent::<Rename, _, _>(client, &rename, Nfsstat3::Noent),
        sent::<Remove, _, _>(client, &RemoveArgs { object: at("removed") }, Nfsstat3::Noent),
        sent::<Rmdir, _, _>(client, &RmdirArgs { object: at("empty") }, Nfsstat3::Noent),
    ]
}

fn sent<P, Ok3, Fail3>(client: &mut Client, args: &P::Args, done_twice: Nfsstat3) -> Sent
where
    P: Procedure<Result = Reply3<Ok3, Fail3>>,
{
    let record = client.record::<P>(args).to_vec();
    let send = |client: &mut Client, record: &[u8]| Ok(client.send::<P>(record)?.into_result().err());
    assert_eq!(send(client, &record).unwrap(), None, "{}", P::NAME);
    Sent { name: P::NAME, record, done_twice, send }
}
