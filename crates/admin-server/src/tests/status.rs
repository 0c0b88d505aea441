//! What an administrator reads at night.

use std::time::Duration;

use serde_json::{Value, json};
use vfs::LockRecovery;

use super::fake::Site;
use crate::figures::Condition;

async fn status(site: &Site) -> Value {
    let (status, body) = site.json("/v1/status").await;
    assert_eq!(status, 200);
    body
}

#[tokio::test]
async fn rates_are_of_the_last_seconds() {
    let site = Site::new();
    let first = status(&site).await;
    assert_eq!((&first["window_ms"], &first["zones"][0]["requests_per_s"]), (&json!(0), &json!(0.0)));
    assert_eq!(first["zones"][0]["latency_p99_us"], Value::Null, "what was before is not told as now");
    site.desk.sample();
    for _ in 0..98 {
        site.call("GETATTR", 0);
    }
    site.call("WRITE", 2);
    site.call("WRITE", 2);
    site.fake.clock.advance(Duration::from_secs(10));
    let now = status(&site).await;
    assert_eq!(now["window_ms"], 10_000);
    let (contoso, fabrikam) = (&now["zones"][0], &now["zones"][1]);
    assert_eq!((&contoso["requests_per_s"], &contoso["in_flight"]), (&json!(10.0), &json!(2)));
    assert_eq!((&contoso["latency_p50_us"], &contoso["latency_p99_us"]), (&json!(51), &json!(500_500)));
    assert_eq!((&fabrikam["requests_per_s"], &fabrikam["latency_p50_us"]), (&json!(0.0), &Value::Null));
    assert_eq!((&now["uptime_s"], &now["process"]["id"]), (&json!(3661), &json!(42)));
    assert_eq!(now["concerns"], json!([]));
}

async fn concerns(site: &Site) -> Vec<(String, String)> {
    let status = status(site).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = status["concerns"].as_array().unwrap().iter();
    all.map(|one| (text(&one["severity"]), text(&one["what"]))).collect()
}

#[tokio::test]
async fn the_worst_comes_first() {
    let site = Site::new();
    site.desk.sample();
    site.fake.clock.advance(Duration::from_secs(1));
    {
        let mut figures = site.fake.figures.lock().unwrap();
        figures.house.space.free_bytes = (1 << 40) / 100;
        figures.house.dirty_bytes = 950;
        figures.house.log.bytes_used = 999;
        figures.house.reloads = 1;
        figures.house.damaged_blocks = 2;
        figures.connections.refused += 3;
        figures.process.open_files = 1000;
        figures.zones[1].operations[0].traffic.faults = 5;
        figures.zones[1].operations[0].latency.counts[3] += 50;
    }
    let lost = Condition::ListenerLost { at: "127.0.0.1:2049".parse().unwrap(), reason: "gone".into() };
    *site.fake.conditions.lock().unwrap() = vec![Condition::ReloadRefused { reason: "line 3".into() }, lost];
    let grace_left = Some(Duration::from_secs(30));
    *site.fake.recovery.lock().unwrap() = LockRecovery { grace_left, ..LockRecovery::default() };
    let concerns = concerns(&site).await;
    let severities: Vec<_> = concerns.iter().map(|(severity, _)| severity.as_str()).collect();
    assert_eq!(
        severities,
        [
            "critical", "critical", "critical", "critical", "warning", "warning", "warning", "warning", "warning",
            "warning", "warning", "note"
        ]
    );
    let says = |text: &str| assert!(concerns.iter().any(|(_, what)| what.contains(text)), "{text}: {concerns:?}");
    says("nothing listens on 127.0.0.1:2049: gone");
    says("0.9 % of the store's space is left");
    says("failed in the last seconds and was read again");
    says("stored blocks did not match their checksums 2 times");
    says("the memory for it is nearly full");
    says("log is nearly full");
    says("3 connections were refused");
    says("1000 of 1024 files and sockets");
    says("zone fabrikam answers 5 calls a second with errors of the gateway");
    says("zone fabrikam is slow: one call in a hundred takes 1000 ms or more");
    says("grace period: new locks are refused for 30 s");
    assert_eq!(status(&site).await["status"], "failing");
}

#[tokio::test]
async fn concerns_are_bounded() {
    let site = Site::new();
    let refused = |_| Condition::ReloadRefused { reason: "x".into() };
    *site.fake.conditions.lock().unwrap() = (0..100).map(refused).collect();
    assert_eq!(concerns(&site).await.len(), 32);
}
