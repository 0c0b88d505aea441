//! Quotas over the window.

use axum::body::Body;
use axum::http::{Request, header};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use vfs::{
    FsError, InodeId, InodeNumber, Name, Quota, QuotaDomain, QuotaGuard, QuotaSettings, QuotaUsage, SetQuotaRequest,
};

use super::fake::{Fake, Site};
use crate::quotas::QuotaStore;
use crate::serve::Scope;

const PROJECTS: InodeNumber = InodeNumber(70);

fn name(name: &str) -> Name {
    Name::try_from(name).unwrap()
}

impl QuotaStore for Fake {
    fn directory(&self, root: InodeId, path: Vec<Name>) -> BoxFuture<'_, Result<InodeId, FsError>> {
        let found = match &path[..] {
            [] => Ok(root),
            [only] if *only == name("projects") => Ok(root.sibling(PROJECTS)),
            [only] if *only == name("file") => Err(FsError::NotDirectory),
            _ => Err(FsError::NotFound),
        };
        Box::pin(async move { found })
    }

    fn below(&self, _root: InodeId) -> BoxFuture<'_, Result<Vec<Quota>, FsError>> {
        let quotas = self.quotas.lock().unwrap().clone();
        let shown = |((directory, domain), settings): ((InodeId, QuotaDomain), QuotaSettings)| Quota {
            directory,
            path: if directory.number == PROJECTS { vec![name("projects")] } else { Vec::new() },
            domain,
            settings,
            usage: QuotaUsage { inodes: 3, application_bytes: 40, logical_bytes: 4096, physical_bytes: 4096 },
            bytes_since: Some(vfs::Timestamp { seconds: 0, nanoseconds: 0 }),
            inodes_since: None,
            is_ready: true,
            is_linked: false,
        };
        Box::pin(async move { Ok(quotas.into_iter().map(shown).collect()) })
    }

    fn set(&self, request: SetQuotaRequest) -> BoxFuture<'_, Result<(), FsError>> {
        let mut quotas = self.quotas.lock().unwrap();
        let key = (request.directory, request.domain);
        let old = quotas.iter().find(|(found, _)| *found == key).map(|(_, settings)| *settings);
        let is_meant = match request.guard {
            QuotaGuard::Any => true,
            QuotaGuard::Absent => old.is_none(),
            QuotaGuard::Is(known) => old == Some(known),
        };
        let set = match request.settings {
            _ if !is_meant => Err(FsError::NotSync),
            Some(settings) => {
                quotas.retain(|(found, _)| *found != key);
                quotas.push((key, settings));
                Ok(())
            }
            None => {
                quotas.retain(|(found, _)| *found != key);
                old.map(drop).ok_or(FsError::NotFound)
            }
        };
        drop(quotas);
        Box::pin(async move { set })
    }
}

const PATH: &str = "/v1/zones/contoso/quotas/directory?path=/projects";

async fn put(site: &Site, path: &str, (head, value): (&str, &str), body: Value) -> (u16, Option<String>, Value) {
    let request = Request::put(path).header("content-type", "application/json").header(head, value);
    ask(site, request.body(Body::from(body.to_string())).unwrap()).await
}

async fn ask(site: &Site, request: Request<Body>) -> (u16, Option<String>, Value) {
    let response = site.ask(request, Scope::Everything).await;
    let tag = response.headers().get(header::ETAG).map(|tag| tag.to_str().unwrap().to_owned());
    let (status, _, text) = super::fake::read(response).await;
    (status, tag, serde_json::from_str(&text).unwrap_or(Value::Null))
}

const NO_HEAD: (&str, &str) = ("x-none", "");

#[tokio::test]
async fn a_quota_is_made_changed_as_it_is_known_and_taken_away() {
    let site = Site::new();
    assert_eq!(site.json("/v1/zones/contoso/quotas").await.1["items"], json!([]));
    assert_eq!(site.json(PATH).await.0, 404);
    let wanted = json!({ "bytes": { "hard": 100, "soft": 50 }, "grace_seconds": 60, "container": true });
    let (status, tag, made) = put(&site, PATH, ("if-none-match", "*"), wanted.clone()).await;
    assert_eq!((status, &made["path"], &made["kind"]), (201, &json!("/projects"), &json!("directory")), "{made}");
    assert_eq!(
        (&made["bytes"]["hard"], &made["enforced"], &made["usage"]["bytes"]),
        (&json!(100), &json!(true), &json!(40))
    );
    assert_eq!(made["bytes_exceeded_since"], "1970-01-01T00:00:00Z");
    assert_eq!(put(&site, PATH, ("if-none-match", "*"), wanted.clone()).await.0, 412);
    assert_eq!(put(&site, PATH, ("if-match", "\"other\""), wanted.clone()).await.0, 412);
    let tag = tag.unwrap();
    assert_eq!(put(&site, PATH, ("if-match", &tag), wanted.clone()).await.0, 200);
    let more = json!({ "bytes": { "hard": 200 } });
    let (status, other, _) = put(&site, PATH, ("if-match", &tag), more).await;
    assert!(status == 200 && other.unwrap() != tag);
    assert_eq!(put(&site, PATH, ("if-match", &tag), wanted).await.0, 412);
    assert_eq!(
        site.json("/v1/zones/contoso/quotas").await.1["items"][0]["bytes"],
        json!({ "hard": 200, "soft": null, "advisory": null })
    );
    let delete = || Request::delete(PATH).body(Body::empty()).unwrap();
    assert_eq!(ask(&site, delete()).await.0, 204);
    assert_eq!(ask(&site, delete()).await.0, 404);
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_field() {
    let site = Site::new();
    let limits = json!({ "bytes": { "hard": 1, "soft": 2, "advisory": 3 }, "inodes": { "soft": 5 } });
    let (status, _, problem) = put(&site, PATH, NO_HEAD, limits).await;
    let keys: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|one| one["key"].as_str().unwrap()).collect();
    assert_eq!((status, &keys[..]), (422, &["bytes.advisory", "bytes.advisory", "bytes.soft", "grace_seconds"][..]));
    let good = || json!({ "bytes": { "hard": 1 } });
    for (path, expected) in [
        ("/v1/zones/contoso/quotas/directory", 400),
        ("/v1/zones/contoso/quotas/directory?path=projects", 400),
        ("/v1/zones/contoso/quotas/directory?path=/a//b", 400),
        ("/v1/zones/contoso/quotas/directory?path=/none", 404),
        ("/v1/zones/contoso/quotas/directory?path=/file", 409),
        ("/v1/zones/contoso/quotas/directory?path=/", 422),
        ("/v1/zones/contoso/quotas/directory?path=/&force=true", 201),
        ("/v1/zones/none/quotas/directory?path=/projects", 404),
    ] {
        assert_eq!(put(&site, path, NO_HEAD, good()).await.0, expected, "{path}");
    }
    assert_eq!(put(&site, PATH, NO_HEAD, json!({ "bites": 1 })).await.0, 422);
    assert_eq!(site.json("/v1/zones/none/quotas").await.0, 404);
}

#[tokio::test]
async fn users_and_groups_have_quotas_beside_that_of_their_directory() {
    let site = Site::new();
    let wanted = || json!({ "bytes": { "hard": 100 } });
    for (whose, kind, owner) in [
        ("", "directory", Value::Null),
        ("&user=7", "user", json!("7")),
        ("&group=20", "group", json!("20")),
        ("&every=user", "every-user", Value::Null),
        ("&every=group", "every-group", Value::Null),
    ] {
        let (status, _, made) = put(&site, &format!("{PATH}{whose}"), ("if-none-match", "*"), wanted()).await;
        assert_eq!((status, &made["kind"], &made["owner"]), (201, &json!(kind), &owner), "{made}");
        assert_eq!((&made["ready"], &made["linked"]), (&json!(true), &json!(false)));
    }
    assert_eq!(site.json("/v1/zones/contoso/quotas").await.1["total"], 5);
    assert_eq!(site.json(&format!("{PATH}&user=8")).await.0, 404);
    assert_eq!(site.json(&format!("{PATH}&user=7&group=20")).await.0, 400);
    assert_eq!(site.json(&format!("{PATH}&user=nobody-knows")).await.0, 422);
    assert_eq!(site.json(&format!("{PATH}&every=one")).await.0, 400);
    let contained = json!({ "bytes": { "hard": 100 }, "container": true });
    assert_eq!(put(&site, &format!("{PATH}&user=7"), NO_HEAD, contained).await.0, 422);
    let delete = |whose: &str| Request::delete(format!("{PATH}{whose}")).body(Body::empty()).unwrap();
    assert_eq!(ask(&site, delete("&user=7")).await.0, 204);
    assert_eq!(ask(&site, delete("&user=7")).await.0, 404);
    assert_eq!(site.json("/v1/zones/contoso/quotas").await.1["total"], 4);
}

#[tokio::test]
async fn a_report_tells_the_fullest_first_in_every_format() {
    let site = Site::new();
    for (path, hard) in [(PATH, 1000), ("/v1/zones/contoso/quotas/directory?path=/&force=true", 41)] {
        assert_eq!(put(&site, path, NO_HEAD, json!({ "bytes": { "hard": hard } })).await.0, 201);
    }
    let path = "/v1/zones/contoso/quotas/report";
    let (status, report) = site.json(path).await;
    let told: Vec<_> =
        report["items"].as_array().unwrap().iter().map(|one| (&one["path"], &one["bytes_percent"])).collect();
    assert_eq!((status, told), (200, vec![(&json!("/"), &json!(97)), (&json!("/projects"), &json!(4))]), "{report}");
    assert_eq!((&report["total"], &report["items"][0]["state"]), (&json!(2), &json!("ok")));
    let (_, kind, csv) = site.get(&format!("{path}?format=csv")).await;
    assert!(kind.starts_with("text/csv"), "{kind}");
    assert_eq!(
        csv.lines().nth(1).unwrap(),
        "\"contoso\",\"/\",directory,\"\",\"\",ok,40,41,,,97,1970-01-01T00:00:00Z,3,,,,,,0,true"
    );
    let accept = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8";
    let request = Request::get(path).header("accept", accept).body(Body::empty()).unwrap();
    let (status, kind, page) = super::fake::read(site.ask(request, Scope::Everything).await).await;
    assert!(status == 200 && kind.starts_with("text/html") && page.contains("<meter"), "{kind}: {page}");
    let (status, problem) = site.json(&format!("{path}?format=pdf")).await;
    assert_eq!(status, 400, "{problem}");
    assert_eq!(site.json("/v1/zones/none/quotas/report").await.0, 404);
}
