//! The `parlor` program: its flags, its signals, its exit code, and its lines on standard output.

mod flags;
mod signals;

use std::env;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::process::{self, ExitCode};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use log::{error, info, warn};
use parlor::config::Config;
use parlor::server::{self, RunError, Server, StartError};
use parlor::wire::Wire;

use flags::Flags;
use signals::stop_on_signals;

/// Shortest wait at the end for a log that is not read. On a busy machine a log that is read is slow too: half
/// of the time left for the stop, if that is longer.
const LOG_WAIT: Duration = Duration::from_millis(200);
/// The wait for the log if the program could not run: the log says why.
const LOG_WAIT_AFTER_ERROR: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let Flags { settings, log_level } = Flags::read(env::args_os()).unwrap_or_else(|error| error.exit());
    let arenas = server::arenas::bound();
    let log = match server::log::start(log_level) {
        Ok(log) => log,
        Err(error) => {
            let error = StartError::System { attempted: "start the thread of the log", error };
            let _ = writeln!(io::stderr(), "parlor: {error}");
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = arenas {
        warn!("cannot start anew with fewer malloc arenas: {error}; there is less room for sessions");
    }
    let asked = Arc::new(OnceLock::new());
    let outcome = run(&settings, &asked);
    if let Err(error) = &outcome {
        error!("parlor: {error}");
    }
    let rest = asked.get().map_or(Duration::ZERO, |asked: &Instant| settings.drain.saturating_sub(asked.elapsed()));
    log.finish(if outcome.is_ok() { LOG_WAIT.max(rest / 2) } else { LOG_WAIT_AFTER_ERROR });
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the server until it is stopped. Prints the ready line when everything runs. `asked` is the time at
/// which the stop was requested.
fn run(config: &Config, asked: &Arc<OnceLock<Instant>>) -> Result<(), RunError> {
    let server = Server::bind(config).map_err(RunError::NotReady)?.with_standard_routes().on_ready(say_ready);
    stop_on_signals(&server.stopper(), asked).map_err(RunError::NotReady)?;
    let metrics = server.metrics();
    server.run()?;
    info!("{metrics}");
    info!("All done.");
    Ok(())
}

/// Prints the ready line, for programs. On a terminal it also prints how to connect, for people. A standard
/// output that is not read changes nothing else.
fn say_ready(addresses: &[(Wire, SocketAddr)]) {
    let mut out = io::stdout().lock();
    let doors: String = addresses.iter().map(|(wire, address)| format!(" {wire}={address}")).collect();
    let _ = writeln!(out, "parlor ready pid={}{doors}", process::id());
    if let Some((_, address)) = addresses.iter().find(|(wire, _)| *wire == Wire::Text)
        && out.is_terminal()
    {
        let ip = if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { address.ip().to_string() };
        let port = address.port();
        let _ = writeln!(out, "Come in:        nc {ip} {port}      (or: telnet {ip} {port})");
        #[cfg(feature = "web")]
        if let Some((_, page)) =
            addresses.iter().find(|(wire, at)| matches!(wire, Wire::Web(_)) && !at.ip().is_unspecified())
        {
            let _ = writeln!(out, "In a browser:   http://{page}/");
        }
        if address.ip().is_loopback() {
            // zsh would take the brackets for a pattern.
            let _ = writeln!(out, "Let others in:  parlor --listen 'text://[::]:{port}'");
        } else {
            let _ = writeln!(out, "Others come in: nc THIS-MACHINE {port}");
        }
        let _ = writeln!(out, "Stop:           Ctrl-C");
    }
    let _ = out.flush();
}
