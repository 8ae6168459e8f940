#!/usr/bin/env bash
# Makes a server's life hard for minutes or hours, and checks everything that was heard in it.
#
# usage: scripts/soak.sh [--seconds N | --minutes N | --hours N] [--seed N] [--guests N] [--rate N]
#                        [--short] [--no-figures | --figures] [--keep FOLDER]
#
#   --seconds, --minutes, --hours   how long the guests go on (2 minutes), warm-up included
#   --seed N       what happens by chance happens again, as far as threads allow (by chance; told)
#   --guests N     so many guests at once (24)
#   --rate N       lines a second that the witnesses say among themselves (300)
#   --short        until all of the list has happened, a quarter of a minute or so, a minute at most;
#                  no figures
#   --no-figures   leaves out the figures at the end
#   --figures      only the figures: how long others wait, how long a stop and a recovery take
#   --keep FOLDER  leaves there what was logged
#
# Guests come in by every door, talk, flood, stall, send rubbish, reset, vanish (parlor-bench soak
# --help tells more), while this script stops the server for moments, takes descriptors and threads
# away from it and gives them back, and puts faults into its system calls by strace. Witnesses at
# every door check that all hear one order, each line once, each talker's in turn, comings and goings
# in pairs; at the end descriptors, threads and memory must be back where they were. Whoever is cut off
# though it did nothing wrong must have met a fault that was put into a system call about it. Without root
# threads cannot be taken away by a limit, without strace no fault can be put in: it says so then.
#
# Everything is on 127.0.0.1, on ports that are free. PARLOR names the server under test, beside which
# parlor-bench stands; without it both are built for release.
#
# Exit code: 0 all held and all of the list happened, 1 something did not, 2 wrong usage. Figures that
# miss their goals do not count for it, they depend on what else the machine does; the last line says so.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

seconds=120 seed=$((RANDOM * 32768 + RANDOM)) guests=24 rate=300 short=0 soak=1 figures=1 keep=''
while (($#)); do
  case $1 in
    --seconds | --minutes | --hours | --seed | --guests | --rate)
      [[ ${2:-} =~ ^[1-9][0-9]{0,8}$ ]] || { echo "$1 needs a number" >&2 && exit 2; }
      case $1 in
        --seconds) seconds=$2 ;;
        --minutes) seconds=$(($2 * 60)) ;;
        --hours) seconds=$(($2 * 3600)) ;;
        --seed) seed=$2 ;;
        --guests) guests=$2 ;;
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
# Memory is compared with that after the warm-up. In the first minutes every arena of the allocator
# still grows to what it will need, so 4 MiB hold for what comes after five minutes only.
warm_up=$((seconds * 2 / 3 > 300 ? 300 : seconds * 2 / 3)) growth=4
((warm_up == 300)) || growth=16
((!short)) || warm_up=2
RANDOM=$((seed % 32768))

unset RUST_LOG "${!PARLOR_@}"
export LC_ALL=C

if [[ -z ${PARLOR:-} ]]; then
  cargo build --release --locked --bins
  PARLOR=$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/parlor
fi
BENCH=$(dirname "$PARLOR")/parlor-bench
for program in "$PARLOR" "$BENCH"; do
  [[ -x $program ]] || { echo "there is no $program" >&2 && exit 1; }
done
ulimit -n "$(ulimit -H -n)"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/parlor-soak.XXXXXX")
chmod 711 "$scratch" # another user runs the server in it
server='' crowd='' load='' tracer=''
touch "$scratch/hurt" "$scratch/soak.log" "$scratch/server.log"
# shellcheck disable=SC2317 # the trap calls it
end_all() {
  local process
  [[ ! $server ]] || kill -CONT "$server" || true
  [[ ! $tracer ]] || kill -TERM "$tracer" || true # it is a time-out, which passes that on
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

# --- what can be had here ----------------------------------------------------------------------

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

# serve FLAG...: with the four doors; text, relay, json, frame are their addresses then.
serve() {
  local until=$((SECONDS + 20))
  rm -f "$scratch/ready" # or the words of the one before would be taken for this one's
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

# stop_server: prints how many ms it took, and is false if the server did not end well.
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
# Every number below 12 is taken by what the server has opened at its start.
declare -A least=([nofile]=12 [nproc]=1)
# Limits of a process are its own user's business, not even root's in every container.
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

# What strace puts in: of each thread's calls the ones that `when` names. Those marked ! end a session
# each, and are counted; those marked ? may end one (the time for which a reader waits cannot be set);
# the others hurt nobody.
faults=(
  accept4:error=EMFILE:when=1..3 accept4:error=ECONNABORTED:when=1+2 accept4:error=ENOBUFS:when=2
  '/^clone3?$:error=EAGAIN:when=1+3' recvfrom:error=EINTR:when=2+5 sendto:error=EINTR:when=3+11 sendto:error=ENOBUFS:when=5+7
  sendmsg:error=EINTR:when=1+2 sendmsg:error=ENOBUFS:when=2+3 ppoll:error=EINTR:when=1+2
  '?setsockopt:error=ENOPROTOOPT:when=1..4' getsockname:error=ENOBUFS:when=1+2
  '!sendto:error=EPIPE:when=40' '!sendto:error=ECONNRESET:when=90' '!sendmsg:error=EPIPE:when=3'
  '!recvfrom:error=ECONNRESET:when=30' '!recvfrom:error=ETIMEDOUT:when=35'
)
declare -A met=()
injected() {
  ((can_trace)) || return 0
  local fault=${1#[?!]} file=$scratch/$((++traces)).trace now code=0 since=$EPOCHREALTIME
  timeout -k 10 -s TERM "$(awk -v chance="$RANDOM" 'BEGIN { print 0.6 + chance / 32768 }')" \
    strace -f -v -ttt -yy -s 0 -o "$file" -e "trace=sendto,sendmsg,${fault%%:*}" -e "inject=$fault" -p "$server" 2>/dev/null &
  tracer=$!
  wait "$tracer" || code=$?
  tracer=''
  # It had no time to write down about whom: on a machine with too much to do.
  ((code != 137)) || echo "* $EPOCHREALTIME $since" >>"$scratch/hurt"
  now=$(grep -c INJECTED "$file" || true)
  met[$1]=$((${met[$1]:-0} + now)) injections=$((injections + now))
  [[ $1 != !* ]] || destructive=$((destructive + now))
  [[ $1 != [?!]* ]] || hurt "$file" >>"$scratch/hurt"
  let_go_of "$file" "$since" >>"$scratch/hurt"
  count_partial "$file"
  rm -f "$file"
}
injections=0 partial=0 partial_of_writers=0

# hurt TRACE: the peers about whom calls have failed that may end a session, and when; ? for one whose
# connection strace could not name.
hurt() {
  awk '!/ <\.\.\. / { about[$1] = match($0, /->[0-9.]+:[0-9]+\]/) ? substr($0, RSTART + 2, RLENGTH - 3) : "?" }
    /INJECTED/ { print about[$1], $2 }' "$1"
}

# let_go_of TRACE SINCE: the peers about whom a call was under way when strace went. If it was to fail,
# it has begun as a call that there is none of, and now fails by ENOSYS, which no trace tells. Where
# there is much to do strace is some calls behind: there are several of these then, of which it writes
# down the last as detached and the others as unfinished, as those that just wait for something. It
# lets go of one thread after another, some time since SINCE.
let_go_of() {
  awk -v now="$EPOCHREALTIME" -v since="$2" '
    { last[$1] = $0; end = $2 }
    END {
      for (thread in last) {
        split(last[thread], field, " ")
        waits = last[thread] ~ / <unfinished \.\.\.>$/ && field[2] + 0 > end - 2
        if (!waits && last[thread] !~ / <detached \.\.\.>$/) continue
        if (match(last[thread], /->[0-9.]+:[0-9]+\]/))
          print substr(last[thread], RSTART + 2, RLENGTH - 3), now, waits ? field[2] : since
      }
    }' "$1"
}

# Those who were cut off and should not have been, but for whom a failed call about them speaks, of
# the two minutes before: that long a polite end may take. Each one without a name excuses one.
unexcused() {
  awk -v long=120 '
    function near(i) { return $6 + 0 > from[i] - 1 && $6 + 0 < until[i] }
    FILENAME == ARGV[1] { peer[++n] = $1; from[n] = NF > 2 ? $3 : $2; until[n] = $2 + (NF > 2 ? 1 : long); next }
    /^soak: cut short / {
      excuse = 0
      for (i = 1; i <= n && !excuse; i++) if ((peer[i] == $4 || peer[i] == "*") && near(i)) excuse = i
      for (i = 1; i <= n && !excuse; i++) if (peer[i] == "?" && near(i)) { excuse = i; peer[i] = "used" }
      if (!excuse) print
    }' "$scratch/hurt" "$scratch/soak.log"
}

# Peers that have vanished and whose sessions the server has ended, not they.
gone() {
  awk 'FILENAME == ARGV[1] { if (/^soak: vanished /) vanished[$3]; next }
    match($0, /[0-9.]+:[0-9]+\) closed: /) && !/ closed: (peer closed|server stopping)/ {
      if (substr($0, RSTART, RLENGTH - 10) in vanished) gone++ }
    END { print gone + 0 }' "$scratch/soak.log" "$scratch/server.log"
}

# Sends that were given less room than they asked for: the manager's, and those of the writers, which
# alone send what has waited.
count_partial() {
  local manager writers
  read -r manager writers < <(awk '/INJECTED/ || !/ = [0-9]+$/ { next }
    / sendto\(/ { split($0, parts, /, /); if ($NF > 0 && $NF < parts[3] + 0) sendto++ }
    / sendmsg\(/ {
      asked = 0; rest = $0
      while (match(rest, /iov_len=[0-9]+/)) { asked += substr(rest, RSTART + 8, RLENGTH - 8); rest = substr(rest, RSTART + RLENGTH) }
      if ($NF > 0 && $NF < asked) sendmsg++
    }
    END { print sendto + 0, sendmsg + 0 }' "$1")
  partial=$((partial + manager)) partial_of_writers=$((partial_of_writers + writers))
}

is_churning() {
  [[ $(grep -E '^soak: churn' "$scratch/soak.log" | tail -n 1) == 'soak: churn begins' ]]
}

# The first fault that has not been met.
never_met() {
  local fault
  for fault in "${faults[@]}"; do
    ((${met[$fault]:-0} > 0)) || { echo "$fault" && return; }
  done
}

# conduct: one episode after another while there is churn, until the load has ended.
conduct() {
  local next=0 fault
  # For a short run the ones that the list at the end asks for, and some of the others.
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
          # Every other time one that has not happened yet, or some of them hardly ever would.
          ((RANDOM % 2)) || fault=$(never_met | grep . || echo "$fault")
          injected "$fault"
          ;;
      esac
    fi
    next=$((next + 1)) episodes=$((episodes + 1))
    if ((!short)); then
      pause 0.1 1.5
    elif ((next >= ${#plan[@]})) && [[ $leash && $(list 2>/dev/null) != *NEVER* ]]; then
      exec {leash}>&- # it lets the churn end
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
# Until the report is there, what has happened counts as 1.
figure() {
  if [[ -s $scratch/soak.json ]]; then
    sed -n "s/.*\"$1\":\([0-9]*\)[.,}].*/\1/p" "$scratch/soak.json"
  else
    grep -cx "soak: first $1" "$scratch/soak.log" || true
  fi
}
happened() { sed -n "s/.* INFO  [0-9]* sessions, .* \([0-9]*\) $1.*/\1/p" "$scratch/server.log" | tail -n 1; }

logged() { grep -cE "$1" "$scratch/server.log" || true; }

# at_least_once WHAT COUNT CAN: CAN is 0 where this machine does not let it happen.
at_least_once() {
  local verdict=''
  ((${2:-0} > 0)) || verdict=$( (($3)) && echo '   NEVER' || echo '   cannot be had here')
  printf '  %-44s %8s%s\n' "$1" "${2:-0}" "$verdict"
}

# What must have happened at least once.
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
  at_least_once 'partial write of what had waited' "$partial_of_writers" "$can_trace"
  for fault in "${faults[@]}"; do at_least_once "${fault#[?!]}" "${met[$fault]:-0}" "$can_trace"; done
}
# From here on each of the faults must have been met, too.
LONG=600

leash='' leashed=()
soak() {
  local code=0 name fault missed
  serve --rate 200 --burst 400 --idle 2s --write-timeout 2s --join-grace 2s --max-clients 96 --max-pending 262144
  echo "seed $seed: $guests guests for $seconds s, of which $warm_up s are the warm-up"
  ((can_trace)) || echo "without a strace that may trace, no fault is put into system calls"
  ((can_limit_threads)) || echo "without root and setpriv, no thread is taken away by a limit"
  # Closed, it lets a short run end.
  mkfifo "$scratch/soak.leash"
  exec {leash}<>"$scratch/soak.leash"
  ((!short)) || leashed=(--leash)
  "$BENCH" soak --text "$text" --relay "$relay" --json-door "$json" --frame "$frame" --pid "$server" --seed "$seed" \
    --guests "$guests" --rate "$rate" --warm-up "$warm_up" --seconds "$((seconds - warm_up))" --growth "$growth" "${leashed[@]}" --json <"$scratch/soak.leash" {leash}>&- >"$scratch/soak.json" 2>"$scratch/soak.log" &
  load=$!
  conduct
  wait "$load" || code=$?
  load=''
  grep -vE '^soak: (churn|cut short|vanished|first)' "$scratch/soak.log" || true
  ((code == 0)) || wrong "parlor-bench soak says so (exit code $code): $(grep -m 3 '^soak: FAULT' "$scratch/soak.log" || tail -n 1 "$scratch/soak.log")"
  stop_server || wrong "the server ended with another code than 0"
  ((took <= 3000)) || wrong "the stop took $took ms"
  ! grep -q panicked "$scratch/server.log" || wrong "something panicked: $(grep -m 1 panicked "$scratch/server.log")"
  [[ -s $scratch/soak.json ]] || return 0
  missed=$(unexcused)
  [[ ! $missed ]] || wrong "well-behaved sessions were cut short, and no fault put into a call about them says why:
$missed"

  echo
  for name in sessions lines deliveries_checked joins_and_leaves_paired talked flooded half_closed dribbled wandered reset \
    vanished stalled idle rubbish foreign unjoined crowds rename_races stops_and_continues; do
    printf '  %-32s %8s\n' "${name//_/ }" "$(figure "$name")"
  done
  printf '  %-32s %8s\n' 'lines skipped for slow readers' "$(happened skipped)" episodes "$episodes" \
    'faults put into system calls' "$injections" '… of which end a session' "$destructive" \
    'well-behaved ones cut by these' "$(figure cut_short)" 'KiB resident after the warm-up' "$(figure resident_after_warm_up)" \
    'KiB resident at the end' "$(figure resident_at_end)" 'partial writes' "$partial" '… of what had waited' "$partial_of_writers" \
    'faults in what was heard' "$(figure faults)"
  echo
  echo 'put into system calls:'
  for fault in "${faults[@]}"; do printf '  %-44s %8s\n' "${fault#[?!]}" "${met[$fault]:-0}"; done
  echo
  echo 'at least once:'
  list | tee "$scratch/list"
  ! grep -q NEVER "$scratch/list" || wrong "this never happened: $(sed -n 's/^  \(.*[^ ]\) *0   NEVER/\1/p' "$scratch/list" | paste -sd ,)"
}

# --- the figures ---------------------------------------------------------------------------------------

# hold FLAG...: a crowd of sessions, until let_go.
hold() {
  local until=$((SECONDS + 60))
  rm -f "$scratch/leash" "$scratch/crowd"
  mkfifo "$scratch/leash"
  exec {leash}<>"$scratch/leash"
  "$BENCH" crowd --to "$text" "$@" <"$scratch/leash" {leash}>&- >"$scratch/crowd" 2>"$scratch/crowd.log" &
  crowd=$!
  until grep -qs '^crowd ready' "$scratch/crowd"; do
    if ((SECONDS > until)) || ! kill -0 "$crowd" 2>/dev/null; then
      { echo "no crowd:" && cat "$scratch/crowd.log"; } >&2
      exit 1
    fi
    sleep 0.05
  done
}
let_go() {
  exec {leash}>&-
  kill -KILL "$crowd" 2>/dev/null || true
  wait "$crowd" 2>/dev/null || true
  crowd=''
}

missed_goals=0
# tell WHAT FIGURE UNIT GOAL
tell() {
  local verdict=reached
  if ! awk -v figure="$2" -v goal="$4" 'BEGIN { exit !(figure != "" && figure + 0 <= goal + 0) }'; then
    verdict='not reached'
    missed_goals=$((missed_goals + 1))
  fi
  printf '| %-60s | %8s %-3s | %8s %-3s | %-11s |\n' "$1" "$2" "$3" "≤ $4" "$3" "$verdict"
}

# greeted: somebody comes in by the text door.
greeted() {
  local caller line
  exec {caller}<>"/dev/tcp/${text%:*}/${text#*:}" || return 1
  line=''
  read -r -t 5 -u "$caller" line || true
  exec {caller}>&-
  [[ $line == *': I am here'* ]]
}
# ms_to_recover LIMIT: from the return of what was missing until somebody is in.
ms_to_recover() {
  local from
  starve "$1"
  # Long enough that the server's pauses between two attempts have become the longest.
  for _ in 1 2 3 4 5 6 7 8; do ! greeted || return 1; done
  sleep 1.5
  feed "$1"
  from=$(now_ms)
  until greeted; do :; done
  echo $(($(now_ms) - from))
}

ticks() { awk '{ print $14 + $15 }' "/proc/$server/stat"; }

show_figures() {
  local before
  echo
  # The burst lets the stalled ones ask for more than the kernel keeps for them; then 50 a second hold.
  # What may wait is little, so that lines are skipped for them soon, by which it is seen.
  serve --idle 0 --rate 50 --burst 4000 --write-timeout 120s --max-pending 262144
  hold --readers 0 --stalled 20 --flooders 1
  sleep 2
  if "$BENCH" latency --to "$text" --readers 80 --talkers 10 --rate 200 --bytes 400 --seconds 5 --json >"$scratch/latency.json" 2>"$scratch/latency.log"; then
    tell 'p99 of 80 others, beside 20 stalled readers and a flooder' "$(sed -n 's/.*"p99":\([0-9.]*\).*/\1/p' "$scratch/latency.json")" ms 50
  else
    wrong "the others' waiting could not be measured: $(tail -n 1 "$scratch/latency.log")"
  fi
  let_go
  stop_server || wrong 'that server did not end well'
  # After hours of load the kernel remembers small windows for 127.0.0.1, and keeps less for each.
  (($(happened skipped) > 0)) ||
    wrong 'nobody was stalled so much that lines were skipped; try again after: ip tcp_metrics flush'

  serve --idle 0 --rate 0 --max-clients 2000
  hold --readers 890 --stalled 100 --vanished 10
  stop_server || wrong 'that server did not end well'
  tell 'stop with 1000 sessions, of which 100 stalled, 10 vanished' "$took" ms 3000
  let_go

  serve --idle 0 --rate 0
  hold --readers 200
  sleep 3 # the notices of who came
  before=$(ticks)
  sleep 10
  tell 'processor with 200 sessions that are quiet' "$(awk -v ticks="$(($(ticks) - before))" -v hz="$(getconf CLK_TCK)" 'BEGIN { print 100 * ticks / hz / 10 }')" % 0.5
  let_go
  if ((can_limit_descriptors)); then tell 'recovery after descriptors return' "$(ms_to_recover nofile)" ms 1000; fi
  if ((can_limit_threads)); then tell 'recovery after threads return' "$(ms_to_recover nproc)" ms 1000; fi
  stop_server || wrong 'that server did not end well'
}

# Not behind `||`: there, set -e would be off within.
if ((soak)); then soak; fi
if ((figures)); then show_figures; fi
echo
if ((${#wrongs[@]})); then
  # Again, since who sees only the end of this wants to know.
  printf 'WRONG: %s\n' "${wrongs[@]}"
  echo "something was wrong (seed $seed)"
elif ((missed_goals)); then
  echo "all held, but $missed_goals of the figures did not reach their goal"
else
  echo 'all held'
fi
exit $((${#wrongs[@]} > 0))
