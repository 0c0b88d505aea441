//! What is recorded of changes, and of those that were refused.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use futures_util::future::FutureExt;
use serde_json::{Value, json};

use super::access::site;
use super::fake::{Site, read};
use crate::access::Origin;
use crate::serve::Scope;

async fn ask(site: &Site, (token, request): (&str, Builder), body: &str) -> (u16, String) {
    let request = request.header("content-type", "application/json").header("authorization", format!("Bearer {token}"));
    let mut request = request.body(Body::from(body.to_owned())).unwrap();
    request.extensions_mut().insert(Origin::Remote("192.0.2.7:700".parse().unwrap()));
    let (status, _, text) = read(site.ask(request, Scope::Tokens).await).await;
    (status, text)
}

/// The lines recorded so far, which are forgotten, and whether each must stay.
fn recorded(site: &Site) -> Vec<(Value, bool)> {
    let lines = std::mem::take(site.fake.recorded.lock().unwrap().as_mut().unwrap());
    lines.into_iter().map(|(line, is_durable)| (serde_json::from_str(&line).unwrap(), is_durable)).collect()
}

const OWN: &str = r#"{"name":"contoso","base":"/t","addresses":["127.0.0.1"],"users_file":"u","cache_seconds":5}"#;

#[tokio::test]
async fn changes_and_refusals_are_recorded() {
    let site = site();
    let path = "/v1/zones/contoso";
    ask(&site, ("anna", Request::put(path)), OWN).await;
    let [(line, true)] = &recorded(&site)[..] else { panic!() };
    let now = admin_api::rfc3339(vfs::Clock::now(&site.fake.clock).seconds);
    let expected = json!({
        "time": now, "who": "token anna", "role": "zone-admin", "from": "192.0.2.7:700", "method": "PUT", "path": path,
        "zone": "contoso", "outcome": "done", "status": 200, "keys": ["cache_seconds"],
    });
    assert_eq!(*line, expected);

    let elsewhere = OWN.replace("/t", "/");
    let dry = format!("{path}?dry_run=true");
    for (asked, body, (who, outcome, status, is_durable), reason) in [
        (
            ("anna", Request::put(path)),
            elsewhere.as_str(),
            (json!("token anna"), "refused", 403, true),
            "this changes base",
        ),
        (("anna", Request::put(&dry)), &elsewhere, (json!("token anna"), "refused", 403, true), "this changes base"),
        (("anna", Request::put("/v1/zones/x/y")), "", (json!("token anna"), "refused", 404, true), "there is no"),
        (("otto", Request::delete(path)), "", (json!("token otto"), "refused", 403, true), "wants the role zone-admin"),
        (("stranger", Request::delete(path)), "", (Value::Null, "refused", 401, false), "opens nothing"),
    ] {
        ask(&site, asked, body).await;
        let lines = recorded(&site);
        let [(line, must_stay)] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!(
            (&line["who"], &line["outcome"], &line["status"]),
            (&who, &json!(outcome), &json!(status)),
            "{line}"
        );
        assert!(*must_stay == is_durable && line["reason"].as_str().unwrap().contains(reason), "{line}");
    }
    ask(&site, ("root", Request::get(path)), "").await;
    ask(&site, ("root", Request::put(&dry)), OWN).await;
    assert_eq!(recorded(&site), [], "who only asks is not recorded");
    let long = format!("/v1/zones/{}", "x".repeat(10_000));
    ask(&site, ("root", Request::delete(&long)), "").await;
    assert!(recorded(&site)[0].0.to_string().len() < 4000, "lines are bounded");
}

#[tokio::test]
async fn limits_that_differ_are_recorded() {
    let site = site();
    let path = "/v1/zones/contoso/quotas/directory?path=/projects";
    let keys = async |request: Builder, body: &str| {
        let (status, told) = ask(&site, ("root", request), body).await;
        assert!(status < 300, "{told}");
        recorded(&site)[0].0["keys"].clone()
    };
    keys(Request::put(path), r#"{"bytes":{"hard":5}}"#).await;
    let raised = keys(Request::put(path), r#"{"bytes":{"hard":6},"container":true}"#).await;
    assert_eq!(raised, json!(["bytes.hard", "container"]));
    assert!(keys(Request::delete(path), "").await.to_string().contains("\"bytes\""));
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_told_to_be_well() {
    let site = site();
    *site.fake.recorded.lock().unwrap() = Err("no space".to_owned());
    let (status, told) = ask(&site, ("root", Request::put("/v1/zones/contoso")), OWN).await;
    assert!(status == 500 && told.contains("the change was made, but could not be recorded"), "{told}");
    let (status, told) = ask(&site, ("otto", Request::delete("/v1/zones/contoso")), "").await;
    assert!(status == 500 && told.contains("the change was not made"), "{told}");
    assert_eq!(ask(&site, ("root", Request::get("/v1/zones/contoso")), "").await.0, 200);
}

#[tokio::test]
async fn a_change_is_recorded_though_its_client_goes_away() {
    let site = Arc::new(site());
    let asked = ask(&site, ("root", Request::delete("/v1/zones/contoso")), "");
    // Asked, and gone before it is answered.
    assert!(asked.now_or_never().is_none());
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let lines = recorded(&site);
    assert!(lines.len() == 1 && lines[0].0["outcome"] == "done", "{lines:?}");
}
