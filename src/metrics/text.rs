//! The Prometheus text format, version 0.0.4: families of samples, each with its HELP and TYPE line.
//!
//! Format: <https://prometheus.io/docs/instrumenting/exposition_formats/>. A family is complete when its last
//! sample is written, so the samples of two families cannot mix.

use std::fmt::{Display, Write};
use std::time::Duration;

use super::histogram::{BOUNDS, Histogram};

/// The `Content-Type` of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The type of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows. Its name ends in `_total`.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts of observations by upper bound.
    Histogram,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The text, as far as it is written.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn finish(self) -> String {
        self.0
    }

    /// Begins a family.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        self.line(format_args!("# HELP {name} {}", Escaped(help, false)));
        self.line(format_args!("# TYPE {name} {}", kind.name()));
        Family { text: self, name }
    }

    /// Adds the family of a histogram of durations, in seconds.
    pub(super) fn histogram(&mut self, name: &'static str, help: &str, histogram: &Histogram) {
        let counts = histogram.cumulative();
        let all = counts.last().copied().unwrap_or_default();
        self.family(name, Kind::Histogram, help);
        for (bound, count) in BOUNDS.iter().zip(counts) {
            self.line(format_args!("{name}_bucket{{le=\"{}\"}} {count}", Duration::from_micros(*bound).as_secs_f64()));
        }
        self.line(format_args!("{name}_bucket{{le=\"+Inf\"}} {all}"));
        self.line(format_args!("{name}_sum {}", histogram.sum().as_secs_f64()));
        self.line(format_args!("{name}_count {all}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }
}

/// One family, which takes samples.
#[derive(Debug)]
pub(super) struct Family<'a> {
    text: &'a mut Text,
    name: &'static str,
}

impl Family<'_> {
    /// Adds the only sample.
    pub(super) fn value(self, value: impl Display) {
        self.text.line(format_args!("{} {value}", self.name));
    }

    /// Adds a sample for each value of one label.
    pub(super) fn by_label<L: AsRef<str>, V: Display>(self, label: &str, samples: impl IntoIterator<Item = (L, V)>) {
        for (of, value) in samples {
            self.text.line(format_args!("{}{{{label}=\"{}\"}} {value}", self.name, Escaped(of.as_ref(), true)));
        }
    }
}

/// A text with its backslashes and line feeds escaped, in a label value its quotes too.
struct Escaped<'a>(&'a str, bool);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '"' if self.1 => f.write_str("\\\"")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_and_help_are_escaped() {
        let mut text = Text::default();
        text.family("a", Kind::Gauge, "one \\ two\n\"three\"").by_label("of", [("x\\\"\ny", 1)]);
        let wanted = "# HELP a one \\\\ two\\n\"three\"\n# TYPE a gauge\na{of=\"x\\\\\\\"\\ny\"} 1\n";
        assert_eq!(text.finish(), wanted);
    }
}
