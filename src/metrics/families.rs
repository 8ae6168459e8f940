//! The metrics that operators read, as families of the text format.
//!
//! Names follow Prometheus' conventions: base units, `_total` on counters. No label has a name, a room or an
//! address of a person.

use std::sync::atomic::AtomicU64;

use crate::protocol::CloseKind;

use super::counters::{Metrics, read};
use super::labels::{Scheme, TurnedAway};
use super::process::Figures;
use super::text::{Kind, Text};

/// The figures of one moment.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    /// The counters.
    pub metrics: &'a Metrics,
    /// The outboxes.
    pub pending: Pending,
    /// The process.
    pub process: Figures,
}

/// Bytes pending in the outboxes of all sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pending {
    /// The sum.
    pub sum: usize,
    /// The most in one of them.
    pub largest: usize,
}

/// Every metric as text, in Prometheus' format.
#[must_use]
pub fn render(snapshot: &Snapshot<'_>) -> String {
    use Kind::{Counter, Gauge};
    let Snapshot { metrics, pending, process } = snapshot;
    let mut text = Text::default();
    text.family("parlor_build_info", Gauge, "The version that runs. The value is always 1.")
        .by_label("version", [(env!("CARGO_PKG_VERSION"), 1)]);

    text.family("parlor_sessions", Gauge, "Open connections, by door.")
        .by_label("door", Scheme::ALL.map(|scheme| (scheme.name(), metrics.sessions(scheme))));
    text.family("parlor_opened_total", Counter, "Connections that were let in, by door.")
        .by_label("door", by_scheme(&metrics.opened));
    text.family("parlor_closed_total", Counter, "Connections that ended, by reason.").by_label(
        "reason",
        CloseKind::ALL.iter().zip(&metrics.closed).map(|(kind, counter)| (label(kind.name()), read(counter))),
    );
    text.family("parlor_refused_total", Counter, "Callers that were turned away, by reason.").by_label(
        "reason",
        TurnedAway::ALL.iter().zip(&metrics.turned_away).map(|(reason, counter)| (reason.name(), read(counter))),
    );
    text.family("parlor_accept_failures_total", Counter, "Failures to accept a connection, each with a pause.")
        .value(read(&metrics.accept_failures));

    text.family("parlor_rooms", Gauge, "Rooms that exist, the lobby among them.").value(read(&metrics.rooms));
    text.family("parlor_lines_total", Counter, "Lines of chat that came in, by door.")
        .by_label("door", by_scheme(&metrics.lines));
    text.family("parlor_deliveries_total", Counter, "Lines of rooms that went out, one for each receiver.")
        .value(read(&metrics.deliveries));
    text.family(
        "parlor_throttled_seconds_total",
        Counter,
        "Time for which a rate limit delayed input, over all sessions.",
    )
    .value(metrics.throttled.read().as_secs_f64());

    text.family("parlor_slow_sessions", Gauge, "Sessions that miss lines now, because their outbox is full.")
        .value(read(&metrics.slow));
    text.family("parlor_skipped_lines_total", Counter, "Lines that slow sessions missed.")
        .value(read(&metrics.skipped));
    text.family("parlor_backpressure_seconds_total", Counter, "Time in which slow sessions stopped or slowed a room.")
        .value(metrics.congested.read().as_secs_f64());
    text.family("parlor_outbox_bytes", Gauge, "Bytes that wait to be sent, over all sessions.").value(pending.sum);
    text.family("parlor_outbox_largest_bytes", Gauge, "Bytes that wait for the session with the most of them.")
        .value(pending.largest);
    text.histogram(
        "parlor_turn_seconds",
        "Turns of the manager: from an event until all of its lines are sent.",
        &metrics.turns,
    );

    process_families(&mut text, process);
    text.finish()
}

/// The process. What the kernel does not tell is left out.
fn process_families(text: &mut Text, process: &Figures) {
    use Kind::{Counter, Gauge};
    let Figures { cpu, resident, address_space, open_fds, max_fds, threads, started } = *process;
    let mut gauge = |name, help, value: Option<u64>| {
        if let Some(value) = value {
            text.family(name, Gauge, help).value(value);
        }
    };
    gauge("parlor_threads", "Threads of the process.", threads);
    gauge("process_resident_memory_bytes", "Memory in use.", resident);
    gauge("process_virtual_memory_bytes", "Address space in use.", address_space);
    gauge("process_open_fds", "Open file descriptors.", open_fds);
    gauge("process_max_fds", "The limit of file descriptors.", max_fds);
    if let Some(cpu) = cpu {
        text.family("process_cpu_seconds_total", Counter, "Processor time, of all threads.").value(cpu.as_secs_f64());
    }
    if let Some(started) = started {
        text.family("process_start_time_seconds", Gauge, "Start of the process, as a Unix time.")
            .value(started.as_secs_f64());
    }
}

fn by_scheme(counters: &[AtomicU64]) -> impl Iterator<Item = (&'static str, u64)> {
    Scheme::ALL.iter().zip(counters).map(|(scheme, counter)| (scheme.name(), read(counter)))
}

/// A name as a label value: `peer_closed`.
fn label(name: &str) -> String {
    name.replace([' ', '-'], "_")
}
