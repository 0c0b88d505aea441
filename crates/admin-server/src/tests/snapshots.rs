//! Snapshots over the window.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use super::fake::{Site, read};
use crate::serve::Scope;

const PATH: &str = "/v1/zones/contoso/snapshots/monday%20morning";

async fn put(site: &Site, path: &str, (head, value): (&str, &str), body: Value) -> (u16, Option<String>, Value) {
    let request = Request::put(path).header("content-type", "application/json").header(head, value);
    ask(site, request.body(Body::from(body.to_string())).unwrap()).await
}

async fn delete(site: &Site) -> (u16, Value) {
    let (status, _, said) = ask(site, Request::delete(PATH).body(Body::empty()).unwrap()).await;
    (status, said)
}

async fn ask(site: &Site, request: Request<Body>) -> (u16, Option<String>, Value) {
    let response = site.ask(request, Scope::Everything).await;
    let tag = response.headers().get(header::ETAG).map(|tag| tag.to_str().unwrap().to_owned());
    let (status, _, text) = read(response).await;
    (status, tag, serde_json::from_str(&text).unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_snapshot_is_taken_locked_and_deleted() {
    let site = Site::new();
    assert_eq!(site.json("/v1/zones/contoso/snapshots").await.1["items"], json!([]));
    assert_eq!(site.json(PATH).await.0, 404);
    let wanted = json!({ "path": "/projects", "expires": "2026-11-30T12:00:00Z" });
    let (status, tag, taken) = put(&site, PATH, ("if-none-match", "*"), wanted.clone()).await;
    assert_eq!((status, &taken["name"], &taken["locked"]), (201, &json!("monday morning"), &json!(false)), "{taken}");
    assert_eq!((&taken["expires"], &taken["path"]), (&wanted["expires"], &wanted["path"]));
    assert_eq!(put(&site, PATH, ("if-none-match", "*"), wanted.clone()).await.0, 412);
    let locked = json!({ "path": "/projects", "locked": true });
    assert_eq!(put(&site, PATH, ("if-match", "\"other\""), locked.clone()).await.0, 412);
    let (status, _, now) = put(&site, PATH, ("if-match", &tag.unwrap()), locked.clone()).await;
    assert_eq!((status, &now["locked"], &now["expires"]), (200, &json!(true), &Value::Null));
    let (status, said) = delete(&site).await;
    assert_eq!((status, said["detail"].as_str().unwrap().contains("locked")), (409, true));
    let elsewhere = json!({ "path": "/", "locked": true });
    assert_eq!(put(&site, PATH, ("if-match", "*"), elsewhere).await.0, 409, "it stands where it stands");
    let renamed = json!({ "path": "/projects", "name": "monday" });
    let (status, _, now) = put(&site, PATH, ("if-match", "*"), renamed).await;
    assert_eq!((status, &now["name"]), (200, &json!("monday")), "{now}");
    let back = json!({ "path": "/projects", "name": "monday morning" });
    assert_eq!(put(&site, "/v1/zones/contoso/snapshots/monday", ("if-match", "*"), back).await.0, 200);
    assert_eq!(delete(&site).await.0, 204);
    assert_eq!(delete(&site).await.0, 404);
}

#[tokio::test]
async fn what_differs_is_told_in_pages() {
    let site = Site::new();
    assert_eq!(site.json(&format!("{PATH}/changes")).await.0, 404);
    put(&site, PATH, ("if-none-match", "*"), json!({ "path": "/projects" })).await;
    let (status, first) = site.json(&format!("{PATH}/changes?limit=1")).await;
    assert_eq!((status, &first["next"], &first["items"][0]["path"]), (200, &json!("00a5"), &json!("/new")), "{first}");
    assert_eq!(first["items"][0]["size_after"], Value::Null, "a directory has no bytes");
    let (_, second) = site.json(&format!("{PATH}/changes?limit=1&cursor=00a5")).await;
    let expected = json!({
        "path": "/a/b", "old_path": "/b", "inode": 7, "type": "file", "change": "changed", "parts": ["name", "data"],
        "size_before": 1, "size_after": 2,
    });
    assert_eq!((&second["items"][0], &second["next"]), (&expected, &Value::Null));
    let (status, ranges) = site.json(&format!("{PATH}/changes/ranges?file=/file")).await;
    assert_eq!((status, &ranges["next"], &ranges["size_after"]), (200, &json!("8192"), &json!(12288)), "{ranges}");
    let (_, rest) = site.json(&format!("{PATH}/changes/ranges?file=/file&cursor=8192")).await;
    assert_eq!(rest["items"], json!([{ "offset": 8192, "length": 4096, "hole": true }]));
    for (asked, status, word) in [
        ("changes?cursor=0", 400, "cursor"),
        ("changes?cursor=0x", 400, "cursor"),
        ("changes?cursor=ff", 400, "cursor"),
        ("changes?limit=0", 400, "limit"),
        ("changes?form=x", 400, "form"),
        ("changes?to=none", 404, "no snapshot none"),
        ("changes?to=monday%20morning", 409, "younger"),
        ("changes?directory=a", 422, "directory"),
        ("changes?directory=/none", 404, "directory"),
        ("changes?directory=/file", 409, "directory"),
        ("changes/ranges", 400, "file"),
        ("changes/ranges?file=/", 409, "no file"),
        ("changes/ranges?file=/file&cursor=x", 400, "cursor"),
    ] {
        let (found, said) = site.json(&format!("{PATH}/{asked}")).await;
        assert!(found == status && said["detail"].as_str().unwrap().contains(word), "{asked} {found}: {said}");
    }
}

#[tokio::test]
async fn schedules_say_what_comes_next() {
    let site = Site::new();
    let (status, listed) = site.json("/v1/zones/contoso/schedules").await;
    let schedule = &listed["items"][0];
    assert_eq!((status, &listed["total"], &schedule["path"]), (200, &json!(1), &json!("/projects")), "{listed}");
    assert_eq!((&schedule["every_seconds"], &schedule["keep_seconds"]), (&json!(86_400), &json!(172_800)));
    let (last, next) = (schedule["last"].as_str().unwrap(), schedule["next"].as_str().unwrap());
    assert!(last < next && last.ends_with("T00:00:00Z"), "{schedule}");
    assert_eq!(schedule["next_name"], json!(format!("daily {}", &next[..10])));
    assert_eq!(schedule["last_is_there"], json!(false));
    let path = format!("/v1/zones/contoso/snapshots/daily%20{}", &last[..10]);
    assert_eq!(put(&site, &path, ("if-none-match", "*"), json!({})).await.0, 201);
    let (_, listed) = site.json("/v1/zones/contoso/schedules").await;
    assert_eq!(listed["items"][0]["last_is_there"], json!(true));
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_field() {
    let site = Site::new();
    for (path, body, status, word) in [
        (PATH, json!({ "expires": "tomorrow" }), 422, "expires: \"tomorrow\""),
        (PATH, json!({ "name": "other" }), 422, "name: a snapshot is taken under"),
        (PATH, json!({ "name": ".." }), 422, "no name of a snapshot"),
        (PATH, json!({ "path": "projects" }), 422, "path: \"projects\""),
        (PATH, json!({ "path": "/a//b" }), 422, "path: \"/a//b\""),
        (PATH, json!({ "path": "/none" }), 404, "there is no /none"),
        (PATH, json!({ "path": "/file" }), 409, "is no directory"),
        (PATH, json!({ "paht": "/" }), 422, "paht"),
        ("/v1/zones/contoso/snapshots/..", json!({}), 422, "no name of a snapshot"),
        ("/v1/zones/nowhere/snapshots/x", json!({}), 404, "nowhere"),
    ] {
        let (found, _, said) = put(&site, path, ("x-none", ""), body).await;
        assert!(
            found == status && said["detail"].as_str().unwrap_or_default().contains(word),
            "{path} {found}: {said}"
        );
    }
}
