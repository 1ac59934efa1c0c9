#!/usr/bin/env bats
# mqtt-in.bats: the MQTT source against mosquitto. What its peers do wrong is in mqtt-peer.bats.
load helper/common
load helper/mosquitto
load helper/mqtt-in

# One broker for all tests that leave it alone. Each test has a client id of its own, and topics of its own.
setup_file() {
    common_setup_file
    mosquitto_start
}

teardown_file() {
    common_teardown_file
}

setup() {
    common_setup
    ME=me-$BATS_TEST_NUMBER
    IN=in-$BATS_TEST_NUMBER
}

# A source that holds something would drain for long; the end of its stdin ends it at once.
teardown() {
    exec 6>&-
    common_teardown
}

# The connection of this test.
mine() { # [FILTER]
    connection ".specificConfig = {clientId: \"$ME\"} | .sources[0].addresses = [\"$IN/#\"] | ${1:-.}"
}

# Runs mqtt-in until it ends, with stdin empty.
source_run() { # ARGS
    run --separate-stderr timeout 60 mqtt-in "$@" </dev/null
}

# --- the command line ---

@test "wrong usage is 100 and one synopsis line" {
    source_run
    assert_status 100
    assert_output ''
    assert_stderr 'mqtt-in: error: -c, or a URI and addresses, is needed
usage: mqtt-in [-rinqvhV] [-c PATH] [-k N] [-C N] [-p TYPE] [-Q QOS] [-S MODE] [-w N] [-R N] [-E MS] [-D MS] [-T MS] [-d FD] [-A FILE] [-I FILE] [-K FILE] [URI FILTER...]'
    source_run tcp://127.0.0.1:1
    assert_status 100
    source_run -S maybe tcp://127.0.0.1:1 t
    assert_status 100
    assert_stderr --partial '-S takes ring, write or none'
    source_run -Q 3 tcp://127.0.0.1:1 t
    assert_status 100
    source_run -V
    assert_status 0
    assert_output --regexp '^mqtt-in [0-9.]+ \(libmosquitto [0-9.]+\)$'
}

@test "a connection that cannot be served is 100, by name; -n connects to nobody" {
    MQTT_PORT=1
    connection '.sshTunnel = {enabled: true, uri: "ssh://h:22", validateHost: false, credentials: {type: "plain", username: "u", password: "p"}}'
    source_run -c "$WORK/connection"
    assert_status 100
    assert_stderr --partial '(at /sshTunnel)'
    connection '.credentials = {type: "hmac", algorithm: "az-sasl", parameters: {sharedKeyName: "n", sharedKey: "c2VjcmV0", endpoint: "e"}}'
    source_run -n -c "$WORK/connection"
    assert_status 100
    assert_stderr --partial 'hmac'
    refute [ "$(grep -c c2VjcmV0 <<<"$stderr")" -gt 0 ]
    source_run -p amqp-10 amqp://127.0.0.1:1 t
    assert_status 100
    assert_stderr --partial "of type 'amqp-10', not mqtt or mqtt-5"
    source_run tcp://127.0.0.1:1 'a/#/b'
    assert_status 100
    connection
    source_run -n -c "$WORK/connection"
    assert_status 0
    assert_output ''
    assert_stderr ''
}

# --- messages ---

@test "MQTT 5: topic, QoS, retain flag, properties and user properties become headers" {
    pub "$IN/kept" old -r
    mine '.sources[0].qos = 2'
    source_ready -c "$WORK/connection"
    lines 1
    pub "$IN/a" hello -D publish content-type text/plain -D publish response-topic back/here -D publish correlation-data c-1 \
        -D publish message-expiry-interval 3600 -D publish user-property name value -D publish user-property ä 'ö"\' \
        -D publish user-property mqtt.qos 9 -D publish user-property reply-to nowhere -D publish user-property name last
    mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -q 0 -t "$IN/b" -m ''
    mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -q 2 -t "$IN/c" -m 'is subscribed as 1'
    lines 4
    run jq -c '[.address, .headers, .text, .context]' "$WORK/src.out"
    assert_output "[\"$IN/kept\",{\"mqtt.topic\":\"$IN/kept\",\"mqtt.qos\":\"1\",\"mqtt.retain\":\"true\"},\"old\",{\"connection\":\"conn-1\",\"source\":0}]
[\"$IN/a\",{\"mqtt.topic\":\"$IN/a\",\"mqtt.qos\":\"1\",\"mqtt.retain\":\"false\",\"mqtt.message-expiry-interval\":\"3600\",\"correlation-id\":\"c-1\",\"reply-to\":\"back/here\",\"content-type\":\"text/plain\",\"name\":\"last\",\"ä\":\"ö\\\"\\\\\"},\"hello\",{\"connection\":\"conn-1\",\"source\":0}]
[\"$IN/b\",{\"mqtt.topic\":\"$IN/b\",\"mqtt.qos\":\"0\",\"mqtt.retain\":\"false\"},\"\",{\"connection\":\"conn-1\",\"source\":0}]
[\"$IN/c\",{\"mqtt.topic\":\"$IN/c\",\"mqtt.qos\":\"1\",\"mqtt.retain\":\"false\"},\"is subscribed as 1\",{\"connection\":\"conn-1\",\"source\":0}]"
    assert_equal "$(err)" ''
    pub "$IN/kept" '' -r
}

@test "MQTT 3.1.1: topic, QoS and retain flag are all there is" {
    mine '.connectionType = "mqtt"'
    source_ready -c "$WORK/connection"
    pub "$IN/a" hello -D publish content-type text/plain
    lines 1
    run jq -c '[.address, .headers, .text]' "$WORK/src.out"
    assert_output "[\"$IN/a\",{\"mqtt.topic\":\"$IN/a\",\"mqtt.qos\":\"1\",\"mqtt.retain\":\"false\"},\"hello\"]"
}

@test "out then in: every byte, empty, 16 MiB, every legal character in 1,000 user properties" {
    # shellcheck disable=SC2059 # the escapes are the point
    printf "$(printf '\\x%02x' {0..255})" >"$WORK/bytes"
    # each legal character of the basic plane once, in names and in values (MQTT 5, 1.5.4: no control characters, no
    # surrogates, no noncharacters), no blank ones
    jq -nc '[range(33; 127), range(161; 55296), range(57344; 64976), range(65008; 65534), range(65536; 66036)] as $all
        | [range(0; 1000)] | map({key: ("n\(.)" + ($all[. * 60:(. + 1) * 60] | implode)), value: ("v" + ($all[. * 66:(. + 1) * 66] | implode))})
        | from_entries' >"$WORK/headers"
    assert_equal "$(jq length "$WORK/headers")" 1000
    {
        printf '{"address":"%s/bytes","bytes":"%s"}\n' "$IN" "$(base64 -w 0 "$WORK/bytes")"
        echo "{\"address\":\"$IN/empty\",\"text\":\"\"}"
        tr '\0' x </dev/zero | head -c 16777216 | jq -cR --arg a "$IN/large" '{address: $a, text: .}'
        jq -c --arg a "$IN/headers" '{address: $a, headers: ., text: "t"}' "$WORK/headers"
    } >"$WORK/messages"
    mine '.sources[0].addresses = ["'"$IN/#"'"]'
    source_ready -c "$WORK/connection"
    run --separate-stderr timeout 60 mqtt-out "tcp://127.0.0.1:$MQTT_PORT" <"$WORK/messages"
    assert_status 0
    assert_stderr ''
    lines 4 30
    jq -j 'select(.address | endswith("/bytes")).bytes' "$WORK/src.out" | base64 -d | cmp - "$WORK/bytes"
    assert_equal "$(jq -c 'select(.address | endswith("/empty")) | [.text, .bytes]' "$WORK/src.out")" '["",null]'
    assert_equal "$(jq -c 'select(.address | endswith("/large")).text | [length, (. == "x" * 16777216)]' "$WORK/src.out")" '[16777216,true]'
    jq 'select(.address | endswith("/headers")).headers | with_entries(select(.key | startswith("mqtt.") | not))' "$WORK/src.out" >"$WORK/got"
    diff <(jq . "$WORK/headers") "$WORK/got"
}

@test "a payload over 16 MiB is refused and acknowledged, and the next one comes" {
    mine
    source_ready -c "$WORK/connection"
    tr '\0' x </dev/zero | head -c 16777217 >"$WORK/large"
    mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -q 1 -t "$IN/a" -f "$WORK/large"
    pub "$IN/a" next
    lines 1
    assert_equal "$(payloads)" next
    settle 1 200
    acknowledged "$ME" 2
    counters 'received=2 accepted=1 rejected=1 redelivered=0'
    assert_equal "$(err)" 'mqtt-in conn-1: warning: a message of source 0 is rejected: its payload is larger than 16 MiB'
}

# --- the gate ---

@test "nothing is acknowledged before all that was read with it is settled; what is rejected is acknowledged" {
    local type
    for type in mqtt-5 mqtt; do
        ME=me-$BATS_TEST_NUMBER-$type
        mine ".connectionType = \"$type\""
        source_ready -c "$WORK/connection"
        pub_many "$IN/a" 3
        lines 3
        assert_equal "$(payloads)" $'1\n2\n3'
        settle 1 200
        settle 3 400
        counters 'received=3 accepted=1 rejected=1'
        assert_equal "$(pubacks "$ME")" 0
        settle 2 204
        acknowledged "$ME" 3
        counters 'received=3 accepted=2 rejected=1 redelivered=0 expired=0 unknown=0 given_up=0'
        stop src
        assert_status 0
        assert_equal "$(err)" ''
    done
}

@test "kill -9 before the settlement: the broker delivers again; TERM leaves what is unsettled to it" {
    local type signal
    for type in mqtt-5 mqtt; do
        for signal in KILL TERM; do
            ME=me-$BATS_TEST_NUMBER-$type-$signal
            mine ".connectionType = \"$type\""
            source_ready -D 100 -c "$WORK/connection"
            pub_many "$IN/a" 3
            lines 3
            settle 1 200
            counters 'received=3 accepted=1'
            kill -$signal "${PIDS[src]}"
            wait_exit src
            [ $signal = KILL ] || assert_status 0
            source_ready -c "$WORK/connection"
            lines 3
            assert_equal "$(payloads)" $'1\n2\n3'
            assert_equal "$(pubacks "$ME")" 0
            for n in 1 2 3; do settle $n 200; done
            acknowledged "$ME" 3
            stop src
            assert_status 0
        done
    done
}

@test "while it is away the broker keeps what comes; a clean session does not" {
    mine
    source_ready -c "$WORK/connection"
    stop src
    assert_status 0
    pub "$IN/a" kept
    source_ready -c "$WORK/connection"
    lines 1
    assert_equal "$(payloads)" kept
    settle 1 200
    acknowledged "$ME" 1
    stop src
    mine '.specificConfig.cleanSession = "true"'
    source_ready -c "$WORK/connection"
    stop src
    pub "$IN/a" lost
    source_ready -c "$WORK/connection"
    pub "$IN/a" new
    lines 1
    assert_equal "$(payloads)" new
}

@test "what is read with a message is bounded, and one that takes long holds back only acknowledgements" {
    mine
    source_ready -w 2 -c "$WORK/connection"
    pub_many "$IN/a" 40
    lines 2
    # the first stays open; all others are settled as they come
    giver=$(id 1)
    for n in {2..20}; do
        lines "$n"
        echo "{\"id\":\"${giver%-1}-$n\",\"status\":200}" >&6
    done
    counters 'received=20 accepted=19'
    # ten windows: no more are read until the first one is settled
    assert_equal "$(pubacks "$ME")" 0
    settle 1 200
    acknowledged "$ME" 20
    lines 22
    assert_equal "$(payloads | tail -n 2)" $'21\n22'
}

@test "windows of 1 and of the maximum" {
    mine
    source_ready -w 1 -c "$WORK/connection"
    pub_many "$IN/a" 3
    for n in 1 2 3; do
        lines $n
        counters "received=$n accepted=$((n - 1))"
        settle $n 200
        acknowledged "$ME" $n
    done
    stop src
    source_ready -w 60000 -c "$WORK/connection"
    pub_many "$IN/a" 500
    lines 500
    counters 'received=500 accepted=0'
    jq -c '{id, status: 200}' "$WORK/src.out" >&6
    acknowledged "$ME" 503
}

# --- redelivery ---

@test "a redelivery comes from the bytes at hand, a bounded number of times; then it is given up: acknowledged, counted, logged" {
    mine
    source_ready -R 2 -c "$WORK/connection"
    pub "$IN/a" one -D publish user-property k v
    pub "$IN/a" two
    lines 2
    settle 2 200
    settle 1 503
    lines 3
    settle 3 408
    lines 4
    assert_equal "$(pubacks "$ME")" 0
    settle 4 424
    acknowledged "$ME" 2
    assert_equal "$(jq -c '[.address, .headers.k, .text]' "$WORK/src.out" | sort | uniq -c | sed 's/^ *//')" "3 [\"$IN/a\",\"v\",\"one\"]
1 [\"$IN/a\",null,\"two\"]"
    assert_equal "$(jq -r .id "$WORK/src.out" | sort -u | wc -l)" 4
    counters 'received=4 accepted=1 rejected=1 redelivered=2 expired=0 unknown=0 given_up=1'
    assert_equal "$(err)" 'mqtt-in conn-1: error: a message of source 0 is given up: it was delivered 3 times'
}

@test "QoS 0 is redelivered, too, as long as the process lives" {
    mine
    source_ready -c "$WORK/connection"
    mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -q 0 -t "$IN/a" -m zero
    lines 1
    settle 1 503
    lines 2
    settle 2 503
    counters 'received=2 accepted=0 rejected=0 redelivered=1'
    stop src
    assert_status 0
    assert_equal "$(err)" 'mqtt-in conn-1: warning: a message of QoS 0 is lost: there is nobody who would deliver it again'
}

@test "nobody settles: redelivered when the time is over" {
    mine
    source_ready -E 200 -R 1 -c "$WORK/connection"
    pub "$IN/a" one
    lines 2
    acknowledged "$ME" 1
    counters 'received=2 accepted=0 rejected=1 redelivered=1 expired=2 unknown=0 given_up=1'
}

@test "reconnectForRedelivery: the broker delivers again, with all that was not acknowledged" {
    local type
    for type in mqtt-5 mqtt; do
        ME=me-$BATS_TEST_NUMBER-$type
        mine ".connectionType = \"$type\" | .specificConfig += {reconnectForRedelivery: \"true\", reconnectForRedeliveryDelay: \"1s\"}"
        source_ready -v -c "$WORK/connection"
        pub "$IN/a" one
        pub "$IN/a" two
        lines 2
        settle 1 503
        settle 2 200
        lines 4
        assert_equal "$(payloads)" $'one\ntwo\none\ntwo'
        assert_equal "$(pubacks "$ME")" 0
        # a settlement of an earlier life changes nothing
        settle 3 200
        settle 4 200
        acknowledged "$ME" 2
        counters 'received=4 accepted=3 rejected=0 redelivered=1 expired=0 unknown=0 given_up=0'
        grep -q 'info: reconnecting, for the broker to deliver again$' "$WORK/src.err"
        grep -q 'info: the session goes on$' "$WORK/src.err"
        assert_equal "$(err)" ''
        stop src
        assert_status 0
    done
}

# --- sources ---

@test "a message goes to each source with a filter that it matches, once with MQTT 5" {
    mine '.sources = [{addresses: ["'"$IN/a/#"'", "'"$IN/both"'"], authorizationContext: ["x"], qos: 1},
        {addresses: ["'"$IN/+/b"'", "'"$IN/both"'"], authorizationContext: ["x"], qos: 0}]'
    source_ready -c "$WORK/connection"
    pub "$IN/a/a" first
    pub "$IN/c/b" second
    pub "$IN/a/b" each
    pub "$IN/both" same
    lines 6
    assert_equal "$(jq -r '"\(.text) \(.context.source)"' "$WORK/src.out" | sort)" 'each 0
each 1
first 0
same 0
same 1
second 1'
    for n in 1 2 3 4 5 6; do settle $n 200; done
    counters 'received=6 accepted=6'
    stop src
    # only one source of two
    source_ready -c "$WORK/connection" -k 1
    pub "$IN/both" other
    pub "$IN/c/b" mine
    lines 2
    assert_equal "$(jq -c '[.text, .context.source]' "$WORK/src.out")" $'["other",1]\n["mine",1]'
}

@test "a subscription of an earlier life of the session: its messages are acknowledged and dropped, once with a word" {
    mine
    source_ready -c "$WORK/connection"
    stop src
    mine '.sources[0].addresses = ["'"$IN-other"'"]'
    source_ready -c "$WORK/connection"
    pub_many "$IN/a" 2
    pub "$IN-other" mine
    lines 1
    assert_equal "$(payloads)" mine
    settle 1 200
    acknowledged "$ME" 3
    assert_equal "$(err)" "mqtt-in conn-1: warning: a message to '$IN/a' is dropped: it belongs to no source, maybe to an earlier one of this session"
}

@test "shared subscriptions: two clients get each message once" {
    local home
    mine '.clientCount = 2 | .sources[0].addresses = ["$share/group/'"$IN/#"'"]'
    source_ready -S write -C 0 -c "$WORK/connection"
    start_ready other mqtt-in -d 4 -S write -C 1 -c "$WORK/connection" </dev/null
    pub_many "$IN/a" 100
    wait_for 15 all_are_there
    assert_equal "$(cat "$WORK/src.out" "$WORK/other.out" | jq -r .text | sort -n)" "$(seq 100)"
    [ -s "$WORK/src.out" ] && [ -s "$WORK/other.out" ]
    grep -q " as ${ME}_1 (p5, c0, k60)\.$" "$MQTT_DIR/log"
}

all_are_there() {
    [ "$(cat "$WORK/src.out" "$WORK/other.out" | wc -l)" -ge 100 ]
}

# --- modes, life ---

@test "-S write acknowledges what is written, -S none subscribes with QoS 0 and gives no ids" {
    mine
    source_ready -S write -c "$WORK/connection"
    pub "$IN/a" one
    acknowledged "$ME" 1
    lines 1
    stop src
    assert_status 0
    source_ready -S none -c "$WORK/connection"
    pub "$IN/a" two
    lines 1
    assert_equal "$(jq -c '[has("id"), .headers["mqtt.qos"], .text]' "$WORK/src.out")" '[false,"0","two"]'
    stop src
    assert_status 0
    assert_equal "$(pubacks "$ME")" 1
}

@test "TERM drains: what is settled meanwhile is acknowledged, and it ends with 0" {
    mine
    source_ready -c "$WORK/connection"
    pub_many "$IN/a" 2
    lines 2
    kill -TERM "${PIDS[src]}"
    pub "$IN/a" late
    settle 1 200
    settle 2 200
    wait_exit src
    assert_status 0
    acknowledged "$ME" 2
    assert_equal "$(payloads)" $'1\n2'
    source_ready -c "$WORK/connection"
    lines 1
    assert_equal "$(payloads)" late
}

@test "TERM at random moments: nothing is lost, and the counters balance" {
    local rounds=$((${CONN_LONG:-0} ? 50 : 5)) n
    mine
    source_ready -c "$WORK/connection"
    stop src
    for ((n = 0; n < rounds; n++)); do
        seq $((n * 300 + 1)) $((n * 300 + 300)) >"$WORK/numbers"
        start pub mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -q 1 -t "$IN/a" -l <"$WORK/numbers"
        settling_ring '[200, 200, 400, 503][(.text | tonumber) % 4]'
        # the random moment
        sleep "0.$((RANDOM % 5))$((RANDOM % 10))"
        stop ring 20
        [ "$status" -eq 0 ] || assert_status 143 # before ring could hear it
        balanced
        wait_exit pub
    done
    settling_ring 200
    wait_for 20 seen_all $((rounds * 300))
    stop ring 20
    balanced
    # nothing is left at the broker
    source_ready -c "$WORK/connection"
    pub "$IN/a" end
    lines 1
    assert_equal "$(payloads)" end
}

# A ring that settles each message with what STATUS makes of it, and remembers those that it does not give back.
settling_ring() { # STATUS
    start ring ring "exec mqtt-in -v -w 20 -D 5000 -c '$WORK/connection'" "exec tee -a '$WORK/seen'" \
        "exec jq -c --unbuffered 'select(.id and .text) | {id, status: ($1)}'"
}

seen_all() { # N
    [ "$(jq -rR 'fromjson? | .text // empty' "$WORK/seen" | sort -u | wc -l)" -eq "$1" ]
}

balanced() {
    local line
    line=$(grep -o 'received=.*' "$WORK/ring.err" | tail -n 1)
    [ -n "$line" ] || return 0 # it was ended before it had begun
    [[ $line =~ received=([0-9]+)\ accepted=([0-9]+)\ rejected=([0-9]+)\ redelivered=([0-9]+)\  ]]
    assert_equal "$((BASH_REMATCH[2] + BASH_REMATCH[3] + BASH_REMATCH[4]))" "${BASH_REMATCH[1]}"
}

@test "kill -9 of any process of a ring from MQTT to MQTT, at random moments: nothing is lost" {
    local rounds=$((${CONN_LONG:-0} ? 100 : 10)) n victims
    mine
    source_ready -c "$WORK/connection"
    stop src
    start sub mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -i "sub-$ME" -q 1 -t "out-$ME"
    wait_for 10 grep -q "Sending SUBACK to sub-$ME" "$MQTT_DIR/log"
    for ((n = 0; n < rounds; n++)); do
        seq $((n * 1000 + 1)) $((n * 1000 + 1000)) >"$WORK/numbers"
        start pub mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -q 1 -t "$IN/a" -l <"$WORK/numbers"
        through_ring
        sleep "0.$((RANDOM % 4))$((RANDOM % 10))" # the random moment
        mapfile -t victims < <(pgrep -P "${PIDS[ring]}")
        [ ${#victims[@]} -eq 0 ] || kill -KILL "${victims[RANDOM % ${#victims[@]}]}"
        stop ring
        wait_exit pub
    done
    through_ring
    wait_for 20 arrived_all $((rounds * 1000))
    stop ring
    echo "# $(($(wc -l <"$WORK/sub.out") - rounds * 1000)) duplicates of $((rounds * 1000))" >&3
}

through_ring() {
    start ring ring "exec mqtt-in -w 20 -c '$WORK/connection'" "exec jq -c --unbuffered 'if .address then .address = \"out-$ME\" | .headers = {} else . end'" \
        "exec mqtt-out tcp://127.0.0.1:$MQTT_PORT"
}

arrived_all() { # N
    [ "$(sort -u "$WORK/sub.out" | wc -l)" -eq "$1" ]
}

@test "stdin ends or stdout breaks: 111, and the broker delivers again" {
    mine
    source_ready -c "$WORK/connection"
    pub "$IN/a" one
    lines 1
    exec 6>&-
    wait_exit src
    assert_status 111
    assert_equal "$(err)" 'mqtt-in conn-1: error: stdin ended: nobody will settle what is in flight'
    assert_equal "$(pubacks "$ME")" 0
    source_ready -c "$WORK/connection"
    lines 1
}

@test "client id, kept session, keepalive and receive maximum are as configured" {
    mine '.specificConfig += {keepAlive: "30s"}'
    source_ready -c "$WORK/connection"
    grep -q " as $ME (p5, c0, k30)\.$" "$MQTT_DIR/log"
    stop src
    connection '.specificConfig = {cleanSession: "TRUE"} | .connectionType = "mqtt" | .id = "named-'"$ME"'"'
    source_ready -c "$WORK/connection"
    grep -q " as named-$ME (p2, c1, k60)\.$" "$MQTT_DIR/log"
    stop src
    source_ready "tcp://127.0.0.1:$MQTT_PORT" "$IN"
    grep -qE ' as auto-[0-9A-F-]+ \(p5, c1, k60\)\.$' "$MQTT_DIR/log"
}

@test "reports: states and running totals" {
    mine
    CONN_REPORT_FD=7 source_ready -c "$WORK/connection" 7>"$WORK/report"
    pub "$IN/a" one
    lines 1
    settle 1 200
    acknowledged "$ME" 1
    stop src
    assert_equal "$(jq -r 'select(.report == "state") | "\(.category) \(.index) \(.state)"' "$WORK/report")" 'source 0 open
null null connected
null null disconnected'
    assert_equal "$(jq -c 'select(.report == "meter" and .category == "source") | [.index, .consumed, .acknowledged]' "$WORK/report" | tail -n 1)" '[0,[1,0],[1,0]]'
}

@test "what is secret in an address is not shown" {
    source_ready -vv "tcp://127.0.0.1:$MQTT_PORT" "$IN?access_token=hush"
    pub "$IN?access_token=hush" one
    lines 1
    settle 1 200
    stop src
    grep -qF "subscribed to '$IN?access_token=*****'" "$WORK/src.err"
    refute grep -q hush "$WORK/src.err"
}

# --- what we rely on ---

@test "libmosquitto 2.0.11 is what these tests have seen: with another one, look at each of them" {
    run mqtt-library version
    assert_output 2.0.11
}

@test "libmosquitto 2.0.11 queues the PUBACK before the callback, and writes nothing while it is threaded and not asked to" {
    start pin mqtt-library puback "$MQTT_PORT" </dev/null
    wait_for 10 grep -q subscribed "$WORK/pin.out"
    pub pin x
    wait_exit pin
    assert_equal "$(cat "$WORK/pin.out")" $'subscribed\nmessage, PUBACK queued'
    assert_equal "$(pubacks pin)" 0
}

@test "libmosquitto 2.0.11 calls read, write and connect of the program, and its wake-up is one NUL byte" {
    [[ $BUILD != *asan ]] || skip 'the sanitizer stands there'
    mine
    seq 2000 | jq -c --arg a "$IN/a" '{id: "x-\(.)", address: $a, text: "\(.)"}' >"$WORK/messages"
    strace -f -o "$WORK/trace" -e trace=read,write,connect,sendto,recvfrom mqtt-out "tcp://127.0.0.1:$MQTT_PORT" <"$WORK/messages" >"$WORK/settled"
    assert_equal "$(jq -r 'select(.status == 200).id' "$WORK/settled" | wc -l)" 2000
    # the library alone makes 10,000 of them
    [ "$(grep -cE ' (read|write)\(' "$WORK/trace")" -lt 1500 ]
    # before the socket is there, and after the buffer is gone
    [ "$(grep -c 'write([0-9]*, "\\0", 1)' "$WORK/trace")" -le 3 ]
    # it connects blocking where a CONNECT has properties, if it is let
    grep -qE "connect\([0-9]+, .*sin_port=htons\($MQTT_PORT\).* = -1 EINPROGRESS" "$WORK/trace"
}

@test "the examples of the page" {
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh/{/^\.Bd/,/^\.Ed/{/^\./!p}}' "$ROOT/man/mqtt-in.1" | sed 's/\\e/\\/g' >"$WORK/example"
    pub doors/front open -r
    pub lights/hall on -r
    cd "$WORK"
    MQTT=tcp://127.0.0.1:$MQTT_PORT run --separate-stderr timeout 20 sh example </dev/null
    assert_status 0
    assert_output 'doors/front open
lights/hall on'
    pub doors/front '' -r
    pub lights/hall '' -r
}
