//! Reverts over the window.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use super::fake::{Site, read};
use crate::serve::Scope;

const BEGIN: &str = "/v1/zones/contoso/snapshots/monday/revert";
const ALL: &str = "/v1/zones/contoso/reverts";

async fn ask(site: &Site, request: Request<Body>) -> (u16, Option<String>, Value) {
    let response = site.ask(request, Scope::Everything).await;
    let place = response.headers().get(header::LOCATION).map(|place| place.to_str().unwrap().to_owned());
    let (status, _, text) = read(response).await;
    (status, place, serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn json_of(request: axum::http::request::Builder, body: &Value) -> Request<Body> {
    request.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap()
}

async fn with_snapshot() -> Site {
    let site = Site::new();
    let taken = json_of(Request::put("/v1/zones/contoso/snapshots/monday"), &json!({ "path": "/projects" }));
    assert_eq!(ask(&site, taken).await.0, 201);
    site
}

#[tokio::test]
async fn a_revert_is_begun_shown_and_given_up() {
    let site = with_snapshot().await;
    let (status, place, begun) = ask(&site, json_of(Request::post(BEGIN), &json!({ "directory": "/projects" }))).await;
    assert_eq!((status, place.as_deref()), (202, Some("/v1/zones/contoso/reverts/70")), "{begun}");
    assert_eq!(
        (&begun["path"], &begun["state"], &begun["changes"]),
        (&json!("/projects"), &json!("waiting"), &json!(3))
    );
    assert_eq!(begun["left_out"], json!([{ "path": "/a", "reason": "quota" }]));
    let kept = begun["kept_as"].as_str().unwrap();
    assert!(kept.starts_with("before-revert-20"), "{kept}");
    let (_, snapshots) = site.json("/v1/zones/contoso/snapshots").await;
    assert_eq!(snapshots["items"][1]["name"], begun["kept_as"]);
    let keeping_nothing = json!({ "keep": false });
    let (status, _, said) = ask(&site, json_of(Request::post(BEGIN), &keeping_nothing)).await;
    assert_eq!((status, said["detail"].as_str().unwrap().contains("another revert goes on")), (409, true));
    assert_eq!(site.json("/v1/zones/contoso/snapshots").await.1["total"], json!(2), "nothing was kept");

    let one = format!("{ALL}/70");
    let (_, shown) = site.json(&one).await;
    assert_eq!((&shown["id"], &shown["kept_as"]), (&json!(70), &Value::Null));
    assert_eq!(site.json(ALL).await.1["items"], json!([shown]));
    let cancel = || Request::delete(&one).body(Body::empty()).unwrap();
    assert_eq!(ask(&site, cancel()).await.0, 204);
    assert_eq!(ask(&site, cancel()).await.0, 409, "it has ended");
    assert_eq!(site.json(&one).await.1["state"], json!("cancelled"));
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_field() {
    let site = with_snapshot().await;
    for (path, body, status, word) in [
        (BEGIN, json!({ "directory": "a" }), 422, "directory: \"a\""),
        (BEGIN, json!({ "directory": "/none" }), 404, "directory: there was no /none"),
        (BEGIN, json!({ "directory": "/file" }), 409, "directory: /file is no directory"),
        (BEGIN, json!({ "keep": false, "keep_as": "a" }), 422, "keep_as"),
        (BEGIN, json!({ "keep_as": "a/b" }), 422, "no name of a snapshot"),
        (BEGIN, json!({ "kept": true }), 422, "kept"),
        ("/v1/zones/contoso/snapshots/none/revert", json!({}), 404, "no snapshot none"),
        ("/v1/zones/nowhere/snapshots/monday/revert", json!({}), 404, "nowhere"),
    ] {
        let (found, _, said) = ask(&site, json_of(Request::post(path), &body)).await;
        assert!(
            found == status && said["detail"].as_str().unwrap_or_default().contains(word),
            "{path} {body} {found}: {said}"
        );
    }
    for path in ["/v1/zones/contoso/reverts/7", "/v1/zones/contoso/reverts/x"] {
        assert_eq!(site.json(path).await.0, 404);
    }
}
