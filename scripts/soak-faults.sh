# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables are shared with soak.sh
# The faults that scripts/soak.sh injects into system calls of the server, and the sessions that they end.
#
# usage: sourced by soak.sh

# Faults that strace injects into each thread's calls, by number (`when`). One marked ! ends a session and is
# counted. One marked ? may end a session. The others end none.
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
  # On a busy machine strace had no time to write down the peer: any peer is excused.
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

# hurt TRACE: prints the peer and the time of each injected failure; ? where strace could not name the peer.
hurt() {
  awk '!/ <\.\.\. / { about[$1] = match($0, /->[0-9.]+:[0-9]+\]/) ? substr($0, RSTART + 2, RLENGTH - 3) : "?" }
    /INJECTED/ { print about[$1], $2 }' "$1"
}

# let_go_of TRACE SINCE: prints the peers whose calls were under way when strace detached, with the time.
# strace makes a call fail by turning it into one that does not exist. If strace detaches within such a call,
# the call fails with ENOSYS, and no trace has it. A busy strace is some calls behind: it writes the last one
# as detached and others as unfinished, like calls that wait. It detaches from one thread after another, at
# some time after SINCE.
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

# unexcused: prints the well-behaved sessions that were cut off without an injected failure in the two minutes
# before. (A graceful end may take that long.) A failure without a peer's name excuses one session.
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

# gone: prints the number of vanished peers whose sessions the server ended.
gone() {
  awk 'FILENAME == ARGV[1] { if (/^soak: vanished /) vanished[$3]; next }
    match($0, /[0-9.]+:[0-9]+\) closed: /) && !/ closed: (peer closed|server stopping)/ {
      if (substr($0, RSTART, RLENGTH - 10) in vanished) gone++ }
    END { print gone + 0 }' "$scratch/soak.log" "$scratch/server.log"
}

# count_partial TRACE: counts sends that the socket took in part: by the manager (sendto) and by writers (sendmsg).
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
