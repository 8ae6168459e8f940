//! The replies to posts. A reply says that the lines are sent, so it goes out after the flush that sent them.

use super::super::event::Answer;
use super::super::os::Sender;

/// The replies that wait for the next flush.
#[derive(Debug, Default)]
pub(super) struct Replies(Vec<(Sender<Answer>, Answer)>);

impl Replies {
    pub(super) fn push(&mut self, reply: Sender<Answer>, answer: Answer) {
        self.0.push((reply, answer));
    }

    /// Sends them all. Each channel has a place for its reply; nobody takes it if the connection has ended.
    pub(super) fn send(&mut self) {
        for (reply, answer) in self.0.drain(..) {
            let _ = reply.try_send(answer);
        }
    }
}
