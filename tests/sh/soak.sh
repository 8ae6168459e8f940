#!/usr/bin/env bash
# scripts/soak.sh in little: some seconds of misbehaviour by every door, faults and shortages among
# it, and what the observers received holds; and that it says so where it does not.
#
# usage: tests/sh/soak.sh [CASE...]        lib.sh says what $PARLOR is; parlor-bench stands beside it
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
SOAK=$(realpath "$(dirname "$0")/../../scripts/soak.sh")
begin
[[ -x $(dirname "$PARLOR")/parlor-bench ]] || {
  echo "no parlor-bench beside $PARLOR: run cargo build --features bench first" >&2
  exit 1
}

a_short_soak_holds() {
  PARLOR=$PARLOR start soak "$SOAK" --short --seed 7
  # It goes on until its list is complete, for a minute at most, and then waits for the last to go.
  within $((DEADLINE * 3)) not alive "${pid_of[soak]}" || fail "it still goes on after $((DEADLINE * 3)) s"
  wait "${pid_of[soak]}" || fail 'something did not hold'
  has soak.out 'seed 7: '
  has_line soak.out 'all held'
  matches "$WORK/soak.out" 'deliveries checked +[1-9][0-9]{4}' || fail 'hardly anything was checked'
}
run a_short_soak_holds

# A soak is a load, and nobody else's machine is to bear it.
it_goes_to_this_machine_only() {
  "$(dirname "$PARLOR")/parlor-bench" soak --text 192.0.2.1:1 --relay 127.0.0.1:1 --json-door 127.0.0.1:1 \
    --frame 127.0.0.1:1 --pid 1 >"$WORK/bench.out" 2>"$WORK/bench.log" && fail 'it went to another machine'
  has bench.log '192.0.2.1:1 is not of this machine; a soak goes to 127.0.0.0/8 and ::1 only'
}
run it_goes_to_this_machine_only

finish
