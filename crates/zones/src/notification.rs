//! Who is told when a quota fills, and how.

use std::fmt;
use std::sync::Arc;

use vfs::Name;

use crate::path::spell;
use crate::period::Period;

/// A rule: what of quotas is told, and to whom beside the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    pub(crate) path: Option<Vec<Name>>,
    pub(crate) limit: QuotaLimit,
    pub(crate) when: QuotaMoment,
    pub(crate) webhook: Option<Arc<Webhook>>,
    pub(crate) mail: Option<Arc<MailTo>>,
}

/// A limit of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuotaLimit {
    /// Told when exceeded.
    Advisory,
    /// Exceeded for a time of grace only.
    Soft,
    /// Never exceeded: told when it is reached.
    Hard,
}

/// What of a limit is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuotaMoment {
    /// It is exceeded since now; told again after so many seconds at the earliest.
    Exceeded(u64),
    /// A client was refused; as above.
    Denied(u64),
    /// It is exceeded still when this is due.
    Violated(Period),
    /// The grace of a soft limit is over.
    Expired,
}

/// Where events are sent by HTTP.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Whether by TLS.
    pub is_tls: bool,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// What is asked for there: path and query.
    pub target: String,
    /// Whom it is trusted with, in PEM; `None`: whom this machine trusts.
    pub authorities: Option<String>,
    /// The key of its signatures; `None`: it is not signed.
    pub secret: Option<Vec<u8>>,
}

/// Where events are sent by mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailTo {
    /// Host name or address of the relay.
    pub relay: String,
    /// Its port.
    pub port: u16,
    /// Whether nothing is sent before STARTTLS.
    pub starttls: bool,
    /// Whom it is trusted with, in PEM; `None`: whom this machine trusts.
    pub authorities: Option<String>,
    /// The sender.
    pub from: String,
    /// Who gets it.
    pub to: Vec<String>,
}

impl Notification {
    /// The directory whose quotas are meant, below the base of the zone; `None`: all of the zone.
    #[must_use]
    pub fn path(&self) -> Option<&[Name]> {
        self.path.as_deref()
    }

    /// Which limit.
    #[must_use]
    pub fn limit(&self) -> QuotaLimit {
        self.limit
    }

    /// What of it.
    #[must_use]
    pub fn when(&self) -> QuotaMoment {
        self.when
    }

    /// Where it is sent by HTTP.
    #[must_use]
    pub fn webhook(&self) -> Option<&Arc<Webhook>> {
        self.webhook.as_ref()
    }

    /// Where it is sent by mail.
    #[must_use]
    pub fn mail(&self) -> Option<&Arc<MailTo>> {
        self.mail.as_ref()
    }

    /// Names the rule among those of its zone, also when others come and go: all of it but times and secrets.
    #[must_use]
    pub fn label(&self) -> String {
        let path = self.path.as_ref().map(|path| String::from_utf8_lossy(&spell(path)).into_owned());
        let webhook = self.webhook.as_ref().map(|webhook| webhook.url());
        let mail = self.mail.as_ref().map(|mail| format!("{}:{} {}", mail.relay, mail.port, mail.to.join(" ")));
        let parts = [Some(self.limit.name().to_owned()), Some(self.when.name().to_owned()), path, webhook, mail];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

impl QuotaLimit {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Advisory => "advisory",
            Self::Soft => "soft",
            Self::Hard => "hard",
        }
    }
}

impl QuotaMoment {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exceeded(_) => "exceeded",
            Self::Denied(_) => "denied",
            Self::Violated(_) => "violated",
            Self::Expired => "expired",
        }
    }
}

impl Webhook {
    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority(), self.target)
    }

    /// Host and port.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Webhook").field("url", &self.url()).finish_non_exhaustive()
    }
}
