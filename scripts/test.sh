#!/usr/bin/env bash
# Runs everything that must hold: format, lints, documentation, tests, and real clients against the
# real server.
#
# usage: scripts/test.sh [--quick | --rust-only | --sh-only] [--repeat N]
#
#   --quick       the checks of a minute, for work under way; its last lines say what it leaves out
#   --rust-only   what cargo checks, without the shell tests
#   --sh-only     the shell tests (tests/sh), without what cargo checks
#   --repeat N    no checks, but the tests over sockets N times (with --rust-only or --sh-only:
#                 those); stops at the first round that fails
#
# A fresh machine needs a Rust toolchain (with rustfmt and clippy), bash 5.1 and a C linker. The clients
# that the shell tests use (nc, telnet, expect, chromium …) are installed by the system's package manager
# where this user may do so, as root or by a sudo that asks for no password; elsewhere this says what is
# missing and ends. Where chromium and chromedriver (half a gigabyte) cannot be had, the tests of the page
# are skipped. It prints the seconds of each step, and counts the shell tests, with those that were
# skipped for want of a tool or of root. The last lines of a run that fails name each step and each test
# that failed, and the command that runs it alone. A quick run needs nc and telnet only.
#
# Licences, doubled dependencies and known faults in them are checked by cargo-deny where it is
# installed. Compiling it takes minutes, so this does not do it: `cargo install cargo-deny --locked`.
# Known faults are looked up in a database that it fetches; where it cannot, that part is left out.
# Each fuzz target runs for five seconds where cargo-fuzz is installed, a handful of changes are made
# to the code where cargo-mutants is. What was left out has no "passed" among the seconds.
#
# Not done here, since they take longer: the whole of scripts/mutants.sh, scripts/soak.sh beyond the
# short run of tests/sh/soak.sh, scripts/bench.sh.
#
# Exit code: 0 all passed, 1 something failed or is missing, 2 wrong usage.

set -euo pipefail

if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 501)); then
  echo "this needs bash 5.1 or later, this is $BASH_VERSION" >&2
  exit 1
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

rust=1 sh=1 quick=0 repeat=0
while (($#)); do
  case $1 in
    --quick) quick=1 ;;
    --rust-only) sh=0 ;;
    --sh-only) rust=0 ;;
    --repeat)
      [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || { echo "--repeat needs a number" >&2 && exit 2; }
      repeat=$2
      shift
      ;;
    -h | --help) usage && exit 0 ;;
    *) { echo "unknown argument: $1" && usage; } >&2 && exit 2 ;;
  esac
  shift
done
((!quick || (rust && sh && !repeat))) || { echo "--quick goes with no other argument" >&2 && exit 2; }
((rust || sh)) || { echo "--rust-only and --sh-only exclude each other" >&2 && exit 2; }

# Variables of the caller's shell must not change what the tests see.
unset RUST_LOG "${!PARLOR_@}"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/parlor-test.XXXXXX")
declare -A file_of=() # by process group: the shell tests under way
mutants=''            # the group that changes the code meanwhile
# shellcheck disable=SC2317 # the trap calls it
clean_up() {
  local group
  for group in "${!file_of[@]}" ${mutants:+"$mutants"}; do kill -TERM -- "-$group" 2>/dev/null || true; done
  wait
  rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- what must be there ----------------------------------------------------------------------

# Tools that the tests need, and tools without which a case is skipped.
needed=() useful=()
if ((quick)); then
  needed+=(nc telnet)
elif ((sh)); then
  needed+=(nc telnet expect shellcheck)
  [[ $(uname -s) != Linux ]] || needed+=(setpriv prlimit)
  useful+=(curl strace tmux jq chromium chromedriver)
fi
needed+=(cc)

present() {
  case $1 in
    # Others neither know -N nor end when the server closes.
    nc) bash -c '. tests/sh/lib.sh && openbsd_nc' >"$scratch/nc" ;;
    # Google's own has another name.
    chromium) bash -c '. tests/sh/lib-browser.sh && browser' >"$scratch/browser" ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

# The package in which each package manager has a tool; empty: none is known.
package() {
  case $1/$2 in
    apt-get/nc | apk/nc) echo netcat-openbsd ;;
    dnf/nc) echo netcat ;;
    pacman/nc) echo openbsd-netcat ;;
    brew/nc) ;;
    apk/telnet) echo inetutils-telnet ;;
    pacman/telnet) echo inetutils ;;
    dnf/shellcheck) echo ShellCheck ;;
    apk/setpriv) echo setpriv ;;
    apk/prlimit) echo util-linux-misc ;;
    */setpriv | */prlimit) echo util-linux ;;
    apt-get/cc) echo gcc libc6-dev ;;
    apk/cc) echo gcc musl-dev ;;
    brew/cc) ;;
    apt-get/chromedriver) echo chromium-driver ;;
    apk/chromedriver) echo chromium-chromedriver ;;
    pacman/chromedriver) echo chromium ;;
    */cc) echo gcc ;;
    *) echo "$2" ;;
  esac
}

install_missing() {
  local -a missing=() packages=() sudo=() install=()
  local manager='' tool
  for tool in "${needed[@]}" "${useful[@]}"; do
    present "$tool" || missing+=("$tool")
  done
  ((${#missing[@]})) || return 0

  for manager in apt-get dnf apk pacman brew ''; do
    [[ $manager ]] && command -v "$manager" >/dev/null && break
  done
  case $manager in
    apt-get) install=(apt-get install -y --no-install-recommends) ;;
    dnf) install=(dnf install -y) ;;
    apk) install=(apk add) ;;
    pacman) install=(pacman -S --noconfirm --needed) ;;
    brew) install=(brew install) ;;
  esac
  for tool in "${missing[@]}"; do
    read -ra of_tool <<<"$(package "$manager" "$tool")"
    packages+=("${of_tool[@]}")
  done
  mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)

  local may=1
  if [[ $manager != brew ]] && ((EUID != 0)); then
    sudo=(sudo -n)
    sudo -n true 2>/dev/null || may=0
  fi
  if [[ $manager ]] && ((may)); then
    echo "installing: ${packages[*]}"
    {
      [[ $manager != apt-get ]] || "${sudo[@]}" apt-get update
      [[ $manager != pacman ]] || "${sudo[@]}" pacman -Sy --noconfirm
      "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive "${install[@]}" "${packages[@]}" || {
        # A package manager that lacks one of them (Ubuntu: chromium) installs none.
        for tool in "${packages[@]}"; do
          "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive "${install[@]}" "$tool" || true
        done
        false
      }
    } >"$scratch/install" 2>&1 </dev/null || tail -n 5 "$scratch/install" | sed 's/^/  /'
  fi

  local -a still=()
  for tool in "${missing[@]}"; do
    present "$tool" && continue
    if [[ " ${useful[*]} " == *" $tool "* ]]; then
      echo "without $tool, the tests that use it are skipped"
    else
      still+=("$tool")
    fi
  done
  ((${#still[@]})) || return 0
  {
    echo "missing: ${still[*]}"
    [[ " ${still[*]} " != *' nc '* ]] || echo "(nc: the OpenBSD one, which has -N; another one is of no use here)"
    if [[ $manager ]]; then
      ((EUID == 0)) || [[ $manager == brew ]] || install=(sudo "${install[@]}")
      echo "install them by: ${install[*]} ${packages[*]}"
    else
      echo "install them by the package manager of this system, then run this again"
    fi
  } >&2
  return 1
}

toolchain_is_whole() {
  local whole=1
  if ! command -v cargo >/dev/null; then
    echo "missing: cargo. Install a Rust toolchain: https://rustup.rs" >&2
    return 1
  fi
  ((rust && !repeat)) || return 0
  cargo fmt --version >/dev/null 2>&1 || { whole=0 && echo "missing: rustfmt; rustup component add rustfmt" >&2; }
  cargo clippy --version >/dev/null 2>&1 || { whole=0 && echo "missing: clippy; rustup component add clippy" >&2; }
  ((whole))
}

# --- the steps -------------------------------------------------------------------------------

failed_steps=()
times=()
mkdir "$scratch/steps"

# step NAME COMMAND...: runs it, notes whether it passed, and goes on. Its output is kept for the summary.
# (No pipe: a command that is a function sets variables of this shell.)
step() {
  local name=$1 from=$SECONDS verdict=passed out tee
  shift
  printf '\n== %s: %s\n' "$name" "$*"
  rm -f "$scratch/left-out"
  exec {out}> >(exec tee "$scratch/steps/$name")
  tee=$!
  "$@" </dev/null >&"$out" 2>&1 || { verdict=FAILED && failed_steps+=("$name"); }
  exec {out}>&-
  wait "$tee" || true
  if [[ $verdict == passed && -f $scratch/left-out ]]; then verdict='left out'; fi
  times+=("$(printf '%-12s %-8s %4d s' "$name" "$verdict" $((SECONDS - from)))")
  echo "== $name: $verdict, $((SECONDS - from)) s"
  [[ $verdict != FAILED ]]
}

# what_failed STEP: prints, for each test of it that failed, the command that runs it alone.
what_failed() {
  local printed=$scratch/steps/$1
  {
    # Compile errors, then tests. cargo names a test's binary before its tests.
    grep -Eo '^error: could not compile .*' "$printed" || true
    sed -nE \
      -e 's/^ +Running (unittests )?([^ ]+) .*/\2/; t binary' \
      -e 's/^ +Doc-tests .*/--doc/; t binary' \
      -e '/^test (.*) \.\.\. FAILED$/ { s//\1/; G; s/^(.*)\n(.*)$/\2 \1/; p; }' \
      -e d -e ':binary' -e h "$printed" |
      sed -E -e 's/^tests\/([^/]+)\/main\.rs /cargo test --test \1 /' -e 's/^src\/lib\.rs /cargo test --lib /' \
        -e 's/^src\/bin\/([^/]+)\/main\.rs /cargo test --all-features --bin \1 /' \
        -e 's/^--doc /cargo test --doc /'
    grep -Eo "^error: test failed, to rerun pass .*--test broken." "$printed" || true
    # Failed cases of shell tests, with their files.
    awk '/^-- tests\/sh\// { file = $2 } /^FAIL / { print file, $2 } / ended early$/ { print }' "$printed"
  } | sort -u
}

# closing_lines: prints the summary. After a failure each of its last lines names what failed.
closing_lines() {
  local name
  printf '\n'
  printf '%s\n' "${times[@]}"
  if [[ -f $scratch/counts ]]; then
    awk '{ passed += $1; failed += $3; skipped += $5 }
      END { print "shell tests: " passed " passed, " failed " failed" (skipped ? ", " skipped " skipped" : "") }' "$scratch/counts"
  fi
  if ((${#failed_steps[@]} == 0)); then
    echo "all steps passed, $((SECONDS - started)) s"
    return 0
  fi
  for name in "${failed_steps[@]}"; do
    echo "FAILED step $name"
    what_failed "$name" | sed 's/^/  FAILED /'
  done
  echo "FAILED: ${failed_steps[*]} ($((SECONDS - started)) s in all)"
  return 1
}

# left_out WHY: said by a step that does not do all of its work, for want of something optional.
left_out() {
  echo "left out: $*"
  touch "$scratch/left-out"
}

# The library alone, as an embedder compiles it. The programs with all features are what clippy sees.
check_features() { cargo clippy --locked --no-default-features --lib -- -D warnings; }

document() { RUSTDOCFLAGS="-Dwarnings ${RUSTDOCFLAGS:-}" cargo doc --locked --no-deps --all-features; }

scripts() {
  local file
  while read -r file; do
    if head -n 1 "$file" | grep -q '^#!.*sh$' || [[ $file == *.sh ]]; then echo "$file"; fi
  done < <(find scripts tests/sh .ci -type f | sort)
}

# The minimum that Cargo.toml promises: clippy holds our own code to it (incompatible_msrv, with the
# rest), and this what we depend on.
rust_version() {
  local ours highest
  ours=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
  highest=$(cargo metadata --locked --format-version 1 | grep -o '"rust_version":"[^"]*"' | cut -d '"' -f 4 | sort -V | tail -n 1)
  echo "Cargo.toml promises Rust $ours, dependencies need up to $highest, this is $(rustc --version)"
  [[ $highest == "$ours" ]] || {
    echo "rust-version in Cargo.toml, and README.md, should be $highest" >&2
    return 1
  }
  grep -q "Rust toolchain ($ours or newer)" README.md || {
    echo "README.md names another Rust version than Cargo.toml ($ours)" >&2
    return 1
  }
}

deny() {
  local failed=0
  if ! cargo deny --version >/dev/null 2>&1; then
    left_out 'cargo-deny is not here; cargo install cargo-deny --locked'
    return 0
  fi
  cargo deny --locked --offline --config scripts/deny.toml check licenses bans sources || failed=1
  if cargo deny --config scripts/deny.toml fetch db >/dev/null 2>&1; then
    cargo deny --locked --config scripts/deny.toml check --disable-fetch advisories || failed=1
  else
    left_out 'advisories (their database cannot be fetched from here); the rest was checked'
  fi
  ((failed == 0))
}

check_scripts() {
  local -a files
  mapfile -t files < <(scripts)
  shellcheck -x "${files[@]}"
}

# Five seconds for each of the eleven targets, a minute in all; nothing is installed for it.
fuzz_briefly() {
  if ! cargo fuzz --version >/dev/null 2>&1 || ! command -v c++ >/dev/null; then
    left_out 'no cargo-fuzz or no c++ here: the properties of the tests above (proptest) stand in for it'
  elif cargo fetch --quiet --locked --manifest-path tests/fuzz/Cargo.toml 2>"$scratch/fetch"; then
    scripts/fuzz.sh --seconds 5 --at-once 2
  elif grep -q -e --locked "$scratch/fetch"; then
    echo "tests/fuzz/Cargo.lock does not fit Cargo.toml: cargo update --workspace --manifest-path tests/fuzz/Cargo.toml" >&2
    return 1
  else
    cat "$scratch/fetch"
    left_out 'no crates for it here: the properties of the tests above (proptest) stand in for it'
  fi
}

# A handful of a thousand changes, to see that they are noticed: other ones whenever the code has changed.
mutate_briefly() {
  if ! cargo mutants --version >/dev/null 2>&1; then
    left_out 'cargo-mutants is not here; cargo install cargo-mutants --locked'
    return 0
  fi
  if [[ $mutants ]]; then
    local code=0
    wait "$mutants" || code=$?
    mutants=''
    cat "$scratch/mutants"
    return "$code"
  fi
  scripts/mutants.sh --quick --shard 0/200
}

# It has work for the processor, the shell tests wait most of the time.
begin_to_mutate() {
  cargo mutants --version >/dev/null 2>&1 || return 0
  set -m # a group of its own, that can be ended as a whole
  nice scripts/mutants.sh --quick --shard 0/200 >"$scratch/mutants" 2>&1 </dev/null &
  set +m
  mutants=$!
}

# test_by_shell [FILE...]: runs these shell tests, or all. Two files run at a time, since most of their time
# is spent waiting; the longest begins. The output of each comes when it has ended; its last line counts its
# cases.
test_by_shell() {
  local -a left=("$@")
  local file ended code failed=0
  if ((!$#)); then
    left=(tests/sh/soak.sh)
    for file in tests/sh/*.sh; do
      [[ $file == */lib*.sh || $file == */soak.sh ]] || left+=("$file")
    done
  fi
  mkdir -p "$scratch/shell"
  while ((${#left[@]} + ${#file_of[@]})); do
    if ((${#left[@]} && ${#file_of[@]} < 2)); then
      set -m # a group of its own, that can be ended as a whole, and that hears of SIGINT as any other
      "${left[0]}" </dev/null >"$scratch/shell/$(basename "${left[0]}")" 2>&1 &
      set +m
      file_of[$!]=${left[0]}
      left=("${left[@]:1}")
      continue
    fi
    code=0 ended=''
    wait -n -p ended "${!file_of[@]}" || code=$?
    file=${file_of[$ended]}
    unset "file_of[$ended]"
    echo "-- $file"
    cat "$scratch/shell/$(basename "$file")"
    ((code == 0)) || failed=1
    tail -n 1 "$scratch/shell/$(basename "$file")" | grep -Ex '[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?' >>"$scratch/counts" ||
      { failed=1 && echo "$file ended early" && echo '0 passed, 1 failed' >>"$scratch/counts"; }
  done
  ((failed == 0))
}

repeat_tests() {
  local round from
  for ((round = 1; round <= repeat; round++)); do
    from=$SECONDS
    if ((rust)) && ! cargo test --locked --all-features --quiet --test it >"$scratch/round" 2>&1; then
      cat "$scratch/round"
      echo "round $round of $repeat: the tests over sockets FAILED"
      return 1
    fi
    if ((sh)) && ! test_by_shell >"$scratch/round" 2>&1; then
      cat "$scratch/round"
      echo "round $round of $repeat: the shell tests FAILED"
      return 1
    fi
    echo "round $round of $repeat: passed, $((SECONDS - from)) s"
  done
}

# The shell tests of a quick run: real clients by every door, in a quarter of a minute.
quick_files=(tests/sh/room.sh tests/sh/doors.sh tests/sh/telnet.sh)

quick_run() {
  step fmt cargo fmt --check || true
  step clippy cargo clippy --locked --all-features --all-targets -- -D warnings || true
  # Eight at a time: the tests over sockets wait most of the time.
  step test env RUST_TEST_THREADS="${RUST_TEST_THREADS:-8}" cargo test --locked --all-features --no-fail-fast \
    --lib --bins --tests -- --skip exhaustive:: || true
  step shell test_by_shell "${quick_files[@]}" || true
  step shape scripts/shape.sh --check || true
  printf '\nleft out by --quick: the tests of exhaustive::, examples in the documentation, the documentation itself,\n'
  printf 'the library without features, licences, fuzzing, mutants, shellcheck, and of the shell tests all but\n'
  printf '%s\n' "${quick_files[*]}"
}

started=$SECONDS
step tools install_missing || closing_lines || exit 1
toolchain_is_whole || exit 1
if [[ -z ${PARLOR:-} ]]; then
  # The place where cargo puts what it builds. cargo test builds the server too, for its own tests;
  # the shell tests take that one.
  unset CARGO_BUILD_TARGET
  target=$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
  export PARLOR=$target/debug/parlor
  build=1
fi

if ((quick)); then
  quick_run
elif ((repeat)); then
  if ((rust)); then step build cargo test --locked --all-features --no-run --test it || closing_lines || exit 1; fi
  if ((sh && !rust && ${build:-0})); then step build cargo build --locked --all-features --bins || closing_lines || exit 1; fi
  step repeat repeat_tests || true
else
  if ((rust)); then
    step fmt cargo fmt --check || true
    step clippy cargo clippy --locked --all-features --all-targets -- -D warnings || true
    step features check_features || true
    step doc document || true
    step rust rust_version || true
    step shape scripts/shape.sh --check || true
    step deny deny || true
    # Four at a time, also on two cores: most of their time is spent waiting.
    step test env RUST_TEST_THREADS="${RUST_TEST_THREADS:-4}" cargo test --locked --all-features --no-fail-fast || true
    step fuzz fuzz_briefly || true
    ((!sh)) || begin_to_mutate
  elif ((${build:-0})); then
    step build cargo build --locked --all-features --bins || closing_lines || exit 1
  fi
  if ((sh)); then
    step shellcheck check_scripts || true
    step shell test_by_shell || true
  fi
  if ((rust)); then step mutants mutate_briefly || true; fi
fi

closing_lines
