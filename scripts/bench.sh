#!/usr/bin/env bash
# Measures Parlor and other servers on the same work in the same run, and tells which goals are reached.
#
# usage: scripts/bench.sh [--runs N] [--seconds S] [--only WORDS] [--out FOLDER] [--keep]
#        scripts/bench.sh --instructions
#
#   --runs N       repetitions (5); each goes through all works and servers in turn, so that a change of the
#                  machine's speed affects them all
#   --seconds S    duration of one measurement (2)
#   --only WORDS   only works whose name matches this extended regular expression
#   --out FOLDER   folder for results.jsonl, table.md and the charts (target/bench)
#   --keep         keeps the earlier results, adds to them, and makes the table again
#   --instructions counts the instructions for one delivery with valgrind's callgrind, on a fixed script of
#                  lines, and prints only that. Other work on the machine hardly changes this number
#
# It starts Parlor, redis-server, nats-server, ngircd and the floor of parlor-bench, one at a time, on ports
# 21001 to 21014 of 127.0.0.1, without rate limits. It installs what is missing of redis-server, nats-server,
# ngircd, gnuplot and jq with the system's package manager, if this user may. A missing server is left out.
# A figure is the median over the repetitions. A ratio is taken within each repetition first.
# Do not use the machine meanwhile (half an hour): other work makes the figures useless.
#
# Exit code: 0 measured (reached or not), 1 something could not be measured, 2 wrong usage.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

runs=5 seconds=2 only=. out=target/bench keep=0 instructions=0
while (($#)); do
  case $1 in
    --runs) runs=${2:?--runs needs a number} && shift ;;
    --seconds) seconds=${2:?--seconds needs a number} && shift ;;
    --only) only=${2:?--only needs words} && shift ;;
    --out) out=${2:?--out needs a folder} && shift ;;
    --keep) keep=1 ;;
    --instructions) instructions=1 ;;
    -h | --help) usage && exit 0 ;;
    *) { echo "unknown argument: $1" && usage; } >&2 && exit 2 ;;
  esac
  shift
done
[[ $runs =~ ^[1-9][0-9]*$ && $seconds =~ ^[0-9.]+$ ]] || { usage >&2 && exit 2; }

# --- tools -----------------------------------------------------------------------------------

tools=(redis-server nats-server ngircd gnuplot jq)
((!instructions)) || tools=(valgrind jq)
for tool in "${tools[@]}"; do
  command -v "$tool" >/dev/null && continue
  package=$tool
  [[ $tool != gnuplot ]] || package=gnuplot-nox
  as_root=()
  ((EUID == 0)) || as_root=(sudo -n)
  if command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$package" \
      >/dev/null 2>&1 </dev/null || true
  fi
  command -v "$tool" >/dev/null || echo "without $tool: install it by the system's package manager" >&2
done
command -v jq >/dev/null || { echo "the results are read by jq; without it there is no table" >&2 && exit 1; }

cargo build --release --locked --bins --features bench
target=$(cargo metadata --locked --no-deps --format-version 1 | jq -r .target_directory)/release
bench=$target/parlor-bench
# Thousands of connections, on both sides.
ulimit -n "$(ulimit -H -n)"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/parlor-bench.XXXXXX")
server=''
stop_server() {
  [[ $server ]] || return 0
  kill -KILL "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  server=''
}

trap 'stop_server; rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- instructions ----------------------------------------------------------------------------

# executed LINES: prints the instructions that a server executes from start to stop, when LINES lines are said
# to 20 readers, 16 of them in flight.
executed() {
  local deadline=$((SECONDS + 60))
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$target/parlor" --rate 0 --idle 0 --log-level warn \
    --listen text://127.0.0.1:0 >"$scratch/server.out" 2>"$scratch/callgrind" </dev/null &
  server=$!
  until grep -q '^parlor ready' "$scratch/server.out"; do
    ((SECONDS < deadline)) || { echo "the server does not start under valgrind" >&2 && return 1; }
    sleep 0.1
  done
  "$bench" throughput --to "$(sed -n 's/.* text=//p' "$scratch/server.out")" --readers 20 --in-flight 16 \
    --lines "$1" --json >/dev/null
  kill -TERM "$server"
  wait "$server"
  server=''
  sed -n 's/^.*Collected : \([0-9]*\).*/\1/p' "$scratch/callgrind"
}

if ((instructions)); then
  command -v valgrind >/dev/null || { echo "instructions are counted by valgrind; without it there is no count" >&2 && exit 1; }
  few=$(executed 1000)
  many=$(executed 5000)
  echo "instructions for a delivery (4000 more lines to 21 sessions): $(((many - few) / (4000 * 21)))"
  exit 0
fi

mkdir -p "$out"
((keep)) || : >"$out/results.jsonl"

# --- the servers -----------------------------------------------------------------------------

cat >"$scratch/nats.conf" <<'END'
listen: "127.0.0.1:21004"
max_pending: 1GB
max_connections: 70000
ping_interval: "1h"
write_deadline: "60s"
END
cat >"$scratch/ngircd.conf" <<'END'
[Global]
Name = bench.localhost
Info = bench
Listen = 127.0.0.1
Ports = 21005
ServerUID = root
ServerGID = root
[Limits]
ConnectRetry = 3600
IdleTimeout = 0
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
PingTimeout = 3600
PongTimeout = 3600
[Options]
DNS = no
Ident = no
PAM = no
END

port_of() {
  case $1 in
    text | relay | json | frame | ws) echo $((21010 + $(index_of "$1"))) ;;
    floor) echo 21001 ;;
    coalesced) echo 21002 ;;
    redis) echo 21003 ;;
    nats) echo 21004 ;;
    irc) echo 21005 ;;
  esac
}
index_of() { case $1 in text) echo 0 ;; relay) echo 1 ;; json) echo 2 ;; frame) echo 3 ;; ws) echo 4 ;; esac; }

# start_server NAME: returns when it accepts connections; false if it is missing or does not start.
start_server() {
  local name=$1 scheme=$1 port deadline=$((SECONDS + 20))
  local -a command
  port=$(port_of "$name")
  [[ $name != ws ]] || scheme=http
  case $name in
    text | relay | json | frame | ws)
      command=("$target/parlor" --rate 0 --idle 0 --max-clients 20000 --log-level warn --listen "$scheme://127.0.0.1:$port") ;;
    floor) command=("$bench" floor --listen "127.0.0.1:$port") ;;
    coalesced) command=("$bench" floor --coalesce --listen "127.0.0.1:$port") ;;
    redis)
      command=(redis-server --bind 127.0.0.1 --port "$port" --save '' --appendonly no --maxclients 60000
        --client-output-buffer-limit 'pubsub 0 0 0' --dir "$scratch") ;;
    nats) command=(nats-server -c "$scratch/nats.conf") ;;
    irc) command=(ngircd -n -f "$scratch/ngircd.conf") ;;
  esac
  command -v "${command[0]}" >/dev/null || return 1
  "${command[@]}" >"$scratch/server.log" 2>&1 </dev/null &
  server=$!
  until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    if ((SECONDS > deadline)) || ! kill -0 "$server" 2>/dev/null; then
      { echo "$name does not start:" && tail -n 5 "$scratch/server.log"; } >&2
      stop_server
      return 1
    fi
    sleep 0.05
  done
}

# --- the works -------------------------------------------------------------------------------

# NAME; which servers; mode and flags of parlor-bench.
works='
1000-readers;text redis nats coalesced floor;throughput --readers 1000
1000-readers-10-talkers;text redis nats coalesced;throughput --readers 1000 --talkers 10
100-readers;text redis nats coalesced irc;throughput --readers 100
100-readers-16-in-flight;text redis;throughput --readers 100 --in-flight 16
100-readers-1-in-flight;text redis;throughput --readers 100 --in-flight 1
10-readers;text redis;throughput --readers 10
10-readers-10-talkers;text redis;throughput --readers 10 --talkers 10
4000-readers;text;throughput --readers 4000
doors;text relay json frame ws;throughput --readers 1000
room-alone;text;latency --readers 9 --rate 10000
room-of-100;text;latency --readers 9 --rate 10000 --rooms 100
trickle;text json frame ws redis nats coalesced floor;latency --readers 1000 --rate 50
offered-600000;text redis nats;latency --readers 100 --rate 6000
stall;text;stall --readers 100 --rate 1000 --bytes 400 --seconds 15
connect-1000;text redis nats coalesced;idle --sessions 1000 --in-flight 1000
storm;text;idle --sessions 1000 --within 1
sessions-8000;text;idle --sessions 8000
sessions-100;text;idle --sessions 100
churn;text redis;churn
post;ws;post
scrape-8000;ws;scrape --sessions 8000
'

failed=0
for ((run = 1; run <= runs; run++)); do
  while IFS=';' read -r work servers how; do
    [[ $work && $work =~ $only ]] || continue
    read -ra flags <<<"$how"
    # The stall must last until the kernel's buffers are full (some 5 MB).
    [[ ${flags[0]} =~ ^(idle|churn|stall|scrape)$ ]] || flags+=(--seconds "$seconds")
    for name in $servers; do
      wire=$name
      [[ $name != coalesced ]] || wire=floor
      start_server "$name" || continue
      # Parlor sends join summaries for two seconds after a crowd has come.
      settle=()
      [[ $name =~ ^(text|relay|json|frame|ws)$ || ${flags[0]} == churn ]] || settle=(--settle 0.5)
      if "$bench" "${flags[@]}" "${settle[@]}" --wire "$wire" --to "127.0.0.1:$(port_of "$name")" --pid "$server" --json \
        >"$scratch/result" 2>"$scratch/error"; then
        jq -c --arg work "$work" --arg server "$name" --argjson run "$run" \
          '{work: $work, server: $server, run: $run} + .' "$scratch/result" >>"$out/results.jsonl"
        echo "run $run of $runs: $work, $name: $(jq -r 'to_entries | map(select(.key | test("_per_|^p50$|^p99|^scrape_"))) |
          map("\(.key) \(.value)") | join(", ")' "$scratch/result")"
      else
        failed=1
        echo "run $run of $runs: $work, $name: NOT MEASURED: $(tail -n 1 "$scratch/error")"
      fi
      stop_server
    done
  done <<<"$works"
done

# --- the table -------------------------------------------------------------------------------

# Rows: name; work; figure; server; the server to compare with (-: itself); its work (empty: the same); goal.
rows='
throughput, 1000 readers;1000-readers;deliveries_per_second;text;redis;;>= 7
throughput, 1000 readers;1000-readers;deliveries_per_second;text;nats;;>= 10
throughput, 1000 readers;1000-readers;deliveries_per_second;text;coalesced;;>= 0.95
throughput, 1000 readers, 10 talkers;1000-readers-10-talkers;deliveries_per_second;text;redis;;>= 7
throughput, 1000 readers, 10 talkers;1000-readers-10-talkers;deliveries_per_second;text;nats;;>= 10
throughput, 1000 readers, 10 talkers;1000-readers-10-talkers;deliveries_per_second;text;coalesced;;>= 0.95
throughput, 100 readers;100-readers;deliveries_per_second;text;redis;;>= 2
throughput, 100 readers;100-readers;deliveries_per_second;text;irc;;
throughput, 100 readers, 16 in flight;100-readers-16-in-flight;deliveries_per_second;text;redis;;>= 1
throughput, 100 readers, 1 in flight;100-readers-1-in-flight;deliveries_per_second;text;redis;;>= 1.05
throughput, 10 readers;10-readers;deliveries_per_second;text;redis;;>= 1.1
throughput, 10 readers, 10 talkers;10-readers-10-talkers;deliveries_per_second;text;redis;;>= 0.6
processor per delivery, 50 lines/s to 1000;trickle;cpu_per_delivery;text;redis;;<= 0.8
processor per delivery, 50 lines/s to 1000;trickle;cpu_per_delivery;text;floor;;<= 1.15
processor per delivery, 50 lines/s to 1000;trickle;cpu_per_delivery;text;nats;;
p50, 50 lines/s to 1000;trickle;p50;text;redis;;<= 0.6
p99, 50 lines/s to 1000;trickle;p99;text;redis;;<= 1
p50, 600 000 deliveries/s offered to 100;offered-600000;p50;text;redis;;<= 1
p99, 600 000 deliveries/s offered to 100;offered-600000;p99;text;redis;;<= 1.5
p99 with one of 100 stalled;stall;p99_ratio;text;-;;<= 1.2
processor per delivery, 10 000 lines/s to a room of 10, of 100 rooms against alone;room-of-100;cpu_per_delivery;text;text;room-alone;<= 1.3
processor seconds for 1000 who come within a second;storm;cpu_of_all_entries;text;-;;<= 2
longest wait for a greeting among them, ms;storm;greeting_max;text;-;;<= 250
sessions coming in a second, 1000;connect-1000;sessions_per_second;text;-;;>= 40000
sessions coming in a second, 1000;connect-1000;sessions_per_second;text;coalesced;;
processor per session coming in;connect-1000;cpu_per_entry;text;redis;;
resident KiB per session, 8000;sessions-8000;resident_per_session;text;-;;
kernel stacks KiB per session, 8000;sessions-8000;kernel_stacks_per_session;text;-;;
both;sessions-8000;resident_per_session+kernel_stacks_per_session;text;-;;<= 60
resident KiB per session, 8000 against 100;sessions-8000;resident_per_session;text;text;sessions-100;<= 1.3
processor per delivery, 50 lines/s to 1000, json against text;trickle;cpu_per_delivery;json;text;;<= 1.3
processor per delivery, 50 lines/s to 1000, frame against text;trickle;cpu_per_delivery;frame;text;;<= 1.3
processor per delivery, 50 lines/s to 1000, ws against text;trickle;cpu_per_delivery;ws;text;;<= 1.3
processor per delivery, as many as go through, json against text;doors;cpu_per_delivery;json;text;;<= 1.3
processor per delivery, as many as go through, frame against text;doors;cpu_per_delivery;frame;text;;<= 1.3
processor per delivery, as many as go through, ws against text;doors;cpu_per_delivery;ws;text;;<= 1.3
processor per delivery, as many as go through, relay against text;doors;cpu_per_delivery;relay;text;;
processor per delivery, 4000 readers against 100;4000-readers;cpu_per_delivery;text;text;100-readers;<= 1.3
processor per visit;churn;cpu_per_visit;text;redis;;
lines a second, posted one in each request by one connection;post;lines_per_second;ws;-;;>= 3000
GET /metrics with 8000 sessions, median in ms;scrape-8000;scrape_p50;ws;-;;<= 2
GET /metrics with 8000 sessions, longest in ms;scrape-8000;scrape_max;ws;-;;
'

{
  echo "$(date -u +%F), $(nproc) cores of $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r | cut -d. -f1-2)," \
    "$runs repetitions of $seconds s: \`scripts/bench.sh --runs $runs --seconds $seconds\`"
  echo
  echo "| what | Parlor | against | the other | ratio (least to most) | goal | |"
  echo "|---|---|---|---|---|---|---|"
  jq -rn --arg rows "$rows" --slurpfile results <(cat "$out/results.jsonl") '
    def median: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2;
    def shown: if . >= 1e6 then "\((. / 1e4 | round) / 100) M" elif . >= 100 then "\(round)"
      elif . >= 1 then "\((. * 100 | round) / 100)" else "\((. * 1e4 | round) / 1e4)" end;
    def figure($work; $server; $names):
      [$results[] | select(.work == $work and .server == $server) | . as $result
        | {key: "\(.run)", value: ([$names | split("+")[] | $result[.]] | add)}] | from_entries;
    $rows | split("\n")[] | select(. != "") | split(";") as [$what, $work, $name, $server, $other, $at, $goal]
    | figure($work; $server; $name) as $ours
    | (if $other == "-" then $ours else figure(if $at == "" then $work else $at end; $other; $name) end) as $theirs
    | [$ours | keys[] | select($theirs[.])] as $runs
    | select($runs != [])
    | [$runs[] | if $other == "-" then $ours[.] else $ours[.] / $theirs[.] end] as $ratios
    | ($ratios | median) as $median
    | ($goal | split(" ")) as $limit
    | (if $goal == "" then "" elif ($limit[0] == ">=" and $median >= ($limit[1] | tonumber))
        or ($limit[0] == "<=" and $median <= ($limit[1] | tonumber)) then "reached" else "**not reached**" end) as $verdict
    | "| \($what) | \([$runs[] | $ours[.]] | median | shown) | "
      + (if $other == "-" then " | " else "\($other)\(if $at == "" then "" else ", " + $at end) | \([$runs[] | $theirs[.]] | median | shown)" end)
      + " | \($median | shown) (\($ratios | min | shown) to \($ratios | max | shown)) | \($goal | sub(">="; "≥") | sub("<="; "≤")) | \($verdict) |"'
} | tee "$out/table.md"

# --- the charts ------------------------------------------------------------------------------

if command -v gnuplot >/dev/null && [[ -s $out/results.jsonl ]]; then
  # Multiples of redis: the median, the least and the most.
  jq -rn --slurpfile results <(cat "$out/results.jsonl") '
    def median: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2;
    [$results[] | select(.deliveries_per_second)] | group_by(.work)[] | . as $all
    | [.[] | select(.server == "redis") | {key: "\(.run)", value: .deliveries_per_second}] | from_entries as $redis
    | select($redis != {})
    | ("text", "nats", "coalesced") as $server
    | [$all[] | select(.server == $server and $redis["\(.run)"]) | .deliveries_per_second / $redis["\(.run)"]]
    | select(. != []) | "\($all[0].work)\t\($server)\t\(median)\t\(min)\t\(max)"' >"$scratch/ratios"
  for server in text nats coalesced; do
    # Every file has every work, so that the bars of one work are together.
    cut -f 1 "$scratch/ratios" | sort -u | while read -r work; do
      awk -F '\t' -v work="$work" -v server="$server" '$1 == work && $2 == server { found = 1; print $1 "\t" $3 "\t" $4 "\t" $5 }
        END { if (!found) print work "\t0\t0\t0" }' "$scratch/ratios"
    done >"$scratch/ratios.$server"
  done
  jq -rn --slurpfile results <(cat "$out/results.jsonl") '
    def median: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2;
    [$results[] | select(.work == "trickle" and .p50)] | group_by(.server)[] | . as $all
    | (["50", "p50"], ["90", "p90"], ["99", "p99"], ["99.9", "p99.9"]) as [$place, $name]
    | "\($all[0].server)\t\($place)\t\([$all[][$name]] | median)"' >"$scratch/latency"
  cut -f 1 "$scratch/latency" | sort -u >"$scratch/servers"
  if [[ -s $scratch/ratios ]]; then gnuplot <<END || failed=1; fi
set terminal svg size 900,420 font 'sans-serif,12' background '#ffffff'
set datafile separator tab
set style data histograms
set style histogram errorbars gap 1 lw 1
set style fill solid 0.8 border -1
set ylabel 'times the deliveries of redis'
set xtics rotate by -20
set grid ytics
set key outside below
set yrange [0:*]
set arrow from graph 0, first 1 to graph 1, first 1 nohead lc '#606060' dt 2
set output '$out/ratios.svg'
plot '$scratch/ratios.text' using 2:3:4:xtic(1) title 'Parlor' lc '#2060a0', \
  '$scratch/ratios.nats' using 2:3:4 title 'nats' lc '#a0a0a0', \
  '$scratch/ratios.coalesced' using 2:3:4 title 'one epoll thread, coalescing' lc '#e0b060'
END
  {
    echo "set terminal svg size 900,420 font 'sans-serif,12' background '#ffffff'"
    echo "set datafile separator tab; set logscale y; set grid ytics; set key outside right"
    echo "set ylabel 'ms'; set xlabel 'percentile, 50 lines/s to 1000 listeners'; set output '$out/latency.svg'"
    echo "set xrange [-0.2:3.2]; set xtics ('50' 0, '90' 1, '99' 2, '99.9' 3)"
    printf 'plot '
    while read -r server; do
      name=$server style='lw 2'
      if [[ $server == text ]]; then name=Parlor style="lw 4 lc '#2060a0'"; fi
      awk -F '\t' -v server="$server" '$1 == server { print $3 }' "$scratch/latency" >"$scratch/latency.$server"
      printf "'%s' using 0:1 with linespoints %s title '%s', " "$scratch/latency.$server" "$style" "$name"
    done <"$scratch/servers"
    echo
  } >"$scratch/latency.gnuplot"
  if [[ -s $scratch/servers ]]; then gnuplot "$scratch/latency.gnuplot" || failed=1; fi
  echo "charts: $out/ratios.svg $out/latency.svg"
fi
exit "$failed"
