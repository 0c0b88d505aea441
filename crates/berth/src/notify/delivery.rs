//! Sends events: each place has a line of its own, so that none waits for another.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use admin_api::rfc3339;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinSet;
use vfs::Clock;
use zones::{MailTo, Notification, Webhook};

use super::event::Event;
use super::sent::became;
use super::{Sent, Tally, mail, webhook};

/// A place that events are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Webhook(Arc<Webhook>),
    Mail(Arc<MailTo>),
}

/// Why an event did not arrive.
#[derive(Debug)]
pub(super) struct Undelivered {
    pub(super) reason: String,
    /// Whether it may arrive when it is sent again.
    pub(super) is_passing: bool,
}

/// Zone, and where.
type Place = (String, String);

struct Line {
    target: Target,
    events: Sender<Arc<Event>>,
}

/// The lines to all places.
pub(super) struct Deliveries {
    tally: Arc<Tally>,
    sent: Arc<Sent>,
    clock: Arc<dyn Clock>,
    lines: HashMap<Place, Line>,
    running: JoinSet<()>,
    /// Before each try but the first.
    pauses: &'static [Duration],
}

impl Deliveries {
    pub(super) fn new((tally, sent): (Arc<Tally>, Arc<Sent>), clock: Arc<dyn Clock>) -> Self {
        Self { tally, sent, clock, lines: HashMap::new(), running: JoinSet::new(), pauses: &PAUSES }
    }

    #[cfg(test)]
    pub(super) fn with_pauses(self, pauses: &'static [Duration]) -> Self {
        Self { pauses, ..self }
    }

    /// Where what was sent is kept.
    pub(super) fn sent(&self) -> &Arc<Sent> {
        &self.sent
    }

    /// Queues an event for the places of its rule. Where the line is full it is dropped, and counted; what was is given back.
    pub(super) fn send(&mut self, zone: &str, rule: &Notification, event: Arc<Event>) -> Vec<admin_api::Notification> {
        let mut dropped = Vec::new();
        for target in targets(rule) {
            let (place, action) = ((zone.to_owned(), target.text()), target.action());
            if self.lines.get(&place).is_none_or(|line| line.target != target) {
                let (events, waiting) = mpsc::channel(LINE_MAX);
                let (tally, sent, clock) = (Arc::clone(&self.tally), Arc::clone(&self.sent), Arc::clone(&self.clock));
                let (way, pauses) = ((place.clone(), target.clone()), self.pauses);
                self.running.spawn(serve(waiting, way, (tally, pauses), (sent, clock)));
                self.lines.insert(place.clone(), Line { target, events });
            }
            let sent = self.lines.get(&place).is_some_and(|line| line.events.try_send(Arc::clone(&event)).is_ok());
            if !sent {
                self.tally.drop_one();
                let why = Some("too many wait for the same place".to_owned());
                dropped.push(became(&event, (action, Some(&place.1)), (event.time.clone(), why)));
                tracing::warn!(zone, to = place.1, "a notification is not sent: too many wait for the same place");
            }
        }
        dropped
    }

    /// Only these rules are left: lines of others end with what waits in them.
    pub(super) fn keep(&mut self, zones: &[(&str, &[Notification])]) {
        let is_kept = |place: &Place| {
            let rules = zones.iter().filter(|(zone, _)| *zone == place.0).flat_map(|(_, rules)| rules.iter());
            rules.flat_map(targets).any(|target| target.text() == place.1)
        };
        self.lines.retain(|place, _| is_kept(place));
        self.tally.forget(is_kept);
        while self.running.try_join_next().is_some() {}
    }
}

fn targets(rule: &Notification) -> impl Iterator<Item = Target> {
    let webhook = rule.webhook().map(|webhook| Target::Webhook(Arc::clone(webhook)));
    webhook.into_iter().chain(rule.mail().map(|mail| Target::Mail(Arc::clone(mail))))
}

async fn serve(
    mut waiting: Receiver<Arc<Event>>,
    (place, target): (Place, Target),
    (tally, pauses): (Arc<Tally>, &'static [Duration]),
    (sent, clock): (Arc<Sent>, Arc<dyn Clock>),
) {
    while let Some(event) = waiting.recv().await {
        let failed = deliver(&event, (&place, &target), (&tally, pauses)).await.err();
        let when = rfc3339(clock.now().seconds);
        sent.keep(&place.0, vec![became(&event, (target.action(), Some(&place.1)), (when, failed.clone()))]).await;
        match failed {
            None => tally.succeed(&place),
            Some(_) => tally.fail(),
        }
    }
}

/// Errors: why it did not arrive at the last try.
async fn deliver(
    event: &Event,
    (place, target): (&Place, &Target),
    (tally, pauses): (&Tally, &[Duration]),
) -> Result<(), String> {
    let mut last = String::new();
    for pause in std::iter::once(&Duration::ZERO).chain(pauses) {
        tokio::time::sleep(*pause).await;
        let sent = tokio::time::timeout(TRY_TIME, target.send(event)).await;
        let late = || Undelivered { reason: "no answer in time".to_owned(), is_passing: true };
        let Err(undelivered) = sent.unwrap_or_else(|_| Err(late())) else { return Ok(()) };
        tracing::warn!(zone = place.0, to = place.1, reason = undelivered.reason, "a notification did not arrive");
        last.clone_from(&undelivered.reason);
        tally.stumble(place, undelivered.reason);
        if !undelivered.is_passing {
            break;
        }
    }
    Err(last)
}

impl Target {
    fn action(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Mail(_) => "mail",
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Webhook(webhook) => webhook.url(),
            Self::Mail(mail) => format!("{} by {}:{}", mail.to.join(", "), mail.relay, mail.port),
        }
    }

    async fn send(&self, event: &Event) -> Result<(), Undelivered> {
        match self {
            Self::Webhook(webhook) => webhook::send(webhook, event).await,
            Self::Mail(mail) => mail::send(mail, event).await,
        }
    }
}

/// Events that wait for one place.
const LINE_MAX: usize = 64;
const TRY_TIME: Duration = Duration::from_secs(10);
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120)];
