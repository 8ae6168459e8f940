# shellcheck shell=bash
# A server with an HTTP door, requests by curl, and requests byte by byte by nc.
#
# usage, in a test file, instead of lib.sh:
#   . "$(dirname "$0")/lib-http.sh"
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
begin

# open_web [FLAG...]: a server with a text, a JSON and an HTTP door; their ports are $TEXT $JSON $HTTP.
open_web() {
  serve "$PARLOR" --listen "text://127.0.0.1:${TEXT:-0}" --listen "json://127.0.0.1:${JSON:-0}" \
    --listen "http://127.0.0.1:${HTTP:-0}" "$@"
  JSON=$(port_of json) HTTP=$(port_of http)
}

# curl_web PATH [OPTION...]: curl, without the variables and files that would change what it does.
curl_web() {
  command -v curl >/dev/null || skip 'there is no curl'
  env -u http_proxy -u all_proxy curl -q --noproxy '*' -sS --path-as-is -m "$DEADLINE" "${@:2}" "http://127.0.0.1:$HTTP$1"
}

# ask STATUS PATH [OPTION...]: a request that is answered so; answer.head and answer.body have the answer.
ask() {
  local wanted=$1 status
  : >"$WORK/answer.body"
  status=$(curl_web "$2" -o "$WORK/answer.body" -D "$WORK/answer.head" -w '%{http_code}' "${@:3}") || fail "$2: curl, exit code $?"
  equal "$status" "$wanted" "status of $2: $(head -c 200 "$WORK/answer.body")"
}

# header NAME: its value in the answer.
header() { sed -nE "s/^$1: (.*)\r$/\1/Ip" "$WORK/answer.head"; }
body() { cat "$WORK/answer.body"; }

# knock NAME BYTES: sends bytes as printf's format spells them, ends the input and takes the answer: NAME.
# shellcheck disable=SC2059
knock() { printf "$2" | call "$HTTP" >"$WORK/$1"; }

# knocks STATUS BYTES: as `knock`; the first line of the answer has that status.
knocks() {
  knock knocked "$2"
  equal "$(sed -n '1s/^HTTP\/1\.[01] \([0-9]*\) .*/\1/p' "$WORK/knocked")" "$1" "status after ${2:0:100}"
}
