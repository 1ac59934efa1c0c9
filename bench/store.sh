#!/bin/bash
# store.sh [-q] [FOLDER]: conn-store beside bare gdbm, on the disk of FOLDER ($TMPDIR, /tmp).
#
#   durable   confirmed commands a second, 1 and 64 clients, beside gdbm_store + gdbm_sync of records as large, in turn; the
#             ratios are those of the rounds (median [least–most] of 5)
#   start     10,000 connections and 200,000 events: until ready, after a clean end and after a kill; memory; a retrieve
#
# -q: 3 rounds of a second. Needs jq. A line a figure; $BUILD/bench/store.txt keeps them. Exit: 0, 1 something failed.
set -u
cd "${0%/*}/.." || exit 111
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
PATH=$BUILD/bin:$BUILD/tests:$BUILD/bench:$PATH
rounds=5 seconds=3 bytes=760
[ "${1:-}" = -q ] && shift && rounds=3 seconds=1
work=$(mktemp -d "${1:-${TMPDIR:-/tmp}}/store.XXXXXX") || exit 1
pid=
trap '[ -z "$pid" ] || kill -KILL "$pid"; rm -rf "$work"' EXIT
export CONN_DIR=$work/state CONN_RUN=$work/run
mkdir -m 700 "$CONN_DIR" "$CONN_RUN"

die() { echo "store.sh: error: $*" >&2 && exit 1; }
now() { date +%s%N; }
spread() { # NUMBER…: median [least–most]
    printf '%s\n' "$@" | sort -g | awk '{v[NR]=$1} END {printf "%s [%s–%s]", v[int((NR+1)/2)], v[1], v[NR]}'
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; }
say() { echo "$*" | tee -a "$BUILD/bench/store.txt"; }

start_store() { # sets pid, and took (ms until ready)
    local begun fifo=$work/ready
    [ -p "$fifo" ] || mkfifo "$fifo"
    begun=$(now)
    conn-store -d 3 3>"$fifo" </dev/null 2>>"$work/log" &
    pid=$!
    read -r <"$fifo" || true
    kill -0 "$pid" || die "the store does not start: $(tail -n 1 "$work/log")"
    took=$((($(now) - begun) / 1000000))
}
end_store() { # SIGNAL
    kill "-$1" "$pid" && wait "$pid"
    pid=
}

durable() {
    local i rate bare one many a=() b=() c=() d=() e=()
    start_store
    for ((i = 0; i < rounds; i++)); do
        bare=$(store "$work/bare.gdbm" "$seconds" "$bytes") && bare=${bare#*=}
        rate=$(store-load drive "$CONN_RUN/store.sock" "$work/journal" "one$i" 1 $((seconds * 1000))) && one=${rate##*=}
        rate=$(store-load drive "$CONN_RUN/store.sock" "$work/journal" "many$i" 64 $((seconds * 1000))) && many=${rate##*=}
        a+=("$bare") b+=("$one") c+=("$many") d+=("$(ratio "$one" "$bare")") e+=("$(ratio "$many" "$bare")")
    done
    end_store TERM
    say "durable   bare gdbm_store + gdbm_sync   $(spread "${a[@]}") /s"
    say "durable   conn-store, 1 client          $(spread "${b[@]}") /s, ratio $(spread "${d[@]}")"
    say "durable   conn-store, 64 clients        $(spread "${c[@]}") /s, ratio $(spread "${e[@]}")"
}

commands() { # 10,000 connections, 20 events each
    jq -nc 'range(200000) as $k | ($k % 10000) as $i | ($k / 10000 | floor) as $r | "c\($i)" as $id |
        {id: $id, name: "n\($r)", connectionType: "mqtt-5", connectionStatus: "closed", uri: "tcp://user:secret@localhost:1883",
         sources: [], targets: [{address: "out/{{ thing:id }}", qos: 1, topics: ["_/_/things/live/messages"],
         authorizationContext: ["load:x"]}]} as $doc |
        {headers: {"response-required": false}, signal: (if $r == 0 then {type: "createConnection", connection: $doc}
         elif $r % 5 == 0 then {type: "modifyConnection", connection: $doc}
         elif $r % 2 == 1 then {type: "openConnection", connectionId: $id} else {type: "closeConnection", connectionId: $id} end
         | .type |= "connectivity.commands:" + .)}'
}
rss() { awk '/^VmRSS/ {r = $2} /^VmHWM/ {h = $2} END {printf "%d MiB now, %d MiB at most", r / 1024, h / 1024}' "/proc/$pid/status"; }

retrieve() { # 10,000, one after the other
    local i
    for ((i = 0; i < 10000; i++)); do
        echo '{"signal":{"type":"connectivity.commands:retrieveConnection","connectionId":"c'$i'"}}'
    done >"$work/questions"
    store-load ask "$CONN_RUN/store.sock" <"$work/questions" || die "a retrieve failed"
}

starting() {
    local i clean=() killed=()
    rm -rf "$CONN_DIR" && mkdir -m 700 "$CONN_DIR"
    commands | conn-store -1 >"$work/refused" || die "cannot fill the log"
    [ -s "$work/refused" ] && die "refused: $(head -n 1 "$work/refused")"
    for ((i = 0; i < rounds; i++)); do
        start_store
        clean+=("$took")
        end_store TERM
        start_store
        end_store KILL
        start_store
        killed+=("$took")
        [ "$i" -lt $((rounds - 1)) ] && end_store TERM
    done
    say "start     10,000 connections, 200,000 events, $(($(stat -c %s "$CONN_DIR/events.gdbm") / 1048576)) MiB"
    say "start     after a clean end             $(spread "${clean[@]}") ms"
    say "start     after a kill                  $(spread "${killed[@]}") ms"
    say "start     memory                        $(rss)"
    say "start     a retrieve                    $(retrieve)"
    end_store TERM
}

mkdir -p "$BUILD/bench"
: >"$BUILD/bench/store.txt"
durable
starting
