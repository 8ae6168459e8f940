#!/usr/bin/env bash
# The page of the HTTP door in a real browser (chromium), with people who come by nc.
#
# usage: tests/sh/page.sh [CASE...]        PARLOR=BINARY names the server under test;
#                                    SCREENSHOTS=FOLDER keeps the pictures of the page in it
# shellcheck source=lib-http.sh
. "$(dirname "$0")/lib-http.sh"
# shellcheck source=lib-browser.sh
. "$(dirname "$0")/lib-browser.sh"
start_browser

# --- the page --------------------------------------------------------------------------------

# enter NAME [PORT]: opens the page, takes the name and waits until it is in the room.
enter() {
  visit "http://127.0.0.1:${2:-$HTTP}/"
  type_into '#name' "$1"$'\n'
  status_is "Connected as $1"
}
status_is() { until_true 'return document.querySelector("#status").textContent === arguments[0]' "$1"; }
disconnected() { until_true 'return document.querySelector("#status").textContent.startsWith("Not connected")'; }

# shows TEXT: waits until the page shows a line of exactly that text, once, that is said: not on its way.
shows() {
  until_true 'return [...document.querySelectorAll("#log .row:not(.pending, .failed) .said")].filter((one) => one.textContent === arguments[0]).length === 1' "$1"
}
# said [SELECTOR]: all that was said, in the order in which the page shows it, with blanks between.
said() { script "return [...document.querySelectorAll('#log .row${1:-.chat} .said')].map((one) => one.textContent).join(' ')"; }
# holds JAVASCRIPT WHAT: the expression is true now.
holds() { equal "$(script "return $1")" true "${2:-$1}"; }
focused() { script 'const at = document.activeElement; return at.id || at.className || at.tagName'; }

# no_complaints: neither the policy nor the script of the page has complained, but for connections that broke.
no_complaints() {
  console >"$WORK/console"
  ! grep -v 'WebSocket connection to' "$WORK/console" || fail 'the console has messages'
}

# --- a connection that can be cut ------------------------------------------------------------

# open_wire: a relay to the HTTP door on port $WIRE. `cut_wire` ends its connections and takes no new ones,
# `mend_wire` takes them again. (expect is Tcl, which has sockets.)
open_wire() {
  command -v expect >/dev/null || skip 'there is no expect'
  keyboard wire
  start wire expect -c '
    set port 0
    proc listen {} {
      set ::door [socket -server accept -myaddr 127.0.0.1 $::port]
      set ::port [lindex [fconfigure $::door -sockname] 2]
      puts "open on $::port"
    }
    proc accept {caller args} {
      set server [socket 127.0.0.1 '"$HTTP"']
      foreach channel [list $caller $server] { fconfigure $channel -translation binary -blocking 0 }
      foreach {from to} [list $caller $server $server $caller] {
        fcopy $from $to -command [list finish $from $to]
      }
    }
    proc finish {from to args} { catch {close $from}; catch {close $to} }
    fconfigure stdout -buffering line
    fileevent stdin readable {
      if {[gets stdin] eq "cut"} {
        close $door
        foreach channel [file channels sock*] { catch {close $channel} }
        puts "cut"
      } else {
        listen
      }
    }
    listen
    vwait forever
  '
  hear wire 'open on'
  WIRE=$(sed -n 's/^open on \([0-9]*\).*/\1/p' "$WORK/wire.out")
}
cut_wire() { say wire cut && hear wire cut; }
mend_wire() { say wire mend; }

# unread: the server has not read all that was sent to its HTTP door. (Column 5 of that table is TX:RX.)
unread() {
  awk -v port="$(printf ':%04X' "$HTTP")" '$4 == "01" && $2 ~ port "$" && $5 !~ /:00000000$/ { found = 1 } END { exit !found }' /proc/net/tcp
}

# --- cases -----------------------------------------------------------------------------------

the_page_and_nc_talk() {
  open_web
  come ann
  say ann 'rename|ann'
  say ann 'before you came'
  open_browser
  enter bea
  hear ann ']bea: login'
  shows 'before you came'
  say ann 'hello bea'
  shows 'hello bea'
  type_into '#say' $'hello ann\n'
  hear ann ']bea: hello ann'
  shows 'hello ann'
  equal "$(said)" 'before you came hello bea hello ann'
  equal "$(text_of '#people')" $'ann\nbea'

  # Commands are obeyed, and never said when they are wrong.
  type_into '#say' $'/me waves\n'
  hear ann '* bea waves'
  type_into '#say' $'/msg ann psst\n'
  hear ann '>>> bea: psst'
  type_into '#say' $'/mgs ann secret\n'
  until_true 'return document.querySelector("#hint").textContent.includes("No command /mgs")'
  script 'document.querySelector("#say").value = ""' >/dev/null
  say ann '/msg bea pssst'
  shows 'pssst'
  say ann 'meanwhile in the room'
  until_true 'return document.querySelector("#rooms .count").textContent === "1"'
  click '#rooms .room'
  shows 'meanwhile in the room'

  # A second room beside the first.
  type_into '#room' $'cellar\n'
  until_true 'return document.querySelector("#title").textContent === "#cellar"'
  type_into '#say' $'anybody here?\n'
  shows 'anybody here?'
  say ann fence
  hear ann ': fence'
  has_not ann.out 'anybody here'
  has_not ann.out secret
  no_complaints
  close_server
}
run the_page_and_nc_talk

# The history goes with the server: the room begins anew.
a_killed_server_is_found_again() {
  open_web
  come ann
  open_browser
  enter bea
  say ann one
  shows one
  type_into '#say' $'two\n'
  hear ann ': two'
  type_into '#say' 'three, half ty'
  kill -KILL "$SERVER"
  ended server 137
  disconnected
  # The text that is typed now stays where it is.
  type_into '#say' $'ped\n'
  until_true 'return document.querySelector("#hint").textContent.includes("Not connected")'
  go ann
  open_web
  come ann
  status_is 'Connected as bea'
  type_into '#say' $'\n'
  hear ann ']bea: three, half typed'
  say ann four
  shows four
  equal "$(said)" 'one two three, half typed four'
  equal "$(grep -ac ': three, half typed' "$WORK/ann.out")" 1 'times that it was said'
  no_complaints
  close_server
}
run a_killed_server_is_found_again

what_was_missed_is_fetched() {
  [[ -r /proc/net/tcp ]] || skip 'there is no /proc/net/tcp'
  open_web --history 5
  open_wire
  come ann
  open_browser
  enter bea "$WIRE"
  say ann one
  shows one
  cut_wire
  disconnected
  hear ann ']bea: login out'
  local word
  for word in two three four; do say ann "$word"; done
  hear ann ': four'
  mend_wire
  status_is 'Connected as bea'
  shows four
  equal "$(said)" 'one two three four'

  # A line that the server gets although the connection breaks then: it is shown once, as said.
  kill -STOP "$SERVER"
  type_into '#say' $'five\n'
  within "$DEADLINE" unread || fail 'the line does not get to the server'
  cut_wire
  disconnected
  kill -CONT "$SERVER"
  hear ann ']bea: five'
  mend_wire
  status_is 'Connected as bea'
  shows five
  equal "$(said)" 'one two three four five'

  # More than the server keeps: the gap is shown.
  cut_wire
  disconnected
  for word in {6..13}; do say ann "$word"; done
  hear ann ': 13'
  mend_wire
  status_is 'Connected as bea'
  shows 13
  shows '3 lines are lost here'
  equal "$(said ':is(.chat, .gap)')" 'one two three four five 3 lines are lost here 9 10 11 12 13'
  no_complaints
  close_server
}
run what_was_missed_is_fetched

two_tabs_are_two_people() {
  open_web
  come ann
  open_browser
  enter bea
  local first second
  first=$(tab)
  open_tab
  second=$(tab)
  visit "http://127.0.0.1:$HTTP/"
  until_true 'return document.querySelector("#name").value === "bea"'
  click '#connect'
  until_true 'return document.querySelector("#name-error").textContent.includes("bea is taken")'
  script 'document.querySelector("#name").value = ""' >/dev/null
  type_into '#name' $'cid\n'
  status_is 'Connected as cid'
  type_into '#say' $'by the second\n'
  hear ann ']cid: by the second'
  shows 'by the second'
  tab "$first"
  shows 'by the second'
  type_into '#say' $'by the first\n'
  hear ann ']bea: by the first'
  equal "$(said)" 'by the second by the first'
  tab "$second"
  shows 'by the first'
  equal "$(said)" 'by the second by the first'
  no_complaints
  close_server
}
run two_tabs_are_two_people

markup_stays_text() {
  open_web
  come ann
  say ann '/topic <b>bold</b>'
  say ann '<script>window.hurt = 1</script>'
  open_browser
  enter bea
  local text
  local -a texts=(
    '<script>window.hurt = 1</script>' '<img src=x onerror="window.hurt = 2">' '"><svg onload=hurt=3>' "'-alert(1)-'"
    '&lt;b&gt;&amp;' 'javascript:alert(1)' '${hurt=4} {{hurt}}' '<!-- </div></main>' $'a\e[31mb\xe2\x80\xaec'
  )
  for text in "${texts[@]:1}"; do say ann "$text"; done
  ask 400 '/lobby?name=%3Cb%3E' -d 'x'
  ask 200 /lobby -H 'Content-Type: application/json' -d '{"username":"<i>hook</i>","text":"<https://evil.example/\"onclick=hurt=5|click <u>me</u>>"}'
  for text in "${texts[@]:0:8}"; do shows "$text"; done
  shows $'a\xe2\x90\x9b[31mbc'
  until_true 'return document.querySelector("#topic").textContent === "<b>bold</b>"'
  type_into '#room' $'<i>room</i>\n'
  until_true 'return !!document.querySelector("#log .error")'
  type_into '#say' $'<b>mine</b> http://example.org/?a=<b>&c="d". (https://example.org/(x))\n'
  hear ann ': <b>mine</b>'
  shows '<b>mine</b> http://example.org/?a=<b>&c="d". (https://example.org/(x))'
  holds '[...document.querySelectorAll("#log *")].every((one) => ["DIV", "SPAN", "TIME", "A", "BUTTON"].includes(one.tagName))' 'only elements of the page'
  holds '[...document.querySelectorAll("#log a")].every((one) => /^https?:/.test(one.protocol) && one.rel.includes("noopener"))'
  equal "$(script 'return [...document.querySelectorAll("#log .own a")].map((one) => one.href).join(" ")')" \
    'http://example.org/?a= https://example.org/(x)'
  equal "$(script 'return String(window.hurt)')" undefined
  no_complaints
  close_server
}
run markup_stays_text

# A page of another origin in the same browser: what it posts is not said, and it gets no socket.
another_page_gets_nothing() {
  open_web
  come ann
  open_browser
  visit "http://localhost:$HTTP/healthz"
  script "
    fetch('http://127.0.0.1:$HTTP/lobby', { method: 'POST', mode: 'no-cors', body: 'secret' }).finally(() => { window.answered = true; });
    const socket = new WebSocket('ws://127.0.0.1:$HTTP/ws');
    socket.onopen = () => { socket.send('{\"Act\":\"say\",\"Data\":\"secret\"}'); };
    socket.onclose = () => { window.refused = true; };" >/dev/null
  until_true 'return window.answered === true && window.refused === true'
  say ann fence
  hear ann ': fence'
  has_not ann.out secret
  close_server
}
run another_page_gets_nothing

a_phone_has_room_for_it() {
  open_web
  come ann
  say ann "/topic $(printf 'topic%.0s' {1..40})"
  open_browser
  window_size 360 640
  enter bea
  local narrow='document.documentElement.scrollWidth <= 360 && document.body.scrollWidth <= 360'
  say ann "$(printf 'w%.0s' {1..600})"
  say ann 'https://example.org/'"$(printf 'x%.0s' {1..300})"
  say ann 'short'
  shows short
  holds "$narrow" 'nothing is wider than the screen'
  holds 'document.querySelector("#log").scrollWidth <= document.querySelector("#log").clientWidth' 'the lines wrap'
  local inside='const at = document.querySelector(arguments[0]).getBoundingClientRect();
    return at.left >= 0 && at.right <= 360 && at.top >= 0 && at.bottom <= 640 && at.height > 0;'
  local css
  for css in '#say' '#send' '#menu' '#status'; do equal "$(script "$inside" "$css")" true "$css is on the screen"; done
  # The rooms are behind a button.
  click '#menu'
  equal "$(script "$inside" '#rooms .room')" true 'the rooms are on the screen'
  click '#rooms .room'
  holds 'document.querySelector("#menu").getAttribute("aria-expanded") === "false"'
  type_into '#say' $'by phone\n'
  hear ann ': by phone'
  holds "$narrow"
  no_complaints
  close_server
}
run a_phone_has_room_for_it

the_keyboard_suffices() {
  open_web
  come ann
  open_browser
  visit "http://127.0.0.1:$HTTP/"
  until_true 'return document.activeElement.id === "name"'
  enter_text kim
  press Enter
  status_is 'Connected as kim'
  until_true 'return document.activeElement.id === "say"'
  enter_text 'by keys'
  press Enter
  hear ann ']kim: by keys'
  enter_text 'two'
  press Shift+Enter
  enter_text 'lines'
  press Enter
  hear ann ']kim: lines'
  # Tab completes where something is typed.
  enter_text '/roo'
  press Tab
  until_true 'return document.querySelector("#say").value === "/rooms "'
  press Enter
  until_true 'return document.querySelector("#log").textContent.includes("Rooms:")'
  # Around the page, and each stop is seen: an outline that is not there without the focus.
  local number seen=' '
  for number in {1..20}; do
    press Tab
    seen+="$(focused) "
    [[ $seen != *' say '* ]] || break
    [[ $seen != *' BODY ' ]] || continue # where the browser's own controls would be
    holds 'parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2 && getComputedStyle(document.activeElement).outlineStyle !== "none"' \
      "the focus on $(focused) is seen"
  done
  for number in say send log room me notify who; do [[ $seen == *" $number "* ]] || fail "Tab does not lead to $number:$seen"; done
  press Shift+Tab
  [[ $(focused) != say ]] || fail 'Shift+Tab does not lead back'
  no_complaints
  close_server
}
run the_keyboard_suffices

screen_readers_know_the_parts() {
  open_web
  come ann
  say ann 'before you came'
  open_browser
  visit "http://127.0.0.1:$HTTP/"
  # named CSS ROLE LABEL
  named() { equal "$(role_of "$1"): $(label_of "$1")" "$2: $3" "role and label of $1"; }
  named '#name' textbox 'Your name'
  named '#connect' button 'Connect'
  holds 'document.documentElement.lang === "en"'
  type_into '#name' $'bea\n'
  status_is 'Connected as bea'
  shows 'before you came'
  named '#log' log '#lobby'
  named '#status' status ''
  named '#say' textbox 'Message to #lobby'
  named '#send' button 'Send'
  named '#room' textbox 'Join a room'
  named '#notify' checkbox 'Notifications'
  named '#rooms .room' button '#lobby'
  named '#rooms [aria-label]' button 'Leave #lobby'
  named '#side nav' navigation 'Rooms'
  named main main ''
  # Earlier lines are not read aloud. Later lines are, politely.
  until_true 'return document.querySelector("#log").ariaLive === "polite"'
  holds '!document.querySelector("#notify").checked' 'notifications are off'
  close_server
}
run screen_readers_know_the_parts

# contrast CSS: how much lighter one of text and background is than the other (WCAG 2.2), of the worst element.
CONTRAST='
  const rgb = (colour) => {
    const pixel = new OffscreenCanvas(1, 1).getContext("2d");
    pixel.fillStyle = colour;
    pixel.fillRect(0, 0, 1, 1);
    return [...pixel.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => rgb(colour).slice(0, 3).map((one) => one / 255)
    .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (one) => { while (rgb(getComputedStyle(one).backgroundColor)[3] < 255) one = one.parentElement; return getComputedStyle(one).backgroundColor; };
  return [...document.querySelectorAll(arguments[0])].filter((one) => one.checkVisibility()).map((one) => {
    const [dark, bright] = [light(getComputedStyle(one).color), light(behind(one))].sort((a, b) => a - b);
    return [(bright + 0.05) / (dark + 0.05), one.id || one.className || one.tagName];
  }).filter(([contrast]) => contrast < 4.5).join(" ");'

light_and_dark_are_readable() {
  open_web
  come ann
  say ann 'rename|ann'
  say ann '/topic Release of the day: https://example.org/releases'
  say ann 'anyone tried the new build?'
  ask 200 '/lobby?name=deploy' -d 'build 57 is up'
  come mike
  say mike 'rename|mike'
  say mike 'yes, it starts in half the time here'
  hear ann ']mike: yes'
  open_browser
  window_size 900 560
  enter bea
  shows 'yes, it starts in half the time here'
  type_into '#say' $'hi all\n'
  shows 'hi all'
  say ann 'hi bea, we talk about https://example.org/builds/57'
  say mike '/me waves'
  shows waves
  type_into '#room' $'kitchen\n'
  until_true 'return document.querySelector("#title").textContent === "#kitchen"'
  say ann 'bea: lunch at noon?'
  until_true 'return document.querySelector("#rooms .count").textContent === "1"'
  click '#rooms .room'
  shows 'bea: lunch at noon?'
  ask 200 '/kitchen?name=kettle' -d 'the tea is ready'
  until_true 'return document.querySelector("#rooms .count").textContent === "1"'
  type_into '#say' 'at noon, yes'
  local scheme
  for scheme in light dark; do
    colours "$scheme"
    until_true 'return matchMedia(`(prefers-color-scheme: ${arguments[0]})`).matches' "$scheme"
    screenshot "$WORK/page-$scheme.png"
    equal "$(script "$CONTRAST" 'p, span, button, time, a, h1, h2, label, textarea, input')" '' "what is hard to read when it is $scheme"
    if [[ ${SCREENSHOTS:-} ]]; then cp "$WORK/page-$scheme.png" "$SCREENSHOTS"; fi
  done
  ! cmp -s "$WORK/page-light.png" "$WORK/page-dark.png" || fail 'light and dark look alike'
  rm "$WORK"/*.png # no text to show after a failure
  no_complaints
  close_server
}
run light_and_dark_are_readable

ten_thousand_lines_fit_in_a_tab() {
  open_web
  come ann
  open_browser
  enter bea
  printf 'line %d\n' {1..10000} >&"${in_fd[ann]}"
  shows 'line 10000'
  holds 'document.querySelectorAll("#log .row").length <= 1200' 'old lines go'
  equal "$(said | grep -o 'line [0-9]*' | sort | uniq -d | wc -l)" 0 'doubles'
  type_into '#say' $'still here\n'
  shows 'still here'
  hear ann ': still here'
  no_complaints
  close_server
}
run ten_thousand_lines_fit_in_a_tab

finish
