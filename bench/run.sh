#!/bin/bash
# run.sh [-q] [-n COUNT] [-r ROUNDS] [-b BRIDGES] [PART…]: speed and memory, beside yardsticks, in one run.
#
# Parts (all of them without arguments):
#   json      what reading and splicing one envelope costs, beside libjq
#   envelope  AMQP 1.0 → MQTT 5, Ditto Protocol messages of 500 bytes: (a) ring of amqp-in, ditto-map -i, ditto-map -o and
#             mqtt-out, (b) Node.js on rhea and mqtt, (c) one hand-written C process
#   script    the same from raw telemetry: (a) with the JQ mapper of examples/connections, (b) JavaScript in Node.js
#   latency   the bridges of envelope at 1,000 messages a second: p50 and p99, from the source's transfer until it is accepted
#   idle      the whole house with the two example connections open: system calls and memory while nothing happens
# -q is quick and coarse; -n COUNT messages a round (20000), -r ROUNDS (5), -b abc only these bridges.
#
# The bridges of a round run one after the other, on the same peers, the first one another each round: AMQP from
# tests/helper/amqp-peer, MQTT QoS 1 into a private mosquitto with one counting subscriber, then into bench/null-mqtt,
# which only confirms. All of them have 500 messages in flight at most and accept a delivery after its PUBACK. Before
# the measured messages come WARM_UP others: nobody pays for its start. CPU is user + system of all processes of a
# bridge, from the last message of the warm-up to the last disposition.
#
# A run fails if a message is lost, doubled, not as it should be, or not accepted; times are only printed. Each figure is
# a median [least–most] over the rounds; a ratio that of the rounds' ratios. $BUILD/bench/results.ndjson keeps every round.
# Exit: 0, 1 a run failed, 100 bad usage. Needs jq; (b) is left out, with a line that says so, where node or npm or
# the network is missing.
set -u
cd "${0%/*}/.." || exit 111
ROOT=$PWD
BUILD=${BUILD:-build}
case $BUILD in
/*) ;;
*) BUILD=$ROOT/$BUILD ;;
esac
PATH=$BUILD/bin:$BUILD/tests:$BUILD/bench:$PATH:/usr/sbin
export BUILD PATH
# shellcheck source-path=SCRIPTDIR source=../tests/helper/process.bash
source tests/helper/process.bash
# shellcheck source-path=SCRIPTDIR source=../tests/helper/mosquitto.bash
source tests/helper/mosquitto.bash
# shellcheck source-path=SCRIPTDIR source=house.bash
source bench/house.bash

ADDRESS=telemetry
BODY_BYTES=500
WINDOW=500
RESULTS=$BUILD/bench/results.ndjson

synopsis() {
    [ $# -eq 0 ] || echo "run.sh: error: $*" >&2
    echo "usage: run.sh [-q] [-n COUNT] [-r ROUNDS] [-b BRIDGES] [json|envelope|script|latency|idle…]" >&2
    exit 100
}

die() {
    echo "run.sh: error: $*" >&2
    exit 1
}

main() {
    local opt parts
    COUNT=20000 ROUNDS=5 WARM_UP=5000 BRIDGES=abc
    while getopts qn:r:b: opt; do
        case $opt in
        q) COUNT=10000 ROUNDS=3 ;;
        n) COUNT=$OPTARG ;;
        r) ROUNDS=$OPTARG ;;
        b) BRIDGES=$OPTARG ;;
        *) synopsis ;;
        esac
    done
    shift $((OPTIND - 1))
    [[ $COUNT =~ ^[1-9][0-9]{0,7}$ && $ROUNDS =~ ^[1-9][0-9]?$ && $BRIDGES =~ ^[abc]+$ ]] || synopsis "no such number or bridge"
    parts=("${@:-all}")
    [ "${parts[0]}" != all ] || parts=(json envelope script latency idle)
    for opt in "${parts[@]}"; do
        [[ $opt =~ ^(json|envelope|script|latency|idle)$ ]] || synopsis "no part '$opt'"
    done
    WORK=$(mktemp -d /tmp/conntools-bench.XXXXXX) || exit 111
    trap 'end_tracked; rm -rf "$WORK"' EXIT
    trap 'exit 1' HUP INT TERM
    : >"$RESULTS"
    describe
    for opt in "${parts[@]}"; do
        "part_$opt"
    done
}

describe() {
    echo "$(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r)"
    echo "$ROUNDS rounds of $COUNT messages after $WARM_UP, $WINDOW in flight; median [least–most]"
}

# --- json ------------------------------------------------------------------------------------------------------------

part_json() {
    echo
    echo "== json: one envelope, in this process"
    json 9 | jq -r '"\(.bytes) bytes: read as a line \(.line_read_ns) ns, read and spliced \(.splice_ns) ns; libjq parses in \(.jq_parse_ns) ns, parses and prints in \(.jq_parse_dump_ns) ns"'
}

# --- the two tables of bridges ---------------------------------------------------------------------------------------

part_envelope() {
    table envelope "AMQP 1.0 → MQTT QoS 1, envelopes of $BODY_BYTES bytes, Ditto mapper" abc
}

part_script() {
    table script "AMQP 1.0 → MQTT QoS 1, raw telemetry of $BODY_BYTES bytes, mapping script" ab
}

# The same bridges, sources and sinks as of envelope, with time to breathe between messages.
part_latency() {
    local bridges round i
    bridges=$(available abc) || exit 1
    for ((round = 0; round < ROUNDS; round++)); do
        for ((i = 0; i < ${#bridges}; i++)); do
            progress "latency: round $((round + 1)) of $ROUNDS"
            wait_there_and_back "${bridges:(i + round) % ${#bridges}:1}" "$round"
        done
    done
    progress
    jq -rs '
        def median: sort | .[length / 2 | floor];
        def figure: "\(median) [\(min)–\(max)]";
        {a: "ring", b: "Node.js", c: "one C process"} as $names
        | map(select(.table == "latency")) as $all
        | "\n== latency: AMQP 1.0 → MQTT QoS 1 and back, \($all[0].rate) messages/s, us",
          ($all | group_by(.bridge)[] | "(\(.[0].bridge)) \($names[.[0].bridge]): p50 \(map(.p50_us) | figure), p99 \(map(.p99_us) | figure)"),
          (("b", "c") as $other
            | ($all | map(select(.bridge == $other)) | sort_by(.round)) as $theirs
            | ($all | map(select(.bridge == "a")) | sort_by(.round)) as $ours
            | select(($theirs | length) > 0 and ($ours | length) > 0)
            | "(a)/(\($other)): " + ([("p50_us", "p99_us") as $k
                | "\($k[:3]) \([range($ours | length) | $ours[.][$k] / $theirs[.][$k]] | median * 100 | round / 100)"] | join(", ")))' "$RESULTS"
}

wait_there_and_back() { # BRIDGE ROUND
    local rate=1000
    start_sink broker
    start_source envelope
    start_bridge "$1" envelope
    generate "$WARM_UP" $rate
    wait_phase 0
    wait_accepted "$WARM_UP"
    echo '{"do":"times"}' >&5
    generate "$COUNT" $rate
    wait_phase 1
    wait_accepted $((WARM_UP + COUNT))
    echo '{"do":"times"}' >&5
    wait_for 10 timed "$COUNT" || failed "the source does not say how long it took"
    stop_run
    jq -c --arg bridge "$1" --argjson round "$2" --argjson rate $rate --argjson count "$COUNT" \
        '.times // empty | select(.count == $count) | {table: "latency", bridge: $bridge, round: $round, rate: $rate, p50_us, p99_us, max_us}' \
        "$WORK/source.out" | tail -n 1 >>"$RESULTS"
}

timed() { # COUNT
    grep -q "\"times\".*\"count\":$1," "$WORK/source.out"
}

table() { # NAME TITLE BRIDGES
    local sink bridges
    bridges=$(available "$3") || exit 1
    for sink in broker null; do
        for ((round = 0; round < ROUNDS; round++)); do
            for ((i = 0; i < ${#bridges}; i++)); do
                progress "$1 $sink: round $((round + 1)) of $ROUNDS"
                measure "$1" "$sink" "${bridges:(i + round) % ${#bridges}:1}" "$round"
            done
        done
    done
    progress
    [[ $bridges != *b* ]] || set -- "$1" "$2; $(node_versions)"
    jq -rs --arg table "$1" --arg title "$2" -f bench/table.jq "$RESULTS"
}

available() { # BRIDGES: those that were asked for and can run
    local wanted=
    for ((i = 0; i < ${#1}; i++)); do
        case ${1:i:1} in
        b) [[ $BRIDGES != *b* ]] || ! node_ready || wanted+=b ;;
        *) [[ $BRIDGES != *${1:i:1}* ]] || wanted+=${1:i:1} ;;
        esac
    done
    [ -n "$wanted" ] || die "none of these bridges can run: $1"
    echo "$wanted"
}

progress() { # [TEXT]: a line that goes away, on a terminal only
    [ ! -t 2 ] || printf '\r\e[K%s' "${1-}" >&2
}

# The packages stay in the build folder. Says why not, if not.
node_ready() {
    local dir=$BUILD/bench/node
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        echo "skipped: (b), since there is no node or no npm here" >&2
        return 1
    fi
    if [ ! -e "$dir/node_modules/rhea" ] || [ ! -e "$dir/node_modules/mqtt" ]; then
        mkdir -p "$dir"
        timeout 120 npm install --prefix "$dir" --loglevel=error --no-audit --no-fund --no-progress rhea@3 mqtt@5 </dev/null >"$dir/log" 2>&1 || {
            echo "skipped: (b), since npm cannot install rhea and mqtt: $(head -n 1 "$dir/log")" >&2
            return 1
        }
    fi
    cp bench/bridge.mjs "$dir/"
}

node_versions() {
    local modules=$BUILD/bench/node/node_modules
    echo "node $(node --version)$(jq -j '", \(.name) \(.version)"' "$modules"/{rhea,mqtt}/package.json)"
}

# --- one run ---------------------------------------------------------------------------------------------------------

measure() { # TABLE SINK BRIDGE ROUND
    local before after
    start_sink "$2"
    start_source "$1"
    start_bridge "$3" "$1"
    generate "$WARM_UP"
    wait_phase 0
    wait_accepted "$WARM_UP"
    before=$(usage "${PIDS[bridge]}") || failed "the bridge is gone"
    generate "$COUNT"
    wait_phase 1
    wait_accepted $((WARM_UP + COUNT))
    after=$(usage -m "${PIDS[bridge]}") || failed "the bridge is gone"
    stop_run
    jq -cn --arg table "$1" --arg sink "$2" --arg bridge "$3" --argjson round "$4" --argjson started "$STARTED" \
        --slurpfile sink_says "$WORK/sink.out" --argjson before "$(jq -s . <<<"$before")" \
        --argjson after "$(jq -s . <<<"$after")" -f bench/round.jq >>"$RESULTS" || failed "the figures make no sense"
    jq -se '.[-1] | .lost == 0 and .duplicates == 0 and .wrong == 0' "$RESULTS" >/dev/null ||
        failed "messages were lost, doubled or changed: $(tail -n 1 "$RESULTS")"
}

# Sets SINK_PORT.
start_sink() { # broker|null
    if [ "$1" = null ]; then
        start sink null-mqtt "$WARM_UP" "$COUNT" </dev/null
        wait_record sink .port
        SINK_PORT=$REPLY
    else
        [ -n "${MQTT_PORT-}" ] || mosquitto_start 'log_type none' || failed "no broker"
        start sink mqtt-count -p "$MQTT_PORT" "$WARM_UP" "$COUNT" </dev/null
        wait_record sink .subscribed
        SINK_PORT=$MQTT_PORT
    fi
}

# Sets SOURCE_PORT. Its control lines come from descriptor 5.
start_source() { # TABLE
    local form=()
    [ "$1" != envelope ] || form=(-e)
    rm -f "$WORK/control"
    mkfifo "$WORK/control"
    exec 5<>"$WORK/control"
    start source amqp-peer -Q "${form[@]}" - <"$WORK/control" 5>&-
    wait_record source .port
    SOURCE_PORT=$REPLY
}

start_bridge() { # BRIDGE TABLE
    case $1 in
    a) start_ring "$2" ;;
    b)
        local map=()
        [ "$2" != script ] || map=(-m)
        launch node "$BUILD/bench/node/bridge.mjs" "${map[@]}" -w $WINDOW "$SOURCE_PORT" $ADDRESS "$SINK_PORT"
        ;;
    c) launch bridge -w $WINDOW "$SOURCE_PORT" $ADDRESS "$SINK_PORT" ;;
    esac
}

# The example connections, on the ports of this run. Nobody but the ring waits for these messages: no acknowledgement is
# requested; the target has the header mapping that the other bridges have built in.
start_ring() { # TABLE
    local mapper='.'
    [ "$1" = script ] || mapper='.sources[0].payloadMapping = ["Ditto"]'
    jq --arg uri "amqp://127.0.0.1:$SOURCE_PORT" ".uri = \$uri | del(.sources[0].acknowledgementRequests) | $mapper" \
        examples/connections/amqp-telemetry.json >"$WORK/in.json"
    jq --arg uri "tcp://127.0.0.1:$SINK_PORT" '.uri = $uri | .targets[0].headerMapping =
        {"correlation-id": "{{ header:correlation-id }}", "content-type": "{{ header:content-type }}"}' \
        examples/connections/mqtt-live.json >"$WORK/out.json"
    launch ring "exec amqp-in -c $WORK/in.json -w $WINDOW" "exec ditto-map -i -c $WORK/in.json" \
        "exec ditto-map -o -c $WORK/out.json -k 0" "exec mqtt-out -c $WORK/out.json -k 0 -w $WINDOW"
}

launch() { # CMD…
    STARTED=${EPOCHREALTIME/[.,]/}
    start bridge "$@" </dev/null
}

generate() { # COUNT [RATE]
    echo "{\"do\":\"generate\",\"address\":\"$ADDRESS\",\"count\":$1,\"bytes\":$BODY_BYTES,\"rate\":${2:-0}}" >&5
}

wait_phase() { # N
    if ! wait_for 120 phase_or_gone "$1" || ! has_record sink "select(.phase == $1)"; then
        failed "not every message arrived"
    fi
}

phase_or_gone() { # N
    has_record sink "select(.phase == $1)" || not running "${PIDS[bridge]}"
}

# Waits until that many messages in all were accepted; none may end otherwise.
wait_accepted() { # COUNT
    if ! wait_for 30 accepted_or_gone "$1" || ! running "${PIDS[bridge]}"; then
        failed "not every message was accepted"
    fi
}

accepted_or_gone() { # COUNT
    echo '{"do":"summary"}' >&5
    tail -n 1 "$WORK/source.out" | jq -e --argjson count "$1" '.summary | .accepted == $count and
        .transfers == $count and .queued == 0' >/dev/null 2>&1 || not running "${PIDS[bridge]}"
}

wait_record() { # NAME FILTER: its value in REPLY
    wait_for 10 has_record "$1" "$2" || failed "$1 does not start"
}

has_record() { # NAME FILTER: a record for which it gives something is there; the first one's value in REPLY
    REPLY=$(jq -rn "first(inputs | $2 // empty)" "$WORK/$1.out" 2>/dev/null)
    [ -n "$REPLY" ]
}

# The bridge first: it must not see its peers go.
stop_run() {
    exec 5>&-
    end_processes 10 "${PIDS[bridge]}" || failed "the bridge does not end"
    end_processes 10 "${PIDS[source]}" "${PIDS[sink]}" || failed "a peer does not end"
}

failed() { # REASON
    local log
    progress
    for log in bridge.err source.err sink.err source.out sink.out; do
        [ ! -s "$WORK/$log" ] || tail -n 5 "$WORK/$log" | cut -c 1-400 | sed "s/^/$log: /" >&2
    done
    die "$1"
}

main "$@"
