//! How fast the frame and JSON doors decode, on one core: `cargo bench --bench decode`.
//!
//! Reads of 32 KiB (what the server's reader takes at most) of packets with 64 bytes of text, until
//! 64 MiB have gone through; every item is taken and dropped. Of eleven runs the median is shown, with
//! the slowest and the fastest. A run is a tenth of a second to a second, so compare medians taken on
//! a quiet machine only. The goals are in MB/s of received bytes, headers counted; a median below one
//! is marked, and makes the exit code 1.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a program that prints what it has measured")]

#[path = "../support/packets.rs"]
mod packets;
#[path = "../support/recorded.rs"]
#[allow(dead_code, reason = "the tests over sockets use the rest")]
mod recorded;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use parlor::wire::{Framing, Wire};

use packets::{LIMITS, frame, packet, say_object};
use recorded::HEARTBEAT;

const READ: usize = 32 * 1024;
const VOLUME: usize = 64 << 20;
const RUNS: usize = 11;

fn main() -> ExitCode {
    let text = "The quick brown fox jumps over the lazy dog, and back over it...";
    assert_eq!(text.len(), 64);
    let say = say_object(text);
    let hello = format!("{{\"Act\":\"hello\",\"Data\":\"{text}\"}}");
    let gf2 = |object: &str| packet(Framing::Gf2, object);
    let json = Wire::Json(Some(Framing::Gf2));
    println!("{:<44} {:>8} {:>8} {:>8} {:>8}", "decode, MB/s", "slowest", "median", "fastest", "goal");
    let reached = [
        measure("frame, a handler's route, 64 bytes", Wire::Frame, &frame(1, text.as_bytes()), Some(500.0)),
        measure("frame, say as text, 64 bytes", Wire::Frame, &frame(100, text.as_bytes()), None),
        measure("frame, heartbeat", Wire::Frame, &frame(0, b""), None),
        measure("json gf2, {\"Act\":\"say\",\"Data\":64 bytes}", json, &gf2(&say), Some(150.0)),
        measure("json gf2, a handler's act, 64 bytes", json, &gf2(&hello), None),
        measure("json gf2, heartbeat", json, &gf2(HEARTBEAT), None),
        measure("json lines, say", Wire::Json(Some(Framing::Lines)), format!("{say}\n").as_bytes(), None),
        measure("text, a line of 64 bytes", Wire::Text, format!("{text}\n").as_bytes(), None),
    ];
    if reached == [true; 8] { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether the median reaches the goal, if there is one.
fn measure(what: &str, wire: Wire, packet: &[u8], goal: Option<f64>) -> bool {
    let stream = packet.repeat(VOLUME.div_ceil(packet.len()));
    let mut rates: Vec<f64> = (0..RUNS).map(|_| run(wire, &stream, stream.len() / packet.len())).collect();
    rates.sort_by(f64::total_cmp);
    let (slowest, median, fastest) = (rates[0], rates[RUNS / 2], rates[RUNS - 1]);
    let reached = goal.is_none_or(|goal| median >= goal);
    let goal = goal.map_or_else(String::new, |goal| goal.to_string());
    let verdict = if reached { "" } else { "  below the goal" };
    println!("{what:<44} {slowest:>8.0} {median:>8.0} {fastest:>8.0} {goal:>8}{verdict}");
    reached
}

/// MB/s of one pass over the stream, which holds so many packets.
fn run(wire: Wire, stream: &[u8], packets: usize) -> f64 {
    let mut decoder = wire.decoder(LIMITS);
    let mut items = 0;
    let start = Instant::now();
    for read in stream.chunks(READ) {
        decoder.feed(read);
        while let Some(item) = decoder.next().expect("a sound stream") {
            black_box(item);
            items += 1;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(items, packets);
    stream.len() as f64 / 1e6 / seconds
}
