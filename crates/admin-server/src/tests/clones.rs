//! Clones over the window.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::fake::{Site, read};
use crate::serve::Scope;

const PATH: &str = "/v1/zones/contoso/clones/test";

async fn put(site: &Site, path: &str, body: Value) -> (u16, Value) {
    let request = Request::put(path).header("content-type", "application/json");
    ask(site, request.body(Body::from(body.to_string())).unwrap()).await
}

async fn ask(site: &Site, request: Request<Body>) -> (u16, Value) {
    let (status, _, text) = read(site.ask(request, Scope::Everything).await).await;
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

async fn with_snapshot() -> Site {
    let site = Site::new();
    let (status, said) = put(&site, "/v1/zones/contoso/snapshots/monday", json!({ "path": "/projects" })).await;
    assert_eq!(status, 201, "{said}");
    site
}

#[tokio::test]
async fn a_clone_is_made_shown_and_deleted() {
    let site = with_snapshot().await;
    let wanted = json!({ "snapshot": "monday", "path": "/projects" });
    let (status, made) = put(&site, PATH, wanted.clone()).await;
    assert_eq!((status, &made["name"], &made["snapshot"]), (201, &json!("test"), &json!("monday")), "{made}");
    assert_eq!(put(&site, PATH, wanted).await.0, 200, "it is there as it is to be");
    assert_eq!(put(&site, PATH, json!({ "snapshot": "monday", "path": "/other" })).await.0, 409);
    assert_eq!(site.json("/v1/zones/contoso/clones").await.1["items"], json!([made]));
    assert_eq!(site.json(PATH).await.1, made);
    let stale = Request::delete(PATH).header("if-match", "\"other\"").body(Body::empty()).unwrap();
    assert_eq!(ask(&site, stale).await.0, 412);
    assert_eq!(ask(&site, Request::delete(PATH).body(Body::empty()).unwrap()).await.0, 204);
    assert_eq!(site.json(PATH).await.0, 404);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_field() {
    let site = with_snapshot().await;
    for (path, body, status, word) in [
        (PATH, json!({ "snapshot": "sunday", "path": "/a" }), 404, "no snapshot sunday"),
        (PATH, json!({ "snapshot": "monday", "path": "a" }), 422, "path: \"a\""),
        (PATH, json!({ "snapshot": "monday", "path": "/" }), 422, "needs a name"),
        (PATH, json!({ "snapshot": "monday", "path": "/a", "directory": "b" }), 422, "directory: \"b\""),
        (PATH, json!({ "snapshot": "monday", "path": "/none/a" }), 404, "/none/a"),
        (PATH, json!({ "snapshot": "monday", "path": "/taken" }), 409, "/taken is there already"),
        (PATH, json!({ "snapshot": "monday" }), 422, "path"),
        ("/v1/zones/contoso/clones/..", json!({ "snapshot": "monday", "path": "/a" }), 422, "no name of a clone"),
        ("/v1/zones/nowhere/clones/x", json!({ "snapshot": "monday", "path": "/a" }), 404, "nowhere"),
    ] {
        let (found, said) = put(&site, path, body).await;
        assert!(
            found == status && said["detail"].as_str().unwrap_or_default().contains(word),
            "{path} {found}: {said}"
        );
    }
}
