//! The connection behind a person's terminal: when it breaks, it comes back by itself.
//!
//! One thread listens, shows what is heard, and connects again when that ends; the thread of the
//! terminal talks through what both know, [`Link`]. What is shown goes into a bounded queue: who
//! does not look (a stopped terminal) stops the listening, and the server deals with that as with
//! every slow reader.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use parking_lot::{Condvar, Mutex};

use super::flags::Flags;
use super::show::{Paint, anything_below};
use super::{Client, ClientError, Talker};
use crate::protocol::{Command, Nick};
use crate::wire::{Heard, Kind, Speech, Wire};

/// The first pause before connecting again, and the longest; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A connection that has lasted so long was a good one: the next pause is the first again.
const GOOD: Duration = Duration::from_secs(5);
/// A server answers in this time, or is not there.
const ANSWER: Duration = Duration::from_secs(5);
/// After a break the name may still be held by this client's own session of before, until the
/// server notices. So it is asked for again so often, …
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// … so many times: longer than a text door's silence.
const ASKED_AT_MOST: u32 = 12;
/// What a door says at once has come in this time, and where others never stop talking nobody waits
/// longer for a moment's silence.
const AT_ONCE: Duration = Duration::from_millis(100);
/// Nobody waits longer than this at once.
const HOUR: Duration = Duration::from_secs(3600);
/// Names that Tab knows; those heard of least recently go.
const MAX_NAMES: usize = 500;
/// Lines that have not come back. More are not remembered.
const MAX_UNCONFIRMED: usize = 100;

/// What somebody is told who keeps a line when there is a connection again.
pub(super) const CAN_BE_SENT: &str = "Press Enter to send the line that was kept";

/// What the terminal and the listening thread both know.
#[derive(Debug, Default)]
pub(super) struct Link {
    state: Mutex<State>,
    /// The name has changed, or something was refused.
    answered: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// `None` while there is no connection.
    talker: Option<Talker>,
    /// The name as the server has it; none while it is only an address or a number.
    name: Option<String>,
    refusals: u64,
    names: VecDeque<String>,
    unconfirmed: VecDeque<String>,
    /// A line that could not be sent waits in the editor, and whoever typed it for the connection.
    keeps: bool,
    leaving: bool,
    /// How often the connection has broken.
    breaks: u64,
}

impl Link {
    /// The name that the server knows this person by.
    pub(super) fn name(&self) -> Option<String> {
        self.state.lock().name.clone()
    }

    /// Names heard of, the latest first.
    pub(super) fn names(&self) -> Vec<String> {
        self.state.lock().names.iter().rev().cloned().collect()
    }

    /// Sends what a person asks for; `false` if there is no connection just now.
    pub(super) fn send(&self, command: &Command) -> Result<bool, ClientError> {
        let talker = {
            let mut state = self.state.lock();
            let Some(talker) = state.talker.clone() else { return Ok(false) };
            match command {
                Command::Say(body) if state.unconfirmed.len() < MAX_UNCONFIRMED => {
                    state.unconfirmed.push_back(body.as_str().to_owned());
                }
                Command::Quit(_) => state.leaving = true,
                _ => {}
            }
            talker
        };
        match talker.send(command) {
            Err(ClientError::Send { .. }) => Ok(false), // the listening thread says why
            sent => sent.map(|_| true),
        }
    }

    /// Sends a line as it was typed.
    pub(super) fn send_typed(&self, line: &str) -> bool {
        let talker = self.state.lock().talker.clone();
        talker.is_some_and(|talker| talker.send_typed(line).is_ok())
    }

    /// Tells as soon as there is a connection that a kept line can be sent; `false` if there is one again
    /// already.
    pub(super) fn keep(&self) -> bool {
        let mut state = self.state.lock();
        state.keeps = state.talker.is_none();
        state.keeps
    }

    /// The line that was kept is sent, or given up.
    pub(super) fn keep_no_more(&self) {
        self.state.lock().keeps = false;
    }

    /// From now on an end of the connection is the end.
    pub(super) fn leave(&self) {
        self.state.lock().leaving = true;
    }

    /// Asks for a name, and waits a moment for the answer, so that the next prompt has it.
    pub(super) fn take_name(&self, nick: &Nick, at_most: Duration) -> Result<bool, ClientError> {
        let refusals = self.state.lock().refusals;
        let sent = self.send(&Command::Nick(nick.clone()))?;
        if sent {
            self.wait_for_name(nick, refusals, at_most);
        }
        Ok(sent)
    }

    /// Waits a moment until the name is this one, or there were more refusals than `refusals`.
    pub(super) fn wait_for_name(&self, nick: &Nick, refusals: u64, at_most: Duration) {
        let until = Instant::now() + at_most;
        let mut state = self.state.lock();
        while state.name.as_deref() != Some(nick.as_str()) && state.refusals == refusals {
            if self.answered.wait_until(&mut state, until).timed_out() {
                return;
            }
        }
    }

    /// Learns from what is heard; `false` if it need not be shown, because it stands there already,
    /// as it was typed.
    fn learn(&self, heard: &Heard) -> bool {
        let mut state = self.state.lock();
        if let Heard::Left { name, .. } | Heard::Renamed { old: name, .. } = heard {
            state.names.retain(|known| known != name);
        }
        for name in heard.names() {
            state.names.retain(|known| known != name);
            state.names.push_back(name.to_owned());
        }
        while state.names.len() > MAX_NAMES {
            state.names.pop_front();
        }
        match heard {
            Heard::YouAre(name) => state.name = Some(name.clone()),
            Heard::Refused { .. } => {
                state.refusals += 1;
            }
            Heard::Speech(Speech { kind: Kind::Said, mine: true, text, past: false, .. }) => {
                let place = state.unconfirmed.iter().position(|typed| typed == text);
                // Answers come in the order of the lines: those before it were refused.
                return place.is_none_or(|place| state.unconfirmed.drain(..=place).count() == 0);
            }
            _ => return true,
        }
        self.answered.notify_all();
        true
    }
}

/// The listening thread.
pub(super) struct Listener {
    pub(super) link: Arc<Link>,
    pub(super) flags: Flags,
    pub(super) address: String,
    pub(super) paint: Paint,
    /// What is to be shown, each with its line's end.
    pub(super) screen: Sender<String>,
    /// Disconnects when the person leaves.
    pub(super) left: Receiver<Infallible>,
}

impl Listener {
    /// Listens until the person leaves.
    pub(super) fn run(&self, first: Client) {
        let mut client = first;
        let mut wanted = self.flags.name.clone();
        let mut pause = FIRST_PAUSE;
        loop {
            let begun = Instant::now();
            let error = self.listen(&mut client, &mut wanted);
            // What was heard while an answer was waited for, the server's last words perhaps.
            self.hear_what_is_there(&mut client);
            drop(client); // the server may not know yet that it is over, and keeps the name so long
            let (lost, leaving) = {
                let mut state = self.link.state.lock();
                state.talker = None;
                state.breaks += 1;
                (std::mem::take(&mut state.unconfirmed), state.leaving)
            };
            if leaving {
                return;
            }
            for line in lost {
                self.show(&self.paint.refusal(&format!("Perhaps not sent: {line}")));
            }
            if begun.elapsed() >= GOOD {
                pause = FIRST_PAUSE;
            }
            self.inform(&match error {
                ClientError::Closed { last_words: Some(_), .. } => "Connection lost".to_owned(), // they are shown
                error => format!("Connection lost: {}", error.reason()),
            });
            client = match self.connect_again(&mut pause) {
                Some(client) => client,
                None => return,
            };
            self.inform("Connected again");
        }
    }

    /// Shows what is heard until the connection ends.
    fn listen(&self, client: &mut Client, wanted: &mut Option<Nick>) -> ClientError {
        let mut ask_at = None;
        let (mut asked, mut is_in) = (0, false);
        // What the door has said at once is shown at once.
        self.hear_what_is_there(client);
        let keeps = {
            let mut state = self.link.state.lock();
            state.talker = Some(client.talker());
            state.keeps
        };
        if keeps {
            self.inform(CAN_BE_SENT);
        }
        loop {
            if let Some(nick) = wanted
                && (asked == 0 || ask_at.is_some_and(|at| at <= Instant::now()))
            {
                asked += 1;
                ask_at = match client.take_name(nick, Instant::now() + ANSWER) {
                    Ok(()) => {
                        self.hear(&Heard::YouAre(nick.as_str().to_owned()));
                        None
                    }
                    Err(ClientError::Refused { text, .. }) => {
                        if asked == 1 {
                            self.link.state.lock().name = None;
                            self.hear(&Heard::Refused { code: None, text });
                            self.inform(&format!("Asking for {} again for a minute", nick.as_str()));
                        }
                        (asked < ASKED_AT_MOST).then(|| Instant::now() + ASK_AGAIN)
                    }
                    Err(error) => return error,
                };
            }
            // With the name, if there is one, so that it is what the others see coming.
            if !is_in {
                is_in = true;
                if let Err(error) = self.come_in(client) {
                    return error;
                }
            }
            match client.recv(ask_at.unwrap_or_else(|| Instant::now() + HOUR)) {
                Ok(Some(heard)) => {
                    if let Heard::YouAre(name) = &heard {
                        // Whatever name a person has, it is the one to have again.
                        (*wanted, ask_at, asked) = (Nick::parse(name).ok(), None, 1);
                    }
                    self.hear(&heard);
                }
                Ok(None) => {}
                Err(error) => return error,
            }
        }
    }

    /// Where the door has not put this client into a room, and not told who is there.
    fn come_in(&self, client: &mut Client) -> Result<(), ClientError> {
        if self.flags.wire == Wire::Text {
            return Ok(());
        }
        client.enter(Instant::now() + ANSWER)?;
        client.send(&Command::Who(None))
    }

    /// Shows what has come already.
    fn hear_what_is_there(&self, client: &mut Client) {
        let until = Instant::now() + AT_ONCE;
        while Instant::now() < until
            && let Ok(Some(heard)) = client.recv(Instant::now())
        {
            self.hear(&heard);
        }
    }

    fn hear(&self, heard: &Heard) {
        // The house's warning is for those who are not kept alive, and its advice for newcomers.
        let is_idle_talk = matches!(heard, Heard::Info(text) if text.starts_with("Quiet for ")
            || self.link.state.lock().breaks > 0 && text.starts_with("Type to talk. "));
        if self.link.learn(heard)
            && !is_idle_talk
            && let Some(line) = self.paint.line(heard)
        {
            self.show(&line);
        }
    }

    fn inform(&self, text: &str) {
        self.show(&self.paint.info(text));
    }

    fn show(&self, line: &str) {
        let _ = self.screen.send(format!("{line}\n")); // fails only when nobody looks any more
    }

    /// Connects again, as often as it takes; `None` if the person leaves meanwhile.
    fn connect_again(&self, pause: &mut Duration) -> Option<Client> {
        loop {
            self.inform(&format!("Trying again in {:.1} s", pause.as_secs_f32()));
            // A quarter more or less, so that those who lost the same server do not come at once.
            let quarter = u64::try_from(pause.as_millis() / 4).unwrap_or(0);
            let spread = Duration::from_millis(anything_below(quarter));
            match self.left.recv_timeout(*pause + spread) {
                Err(RecvTimeoutError::Timeout) => {}
                _ => return None,
            }
            *pause = longer(*pause);
            match Client::connect_within(&self.address, self.flags.wire, ANSWER) {
                Ok(client) => return Some(client),
                Err(error) => self.inform(&format!("Not reached: {}", error.reason())),
            }
        }
    }
}

/// The pause after this one.
fn longer(pause: Duration) -> Duration {
    (pause * 2).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_half_a_second_to_thirty() {
        let pauses = std::iter::successors(Some(FIRST_PAUSE), |pause| Some(longer(*pause)));
        let seconds: Vec<f32> = pauses.take(9).map(|pause| pause.as_secs_f32()).collect();
        assert_eq!(seconds, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]);
    }
}
