//! Events by mail, through a relay.

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use zones::MailTo;

use super::delivery::Undelivered;
use super::event::Event;
use super::trust;

/// Sends one event.
pub(super) async fn send(mail: &MailTo, event: &Event) -> Result<(), Undelivered> {
    let lasting = |reason: String| Undelivered { reason, is_passing: false };
    let message = message(mail, event).map_err(lasting)?;
    let builder: AsyncSmtpTransportBuilder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&mail.relay);
    let tls = if mail.starttls { Tls::Required(parameters(mail).map_err(lasting)?) } else { Tls::None };
    let relay: AsyncSmtpTransport<Tokio1Executor> = builder.port(mail.port).tls(tls).build();
    let sent = relay.send(message).await;
    sent.map(drop).map_err(|error| Undelivered { is_passing: !error.is_permanent(), reason: told(&error) })
}

fn told(error: &lettre::transport::smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text += &format!(": {inner}");
        source = inner.source();
    }
    text
}

fn message(mail: &MailTo, event: &Event) -> Result<Message, String> {
    let mailbox = |address: &str| {
        let address = address.parse().map_err(|error| format!("{address} is no mail address: {error}"))?;
        Ok::<_, String>(Mailbox::new(None, address))
    };
    let mut message = Message::builder().from(mailbox(&mail.from)?).subject(format!("Berth: {}", event.line()));
    for to in &mail.to {
        message = message.to(mailbox(to)?);
    }
    let host = mail.from.rsplit('@').next().unwrap_or("berth");
    let message = message.message_id(Some(format!("<{}@{host}>", event.id))).header(ContentType::TEXT_PLAIN);
    message.body(event.text()).map_err(|error| error.to_string())
}

fn parameters(mail: &MailTo) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(mail.relay.clone()).certificate_store(CertificateStore::None);
    for certificate in trust::certificates(mail.authorities.as_deref())? {
        let certificate = Certificate::from_der(certificate.to_vec()).map_err(|error| error.to_string())?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|error| error.to_string())
}
