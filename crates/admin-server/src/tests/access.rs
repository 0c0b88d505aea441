//! Who may see and change what, by the token that they show.

use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use serde_json::{Value, json};

use super::fake::{Site, read};
use crate::access::{Token, TokenHash};
use crate::documents::Fault;
use crate::serve::Scope;

const TEXT: &str = "name = \"contoso\"\nbase = \"/t\"\naddresses = [\"127.0.0.1\"]\nusers_file = \"u\"\n";

/// A gateway with a token of each role, whose token is its name.
pub(super) fn site() -> Site {
    let site = Site::new();
    let line = |name: &str, role: &str, zone: Option<&str>, expires| {
        let (role, zone) = (role.parse().unwrap(), zone.map(str::to_owned));
        Token { name: name.to_owned(), role, zone, hash: TokenHash::of(name), expires }.line()
    };
    let now = u64::try_from(vfs::Clock::now(&site.fake.clock).seconds).unwrap();
    let lines = [
        line("root", "cluster-admin", None, None),
        line("anna", "zone-admin", Some("contoso"), Some(now + 1)),
        line("otto", "zone-auditor", Some("contoso"), None),
        line("late", "cluster-admin", None, Some(now)),
    ];
    *site.fake.tokens.lock().unwrap() = Ok(lines.join("\n"));
    for name in ["contoso", "fabrikam"] {
        site.fake.files.lock().unwrap().insert(name.to_owned(), TEXT.replace("contoso", name));
    }
    site
}

struct Answer {
    status: u16,
    challenge: Option<String>,
    body: Value,
}

async fn ask(site: &Site, token: Option<&str>, request: Builder, body: &str) -> Answer {
    let request = match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    };
    let response = site.ask(request.body(Body::from(body.to_owned())).unwrap(), Scope::Tokens).await;
    let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
    let (status, _, text) = read(response).await;
    Answer { status, challenge, body: serde_json::from_str(&text).unwrap_or(Value::Null) }
}

async fn get(site: &Site, token: &str, path: &str) -> Answer {
    ask(site, Some(token), Request::get(path), "").await
}

async fn put(site: &Site, token: &str, (path, wish): (&str, &Value)) -> (u16, String) {
    let request = Request::put(path).header("content-type", "application/json");
    let answer = ask(site, Some(token), request, &wish.to_string()).await;
    (answer.status, answer.body.to_string())
}

#[tokio::test]
async fn nobody_comes_in_without_a_token_that_is_known() {
    let site = site();
    for path in ["/v1/zones", "/v1/zones/contoso", "/v1/status", "/metrics", "/healthz", "/nothing"] {
        let answer = ask(&site, None, Request::get(path), "").await;
        assert_eq!((answer.status, answer.challenge.as_deref()), (401, Some("Bearer realm=\"berth\"")), "{path}");
        for token in ["wrong", "late", "roo", "Root"] {
            let answer = get(&site, token, path).await;
            let challenge = "Bearer realm=\"berth\", error=\"invalid_token\"";
            assert_eq!((answer.status, answer.challenge.as_deref()), (401, Some(challenge)), "{path} {token}");
        }
        assert_ne!(get(&site, "root", path).await.status, 401, "{path}");
    }
    let twice = Request::get("/v1/zones").header("authorization", "Bearer root");
    assert_eq!(ask(&site, Some("root"), twice, "").await.status, 401);
    let basic = Request::get("/v1/zones").header("authorization", "Basic root");
    assert_eq!(ask(&site, None, basic, "").await.status, 401);

    // A file that is wrong, or cannot be read, opens nothing.
    for text in [Ok("root:cluster-admin:-:short:-".to_owned()), Err("gone".to_owned())] {
        *site.fake.tokens.lock().unwrap() = text;
        let answer = get(&site, "root", "/v1/zones").await;
        assert!(answer.status == 503 && !answer.body.to_string().contains("short"), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_zone_sees_itself_and_nothing_else() {
    let site = site();
    for token in ["anna", "otto"] {
        for (list, expected) in [("zones", 1), ("exports", 2), ("shares", 1), ("sessions", 4), ("locks", 2)] {
            for query in ["", "?zone=contoso"] {
                let path = format!("/v1/{list}{query}");
                let answer = get(&site, token, &path).await;
                let items = answer.body["items"].as_array().unwrap();
                assert_eq!((answer.status, items.len()), (200, expected), "{path}: {}", answer.body);
                assert_eq!(answer.body["total"], expected, "{path}: {}", answer.body);
                let is_own = |item: &Value| item["zone"] == "contoso" || item["name"] == "contoso";
                assert!(items.iter().all(is_own) && !answer.body.to_string().contains("fabrikam"), "{}", answer.body);
            }
            assert_eq!(get(&site, token, &format!("/v1/{list}?zone=fabrikam")).await.status, 404);
        }
        let paged = get(&site, token, "/v1/sessions?limit=3").await.body;
        assert_eq!((paged["items"].as_array().unwrap().len(), &paged["next"]), (3, &json!("3")), "{paged}");
        let rest = get(&site, token, "/v1/sessions?limit=3&cursor=3").await.body;
        assert_eq!((&rest["items"][0]["id"], &rest["next"], &rest["total"]), (&json!(4), &Value::Null, &Value::Null));

        assert_eq!(get(&site, token, "/v1/zones/contoso").await.status, 200);
        let (other, nothing) = (get(&site, token, "/v1/zones/fabrikam").await, get(&site, token, "/v1/zones/x").await);
        let same = other.body.to_string().replace("fabrikam", "x");
        assert_eq!((other.status, same), (404, nothing.body.to_string()), "as if it were not there");
        for path in ["/v1/status", "/v1/jobs", "/metrics", "/healthz"] {
            let answer = get(&site, token, path).await;
            let says = answer.body["detail"].as_str().unwrap();
            assert!(answer.status == 403 && says.contains("wants the role cluster-admin"), "{path}: {says}");
        }
    }
    assert_eq!(get(&site, "root", "/v1/zones").await.body["total"], 2);
    assert_eq!(get(&site, "root", "/v1/shares?zone=fabrikam").await.body["items"].as_array().unwrap().len(), 1);
    assert_eq!(get(&site, "root", "/v1/status").await.status, 200);
}

#[tokio::test]
async fn a_zone_admin_changes_what_is_the_zones() {
    let site = site();
    let own = json!({ "name": "contoso", "base": "/t", "addresses": ["127.0.0.1"], "users_file": "u" });
    let with = |key: &str, value: Value| {
        let mut wish = own.clone();
        wish.as_object_mut().unwrap().insert(key.to_owned(), value);
        wish
    };
    let path = "/v1/zones/contoso";
    let exported = with("export", json!([{ "paths": ["/x"] }]));
    assert_eq!(put(&site, "anna", (path, &exported)).await.0, 200);
    assert_eq!(put(&site, "anna", ("/v1/zones/fabrikam", &exported)).await.0, 404);
    let before = site.fake.files.lock().unwrap().clone();
    for (key, value) in [
        ("base", json!("/")),
        ("addresses", json!(["127.0.0.1", "127.0.0.2"])),
        ("users_file", json!("/etc/shadow")),
        ("passwords_file", json!("p")),
        ("force_overlap", json!(true)),
        ("anything_new", json!(1)),
    ] {
        let (status, told) = put(&site, "anna", (path, &with(key, value.clone()))).await;
        let says = format!("this changes {key}, besides aliases");
        assert!(status == 403 && told.contains(&says) && told.contains("the role cluster-admin"), "{told}");
        let dry = format!("{path}?dry_run=true");
        assert_eq!(put(&site, "anna", (&dry, &with(key, value))).await.0, 403);
    }
    let mut without = own.clone();
    without.as_object_mut().unwrap().remove("users_file");
    assert_eq!(put(&site, "anna", (path, &without)).await.0, 403);
    assert_eq!(put(&site, "anna", (path, &with("name", json!("x")))).await.0, 422);
    for text in ["name = ", "name = \"contoso\"\nx = 1979-05-27\n"] {
        let request = Request::put(path).header("content-type", "application/toml");
        assert_eq!(ask(&site, Some("anna"), request, text).await.status, 422, "{text}");
    }
    assert_eq!(ask(&site, Some("anna"), Request::delete(path), "").await.status, 403);
    assert_eq!(ask(&site, Some("anna"), Request::delete("/v1/zones/fabrikam"), "").await.status, 404);
    for request in [Request::put(path), Request::delete(path), Request::post("/v1/zones")] {
        let answer = ask(&site, Some("otto"), request, "").await;
        assert!(answer.status == 403 && answer.body.to_string().contains("the role zone-admin"), "{}", answer.body);
    }
    assert_eq!(*site.fake.files.lock().unwrap(), before);
    assert_eq!(ask(&site, Some("root"), Request::delete(path), "").await.status, 200);
    let (status, told) = put(&site, "anna", (path, &own)).await;
    assert!(status == 403 && told.contains("makes a zone"), "{told}");
}

#[tokio::test]
async fn a_zone_admin_hears_nothing_of_other_zones() {
    let site = site();
    let wish = json!({ "name": "contoso", "base": "/t", "addresses": ["127.0.0.1"], "users_file": "u" });
    let wrong = |file: &str| zones::ConfigError::about(file.as_ref(), "export", format!("secret of {file}"));
    let both = zones::ConfigErrors(vec![wrong("zones/contoso.toml"), wrong("zones/fabrikam.toml")]);
    for (fault, expected, says) in [
        (Fault::Wrong(both), 422, "secret of zones/contoso.toml"),
        (Fault::Wrong(wrong("zones/fabrikam.toml").into()), 409, "outside this zone"),
        (Fault::NotServed("secret of fabrikam".to_owned()), 409, "outside this zone"),
        (Fault::Failed("secret of fabrikam".to_owned()), 500, "log"),
        (Fault::Busy, 503, "try again"),
    ] {
        *site.fake.fault.lock().unwrap() = Some(fault.clone());
        let (status, told) = put(&site, "anna", ("/v1/zones/contoso", &wish)).await;
        assert!(status == expected && told.contains(says) && !told.contains("fabrikam"), "{status} {told}");
        let (_, told) = put(&site, "root", ("/v1/zones/contoso", &wish)).await;
        assert!(told.contains("fabrikam") || fault == Fault::Busy, "{told}");
    }
}

#[tokio::test]
async fn events_are_for_who_sees_the_zone() {
    let site = site();
    for token in ["root", "anna", "otto"] {
        let answer = get(&site, token, "/v1/zones/contoso/events?limit=5&event=delete&path=/a").await;
        assert_eq!((answer.status, &answer.body["items"][0]["zone"]), (200, &json!("contoso")), "{token}");
        let asked = answer.body["items"][0]["name"].as_str().unwrap();
        assert!(asked.contains("limit: 5") && asked.contains("Newest") && asked.contains("\"/a\""), "{asked}");
    }
    for token in ["anna", "otto"] {
        assert_eq!(get(&site, token, "/v1/zones/fabrikam/events").await.status, 404);
    }
    assert_eq!(get(&site, "root", "/v1/zones/nowhere/events").await.status, 404);
    for wrong in ["limit=0", "before=x", "event=open", "cursor=1", "before=1.1&after=1.1", "path=a"] {
        let answer = get(&site, "otto", &format!("/v1/zones/contoso/events?{wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.body);
    }
}

#[tokio::test]
async fn what_was_told_is_for_who_sees_the_zone() {
    let site = site();
    for token in ["root", "anna", "otto"] {
        let answer = get(&site, token, "/v1/zones/contoso/notifications?limit=2&cursor=1").await;
        assert_eq!((answer.status, &answer.body["total"], &answer.body["next"]), (200, &json!(3), &Value::Null));
        assert_eq!((&answer.body["items"][0]["id"], &answer.body["items"][1]["id"]), (&json!("1"), &json!("2")));
    }
    assert_eq!(get(&site, "otto", "/v1/zones/fabrikam/notifications").await.status, 404);
    assert_eq!(get(&site, "otto", "/v1/zones/contoso/notifications?limit=0").await.status, 400);
}
