//! The metrics as text: what a monitoring system reads, and the dashboard that shows it.

mod exposition;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parlor::metrics::{Figures, Metrics, Pending, Process, Scheme, Snapshot, TurnedAway, render};
use parlor::protocol::CloseReason;
use serde_json::Value;

pub(crate) use exposition::parse;

/// Every metric of the guide, in alphabetical order.
const NAMES: [&str; 23] = [
    "parlor_accept_failures_total",
    "parlor_backpressure_seconds_total",
    "parlor_build_info",
    "parlor_closed_total",
    "parlor_deliveries_total",
    "parlor_lines_total",
    "parlor_opened_total",
    "parlor_outbox_bytes",
    "parlor_outbox_largest_bytes",
    "parlor_refused_total",
    "parlor_rooms",
    "parlor_sessions",
    "parlor_skipped_lines_total",
    "parlor_slow_sessions",
    "parlor_threads",
    "parlor_throttled_seconds_total",
    "parlor_turn_seconds",
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
];

fn figures() -> Figures {
    Figures {
        cpu: Some(Duration::from_micros(1_234_567)),
        resident: Some(25_000_000),
        address_space: Some(400_000_000),
        open_fds: Some(77),
        max_fds: Some(20_000),
        threads: Some(141),
        started: Some(Duration::from_millis(1_790_000_000_250)),
    }
}

#[test]
fn rendered_text_has_every_value() {
    let metrics = Metrics::default();
    metrics.count_opened(Scheme::Text);
    metrics.count_opened(Scheme::Http);
    metrics.count_opened(Scheme::Http);
    metrics.count_ended(Scheme::Http);
    metrics.count_closed(&CloseReason::PeerClosed);
    metrics.count_closed(&CloseReason::WriteTimeout);
    metrics.count_turned_away(TurnedAway::Full);
    metrics.count_lines(Scheme::Json, 12);
    metrics.throttled.add(Duration::from_millis(2500));
    metrics.congested.add(Duration::from_micros(100));
    metrics.turns.observe(Duration::from_micros(90));
    metrics.turns.observe(Duration::from_millis(20));
    metrics.turns.observe(Duration::from_secs(3));
    let counters: [(&AtomicU64, u64); 5] = [
        (&metrics.deliveries, 1_000_000),
        (&metrics.skipped, 7),
        (&metrics.slow, 2),
        (&metrics.rooms, 3),
        (&metrics.accept_failures, 1),
    ];
    counters.iter().for_each(|(counter, value)| counter.store(*value, Ordering::Relaxed));
    let pending = Pending { sum: 5000, largest: 4000 };
    let families = parse(&render(&Snapshot { metrics: &metrics, pending, process: figures() })).unwrap();
    assert_eq!(families.keys().map(String::as_str).collect::<Vec<_>>(), NAMES);
    for (sample, value) in [
        (concat!("parlor_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1.0),
        ("parlor_sessions{door=\"text\"}", 1.0),
        ("parlor_sessions{door=\"http\"}", 1.0),
        ("parlor_sessions{door=\"relay\"}", 0.0),
        ("parlor_opened_total{door=\"http\"}", 2.0),
        ("parlor_closed_total{reason=\"peer_closed\"}", 1.0),
        ("parlor_closed_total{reason=\"write_time_out\"}", 1.0),
        ("parlor_closed_total{reason=\"quit\"}", 0.0),
        ("parlor_refused_total{reason=\"full\"}", 1.0),
        ("parlor_accept_failures_total", 1.0),
        ("parlor_lines_total{door=\"json\"}", 12.0),
        ("parlor_deliveries_total", 1_000_000.0),
        ("parlor_skipped_lines_total", 7.0),
        ("parlor_slow_sessions", 2.0),
        ("parlor_throttled_seconds_total", 2.5),
        ("parlor_backpressure_seconds_total", 0.0001),
        ("parlor_outbox_bytes", 5000.0),
        ("parlor_outbox_largest_bytes", 4000.0),
        ("parlor_turn_seconds_bucket{le=\"0.0001\"}", 1.0),
        ("parlor_turn_seconds_bucket{le=\"0.025\"}", 2.0),
        ("parlor_turn_seconds_bucket{le=\"1\"}", 2.0),
        ("parlor_turn_seconds_bucket{le=\"+Inf\"}", 3.0),
        ("parlor_turn_seconds_sum", 3.02009),
        ("parlor_rooms", 3.0),
        ("parlor_threads", 141.0),
        ("process_cpu_seconds_total", 1.234567),
        ("process_resident_memory_bytes", 25_000_000.0),
        ("process_start_time_seconds", 1_790_000_000.25),
    ] {
        let name = sample.split('{').next().unwrap();
        let name = ["_bucket", "_sum"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
        assert_eq!(families[name].samples.get(sample), Some(&value), "{sample}");
    }
}

/// A system without /proc tells nothing of the process; the rest of the text is the same.
#[test]
fn unknown_figures_are_left_out() {
    let (metrics, pending) = (Metrics::default(), Pending::default());
    let without = parse(&render(&Snapshot { metrics: &metrics, pending, process: Figures::default() })).unwrap();
    let with = parse(&render(&Snapshot { metrics: &metrics, pending, process: Process::new().read() })).unwrap();
    let missing: Vec<_> = with.keys().filter(|name| !without.contains_key(*name)).collect();
    assert!(missing.iter().all(|name| name.starts_with("process_") || *name == "parlor_threads"), "{missing:?}");
    assert_eq!((missing.len(), without.len()), (7, 16));
}

/// Every value of a label is a word of ours, so none tells who talks to whom.
#[test]
fn labels_are_words_of_the_server() {
    let (metrics, pending) = (Metrics::default(), Pending::default());
    let text = render(&Snapshot { metrics: &metrics, pending, process: figures() });
    for labels in text.lines().filter_map(|line| Some(line.split_once('{')?.1.split_once('}')?.0)) {
        let (label, value) = labels.split_once('=').unwrap();
        let value = value.trim_matches('"');
        match label {
            "door" | "reason" => assert!(value.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{labels}"),
            "le" => assert!(value == "+Inf" || value.parse::<f64>().is_ok(), "{labels}"),
            label => assert_eq!((label, value), ("version", env!("CARGO_PKG_VERSION"))),
        }
    }
}

/// The names in a text that look like metrics.
fn names_in(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| ["parlor_", "process_"].iter().any(|prefix| word.starts_with(prefix))).collect()
}

/// The families of a running server, and the names of their samples.
fn known(name: &str) -> bool {
    let of_histogram = ["_bucket", "_sum", "_count"].map(|suffix| format!("parlor_turn_seconds{suffix}"));
    NAMES.contains(&name) || of_histogram.iter().any(|sample| sample == name)
}

#[test]
fn dashboard_shows_metrics_that_exist() {
    let dashboard: Value = serde_json::from_str(include_str!("../../../scripts/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut shown = Vec::new();
    for panel in panels {
        let (title, says) = (panel["title"].as_str().unwrap(), panel["description"].as_str().unwrap_or_default());
        assert!(says.ends_with('.') && says.len() > 20, "{title}: no sentence tells what it shows");
        let targets = panel["targets"].as_array().unwrap();
        let expressions: Vec<&str> = targets.iter().map(|target| target["expr"].as_str().unwrap()).collect();
        for name in expressions.iter().flat_map(|expression| names_in(expression)) {
            assert!(known(name), "{title}: {name} does not exist");
            shown.push(name);
        }
        assert!(!expressions.is_empty(), "{title}: no expression");
    }
    let ids: std::collections::BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let missing: Vec<_> = NAMES.iter().filter(|name| !shown.iter().any(|shown| shown.starts_with(**name))).collect();
    assert_eq!(missing, [&"process_virtual_memory_bytes"], "and the dashboard shows all that matters");
}

#[test]
fn guide_lists_every_metric() {
    let guide = include_str!("../../../src/guide/operating.md");
    let listed = names_in(guide);
    for name in NAMES {
        assert!(listed.contains(&name), "{name} is not in the guide");
    }
    for name in listed {
        assert!(known(name), "the guide has {name}, which does not exist");
    }
}
