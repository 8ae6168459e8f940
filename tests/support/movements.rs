//! How many people a text session was told came and left.

/// The joins and leaves that a session was told of, one by one or in summaries.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Movements {
    pub(crate) came: usize,
    pub(crate) left: usize,
    /// Lines that said so.
    pub(crate) lines: usize,
}

impl Movements {
    /// Counts what a line tells; false where it is about something else.
    pub(crate) fn count(&mut self, line: &str) -> bool {
        let both = |line: &str| {
            let (came, left) = line.strip_prefix("*** ")?.strip_suffix(" left")?.split_once(" came, ")?;
            Some((came.parse().ok()?, left.parse().ok()?))
        };
        let (came, left) = match both(line) {
            Some(counts) => counts,
            None if line.starts_with('[') && line.ends_with(": login") => (1, 0),
            None if line.starts_with('[') && line.ends_with(" out") => (0, 1), // login out, time out leave out
            None if line.starts_with("*** ") && line.contains(" came from #") => (1, 0),
            None if line.starts_with("*** ") && line.contains(" went to #") => (0, 1),
            None => return false,
        };
        self.came += came;
        self.left += left;
        self.lines += 1;
        true
    }
}
