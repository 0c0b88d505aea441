//! The metrics, read strictly.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::exposition::{Family, parse};
use super::fake::Site;

async fn families() -> BTreeMap<String, Family> {
    let (status, kind, text) = Site::new().get("/metrics").await;
    assert_eq!((status, &*kind), (200, "text/plain; version=0.0.4; charset=utf-8"));
    parse(&text)
}

#[tokio::test]
async fn names_say_kind_and_unit() {
    for (name, family) in families().await {
        let is_total = name.ends_with("_total");
        assert_eq!(is_total, family.kind == "counter", "{name} is a {}", family.kind);
        assert!(name.starts_with("berth_") || name.starts_with("process_"), "{name}");
        assert!(!name.contains("_ms") && !name.contains("_us") || name.ends_with("_used_bytes"), "{name}: base units");
        assert!(!family.samples.is_empty(), "{name} has no sample");
    }
}

/// Every value of a label comes from the configuration or the code: a client cannot make series.
#[tokio::test]
async fn no_label_is_a_clients() {
    let allowed: BTreeSet<_> = ["zone", "share", "protocol", "operation", "cache", "version", "le", "result"].into();
    let values = |label: &str| -> Option<&[&str]> {
        Some(match label {
            "zone" => &["contoso", "fabrikam"],
            "share" => &["", "(others)", "/projects", "/a \"b\""],
            "protocol" => &["nfs"],
            "operation" => &["NULL", "GETATTR", "READ", "WRITE"],
            "cache" => &["inode", "dentry"],
            "result" => &["sent", "failed", "dropped"],
            "le" => &["0.0001", "0.001", "1", "+Inf"],
            _ => return None,
        })
    };
    for sample in families().await.values().flat_map(|family| &family.samples) {
        for (label, value) in &sample.labels {
            assert!(allowed.contains(&**label), "{} has {label}", sample.name);
            assert!(values(label).is_none_or(|values| values.contains(&&**value)), "{label}={value:?}");
        }
    }
}

#[tokio::test]
async fn what_looks_the_same_is_one_series() {
    let families = families().await;
    let others = families["berth_requests_total"].samples.iter().filter(|one| one.labels["share"] == "(others)");
    let values: Vec<_> = others.map(|one| (one.labels["zone"].as_str(), one.value)).collect();
    assert_eq!(values, [("contoso", 3.0), ("fabrikam", 3.0)]);
}

#[tokio::test]
async fn buckets_are_cumulative() {
    let families = families().await;
    let histogram = &families["berth_request_duration_seconds"];
    let of = |suffix: &str| {
        let wanted = |one: &&super::exposition::Sample| {
            one.name.ends_with(suffix) && one.labels["operation"] == "WRITE" && one.labels["zone"] == "contoso"
        };
        histogram.samples.iter().filter(wanted).collect::<Vec<_>>()
    };
    let buckets: Vec<_> = of("_bucket").iter().map(|one| (one.labels["le"].clone(), one.value)).collect();
    let expected =
        [("0.0001", 6.0), ("0.001", 9.0), ("1", 10.0), ("+Inf", 10.0)].map(|(le, count)| (le.to_owned(), count));
    assert_eq!(buckets, expected);
    assert_eq!((of("_count")[0].value, of("_sum")[0].value), (10.0, 0.5));
}

/// A panel without its metric would be empty on the night that it is needed.
#[tokio::test]
async fn the_dashboard_names_only_metrics_that_exist() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/grafana/berth.json");
    let dashboard: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let (families, mut expressions) = (families().await, Vec::new());
    collect(&dashboard, &mut expressions);
    let mut named = BTreeSet::new();
    for expression in &expressions {
        let words = expression.split(|one: char| !one.is_ascii_alphanumeric() && one != '_');
        named.extend(words.filter(|word| word.starts_with("berth_") || word.starts_with("process_")));
    }
    for name in &named {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
        assert!(families.contains_key(*name) || families.contains_key(base), "{name} is not in /metrics");
    }
    assert!(named.len() >= 25, "the dashboard shows {} metrics", named.len());
}

/// The texts that hold expressions.
fn collect<'a>(value: &'a serde_json::Value, expressions: &mut Vec<&'a str>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value.as_str()) {
                    ("expr" | "definition", Some(text)) => expressions.push(text),
                    _ => collect(value, expressions),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, expressions)),
        _ => {}
    }
}
