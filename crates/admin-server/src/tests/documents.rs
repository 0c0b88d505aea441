//! Zones shown and changed as documents.

use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use serde_json::{Value, json};

use super::fake::{Site, read};
use crate::documents::Fault;
use crate::serve::Scope;

const TEXT: &str = "# ours\nname = \"a\" # fixed\nbase = \"/a\"\n";
const JSON: &str = "application/json";

/// Status, entity tag and body.
async fn ask(site: &Site, request: Builder, body: impl Into<Body>) -> (u16, String, String) {
    let response = site.ask(request.body(body.into()).unwrap(), Scope::Everything).await;
    let tag = response.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
    let (status, _, text) = read(response).await;
    (status, tag.unwrap_or_default(), text)
}

async fn put(site: &Site, path: &str, (kind, body): (&str, &str), meant: (&str, &str)) -> (u16, Value) {
    let request = Request::put(path).header("content-type", kind).header(meant.0, meant.1);
    let (status, _, text) = ask(site, request, body.to_owned()).await;
    (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
}

const ALWAYS: (&str, &str) = ("x-nothing", "");

fn site() -> Site {
    let site = Site::new();
    site.fake.files.lock().unwrap().insert("a".to_owned(), TEXT.to_owned());
    site
}

fn file(site: &Site, name: &str) -> Option<String> {
    site.fake.files.lock().unwrap().get(name).cloned()
}

#[tokio::test]
async fn a_zone_is_shown_in_both_forms() {
    let site = site();
    let (status, tag, text) = ask(&site, Request::get("/v1/zones/a"), "").await;
    assert_eq!((status, text.as_str()), (200, r##"{"base":"/a","name":"a"}"##));
    assert!(tag.len() == 34 && tag.starts_with('"'), "{tag}");
    let toml = ask(&site, Request::get("/v1/zones/a").header("accept", "text/html, application/toml;q=0.9"), "").await;
    assert_eq!(toml, (200, tag.clone(), TEXT.to_owned()));
    let again = ask(&site, Request::get("/v1/zones/a").header("if-none-match", &tag), "").await;
    assert_eq!((again.0, again.2.as_str()), (304, ""));
    for path in ["/v1/zones/b", "/v1/zones/..%2Fa", "/v1/zones/a.toml"] {
        assert_eq!(ask(&site, Request::get(path), "").await.0, 404, "{path}");
    }
    let monitoring = Request::get("/v1/zones/a").body(Body::empty()).unwrap();
    assert_eq!(site.ask(monitoring, Scope::Monitoring).await.status(), 404);
}

#[tokio::test]
async fn a_zone_becomes_what_is_wished() {
    let site = site();
    let wished = json!({ "name": "a", "base": "/b", "cache_seconds": 5 }).to_string();
    let (status, plan) = put(&site, "/v1/zones/a?dry_run=true", (JSON, &wished), ALWAYS).await;
    let changes =
        json!([{ "key": "base", "old": "/a", "new": "/b" }, { "key": "cache_seconds", "old": null, "new": 5 }]);
    let expected = |applied: bool| json!({ "zone": "a", "applied": applied, "changes": changes, "warnings": ["hm"] });
    assert_eq!((status, plan), (200, expected(false)));
    assert_eq!(file(&site, "a").as_deref(), Some(TEXT), "a dry run changes nothing");
    assert_eq!(put(&site, "/v1/zones/a", (JSON, &wished), ALWAYS).await, (200, expected(true)));
    let text = "# ours\nname = \"a\" # fixed\nbase = \"/b\"\ncache_seconds = 5\n";
    assert_eq!(file(&site, "a").as_deref(), Some(text));

    let toml = "name = \"n\" # new\n";
    let (status, _) = put(&site, "/v1/zones/n", ("application/toml; charset=utf-8", toml), ALWAYS).await;
    assert_eq!((status, file(&site, "n").as_deref()), (201, Some(toml)));
    let (status, _, plan) = ask(&site, Request::delete("/v1/zones/n"), "").await;
    assert_eq!((status, file(&site, "n")), (200, None), "{plan}");
    assert_eq!(ask(&site, Request::delete("/v1/zones/n"), "").await.0, 404);
}

#[tokio::test]
async fn a_change_is_meant_for_one_state() {
    let site = site();
    let same = ("application/toml", TEXT);
    let tag = ask(&site, Request::get("/v1/zones/a"), "").await.1;
    let weak = format!("W/{tag}");
    for (path, meant, expected) in [
        ("/v1/zones/a", ("if-match", "\"0\""), 412),
        ("/v1/zones/a", ("if-match", weak.as_str()), 412),
        ("/v1/zones/a", ("if-none-match", "*"), 412),
        ("/v1/zones/b", ("if-match", "*"), 412),
        ("/v1/zones/a", ("if-match", "*"), 200),
        ("/v1/zones/a", ("if-match", &format!("\"0\", {tag}")), 200),
    ] {
        let (status, answer) = put(&site, path, same, meant).await;
        assert_eq!(status, expected, "{path} {meant:?}: {answer}");
    }
    let stale = Request::delete("/v1/zones/a").header("if-match", "\"0\"");
    assert_eq!(ask(&site, stale, "").await.0, 412);
    assert_eq!(file(&site, "a").as_deref(), Some(TEXT));
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let site = site();
    let named = |name: &str| json!({ "name": name }).to_string();
    for (path, sent, expected, says) in [
        ("/v1/zones/a", ("text/plain", "x".to_owned()), 415, "Content-Type"),
        ("/v1/zones/a", (JSON, "[]".to_owned()), 400, "no JSON object"),
        ("/v1/zones/a", (JSON, " ".repeat((1 << 20) + 1)), 413, "at most 1048576 bytes"),
        ("/v1/zones/a?dry=1", (JSON, named("a")), 400, "unknown field"),
        ("/v1/zones/a", (JSON, named("b")), 422, "a zone keeps its name"),
        ("/v1/zones/a", (JSON, r#"{"name":"a","x":[null]}"#.to_owned()), 422, "null in a list"),
    ] {
        let (status, problem) = put(&site, path, (sent.0, &sent.1), ALWAYS).await;
        let told = problem.to_string();
        assert!(status == expected && told.contains(says) && problem["status"] == expected, "{path}: {told}");
    }
    let wrong = zones::ConfigError { line: Some(3), ..zones::ConfigError::about("z.toml".as_ref(), "base", "bad") };
    for (fault, expected) in [
        (Fault::Wrong(wrong.into()), 422),
        (Fault::NoFiles, 409),
        (Fault::LastZone, 409),
        (Fault::NotServed("no such address".to_owned()), 409),
        (Fault::Busy, 503),
        (Fault::BadName, 422),
    ] {
        *site.fake.fault.lock().unwrap() = Some(fault.clone());
        let (status, problem) = put(&site, "/v1/zones/a", (JSON, &named("a")), ALWAYS).await;
        assert_eq!(status, expected, "{problem}");
        if let Fault::Wrong(_) = fault {
            assert_eq!(problem["errors"], json!([{ "file": "z.toml", "line": 3, "key": "base", "reason": "bad" }]));
        }
    }
    assert_eq!(file(&site, "a").as_deref(), Some(TEXT));
    let (status, _, _) = ask(&site, Request::post("/v1/zones/a"), "").await;
    assert_eq!(status, 405);
}
