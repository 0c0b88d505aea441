//! Sends events: each place has a line of its own, so that none waits for another.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinSet;
use zones::{MailTo, Notification, Webhook};

use super::event::Event;
use super::{Tally, mail, webhook};

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
    lines: HashMap<Place, Line>,
    running: JoinSet<()>,
    /// Before each try but the first.
    pauses: &'static [Duration],
}

impl Deliveries {
    pub(super) fn new(tally: Arc<Tally>) -> Self {
        Self { tally, lines: HashMap::new(), running: JoinSet::new(), pauses: &PAUSES }
    }

    #[cfg(test)]
    pub(super) fn with_pauses(self, pauses: &'static [Duration]) -> Self {
        Self { pauses, ..self }
    }

    /// Queues an event for the places of its rule. Where the line is full it is dropped, and counted.
    pub(super) fn send(&mut self, zone: &str, rule: &Notification, event: Arc<Event>) {
        for target in targets(rule) {
            let place = (zone.to_owned(), target.text());
            if self.lines.get(&place).is_none_or(|line| line.target != target) {
                let (events, waiting) = mpsc::channel(LINE_MAX);
                self.running.spawn(serve(
                    waiting,
                    (place.clone(), target.clone()),
                    (Arc::clone(&self.tally), self.pauses),
                ));
                self.lines.insert(place.clone(), Line { target, events });
            }
            let sent = self.lines.get(&place).is_some_and(|line| line.events.try_send(Arc::clone(&event)).is_ok());
            if !sent {
                self.tally.drop_one();
                tracing::warn!(zone, to = place.1, "a notification is not sent: too many wait for the same place");
            }
        }
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
) {
    while let Some(event) = waiting.recv().await {
        if deliver(&event, (&place, &target), (&tally, pauses)).await {
            tally.succeed(&place);
        } else {
            tally.fail();
        }
    }
}

/// Whether it arrived.
async fn deliver(event: &Event, (place, target): (&Place, &Target), (tally, pauses): (&Tally, &[Duration])) -> bool {
    for pause in std::iter::once(&Duration::ZERO).chain(pauses) {
        tokio::time::sleep(*pause).await;
        let sent = tokio::time::timeout(TRY_TIME, target.send(event)).await;
        let late = || Undelivered { reason: "no answer in time".to_owned(), is_passing: true };
        let Err(undelivered) = sent.unwrap_or_else(|_| Err(late())) else { return true };
        tracing::warn!(zone = place.0, to = place.1, reason = undelivered.reason, "a notification did not arrive");
        tally.stumble(place, undelivered.reason);
        if !undelivered.is_passing {
            break;
        }
    }
    false
}

impl Target {
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
