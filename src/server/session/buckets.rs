//! The two allowances of a session or an address, each a token bucket.
//!
//! `--rate` and `--burst` bound lines that others hear and lists that cost the manager a search;
//! `--request-rate` bounds answers to the asker alone.

use std::time::Duration;

use crate::chat::Bucket;
use crate::config::Config;

/// The sizes and rates of the two allowances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Rates {
    /// Lines a second; 0 = no limit.
    pub(in super::super) rate: u32,
    /// Lines at once.
    pub(in super::super) burst: u32,
    /// Requests a second, and at once; 0 = no limit.
    pub(in super::super) requests: u32,
}

impl Rates {
    pub(in super::super) fn of(config: &Config) -> Self {
        Self { rate: config.rate, burst: config.burst, requests: config.request_rate }
    }

    /// Both allowances, full.
    pub(in super::super) fn buckets(self, now: Duration) -> Buckets {
        Buckets {
            lines: Bucket::new(self.rate, self.burst, now),
            requests: Bucket::new(self.requests, self.requests, now),
        }
    }
}

/// Both allowances of a session, or of an address.
#[derive(Debug, Clone)]
pub(in super::super) struct Buckets {
    pub(super) lines: Bucket,
    pub(super) requests: Bucket,
}

/// Tokens used of both allowances and not regained, in billionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Used {
    pub(super) lines: u64,
    pub(super) requests: u64,
}

impl Buckets {
    /// Whether nothing is missing.
    pub(in super::super) fn are_full(&mut self, now: Duration) -> bool {
        self.lines.is_full(now) && self.requests.is_full(now)
    }

    /// Takes the tokens that a session has used, as far as there are any.
    pub(in super::super) fn lose(&mut self, used: Used, now: Duration) {
        self.lines.lose(used.lines, now);
        self.requests.lose(used.requests, now);
    }

    pub(super) fn missing(&mut self, now: Duration) -> Used {
        Used { lines: self.lines.missing(now), requests: self.requests.missing(now) }
    }
}
