#!/usr/bin/env bats
# ditto-twin-durable.bats: what was answered is there, its event leaves, and nothing is done twice, whenever the twin dies.
#
# twin-load feeds it, kills it and checks all that. CONN_LONG=1: more rounds, every point.
load helper/common

pick() { # LONG QUICK
    [ "${CONN_LONG:-0}" = 1 ] && REPLY=$1 || REPLY=$2
}

cmd() { # ID ACTION PATH [VALUE [CORRELATION-ID]]
    printf '{"id":"%s","topic":"ns/d/things/twin/commands/%s","headers":{%s},"path":"%s"%s,"context":{"connection":"k"}}\n' \
        "$1" "$2" "${5+\"correlation-id\":\"$5\"}" "$3" "${4+,\"value\":$4}"
}

# What came out, in short: "event path value revision cause" and "id status value".
short() {
    jq -r 'if .topic | contains("/events/") then "event \(.path) \(.value | tojson) \(.revision) \(.context.cause)"
        else "\(.id) \(.status) \(.value | tojson)" end' <<<"$output"
}

# The ids of the events in $output.
event_ids() {
    jq -r 'select(.topic | contains("/events/")).id' <<<"$output"
}

@test "things are there after the next start, with their revisions, tags and metadata" {
    run --separate-stderr ditto-twin -S write < <(
        cmd 1 create / '{"attributes":{"a":1}}'
        printf '{"topic":"ns/d/things/twin/commands/modify","headers":{"put-metadata":[{"key":"/u","value":"C"}]},"path":"/attributes/a","value":2}\n'
        echo '{"topic":"ns/p/policies/commands/create","headers":{},"path":"/","value":{"entries":{}}}'
        echo '{"topic":"ns/gone/things/twin/commands/create","headers":{},"path":"/","value":{}}'
        echo '{"topic":"ns/gone/things/twin/commands/delete","headers":{},"path":"/"}'
    )
    assert_status 0
    assert_stderr ''
    ask() {
        run --separate-stderr ditto-twin -S write < <(
            echo '{"topic":"ns/d/things/twin/commands/retrieve","headers":{"if-match":"\"rev:2\""},"path":"/","fields":"attributes,_revision,_metadata"}'
            echo '{"topic":"ns/p/policies/commands/retrieve","headers":{},"path":"/entries"}'
            echo '{"topic":"ns/gone/things/twin/commands/retrieve","headers":{},"path":"/"}'
        )
        assert_status 0
        assert_stderr ''
        run jq -c '.value | .error // .' <<<"$output"
        assert_output '{"attributes":{"a":2},"_revision":2,"_metadata":{"attributes":{"a":{"u":"C"}}}}
{}
"things:thing.notfound"'
    }
    ask
    rm "$CONN_DIR/twin/events.snapshot" # only makes the start shorter
    ask
    rm "$CONN_DIR/twin/events.clean" # as after a crash
    run --separate-stderr ditto-twin -S write -q </dev/null
    ask
    run --separate-stderr ditto-twin -S write < <(cmd 1 create / '{}'; echo '{"topic":"ns/gone/things/twin/commands/create","headers":{},"path":"/","value":{}}')
    run jq -c 'select(.revision) | .revision' <<<"$output"
    assert_output 3
}

@test "events that nobody settled leave again, settled ones do not" {
    run --separate-stderr ditto-twin < <(for i in 1 2 3; do cmd $i modify / "{\"attributes\":{\"n\":$i}}"; done)
    assert_status 0
    run --separate-stderr ditto-twin </dev/null
    run short
    assert_output 'event / {"thingId":"ns:d","policyId":"ns:d","attributes":{"n":1}} 1 null
event / {"thingId":"ns:d","policyId":"ns:d","attributes":{"n":2}} 2 null
event / {"thingId":"ns:d","policyId":"ns:d","attributes":{"n":3}} 3 null'
    mkfifo "$WORK/to"
    ditto-twin <"$WORK/to" >"$WORK/out" 2>"$WORK/err" 3>&- &
    local pid=$!
    exec 4>"$WORK/to"
    three() { [ "$(wc -l <"$WORK/out")" -eq 3 ]; }
    wait_for 5 three
    jq -r .id "$WORK/out" | head -n 2 | while read -r id; do printf '{"id":"%s","status":503}\n' "$id"; done >&4
    exec 4>&-
    wait $pid
    run --separate-stderr ditto-twin </dev/null
    run short
    assert_output 'event / {"thingId":"ns:d","policyId":"ns:d","attributes":{"n":3}} 3 null'
}

@test "settlements of its own events are consumed, with parts too; of others they pass" {
    coproc TWIN { exec ditto-twin 2>"$WORK/err" 3>&-; }
    cmd 1 create / '{}' >&"${TWIN[1]}"
    local event answer id
    read -r event <&"${TWIN[0]}"
    read -r answer <&"${TWIN[0]}"
    id=$(jq -r .id <<<"$event")
    printf '%s\n' "{\"id\":\"$id\",\"parts\":2}" "{\"id\":\"$id/1\",\"status\":200}" '{"id":"other","status":200}' \
        "{\"id\":\"$id/2\",\"status\":200}" "{\"id\":\"$id/2\",\"status\":200}" >&"${TWIN[1]}"
    local pid=$TWIN_PID
    read -r event <&"${TWIN[0]}"
    eval "exec ${TWIN[1]}>&-"
    wait "$pid"
    [ "$event" = '{"id":"other","status":200}' ]
    run --separate-stderr ditto-twin </dev/null
    assert_output ''
}

@test "a command that comes again gets its answer again and changes nothing" {
    run --separate-stderr ditto-twin < <(
        cmd 1 create / '{"attributes":{"n":0}}' c-1
        cmd 2 modify /attributes/n 1 c-2
        cmd 3 modify /attributes/n 2 c-3
        cmd 4 modify /attributes/n 1 c-2
        cmd 5 create / '{"attributes":{"n":0}}' c-1
        cmd 6 retrieve /attributes/n
    )
    run short
    assert_output 'event / {"thingId":"ns:d","policyId":"ns:d","attributes":{"n":0}} 1 1
1 201 {"thingId":"ns:d","policyId":"ns:d","attributes":{"n":0}}
event /attributes/n 1 2 2
2 204 null
event /attributes/n 2 3 3
3 204 null
event /attributes/n 1 2 4
4 204 null
event / {"thingId":"ns:d","policyId":"ns:d","attributes":{"n":0}} 1 5
5 201 {"thingId":"ns:d","policyId":"ns:d","attributes":{"n":0}}
6 200 2'
    # also after the next start
    run --separate-stderr ditto-twin -S write < <(
        cmd 7 modify /attributes/n 1 c-2
        cmd 8 retrieve /attributes/n
    )
    output=$(grep -v '"cause":null' <<<"$output" | tail -n 3)
    run short
    assert_output 'event /attributes/n 1 2 7
7 204 null
8 200 2'
}

@test "it is the same command only with the same connection, correlation-id, place and value" {
    run --separate-stderr ditto-twin -u -S write < <(
        cmd 1 create / '{}'
        cmd 2 modify /attributes/n 1 c
        cmd 3 modify /attributes/n 2 c
        cmd 4 modify /attributes/m 1 c
        cmd 5 modify /attributes/n 1 d
        cmd 6 modify /attributes/n 1
        cmd 7 modify /attributes/n 1
        cmd 8 modify /attributes/n 1 c | sed 's/"connection":"k"/"connection":"l"/'
        cmd 9 modify /attributes/n 1 c
    )
    run jq -c 'select(.revision) | [.revision, .context.cause]' <<<"$output"
    assert_output '[1,"1"]
[2,"2"]
[3,"3"]
[4,"4"]
[5,"5"]
[6,"6"]
[7,"7"]
[8,"8"]
[2,"9"]'
}

@test "an event that all accepted does not leave again with its command" {
    coproc TWIN { exec ditto-twin -u 2>"$WORK/err" 3>&-; }
    local pid=$TWIN_PID event answer
    cmd 1 create / '{}' c >&"${TWIN[1]}"
    read -r event <&"${TWIN[0]}"
    read -r answer <&"${TWIN[0]}"
    printf '{"id":"%s","status":200}\n' "$(jq -r .id <<<"$event")" >&"${TWIN[1]}"
    cmd 2 create / '{}' c >&"${TWIN[1]}"
    read -r answer <&"${TWIN[0]}"
    eval "exec ${TWIN[1]}>&-"
    wait "$pid"
    run jq -c '[.id, .status]' <<<"$answer"
    assert_output '["2",201]'
}

@test "killed at random: nothing answered is lost, nothing is done twice" {
    pick 60 6 && local kills=$REPLY
    run --separate-stderr twin-load "$kills" 200 -- ditto-twin -q
    assert_status 0
    assert_stderr ''
    assert_output --regexp "^kills=$kills changes=$((kills * 200)) .* rest=0\$"
    echo "# $output" >&3
}

# Runs commands through a twin that dies at the N-th call on its files, for N in steps of STRIDE until it needs no more.
die_everywhere() { # HOW STRIDE
    local n points=0 status
    for i in {1..30}; do cmd "a$i" modify / "{\"attributes\":{\"n\":$i}}" "c$i"; done >"$WORK/in"
    for ((n = 1; ; n += $2)); do
        rm -rf "$CONN_DIR/twin"
        echo "$1 $n" >"$WORK/orders"
        status=0
        { STORE_SHIM=$WORK/orders LD_PRELOAD="$BUILD/tests/store-crash-shim.so" ditto-twin -q <"$WORK/in" >"$WORK/out" 2>"$WORK/log"; } 2>/dev/null || status=$?
        ditto-twin -q -S write <<<'{"id":"q","topic":"ns/d/things/twin/commands/retrieve","headers":{},"path":"/","fields":"attributes/n,_revision"}' >"$WORK/after" || fail "$1 $n: cannot start again"
        # what was answered is there: the newest one and all before it, or a whole batch that was not answered
        jq -e -n --slurpfile out "$WORK/out" --slurpfile after "$WORK/after" '
            ([$out[] | select(.status == 201 or .status == 204)] | length) as $answered
            | ($after[-1].value) as $now
            | ($now._revision // 0) as $r
            | $r >= $answered and ($r == 0 or $now.attributes.n == $r)
              and ([$after[] | select(.revision).revision] | unique | length) + 0 == ([$after[] | select(.revision)] | length)' >/dev/null ||
            fail "$1 $n: $(tail -n 1 "$WORK/after"), but $(tail -n 1 "$WORK/out")"
        [ "$status" -eq 0 ] && break
        [ "$status" -eq 137 ] || fail "$1 $n: $status: $(<"$WORK/log")"
        points=$((points + 1))
    done
    echo "# $1: $points points, nothing lost" >&3
    [ "$points" -ge 3 ]
}

@test "killed before every call that writes" {
    pick 1 2 && die_everywhere kill "$REPLY"
}

@test "killed in the middle of every call that writes" {
    pick 1 2 && die_everywhere tear "$REPLY"
}

@test "no room: changes are refused, the rest goes on, and nothing of them comes later" {
    echo enospc >"$WORK/orders"
    cmd 1 create / '{"attributes":{"n":1}}' | ditto-twin -S write >"$WORK/first"
    run --separate-stderr env STORE_SHIM="$WORK/orders" LD_PRELOAD="$BUILD/tests/store-crash-shim.so" ditto-twin -S write < <(
        cmd 2 modify /attributes/n 2
        cmd 3 retrieve /attributes/n
        cmd 4 create /  '{}'
        echo '{"id":"x","status":200}'
    )
    assert_status 0
    assert_stderr --partial 'ditto-twin: error: cannot keep changes: they are refused: No space left on device'
    run jq -c '[.id, .status, (.value | if type == "object" then .error // . else . end)]' <<<"$output"
    assert_output '["2",503,"things:thing.unavailable"]
["3",200,1]
["4",409,"things:thing.conflict"]
["x",200,null]'
    run --separate-stderr ditto-twin -S write < <(cmd 5 modify /attributes/n 3)
    run jq -c 'select(.revision) | [.revision, .value]' <<<"$output"
    assert_output '[2,3]'
}

@test "two twins do not share a log; a damaged one is refused" {
    coproc TWIN { exec ditto-twin 2>"$WORK/err" 3>&-; }
    local pid=$TWIN_PID line
    cmd 1 create / '{}' >&"${TWIN[1]}"
    read -r line <&"${TWIN[0]}"
    run --separate-stderr ditto-twin </dev/null
    assert_status 111
    assert_stderr --partial 'in use'
    eval "exec ${TWIN[1]}>&-"
    wait "$pid"
    mkdir "$WORK/other"
    echo 'this is no log' >"$WORK/other/events.gdbm"
    run --separate-stderr ditto-twin -D "$WORK/other" </dev/null
    assert_status 100
    assert_stderr "ditto-twin: error: cannot open '$WORK/other': it is no event file"
}

has_ended() { # PID
    ! running "$1"
}

@test "TERM ends it when its events are settled, USR1 prints its counters" {
    mkfifo "$WORK/to"
    ditto-twin <"$WORK/to" >"$WORK/out" 2>"$WORK/err" 3>&- &
    local pid=$!
    exec 4>"$WORK/to"
    cmd 1 create / '{"attributes":{"a":1}}' >&4
    two() { [ "$(wc -l <"$WORK/out")" -ge 2 ]; }
    wait_for 5 two
    kill -USR1 $pid
    counted() { grep -q entities "$WORK/err"; }
    wait_for 5 counted
    kill -TERM $pid
    printf '{"id":"%s","status":200}\n' "$(head -n 1 "$WORK/out" | jq -r .id)" >&4
    local status=0
    wait $pid || status=$?
    exec 4>&-
    [ "$status" -eq 0 ]
    run cat "$WORK/err"
    assert_output --regexp '^ditto-twin: info: entities=1 .*changes=1 .*unsettled=1 '
    run --separate-stderr ditto-twin </dev/null
    assert_output ''
}

@test "a ring that is broken ends it" {
    mkfifo "$WORK/to"
    ditto-twin -u <"$WORK/to" > >(exec true) 2>"$WORK/err" 3>&- &
    local pid=$!
    exec 4>"$WORK/to"
    wait_for 5 has_ended $pid
    exec 4>&-
    [ ! -s "$WORK/err" ]
}
