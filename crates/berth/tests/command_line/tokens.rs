//! The port for who has a token: over TLS, as far as the role goes, as long as the token is there.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use rustix::process::Signal;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use tempfile::TempDir;

use crate::site::{CHECK, Gateway, berth, free_port, site, stderr, wait_for, zone};

/// Puts one of our certificates of `localhost` where the settings say; `openssl req -x509` made them, for 100 years.
fn certify(site: &TempDir, which: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command_line/certificates");
    for (from, to) in [("pem", "c.pem"), ("key", "k.pem")] {
        fs::copy(folder.join(format!("{which}.{from}")), site.path().join(to)).unwrap();
    }
    fs::set_permissions(site.path().join("k.pem"), fs::Permissions::from_mode(0o600)).unwrap();
}

struct Client {
    port: u16,
    config: Arc<ClientConfig>,
}

impl Client {
    /// One that trusts the certificate that is there now.
    fn new(site: &TempDir, port: u16, version: &'static SupportedProtocolVersion) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(site.path().join("c.pem")).unwrap()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
        Self { port, config: Arc::new(builder.with_root_certificates(roots).with_no_client_auth()) }
    }

    /// Status line and body of what a request with a token is answered.
    fn ask(&self, token: &str, (method, path, body): (&str, &str, &str)) -> io::Result<(String, String)> {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        let mut stream = StreamOwned::new(connection, TcpStream::connect(("127.0.0.1", self.port))?);
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Ok((head.lines().next().unwrap().to_owned(), body.to_owned()))
    }

    fn get(&self, token: &str, path: &str) -> (String, String) {
        self.ask(token, ("GET", path, "")).unwrap()
    }
}

fn token(site: &TempDir, line: &str) -> Result<String, String> {
    let arguments: Vec<_> = line.split(' ').collect();
    let output = berth(&[&["token"], &arguments[..], &["--config", "berth.toml"]].concat(), site.path());
    if output.status.success() { Ok(String::from_utf8(output.stdout).unwrap()) } else { Err(stderr(&output)) }
}

fn settings(admin: u16) -> String {
    format!(
        "data = \"data\"\n[nfs]\nport = {}\n[portmap]\nport = 0\n[metadata]\nlog_bytes = 8388608\n\
         [memory]\nbudget_bytes = 67108864\n[blocks]\nfree_bytes_min = 0\n[admin]\nlisten = \"127.0.0.1:{admin}\"\n\
         tls_certificate = \"c.pem\"\ntls_key = \"k.pem\"\ntokens_file = \"tokens\"\naudit_log = \"audit\"\n",
        free_port()
    )
}

#[test]
fn who_has_a_token_comes_in_as_far_as_its_role_goes() {
    let port = free_port();
    let zones = [("a.toml", zone("a", "127.0.0.29")), ("b.toml", zone("b", "127.0.0.30"))];
    let site = site(&settings(port), &zones);
    certify(&site, "first");
    assert!(berth(&CHECK, site.path()).status.success());
    let root = token(&site, "add root --role cluster-admin").unwrap();
    let root = root.trim_end();
    assert!(root.len() == 70 && root.starts_with("berth_"), "{root}");
    let mode = fs::metadata(site.path().join("tokens")).unwrap().permissions().mode();
    let text = fs::read_to_string(site.path().join("tokens")).unwrap();
    assert!(mode & 0o777 == 0o600 && !text.contains(&root[6..]), "{mode:o} {text}");

    let mut gateway = Gateway::start(site.path());
    wait_for(site.path(), "ready zones=2");
    let client = Client::new(&site, port, &TLS13);
    assert_eq!(client.get("guessed", "/v1/zones").0, "HTTP/1.1 401 Unauthorized");
    assert!(client.get(root, "/v1/zones").1.contains("\"total\":2"));
    assert_eq!(Client::new(&site, port, &TLS12).get(root, "/v1/status").0, "HTTP/1.1 200 OK");

    // One that is added while the gateway runs opens what it may at once, and nothing once it is gone.
    let anna = token(&site, "add anna --role zone-admin --zone a --expires 30").unwrap();
    let anna = anna.trim_end();
    assert!(token(&site, "list").unwrap().contains("anna  zone-admin     a     20"));
    assert_eq!(client.get(anna, "/v1/zones/b").0, "HTTP/1.1 404 Not Found");
    let wish = client.get(anna, "/v1/zones/a").1;
    let put = |wish: &str| client.ask(anna, ("PUT", "/v1/zones/a", wish)).unwrap();
    assert_eq!(put(&wish.replace("/tenants/a", "/tenants")).0, "HTTP/1.1 403 Forbidden");
    assert_eq!(put(&wish.replace("/home", "/homes")).0, "HTTP/1.1 200 OK");
    assert!(fs::read_to_string(site.path().join("zones/a.toml")).unwrap().contains("\"/homes\""));
    token(&site, "delete anna").unwrap();
    let recorded = fs::read_to_string(site.path().join("audit")).unwrap();
    let lines: Vec<serde_json::Value> = recorded.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> =
        lines.iter().map(|line| format!("{} {} {}", line["who"], line["outcome"], line["keys"])).collect();
    assert_eq!(told, [r#""token anna" "refused" []"#, r#""token anna" "done" ["export[0].paths"]"#]);
    assert_eq!(client.get(anna, "/v1/zones/a").0, "HTTP/1.1 401 Unauthorized");

    // Another file of the audit log, and another certificate, with SIGHUP; one that is wrong is not taken.
    certify(&site, "second");
    fs::rename(site.path().join("audit"), site.path().join("audit.1")).unwrap();
    gateway.signal(Signal::HUP);
    wait_for(site.path(), "certificate read again");
    assert_eq!(fs::read_to_string(site.path().join("audit")).unwrap(), "");
    client.ask(root, ("GET", "/v1/zones", "")).unwrap_err();
    let client = Client::new(&site, port, &TLS13);
    assert_eq!(client.get(root, "/v1/zones").0, "HTTP/1.1 200 OK");
    assert_eq!(client.ask(root, ("DELETE", "/v1/zones/x", "")).unwrap().0, "HTTP/1.1 404 Not Found");
    assert!(fs::read_to_string(site.path().join("audit")).unwrap().contains("\"who\":\"token root\""));
    assert_eq!(fs::read_to_string(site.path().join("audit.1")).unwrap(), recorded);
    fs::write(site.path().join("k.pem"), "no key").unwrap();
    gateway.signal(Signal::HUP);
    wait_for(site.path(), "certificate not taken; the old one stays");
    assert_eq!(client.get(root, "/v1/zones").0, "HTTP/1.1 200 OK");
    let said = stderr(&berth(&CHECK, site.path()));
    assert!(said.contains("k.pem holds no private key"), "{said}");

    gateway.signal(Signal::TERM);
    assert!(gateway.0.wait().unwrap().success());
}

#[test]
fn tokens_that_make_no_sense_are_refused() {
    let site = site(&settings(1), &[("a.toml", zone("a", "127.0.0.31"))]);
    for (line, says) in [
        ("add x:y --role cluster-admin", "is no name of a token"),
        ("add x --role cluster-admin --zone a", "--zone a: a cluster-admin is of no zone"),
        ("add x --role zone-admin", "--zone: missing: a zone-admin is of one zone"),
        ("add x --role zone-auditor --zone b", "--zone b: there is no such zone"),
        ("delete x", "there is no token x"),
    ] {
        let said = token(&site, line).unwrap_err();
        assert!(said.contains(says), "{said}");
    }
    assert!(!site.path().join("tokens").exists());
    token(&site, "add x --role zone-auditor --zone a").unwrap();
    assert!(token(&site, "add x --role cluster-admin").unwrap_err().contains("there is a token x already"));
    fs::set_permissions(site.path().join("tokens"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(token(&site, "list").unwrap_err().contains("chmod 600"));
    certify(&site, "first");
    assert!(stderr(&berth(&CHECK, site.path())).contains("chmod 600"));
}
