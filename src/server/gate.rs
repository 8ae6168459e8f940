//! Who may come in: the house's seats, in all and for each address.
//!
//! A session holds a [`Permit`] from its accept until its last thread has let go of it; dropping it
//! gives the seat back. Seats are small numbers, so tables by seat stay dense.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::chat::Seat;
use crate::protocol::Refusal;

/// The book of seats.
#[derive(Debug)]
pub(super) struct Gate {
    seats: usize,
    per_address: usize,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// Seats given back, the last one on top.
    free: Vec<Seat>,
    /// Seats that have ever been given.
    opened: u32,
    taken: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Gate {
    /// A gate of `seats` seats, `per_address` (0 = all of them) for each address.
    pub(super) fn new(seats: usize, per_address: usize) -> Arc<Self> {
        Arc::new(Self { seats, per_address, book: Mutex::default() })
    }

    /// Gives a seat to a caller.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Refusal> {
        let mut book = self.book.lock();
        if book.taken >= self.seats {
            return Err(Refusal::Full { limit: self.seats });
        }
        if self.per_address > 0 {
            let held = book.by_address.entry(address).or_default();
            if *held >= self.per_address {
                return Err(Refusal::TooManyFrom { address, limit: self.per_address });
            }
            *held += 1;
        }
        book.taken += 1;
        let seat = book.free.pop().unwrap_or_else(|| {
            book.opened += 1;
            Seat(book.opened - 1)
        });
        drop(book);
        Ok(Permit { gate: Arc::clone(self), seat, address })
    }
}

/// A seat, held.
#[derive(Debug)]
pub(super) struct Permit {
    gate: Arc<Gate>,
    pub(super) seat: Seat,
    address: IpAddr,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut book = self.gate.book.lock();
        book.taken -= 1;
        book.free.push(self.seat);
        if let Some(held) = book.by_address.get_mut(&self.address) {
            *held -= 1;
            if *held == 0 {
                book.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn seats_are_counted_and_come_back() {
        let (one, two) = (IpAddr::from(Ipv4Addr::new(127, 0, 0, 1)), IpAddr::from(Ipv4Addr::new(127, 0, 0, 2)));
        let gate = Gate::new(3, 2);
        let first = gate.admit(one).unwrap();
        let second = gate.admit(one).unwrap();
        assert_eq!((first.seat, second.seat), (Seat(0), Seat(1)));
        assert_eq!(gate.admit(one).unwrap_err(), Refusal::TooManyFrom { address: one, limit: 2 });
        let third = gate.admit(two).unwrap();
        assert_eq!(gate.admit(two).unwrap_err(), Refusal::Full { limit: 3 });
        drop(first);
        assert_eq!(gate.admit(one).unwrap().seat, Seat(0));
        drop((second, third));
        assert!(gate.book.lock().by_address.is_empty());
    }
}
