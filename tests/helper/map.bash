# map.bash: messages, connections and processes of ditto-map, for the files that test its mappers.
#
#   load helper/common
#   load helper/map
# shellcheck shell=bash disable=SC2154,SC2034 # output, stderr, PIDS come from run and process.bash

# A connection with one source and one target; FILTER changes it: connection [FILTER] > FILE
connection() {
    jq -n '{id: "c1", connectionType: "amqp-10", connectionStatus: "open", uri: "amqp://127.0.0.1:5672",
        mappingDefinitions: {},
        sources: [{addresses: ["a"], authorizationContext: ["i:s"], headerMapping: {}, replyTarget: {enabled: false}}],
        targets: [{address: "t", topics: ["_/_/things/live/messages"], authorizationContext: ["i:s"]}]}
        | '"${1:-.}"
}

# The connection of the test, with a mapper "m" of that engine: mapper_connection ENGINE OPTIONS [FILTER] [sources|targets]
mapper_connection() {
    connection "(${2:-null}) as \$o
        | .mappingDefinitions.m = {mappingEngine: \"$1\", options: (\$o // {})}
        | .${4:-sources}[0].payloadMapping = [\"m\"] | ${3:-.}" >"$WORK/c.json"
}

# An external message: external ID TEXT [HEADERS]
external() {
    local headers=${3:-"{}"}
    jq -nc --arg id "$1" --arg text "$2" "{id: \$id, address: \"a\", headers: ($headers), text: \$text}"
}

envelope() { # [MEMBERS]
    local members=${1:-"{}"}
    jq -nc '{topic: "ns/d/things/twin/commands/modify", headers: {"correlation-id": "c"}, path: "/attributes/a", value: 1}
        + ('"$members"')'
}

# Runs ditto-map on $WORK/in, or on the lines given before --.
map() { # [LINE… --] OPTION…
    local feed=()
    while [[ " $* " == *" -- "* ]]; do
        [ "$1" = -- ] || feed+=("$1")
        shift
    done
    [ ${#feed[@]} -eq 0 ] || printf '%s\n' "${feed[@]}" >"$WORK/in"
    run --separate-stderr ditto-map "$@" <"$WORK/in"
}

# What jq says of the output lines, taken as an array.
assert_lines() { # PROGRAM TEXT
    local got
    got=$(jq -sc "$1" <<<"$output") || fail "not JSON: $output"
    [ "$got" = "$2" ] || batslib_print_kv_single_or_multi 8 expected "$2" got "$got" stderr "$stderr" |
        batslib_decorate "lines differ: $1" | fail
}

assert_error() { # CODE
    assert_success
    assert_lines 'map(select(.id))[0] | [.id, .status, .error.status, .error.error]' "[\"x\",400,400,\"$1\"]"
    assert_stderr --regexp "^ditto-map( c1)?: warning: cannot map message 'x': $1: "
}

sanitized() { [[ $BUILD == */asan ]]; }

# Starts it with a stdin that stays open: descriptor 6.
start_mapper() { # OPTION…
    mkfifo "$WORK/fifo"
    exec 6<>"$WORK/fifo"
    start_ready mapper ditto-map -d 4 "$@" <"$WORK/fifo" 6>&-
}

end_mapper() {
    exec 6>&-
    wait_exit mapper
}

descendants_of() { # PID
    local child children=()
    read -ra children 2>/dev/null <"/proc/$1/task/$1/children" || :
    for child in "${children[@]}"; do
        echo "$child"
        descendants_of "$child"
    done
}

lines_out() { # N
    [ "$(wc -l <"$WORK/mapper.out")" -eq "$1" ]
}
