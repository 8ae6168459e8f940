//! The `parlor` program: flags, signals, and what it says on standard output.

use std::env;
use std::fs;
use std::io::{self, ErrorKind, IsTerminal, PipeReader, Read, Write};
use std::net::SocketAddr;
use std::process::{self, ExitCode};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use clap::CommandFactory;
use log::{error, info, warn};
use nix::errno::Errno;
use parlor::cli::Flags;
use parlor::config::Config;
use parlor::server::{self, RunError, Server, StartError, Stopper};
use parlor::wire::Wire;
use signal_hook::consts::{SIGHUP, SIGQUIT, SIGTERM};
use signal_hook::low_level::pipe;

/// The exit code after a second signal.
const SECOND_SIGNAL: i32 = 130;
/// Signals within this time of the first count as one: timeout, npm and a terminal's process group send
/// one twice. Without this, 27 to 50 of 50 sessions got no goodbye.
const SIGNAL_WINDOW: Duration = Duration::from_secs(1);
/// So long at least the end of the program waits for a log that nobody reads, and half of what is left
/// of the time for a stop: on a machine with too much to do, one that is read is slow as well.
const LAST_LINES: Duration = Duration::from_millis(200);
/// After signals could not be waited for, it is tried again after so long.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// So long, if it has to say why the program could not run.
const LAST_WORDS: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let flags = Flags::read(env::args_os()).unwrap_or_else(|error| error.exit());
    let config = match flags.config() {
        Ok(config) => config,
        Err(sentence) => Flags::command().error(clap::error::ErrorKind::ArgumentConflict, sentence).exit(),
    };
    let arenas = server::arenas::bound();
    let log = match server::log::start(flags.log_level) {
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
    let outcome = run(&config, &asked);
    if let Err(error) = &outcome {
        error!("parlor: {error}");
    }
    let rest = asked.get().map_or(Duration::ZERO, |asked: &Instant| config.drain.saturating_sub(asked.elapsed()));
    log.finish(if outcome.is_ok() { LAST_LINES.max(rest / 2) } else { LAST_WORDS });
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

/// INT, TERM, QUIT and HUP request the stop; `asked` is the time of the first. A second INT, TERM or QUIT
/// that comes at least [`SIGNAL_WINDOW`] later ends the process. HUP never counts as first or second: a closing
/// terminal may send several, and a service manager one with its TERM. A HUP ignored at the start, as by
/// nohup, stays ignored.
fn stop_on_signals(stopper: &Stopper, asked: &Arc<OnceLock<Instant>>) -> Result<(), StartError> {
    let wished = Arc::new(OnceLock::new());
    let on_signal = |insists: bool| {
        let (stopper, asked, wished) = (stopper.clone(), Arc::clone(asked), Arc::clone(&wished));
        move || {
            let now = Instant::now();
            let _ = asked.set(now);
            stopper.trigger();
            if insists && now.duration_since(*wished.get_or_init(|| now)) >= SIGNAL_WINDOW {
                process::exit(SECOND_SIGNAL);
            }
        }
    };
    ctrlc::set_handler(on_signal(true)).map_err(|error| {
        let error = match error {
            // ctrlc hides the error number, which has its own advice.
            ctrlc::Error::System(error) => match error.get_ref().and_then(|cause| cause.downcast_ref::<Errno>()) {
                Some(errno) => (*errno).into(),
                None => error,
            },
            other => io::Error::other(other),
        };
        StartError::System { attempted: "handle SIGINT", error }
    })?;
    listen_for("sigterm", &[SIGTERM, SIGQUIT], on_signal(true))
        .map_err(|error| StartError::System { attempted: "handle SIGTERM and SIGQUIT", error })?;
    if !is_ignored(SIGHUP) {
        listen_for("sighup", &[SIGHUP], on_signal(false))
            .map_err(|error| StartError::System { attempted: "handle SIGHUP", error })?;
    }
    Ok(())
}

/// Calls `on_signal` for each of these, on a thread of its own.
fn listen_for(name: &str, signals: &[i32], on_signal: impl Fn() + Send + 'static) -> io::Result<()> {
    let (read, write) = io::pipe()?;
    for signal in signals {
        pipe::register(*signal, write.try_clone()?)?;
    }
    let thread = thread::Builder::new().name(name.into()).stack_size(128 * 1024);
    thread.spawn(move || on_each_byte(read, &on_signal)).map(drop)
}

/// Whether whoever started the process let it ignore a signal. (Linux tells; elsewhere it is not known.)
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Each signal is a byte in the pipe, whose other end is never closed. Bytes that are there together count
/// as one signal, however late this thread runs. (signal-hook's own loop panics if reading fails.)
fn on_each_byte(mut signals: PipeReader, on_signal: &impl Fn()) {
    loop {
        match signals.read(&mut [0; 64]) {
            Ok(0) => return,
            Ok(_) => on_signal(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                warn!("cannot wait for signals: {error}; trying again");
                thread::sleep(TRY_AGAIN);
            }
        }
    }
}

/// The ready line, for programs; and on a terminal how to come in, for people. Whether anybody
/// reads standard output does not matter to the chat.
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
        if address.ip().is_loopback() {
            let _ = writeln!(out, "Let others in:  parlor --listen text://[::]:{port}");
        } else {
            let _ = writeln!(out, "Others come in: nc THIS-MACHINE {port}");
        }
        let _ = writeln!(out, "Stop:           Ctrl-C");
    }
    let _ = out.flush();
}
