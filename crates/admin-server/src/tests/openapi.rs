//! What is said of the API is what the API does.

use std::fs;
use std::path::Path;

use axum::body::Body;
use axum::http::Request;
use serde_json::Value;

use super::fake::{Site, read};
use crate::openapi::document;
use crate::serve::Scope;

/// `docs/openapi.json`; with `BERTH_WRITE_OPENAPI=1` this test writes it.
#[test]
fn the_description_in_the_repository_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let current = document().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("BERTH_WRITE_OPENAPI").is_some() {
        fs::write(&file, &current).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap();
    assert!(written == current, "not current: run this test with BERTH_WRITE_OPENAPI=1, and look at the difference");
}

#[tokio::test]
async fn it_is_served_and_names_what_is_there() {
    let site = Site::new();
    let (status, description) = site.json("/openapi.json").await;
    assert_eq!((status, &description["openapi"]), (200, &"3.1.0".into()));
    let mut asked = 0;
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let path = path.replace("{name}", "nothing");
            let request = Request::builder().method(method.to_ascii_uppercase().as_str()).uri(&path);
            let answer = site.ask(request.body(Body::empty()).unwrap(), Scope::Everything).await;
            let (status, _, text) = read(answer).await;
            assert!(status != 405 && !text.contains("; see /v1/status"), "{method} {path}: {text}");
            asked += 1;
        }
    }
    assert!(asked >= 12, "{asked}");
}

/// Every `$ref` leads somewhere, and every object says what is in it.
#[test]
fn every_reference_leads_somewhere() {
    let description: Value = serde_json::from_str(&document().to_json().unwrap()).unwrap();
    let mut left = vec![&description];
    let mut found = 0;
    while let Some(value) = left.pop() {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let place = reference.strip_prefix('#').unwrap();
            assert!(description.pointer(place).is_some(), "{reference}");
            found += 1;
        }
        left.extend(value.as_array().into_iter().flatten());
        left.extend(value.as_object().into_iter().flat_map(|members| members.values()));
    }
    assert!(found > 20, "{found}");
}
