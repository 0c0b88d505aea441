//! READDIR and READDIRPLUS.

use std::collections::BTreeSet;

use nfs_wire::nfs3::{self, FileHandle, Nfsstat3, ReaddirArgs, ReaddirOk, ReaddirplusArgs, ReaddirplusOk};
use nfs_wire::xdr::Encode;

use super::harness::{CONTOSO, Client, House};

fn readdir(client: &Client<'_>, dir: &FileHandle, cookie: u64, count: u32) -> Result<ReaddirOk, Nfsstat3> {
    let args = ReaddirArgs { dir: dir.clone(), cookie, cookieverf: [0; 8], count };
    client.call::<nfs3::Readdir>(&args).into_result()
}

fn plus(client: &Client<'_>, dir: &FileHandle, cookie: u64, counts: (u32, u32)) -> Result<ReaddirplusOk, Nfsstat3> {
    let (dircount, maxcount) = counts;
    let args = ReaddirplusArgs { dir: dir.clone(), cookie, cookieverf: [0; 8], dircount, maxcount };
    client.call::<nfs3::Readdirplus>(&args).into_result()
}

fn full(client: &Client<'_>, names: usize) -> FileHandle {
    let dir = client.mkdir(&client.mount(), "dir");
    for index in 0..names {
        client.create(&dir, &format!("{}{index}", "n".repeat(index % 40)));
    }
    dir
}

#[test]
fn every_entry_is_listed_once_whatever_the_count() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let dir = full(&client, 300);
    for count in [200, 211, 512, 1024, 4096, 65_536, u32::MAX] {
        let (mut cookie, mut names) = (0, Vec::new());
        loop {
            let page = readdir(&client, &dir, cookie, count).unwrap();
            assert!(page.encoded_size() <= count as usize, "{} bytes of {count}", page.encoded_size());
            assert!(page.eof || !page.entries.is_empty());
            names.extend(page.entries.iter().map(|entry| entry.name.clone()));
            cookie = page.entries.last().map_or(cookie, |entry| entry.cookie);
            if page.eof {
                break;
            }
        }
        let distinct: BTreeSet<_> = names.iter().collect();
        assert_eq!((names.len(), distinct.len()), (302, 302), "count {count}");
    }
}

#[test]
fn plus_keeps_both_counts_and_tells_handles() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let dir = full(&client, 300);
    for counts in [(100, 600), (512, 4096), (0, 1024), (8192, 32_768), (u32::MAX, u32::MAX)] {
        let (mut cookie, mut found) = (0, 0);
        loop {
            let page = plus(&client, &dir, cookie, counts).unwrap();
            assert!(page.encoded_size() <= counts.1 as usize, "{} bytes of {counts:?}", page.encoded_size());
            let names: usize = page.entries.iter().map(nfs3::EntryPlus3::directory_size).sum();
            assert!(names <= counts.0 as usize || page.entries.len() == 1, "{names} bytes of {counts:?}");
            for entry in page.entries.iter().filter(|entry| !entry.name.starts_with(b".")) {
                let attributes = client.getattr(entry.name_handle.as_ref().unwrap()).unwrap();
                assert_eq!((entry.name_attributes, entry.fileid), (Some(attributes), attributes.fileid));
            }
            found += page.entries.len();
            cookie = page.entries.last().map_or(cookie, |entry| entry.cookie);
            if page.eof {
                break;
            }
        }
        assert_eq!(found, 302, "{counts:?}");
    }
}

#[test]
fn a_count_below_one_entry_is_too_small() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let dir = full(&client, 10);
    for count in [0, 1, 50, 103, 104, 110, 131] {
        assert_eq!(readdir(&client, &dir, 0, count).unwrap_err(), Nfsstat3::Toosmall, "count {count}");
        assert_eq!(plus(&client, &dir, 0, (4096, count)).unwrap_err(), Nfsstat3::Toosmall, "count {count}");
    }
    assert_eq!(readdir(&client, &dir, 0, 132).unwrap().entries.len(), 1);
}

#[test]
fn a_listing_goes_on_while_the_directory_changes() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let dir = full(&client, 200);
    let first = readdir(&client, &dir, 0, 4096).unwrap();
    let seen: Vec<_> = first.entries.iter().map(|entry| entry.name.to_vec()).collect();
    for name in seen.iter().filter(|name| !name.starts_with(b".")).take(20) {
        client.remove(&dir, std::str::from_utf8(name).unwrap()).into_result().unwrap();
    }
    for index in 0..50 {
        client.create(&dir, &format!("new{index}"));
    }
    let (mut cookie, mut names) = (first.entries.last().unwrap().cookie, seen);
    loop {
        let args = ReaddirArgs { dir: dir.clone(), cookie, cookieverf: first.cookieverf, count: 1024 };
        let page = client.call::<nfs3::Readdir>(&args).into_result().unwrap();
        assert_eq!(page.cookieverf, first.cookieverf, "the verifier does not follow the directory");
        names.extend(page.entries.iter().map(|entry| entry.name.to_vec()));
        cookie = page.entries.last().map_or(cookie, |entry| entry.cookie);
        if page.eof {
            break;
        }
    }
    let distinct: BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "an entry came twice");
    assert!(distinct.iter().filter(|name| !name.starts_with(b"new")).count() == 202);
}

#[test]
fn the_root_of_an_export_shows_nothing_above_it() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let own = client.getattr(&root).unwrap().fileid;
    let page = readdir(&client, &root, 0, 4096).unwrap();
    assert!(page.entries.iter().all(|entry| entry.fileid == own));
    let page = plus(&client, &root, 0, (4096, 4096)).unwrap();
    let parent = page.entries.iter().find(|entry| &entry.name[..] == b"..").unwrap();
    assert_eq!((parent.fileid, &parent.name_handle, &parent.name_attributes), (own, &None, &None));
}

#[test]
fn listings_that_cannot_be() {
    let house = House::new();
    let client = house.client(CONTOSO);
    let root = client.mount();
    let file = client.create(&root, "a");
    assert_eq!(readdir(&client, &file, 0, 4096).unwrap_err(), Nfsstat3::Notdir);
    assert_eq!(readdir(&client, &root, 7, 4096).unwrap_err(), Nfsstat3::BadCookie);
    assert_eq!(plus(&client, &root, u64::MAX, (4096, 4096)).unwrap_err(), Nfsstat3::BadCookie);
    let beyond = readdir(&client, &root, i64::MAX as u64, 4096).unwrap();
    assert_eq!((beyond.entries.len(), beyond.eof), (0, true));
}
