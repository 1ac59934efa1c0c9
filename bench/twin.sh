#!/bin/bash
# twin.sh [-q] [FOLDER]: ditto-twin, on the disk of FOLDER ($TMPDIR, /tmp).
#
#   commands  answered commands a second, 1000 things, by the number of commands in flight; durable, beside bare
#             gdbm_store + gdbm_sync of records as large, in turn, and in memory; median [least–most] of the rounds
#   start     100,000 things: until ready, after a clean end and as after a kill; memory
#
# -q: 3 rounds of a second. A line a figure; $BUILD/bench/twin.txt keeps them. Exit: 0, 1 something failed.
set -u
cd "${0%/*}/.." || exit 111
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
PATH=$BUILD/bin:$BUILD/tests:$BUILD/bench:$PATH
rounds=5 seconds=3 bytes=900
[ "${1:-}" = -q ] && shift && rounds=3 seconds=1
work=$(mktemp -d "${1:-${TMPDIR:-/tmp}}/twin.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT

die() { echo "twin.sh: error: $*" >&2 && exit 1; }
spread() { # NUMBER…: median [least–most]
    printf '%s\n' "$@" | sort -g | awk '{v[NR]=$1} END {printf "%s [%s–%s]", v[int((NR+1)/2)], v[1], v[NR]}'
}
member() { # NAME TEXT: the number behind NAME= in TEXT
    REPLY=${2##*"$1"=}
    REPLY=${REPLY%% *}
}
say() { echo "$*" | tee -a "$BUILD/bench/twin.txt"; }

commands() { # NAME KIND WINDOW ARG…
    local i out name=$1 kind=$2 window=$3 rates=() p50=() p99=() cpu=()
    shift 3
    for ((i = 0; i < rounds; i++)); do
        rm -rf "$work/log"
        mkdir "$work/log"
        out=$(twin "$seconds" 1000 "$window" "$kind" -- ditto-twin "$@") || die "$name: $out"
        member rate "$out" && rates+=("$REPLY")
        member p50_us "$out" && p50+=("$REPLY")
        member p99_us "$out" && p99+=("$REPLY")
        member cpu_us "$out" && cpu+=("$REPLY")
    done
    say "commands  $name, $kind, $window in flight: $(spread "${rates[@]}") /s, p50 $(spread "${p50[@]}") us, p99 $(spread "${p99[@]}") us, $(spread "${cpu[@]}") us of a processor each"
}

bare() {
    local i rates=() out
    for ((i = 0; i < rounds; i++)); do
        out=$(store "$work/bare.gdbm" "$seconds" "$bytes") || die 'bare gdbm fails'
        rates+=("${out#*=}")
    done
    say "commands  bare gdbm_store + gdbm_sync, $bytes bytes, 1 at a time: $(spread "${rates[@]}") /s"
}

start() {
    local things=100000 i how took begun
    rm -rf "$work/log"
    mkdir "$work/log"
    for ((i = 0; i < things; i++)); do
        echo '{"topic":"org.example/device'$i'/things/twin/commands/create","headers":{},"path":"/","value":{"attributes":{"serial":'$i',"location":{"lat":44.673856,"lon":8.261719}},"features":{"temperature":{"properties":{"value":20.5,"unit":"C"}}}}}'
    done | ditto-twin -S write -D "$work/log" >/dev/null || die 'cannot make the things'
    mkfifo "$work/ready" "$work/in"
    for how in clean killed; do
        [ $how = clean ] || rm "$work/log/events.clean"
        begun=$(date +%s%N)
        exec 4<>"$work/in"
        ditto-twin -S write -q -D "$work/log" -d 3 3>"$work/ready" <"$work/in" >/dev/null 4>&- &
        read -r <"$work/ready"
        took=$((($(date +%s%N) - begun) / 1000000))
        say "start     $things things, $how: ready after $took ms, $(sed -n 's/^VmRSS:[[:space:]]*//p' "/proc/$!/status")"
        exec 4>&-
        wait $! || die 'it does not end in order'
    done
}

bare
commands durable modify 1 -D "$work/log"
commands durable modify 64 -D "$work/log"
commands durable modify 1000 -D "$work/log"
commands durable merge 1000 -D "$work/log"
commands 'in memory' modify 1 -u
commands 'in memory' modify 1000 -u
commands 'in memory' retrieve 1000 -u
start
