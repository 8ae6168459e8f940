//! The signals that stop the server.

use std::fs;
use std::io::{self, ErrorKind, PipeReader, Read};
use std::process;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use log::warn;
use nix::errno::Errno;
use parlor::server::{StartError, Stopper};
use signal_hook::consts::{SIGHUP, SIGQUIT, SIGTERM};
use signal_hook::low_level::pipe;

/// The exit code after a second signal.
const SECOND_SIGNAL: i32 = 130;
/// Signals within this time of the first count as one: timeout, npm and a terminal's process group send
/// one twice. Without this, 27 to 50 of 50 sessions got no goodbye.
const SIGNAL_WINDOW: Duration = Duration::from_secs(1);
/// The pause after a failed wait for signals.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// INT, TERM, QUIT and HUP request the stop; `asked` is the time of the first. A second INT, TERM or QUIT
/// that comes at least [`SIGNAL_WINDOW`] later ends the process. HUP never counts as first or second: a closing
/// terminal may send several, and a service manager one with its TERM. A HUP ignored at the start, as by
/// nohup, stays ignored.
pub(super) fn stop_on_signals(stopper: &Stopper, asked: &Arc<OnceLock<Instant>>) -> Result<(), StartError> {
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

/// Whether the process was started with this signal ignored. (Linux tells; elsewhere it is not known.)
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
                thread::sleep(RETRY_PAUSE);
            }
        }
    }
}
