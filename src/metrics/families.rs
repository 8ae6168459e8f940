//! The metrics that operators read, as families of the text format.
//!
//! Names follow Prometheus' conventions: base units, `_total` on counters. No label has a name, a room or an
//! address of a person: whoever reads the metrics learns nothing of who talks to whom.

use crate::protocol::CloseKind;

use super::text::{Kind, Text};
use super::{Metrics, read};

/// The metrics as text.
#[must_use]
pub fn render(metrics: &Metrics) -> String {
    let mut text = Text::default();
    text.family("parlor_build_info", Kind::Gauge, "The version that runs. Always 1.")
        .by_label("version", [(env!("CARGO_PKG_VERSION"), 1)]);
    let closed = CloseKind::ALL.iter().map(|kind| label(kind.name())).zip(&metrics.closed);
    let closed: Vec<_> = closed.map(|(name, counter)| (name, read(counter))).collect();
    text.family("parlor_closed_total", Kind::Counter, "Sessions that ended, by reason.")
        .by_label("reason", closed.iter().map(|(name, count)| (name.as_str(), *count)));
    text.family(
        "parlor_deliveries_total",
        Kind::Counter,
        "Lines of rooms that were sent or queued, one for each receiver.",
    )
    .value(read(&metrics.deliveries));
    text.family(
        "parlor_skipped_lines_total",
        Kind::Counter,
        "Lines that slow sessions missed because their outbox was full.",
    )
    .value(read(&metrics.skipped));
    text.finish()
}

/// A name as a label value: `peer_closed`.
fn label(name: &str) -> String {
    name.replace([' ', '-'], "_")
}
