#!/usr/bin/env bash
# One system call fails, once, at one place: the fault hurts at most the one session that it meets,
# which ends for a reason that the log names; everybody else goes on, and the server stops.
#
# usage: tests/sh/injected.sh [CASE...]    PARLOR=BINARY names the server under test
#
# strace puts the fault into one thread of the running server, found by its name (`r-2` reads for the
# third session, `w-2` writes for it). Where strace is not here or may not trace, all is skipped.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
begin

DOORS=(--listen text://127.0.0.1:0 --listen relay://127.0.0.1:0)

can_inject() {
  command -v strace >/dev/null || skip 'there is no strace'
  strace -o "$WORK/strace" -e inject=close:error=EIO:when=1 true 2>"$WORK/strace.says" ||
    skip 'strace may not trace here, or is too old to inject'
}

# three_people: ann and bob, whom no fault may hurt, and vic.
three_people() {
  can_inject
  open_server
  come ann
  come bob
  come vic
  vic=$(address_of vic)
}

# thread NAME: the number of the server's thread of that name.
thread() {
  local task
  for task in "/proc/$SERVER/task"/*; do
    [[ $(cat "$task/comm" 2>/dev/null) != "$1" ]] || basename "$task"
  done
}

# inject THREAD SYSCALL FAULT [FLAG...]: from now on, for one call by default. FAULT is as strace has
# it: error=EPIPE:when=1. THREAD is a name, or `main`.
declare -i injected=0
inject() {
  local number=$SERVER
  [[ $1 == main ]] || number=$(thread "$1")
  [[ $number ]] || fail "the server has no thread $1"
  injected+=1
  start "tracer$injected" strace -o "$WORK/trace$injected" -e "trace=$2" -e "inject=$2:$3" "${@:4}" -p "$number"
  within "$DEADLINE" matches "$WORK/tracer$injected.log" 'ttached' || fail "strace is not attached to $1"
}

# all_injected: whether each fault has met its call.
all_injected() {
  local n
  for ((n = 1; n <= injected; n++)); do contains "$WORK/trace$n" INJECTED || return 1; done
}

# the_room_goes_on NAME...: what the first says, all hear.
the_room_goes_on() {
  local listener
  spoken=$((${spoken:-0} + 1))
  say "$1" "the room goes on, $spoken."
  for listener; do hear "$listener" ": the room goes on, $spoken."; done
}

# inject_no_more: the server's threads are their own again.
inject_no_more() {
  local n
  for ((n = 1; n <= injected; n++)); do
    kill -TERM "${pid_of[tracer$n]}" 2>/dev/null || true # it ends by itself with its thread
    within "$DEADLINE" not alive "${pid_of[tracer$n]}" || fail 'strace does not let go'
  done
}

# all_is_well: the faults were there, ann and bob are, a caller comes in, and the server stops.
all_is_well() {
  within "$DEADLINE" all_injected || fail 'the fault has met no call'
  inject_no_more
  the_room_goes_on ann bob
  come_at_last new
  the_room_goes_on new ann bob
  has_not server.log 'panicked'
  close_server
  in_order server.log 'recv quit signal' 'All done.'
}

# ends_vic REASON: so the log says, and ann sees it.
ends_vic() {
  wait_for "$WORK/server.log" "(text, $vic) closed: $1"
  hear ann "[$vic]$vic: login out"
  equal "$(count server.log ') closed: ')" 1 'sessions ended'
  all_is_well
}

# spares_vic: vic's session goes on, as the others do.
spares_vic() {
  the_room_goes_on vic ann bob
  has_not server.log "(text, $vic) closed: "
  all_is_well
}

# --- one session's reads -----------------------------------------------------------------------

# a_read FAULT WHAT...: vic's reader has input to read, and that fails.
a_read() {
  three_people
  inject r-2 recvfrom "error=$1:when=1"
  say vic '/ping'
  "${@:2}"
}
a_read_is_reset() { a_read ECONNRESET ends_vic 'read failed'; }
a_read_times_out_for_good() { a_read ETIMEDOUT ends_vic 'read failed'; }
a_read_finds_no_memory() { a_read ENOMEM ends_vic 'read failed'; }
a_read_finds_no_route() { a_read EHOSTUNREACH ends_vic 'read failed'; }
a_read_is_interrupted() { a_read EINTR spares_vic; }
run a_read_is_reset
run a_read_times_out_for_good
run a_read_finds_no_memory
run a_read_finds_no_route
run a_read_is_interrupted

# a_wait_for_input FAULT WHAT...: vic's reader waits for input, and that fails.
a_wait_for_input() {
  three_people
  inject r-2 ppoll "error=$1:when=1"
  say vic '/ping'
  "${@:2}"
}
a_wait_for_input_fails() { a_wait_for_input ENOMEM ends_vic 'read failed'; }
a_wait_for_input_is_interrupted() { a_wait_for_input EINTR spares_vic; }
run a_wait_for_input_fails
run a_wait_for_input_is_interrupted

# --- one session's writes: by the manager, and by its writer ------------------------------------

# a_send FAULT WHAT...: the manager's next send, which is to vic alone.
a_send() {
  three_people
  inject manager sendto "error=$1:when=1"
  say vic '/ping'
  "${@:2}"
}
answered_all_the_same() {
  hear vic '*** pong'
  equal "$(count vic.out '*** pong')" 1 'answers'
  spares_vic
}
a_send_meets_a_broken_pipe() { a_send EPIPE ends_vic 'write failed'; }
a_send_is_reset() { a_send ECONNRESET ends_vic 'write failed'; }
a_send_finds_no_buffer() { a_send ENOBUFS answered_all_the_same; }
a_send_is_interrupted() { a_send EINTR answered_all_the_same; }
run a_send_meets_a_broken_pipe
run a_send_is_reset
run a_send_finds_no_buffer
run a_send_is_interrupted

# An unfinished line is no line, and nobody hears a part of it.
a_line_that_was_begun_is_not_said() {
  three_people
  inject manager sendto error=EPIPE:when=1
  type_keys vic '/ping\nI was about to'
  ends_vic 'write failed'
  has_not ann.out 'I was about to'
}
run a_line_that_was_begun_is_not_said

# a_late_send FAULT WHAT...: the manager cannot send, so vic's writer does, and fails as well.
a_late_send() {
  three_people
  inject w-2 sendmsg "error=$1:when=1"
  inject manager sendto error=EAGAIN:when=1
  say vic '/ping'
  "${@:2}"
}
a_late_send_meets_a_broken_pipe() { a_late_send EPIPE ends_vic 'write failed'; }
a_late_send_times_out() { a_late_send ETIMEDOUT ends_vic 'write failed'; }
a_late_send_finds_no_buffer() { a_late_send ENOBUFS answered_all_the_same; }
a_late_send_is_interrupted() { a_late_send EINTR answered_all_the_same; }
run a_late_send_meets_a_broken_pipe
run a_late_send_times_out
run a_late_send_finds_no_buffer
run a_late_send_is_interrupted

# a_wait FAULT WHAT...: the writer finds no room and waits for it, and that fails.
a_wait() {
  three_people
  inject w-2 sendmsg error=EAGAIN:when=1 -e trace=sendmsg,ppoll -e "inject=ppoll:error=$1:when=1"
  inject manager sendto error=EAGAIN:when=1
  say vic '/ping'
  "${@:2}"
}
a_wait_for_room_is_interrupted() { a_wait EINTR answered_all_the_same; }
a_wait_for_room_fails() { a_wait ENOMEM ends_vic 'write failed'; }
run a_wait_for_room_is_interrupted
run a_wait_for_room_fails

# --- one session's socket ----------------------------------------------------------------------

# a_session_with FAULT SYSCALL: every new session meets the fault, in each of its threads.
a_session_with() {
  three_people
  inject main "$2" "$1" -f
  keyboard eve
  start eve "$NC" 127.0.0.1 "$TEXT"
}
no_option_can_be_set() {
  # No delay, probes, time-out of what is not acknowledged, urgent bytes.
  a_session_with error=ENOPROTOOPT:when=1..4 setsockopt
  hear eve '*** who lists people'
  the_room_goes_on eve ann vic
  all_is_well
}
its_own_address_is_not_told() {
  a_session_with error=ENOBUFS:when=1 getsockname
  hear eve '*** who lists people'
  the_room_goes_on eve ann vic
  all_is_well
}
run no_option_can_be_set
run its_own_address_is_not_told

# An end that fails is an end: vic leaves, and his place is free again.
an_end_with() {
  three_people
  inject main "$2" "$1" -f
  say vic '/quit'
  hear vic '*** Goodbye'
  closed_on vic
  wait_for "$WORK/server.log" "(text, $vic) closed: quit"
  hear ann "[$vic]$vic: login out"
  all_is_well
}
a_shutdown_finds_nobody() { an_end_with error=ENOTCONN:when=1 shutdown; }
run a_shutdown_finds_nobody

a_close_fails() {
  three_people
  inject main close error=EIO:when=1 -f
  say vic '/quit'
  hear vic '*** Goodbye'
  wait_for "$WORK/server.log" "(text, $vic) closed: quit"
  all_is_well
}
run a_close_fails

# --- threads -----------------------------------------------------------------------------------

# Of each thread the first: the main thread's, for a reader; then the next reader's, for its writer.
no_thread_for_a_session() {
  three_people
  inject main '/^clone3?$' error=EAGAIN:when=1 -f
  local n
  for n in 1 2; do
    equal "$(call "$TEXT" </dev/null)" '!!! Parlor is busy (the machine has no thread to spare), try again later' "caller $n"
    wait_for "$WORK/server.log" "turned a caller away ($n so far): no thread"
  done
  spares_vic
}
run no_thread_for_a_session

# The memory for a thread's stack is the main thread's to find.
no_memory_for_a_session() {
  three_people
  inject main mmap error=ENOMEM:when=1
  equal "$(call "$TEXT" </dev/null)" '!!! Parlor is busy (the machine has no thread to spare), try again later'
  come eve
  the_room_goes_on eve vic ann
  spares_vic
}
run no_memory_for_a_session

# --- the main thread -----------------------------------------------------------------------------

# an_accept FAULT: it fails once; the caller gets in all the same, within the pause that follows.
an_accept() {
  three_people
  inject main accept4 "error=$1:when=1"
  come eve
  the_room_goes_on eve ann
  spares_vic
}
an_accept_is_interrupted() { an_accept EINTR; }
an_accept_finds_the_caller_gone() { an_accept ECONNABORTED; }
an_accept_finds_no_buffer() { an_accept ENOBUFS; }
an_accept_is_not_permitted() { an_accept EPERM; }
run an_accept_is_interrupted
run an_accept_finds_the_caller_gone
run an_accept_finds_no_buffer
run an_accept_is_not_permitted

# an_accept_finds_no_descriptor FAULT: the first one is told so, on the spare one.
an_accept_finds_no_descriptor() {
  three_people
  inject main accept4 "error=$1:when=1"
  equal "$(call "$TEXT" </dev/null)" '!!! Parlor is busy (the machine has no descriptor to spare), try again later'
  spares_vic
}
the_process_has_no_descriptor() { an_accept_finds_no_descriptor EMFILE; }
the_machine_has_no_descriptor() { an_accept_finds_no_descriptor ENFILE; }
run the_process_has_no_descriptor
run the_machine_has_no_descriptor

# The spare one was given up for a caller, and cannot be had again at once: it is when one comes in.
the_spare_descriptor_does_not_come_back() {
  three_people
  local busy='!!! Parlor is busy (the machine has no descriptor to spare), try again later'
  # Of main's accepts, each caller here takes two: the one that fails and that on the spare one; hers
  # and the one that finds nobody; and again the first two.
  inject main accept4 error=EMFILE:when=1+4 -e trace=accept4,openat -e inject=openat:error=EMFILE:when=1
  equal "$(call "$TEXT" </dev/null)" "$busy" 'the first one'
  within "$DEADLINE" matches "$WORK/trace1" 'openat.*INJECTED' || fail 'the spare one was not missed'
  come eve
  equal "$(call "$TEXT" </dev/null)" "$busy" 'another one'
  the_room_goes_on eve vic ann
  spares_vic
}
run the_spare_descriptor_does_not_come_back

# the_doors FAULT: the wait for callers fails.
the_doors() {
  three_people
  inject main ppoll "error=$1:when=1"
  come eve
  the_room_goes_on eve ann
  spares_vic
}
the_wait_for_callers_is_interrupted() { the_doors EINTR; }
the_wait_for_callers_finds_no_memory() { the_doors ENOMEM; }
run the_wait_for_callers_is_interrupted
run the_wait_for_callers_finds_no_memory

# --- the stop ------------------------------------------------------------------------------------

# The signal's thread wakes the main thread by a byte in a pipe.
a_stop_is_interrupted() {
  three_people
  inject sigterm write error=EINTR:when=1
  kill -TERM "$SERVER"
  ended server
  all_injected || fail 'the fault has met no call'
  has ann.out '*** The server is stopping. Goodbye'
  in_order server.log 'recv quit signal' 'All done.'
}
run a_stop_is_interrupted

# --- the log -------------------------------------------------------------------------------------

# a_line_of_the_log FAULT: is lost, or comes late; the next one is there.
a_line_of_the_log() {
  three_people
  inject log write "error=$1:when=1"
  local n
  for n in 1 2; do
    call "$TEXT" <<<hello >"$WORK/caller" # the end of a session that has said something is a line
    has caller '*** who lists people'
  done
  within "$DEADLINE" all_injected || fail 'the fault has met no line'
  call "$TEXT" <<<hello >"$WORK/caller"
  wait_for "$WORK/server.log" ') closed: peer closed'
  the_room_goes_on vic ann bob
  all_is_well
}
the_log_meets_a_broken_pipe() { a_line_of_the_log EPIPE; }
the_log_is_on_a_full_disk() { a_line_of_the_log ENOSPC; }
the_log_cannot_be_written() { a_line_of_the_log EIO; }
the_log_would_block() { a_line_of_the_log EAGAIN; }
run the_log_meets_a_broken_pipe
run the_log_is_on_a_full_disk
run the_log_cannot_be_written
run the_log_would_block

# A log that is slow, as on a machine with too much to do, still gets the last lines of a stop.
the_log_is_slow() {
  three_people
  inject log write delay_enter=60000:when=1+
  the_room_goes_on vic ann bob
  close_server
  in_order server.log 'recv quit signal' '3 sessions' 'All done.'
}
run the_log_is_slow

# The thread that waits for SIGTERM and SIGQUIT cannot: it tries again, and the signal stops the server
# all the same.
signals_cannot_be_waited_for() {
  three_people
  inject sigterm read error=EIO:when=1
  within "$DEADLINE" all_injected || fail 'the fault has met no call'
  wait_for "$WORK/server.log" 'cannot wait for signals: Input/output error'
  inject_no_more
  the_room_goes_on vic ann bob
  kill -QUIT "$SERVER"
  ended server 0
  has_not server.log 'panicked'
}
run signals_cannot_be_waited_for

# --- the start -----------------------------------------------------------------------------------

# a_start SYSCALL FAULT WORDS: ends with 1 and says what was attempted.
a_start() {
  can_inject
  start server strace -o "$WORK/trace" -e "trace=$1" -e "inject=$1:$2" "$PARLOR" "${DOORS[@]}"
  ended server 1
  has trace INJECTED
  has server.log "$3"
  has_not server.log 'panicked'
  has_not server.out 'ready'
  has_not server.log 'Choose another address'
}
no_socket_at_the_start() { a_start socket error=EMFILE:when=1 'Too many open files'; }
no_address_at_the_start() { a_start bind error=EADDRNOTAVAIL:when=2 'Cannot assign requested address'; }
no_queue_at_the_start() { a_start listen error=EADDRINUSE:when=1 'Address already in use'; }
no_pipe_at_the_start() { a_start pipe2 error=EMFILE:when=1 'make a pipe for the stop'; }
no_pipe_for_a_signal_at_the_start() { a_start pipe2 error=EMFILE:when=2 'cannot handle SIGTERM and SIGQUIT: Too many open files'; }
no_spare_at_the_start() {
  can_inject
  start server strace -f -o "$WORK/trace" -e trace=openat -P /dev/null -e inject=openat:error=EMFILE:when=1 "$PARLOR" "${DOORS[@]}"
  fails_to_start 'cannot keep a spare descriptor: Too many open files'
  has server.log 'ulimit -n'
}
# fails_to_start WORDS: no ready line, the cause, and 1.
fails_to_start() {
  ended server 1
  has trace INJECTED
  has server.log "$1"
  has_not server.log 'panicked'
  has_not server.out 'ready'
}
# The threads that every server needs, and the two of a session: each is missed by its name.
no_thread_at_the_start() {
  can_inject
  local n=0 name
  for name in 'the thread of the log' 'handle SIGINT' 'handle SIGTERM' 'handle SIGHUP' 'the manager thread' \
    'the two threads of a session' 'the two threads of a session'; do
    n=$((n + 1))
    start server strace -f -o "$WORK/trace" -e 'trace=/^clone3?$' -e "inject=/^clone3?$:error=EAGAIN:when=$n" "$PARLOR" "${DOORS[@]}"
    fails_to_start "$name"
    has server.log 'Resource temporarily unavailable'
    has server.log 'ulimit -u'
  done
}
no_handler_of_int_at_the_start() {
  can_inject
  start server strace -f -o "$WORK/trace" -e trace=rt_sigaction -e inject=rt_sigaction:error=EINVAL:when=5+ "$PARLOR" "${DOORS[@]}"
  fails_to_start 'cannot handle SIGINT: Invalid argument'
}
run no_socket_at_the_start
run no_address_at_the_start
run no_queue_at_the_start
run no_pipe_at_the_start
run no_pipe_for_a_signal_at_the_start
run no_spare_at_the_start
run no_thread_at_the_start
run no_handler_of_int_at_the_start

the_limit_of_descriptors_is_not_raised() {
  can_inject
  serve bash -c 'ulimit -S -n 60; exec "$0" "$@"' strace -o "$WORK/trace" -e trace=prlimit64 \
    -e inject=prlimit64:error=EPERM:when=3 "$PARLOR" "${DOORS[@]}"
  matches "$WORK/trace" 'RLIMIT_NOFILE, \{.*EPERM.*INJECTED' || skip 'the raise is another call here'
  wait_for "$WORK/server.log" 'room for 28 sessions at once, limited by open files'
  come ann
  come bob
  the_room_goes_on ann bob
  close_server
}
run the_limit_of_descriptors_is_not_raised

finish
