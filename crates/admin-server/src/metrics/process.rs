//! The process, the gateway as a whole, and its health.

use super::text::{Kind, Text, family};
use crate::figures::{Figures, NotificationFigures};
use crate::window::Desk;

pub(super) fn write(text: &mut Text, desk: &Desk, figures: &Figures) {
    let (about, process) = (desk.sources.about(), &figures.process);
    let build = family("berth_build_info", "The version that runs; always 1.");
    text.begin(Kind::Gauge, build);
    text.sample(build.name, &[("version", about.version)], 1);
    text.gauge(
        family("berth_healthy", "Whether everything that is configured is served: what /healthz says."),
        u8::from(desk.health().is_ok()),
    );
    text.gauge(
        family("berth_conditions", "Things that are not as configured: zones, exports and listeners, reloads refused."),
        desk.sources.conditions().len(),
    );
    let notifications = family("berth_notifications_total", "Notifications of quotas, by what became of them.");
    let NotificationFigures { sent, failed, dropped } = figures.notifications;
    text.begin(Kind::Counter, notifications);
    for (result, count) in [("sent", sent), ("failed", failed), ("dropped", dropped)] {
        text.sample(notifications.name, &[("result", result)], count);
    }
    text.gauge(family("berth_zones", "Zones served."), figures.zones.len());
    text.gauge(family("process_resident_memory_bytes", "Memory in use."), process.memory_bytes);
    text.counter(family("process_cpu_seconds_total", "Time spent on processors."), process.cpu.as_secs_f64());
    text.gauge(family("process_open_fds", "Files, sockets and the like that are open."), process.open_files);
    text.gauge(family("process_max_fds", "Most of them."), process.open_files_max);
    text.gauge(
        family("process_start_time_seconds", "When the process started, in seconds since 1970."),
        about.started.seconds,
    );
}
