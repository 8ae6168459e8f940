# shellcheck shell=bash
# A real browser: chromium, driven by curl and jq over WebDriver (W3C), which chromedriver speaks.
#
# usage, in a test file, after `begin` of lib.sh:
#   . "$(dirname "$0")/lib-browser.sh"
#   start_browser
#   some_case() { open_browser; visit "http://127.0.0.1:$HTTP/"; click '#send'; close_server; }
#
# Elements are named by CSS selectors. A browser takes seconds to start, so all cases of a file have one, with a
# profile of its own and without a window; each case has a tab of its own. Where there is no browser, or it does
# not start, `open_browser` skips the case.

# The keys that `press` knows by name, in UTF-8: WebDriver (17.4.2) has them in U+E000 to U+E05D.
declare -A KEYS=(
  [Tab]=$'\xee\x80\x84' [Enter]=$'\xee\x80\x87' [Shift]=$'\xee\x80\x88' [Control]=$'\xee\x80\x89'
  [Escape]=$'\xee\x80\x8c' [PageUp]=$'\xee\x80\x8e' [PageDown]=$'\xee\x80\x8f'
  [Up]=$'\xee\x80\x93' [Down]=$'\xee\x80\x95'
)

# The name of the browser that is here.
browser() {
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" && return
  done
  return 1
}

# --- the browser -----------------------------------------------------------------------------

NO_BROWSER='start_browser was not called' # why there is none, or empty
SESSION=''                               # the path of the browser below the driver's address

# start_browser [FLAG...]: starts the driver, and the browser with these flags.
start_browser() {
  local tool binary options
  for tool in curl jq chromedriver; do
    command -v "$tool" >/dev/null || { NO_BROWSER="there is no $tool" && return; }
  done
  binary=$(browser) || { NO_BROWSER='there is no chromium' && return; }
  WORK=$FOLDER/browser
  mkdir "$WORK"
  # A group of its own: the browser's processes are in it, and end with it. The browser puts sockets into its
  # TMPDIR, whose paths must be short.
  set -m
  start driver env TMPDIR="$FOLDER" chromedriver --port=0
  set +m
  trap 'stop_browser; rm -rf "$FOLDER"' EXIT
  within "$DEADLINE" contains "$WORK/driver.out" 'started successfully on port' ||
    { NO_BROWSER="chromedriver does not start" && return; }
  DRIVER=$(sed -n 's/.*started successfully on port \([0-9]*\).*/\1/p' "$WORK/driver.out")

  # shellcheck disable=SC2054 # commas are part of an option
  local -a flags=(
    --headless=new --user-data-dir="$WORK/profile" --window-size=1000,700
    # Nothing but the page under test is loaded, from this machine.
    --disable-gpu --disable-quic --disable-background-networking --disable-component-update --disable-sync
    --disable-breakpad --no-first-run --no-proxy-server
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost'
  )
  ((EUID != 0)) || flags+=(--no-sandbox)
  options="{\"binary\": $(json "$binary"), \"args\": [$(json "${flags[@]}" "$@")]}"
  driver POST '' '{"capabilities": {"alwaysMatch": {
    "goog:chromeOptions": '"$options"', "goog:loggingPrefs": {"browser": "ALL"},
    "timeouts": {"script": 5000, "pageLoad": '$((DEADLINE * 1000))'}}}}' >"$WORK/session" 2>"$WORK/refused" ||
    { NO_BROWSER="the browser does not start: $(head -c 300 "$WORK/refused" | xargs)" && return; }
  SESSION=/$(jq -r .sessionId "$WORK/session")
  NO_BROWSER=''
}

stop_browser() {
  [[ ! $SESSION ]] || driver DELETE '' || true
  # shellcheck disable=SC2154 # lib.sh has it
  kill -KILL -- "-${pid_of[driver]}" || true
  wait "${pid_of[driver]}" || true
} >/dev/null 2>&1

# open_browser: a tab of its own for this case; those of the cases before it are closed.
open_browser() {
  [[ ! $NO_BROWSER ]] || skip "$NO_BROWSER"
  local old
  old=$(driver GET /window/handles | jq -r '.[]')
  trap 'leave_browser $?; kill_everything' EXIT
  open_tab
  OWN_TAB=$(tab)
  for old in $old; do tab "$old" && driver DELETE /window >/dev/null; done
  tab "$OWN_TAB"
  console >/dev/null
}

# leave_browser CODE: if the case has failed, what the page showed is kept for the report.
leave_browser() {
  if (($1 && $1 != SKIPPED)); then
    script 'return location.href + "\n" + document.body.innerText' >"$WORK/page" || true
    console >"$WORK/console" || true
    [[ -z ${SCREENSHOTS:-} ]] || screenshot "$SCREENSHOTS/failed.png" || true
  fi 2>/dev/null
}

# driver METHOD PATH [BODY]: one command to the driver; prints the value that it answers, a string as it is,
# all else as JSON. PATH is below the session's own.
driver() {
  local answer
  answer=$(curl --noproxy '*' -sS -m "$DEADLINE" -X "$1" -H 'Content-Type: application/json' \
    ${3:+--data-binary "$3"} "http://127.0.0.1:$DRIVER/session$SESSION$2") || return
  case $answer in
    # jq takes a while to start.
    '{"value":null}' | '{"value":true}' | '{"value":false}') answer=${answer#*:} && echo "${answer%\}}" ;;
    *) jq -rc '.value | if type == "object" and has("error") then "\(.error): \(.message)\n" | halt_error else . end' <<<"$answer" ;;
  esac
}

# json TEXT...: the texts as strings of JSON, with commas between.
json() {
  local text all=
  for text; do
    text=${text//\\/\\\\} text=${text//\"/\\\"} text=${text//$'\n'/\\n} text=${text//$'\t'/\\t}
    all+=${all:+, }\"$text\"
  done
  printf '%s' "$all"
}

# visit URL: loads a page, and waits until it is loaded.
visit() { driver POST /url "{\"url\": $(json "$1")}" >/dev/null || fail "cannot load $1"; }

# cdp COMMAND [PARAMETERS]: a command of Chrome's own protocol.
cdp() { driver POST /goog/cdp/execute "{\"cmd\": \"$1\", \"params\": ${2:-{\}}}" >/dev/null || fail "cannot do $1"; }

window_size() {
  cdp Emulation.setDeviceMetricsOverride "{\"width\": $1, \"height\": $2, \"deviceScaleFactor\": 1, \"mobile\": false}"
}

# colours light|dark: what the system of the reader asks for.
colours() { cdp Emulation.setEmulatedMedia "{\"features\": [{\"name\": \"prefers-color-scheme\", \"value\": \"$1\"}]}"; }

# open_tab: a tab beside the others, to which all that follows goes. `tab` prints the name of the one in use,
# `tab NAME` goes to another.
open_tab() { tab "$(driver POST /window/new '{"type": "tab"}' | jq -r .handle)"; }
tab() {
  if (($#)); then
    driver POST /window "{\"handle\": \"$1\"}" >/dev/null || fail "no tab $1"
  else
    driver GET /window
  fi
}

screenshot() { driver GET /screenshot | base64 -d >"$1"; }

# console: what the page's console has from here on, a message in each line: errors of the script, what the
# Content-Security-Policy has refused, requests that failed.
console() { driver POST /se/log '{"type": "browser"}' | jq -r '.[] | "\(.level) \(.message)"'; }

# --- scripts ---------------------------------------------------------------------------------

# script JAVASCRIPT [ARGUMENT...]: runs it in the page and prints what it returns.
script() { driver POST /execute/sync "$(as_script "$@")"; }
as_script() { echo "{\"script\": $(json "$1"), \"args\": [$(json "${@:2}")]}"; }

# until_true JAVASCRIPT [ARGUMENT...]: waits until the script returns true. The page looks itself, so that no
# process is started for each look; a page that is left meanwhile is asked anew.
until_true() {
  within "$DEADLINE" comes_true "$@" 2>"$WORK/script.log" || fail "the page has not: $*"
}
comes_true() {
  [[ $(driver POST /execute/async "$(as_script "
    const done = arguments[arguments.length - 1], given = [...arguments].slice(0, -1);
    const holds = function () { $1 }, until = Date.now() + 2000;
    const look = () => {
      const now = holds.apply(null, given);
      if (now === true || Date.now() > until) done(now); else setTimeout(look, 20);
    };
    look();" "${@:2}")") == true ]]
}

# --- elements --------------------------------------------------------------------------------

# element CSS: the path of the first one, below the session's.
element() {
  local found
  found=$(driver POST /element "{\"using\": \"css selector\", \"value\": $(json "$1")}") || fail "no $1"
  found=${found%\"*}
  echo "/element/${found##*\"}"
}

click() { driver POST "$(element "$1")/click" '{}' >/dev/null || fail "cannot click $1"; }
# type_into CSS TEXT: a line feed is the Enter key.
type_into() { driver POST "$(element "$1")/value" "{\"text\": $(json "$2")}" >/dev/null || fail "cannot type into $1"; }
text_of() { driver GET "$(element "$1")/text"; }
# The role and label that a screen reader gets (WebDriver 13.5).
role_of() { driver GET "$(element "$1")/computedrole"; }
label_of() { driver GET "$(element "$1")/computedlabel"; }

# press KEY...: presses these keys one after another, wherever the focus is; Shift+Tab and the like hold the
# keys before the last. A key without a name is the character that it types.
press() {
  local key all='' held
  for key; do
    held=''
    while [[ $key == ?*+* ]]; do
      all+=$(strike Down "${KEYS[${key%%+*}]}")
      held=$(strike Up "${KEYS[${key%%+*}]}")$held
      key=${key#*+}
    done
    key=${KEYS[$key]:-$key}
    all+=$(strike Down "$key")$(strike Up "$key")$held
  done
  driver POST /actions "{\"actions\": [{\"type\": \"key\", \"id\": \"keyboard\", \"actions\": [${all%,}]}]}" >/dev/null ||
    fail "cannot press ${*@Q}"
}
strike() { echo "{\"type\": \"key$1\", \"value\": $(json "$2")},"; }

# enter_text TEXT: types it, wherever the focus is.
enter_text() {
  local -a keys
  mapfile -t keys < <(LC_ALL=C.UTF-8 grep -o . <<<"$1")
  press "${keys[@]}"
}
