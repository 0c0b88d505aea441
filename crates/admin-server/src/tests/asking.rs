//! What is answered to good and bad requests.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::fake::{Site, parts, read, zone};
use crate::figures::Condition;
use crate::serve::Scope;
use crate::window::Window;

#[tokio::test]
async fn health_is_one_word_or_reasons() {
    let site = Site::new();
    assert_eq!(site.json("/healthz").await, (200, json!({ "status": "ok" })));
    let left_out = Condition::ExportNotServed { zone: "a".into(), export: "/x".into(), reason: "a file".into() };
    let refused = Condition::ReloadRefused { reason: "line 3".into() };
    *site.fake.conditions.lock().unwrap() = vec![left_out, refused];
    assert_eq!(site.json("/healthz").await.0, 200, "a tenant cannot make the gateway ill");

    let definition = Box::new(zone("c", "127.0.0.3", "\"/x\"").definition().clone());
    let unserved = Condition::ZoneNotServed { zone: definition, reason: "no space".into() };
    let lost = Condition::ListenerLost { at: "127.0.0.1:2049".parse().unwrap(), reason: "gone".into() };
    site.fake.conditions.lock().unwrap().extend([Condition::StoreReloading, unserved, lost]);
    let (status, health) = site.json("/healthz").await;
    assert_eq!((status, &health["status"]), (503, &json!("failing")));
    let reasons = health["reasons"].as_array().unwrap();
    assert_eq!(reasons[0], "the metadata store failed and is being read again: nothing is answered");
    assert_eq!(
        reasons[1..],
        [json!("zone c is not served: no space"), json!("nothing listens on 127.0.0.1:2049: gone")]
    );
}

#[tokio::test]
async fn refusals_are_problem_details() {
    let site = Site::new();
    for (path, status, says) in [
        ("/v2/status", 404, "there is no /v2/status"),
        ("/v1/sessions?limit=0", 400, "limit: 0 is out of range: allowed are 1 to 1000"),
        ("/v1/sessions?limit=1001", 400, "allowed are 1 to 1000"),
        ("/v1/locks?cursor=abc", 400, "cursor: \"abc\" is no `next` of a page"),
        ("/v1/zones?limits=1", 400, "unknown field `limits`"),
    ] {
        let (found, kind, text) = site.get(path).await;
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((found, &*kind), (status, "application/problem+json"), "{path}: {text}");
        assert_eq!((&problem["type"], &problem["status"]), (&json!("about:blank"), &json!(status)));
        assert!(problem["detail"].as_str().unwrap().contains(says), "{path}: {text}");
    }
    let post = Request::post("/v1/status").body(Body::empty()).unwrap();
    let (status, kind, _) = read(site.ask(post, Scope::Everything).await).await;
    assert_eq!((status, &*kind), (405, "application/problem+json"));
}

#[tokio::test]
async fn monitoring_sees_health_and_metrics_only() {
    let site = Site::new();
    for (path, expected) in [("/healthz", 200), ("/metrics", 200), ("/v1/status", 404), ("/v1/sessions", 404)] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(site.ask(request, Scope::Monitoring).await.status(), expected, "{path}");
    }
}

fn window() -> Window {
    Window::new(parts(&Site::new().fake))
}

/// Sends bytes over a real connection and returns everything that comes until it is closed.
async fn exchange(window: &Window, sent: &[u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let talk = async {
        // A server that has refused does not read the rest.
        stream.write_all(sent).await.ok();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.ok();
        String::from_utf8(received).unwrap()
    };
    tokio::select! {
        () = window.serve(listener, Scope::Everything) => panic!("the window is never done"),
        received = talk => received,
    }
}

#[tokio::test]
async fn one_request_is_answered_and_the_connection_closed() {
    let window = window();
    let answer = exchange(&window, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("{\"status\":\"ok\"}"), "{answer}");
    let two = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    assert_eq!(exchange(&window, two).await.matches("HTTP/1.1 200").count(), 1);
}

#[tokio::test]
async fn endless_headers_and_nonsense_are_cut_off() {
    let window = window();
    let long = [b"GET /healthz HTTP/1.1\r\nx: ".as_slice(), &vec![b'a'; 1 << 20]].concat();
    assert!(exchange(&window, &long).await.starts_with("HTTP/1.1 431"));
    let many = ["GET /healthz HTTP/1.1\r\n".to_owned(), "x: y\r\n".repeat(100), "\r\n".to_owned()].concat();
    assert!(exchange(&window, many.as_bytes()).await.starts_with("HTTP/1.1 431"));
    assert!(exchange(&window, b"\x00\x01\x02 nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_let_go() {
    let window = window();
    // Time is not real here: it goes on when nothing else does.
    exchange(&window, b"GET /healthz").await;
    let body = b"GET /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nabc";
    assert!(exchange(&window, body).await.starts_with("HTTP/1.1 200"), "a body is not waited for");
}
