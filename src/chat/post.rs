//! Posts: lines said as visits by a connection that is no session, as a request of the HTTP door.
//!
//! The room hears the lines, and no login or logout. All lines of a post are said, or none: the room and the name
//! are checked before the first one.

use std::sync::Arc;
use std::vec::IntoIter;

use crate::protocol::{Body, Nick, Notice, Refusal, RoomName, SessionId, Speaker};

use super::effect::{Effect, Now};
use super::heard::Heard;
use super::hub::Hub;
use super::state::State;
use super::visit::named;

/// The lines of one request that are still to be said.
#[derive(Debug)]
pub struct Post {
    speaker: Arc<Speaker>,
    name: Option<Nick>,
    /// Whether the lines are said without the name if somebody has it.
    name_is_a_wish: bool,
    room: RoomName,
    lines: IntoIter<Body>,
    /// The speaker as others see it, once the post has been let in.
    from: Option<Arc<Speaker>>,
    said: usize,
}

impl Post {
    /// Lines of the connection `id` with this address, as others see it. Without a name it is called by that.
    #[must_use]
    pub fn new(id: SessionId, address: Arc<str>, name: Option<Nick>, room: RoomName, lines: Vec<Body>) -> Self {
        let speaker = Arc::new(Speaker { id, name: Arc::clone(&address), address, visitor: None });
        Self { speaker, name, name_is_a_wish: false, room, lines: lines.into_iter(), from: None, said: 0 }
    }

    /// If somebody has the name, says the lines under the address: a monitor cannot read a refusal, and its alert
    /// must not get lost.
    #[must_use]
    pub fn by_address_if_taken(self) -> Self {
        Self { name_is_a_wish: true, ..self }
    }

    /// The connection that it comes from.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.speaker.id
    }

    /// How many lines are still to be said.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.lines.len()
    }
}

impl Hub {
    /// Says the next line of a post. Once that is done, returns how many lines were said, or why none was. If the
    /// room goes away meanwhile, which takes all its members with it, the rest is said to nobody.
    pub fn post(&mut self, post: &mut Post, now: Now, out: &mut Vec<Effect>) -> Option<Result<usize, Refusal>> {
        let from = match &post.from {
            Some(from) => Arc::clone(from),
            None => match let_in(&mut self.state, post) {
                Ok(from) => Arc::clone(post.from.insert(from)),
                Err(refusal) => return Some(Err(refusal)),
            },
        };
        let mut turn = self.turn(post.speaker.id, now, out);
        let room = turn.state.rooms.find(&post.room);
        if let Some(body) = post.lines.next()
            && let Some(index) = room
            && let Some(room) = turn.state.rooms.get_mut(index)
        {
            let line = room.line(from, body, false, now.unix_ms);
            turn.tell_room(index, Notice::Said(line), None);
            post.said += 1;
        }
        (room.is_none() || post.lines.len() == 0).then_some(Ok(post.said))
    }

    /// The sessions that would hear of the post's next line if it were said now.
    #[must_use]
    pub fn heard_by_post(&self, post: &Post) -> Heard {
        self.state.rooms.find_listed(&post.room).map_or(Heard::Nobody, Heard::room)
    }
}

/// Checks the room and the name; returns the speaker as others see it.
fn let_in(state: &mut State, post: &Post) -> Result<Arc<Speaker>, Refusal> {
    if state.rooms.find_listed(&post.room).is_none() {
        return Err(Refusal::NoRoom { room: post.room.clone() });
    }
    let from = match named(state, &post.speaker, post.name.as_ref()) {
        Err(_) if post.name_is_a_wish => Arc::clone(&post.speaker),
        named => named?,
    };
    state.visitors.remember(&from);
    Ok(from)
}
