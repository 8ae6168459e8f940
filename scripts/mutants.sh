#!/usr/bin/env bash
# Makes small changes to the code, one at a time, and counts how many of them a test notices.
#
# usage: scripts/mutants.sh [--shard K/N] [--quick | --everything] [FOLDER...]
#
#   --shard K/N     only every Nth change, beginning with change K (0 to N-1)
#   --quick         only src/wire and src/chat, with the fast tests. A share may be a handful of changes, so one
#                   noticed change is enough for exit code 0
#   --everything    tries the changes that no test noticed once more, with the tests that need sockets: a
#                   minute or two for each
#   FOLDER          wire, chat or outbox (src/server/outbox.rs); all three if none is named
#
# It needs cargo-mutants (cargo install cargo-mutants --locked), and an hour or two on a machine that does
# nothing else. scripts/test.sh tries a handful (--quick) if cargo-mutants is installed. A change that makes a
# test run for ever counts as noticed. One that does not compile does not count. scripts/mutants.toml lists
# the changes that no test can notice, with the reason.
#
# src/protocol, src/chat and src/wire use nothing else of Parlor. They are tried as a package of their own,
# which builds in a second. It is under the build's target directory, in mutants, with the results. The
# sources are not touched.
#
# Exit code: 0 nine of ten noticed (by --quick: one of all), 1 fewer, or something is missing, 2 wrong usage.

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

shard=() quick=0 everything=0 folders=()
while (($#)); do
  case $1 in
    --shard)
      if [[ ! ${2:-} =~ ^[0-9]+/[1-9][0-9]*$ ]] || ((${2%/*} >= ${2#*/})); then
        echo "--shard needs K/N, K from 0 to N-1" >&2 && exit 2
      fi
      shard=(--shard "$2" --sharding round-robin) # some from every file, so that a share is a sample
      shift
      ;;
    --quick) quick=1 ;;
    --everything) everything=1 ;;
    -h | --help) usage && exit 0 ;;
    wire | chat | outbox) folders+=("$1") ;;
    *) { echo "unknown argument: $1" && usage; } >&2 && exit 2 ;;
  esac
  shift
done
((!quick || !everything)) || { echo "--quick and --everything exclude each other" >&2 && exit 2; }
if ((quick)) && [[ " ${folders[*]} " == *" outbox "* ]]; then
  echo "--quick tries wire and chat only" >&2 && exit 2
fi
if ((!${#folders[@]})); then
  folders=(wire chat)
  ((quick)) || folders+=(outbox)
fi

missing=()
command -v cargo >/dev/null || missing+=("cargo (a Rust toolchain: https://rustup.rs)")
cargo mutants --version >/dev/null 2>&1 || missing+=("cargo-mutants (cargo install cargo-mutants --locked)")
if ((${#missing[@]})); then
  printf 'missing: %s\n' "${missing[@]}" >&2
  exit 1
fi

config=$PWD/scripts/mutants.toml
root=${CARGO_TARGET_DIR:-target}/mutants
((!quick)) || root+=-quick # keeps the results of a whole run, which takes hours
mkdir -p "$root"
root=$(cd "$root" && pwd)
rm -rf "$root/results"
mkdir -p "$root/results"
trap 'exit 130' INT
trap 'exit 143' TERM

# Tests that measure time: on a busy machine they fail for other reasons, and would seem to notice everything.
never=(linear_time time_is_linear costs_the_room_no_time)
# Slow tests: they see only the changes that the other tests do not notice.
later=(random_lives ten_thousand packet_of_any_length_shows every_short_string too_long_is_cut
  do_not_depend_on_chunking random_bytes_decode exactly_what_fits two_hundred_frames
  answer_to_long_act stray_byte)

# --- the packages ------------------------------------------------------------------------------

# manifest TEST...: prints a Cargo.toml with these tests and no programs, without the dependencies that the
# sources in the present folder do not use, and without slow build settings.
manifest() {
  local line name
  awk -v RS= -v ORS='\n\n' -v tests=" $* " '
    /\[\[(bin|bench)\]\]/ || /\[lints/ || /\[profile/ || /\[features\]/ { next }
    /\[\[test\]\]/ { match($0, /name = "[a-z]+"/); if (!index(tests, " " substr($0, RSTART + 8, RLENGTH - 9) " ")) next }
    { print }
  ' "$sources/Cargo.toml" | while IFS= read -r line; do
    if [[ ! $line =~ ^(rust-)?version ]] && [[ $line =~ ^([a-z0-9_-]+)\ =\ .*[0-9]\.[0-9] ]]; then
      name=${BASH_REMATCH[1]//-/_}
      grep -rqE "\b$name(::|\b.* as )" src tests || continue
    fi
    [[ $line == default-run* || $line == required-features* ]] || printf '%s\n' "$line"
  done
  # The features of the library, without those of the programs.
  [[ ! -e src/flags.rs ]] || printf '%s\n' '[features]' 'default = ["flags", "logging"]' 'flags = ["dep:clap"]' 'logging = ["dep:env_logger"]' ''
  printf '[profile.dev]\ndebug = 0\n\n[profile.dev.package."*"]\nopt-level = 1\n\n[workspace]\n'
}

sources=$PWD

# make_rules: protocol, chat and wire, with those of their tests that need nothing else.
make_rules() {
  mkdir -p "$root/rules" && cd "$root/rules"
  rm -rf src tests
  mkdir -p src tests/it
  cp -Rp "$sources"/src/{protocol,chat,wire} src/
  printf 'pub mod %s;\n' protocol chat wire >src/lib.rs
  local -a modules=(chat wire)
  for module in "${modules[@]}"; do cp -Rp "$sources/tests/it/$module" tests/it/; done
  mkdir tests/it/support
  cp -p "$sources"/tests/support/{packets,recorded,values}.rs tests/it/support/
  printf 'pub(crate) mod %s;\n' packets recorded values >tests/it/support/mod.rs
  printf 'mod %s;\n' support "${modules[@]}" >tests/it/main.rs
  cp -p "$sources/Cargo.lock" .
  manifest it >Cargo.toml
}

# make_library: the whole library, with the tests that need neither programs nor sockets.
make_library() {
  mkdir -p "$root/library" && cd "$root/library"
  rm -rf src tests
  mkdir tests
  cp -Rp "$sources/src" src
  rm -r src/bin
  cp -Rp "$sources"/tests/{memory,sim,handshakes,support} tests/
  cp -p "$sources/Cargo.lock" .
  manifest memory sim handshakes >Cargo.toml
}

# make_all: everything.
make_all() {
  mkdir -p "$root/all" && cd "$root/all"
  rm -rf src tests
  cp -Rp "$sources"/{src,tests,Cargo.toml,Cargo.lock,README.md,scripts} .
  printf '\n[profile.dev]\ndebug = 0\n\n[workspace]\n' >>Cargo.toml
}

# --- the runs ----------------------------------------------------------------------------------

# run PACKAGE ROUND ARGUMENTS... -- TESTS...: tries changes, and adds them to the results. results/PACKAGE lists
# those that no test noticed.
run() {
  local package=$1 round=$2 status=0 verdict
  shift 2
  echo "-- $package, $round"
  # A change can make a buffer grow for ever. A compiler needs less than 8 GiB of address space.
  (
    cd "$root/$package"
    ulimit -v 8388608
    export CARGO_TARGET_DIR=$root/$package/target
    cargo mutants --in-place --config "$config" --output "$root/results/$package-$round" \
      --minimum-test-timeout 60 --colors never "$@" </dev/null
  ) || status=$?
  # 2: some changes were not noticed; 3: a test ran for ever.
  ((status == 0 || status == 2 || status == 3)) || exit 1
  local out=$root/results/$package-$round/mutants.out
  [[ -f $out/missed.txt ]] || return 0 # a share may be empty
  for verdict in caught timeout unviable; do cat "$out/$verdict.txt" >>"$root/results/$verdict"; done
  cat "$out/missed.txt" >>"$root/results/$package"
}

# again OLD PACKAGE ROUND FILES... -- TESTS...: tries the changes of results/OLD once more.
again() {
  local old=$1 package=$2 round=$3 argument
  local -a files=()
  shift 3
  [[ -s $root/results/$old ]] || return 0
  for argument; do
    [[ $argument != -- ]] || break
    files+=("$argument")
  done
  # cargo-mutants leaves out the changes that this file lists as noticed.
  mkdir -p "$root/results/$package-$round/mutants.out"
  (cd "$root/$package" && cargo mutants --list --config "$config" "${files[@]}") |
    grep -vxFf "$root/results/$old" >"$root/results/$package-$round/mutants.out/caught.txt" || true
  rm "$root/results/$old"
  run "$package" "$round" --iterate "$@"
}

skip() { printf -- '--skip\n%s\n' "$@"; }

files=()
for folder in "${folders[@]}"; do [[ $folder == outbox ]] || files+=(--file "src/$folder/*.rs"); done
mapfile -t slow < <(skip "${never[@]}" "${later[@]}")
mapfile -t timed < <(skip "${never[@]}")
touch "$root/results"/{caught,timeout,unviable}
if ((${#files[@]})); then
  (make_rules)
  run rules quick "${files[@]}" "${shard[@]}" -- --test it -- "${slow[@]}"
  ((quick)) || again rules rules slow "${files[@]}" -- --lib --test it -- "${timed[@]}"
fi
if ((!quick)); then
  (make_library)
  again rules library rest "${files[@]}" -- --test memory --test sim
fi
if [[ " ${folders[*]} " == *" outbox "* ]]; then
  run library quick --file src/server/outbox.rs "${shard[@]}" -- --lib --test memory --test sim --test handshakes
fi
if ((everything)); then
  (make_all)
  cat "$root/results"/{rules,library} >"$root/results/living" 2>/dev/null || true
  rm -f "$root/results"/{rules,library}
  again living all everything "${files[@]}" --file src/server/outbox.rs -- --test it
fi

# --- the report --------------------------------------------------------------------------------

cat "$root/results"/{rules,library,all} >"$root/results/missed" 2>/dev/null || true
count() { grep -c "^src/$2" "$root/results/$1" || true; }

printf '\n%-22s %8s %9s %9s %9s %9s\n' '' noticed 'for ever' unnoticed refused 'noticed %'
noticed=0 all=0
for folder in "${folders[@]}"; do
  [[ $folder != outbox ]] || folder=server/outbox.rs
  caught=$(count caught "$folder") timeout=$(count timeout "$folder")
  missed=$(count missed "$folder") unviable=$(count unviable "$folder")
  viable=$((caught + timeout + missed))
  noticed=$((noticed + caught + timeout)) all=$((all + viable))
  printf '%-22s %8d %9d %9d %9d %9d\n' "src/$folder" "$caught" "$timeout" "$missed" "$unviable" \
    $((viable ? 100 * (caught + timeout) / viable : 100))
done
if [[ -s $root/results/missed ]]; then
  printf '\nnot noticed:\n'
  sort "$root/results/missed" | sed 's/^/  /'
fi
printf '\n%d of %d noticed, %d %%\n' "$noticed" "$all" $((all ? 100 * noticed / all : 100))
if ((quick)); then ((noticed || !all)); else ((100 * noticed >= 90 * all)); fi
