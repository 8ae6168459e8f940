# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables are shared with soak.sh
# The figures at the end of scripts/soak.sh: how long others wait, and how long a stop and a recovery take.
#
# usage: sourced by soak.sh

# hold FLAG...: opens a crowd of sessions and keeps it until let_go.
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
# tell NAME FIGURE UNIT GOAL: prints a row of the figures.
tell() {
  local verdict=reached
  if ! awk -v figure="$2" -v goal="$4" 'BEGIN { exit !(figure != "" && figure + 0 <= goal + 0) }'; then
    verdict='not reached'
    missed_goals=$((missed_goals + 1))
  fi
  printf '| %-60s | %8s %-3s | %8s %-3s | %-11s |\n' "$1" "$2" "$3" "≤ $4" "$3" "$verdict"
}

# greeted: whether a new session at the text door is greeted.
greeted() {
  local caller line
  exec {caller}<>"/dev/tcp/${text%:*}/${text#*:}" || return 1
  line=''
  read -r -t 5 -u "$caller" line || true
  exec {caller}>&-
  [[ $line == *': I am here'* ]]
}
# ms_to_recover LIMIT: takes a resource away and gives it back; prints the milliseconds until a session is greeted.
ms_to_recover() {
  local from
  starve "$1"
  # By now the server's pauses between two attempts have reached their longest.
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
  # The burst lets the flooder fill the kernel's buffers of the stalled sessions; then 50 lines a second hold.
  # The outbox is small, so that lines are skipped soon. The skipped lines prove that sessions were stalled.
  serve --idle 0 --rate 50 --burst 4000 --write-timeout 120s --max-pending 262144
  hold --readers 0 --stalled 20 --flooders 1
  sleep 2
  if "$BENCH" latency --to "$text" --readers 80 --talkers 10 --rate 200 --bytes 400 --seconds 5 --json >"$scratch/latency.json" 2>"$scratch/latency.log"; then
    tell 'p99 of 80 others, beside 20 stalled readers and a flooder' "$(sed -n 's/.*"p99":\([0-9.]*\).*/\1/p' "$scratch/latency.json")" ms 50
  else
    wrong "the latency of the others could not be measured: $(tail -n 1 "$scratch/latency.log")"
  fi
  let_go
  stop_server || wrong 'that server did not end well'
  # After hours of load the kernel remembers small windows for 127.0.0.1, and its buffers stay small.
  (($(happened skipped) > 0)) ||
    wrong 'no session was stalled so long that lines were skipped; try again after: ip tcp_metrics flush'

  serve --idle 0 --rate 0 --max-clients 2000
  hold --readers 890 --stalled 100 --vanished 10
  stop_server || wrong 'that server did not end well'
  tell 'stop with 1000 sessions, of which 100 stalled, 10 vanished' "$took" ms 3000
  let_go

  serve --idle 0 --rate 0
  hold --readers 200
  sleep 3 # until the join summaries are sent
  before=$(ticks)
  sleep 10
  tell 'processor with 200 sessions that are quiet' "$(awk -v ticks="$(($(ticks) - before))" -v hz="$(getconf CLK_TCK)" 'BEGIN { print 100 * ticks / hz / 10 }')" % 0.5
  let_go
  if ((can_limit_descriptors)); then tell 'recovery after descriptors return' "$(ms_to_recover nofile)" ms 1000; fi
  if ((can_limit_threads)); then tell 'recovery after threads return' "$(ms_to_recover nproc)" ms 1000; fi
  stop_server || wrong 'that server did not end well'
}
