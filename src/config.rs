//! The settings of a server, as plain data with working defaults.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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

    /// Why both doors cannot be open at once, if so.
    pub(crate) fn overlap(&self, other: &Self) -> Option<String> {
        let pair = format!("--listen {self} and --listen {other}");
        let is_all = |all: IpAddr| [self, other].iter().any(|listen| listen.address.ip() == all);
        let meaning = match () {
            () if !self.overlaps(other) => return None,
            () if self.address == other.address => {
                return Some(format!("{pair} are one address; each door needs its own"));
            }
            () if is_all(Ipv6Addr::UNSPECIFIED.into()) => "[::] is every address of this machine, those of IPv4 too",
            () if is_all(Ipv4Addr::UNSPECIFIED.into()) => "0.0.0.0 is every IPv4 address of this machine",
            () => "both are the same IPv4 address",
        };
        Some(format!("{pair} overlap: {meaning}. Leave one of them out, or give it another port"))
    }

    /// Whether both doors cannot be open at once: they have the same port of the same address, or of all
    /// addresses. `[::]` is every address of the machine, IPv4 too.
    fn overlaps(&self, other: &Self) -> bool {
        let (port, ours, theirs) = (self.address.port(), self.address.ip(), other.address.ip());
        let covers = |all: IpAddr, one: IpAddr| match all {
            IpAddr::V4(v4) => v4.is_unspecified() && one.to_canonical().is_ipv4(),
            IpAddr::V6(v6) => v6.is_unspecified(),
        };
        let same = ours.to_canonical() == theirs.to_canonical() && scope(self.address) == scope(other.address);
        port != 0 && port == other.address.port() && (same || covers(ours, theirs) || covers(theirs, ours))
    }
}

/// The interface that a link-local address belongs to.
fn scope(address: SocketAddr) -> u32 {
    match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(v6) => v6.scope_id(),
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

/// Default idle limit of a text session that has neither said a line nor taken a name, as in the old chat
/// room: an unused place is soon free again.
const IDLE_AT_FIRST: Duration = Duration::from_secs(30);
/// Default idle limit of every other text session: people read longer than 30 s before they speak.
const IDLE_LATER: Duration = Duration::from_secs(30 * 60);

/// Everything that can be set. [`Config::default`] is what the binary starts with.
///
/// A value beyond its bounds counts as the nearest one within them ([`Config::within_bounds`]).
#[derive(Debug, Clone)]
pub struct Config {
    /// The doors.
    pub listen: Vec<Listen>,
    /// Most sessions at once, over all doors; 1 to 1,000,000.
    pub max_clients: usize,
    /// Most sessions at once from one address (IPv6: from one /64; loopback: as many as come);
    /// 0 = no limit.
    pub max_per_address: usize,
    /// Most sessions at once that have sent nothing yet, at the JSON and frame doors; never more than
    /// half of all. 0 = no limit.
    pub max_silent: usize,
    /// Whether others see a peer's address.
    pub addresses: Addresses,
    /// Idle limit of a text session; 1 second to 366 days, zero = never. `None`: 30 s until it has said a line
    /// or taken a name, then 30 min.
    pub idle: Option<Duration>,
    /// The text door says unasked only what the old chat room said, for scripts that parse every line: no
    /// line begins `***` or `---`, and each join and leave is announced by itself. Without [`Config::idle`],
    /// the idle limit is 30 s for everybody.
    pub classic: bool,
    /// Long-term limit of lines a second from one session; 0 = no limit. Lines are what others hear and what
    /// the server has to search for; a list counts as two, a rename as five.
    pub rate: u32,
    /// Lines that a session may send at once, at least 1.
    pub burst: u32,
    /// Requests a second, and at once, whose answer comes back to the asker alone (`/ping`, an echo,
    /// a handler); 0 = no limit.
    pub request_rate: u32,
    /// Longest line of the text door, in bytes, without its end; 64 to [`Config::MAX_LINE`].
    pub max_line: usize,
    /// Longest packet of the JSON door, in bytes, without its header; 64 to 65,535.
    pub max_packet: usize,
    /// Longest data of a frame, in bytes; 64 to 16 MiB.
    pub max_frame: usize,
    /// Interval of the heartbeats to a frame session; 1 ms to 366 days, zero = never.
    pub heartbeat: Duration,
    /// A JSON session that has neither joined a room nor said anything after so long is asked to
    /// leave; 1 ms to 366 days, zero = never.
    pub join_grace: Duration,
    /// Most rooms at once, the lobby among them; 1 to 65,536.
    pub max_rooms: usize,
    /// Lines that each room keeps, at most 100,000; 0 = none.
    pub history: usize,
    /// How many of them a session is shown when it joins; at most 1,000.
    pub history_shown: usize,
    /// Most bytes pending for one slow consumer, plus at most one answer; [`Config::MIN_PENDING`] to 4 GiB.
    pub max_pending: usize,
    /// A session that takes fewer than 4 KiB of its pending bytes in this time is closed; 1 ms to 366 days.
    pub write_timeout: Duration,
    /// Longest duration of a graceful shutdown; 1 ms to 366 days. Only a handler that blocks makes it longer:
    /// see [`Server::run`](crate::Server::run).
    pub drain: Duration,
    /// The node part of session ids, 0–1023.
    pub node: u16,
}

impl Config {
    /// Smallest [`Config::max_pending`], in bytes. A session congests its room at three quarters of it. A chunk of
    /// room lines, an eighth, still fits behind that, with 32 KiB to spare for a line and for answers.
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

    /// The same settings, each moved to the nearest value within the bounds that its field names.
    /// [`Server::bind`](crate::Server::bind) applies it.
    #[must_use]
    pub fn within_bounds(&self) -> Self {
        /// The longest time that a setting may have: sums of such times do not overflow.
        const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);
        const MS: Duration = Duration::from_millis(1);
        let zero_or = |time: Duration, least: Duration| if time.is_zero() { time } else { time.clamp(least, YEAR) };
        Self {
            max_clients: self.max_clients.clamp(1, 1_000_000),
            idle: self.idle.map(|idle| zero_or(idle, Duration::from_secs(1))), // people are told of it in whole seconds
            burst: self.burst.max(1),
            max_line: self.max_line.clamp(64, Self::MAX_LINE),
            max_packet: self.max_packet.clamp(64, 65_535),
            max_frame: self.max_frame.clamp(64, 16 * 1024 * 1024),
            heartbeat: zero_or(self.heartbeat, MS),
            join_grace: zero_or(self.join_grace, MS),
            max_rooms: self.max_rooms.clamp(1, 65_536),
            history: self.history.min(100_000),
            history_shown: self.history_shown.min(1000),
            max_pending: self.max_pending.clamp(Self::MIN_PENDING, u32::MAX as usize),
            write_timeout: self.write_timeout.clamp(MS, YEAR),
            drain: self.drain.clamp(MS, YEAR),
            node: self.node.min(1023),
            ..self.clone()
        }
    }

    /// Idle limits of text sessions.
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
        let Self { max_line, max_packet, max_frame, .. } = self.within_bounds();
        Limits { max_line, max_packet, max_frame }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number() -> impl Strategy<Value = u64> {
        let edges = [0, 1, 63, 64, 65_535, 65_536, u64::from(u32::MAX), u64::MAX / 2, u64::MAX - 1, u64::MAX];
        prop_oneof![3 => prop::sample::select(edges.to_vec()), 1 => any::<u64>()]
    }

    fn time() -> impl Strategy<Value = Duration> {
        let nanos = prop::sample::select(vec![0, 1, 999_999_999]);
        (number(), nanos).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos))
    }

    prop_compose! {
        fn any_config()(
            n in prop::array::uniform9(number()), times in prop::array::uniform5(time()), rates in any::<[u32; 3]>(),
            node in any::<u16>(),
        ) -> Config {
            let n = n.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
            // Every field by its name: a new one does not compile until it is here.
            Config {
                listen: vec![],
                max_clients: n[0],
                max_per_address: n[1],
                max_silent: n[2],
                addresses: Addresses::Shown,
                idle: (n[1] != 0).then_some(times[0]),
                classic: n[2] == 0,
                rate: rates[0],
                burst: rates[1],
                request_rate: rates[2],
                max_line: n[3],
                max_packet: n[4],
                max_frame: n[5],
                heartbeat: times[1],
                join_grace: times[2],
                max_rooms: n[6],
                history: n[7],
                history_shown: n[8],
                max_pending: n[0].rotate_left(7),
                write_timeout: times[3],
                drain: times[4],
                node,
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 4000, ..ProptestConfig::default() })]

        #[test]
        fn config_of_any_values_stays_within_bounds(config in any_config()) {
            let bound = config.within_bounds();
            prop_assert_eq!(format!("{:?}", bound.within_bounds()), format!("{bound:?}"));
            prop_assert!((64..=Config::MAX_LINE).contains(&config.limits().max_line));
            prop_assert!((64..=65_535).contains(&config.limits().max_packet));
            prop_assert!((64..=16 << 20).contains(&config.limits().max_frame));
            prop_assert!((1..=1_000_000).contains(&bound.max_clients) && (1..=65_536).contains(&bound.max_rooms));
            prop_assert!(bound.history <= 100_000 && bound.history_shown <= 1000 && bound.burst > 0 && bound.node < 1024);
            prop_assert!((Config::MIN_PENDING..=u32::MAX as usize).contains(&bound.max_pending));
            let times = [bound.idle.unwrap_or_default(), bound.heartbeat, bound.join_grace, bound.write_timeout, bound.drain];
            prop_assert!(times.iter().all(|time| *time <= Duration::from_secs(366 * 24 * 3600)));
            prop_assert!(!bound.write_timeout.is_zero() && !bound.drain.is_zero());
            // Zero stays zero, and nothing else becomes zero.
            prop_assert_eq!(bound.idle.map(|idle| idle.as_secs() == 0), config.idle.map(|idle| idle.is_zero()));
            prop_assert_eq!(bound.heartbeat.is_zero(), config.heartbeat.is_zero());
            prop_assert_eq!(bound.join_grace.is_zero(), config.join_grace.is_zero());
        }
    }

    #[test]
    fn doors_on_one_port_overlap_by_address() {
        let door = |address: &str| Listen::required(Wire::Text, address.parse().unwrap());
        for (one, other) in [
            ("0.0.0.0:8000", "[::]:8000"),
            ("127.0.0.1:8000", "0.0.0.0:8000"),
            ("127.0.0.1:8000", "[::]:8000"),
            ("[::1]:8000", "[::]:8000"),
            ("[::ffff:127.0.0.1]:8000", "127.0.0.1:8000"),
            ("[::ffff:127.0.0.1]:8000", "0.0.0.0:8000"),
            ("[::]:8000", "[::]:8000"),
        ] {
            assert!(door(one).overlaps(&door(other)) && door(other).overlaps(&door(one)), "{one} and {other}");
        }
        for (one, other) in [
            ("0.0.0.0:8000", "[::]:8001"),
            ("0.0.0.0:0", "[::]:0"),
            ("0.0.0.0:8000", "[::1]:8000"),
            ("127.0.0.1:8000", "127.0.0.2:8000"),
            ("[fe80::1%1]:8000", "[fe80::1%2]:8000"),
        ] {
            assert!(!door(one).overlaps(&door(other)) && !door(other).overlaps(&door(one)), "{one} and {other}");
        }
    }
}
