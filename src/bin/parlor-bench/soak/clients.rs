//! The actions of the clients, and how often each is taken.

use super::client::Client;
use super::shared::Shared;
use super::{misbehaviour, orderly};

/// An action, and its weight among all actions.
type Action = (u64, fn(&mut Client<'_>) -> Option<()>);

const ACTIONS: [Action; 14] = [
    (24, orderly::talk),
    (10, orderly::half_close),
    (6, orderly::flood),
    (10, misbehaviour::reset),
    (10, misbehaviour::send_rubbish),
    (3, misbehaviour::speak_another_protocol),
    (5, orderly::send_bytewise),
    (8, misbehaviour::change_rooms),
    (3, misbehaviour::vanish),
    (4, misbehaviour::stall),
    (4, misbehaviour::be_idle),
    (6, misbehaviour::race_for_a_name),
    (2, misbehaviour::crowd),
    (2, misbehaviour::not_join),
];

/// Takes one random action after another until the soak ends.
pub(super) fn run(shared: &Shared, number: u64) {
    let mut client = Client::new(shared, number);
    while let Some(_busy) = shared.phases.wait_for_churn() {
        let all: u64 = ACTIONS.iter().map(|(weight, _)| weight).sum();
        let mut which = client.random.between(1, all);
        for (weight, action) in ACTIONS {
            if which <= weight {
                action(&mut client);
                break;
            }
            which -= weight;
        }
        shared.close_vanished();
        client.pause(200);
    }
}
