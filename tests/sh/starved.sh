#!/usr/bin/env bash
# A machine that gives too little: descriptors, threads, accepts, a log that nobody reads.
# The room goes on whatever is refused, and each refused caller is told so.
#
# usage: tests/sh/starved.sh [CASE...]     PARLOR=BINARY names the server under test
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
begin

DOORS=(--listen text://127.0.0.1:0 --listen relay://127.0.0.1:0)

# the_room_goes_on NAME...: what the first says, all hear.
the_room_goes_on() {
  local listener
  spoken=$((${spoken:-0} + 1))
  say "$1" "the room goes on, $spoken."
  for listener; do hear "$listener" ": the room goes on, $spoken."; done
}

few_descriptors_are_few_places() {
  # 32 are for everything but sessions.
  serve bash -c 'ulimit -n 40; exec "$0" "$@"' "$PARLOR" "${DOORS[@]}"
  wait_for "$WORK/server.log" 'room for 8 sessions at once, limited by open files (ulimit -n); --max-clients 4096 is more than that'
  local n
  for n in {1..8}; do come "p$n"; done
  for n in 1 2 3 4 5; do
    equal "$(call "$TEXT" </dev/null)" '!!! Parlor is full (8 here), try again later'
  done
  equal "$(call "$RELAY" </dev/null)" $'!!! Parlor is full (8 here), try again later\r'
  the_room_goes_on p1 p2 p3 p4 p5 p6 p7 p8
  has_not server.log 'cannot accept' # the limit of sessions prevents that
  # A place that becomes free is a place.
  go p8
  come_at_last p9
  the_room_goes_on p9 p1 p7
  close_server
}
run few_descriptors_are_few_places

# no_start WORDS COMMAND...: it ends with 1 before a ready line, and the log says these words.
no_start() {
  local words=$1
  shift
  start server "$@"
  ended server 1
  has_not server.out 'ready'
  has server.log "$words"
  has_not server.log 'panicked'
}

# A start without room for one session is none: it names the limit, and what would do.
no_room_for_anybody_is_no_start() {
  local least n
  least='there is no room for a single session: the limit of open files (ulimit -n)'
  for n in 14 20 32; do
    no_start "$least is $n. Raise it to 33 at least" bash -c 'ulimit -n "$0"; exec "$@"' "$n" "$PARLOR" "${DOORS[@]}"
  done
  # Fewer than it takes to come so far: whatever is missed is told with its limit.
  for n in 5 6 7 8 9 10; do
    no_start 'ulimit -n' bash -c 'ulimit -n "$0"; exec "$@"' "$n" "$PARLOR" "${DOORS[@]}"
  done
  # With one place it is a start.
  serve bash -c 'ulimit -n 33; exec "$0" "$@"' "$PARLOR" "${DOORS[@]}"
  come ann
  equal "$(call "$TEXT" </dev/null)" '!!! Parlor is full (1 here), try again later'
  close_server
  least='there is no room for a single session: the limit of address space (ulimit -v) is 30000 KiB'
  no_start "$least" bash -c 'ulimit -v 30000; exec "$0" "$@"' "$PARLOR" "${DOORS[@]}"
  least='there is no room for a single session: the limit of data (ulimit -d) is 20000 KiB'
  no_start "$least" bash -c 'ulimit -d 20000; exec "$0" "$@"' "$PARLOR" "${DOORS[@]}"
}
run no_room_for_anybody_is_no_start

no_threads_for_anybody_is_no_start() {
  need_nobody
  local n
  no_start 'the limit of threads of this user (ulimit -u) is 17. Raise it to 18 at least' \
    "${NOBODY[@]}" prlimit --nproc=17 "$WORK/parlor" "${DOORS[@]}"
  # Other processes of the user take threads that the limit promises.
  for n in {1..22}; do start "sleeper$n" "${NOBODY[@]}" sleep 600; done
  within "$DEADLINE" sleepers 22 || fail 'the sleepers did not start'
  no_start 'Resource temporarily unavailable' "${NOBODY[@]}" prlimit --nproc=24 "$WORK/parlor" "${DOORS[@]}"
  has server.log 'ulimit -u'
}

the_soft_limit_of_descriptors_is_raised() {
  serve bash -c 'ulimit -S -n 40; exec "$0" "$@"' "$PARLOR" "${DOORS[@]}" --max-clients 50
  local n
  for n in {1..45}; do keyboard "p$n" && start "p$n" "$NC" 127.0.0.1 "$TEXT"; done
  for n in {1..45}; do hear "p$n" '*** who lists people'; done
  has_not server.log 'limited by'
  close_server
}
run the_soft_limit_of_descriptors_is_raised

# free_descriptor: the next that the server would get. A limit of that number leaves it none.
free_descriptor() {
  local number=0
  while [[ -e /proc/$SERVER/fd/$number ]]; do number=$((number + 1)); done
  echo "$number"
}

# The limit is lowered below what the server counted on, so accept itself fails.
no_descriptors_left() {
  command -v prlimit >/dev/null || skip 'there is no prlimit'
  open_server
  come ann
  come bob
  prlimit --pid "$SERVER" --nofile="$(($(free_descriptor) + 1)):"
  come cid # takes the last one
  local n
  for ((n = 1; n <= 3; n++)); do
    call "$TEXT" </dev/null >"$WORK/caller" # on the spare one
    has caller '!!! Parlor is busy'
  done
  the_room_goes_on ann bob cid
  wait_for "$WORK/server.log" 'cannot accept: Too many open files'
  equal "$(count server.log 'cannot accept')" 1 'lines about it'
  has_not server.log 'accepting again'
  # It recovers by itself; its pauses are 800 ms at most, so it says.
  for ((; n <= 8; n++)); do
    call "$TEXT" </dev/null >"$WORK/caller"
    has caller '!!! Parlor is busy'
  done
  has server.log 'with pauses of up to 800 ms'
  go cid
  come_at_last cid # who takes the last one again
  the_room_goes_on cid ann bob
  wait_for "$WORK/server.log" 'accepting again after'
  close_server
}
run no_descriptors_left

stops_with_no_descriptors_left() {
  command -v prlimit >/dev/null || skip 'there is no prlimit'
  open_server
  come ann
  come bob
  prlimit --pid "$SERVER" --nofile="$(free_descriptor):"
  call "$TEXT" </dev/null >"$WORK/caller"
  has caller '!!! Parlor is busy'
  stop_server
  has ann.out '*** The server is stopping. Goodbye'
  in_order server.log 'cannot accept' 'recv quit signal' 'handler done.' 'handler done.' 'All done.'
}
run stops_with_no_descriptors_left

# need_nobody: "${NOBODY[@]}" COMMAND runs it as a user that owns nothing else, $WORK/parlor is the
# server where that user can read it.
need_nobody() {
  local user=$((61000 + BASHPID % 3000))
  NOBODY=(setpriv --reuid="$user" --regid="$user" --clear-groups)
  command -v prlimit >/dev/null || skip 'there is no prlimit'
  "${NOBODY[@]}" true 2>"$WORK/setpriv" || skip 'becoming another user needs root and setpriv'
  cp "$PARLOR" "$WORK/parlor" # to where that user can read it
  chmod 755 "$WORK" "$WORK/parlor"
  "${NOBODY[@]}" "$WORK/parlor" --version >/dev/null || skip "another user cannot run what is in $WORK"
}

few_threads_are_few_places() {
  need_nobody
  # 16 are for everything but sessions, each of which takes 2.
  serve "${NOBODY[@]}" prlimit --nproc=24 "$WORK/parlor" "${DOORS[@]}"
  wait_for "$WORK/server.log" 'room for 4 sessions at once, limited by threads of this user (ulimit -u)'
  local n
  for n in 1 2 3 4; do come "p$n"; done
  equal "$(call "$TEXT" </dev/null)" '!!! Parlor is full (4 here), try again later'
  the_room_goes_on p1 p2 p3 p4
  go p4
  hear p1 ': login out'
  come_at_last p5
  the_room_goes_on p5 p1
  close_server
}
run few_threads_are_few_places

# The same user runs other things too, which no limit read at the start can tell.
no_threads_left() {
  need_nobody
  serve "${NOBODY[@]}" prlimit --nproc=60 "$WORK/parlor" "${DOORS[@]}"
  come ann
  come bob
  local n have
  have=$(find "/proc/$SERVER/task" -mindepth 1 -maxdepth 1 | wc -l)
  for ((n = have; n < 61; n++)); do start "sleeper$n" "${NOBODY[@]}" sleep 600; done
  within "$DEADLINE" sleepers $((61 - have)) || fail 'the sleepers did not start'
  for n in 1 2 3; do
    equal "$(call "$TEXT" </dev/null)" '!!! Parlor is busy (the machine has no thread to spare), try again later'
  done
  the_room_goes_on ann bob
  wait_for "$WORK/server.log" 'turned a caller away (1 so far): no thread (Resource temporarily unavailable'
  # One thread is not enough for a session either.
  kill -KILL "${pid_of[sleeper60]}" "${pid_of[sleeper59]}"
  ended sleeper60 137
  ended sleeper59 137
  equal "$(call "$TEXT" </dev/null)" '!!! Parlor is busy (the machine has no thread to spare), try again later'
  the_room_goes_on ann bob
  # Two are.
  kill -KILL "${pid_of[sleeper58]}"
  ended sleeper58 137
  come_at_last cid
  the_room_goes_on cid ann bob
  close_server
}
sleepers() {
  local n=0 file
  for file in "$WORK"/sleeper*.log; do
    [[ $(cat "/proc/${pid_of[$(basename "$file" .log)]}/comm" 2>/dev/null) != sleep ]] || n=$((n + 1))
  done
  ((n >= $1))
}
run no_threads_left
run no_threads_for_anybody_is_no_start

# room: how many places the log announces.
room() { sed -n 's/.* room for \([0-9]*\) sessions at once.*/\1/p' "$WORK/server.log"; }

# all_that_are_announced_come: all announced sessions fit, leave and fit again. One more is refused; nothing aborts.
all_that_are_announced_come() {
  local n places round open
  wait_for "$WORK/server.log" "sessions at once, limited by $1"
  places=$(room)
  ((places >= $2)) || fail "only $places places"
  for round in 1 2; do
    local -a callers=()
    for ((n = 0; n < places; n++)); do
      within "$DEADLINE" gets_a_place || fail "caller $n of $places does not get in"
      callers+=("$open")
    done
    for n in 1 2 3 4 5; do
      equal "$(call "$TEXT" </dev/null)" "!!! Parlor is full ($places here), try again later" "in round $round"
    done
    for open in "${callers[@]}"; do exec {open}>&-; done
  done
  come_at_last ann
  the_room_goes_on ann
  close_server
}
# gets_a_place: a connection that stays, in $open; the first line tells.
gets_a_place() {
  local line
  exec {open}<>"/dev/tcp/127.0.0.1/$TEXT" || return 1
  if read -r -t "$DEADLINE" -u "$open" line && [[ $line != '!!! '* ]]; then return 0; fi
  exec {open}>&-
  return 1
}

# under_limit FLAG KIB: a server under ulimit.
under_limit() { serve bash -c 'ulimit "$0" "$1"; exec "${@:2}"' "$1" "$2" "$PARLOR" "${DOORS[@]}" --drain 1s; }

little_address_space_is_few_places() {
  local kib
  for kib in 100000 488281 585937 1000000; do
    under_limit -v "$kib"
    all_that_are_announced_come 'address space (ulimit -v)' $((kib < 300000 ? 20 : 100))
  done
}
run little_address_space_is_few_places

little_data_is_few_places() {
  under_limit -d 200000
  all_that_are_announced_come 'data (ulimit -d)' 50
}
run little_data_is_few_places

# A clock that no calendar knows: beyond the year 9999, before 1970, at the ends of its numbers. The log's lines
# have a time all the same, also that of a panic, and people talk.
clocks_without_a_calendar() {
  cat >"$WORK/clock.c" <<'END'
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
  long got = syscall(SYS_clock_gettime, clock, now);
  if (clock == CLOCK_REALTIME) now->tv_sec = atoll(getenv("CLOCK_STANDS_AT"));
  return got;
}
END
  cc -shared -fPIC -o "$WORK/clock.so" "$WORK/clock.c" 2>"$WORK/cc" || skip 'no C compiler makes a library here'
  local at line
  for at in 253402300800 9223372036854775807 -1 -9223372036854775808 4102444800; do
    serve env LD_PRELOAD="$WORK/clock.so" CLOCK_STANDS_AT="$at" "$PARLOR" "${DOORS[@]}"
    come ann
    come bob
    the_room_goes_on ann bob
    say ann '/time on'
    say ann '/history'
    say ann '/uptime'
    hear ann '*** Up for '
    close_server
    in_order server.log 'recv quit signal' 'All done.'
    has_not server.log 'panicked'
    line=$(tail -n 1 "$WORK/server.log")
    [[ $line =~ ^[+-]?[0-9]{4,}-[0-9]{2}-[0-9]{2}T[0-9:.]{12}Z\ INFO\ \ All\ done\.$ ]] || fail "at $at: $line"
  done
}
run clocks_without_a_calendar

can_inject() {
  command -v strace >/dev/null || skip 'there is no strace'
  strace -o "$WORK/strace" -e inject=accept4:error=EMFILE:when=3..8 true 2>"$WORK/strace.says" ||
    skip 'strace may not trace here, or is too old to inject'
}

accept_fails_for_a_while() {
  can_inject
  # The first two calls take ann; then comes an episode of seven failures, each followed by that of
  # the attempt to tell a caller.
  serve strace -o "$WORK/strace" -e trace=accept4 -e inject=accept4:error=EMFILE:when=3..16 "$PARLOR" "${DOORS[@]}"
  come ann
  wait_for "$WORK/strace" EAGAIN # the second call
  local from took
  from=$(now_ms)
  come bob
  took=$(($(now_ms) - from))
  # 10 ms, doubled six times, are 1270 ms in all. A loop without pauses would take a core.
  ((took >= 1200)) || fail "seven pauses took only $took ms"
  the_room_goes_on ann bob
  wait_for "$WORK/server.log" 'accepting again after 7 failures'
  equal "$(count server.log 'cannot accept: Too many open files')" 1 'lines about one episode'
  equal "$(count strace INJECTED)" 14 'failures injected'
  close_server
}
run accept_fails_for_a_while

accept_fails_now_and_then() {
  can_inject
  local error n greeted=0 turned=0
  for error in EMFILE ENFILE ENOBUFS ENOMEM EPERM EPROTO; do
    serve strace -o "$WORK/strace" -e trace=accept4 -e "inject=accept4:error=$error:when=3+5" "$PARLOR" "${DOORS[@]}"
    come ann
    for n in 1 2 3 4; do
      call "$TEXT" </dev/null >"$WORK/caller"
      if contains "$WORK/caller" '*** who lists people'; then
        greeted=$((greeted + 1))
      else
        has caller '!!! Parlor is busy'
        turned=$((turned + 1))
      fi
      the_room_goes_on ann
    done
    wait_for "$WORK/server.log" 'cannot accept: '
    close_server
    contains "$WORK/strace" INJECTED || fail "$error was not injected"
  done
  ((greeted >= turned)) || fail "of $((greeted + turned)) callers only $greeted came in"
}
run accept_fails_now_and_then

callers_that_have_gone_again_are_no_failure() {
  can_inject
  serve strace -o "$WORK/strace" -e trace=accept4 -e inject=accept4:error=ECONNABORTED:when=1..5 "$PARLOR" "${DOORS[@]}"
  come ann
  the_room_goes_on ann
  equal "$(count strace INJECTED)" 5 'failures injected'
  close_server
  has_not server.log 'cannot accept'
}
run callers_that_have_gone_again_are_no_failure

stderr_closed() {
  serve bash -c 'exec "$0" "$@" 2>&-' "$PARLOR" "${DOORS[@]}"
  come ann
  come bob
  the_room_goes_on ann bob
  stop_server
  has ann.out '*** The server is stopping. Goodbye'
}
run stderr_closed

stdout_closed_or_full() {
  # Without a ready line the port must be known before.
  open_server
  local port=$TEXT to
  close_server
  for to in '&-' /dev/full; do
    start server bash -c "exec \"\$0\" \"\$@\" >$to" "$PARLOR" --listen "text://127.0.0.1:$port"
    within "$DEADLINE" "$NC" -z 127.0.0.1 "$port" || fail "with stdout >$to the server does not come up"
    come ann "$port"
    come bob "$port"
    the_room_goes_on ann bob
    SERVER=${pid_of[server]}
    close_server
    in_order server.log 'recv quit signal' 'All done.'
  done
}
run stdout_closed_or_full

# Nobody reads the log: a pager that was left open, a log collector that hangs.
stderr_a_full_pipe() {
  local reader n
  mkfifo "$WORK/log"
  exec {reader}<>"$WORK/log"
  in_fd[log]=$reader
  dd if=/dev/zero of="$WORK/log" bs=4096 count=1024 oflag=nonblock 2>"$WORK/dd" || true
  has dd 'Resource temporarily unavailable' # it is full
  serve bash -c 'log=$0; exec "$@" 2>"$log"' "$WORK/log" "$PARLOR" "${DOORS[@]}" --log-level trace
  come ann
  come bob
  for n in {1..50}; do
    call "$TEXT" </dev/null >"$WORK/caller"
    has caller '*** who lists people'
  done
  the_room_goes_on ann bob
  stop_server
  has ann.out '*** The server is stopping. Goodbye'
}
run stderr_a_full_pipe

stderr_a_pipe_whose_reader_has_gone() {
  mkfifo "$WORK/log"
  start reader head -n 1 "$WORK/log"
  serve bash -c 'log=$0; exec "$@" 2>"$log"' "$WORK/log" "$PARLOR" "${DOORS[@]}"
  come ann
  call "$TEXT" <<<hello >"$WORK/caller" # it said something, so its end is a line of the log
  ended reader # it has its line; what the server writes from now on is a broken pipe
  come bob
  call "$TEXT" </dev/null >"$WORK/caller"
  has caller '*** who lists people'
  the_room_goes_on ann bob
  close_server
}
run stderr_a_pipe_whose_reader_has_gone

finish
