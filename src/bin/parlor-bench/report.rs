//! Reports of runs: a JSON line for programs, a table for people, medians over several runs.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

/// One figure or fact of a run, by its name in the JSON object.
#[derive(Debug, Clone)]
enum Entry {
    /// A setting of the run, the same in every run.
    Given(Value),
    /// A measured value and its unit.
    Figure(f64, &'static str),
}

/// The results of one run, in the order in which they are shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Run(Vec<(&'static str, Entry)>);

impl Run {
    /// Results that begin with the name of the mode.
    pub(super) fn of(mode: &str) -> Self {
        Self::default().given("mode", mode)
    }

    pub(super) fn given(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.push((name, Entry::Given(value.into())));
        self
    }

    pub(super) fn figure(mut self, name: &'static str, value: f64, unit: &'static str) -> Self {
        self.0.push((name, Entry::Figure(value, unit)));
        self
    }

    /// Adds a figure if there is one.
    pub(super) fn maybe(self, name: &'static str, value: Option<f64>, unit: &'static str) -> Self {
        match value {
            Some(value) => self.figure(name, value, unit),
            None => self,
        }
    }

    /// Adds the times from connect to greeting.
    pub(super) fn greetings(self, nanoseconds: &Histogram<u64>) -> Self {
        let ms = |quantile| nanoseconds.value_at_quantile(quantile) as f64 / 1e6;
        self.figure("greeting_p50", ms(0.5), "ms").figure("greeting_p99", ms(0.99), "ms").figure(
            "greeting_max",
            nanoseconds.max() as f64 / 1e6,
            "ms",
        )
    }

    fn json(&self) -> Value {
        let pairs = self.0.iter().map(|(name, entry)| {
            let value = match entry {
                Entry::Given(value) => value.clone(),
                Entry::Figure(value, _) => json!((value * 1e4).round() / 1e4),
            };
            ((*name).to_string(), value)
        });
        Value::Object(pairs.collect::<Map<_, _>>())
    }
}

/// All runs of one call.
pub(super) struct Report {
    json: bool,
    runs: Vec<Run>,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        Self { json, runs: Vec::new() }
    }

    /// Adds a run. Prints it at once if the report is JSON.
    pub(super) fn add(&mut self, run: Run) -> Result<(), String> {
        if self.json {
            writeln!(io::stdout(), "{}", run.json()).map_err(|error| format!("cannot write the result: {error}"))?;
        }
        self.runs.push(run);
        Ok(())
    }

    /// Prints the table: the figures of one run; of several runs the medians, and in brackets the least and the most.
    pub(super) fn finish(&self) -> Result<(), String> {
        let Some(first) = self.runs.first().filter(|_| !self.json) else { return Ok(()) };
        let mut table = String::new();
        let given: Vec<String> = first.0.iter().filter_map(|(name, entry)| given(name, entry)).collect();
        table += &format!(
            "{} · {} {}\n",
            given.join(" · "),
            self.runs.len(),
            if self.runs.len() == 1 { "run" } else { "runs" }
        );
        for (place, (name, entry)) in first.0.iter().enumerate() {
            let Entry::Figure(_, unit) = entry else { continue };
            let mut values: Vec<f64> = self
                .runs
                .iter()
                .filter_map(|run| match run.0.get(place) {
                    Some((_, Entry::Figure(value, _))) => Some(*value),
                    _ => None,
                })
                .collect();
            values.sort_by(f64::total_cmp);
            let median = (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0;
            table += &format!("  {:<28}{:>14} {unit}", name.replace('_', " "), number(median, unit));
            if let (Some(least), Some(most), true) = (values.first(), values.last(), values.len() > 1) {
                table += &format!("  ({} to {})", number(*least, unit), number(*most, unit));
            }
            table.push('\n');
        }
        write!(io::stdout(), "{table}").map_err(|error| format!("cannot write the result: {error}"))
    }
}

fn given(name: &str, entry: &Entry) -> Option<String> {
    match entry {
        Entry::Given(Value::String(text)) => Some(text.clone()),
        Entry::Given(value) => {
            let number = value.as_f64().map_or_else(|| value.to_string(), |number| number.to_string());
            let name = name.strip_suffix('s').filter(|_| number == "1").unwrap_or(name);
            Some(format!("{number} {}", name.replace('_', " ")))
        }
        Entry::Figure(..) => None,
    }
}

/// `1 line`, `2 lines`.
pub(super) fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A number with at least three significant digits, and blanks between thousands. A number without a unit is a
/// count: an integer is written as one.
fn number(value: f64, unit: &str) -> String {
    if value.abs() < 100.0 && !(unit.is_empty() && value.fract() == 0.0) {
        return format!("{value:.*}", if value.abs() < 1.0 { 4 } else { 2 });
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) && !text.ends_with('-') {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A progress bar on standard error, if that is a terminal.
pub(super) fn progress(what: &str, total: Duration) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg:24} {bar:40} {elapsed_precise}");
    let bar = ProgressBar::new(total.as_millis() as u64).with_message(what.to_string());
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_three_digits() {
        for (value, text) in
            [(0.0312, "0.0312"), (12.345, "12.35"), (60.0, "60.00"), (999.6, "1 000"), (18_123_456.7, "18 123 457")]
        {
            assert_eq!(number(value, "ms"), text);
        }
        for (value, text) in [(0.0, "0"), (60.0, "60"), (1.75, "1.75"), (1234.0, "1 234"), (-1234.0, "-1 234")] {
            assert_eq!(number(value, ""), text);
        }
    }

    #[test]
    fn settings_are_written_as_words() {
        for (name, value, text) in [
            ("rooms", json!(1), "1 room"),
            ("in_flight", json!(1), "1 in flight"),
            ("bytes", json!(64), "64 bytes"),
            ("within", json!(0.0), "0 within"),
            ("within", json!(0.5), "0.5 within"),
            ("wire", json!("text"), "text"),
        ] {
            assert_eq!(given(name, &Entry::Given(value)).as_deref(), Some(text));
        }
    }
}
