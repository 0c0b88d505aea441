//! `[[notification]]`: who is told when a quota fills; `[[report]]`: reports that are made by themselves.

use std::sync::Arc;

use super::Reader;
use crate::notification::{MailTo, Notification, QuotaLimit, QuotaMoment, Webhook};
use crate::report::{ReportFormat, ReportSchedule};
use crate::settings::{MailTable, NotificationTable, ReportTable, Text, WebhookTable};

impl Reader<'_> {
    pub(super) fn notifications(&mut self, written: &[NotificationTable]) -> Vec<Notification> {
        if let Some(one_more) = written.get(RULES_MAX) {
            let reason = format!("a zone has at most {RULES_MAX} rules of notifications");
            self.findings.add(one_more.limit.span(), format!("notification[{RULES_MAX}]"), reason);
            return Vec::new();
        }
        let mut rules: Vec<Notification> = Vec::new();
        for (number, table) in written.iter().enumerate() {
            let Some(rule) = self.notification(&format!("notification[{number}]"), table) else { continue };
            if rules.iter().any(|other| other.label() == rule.label()) {
                let reason = "says the same as another: each would tell the same twice";
                self.findings.add(table.limit.span(), format!("notification[{number}]"), reason);
            }
            rules.push(rule);
        }
        rules
    }

    fn notification(&mut self, place: &str, table: &NotificationTable) -> Option<Notification> {
        let limit = self.one_of(&format!("{place}.limit"), &table.limit, &LIMITS);
        let when = self.moment(place, table);
        let path = match &table.path {
            Some(path) => Some(self.path(&format!("{place}.path"), path)?),
            None => None,
        };
        let webhook = match &table.webhook {
            Some(webhook) => Some(Arc::new(self.webhook(&format!("{place}.webhook"), webhook)?)),
            None => None,
        };
        let mail = match &table.mail {
            Some(mail) => Some(Arc::new(self.mail(&format!("{place}.mail"), mail)?)),
            None => None,
        };
        let (limit, when) = (limit?, when?);
        let never = match (limit, when) {
            (QuotaLimit::Advisory, QuotaMoment::Denied(_)) => "an advisory limit denies nothing",
            (QuotaLimit::Advisory | QuotaLimit::Hard, QuotaMoment::Expired) => "only soft limits have a time of grace",
            _ => return Some(Notification { path, limit, when, webhook, mail }),
        };
        self.findings.add(table.when.span(), format!("{place}.when"), never);
        None
    }

    fn moment(&mut self, place: &str, table: &NotificationTable) -> Option<QuotaMoment> {
        let when = self.one_of(&format!("{place}.when"), &table.when, &MOMENTS)?;
        let is_held_off = matches!(when, QuotaMoment::Exceeded(_) | QuotaMoment::Denied(_));
        if let Some(holdoff) = table.holdoff.as_ref().filter(|_| !is_held_off) {
            let reason = "only what is \"exceeded\" or \"denied\" is held off";
            self.findings.add(holdoff.span(), format!("{place}.holdoff"), reason);
        }
        let is_periodic = matches!(when, QuotaMoment::Violated(_));
        for (key, text) in [("every", &table.every), ("at", &table.at)] {
            if let Some(text) = text.as_ref().filter(|_| !is_periodic) {
                let reason = "only what is \"violated\" is told by schedule";
                self.findings.add(text.span(), format!("{place}.{key}"), reason);
            }
        }
        let holdoff = match &table.holdoff {
            Some(holdoff) => self.duration(&format!("{place}.holdoff"), holdoff)?,
            None => HOLDOFF,
        };
        match when {
            QuotaMoment::Exceeded(_) => Some(QuotaMoment::Exceeded(holdoff)),
            QuotaMoment::Denied(_) => Some(QuotaMoment::Denied(holdoff)),
            QuotaMoment::Expired => Some(when),
            QuotaMoment::Violated(_) => {
                let Some(every) = &table.every else {
                    let reason = "say `every`: how often is it told while it lasts?";
                    self.findings.add(table.when.span(), format!("{place}.when"), reason);
                    return None;
                };
                self.period(place, every, table.at.as_ref()).map(QuotaMoment::Violated)
            }
        }
    }

    fn webhook(&mut self, place: &str, table: &WebhookTable) -> Option<Webhook> {
        let url = match parse_url(table.url.get_ref()) {
            Ok(url) => url,
            Err(reason) => {
                self.findings.add(table.url.span(), format!("{place}.url"), reason);
                return None;
            }
        };
        let secret = match &table.secret_file {
            Some(file) => Some(self.secret(&format!("{place}.secret_file"), file)?),
            None => None,
        };
        let authorities = self.authorities(place, table.ca_file.as_ref())?;
        if let Some(file) = table.ca_file.as_ref().filter(|_| !url.is_tls) {
            self.findings.add(file.span(), format!("{place}.ca_file"), "only https knows authorities");
        }
        Some(Webhook { authorities, secret, ..url })
    }

    fn mail(&mut self, place: &str, table: &MailTable) -> Option<MailTo> {
        let Some((relay, port)) = parse_host(table.relay.get_ref(), SMTP_PORT) else {
            let reason = format!("\"{}\" is no HOST:PORT", table.relay.get_ref().escape_default());
            self.findings.add(table.relay.span(), format!("{place}.relay"), reason);
            return None;
        };
        let from = self.address(&format!("{place}.from"), &table.from)?;
        if table.to.get_ref().is_empty() || table.to.get_ref().len() > RECIPIENTS_MAX {
            let reason = format!("names {} addresses: 1 to {RECIPIENTS_MAX} are allowed", table.to.get_ref().len());
            self.findings.add(table.to.span(), format!("{place}.to"), reason);
            return None;
        }
        let mut to = Vec::new();
        for (number, text) in table.to.get_ref().iter().enumerate() {
            to.push(self.address(&format!("{place}.to[{number}]"), text)?);
        }
        let authorities = self.authorities(place, table.ca_file.as_ref())?;
        if let Some(file) = table.ca_file.as_ref().filter(|_| !table.starttls) {
            self.findings.add(file.span(), format!("{place}.ca_file"), "only with starttls = true");
        }
        Some(MailTo { relay, port, starttls: table.starttls, authorities, from, to })
    }

    pub(super) fn reports(&mut self, written: &[ReportTable]) -> Vec<ReportSchedule> {
        let mut reports: Vec<ReportSchedule> = Vec::new();
        for (number, table) in written.iter().enumerate() {
            let place = format!("report[{number}]");
            let format = self.one_of(&format!("{place}.format"), &table.format, &FORMATS);
            let period = self.period(&place, &table.every, table.at.as_ref());
            let is_wrong = table.keep.is_some();
            let keep = self.number(&format!("{place}.keep"), table.keep.as_ref(), 1..=REPORTS_MAX);
            let keep = if is_wrong { keep } else { Some(REPORTS_KEPT) };
            let (Some(format), Some(period), Some(keep)) = (format, period, keep) else { continue };
            if reports.iter().any(|other| other.format == format) {
                let reason = "a zone has one schedule for each format: its files are told apart by their endings";
                self.findings.add(table.format.span(), format!("{place}.format"), reason);
            }
            reports.push(ReportSchedule { period, format, keep });
        }
        reports
    }

    /// `None` where something is wrong.
    fn authorities(&mut self, place: &str, file: Option<&Text>) -> Option<Option<String>> {
        let Some(file) = file else { return Some(None) };
        let key = format!("{place}.ca_file");
        let (_, text) = self.named_file(&key, file, AUTHORITIES_BYTES_MAX)?;
        if !text.contains("-----BEGIN CERTIFICATE-----") {
            self.findings.add(file.span(), key, "holds no certificate (PEM)");
            return None;
        }
        Some(Some(text))
    }

    fn secret(&mut self, key: &str, file: &Text) -> Option<Vec<u8>> {
        let path = self.beside(file);
        let read = (self.sources.read_secret)(&path, SECRET_BYTES_MAX);
        let text = self.text_of(key, file, (&path, read))?;
        let secret = text.trim().as_bytes().to_vec();
        if secret.len() < SECRET_BYTES_MIN {
            let reason = format!("{} holds less than {SECRET_BYTES_MIN} bytes: it could be guessed", path.display());
            self.findings.add(file.span(), key, reason);
            return None;
        }
        Some(secret)
    }

    fn address(&mut self, key: &str, text: &Text) -> Option<String> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"<>()[],;:\\\"".contains(&byte);
        let address = text.get_ref();
        let halves = address.split_once('@').filter(|(user, host)| !user.is_empty() && !host.contains('@'));
        let is_good = halves.is_some_and(|(_, host)| is_host(host)) && address.bytes().all(is_plain);
        if is_good && address.len() <= ADDRESS_BYTES_MAX {
            return Some(address.clone());
        }
        let reason = format!("\"{}\" is no mail address such as \"storage@example.org\"", address.escape_default());
        self.findings.add(text.span(), key, reason);
        None
    }

    pub(super) fn one_of<T: Copy>(&mut self, key: &str, text: &Text, known: &[(&str, T)]) -> Option<T> {
        let found = known.iter().find(|(name, _)| name == text.get_ref()).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<_> = known.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            let reason = format!("\"{}\" is not one of {}", text.get_ref().escape_default(), names.join(", "));
            self.findings.add(text.span(), key, reason);
        }
        found
    }
}

/// A URL without authorities and secret.
fn parse_url(text: &str) -> Result<Webhook, String> {
    let told = || format!("\"{}\" is no URL such as \"https://HOST/PATH\"", text.escape_default());
    let (is_tls, rest) = match text.split_once("://") {
        Some(("https", rest)) => (true, rest),
        Some(("http", rest)) => (false, rest),
        _ => return Err(told()),
    };
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains('#') || text.len() > URL_BYTES_MAX {
        return Err(told());
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    let (host, port) = parse_host(authority, if is_tls { 443 } else { 80 }).ok_or_else(told)?;
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    Ok(Webhook { is_tls, host, port, target, authorities: None, secret: None })
}

/// `HOST`, `HOST:PORT`, `[::1]:PORT`.
fn parse_host(text: &str, unsaid: u16) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => {
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, port.strip_prefix(':').or_else(|| port.is_empty().then_some(""))?)
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let port = if port.is_empty() { unsaid } else { port.parse().ok().filter(|port| *port > 0)? };
    (text.starts_with('[') || is_host(host)).then(|| (host.to_owned(), port))
}

fn is_host(host: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=253).contains(&host.len()) && host.bytes().all(is_legal)
}

const LIMITS: [(&str, QuotaLimit); 3] =
    [("advisory", QuotaLimit::Advisory), ("soft", QuotaLimit::Soft), ("hard", QuotaLimit::Hard)];
/// Times are filled in where they are read.
const MOMENTS: [(&str, QuotaMoment); 4] = [
    ("exceeded", QuotaMoment::Exceeded(0)),
    ("denied", QuotaMoment::Denied(0)),
    ("violated", QuotaMoment::Violated(crate::period::Period { every_seconds: 1, at_seconds: 0 })),
    ("expired", QuotaMoment::Expired),
];
const FORMATS: [(&str, ReportFormat); 3] =
    [("json", ReportFormat::Json), ("csv", ReportFormat::Csv), ("html", ReportFormat::Html)];
/// Rules of a zone.
const RULES_MAX: usize = 64;
/// How long the same is not told again where nothing is said.
const HOLDOFF: u64 = 300;
const RECIPIENTS_MAX: usize = 32;
const ADDRESS_BYTES_MAX: usize = 254;
const URL_BYTES_MAX: usize = 2048;
const SMTP_PORT: u16 = 25;
const SECRET_BYTES_MIN: usize = 16;
const SECRET_BYTES_MAX: u64 = 4096;
const AUTHORITIES_BYTES_MAX: u64 = 1 << 20;
/// Reports that are kept where nothing is said, and at most.
const REPORTS_KEPT: u32 = 30;
const REPORTS_MAX: u32 = 10_000;
