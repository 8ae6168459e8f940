//! The last writers of private lines to one session: `/reply` answers the latest.

use std::sync::Arc;
use std::time::Duration;

use crate::protocol::Speaker;

/// A person who begins to answer has seen the last private line of that moment. If another person's line
/// comes less than this before the answer, it may not have been seen (case B13).
const AMBIGUOUS_TIME: Duration = Duration::from_secs(5);

/// The last two people who wrote to one session.
#[derive(Debug, Default, Clone)]
pub(super) struct Writers {
    last: Option<Arc<Speaker>>,
    /// The writer before the last one, until a refused `/reply` has named both.
    before: Option<Arc<Speaker>>,
    /// When the last writer replaced the one before.
    changed: Duration,
}

impl Writers {
    /// Records a private line.
    pub(super) fn note(&mut self, from: &Arc<Speaker>, up: Duration) {
        let other = self.last.replace(Arc::clone(from)).filter(|last| last.id != from.id);
        if other.is_some() {
            self.before = other;
            self.changed = up;
        }
    }

    /// The last writer.
    pub(super) fn last(&self) -> Option<&Arc<Speaker>> {
        self.last.as_ref()
    }

    /// The writer before the last one, if the answer may be meant for that person. Returns it only once.
    pub(super) fn take_overtaken(&mut self, up: Duration) -> Option<Arc<Speaker>> {
        self.before.take().filter(|_| up.saturating_sub(self.changed) < AMBIGUOUS_TIME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::SessionId;

    fn speaker(id: u64) -> Arc<Speaker> {
        Arc::new(Speaker { id: SessionId(id), address: "a".into(), name: "n".into(), visitor: None })
    }

    #[test]
    fn writer_between_is_told_once() {
        let seconds = Duration::from_secs;
        let mut writers = Writers::default();
        let overtaken = |writers: &mut Writers, up| writers.take_overtaken(seconds(up)).map(|one| one.id.0);
        assert_eq!(overtaken(&mut writers, 0), None);
        assert!(writers.last().is_none());
        writers.note(&speaker(1), seconds(0));
        writers.note(&speaker(1), seconds(1));
        assert_eq!(overtaken(&mut writers, 1), None);
        writers.note(&speaker(2), seconds(10));
        writers.note(&speaker(2), seconds(11));
        assert_eq!(writers.last().map(|last| last.id.0), Some(2));
        assert_eq!(overtaken(&mut writers, 14), Some(1));
        assert_eq!(overtaken(&mut writers, 14), None);
        writers.note(&speaker(1), seconds(20));
        assert_eq!(overtaken(&mut writers, 25), None, "5 s are time to see it");
    }
}
