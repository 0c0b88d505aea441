//! Groups that come from the zone, not from the client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use nfs_wire::nfs3::{FileHandle, Nfsstat3};
use zones::{GroupProvider, Lookup, ProviderError, Zone};

use super::harness::{CONTOSO, Client, House, mode, zone};

const KEYS: &str = "users_file = \"users\"\ngroups_file = \"groups\"\nresolve_groups = true\n[[export]]";
const USERS: &str = "owner:x:1000:100\nanna:x:1001:101\n";

fn resolving(export: &str) -> String {
    zone("contoso", CONTOSO, export).replace("[[export]]", KEYS)
}

/// `anna` in as many groups, with gids from 5001.
fn groups(count: u32) -> String {
    (1..=count).map(|group| format!("g{group}:x:{}:anna\n", 5000 + group)).collect()
}

/// A file that only members of this group may read.
fn file_of(house: &House, gid: u32) -> FileHandle {
    let root_user = house.client(CONTOSO);
    let file = root_user.create(&root_user.mount(), &format!("of{gid}"));
    let group = nfs_wire::nfs3::Sattr3 { gid: Some(gid), ..mode(0o040) };
    root_user.setattr(&file, group).into_result().unwrap();
    file
}

/// A client of Linux sends the first 16 groups of a user.
fn anna<'a>(house: &'a House, groups: std::ops::Range<u32>) -> Client<'a> {
    house.client(CONTOSO).user(1001, 101, &groups.collect::<Vec<_>>())
}

#[test]
fn the_fortieth_group_opens_what_is_its_own() {
    let house = House::new();
    house.reload_beside(&[&resolving("")], &[("users", USERS), ("groups", &groups(40))]);
    let (file, foreign) = (file_of(&house, 5040), file_of(&house, 5041));
    let client = anna(&house, 5001..5017);
    assert!(client.read(&file, 0, 1).is_ok());
    assert!(anna(&house, 0..0).read(&file, 0, 1).is_ok(), "whatever its client says");
    assert_eq!(anna(&house, 5041..5042).read(&foreign, 0, 1).unwrap_err(), Nfsstat3::Acces, "a group it only claims");
    let stranger = house.client(CONTOSO).user(1234, 1, &[5040]);
    assert!(stranger.read(&file, 0, 1).is_ok(), "a user that the zone does not know keeps what it claims");

    house.reload_beside(&[&resolving("")], &[("users", USERS), ("groups", &groups(39))]);
    assert_eq!(client.read(&file, 0, 1).unwrap_err(), Nfsstat3::Acces, "users are read again, mounts stay");
    house.reload(&[&zone("contoso", CONTOSO, "")]);
    assert_eq!(client.read(&file, 0, 1).unwrap_err(), Nfsstat3::Acces, "the wire carries 16 groups");
}

#[test]
fn as_many_groups_as_credentials_hold() {
    let house = House::new();
    // Its own group is one of them.
    house.reload_beside(&[&resolving("")], &[("users", USERS), ("groups", &groups(65_535))]);
    let (file, foreign) = (file_of(&house, 5000 + 65_535), file_of(&house, 5000));
    let client = anna(&house, 0..0);
    for _ in 0..2 {
        assert!(client.read(&file, 0, 1).is_ok());
        assert_eq!(client.read(&foreign, 0, 1).unwrap_err(), Nfsstat3::Acces);
    }
}

#[test]
fn strangers_become_who_the_export_says() {
    let house = House::new();
    let failure = "lookup = true\nmap_failure = { user = \"nobody\" }";
    house.reload_beside(&[&resolving(failure)], &[("users", USERS), ("groups", "")]);
    let stranger = house.client(CONTOSO).user(1234, 1, &[]);
    let file = stranger.create(&stranger.mount(), "a");
    assert_eq!(stranger.getattr(&file).unwrap().uid, 65_534);
    let known = house.client(CONTOSO).user(1001, 1, &[]);
    let file = known.create(&known.mount(), "b");
    assert_eq!(known.getattr(&file).unwrap().uid, 1001);
}

/// Puts every user in one group, which tests change; counts questions; may be away.
#[derive(Debug, Default)]
struct Directory {
    group: AtomicU32,
    questions: AtomicUsize,
    is_away: AtomicBool,
}

impl GroupProvider for Directory {
    fn groups_of(&self, _: u32) -> Lookup {
        self.questions.fetch_add(1, Ordering::Relaxed);
        let away = self.is_away.load(Ordering::Relaxed).then(|| ProviderError("away".into()));
        let group: Arc<[u32]> = [self.group.load(Ordering::Relaxed)].into();
        Box::pin(std::future::ready(away.map_or(Ok(Some(group)), Err)))
    }
}

fn house_with(directory: &Arc<Directory>) -> House {
    let house = House::new();
    let (definition, root) = house.parse(&resolving(""), &[("users", USERS), ("groups", "")]);
    house.door.registry.serve(vec![Zone::with_provider(definition, root, directory.clone())]);
    house
}

#[test]
fn what_a_connection_remembers_ends_with_the_answer_it_came_from() {
    let directory = Arc::new(Directory { group: 7.into(), ..Directory::default() });
    let house = house_with(&directory);
    let file = file_of(&house, 7);
    let client = anna(&house, 0..0);
    assert!(client.read(&file, 0, 1).is_ok());
    directory.group.store(8, Ordering::Relaxed);
    house.clock.advance(Duration::from_secs(299));
    for _ in 0..10 {
        assert!(client.read(&file, 0, 1).is_ok(), "for cache_seconds");
    }
    assert_eq!(directory.questions.load(Ordering::Relaxed), 1);
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(client.read(&file, 0, 1).unwrap_err(), Nfsstat3::Acces);
    assert_eq!(directory.questions.load(Ordering::Relaxed), 2);
}

#[test]
fn a_directory_that_is_away_makes_clients_wait() {
    let directory = Arc::new(Directory { group: 7.into(), is_away: true.into(), ..Directory::default() });
    let house = house_with(&directory);
    let file = file_of(&house, 7);
    let client = anna(&house, 7..8);
    assert_eq!(client.read(&file, 0, 1).unwrap_err(), Nfsstat3::Jukebox);
    assert!(house.client(CONTOSO).getattr(&file).is_ok(), "root is not looked up");
    directory.is_away.store(false, Ordering::Relaxed);
    assert!(client.read(&file, 0, 1).is_ok());
}
