//! Events over HTTP: a POST with JSON, signed where the rule has a secret.

use std::sync::Arc;

use aws_lc_rs::hmac;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zones::Webhook;

use super::delivery::Undelivered;
use super::event::Event;
use super::trust;

/// Sends one event. Any 2xx says that it arrived; nobody is followed elsewhere.
pub(super) async fn send(webhook: &Webhook, event: &Event) -> Result<(), Undelivered> {
    let request = request(webhook, event).map_err(|reason| Undelivered { reason, is_passing: false })?;
    let passing = |reason: String| Undelivered { reason, is_passing: true };
    let stream = TcpStream::connect((webhook.host.as_str(), webhook.port)).await;
    let stream = stream.map_err(|error| passing(format!("cannot connect: {error}")))?;
    let status = if webhook.is_tls {
        let name = ServerName::try_from(webhook.host.clone()).map_err(|error| passing(error.to_string()))?;
        let stream = TlsConnector::from(config(webhook).map_err(passing)?).connect(name, stream).await;
        exchange(stream.map_err(|error| passing(format!("no TLS: {error}")))?, request).await
    } else {
        exchange(stream, request).await
    };
    match status.map_err(|error| passing(format!("the connection broke: {error}")))? {
        200..300 => Ok(()),
        status => {
            let is_passing = status >= 500 || matches!(status, 408 | 425 | 429);
            Err(Undelivered { reason: format!("the answer was {status}"), is_passing })
        }
    }
}

fn request(webhook: &Webhook, event: &Event) -> Result<Request<Full<Bytes>>, String> {
    let body = serde_json::to_vec(event).map_err(|error| error.to_string())?;
    let mut request = Request::post(&webhook.target)
        .header("host", webhook.authority())
        .header("content-type", "application/json")
        .header("user-agent", concat!("berth/", env!("CARGO_PKG_VERSION")))
        .header("berth-delivery", &event.id);
    if let Some(secret) = &webhook.secret {
        request = request.header("berth-signature", signature(secret, &body));
    }
    request.body(Full::new(body.into())).map_err(|error| error.to_string())
}

/// HMAC-SHA256 of the body.
pub(super) fn signature(secret: &[u8], body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body);
    tag.as_ref().iter().fold("sha256=".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

fn config(webhook: &Webhook) -> Result<Arc<ClientConfig>, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let roots = trust::roots(webhook.authorities.as_deref())?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> hyper::Result<u16> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // The connection ends once nobody asks any more: the answer is all that is waited for.
    let ask = async move { sender.send_request(request).await.map(|response| response.status().as_u16()) };
    let (status, _) = tokio::join!(ask, connection);
    status
}
