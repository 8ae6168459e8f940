//! The counters and measurements of a running server, and their text for Prometheus.
//!
//! Any thread may count and read. No function here blocks, and no figure is about one person or one room.
//!
//! | file | what it has |
//! |---|---|
//! | `counters` | [`Metrics`]: the counters, and a line of them for the log |
//! | `labels` | the values by which some are counted apart |
//! | `seconds`, `histogram` | sums of durations; durations counted by their length |
//! | `process` | memory, descriptors, threads and processor time, as the kernel tells them |
//! | `families` | all of it by the names that operators read |
//! | `text` | Prometheus' text format |

mod counters;
mod families;
mod histogram;
mod labels;
mod process;
mod seconds;
mod text;

pub use counters::Metrics;
pub use families::{Pending, Snapshot, render};
pub use histogram::Histogram;
pub use labels::{Scheme, TurnedAway};
pub use process::{Figures, Process};
pub use seconds::Seconds;
pub use text::CONTENT_TYPE;
