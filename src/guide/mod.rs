//! Guides: the Markdown files of `src/guide`, also readable on a git host.
//!
//! | guide | read it to |
//! |---|---|
//! | [`chatting`] | chat: commands, names, rooms, `parlor-cli` |
//! | [`protocols`] | write a client: every byte of every door; the older programs |
//! | [`http`] | use the HTTP door: the page, webhooks, streams, WebSocket, a proxy |
//! | [`operating`] | run a server: flags, signals, log, limits, memory, systemd |
//! | [`security`] | decide whether strangers may come in |
//! | [`library`] | put a server into a program of your own: handlers, examples |
//! | [`architecture`] | learn how a line travels, and why it was built so |
//! | [`contributing`] | add a command, a text style, a wire format or a flag |
//! | [`testing`] | run the tests, the fuzz targets and the soak |
//! | [`benchmarks`] | compare the speed with other servers |

// A guide links to others by reference (`[Operating][operating]`). Its own last lines lead a git host to
// the files. In front of them stand these definitions, which lead rustdoc to the modules: the first
// definition of a name counts (CommonMark 0.31, section 4.7).
macro_rules! guide {
    ($name:ident, $file:literal) => {
        #[doc = "[chatting]: crate::guide::chatting\n[protocols]: crate::guide::protocols"]
        #[doc = "[operating]: crate::guide::operating\n[security]: crate::guide::security"]
        #[doc = "[library]: crate::guide::library\n[architecture]: crate::guide::architecture"]
        #[doc = "[contributing]: crate::guide::contributing\n[testing]: crate::guide::testing"]
        #[doc = "[benchmarks]: crate::guide::benchmarks\n[front page]: crate"]
        #[doc = "[http]: crate::guide::http"]
        #[doc = "[ratios]: crate::guide::benchmarks\n[latency]: crate::guide::benchmarks"]
        #[doc = "[bind]: crate::Server::bind\n[run]: crate::Server::run\n[spawn]: crate::Server::spawn"]
        #[doc = "[Handle]: crate::Handle\n[request_rate]: crate::Config::request_rate\n[Caller]: crate::Caller"]
        #[doc = "[remote]: crate::Caller::remote\n[trigger]: crate::Stopper::trigger"]
        #[doc = "[Client]: crate::client::Client\n[Command]: crate::protocol::Command"]
        #[doc = "[hub command]: crate::chat::Hub::command\n[inbound]: crate::wire::Inbound"]
        #[doc = "[config]: crate::Config\n"]
        #[doc = include_str!($file)]
        pub mod $name {}
    };
}

guide!(chatting, "chatting.md");
guide!(protocols, "protocols.md");
guide!(http, "http.md");
guide!(operating, "operating.md");
guide!(security, "security.md");
guide!(library, "library.md");
guide!(architecture, "architecture.md");
guide!(contributing, "contributing.md");
guide!(testing, "testing.md");
guide!(benchmarks, "benchmarks.md");
