#!/usr/bin/env bash
# The stop: asked for by each signal, in order, complete, bounded, and again possible at once.
#
# usage: tests/sh/stop.sh [CASE...]        PARLOR=BINARY names the server under test
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
begin

# stops_on SIGNAL: with three people, one of whom has just spoken.
stops_on() {
  open_server
  come ann
  come bob
  come rel "$RELAY"
  within "$DEADLINE" logins ann 3 || fail 'ann does not see all three come'
  say bob 'last words'
  hear bob ': last words' # whoever saw his line come back knows that all will get it
  kill -"$1" "$SERVER"
  ended server
  local name
  for name in ann bob; do
    closed_on "$name"
    in_order "$name.out" ': last words' '*** The server is stopping. Goodbye'
    equal "$(tail -n 1 "$WORK/$name.out")" '*** The server is stopping. Goodbye' "the last line for $name"
    has_not "$name.out" 'login out' # a stop is no churn
  done
  closed_on rel
  has rel.out ':last words'
  in_order server.log 'recv quit signal' 'handler done.' 'All done.'
  equal "$(count server.log 'recv quit signal')" 1 'lines recv quit signal'
  equal "$(count server.log 'handler done.')" 3 'lines handler done.'
  equal "$(tail -n 1 "$WORK/server.log" | cut -c 26-)" 'INFO  All done.' 'the last line of the log'
}

stops_on_term() { stops_on TERM; }
stops_on_int() { stops_on INT; }
stops_on_quit() { stops_on QUIT; }
stops_on_hup() { stops_on HUP; }
run stops_on_term
run stops_on_int
run stops_on_quit
run stops_on_hup

stops_with_nobody_there() {
  # Where it waits for something, it does so for an hour.
  open_server --drain 1h --write-timeout 1h
  stop_server
  in_order server.log 'recv quit signal' 'All done.'
  has_not server.log 'handler done.'
}
run stops_with_nobody_there

what_came_back_to_its_sender_is_at_everybody() {
  open_server
  come ann
  come bob
  seq -f 'line %.0f.' 10000000 >&"${in_fd[bob]}" & # the stop comes while he talks
  hear ann ': line 2000.'
  kill -TERM "$SERVER"
  ended server
  local name bobs
  for name in ann bob; do
    within "$DEADLINE" contains "$WORK/$name.out" '*** The server is stopping. Goodbye' || fail "$name was not told"
    sed -n 's/^.*: \(line [0-9]*\.\)$/\1/p' "$WORK/$name.out" >"$WORK/$name.lines"
  done
  bobs=$(wc -l <"$WORK/bob.lines")
  ((bobs >= 1000)) || fail "only $bobs lines came back to bob"
  seq -f 'line %.0f.' "$bobs" | cmp - "$WORK/bob.lines" || fail 'bob missed some of his own lines'
  head -n "$bobs" "$WORK/ann.lines" | cmp - "$WORK/bob.lines" || fail 'ann missed lines that bob saw'
}
run what_came_back_to_its_sender_is_at_everybody

# come_and_stall: a session that never reads. nc always reads, so the shell itself connects.
# As much is said as the kernel buffers for a peer that does not read, and a MiB more: so something
# waits in the server, which makes the stop take long.
come_and_stall() {
  local stalled sent received
  exec {stalled}<>"/dev/tcp/127.0.0.1/$TEXT"
  in_fd[stalled]=$stalled
  within "$DEADLINE" logins ann 2 || fail 'ann does not see the stalled one come'
  sent=$(cut -f 3 /proc/sys/net/ipv4/tcp_wmem) received=$(cut -f 2 /proc/sys/net/ipv4/tcp_rmem)
  { yes "$(printf '%04000d' 0)" || true; } | head -c $((sent + 2 * received + 2 * 1024 * 1024)) |
    call "$TEXT" | tail -n 1 >"$WORK/talker"
}

# ends_at_once FIRST SECOND: two signals, the second while the first one's stop goes on.
ends_at_once() {
  open_server --drain 60s --write-timeout 60s
  come ann
  come_and_stall
  kill -"$1" "$SERVER"
  wait_for "$WORK/server.log" 'recv quit signal'
  hear ann '*** The server is stopping. Goodbye'
  # It is a second wish from a second after the first on; before, it changes nothing.
  within "$DEADLINE" ends_by "$2" || fail "the server survives $2"
  ended server 130
  has_not server.log 'All done.'
}
ends_by() {
  kill -"$1" "$SERVER" 2>/dev/null || true
  not alive "${pid_of[server]}"
}

a_second_int_ends_it_at_once() { ends_at_once INT INT; }
a_quit_after_a_term_ends_it_at_once() { ends_at_once TERM QUIT; }
run a_second_int_ends_it_at_once
run a_quit_after_a_term_ends_it_at_once

# fifty_come: as many people, p1 to p50.
fifty_come() {
  local n
  for n in {1..50}; do keyboard "p$n" && start "p$n" "$NC" 127.0.0.1 "$TEXT"; done
  for n in {1..50}; do hear "p$n" '*** who lists people'; done
}

# fifty_are_told CODE: each of them has its farewell, and the server its exit code.
fifty_are_told() {
  local n
  ended server "$1"
  for n in {1..50}; do hear "p$n" '*** The server is stopping. Goodbye'; done
  in_order server.log 'recv quit signal' 'handler done.' 'All done.'
}

# timeout signals its child and then its process group, of which the child is one: one wish that comes twice.
timeout_lets_everybody_be_told() {
  serve timeout -s TERM 600 "$PARLOR" --listen text://127.0.0.1:0 --listen relay://127.0.0.1:0
  fifty_come
  # timeout does on ALRM what it does when the time is over; 124 says that it was.
  kill -ALRM "${pid_of[server]}"
  fifty_are_told 124
}
run timeout_lets_everybody_be_told

# two_at_once FIRST SECOND: as npm and a terminal's process group do.
two_at_once() {
  open_server
  fifty_come
  kill -"$1" "$SERVER"
  kill -"$2" "$SERVER"
  fifty_are_told 0
}
an_int_beside_a_term_is_the_same_wish() { two_at_once TERM INT; }
a_quit_beside_an_int_is_the_same_wish() { two_at_once INT QUIT; }
run an_int_beside_a_term_is_the_same_wish
run a_quit_beside_an_int_is_the_same_wish

# A stop gives four fifths of its time to sessions that do not read. (Their --write-timeout is an hour.)
drain_bounds_the_stop() {
  stalled_stop 1s
  ((took >= 700)) || fail "the stalled one did not hold up the stop ($took ms): nothing was tested"
  stalled_stop 5s
  ((took >= 3900)) || fail "a stop with --drain 5s gave up after $took ms"
}
stalled_stop() {
  open_server --drain "$1" --write-timeout 1h
  come ann
  come_and_stall
  local from
  from=$(now_ms)
  stop_server
  took=$(($(now_ms) - from))
  has ann.out '*** The server is stopping. Goodbye'
  in_order server.log 'recv quit signal' 'handler done.' 'All done.'
  end_input stalled
}
run drain_bounds_the_stop

restarts_on_the_same_port_at_once() {
  open_server
  local text=$TEXT relay=$RELAY round
  for round in 1 2 3; do
    come ann # whose connection the server closes first: its port stays in TIME_WAIT
    stop_server
    closed_on ann
    serve "$PARLOR" --listen "text://127.0.0.1:$text" --listen "relay://127.0.0.1:$relay"
    equal "$TEXT $RELAY" "$text $relay" "the ports in round $round"
  done
  serves_on 'back again'
  stop_server
}
run restarts_on_the_same_port_at_once

nobody_gets_in_during_a_stop() {
  open_server --drain 60s --write-timeout 60s
  come ann
  come_and_stall
  kill -TERM "$SERVER"
  hear ann '*** The server is stopping. Goodbye'
  not "$NC" -z 127.0.0.1 "$TEXT" || fail 'the text door is still open'
  not "$NC" -z 127.0.0.1 "$RELAY" || fail 'the relay door is still open'
  # When the stalled one has gone as well, there is nothing left to wait for.
  end_input stalled
  ended server
  in_order server.log 'recv quit signal' 'handler done.' 'All done.'
}
run nobody_gets_in_during_a_stop

finish
