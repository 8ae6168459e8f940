//! The settings of a server, each written once: its field, flag, variable, default and bounds.

mod bounds;
mod listen;
mod settings;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
#[cfg(feature = "flags")]
use std::sync::OnceLock;
use std::time::Duration;

use crate::protocol::IdleLimits;
#[cfg(feature = "web")]
use crate::wire::web::{PublicName, Web, WebOrigin};
use crate::wire::{Limits, Wire};

#[cfg(feature = "flags")]
pub use bounds::read_positive_time;
#[cfg(feature = "web")]
pub use listen::MetricsFor;
pub use listen::{Addresses, Listen};

#[cfg(feature = "flags")]
use bounds::parser;
use bounds::{MS, Setting, YEAR, ZeroOr};
use settings::settings;

/// Default idle limit of a text session that has neither said a line nor taken a name, as in the old chat
/// room: an unused slot is soon free again.
const IDLE_AT_FIRST: Duration = Duration::from_secs(30);
/// Default idle limit of every other text session: people read longer than 30 s before they speak.
const IDLE_LATER: Duration = Duration::from_secs(30 * 60);
/// People are told of the idle limit in whole seconds.
const SECOND: Duration = Duration::from_secs(1);

settings! {
    /// Everything that can be set. [`Config::default`] is what the program starts with.
    ///
    /// With feature `flags` this is a `clap::Args`: flatten it into the flags of your own program.
    pub struct Config {
        /// A door: text:// for people, relay:// for GoChat's client, json:// for programs and gtcp's clients, frame:// for
        /// tnet's clients, http:// for browsers and scripts. Repeatable; port 0 takes a free port
        ///
        /// json+gf3:// and the like fix the framing of a JSON door (gf1, gf2, gf3, gf4, gf7, lines). Without any --listen:
        /// text://127.0.0.1:8000 and, where they are free, relay on port 8888, json on 8999, frame on 9999 and http on
        /// 8088.
        #[arg(value_name = "SCHEME://IP:PORT", env = "PARLOR_LISTEN", value_delimiter = ',')]
        listen: Vec<Listen> = Config::default_doors();

        /// Most sessions at once, over all doors
        #[arg(value_name = "N", env = "PARLOR_MAX_CLIENTS")]
        max_clients: usize = 4096, in 1..=1_000_000;

        /// Most sessions at once from one address (IPv6: one /64), loopback excepted; 0 = no limit
        #[arg(value_name = "N", env = "PARLOR_MAX_PER_ADDRESS")]
        max_per_address: usize = 0, in 0..=u32::MAX as usize;

        /// Most sessions of the JSON and frame doors that have sent nothing yet, at most half of all; 0 = no limit
        ///
        /// Beyond it, one that has been silent for 10 s makes room for the next caller, the oldest first; while there is none,
        /// the caller is refused.
        #[arg(value_name = "N", env = "PARLOR_MAX_SILENT")]
        max_silent: usize = 1024, in 0..=u32::MAX as usize;

        /// Whether people see each other's addresses, or a tag like guest-7f3a9c12 in their place
        #[arg(value_name = "shown|masked", env = "PARLOR_ADDRESSES", value_enum, hide_possible_values = true,
              default_value_t = Config::default().addresses)]
        addresses: Addresses = Addresses::Shown;

        /// A text session that is silent for this time is disconnected, after a warning; 0 = never [default: 30s until it has
        /// said a line or taken a name, then 30m]
        #[arg(value_name = "TIME", env = "PARLOR_IDLE")]
        idle: Option<Duration> = None, in ZeroOr(SECOND..=YEAR);

        /// The text door says unasked only what the old chat room said, for scripts that parse every line
        ///
        /// No line begins *** or --- unless it answers a command, joins and leaves are told one by one, and without --idle
        /// everybody may be silent for 30 s.
        #[arg(env = "PARLOR_CLASSIC", value_parser = clap::builder::BoolishValueParser::new())]
        classic: bool = false;

        /// Lines a second that a session may send in the long run; more are delayed; 0 = no limit
        ///
        /// A list counts as 2 lines, a rename as 5.
        #[arg(value_name = "N", env = "PARLOR_RATE")]
        rate: u32 = 5, in 0..=u32::MAX;

        /// Lines that a session may send at once
        #[arg(value_name = "N", env = "PARLOR_BURST")]
        burst: u32 = 40, in 1..=u32::MAX;

        /// Requests a second that are answered to the asker alone, such as an echo or a ping; 0 = no limit
        #[arg(value_name = "N", env = "PARLOR_REQUEST_RATE")]
        request_rate: u32 = 1000, in 0..=u32::MAX;

        /// Longest line of the text door, in bytes
        #[arg(value_name = "BYTES", env = "PARLOR_MAX_LINE")]
        max_line: usize = 4096, in 64..=Config::MAX_LINE;

        /// Longest packet of the JSON door, in bytes
        #[arg(value_name = "BYTES", env = "PARLOR_MAX_PACKET")]
        max_packet: usize = 65_535, in 64..=65_535;

        /// Longest data of a frame, in bytes
        #[arg(value_name = "BYTES", env = "PARLOR_MAX_FRAME")]
        max_frame: usize = 65_536, in 64..=16 * 1024 * 1024;

        /// A name of this server, to which an HTTP door on the loopback interface answers too. Repeatable
        ///
        /// Without it, such a door refuses requests for other hosts than localhost and 127.0.0.1. This stops DNS
        /// rebinding: a page of another site whose name leads to 127.0.0.1. Give the name that a proxy passes on as Host.
        #[cfg(feature = "web")]
        #[arg(value_name = "NAME", env = "PARLOR_PUBLIC_NAME", value_delimiter = ',')]
        public_name: Vec<PublicName> = vec![];

        /// An origin whose pages may talk and listen at the HTTP door, beside its own page. Repeatable
        #[cfg(feature = "web")]
        #[arg(value_name = "ORIGIN", env = "PARLOR_WEB_ORIGIN", value_delimiter = ',')]
        web_origin: Vec<WebOrigin> = vec![];

        /// Whether callers from every address may read /metrics, or those of this machine only
        #[cfg(feature = "web")]
        #[arg(value_name = "any|local", env = "PARLOR_METRICS", value_enum, hide_possible_values = true,
              default_value_t = Config::default().metrics)]
        metrics: MetricsFor = MetricsFor::Local;

        /// How often a frame session is sent a heartbeat; 0 = never
        #[arg(value_name = "TIME", env = "PARLOR_HEARTBEAT")]
        heartbeat: Duration = Duration::from_secs(5), in ZeroOr(MS..=YEAR);

        /// A JSON session that has neither joined nor said anything after this time is asked to leave; 0 = never
        #[arg(value_name = "TIME", env = "PARLOR_JOIN_GRACE")]
        join_grace: Duration = Duration::from_secs(10), in ZeroOr(MS..=YEAR);

        /// Most rooms at once, the lobby among them
        #[arg(value_name = "N", env = "PARLOR_MAX_ROOMS")]
        max_rooms: usize = 256, in 1..=65_536;

        /// Lines that each room keeps; 0 = none
        #[arg(value_name = "N", env = "PARLOR_HISTORY")]
        history: usize = 200, in 0..=100_000;

        /// Lines of them that are shown to somebody who comes into the room
        #[arg(value_name = "N", env = "PARLOR_HISTORY_SHOWN")]
        history_shown: usize = 10, in 0..=1000;

        /// Most bytes that wait for one session, but for one answer
        #[arg(value_name = "BYTES", env = "PARLOR_MAX_PENDING")]
        max_pending: usize = 1024 * 1024, in Config::MIN_PENDING..=u32::MAX as usize;

        /// Time in which a session must take 4 KiB of what waits, or it is closed
        #[arg(value_name = "TIME", env = "PARLOR_WRITE_TIMEOUT")]
        write_timeout: Duration = Duration::from_secs(10), in MS..=YEAR;

        /// Longest duration of a stop, whatever clients do
        #[arg(value_name = "TIME", env = "PARLOR_DRAIN")]
        drain: Duration = Duration::from_secs(3), in MS..=YEAR;

        /// The node part of session ids, 0 to 1023
        #[arg(value_name = "N", env = "PARLOR_NODE")]
        node: u16 = 1, in 0..=1023;
    }
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
            #[cfg(feature = "web")]
            Listen { wire: Wire::Web(Web::Http), address: local(8088), required: false },
        ]
    }

    /// The same settings with [`Config::default_doors`] if there are no doors, as the program has it.
    ///
    /// # Errors
    /// A sentence, if two doors cannot be open at once.
    pub fn with_doors(mut self) -> Result<Self, String> {
        for (index, listen) in self.listen.iter().enumerate() {
            if let Some(sentence) = self.listen.iter().take(index).find_map(|other| other.overlap(listen)) {
                return Err(sentence);
            }
        }
        if self.listen.is_empty() {
            self.listen = Self::default_doors();
        }
        Ok(self)
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

    /// The limits of the decoders.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let Self { max_line, max_packet, max_frame, .. } = self.within_bounds();
        Limits { max_line, max_packet, max_frame }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A setting of any value.
    pub(super) trait Random {
        fn random(next: &mut dyn FnMut() -> u64) -> Self;
    }

    impl Random for u64 {
        /// Half of the numbers are extreme ones, which overflow sums.
        fn random(next: &mut dyn FnMut() -> u64) -> Self {
            let edges = [0, 1, 63, 64, 65_535, 65_536, u64::from(u32::MAX), u64::MAX / 2, u64::MAX - 1, u64::MAX];
            let number = next();
            let edge = usize::try_from(number % 20).ok().and_then(|index| edges.get(index));
            edge.copied().unwrap_or(number)
        }
    }

    macro_rules! random {
        ($($Type:ty: $number:ident => $value:expr;)*) => { $(
            impl Random for $Type {
                fn random(next: &mut dyn FnMut() -> u64) -> Self {
                    let $number = u64::random(next);
                    $value
                }
            }
        )* };
    }

    random! {
        usize: number => usize::try_from(number).unwrap_or(usize::MAX);
        u32: number => u32::try_from(number).unwrap_or(u32::MAX);
        u16: number => u16::try_from(number).unwrap_or(u16::MAX);
        bool: number => number & 1 == 0;
        Duration: number => Duration::new(number, u32::try_from(number % 999_999_999).unwrap_or(0));
        Option<Duration>: number => (number & 1 == 0).then(|| Duration::from_nanos(number));
        Addresses: number => if number & 1 == 0 { Addresses::Shown } else { Addresses::Masked };
        MetricsFor: number => if number & 1 == 0 { MetricsFor::Local } else { MetricsFor::Any };
        Vec<PublicName>: number => if number & 1 == 0 { vec![] } else { "chat.example.org".parse().into_iter().collect() };
        Vec<WebOrigin>: number => if number & 1 == 0 { vec![] } else { "https://example.org".parse().into_iter().collect() };
        Vec<Listen>: number => if number & 1 == 0 { vec![] } else { Config::default_doors() };
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 4000, ..ProptestConfig::default() })]

        #[test]
        fn config_of_any_values_stays_within_bounds(numbers in prop::collection::vec(any::<u64>(), 64)) {
            let mut numbers = numbers.into_iter().cycle();
            let config = Config::random(&mut || numbers.next().unwrap_or(0));
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
    fn default_is_within_bounds() {
        let default = Config::default();
        assert_eq!(format!("{default:?}"), format!("{:?}", default.within_bounds()));
    }
}
