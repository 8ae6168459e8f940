//! Doors: which open, and which error ends a start.

use std::io::Read;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use crate::support::{GOODBYE, Peer, TestServer, open, wait_for};
use parlor::{Config, Listen, Server, Wire};

/// Runs `parlor` with these flags, which must end by itself; its exit code and what it complains of.
fn complaint(flags: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
    command.env_remove("RUST_LOG").args(flags).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let status = wait_for(|| child.try_wait().unwrap(), || format!("the end of parlor {flags:?}"));
    let mut words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    (status.code(), words)
}

#[test]
fn start_failed_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("text://{}", taken.local_addr().unwrap());
    for (code, wanted, flags) in [
        (1, "Another program has that port", ["--listen", &taken].as_slice()),
        (1, "Another program has that port", &["--listen", "relay://127.0.0.1:0", "--listen", &taken]),
        (1, "This machine does not have that address", &["--listen", "text://192.0.2.1:0"]),
        (2, "write it like text://127.0.0.1:8000", &["--listen", "8000"]),
        (2, "no scheme \"ftp\"", &["--listen", "ftp://127.0.0.1:80"]),
        (2, "are one address", &["--listen", "text://127.0.0.1:7", "--listen", "relay://127.0.0.1:7"]),
        (2, "unexpected argument", &["--lisen", "text://127.0.0.1:0"]),
        (2, "write a time like 30", &["--idle", "soon"]),
        (2, "it must be more than 0", &["--drain", "0"]),
        (2, "invalid value", &["--max-line", "1"]),
        (2, "invalid value", &["--rate", "some"]),
    ] {
        let (got, words) = complaint(flags);
        assert_eq!(got, Some(code), "{flags:?}: {words}");
        assert!(words.contains(wanted), "{flags:?}: {words}");
    }
}

/// Either all doors that were asked for are open, or none is.
#[test]
fn door_failed_keeps_the_others_shut() {
    let ours = Ipv4Addr::new(127, 0, 0, 78); // no other test uses it
    let taken = TcpListener::bind((ours, 0)).unwrap().local_addr().unwrap();
    let guard = TcpListener::bind(taken).unwrap();
    let free = TcpListener::bind((ours, 0)).unwrap().local_addr().unwrap();
    let listen = vec![Listen::required(Wire::Text, free), Listen::required(Wire::Relay, taken)];
    let error = Server::bind(&Config { listen: listen.clone(), ..Config::default() }).unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot listen on relay://{taken}: ")), "{error}");
    // A process that another test starts just now has all our descriptors until it is a program.
    let is_shut = || std::net::TcpStream::connect(free).is_err().then_some(());
    wait_for(is_shut, || "the first door is shut again".to_owned());
    drop(guard);
    let server = Server::bind(&Config { listen, ..Config::default() }).unwrap();
    assert_eq!(server.addresses(), [(Wire::Text, free), (Wire::Relay, taken)]);
    // One that may fail only costs a warning.
    let may_fail = Listen { wire: Wire::Relay, address: taken, required: false };
    let another = Server::bind(&Config { listen: vec![open(Wire::Text), may_fail], ..Config::default() }).unwrap();
    assert_eq!(another.addresses().len(), 1);
    drop(server);
}

/// Connections that the last run closed first stay in the kernel for a minute; the port does not.
#[test]
fn stopped_server_frees_port_at_once() {
    // An address that no other test uses, so that nobody else takes the port in between.
    let server = |door: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
        command.args(["--listen", door, "--listen", "relay://127.0.0.77:0"]);
        command.args(["--listen", "json://127.0.0.77:0", "--listen", "frame://127.0.0.77:0"]);
        TestServer::start(command)
    };
    let mut first = server("text://127.0.0.77:0");
    let address = first.text;
    let mut alice = Peer::enter(address);
    first.signal("TERM");
    alice.expect(GOODBYE);
    alice.expect_end();
    drop(alice);
    assert_eq!(first.wait().code(), Some(0), "{}", first.log());
    let second = server(&format!("text://{address}"));
    let mut alice = Peer::enter(second.text);
    alice.send("back again");
    alice.expect("[{me}]{me}: back again");
}

/// A server that is dropped instead of run has let go of its doors.
#[test]
fn server_never_run_leaves_nothing() {
    let ours = Listen::required(Wire::Text, SocketAddr::from((Ipv4Addr::new(127, 0, 0, 79), 0)));
    let server = Server::bind(&Config { listen: vec![ours], ..Config::default() }).unwrap();
    let door = server.addresses()[0].1;
    drop(server);
    assert!(std::net::TcpStream::connect(door).is_err(), "the door was left open");
}

/// Two connections to two doors may have one local address, by chance or on purpose. Then what was
/// written to the person of that name went to the other, and after the other had left, to nobody:
/// "Nobody here is called 127.0.0.1:33233. Did you mean 127.0.0.1:33233?"
#[test]
fn equal_addresses_of_two_doors_stay_apart() {
    let server = TestServer::new();
    let mut alice = Peer::enter(server.text);
    let mut bob = Peer::connect_from(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 3), 0)), server.text);
    bob.fence();
    alice.expect(&format!("[{0}]{0}: login", bob.name));
    let mallory = Peer::connect_from(bob.stream.local_addr().unwrap(), server.relay);
    alice.skip_until(|line| line.ends_with(": login"));
    bob.fence();
    for words in ["while both are here", "when one has left"] {
        alice.send(&format!("/msg {} {words}", bob.name));
        alice.expect(&format!(">>> to {}: {words}", bob.name));
        bob.expect(&format!(">>> {}: {words}", alice.name));
        let _ = mallory.stream.shutdown(Shutdown::Both);
        if words.starts_with("while") {
            alice.skip_until(|line| line.ends_with(": login out"));
            bob.fence();
        }
    }
}
