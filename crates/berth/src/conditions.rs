//! What is not as configured, as the operator's window shows it.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use admin_server::Condition;

/// What is not as configured. As many as the configuration has zones, exports and addresses.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    left_out: Vec<Condition>,
    lost: Vec<(SocketAddr, String)>,
    refused: Option<String>,
    snapshots: Vec<Condition>,
    reports: Vec<Condition>,
}

impl Conditions {
    /// The zones were taken, without these.
    pub(crate) fn reload(&self, left_out: Vec<Condition>) {
        let mut state = self.state();
        state.left_out = left_out;
        state.refused = None;
    }

    /// The zones were not taken; those before stay.
    pub(crate) fn refuse_reload(&self, reason: String) {
        self.state().refused = Some(reason);
    }

    /// Nothing listens there any more.
    pub(crate) fn lose_listener(&self, at: SocketAddr, reason: String) {
        self.state().lost.push((at, reason));
    }

    /// Nothing should listen at this address any more.
    pub(crate) fn forget_listeners(&self, address: IpAddr) {
        self.state().lost.retain(|(at, _)| at.ip() != address);
    }

    /// The snapshots that were due and not taken.
    pub(crate) fn miss_snapshots(&self, missed: Vec<Condition>) {
        self.state().snapshots = missed;
    }

    /// The reports that were due and not made.
    pub(crate) fn miss_reports(&self, missed: Vec<Condition>) {
        self.state().reports = missed;
    }

    /// All of them, worst first.
    pub(crate) fn all(&self, is_reloading: bool) -> Vec<Condition> {
        let state = self.state();
        let mut all: Vec<_> = is_reloading.then_some(Condition::StoreReloading).into_iter().collect();
        all.extend(state.lost.iter().map(|(at, reason)| Condition::ListenerLost { at: *at, reason: reason.clone() }));
        all.extend(state.left_out.iter().cloned());
        all.extend(state.snapshots.iter().chain(&state.reports).cloned());
        all.extend(state.refused.iter().map(|reason| Condition::ReloadRefused { reason: reason.clone() }));
        all
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_come_worst_first_and_go() {
        let conditions = Conditions::default();
        assert!(conditions.all(false).is_empty());
        conditions.refuse_reload("line 3".to_owned());
        conditions.lose_listener("127.0.0.1:111".parse().unwrap(), "gone".to_owned());
        let all = conditions.all(true);
        assert!(matches!(
            &all[..],
            [Condition::StoreReloading, Condition::ListenerLost { .. }, Condition::ReloadRefused { .. }]
        ));
        conditions.forget_listeners("127.0.0.1".parse().unwrap());
        let left_out = |path: &str| Condition::ExportNotServed {
            zone: "a".to_owned(),
            export: path.to_owned(),
            reason: "a file".to_owned(),
        };
        conditions.reload(vec![left_out("/x"), left_out("/y")]);
        assert_eq!(conditions.all(false).len(), 2, "a reload that works takes the refusal away");
        conditions.reload(Vec::new());
        assert!(conditions.all(false).is_empty());
    }
}
