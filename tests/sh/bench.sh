#!/usr/bin/env bash
# parlor-bench: each mode in little, against the real server, and that it tells no rate where a line
# is missing. What it counts is looked at, what it times is not.
#
# usage: tests/sh/bench.sh [CASE...]        lib.sh says what $PARLOR is; parlor-bench stands beside it

. "$(dirname "$0")/lib.sh"
begin

BENCH=$(dirname "$PARLOR")/parlor-bench
[[ -x $BENCH ]] || { echo "no parlor-bench at $BENCH: run cargo build --features bench first" >&2 && exit 1; }

# all_doors: a server with the four doors, without limits; ADDRESS[WIRE] is where.
declare -A ADDRESS
all_doors() {
  local wire
  serve "$PARLOR" --rate 0 --idle 0 --listen text://127.0.0.1:0 --listen relay://127.0.0.1:0 \
    --listen json://127.0.0.1:0 --listen frame://127.0.0.1:0
  for wire in text relay json frame; do
    ADDRESS[$wire]=$(sed -n "s/^parlor ready .* $wire=\([^ ]*\).*/\1/p" "$WORK/server.out")
  done
}

# bench WIRE MODE FLAGS...: one run, as JSON, into bench.out; the notices have no time to settle.
bench() {
  local wire=$1 mode=$2
  shift 2
  "$BENCH" "$mode" --wire "$wire" --to "${ADDRESS[$wire]}" --json "$@" >"$WORK/bench.out" 2>"$WORK/bench.log"
}

# figure NAME: of the last run.
figure() { sed -n "s/.*\"$1\":\(\"[^\"]*\"\|[0-9.]*\)[,}].*/\1/p" "$WORK/bench.out"; }

# Each line to each of 5 readers, and, where talkers hear themselves (or each other), to 2 (or 1) more.
counts_each_delivery_on_each_door() {
  all_doors
  local wire heard_by
  for wire in text relay json frame; do
    heard_by=7
    [[ $wire != relay ]] || heard_by=6
    bench "$wire" throughput --readers 5 --talkers 2 --lines 300 --in-flight 7 --verify --settle 0 || fail "$wire"
    equal "$(figure lines)" 300.0 "lines by $wire"
    equal "$(figure deliveries)" "$((300 * heard_by)).0" "deliveries by $wire"
  done
  bench text throughput --readers 1 --talkers 1 --lines 50 --in-flight 1 --bytes 29 --settle 0 || fail 'one in flight'
  bench text throughput --readers 3 --talkers 5 --lines 64 --in-flight 1000 --bytes 4000 --settle 0 || fail 'long lines'
  equal "$(figure deliveries)" "$((64 * 8)).0" 'deliveries of long lines'
}
run counts_each_delivery_on_each_door

# One room talks; nobody in another hears it, and nobody there is counted.
counts_the_deliveries_of_one_room_among_others() {
  all_doors
  local wire
  for wire in text json frame; do
    bench "$wire" throughput --rooms 3 --readers 4 --talkers 2 --lines 50 --verify --settle 0 || fail "$wire"
    equal "$(figure deliveries)" "$((50 * 6)).0" "deliveries by $wire"
    bench "$wire" latency --rooms 3 --readers 4 --rate 200 --seconds 0.5 --settle 0 || fail "$wire"
    equal "$(figure deliveries)" 450.0 "deliveries by $wire, of all but the first tenth"
  done
  bench relay throughput --rooms 2 && fail 'the relay door has one room'
  has bench.log '--rooms 2: by relay there is one'
}
run counts_the_deliveries_of_one_room_among_others

tells_latency_with_and_without_stalled_ones() {
  all_doors
  bench text latency --readers 5 --talkers 2 --rate 200 --seconds 0.5 --settle 0 --pid "$SERVER" || fail latency
  equal "$(figure lines)" 100.0 lines
  equal "$(figure deliveries)" 630.0 'deliveries, of all but the first tenth'
  [[ $(figure cpu_per_delivery) ]] || fail 'no word about the processor'
  bench json stall --readers 5 --stalled 2 --rate 200 --seconds 0.5 --settle 0 || fail stall
  equal "$(figure deliveries)" 360.0 'deliveries to those who read'
  [[ $(figure p99_ratio) ]] || fail 'no ratio'
}
run tells_latency_with_and_without_stalled_ones

tells_what_sessions_hold_and_what_visits_cost() {
  all_doors
  bench text idle --sessions 40 --settle 0.1 --pid "$SERVER" || fail idle
  equal "$(figure threads_per_session)" 2.0 'threads for each session'
  bench text idle --sessions 40 --within 0.2 --settle 0.1 --pid "$SERVER" || fail 'idle, evenly'
  equal "$(figure within)" 0.2 'the time in which they come'
  local wire what
  for wire in text relay json frame; do
    bench "$wire" churn --visits 60 --in-flight 7 --readers 3 || fail "churn by $wire"
    equal "$(figure visits)" 60.0 visits
    for what in p50 p99 max; do
      [[ $(figure "greeting_$what") ]] || fail "no word about the greeting by $wire"
    done
  done
}
run tells_what_sessions_hold_and_what_visits_cost

serves_the_floor() {
  local how
  for how in '' --coalesce; do
    # shellcheck disable=SC2086  # none, or one flag
    start floor "$BENCH" floor --listen 127.0.0.1:0 $how
    wait_for "$WORK/floor.out" 'floor ready'
    ADDRESS[floor]=$(sed -n 's/.* floor=//p' "$WORK/floor.out")
    bench floor throughput --readers 20 --talkers 3 --lines 200 --verify --settle 0 || fail "floor $how"
    equal "$(figure deliveries)" "$((200 * 23)).0" deliveries
    kill -KILL "${pid_of[floor]}"
  done
}
run serves_the_floor

# A relay that drops some lines: by a server that slows a flood down nothing is lost, so the fault is
# put in by ending the server.
tells_no_rate_where_lines_are_missing() {
  all_doors
  "$BENCH" throughput --to "${ADDRESS[text]}" --readers 3 --seconds 60 --settle 0 >"$WORK/bench.out" 2>"$WORK/bench.log" &
  local bench=$!
  # The flow has begun when the server has used the processor for a while.
  within "$DEADLINE" busy || fail 'the server has nothing to do'
  kill -KILL "$SERVER"
  if wait "$bench"; then fail 'a run that lost its server is no success'; fi
  equal "$(wc -c <"$WORK/bench.out")" 0 'bytes of result'
  has bench.log 'parlor-bench: '
}
busy() { (($(cut -d ' ' -f 14 "/proc/$SERVER/stat") > 20)); }
run tells_no_rate_where_lines_are_missing

# With its usual limits a server slows a talker down who sends more than a person would.
a_server_with_limits_is_not_measured() {
  serve "$PARLOR" --rate 5 --idle 30 --listen text://127.0.0.1:0 --listen json://127.0.0.1:0 \
    --listen frame://127.0.0.1:0
  local wire
  for wire in text json frame; do
    ADDRESS[$wire]=127.0.0.1:$(port_of "$wire")
    bench "$wire" latency --readers 5 --seconds 1 --rate 100 --settle 0 && fail "latency by $wire"
    has bench.log 'start the server with --rate 0 --idle 0'
    bench "$wire" throughput --readers 5 --seconds 1 --settle 0 && fail "throughput by $wire"
    has bench.log 'start the server with --rate 0 --idle 0'
    equal "$(wc -c <"$WORK/bench.out")" 0 'bytes of result'
  done
}
run a_server_with_limits_is_not_measured

figures_can_be_read() {
  all_doors
  "$BENCH" throughput --to "${ADDRESS[text]}" --readers 3 --lines 60 --settle 0 >"$WORK/bench.out"
  has bench.out 'throughput · text · 1 room · 3 readers · 1 talker · 256 in flight · 64 bytes · 1 run'
  matches "$WORK/bench.out" '^  lines  *60 $' || fail 'not a whole number of lines'
}
run figures_can_be_read

says_what_is_wrong() {
  ADDRESS[text]=192.0.2.1:8000
  bench text throughput && fail 'it went to another machine'
  has bench.log '192.0.2.1:8000 is not of this machine; a bench goes to 127.0.0.0/8 and ::1 only'
  ADDRESS[text]=127.0.0.1:1
  bench text idle --sessions 3 && fail 'nobody is there'
  has bench.log 'cannot connect to 127.0.0.1:1: Connection refused'
  bench text stall --readers 5 --stalled 5 && fail 'nobody reads'
  has bench.log '--stalled 5: somebody has to read, of 5 readers'
}
run says_what_is_wrong

finish
