//! The settings of a server, as plain data with working defaults.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::protocol::IdleLimits;
use crate::wire::{Limits, Wire};

/// One listening address with what is spoken there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// The wire format.
    pub wire: Wire,
    /// Where; port 0 takes a free port.
    pub address: SocketAddr,
    /// Whether the server cannot start without it.
    pub required: bool,
}

impl Listen {
    /// A door that must open.
    #[must_use]
    pub fn required(wire: Wire, address: SocketAddr) -> Self {
        Self { wire, address, required: true }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.wire, self.address)
    }
}

/// What others see of a peer's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Addresses {
    /// The address.
    Shown,
    /// A mask in its place (see [`Masks`](crate::protocol::Masks)); only the log has the address.
    Masked,
}

/// Without [`Config::idle`], a text session that has neither said a line nor taken a name may be silent
/// for so long, as in the chat room of old: a place held open by nobody is soon free again.
const IDLE_AT_FIRST: Duration = Duration::from_secs(30);
/// And every other one for so long: people read longer than 30 s before they say the next line.
const IDLE_LATER: Duration = Duration::from_secs(30 * 60);

/// Everything that can be set. [`Config::default`] is what the binary starts with.
#[derive(Debug, Clone)]
pub struct Config {
    /// The doors.
    pub listen: Vec<Listen>,
    /// Most sessions at once, over all doors.
    pub max_clients: usize,
    /// Most sessions at once from one address (IPv6: from one /64; loopback: as many as come);
    /// 0 = no limit.
    pub max_per_address: usize,
    /// Most sessions at once that have sent nothing yet, at the JSON and frame doors; never more than
    /// half of all. 0 = no limit.
    pub max_silent: usize,
    /// Whether others see a peer's address.
    pub addresses: Addresses,
    /// A text session that is silent for so long is ended; zero = never. `None`: 30 s until it has said a
    /// line or taken a name, 30 min after that.
    pub idle: Option<Duration>,
    /// The text door says unasked nothing but what the chat room of old said, for scripts that parse every
    /// line: no line that begins `***` or `---`, every coming and going by itself; and without
    /// [`Config::idle`], 30 s of silence for everybody.
    pub classic: bool,
    /// Lines a second that a session may send in the long run; 0 = no limit. Lines are what others hear
    /// and what the server has to search for; a list counts as two, a rename as five.
    pub rate: u32,
    /// Lines that it may send at once.
    pub burst: u32,
    /// Requests a second, and at once, whose answer comes back to the asker alone (`/ping`, an echo,
    /// a handler); 0 = no limit.
    pub request_rate: u32,
    /// Longest line of the text door, in bytes, without its end.
    pub max_line: usize,
    /// Longest packet of the JSON door, in bytes, without its header.
    pub max_packet: usize,
    /// Longest data of a frame, in bytes.
    pub max_frame: usize,
    /// A frame session is sent a heartbeat so often; zero = never.
    pub heartbeat: Duration,
    /// A JSON session that has neither joined a room nor said anything after so long is asked to
    /// leave; zero = never.
    pub join_grace: Duration,
    /// Most rooms at once, the lobby among them.
    pub max_rooms: usize,
    /// Lines that each room keeps; 0 = none.
    pub history: usize,
    /// Lines of them that are shown to who comes into the room.
    pub history_shown: usize,
    /// Most bytes that may wait for one session that does not read, but for one answer more.
    pub max_pending: usize,
    /// A session is ended that takes fewer than 4 KiB of what is pending for it in this time.
    pub write_timeout: Duration,
    /// A stop takes at most so long, whatever clients do.
    pub drain: Duration,
    /// The node part of session ids, 0–1023.
    pub node: u16,
}

impl Config {
    /// Smallest [`Config::max_pending`], in bytes: a chunk of room lines, an eighth of it, fits behind the three
    /// quarters at which a session congests its room, with 32 KiB to spare for a line and for answers.
    pub const MIN_PENDING: usize = 256 * 1024;
    /// Largest [`Config::max_line`], in bytes: what the relay door takes too.
    pub const MAX_LINE: usize = 65_535;

    /// The doors that open when none are asked for.
    #[must_use]
    pub fn default_doors() -> Vec<Listen> {
        let local = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        vec![
            Listen { wire: Wire::Text, address: local(8000), required: true },
            Listen { wire: Wire::Relay, address: local(8888), required: false },
            Listen { wire: Wire::Json(None), address: local(8999), required: false },
            Listen { wire: Wire::Frame, address: local(9999), required: false },
        ]
    }

    /// The same with times of a year at most, so that sums of them never overflow, and with room for
    /// what has to fit.
    #[must_use]
    pub(crate) fn within_bounds(&self) -> Self {
        const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);
        Self {
            idle: self.idle.map(|idle| idle.min(YEAR)),
            write_timeout: self.write_timeout.min(YEAR),
            drain: self.drain.min(YEAR),
            heartbeat: self.heartbeat.min(YEAR),
            join_grace: self.join_grace.min(YEAR),
            max_pending: self.max_pending.max(Self::MIN_PENDING),
            max_rooms: self.max_rooms.max(1),
            ..self.clone()
        }
    }

    /// How long a text session may be silent.
    #[must_use]
    pub fn idle_limits(&self) -> IdleLimits {
        match self.idle {
            Some(limit) => IdleLimits::same(limit),
            None if self.classic => IdleLimits::same(IDLE_AT_FIRST),
            None => IdleLimits { at_first: IDLE_AT_FIRST, later: IDLE_LATER },
        }
    }

    /// What bounds the decoders.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits { max_line: self.max_line, max_packet: self.max_packet, max_frame: self.max_frame }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Self::default_doors(),
            max_clients: 4096,
            max_per_address: 0,
            max_silent: 1024,
            addresses: Addresses::Shown,
            idle: None,
            classic: false,
            rate: 5,
            burst: 40,
            request_rate: 1000,
            max_line: 4096,
            max_packet: 65_535,
            max_frame: 65_536,
            heartbeat: Duration::from_secs(5),
            join_grace: Duration::from_secs(10),
            max_rooms: 256,
            history: 200,
            history_shown: 10,
            max_pending: 1024 * 1024,
            write_timeout: Duration::from_secs(10),
            drain: Duration::from_secs(3),
            node: 1,
        }
    }
}
