#!/usr/bin/env bats
# conn-tap.bats: looking at what flows through the hub.
load helper/common
load helper/hub

tap() { # OPTION… [TOPIC…]
    start_ready tap conn-tap -d 4 "$@"
}
COMMAND='"topic":"ns/t/things/twin/commands/modify","headers":{"correlation-id":"c-1"},"path":"/attributes/a","value":1'

@test "usage, version, no hub" {
    run --separate-stderr conn-tap -n 0
    assert_status 100
    assert_output ''
    run --separate-stderr conn-tap -V
    assert_status 0
    assert_output --partial 'conn-tap '
    run --separate-stderr conn-tap
    assert_status 111
    assert_output ''
    assert_stderr "conn-tap: error: cannot join the hub at '$CONN_RUN/hub.sock': No such file or directory"
}

@test "what flows, from whom to whom" {
    hub
    source_ring src
    target_ring sink -a 200
    service twin '"topics":["_/_/things/twin/commands"]' -a 200
    tap -n 6
    say src "$(message x-1 ns/t "$(acks sink:done)")"
    told src 1
    say src '{"id":"x-2","topic":"org/t/things/live/events/modified","path":"/","value":2}'
    told src 2
    say src '{"id":"x-3",'"$COMMAND"'}'
    told src 3
    wait_exit tap
    assert_status 0
    assert_equal "$(<"$WORK/tap.err")" ''
    run jq -rc '[.from, .to, .line.topic // .line.status] | map(tostring) | join(" ")' "$WORK/tap.out"
    assert_output 'in:src/0 out:sink/0 ns/t/things/live/messages/m
out:sink/0 in:src/0 200
in:src/0 null org/t/things/live/events/modified
in:src/0 in:src/0 200
in:src/0 service:twin ns/t/things/twin/commands/modify
service:twin in:src/0 200'
}

@test "filters: topic, connection, correlation id; the lines alone" {
    hub
    source_ring src
    source_ring other
    target_ring sink
    service twin '"topics":["_/_/things/twin/commands"]' -a 200
    start_ready topics conn-tap -d 4 -n 2 _/_/things/twin org.x/_/things/live
    start_ready one conn-tap -d 4 -n 2 -C other
    start_ready id conn-tap -d 4 -n 1 -i c-1 -l
    say src "$(message x-1 org.y/t)" "$(message x-2 org.x/t)"
    told src 2
    say other "$(message y-1 org.y/t)"
    told other 1
    say src '{"id":"x-3",'"$COMMAND"'}'
    wait_exit topics
    wait_exit one
    wait_exit id
    run jq -rc '.line.topic' "$WORK/topics.out"
    assert_output 'org.x/t/things/live/messages/m
ns/t/things/twin/commands/modify'
    run jq -rc '[.from, .to] | join(" ")' "$WORK/one.out"
    assert_output 'in:other/0 out:sink/0
in:other/0 in:other/0'
    run jq -c 'del(.id)' "$WORK/id.out"
    assert_output '{"context":{"connection":"src","client":0},'"$COMMAND"'}'
}

@test "a tap is never waited for: what finds no room is counted" {
    hub -M 100 -B 100000
    source_ring src
    target_ring sink -a 200
    tap
    kill -STOP "${PIDS[tap]}"
    wait_for 5 stopped "${PIDS[tap]}"
    messages 5000 x ns/t '"v":"'"$(bytes 1000)"'",'"$(acks sink:done)" >&"$FD_src"
    wait_for 20 has_lines src 5000
    [ "$(counter queued_bytes)" -le 400000 ]
    kill -CONT "${PIDS[tap]}"
    wait_for 10 counted
    stop tap
    assert_status 0
}
counted() {
    say src "$(message y ns/t)"
    grep -q '^conn-tap: warning: [0-9]* records found no room' "$WORK/tap.err"
}

@test "a tap says nothing, ends with its reader, with TERM, and with the hub" {
    hub
    printf '{"hello":1,"role":"tap"}\n{"id":"x","status":200}\n' >"$WORK/hello"
    start talker hub-client -H "$WORK/hello" tap </dev/null
    wait_for 5 is_counter bad 1
    start head bash -c 'conn-tap | head -n 1'
    tap
    source_ring src
    wait_for 5 is_counter members 4
    say src "$(message x-1 ns/t)" "$(message x-2 ns/t)"
    wait_exit head
    assert_status 0
    stop tap
    assert_status 0
    tap
    kill -KILL "${PIDS[hub]}"
    wait_exit tap
    assert_status 111
    assert_file "$WORK/tap.err" 'conn-tap: error: cannot go on: the hub is gone'
}

@test "the examples of the page" {
    hub
    source_ring src
    service twin '"topics":["_/_/things/twin/commands"]'
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh/{/^\.Bd/,/^\.Ed/{/^\./!p}}' "$ROOT/man/conn-tap.1" >"$WORK/example"
    cd "$WORK"
    start example bash -e example
    local i
    for ((i = 0; i < 50 && $(counter members) < 4; i++)); do :; done
    say src '{"id":"x-1",'"$COMMAND"'}'
    wait_exit example
    assert_status 0
    assert_equal "$(<"$WORK/example.out")" '/attributes/a'
}
