//! Pages of sessions, locks, exports, shares and zones.

use serde_json::{Value, json};

use super::fake::{Site, zone};
use crate::figures::Condition;

/// Follows the pages of a list; returns what each item has at `key`.
async fn walk(site: &Site, path: &str, key: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    for _ in 0..10 {
        let (status, page) = site.json(&format!("{path}?limit=2{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        found.extend(items.iter().map(|item| item[key].clone()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
    panic!("pages without end: {found:?}");
}

#[tokio::test]
async fn every_item_comes_once() {
    let site = Site::new();
    assert_eq!(walk(&site, "/v1/sessions", "id").await, [1, 2, 3, 4, 5]);
    assert_eq!(walk(&site, "/v1/locks", "owner").await, ["12@vm1 #258", "01ff", "x"]);
    assert_eq!(walk(&site, "/v1/exports", "path").await, ["/projects", "/home", "/a \"b\""]);
    assert_eq!(walk(&site, "/v1/shares", "name").await, ["Projects", "Projects"]);
    assert_eq!(walk(&site, "/v1/zones", "name").await, ["contoso", "fabrikam"]);
}

#[tokio::test]
async fn sessions_say_who_and_how_much() {
    let (_, list) = Site::new().json("/v1/sessions").await;
    let first = &list["items"][0];
    let mounts: Vec<_> = (0..16).map(|index| format!("/m{index}")).collect();
    assert_eq!(
        first,
        &json!({
            "id": 1, "zone": "contoso", "protocol": "nfs", "user": null, "client": "192.0.2.7:700", "server": "127.0.0.1:2049",
            "since": "2023-11-14T22:12:20Z", "age_s": 60, "idle_ms": 1500, "calls": 10, "in_flight": 1,
            "bytes_in": 100, "bytes_out": 200, "mounts": mounts, "opens": 0,
        })
    );
    assert_eq!((&list["items"][4]["zone"], &list["total"], &list["next"]), (&Value::Null, &json!(5), &Value::Null));
}

#[tokio::test]
async fn shares_say_what_they_let_happen() {
    let (_, list) = Site::new().json("/v1/shares").await;
    assert_eq!(
        list["items"][0],
        json!({
            "zone": "contoso", "name": "Projects", "path": "/projects", "description": "", "read_only": true,
            "guests": false, "browsable": true, "encrypted": false,
        })
    );
}

#[tokio::test]
async fn locks_say_whose_and_what() {
    let (_, list) = Site::new().json("/v1/locks").await;
    let holder = json!({ "name": "vm1", "address": "192.0.2.7" });
    let common = |lock: Value| {
        let mut lock = lock;
        lock["since"] = json!("2023-11-14T22:13:15Z");
        lock["age_s"] = json!(5);
        lock
    };
    let held = common(json!({
        "zone": "contoso", "client": holder, "owner": "12@vm1 #258", "export": null, "inode": 9, "state": "held",
        "kind": "exclusive", "offset": 100, "length": 50,
    }));
    let waiting = common(json!({
        "zone": "contoso", "client": holder, "owner": "01ff", "export": null, "inode": 9, "state": "waiting",
        "kind": "shared", "offset": 0, "length": null,
    }));
    let share = common(json!({
        "zone": "fabrikam", "client": null, "owner": "x", "export": "/a \"b\"", "inode": 1, "state": "held",
        "kind": "share", "offset": 0, "length": null,
    }));
    assert_eq!(list["items"], json!([held, waiting, share]));
}

#[tokio::test]
async fn exports_say_to_whom() {
    let (_, list) = Site::new().json("/v1/exports").await;
    let first = &list["items"][0];
    assert_eq!(
        (&first["zone"], &first["path"], &first["clients"]),
        (&json!("contoso"), &json!("/projects"), &json!([]))
    );
    assert!(first["options"].as_array().unwrap().contains(&json!("security=sys")), "{first}");
    assert_eq!(list["total"], 3);
}

#[tokio::test]
async fn zones_that_are_not_served_are_listed_too() {
    let site = Site::new();
    let definition = Box::new(zone("adatum", "127.0.0.3", "\"/x\"").definition().clone());
    let left_out =
        Condition::ExportNotServed { zone: "contoso".into(), export: "/home".into(), reason: "a file".into() };
    let unserved = Condition::ZoneNotServed { zone: definition, reason: "no space left".into() };
    *site.fake.conditions.lock().unwrap() = vec![unserved, left_out];
    let (_, list) = site.json("/v1/zones").await;
    assert_eq!(
        list["items"][0],
        json!({
            "name": "adatum", "served": false, "reasons": ["no space left"], "base": "/t/adatum",
            "addresses": ["127.0.0.3"], "exports": 0, "connections": 0, "file": "zones/adatum.toml",
        })
    );
    assert_eq!(list["items"][1]["reasons"], json!(["/home: a file"]));
    assert_eq!((&list["items"][1]["served"], &list["items"][1]["connections"]), (&json!(true), &json!(4)));
}

#[tokio::test]
async fn jobs_say_what_is_left() {
    let site = Site::new();
    let (status, list) = site.json("/v1/jobs").await;
    assert_eq!((status, &list["total"]), (200, &json!(3)));
    let told: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| json!([job["name"], job["state"], job["left"], job["done"]]))
        .collect();
    let expected = [
        json!(["removal", "running", 3, 9]),
        json!(["reordering", "waiting", 2, 0]),
        json!(["evacuation", "idle", 0, 7]),
    ];
    assert_eq!(told, expected);
    assert_eq!(site.json("/v1/jobs?zone=contoso").await.1["items"], json!([]), "they are of no zone");
}
