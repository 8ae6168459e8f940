//! Preferences of a session: people to ignore, joins and leaves to hide, its own lines, the style of lines.

use std::sync::Arc;

use crate::protocol::{MAX_NICK_BYTES, NameKeys, Notice, Refusal, SessionId, Speaker, StyleChange, Switch};

use super::effect::Effect;
use super::local::View;
use super::turn::Turn;

/// Most people that one session may ignore: more than anybody needs, and a bound on the cost of a line.
const MAX_IGNORED: usize = 64;

/// Hides a person, or shows it again. A person stays ignored under every name and is not told.
pub(super) fn ignore(turn: &mut Turn<'_>, name: &str, on: bool) {
    let found = match turn.state.people.find(name) {
        Ok(found) => turn.state.people.get(found).map(|person| Arc::clone(&person.speaker)),
        Err(refusal) => match visitor_called(turn, name) {
            Some(visitor) => Some(visitor),
            None => return turn.refuse(refusal),
        },
    };
    let Some(who) = found else { return };
    let number = who.visitor.unwrap_or(who.id);
    if number == turn.asker {
        return turn.refuse(Refusal::IgnoresItself);
    }
    let people = &turn.state.people;
    let Some(View { filter, .. }) = turn.local.views.get_mut(&turn.asker) else { return };
    filter.ignored.retain(|other| *other != number);
    if filter.ignored.len() >= MAX_IGNORED {
        // Sessions that have left are kept while there is space: history hides their lines too.
        filter.ignored.retain(|id| id.is_visitor() || people.is_present(*id));
    }
    if on {
        if filter.ignored.len() >= MAX_IGNORED {
            return turn.refuse(Refusal::IgnoresTooMany { limit: MAX_IGNORED });
        }
        filter.ignored.push(number);
    }
    turn.out.push(Effect::Filter(turn.asker, filter.clone()));
    turn.answer(Notice::Ignoring { who, on });
}

/// Hides joins and leaves, or shows them.
pub(super) fn quiet(turn: &mut Turn<'_>, switch: Switch) {
    let Some(view) = turn.local.views.get_mut(&turn.asker) else { return };
    let on = switch == Switch::On;
    view.filter.quiet = on;
    turn.out.push(Effect::Filter(turn.asker, view.filter.clone()));
    turn.answer(Notice::Quiet { on });
}

/// Sends the session its own lines, or not.
pub(super) fn echo(turn: &mut Turn<'_>, switch: Switch) {
    let Some(view) = turn.local.views.get_mut(&turn.asker) else { return };
    let on = switch == Switch::On;
    view.echo = on;
    turn.answer(Notice::Echo { on });
}

/// Changes how lines for the session are written, and tells it so in the new style.
pub(super) fn restyle(turn: &mut Turn<'_>, change: StyleChange) {
    turn.out.push(Effect::Style(turn.asker, change));
    turn.answer(Notice::Style(change));
}

/// The visitor with that name, if it is a recent one or the asker ignores it.
fn visitor_called(turn: &Turn<'_>, name: &str) -> Option<Arc<Speaker>> {
    let name = name.trim();
    if name.len() > 4 * MAX_NICK_BYTES {
        return None; // longer than any way to write a name
    }
    let number = SessionId::of_visitor(&NameKeys::fold(name));
    turn.state.visitors.find(number).or_else(|| {
        let is_ignored = turn.local.views.get(&turn.asker)?.filter.ignored.contains(&number);
        let asker = turn.speaker().filter(|_| is_ignored)?;
        let (id, address, visitor) = (asker.id, Arc::clone(&asker.address), Some(number));
        Some(Arc::new(Speaker { id, address, name: name.into(), visitor }))
    })
}
