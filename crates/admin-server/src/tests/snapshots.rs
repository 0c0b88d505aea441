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
    assert_eq!(put(&site, PATH, ("if-match", "*"), json!({ "path": "/projects" })).await.0, 200);
    assert_eq!(delete(&site).await.0, 204);
    assert_eq!(delete(&site).await.0, 404);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_field() {
    let site = Site::new();
    for (path, body, status, word) in [
        (PATH, json!({ "expires": "tomorrow" }), 422, "expires: \"tomorrow\""),
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
