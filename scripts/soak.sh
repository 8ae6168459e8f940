#!/usr/bin/env bash
# Stresses a server for minutes or hours, and checks everything that clients receive meanwhile.
#
# usage: scripts/soak.sh [--seconds N | --minutes N | --hours N] [--seed N] [--clients N] [--rate N]
#                        [--short] [--no-figures | --figures] [--keep FOLDER]
#
#   --seconds, --minutes, --hours   duration of the load, warm-up included (2 minutes)
#   --seed N       repeats the random choices of an earlier run, as far as threads allow; each run prints its seed
#   --clients N    number of clients at once that cause trouble (24)
#   --rate N       lines a second that the observers say among themselves (300)
#   --short        ends when everything on the list has happened: after about 15 s, at most a minute; no figures
#   --no-figures   leaves out the figures at the end
#   --figures      only the figures: how long others wait, how long a stop and a recovery take
#   --keep FOLDER  keeps the logs in FOLDER
#
# Clients connect to every door, talk, flood, stall, send garbage, reset and vanish (see parlor-bench soak
# --help). Meanwhile this script stops the server's process for moments, takes descriptors and threads away
# and gives them back, and makes system calls fail by strace. Observers at every door check that all receive one
# order, each line once, each talker's lines in turn, each join with its leave. At the end descriptors,
# threads and memory must be back where they were. A client that is cut off although it did nothing wrong
# must have met an injected fault. Threads can be taken away by root only, and faults need strace. The script
# says what it leaves out.
#
# Everything is on 127.0.0.1, on free ports. The variable PARLOR names the server's binary; parlor-bench
# must be in the same folder. Without it, cargo builds both for release.
#
# Exit code: 0 everything held and everything on the list happened, 1 something did not, 2 wrong usage. A figure
# that misses its goal does not change the exit code, since it depends on the load of the machine. The last
# line tells it.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

seconds=120 seed=$((RANDOM * 32768 + RANDOM)) clients=24 rate=300 short=0 soak=1 figures=1 keep=''
while (($#)); do
  case $1 in
    --seconds | --minutes | --hours | --seed | --clients | --rate)
      [[ ${2:-} =~ ^[1-9][0-9]{0,8}$ ]] || { echo "$1 needs a number" >&2 && exit 2; }
      case $1 in
        --seconds) seconds=$2 ;;
        --minutes) seconds=$(($2 * 60)) ;;
        --hours) seconds=$(($2 * 3600)) ;;
        --seed) seed=$2 ;;
        --clients) clients=$2 ;;
        --rate) rate=$2 ;;
      esac
      shift
      ;;
    --short) short=1 figures=0 seconds=62 ;;
    --no-figures) figures=0 ;;
    --figures) soak=0 ;;
    --keep) keep=${2:?--keep needs a folder} && shift ;;
    -h | --help) usage && exit 0 ;;
    *) { echo "unknown argument: $1" && usage; } >&2 && exit 2 ;;
  esac
  shift
done
# Memory at the end is compared with memory after the warm-up, in MiB. In the first five minutes every
# arena of the allocator still grows, so the limit of 4 MiB holds only after a warm-up of five minutes.
warm_up=$((seconds * 2 / 3 > 300 ? 300 : seconds * 2 / 3)) growth=4
((warm_up == 300)) || growth=16
((!short)) || warm_up=2
RANDOM=$((seed % 32768))

unset RUST_LOG "${!PARLOR_@}"
export LC_ALL=C

if [[ -z ${PARLOR:-} ]]; then
  cargo build --release --locked --bins --features bench
  PARLOR=$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/parlor
fi
BENCH=$(dirname "$PARLOR")/parlor-bench
for program in "$PARLOR" "$BENCH"; do
  [[ -x $program ]] || { echo "there is no $program" >&2 && exit 1; }
done
ulimit -n "$(ulimit -H -n)"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/parlor-soak.XXXXXX")
chmod 711 "$scratch" # the server runs in it, as another user
server='' crowd='' load='' tracer=''
touch "$scratch/hurt" "$scratch/soak.log" "$scratch/server.log"
# shellcheck disable=SC2317 # the trap calls it
end_all() {
  local process
  [[ ! $server ]] || kill -CONT "$server" || true
  [[ ! $tracer ]] || kill -TERM "$tracer" || true # a `timeout`, which passes the signal on
  for process in "$load" "$crowd" "$server"; do
    [[ ! $process ]] || kill -KILL "$process" || true
  done
  wait
  [[ ! $keep ]] || { mkdir -p "$keep" && cp "$scratch"/*.{log,json,trace} "$keep"; } || true
  rm -rf "$scratch"
} 2>/dev/null
trap end_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- the machine -----------------------------------------------------------------------------

as_nobody=() binary=$PARLOR
user=$((62000 + BASHPID % 3000))
if command -v prlimit >/dev/null && setpriv --reuid="$user" --regid="$user" --clear-groups true 2>/dev/null; then
  cp "$PARLOR" "$scratch/parlor" && chmod 755 "$scratch/parlor"
  candidate=(setpriv --reuid="$user" --regid="$user" --clear-groups)
  if "${candidate[@]}" "$scratch/parlor" --version >/dev/null 2>&1; then
    as_nobody=("${candidate[@]}") binary=$scratch/parlor
  fi
fi
can_limit_threads=0 can_limit_descriptors=0 can_trace=0
((${#as_nobody[@]} == 0)) || can_limit_threads=1
if command -v prlimit >/dev/null; then can_limit_descriptors=1; fi
if command -v strace >/dev/null &&
  strace -f -o /dev/null -e inject=close:error=EIO:when=1 true 2>/dev/null; then can_trace=1; fi

# --- the server ----------------------------------------------------------------------------------

# serve FLAG...: starts the server with four doors, and sets text, relay, json and frame to their addresses.
serve() {
  local until=$((SECONDS + 20))
  rm -f "$scratch/ready" # it may hold the ready line of an earlier server
  "${as_nobody[@]}" "$binary" --listen text://127.0.0.1:0 --listen relay://127.0.0.1:0 \
    --listen json://127.0.0.1:0 --listen frame://127.0.0.1:0 "$@" >"$scratch/ready" 2>"$scratch/server.log" </dev/null &
  server=$!
  until grep -qs '^parlor ready .*frame=' "$scratch/ready"; do
    if ((SECONDS > until)) || ! kill -0 "$server" 2>/dev/null; then
      { echo "the server does not start:" && cat "$scratch/server.log"; } >&2
      exit 1
    fi
    sleep 0.05
  done
  text=$(door text) relay=$(door relay) json=$(door json) frame=$(door frame)
}
door() { sed -n "s/^parlor ready .* $1=\([^ ]*\).*/\1/p" "$scratch/ready"; }

now_ms() {
  local now=${EPOCHREALTIME/./}
  echo "${now%???}"
}

# stop_server: sets took to the milliseconds of the stop; false if the exit code was not 0.
stop_server() {
  local from code=0
  from=$(now_ms)
  kill -TERM "$server"
  wait "$server" || code=$?
  server=''
  took=$(($(now_ms) - from))
  ((code == 0))
}

# --- episodes --------------------------------------------------------------------------------------

episodes=0 traces=0 destructive=0
pause() { sleep "$(awk -v least="$1" -v most="$2" -v chance="$RANDOM" 'BEGIN { print least + (most - least) * chance / 32768 }')"; }

# starve LIMIT, feed LIMIT: takes descriptors (nofile) or threads (nproc) away, and gives them back.
# The server has opened descriptors 0 to 11 at its start.
declare -A least=([nofile]=12 [nproc]=1)
# Run as the server's own user: in some containers root may not change limits of other users' processes.
limit() { "${as_nobody[@]}" prlimit --pid "$server" "$@"; }
starve() { limit "--$1=${least[$1]}:"; }
feed() { limit "--$1=$(limit "--$1" --output HARD --noheadings | tr -d ' '):"; }
starve_for_a_while() {
  starve "$1"
  pause 0.2 0.8
  feed "$1"
}
few_descriptors() { ((!can_limit_descriptors)) || starve_for_a_while nofile; }
few_threads() { ((!can_limit_threads)) || starve_for_a_while nproc; }

# shellcheck source-path=SCRIPTDIR source=soak-faults.sh
. scripts/soak-faults.sh

is_churning() {
  [[ $(grep -E '^soak: churn' "$scratch/soak.log" | tail -n 1) == 'soak: churn begins' ]]
}

# never_met: prints the first fault that has not happened yet.
never_met() {
  local fault
  for fault in "${faults[@]}"; do
    ((${met[$fault]:-0} > 0)) || { echo "$fault" && return; }
  done
}

# conduct: runs one episode after another during the churn, until the load has ended.
conduct() {
  local next=0 fault
  # A short run begins with the episodes that the list at the end asks for.
  local -a plan=("injected sendto:error=EINTR:when=3+11" few_descriptors few_threads
    "injected ${faults[3]}" "injected !sendto:error=EPIPE:when=40")
  while kill -0 "$load" 2>/dev/null; do
    if ! is_churning; then
      sleep 0.1
      continue
    fi
    if ((next < ${#plan[@]})); then
      ${plan[next]}
    else
      case $((RANDOM % 5)) in
        0) few_descriptors ;;
        1) few_threads ;;
        *)
          fault=${faults[RANDOM % ${#faults[@]}]}
          # Every other time, take a fault that has not happened yet: some are rare.
          ((RANDOM % 2)) || fault=$(never_met | grep . || echo "$fault")
          injected "$fault"
          ;;
      esac
    fi
    next=$((next + 1)) episodes=$((episodes + 1))
    if ((!short)); then
      pause 0.1 1.5
    elif ((next >= ${#plan[@]})) && [[ $leash && $(list 2>/dev/null) != *NEVER* ]]; then
      exec {leash}>&- # ends the churn
      leash=''
    fi
  done
}

# --- the soak ----------------------------------------------------------------------------------------

wrongs=()
wrong() {
  wrongs+=("$*")
  echo "WRONG: $*"
}
# figure NAME: prints a number of the report; before there is a report, 1 if the event has happened.
figure() {
  if [[ -s $scratch/soak.json ]]; then
    sed -n "s/.*\"$1\":\([0-9]*\)[.,}].*/\1/p" "$scratch/soak.json"
  else
    grep -cx "soak: first $1" "$scratch/soak.log" || true
  fi
}
happened() { sed -n "s/.* INFO  [0-9]* sessions, .* \([0-9]*\) $1.*/\1/p" "$scratch/server.log" | tail -n 1; }

logged() { grep -cE "$1" "$scratch/server.log" || true; }

# at_least_once NAME COUNT CAN: prints a line of the list. CAN is 0 if it cannot happen on this machine.
at_least_once() {
  local verdict=''
  ((${2:-0} > 0)) || verdict=$( (($3)) && echo '   NEVER' || echo '   cannot happen here')
  printf '  %-44s %8s%s\n' "$1" "${2:-0}" "$verdict"
}

# list: prints the events that must have happened at least once.
list() {
  local fault
  at_least_once 'slow cut' "$(logged ' closed: slow reader')" 1
  at_least_once 'idle cut' "$(logged ' closed: idle for')" 1
  at_least_once 'vanished and gone' "$(gone)" 1
  at_least_once 'full refused' "$(figure full_refused)" 1
  at_least_once 'descriptor episode' "$(logged 'accepting again after')" $((can_limit_descriptors || can_trace))
  at_least_once 'spawn failure, caller told' "$(figure refused_without_thread)" $((can_limit_threads || can_trace))
  at_least_once 'rename race lost' "$(figure rename_races_lost)" 1
  at_least_once 'half-close with echo pending' "$(figure half_closed_with_echo_pending)" 1
  at_least_once 'signal during join' "$(figure signal_during_join)" 1
  at_least_once 'partial write' "$((partial + partial_of_writers))" "$can_trace"
  at_least_once 'joins and leaves paired' "$(figure joins_and_leaves_paired)" 1
  ((seconds >= LONG)) || return 0
  at_least_once 'partial write by a writer thread' "$partial_of_writers" "$can_trace"
  for fault in "${faults[@]}"; do at_least_once "${fault#[?!]}" "${met[$fault]:-0}" "$can_trace"; done
}
# Seconds from which each fault must have happened, too.
LONG=600

leash='' leashed=()
soak() {
  local code=0 name fault missed
  serve --rate 200 --burst 400 --idle 2s --write-timeout 2s --join-grace 2s --max-clients 96 --max-pending 262144
  echo "seed $seed: $clients clients for $seconds s, of which $warm_up s are the warm-up"
  ((can_trace)) || echo "strace may not trace here: no system call is made to fail"
  ((can_limit_threads)) || echo "root and setpriv are missing: no thread is taken away by a limit"
  # A short run ends when this is closed.
  mkfifo "$scratch/soak.leash"
  exec {leash}<>"$scratch/soak.leash"
  ((!short)) || leashed=(--end-with-input)
  "$BENCH" soak --text "$text" --relay "$relay" --json-door "$json" --frame "$frame" --pid "$server" --seed "$seed" \
    --clients "$clients" --rate "$rate" --warm-up "$warm_up" --seconds "$((seconds - warm_up))" --growth "$growth" "${leashed[@]}" --json <"$scratch/soak.leash" {leash}>&- >"$scratch/soak.json" 2>"$scratch/soak.log" &
  load=$!
  conduct
  wait "$load" || code=$?
  load=''
  grep -vE '^soak: (churn|cut short|vanished|first)' "$scratch/soak.log" || true
  ((code == 0)) || wrong "parlor-bench soak found a fault (exit code $code): $(grep -m 3 '^soak: FAULT' "$scratch/soak.log" || tail -n 1 "$scratch/soak.log")"
  stop_server || wrong "the server ended with another code than 0"
  ((took <= 3000)) || wrong "the stop took $took ms"
  ! grep -q panicked "$scratch/server.log" || wrong "something panicked: $(grep -m 1 panicked "$scratch/server.log")"
  [[ -s $scratch/soak.json ]] || return 0
  missed=$(unexcused)
  [[ ! $missed ]] || wrong "well-behaved sessions were cut short without an injected fault:
$missed"

  echo
  for name in sessions lines deliveries_checked joins_and_leaves_paired talked flooded half_closed sent_bytewise changed_rooms reset \
    vanished stalled idle rubbish wrong_protocol unjoined crowds rename_races stops_and_continues; do
    printf '  %-32s %8s\n' "${name//_/ }" "$(figure "$name")"
  done
  printf '  %-32s %8s\n' 'lines skipped for slow readers' "$(happened skipped)" episodes "$episodes" \
    'injected faults' "$injections" '… that end a session' "$destructive" \
    'well-behaved sessions cut by these' "$(figure cut_short)" 'KiB resident after the warm-up' "$(figure resident_after_warm_up)" \
    'KiB resident at the end' "$(figure resident_at_end)" 'partial writes' "$partial" '… by writer threads' "$partial_of_writers" \
    'faults in what was heard' "$(figure faults)"
  echo
  echo 'injected into system calls:'
  for fault in "${faults[@]}"; do printf '  %-44s %8s\n' "${fault#[?!]}" "${met[$fault]:-0}"; done
  echo
  echo 'at least once:'
  list | tee "$scratch/list"
  ! grep -q NEVER "$scratch/list" || wrong "this never happened: $(sed -n 's/^  \(.*[^ ]\) *0   NEVER/\1/p' "$scratch/list" | paste -sd ,)"
}

# --- the figures ---------------------------------------------------------------------------------------

# shellcheck source-path=SCRIPTDIR source=soak-figures.sh
. scripts/soak-figures.sh

# Not behind `||`: there, set -e would be off within.
if ((soak)); then soak; fi
if ((figures)); then show_figures; fi
echo
if ((${#wrongs[@]})); then
  # Again, for a reader who sees only the end.
  printf 'WRONG: %s\n' "${wrongs[@]}"
  echo "something was wrong (seed $seed)"
elif ((missed_goals)); then
  echo "all held, but $missed_goals of the figures did not reach their goal"
else
  echo 'all held'
fi
exit $((${#wrongs[@]} > 0))
