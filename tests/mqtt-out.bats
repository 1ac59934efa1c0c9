#!/usr/bin/env bats
# mqtt-out.bats: the MQTT sink against mosquitto (and the refusals of RabbitMQ, which speaks 3.1.1 only).
load helper/common
load helper/mosquitto
load helper/rabbitmq

# One broker for all tests that leave it alone. Beside them another one, which is stopped when it has heard two
# keepalives: those periods pass while the other tests run (see the last test).
setup_file() {
    common_setup_file
    mosquitto_start
    keepalive_start >"$WORK/keepalive.log" 2>&1 3>&-
}

teardown_file() {
    WORK=$BATS_FILE_TMPDIR/keepalive end_tracked
    common_teardown_file
}

keepalive_start() {
    local WORK=$BATS_FILE_TMPDIR/keepalive MQTT_DIR MQTT_PORT MQTT_PID
    mkdir "$WORK"
    mosquitto_start
    jq -n --arg uri "tcp://127.0.0.1:$MQTT_PORT" '{id: "quiet", connectionType: "mqtt-5", connectionStatus: "open",
        uri: $uri, specificConfig: {keepAlive: "5s"},
        targets: [{address: "t", topics: [], authorizationContext: ["x"], qos: 1}]}' >"$WORK/connection"
    mkfifo "$WORK/in"
    # the leak check does not work under strace
    # shellcheck disable=SC2016 # for the inner shell
    ASAN_OPTIONS=detect_leaks=0:$ASAN_OPTIONS start out sh -c 'strace -f -o "$WORK/trace" mqtt-out -c "$WORK/connection" <"$WORK/in"; echo $? >"$WORK/code"' 6<>"$WORK/in"
    start stopper bash -c "
        until [ \$(grep -c 'Received PINGREQ from quietp' '$MQTT_DIR/log') -ge 2 ]; do sleep 0.1; done
        cp '$WORK/trace' '$WORK/two-periods'
        kill -STOP $MQTT_PID" 3>&-
}

# Starts a subscriber of FILTER and waits until it has subscribed; it prints each message as mosquitto_sub's JSON.
sub() { # FILTER [ARGS]
    start sub mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -i "sub-$BATS_TEST_NUMBER" -q 2 -t "$1" "${@:2}"
    wait_for 10 grep -q "Sending SUBACK to sub-$BATS_TEST_NUMBER" "$MQTT_DIR/log"
}

# Waits until NAME (out, sub) has printed N lines.
lines() { # NAME N
    wait_for "${3:-15}" has_lines "$1" "$2"
}

has_lines() { # NAME N
    [ "$(wc -l <"$WORK/$1.out")" -ge "$2" ]
}

# Starts mqtt-out with these arguments and waits until it is ready; messages are written to descriptor 6.
sink() { # ARGS
    rm -f "$WORK/in"
    mkfifo "$WORK/in"
    exec 6<>"$WORK/in"
    start_ready out mqtt-out -d 4 "$@" <"$WORK/in" 6>&-
}

# The end of stdin, which is to end it with 0.
finish() {
    exec 6>&-
    wait_exit out
    assert_status 0
}

# Runs mqtt-out with stdin from a file until it ends, its streams apart.
sink_run() { # FILE ARGS
    run --separate-stderr timeout 60 mqtt-out "${@:2}" <"$1"
}

# Writes a connection to $WORK/connection; FILTER changes it.
connection() { # [FILTER]
    jq -n --arg uri "tcp://127.0.0.1:$MQTT_PORT" '{id: "conn-1", connectionType: "mqtt-5", connectionStatus: "open",
        uri: $uri, targets: [{address: "t", topics: [], authorizationContext: ["x"], qos: 1}]}' |
        jq "${1:-.}" >"$WORK/connection"
}

counters() { # TEXT: asks for them, and waits for those
    kill -USR1 "${PIDS[out]}"
    wait_for 2 grep -qF "info: $1" "$WORK/out.err"
}

err() {
    cat "$WORK/out.err"
}

# --- the command line ---

@test "wrong usage is 100 and one synopsis line" {
    sink_run /dev/null
    assert_status 100
    assert_output ''
    assert_stderr 'mqtt-out: error: -c, or a URI, is needed
usage: mqtt-out [-rinqvhV] [-c PATH] [-k N] [-C N] [-p TYPE] [-Q QOS] [-w N] [-D MS] [-T MS] [-d FD] [-A FILE] [-I FILE] [-K FILE] [URI]'
    sink_run /dev/null tcp://127.0.0.1:1 more
    assert_status 100
    sink_run /dev/null -c x tcp://127.0.0.1:1
    assert_status 100
    sink_run /dev/null -Q 3 tcp://127.0.0.1:1
    assert_status 100
    sink_run /dev/null -V
    assert_status 0
    assert_output --regexp '^mqtt-out [0-9.]+ \(libmosquitto [0-9.]+\)$'
}

@test "a connection that cannot be served is 100, with the place of the fault, a refused port with TLS 111; -n connects to nobody" {
    sink_run /dev/null ssl://127.0.0.1:1
    assert_status 111
    assert_stderr --regexp "^mqtt-out: error: cannot connect to '127.0.0.1:1': (the TCP connection does not come up|Connection refused)$"
    sink_run /dev/null -p amqp-10 amqp://127.0.0.1:1
    assert_status 100
    assert_stderr --partial "of type 'amqp-10', not mqtt or mqtt-5"
    sink_run /dev/null tcp://u:p@127.0.0.1:1
    assert_status 100
    assert_stderr --partial 'User information does not belong on a command line'
    MQTT_PORT=1
    connection
    sink_run /dev/null -c "$WORK/connection" -k 1
    assert_status 100
    assert_stderr "mqtt-out conn-1: error: cannot use connection 'conn-1': it has 1 targets"
    sink_run /dev/null -n -c "$WORK/connection"
    assert_status 0
    assert_output ''
    assert_stderr ''
}

# --- publishing ---

@test "QoS 0, 1 and 2, MQTT 5 and 3.1.1: settled when confirmed" {
    local qos type
    sub "q/#" -F '%t %q %p'
    for type in mqtt-5 mqtt; do
        for qos in 0 1 2; do
            echo "{\"id\":\"x-$qos\",\"address\":\"q/$type/$qos\",\"headers\":{},\"text\":\"hello\"}" >"$WORK/message"
            sink_run "$WORK/message" -p "$type" -Q "$qos" "tcp://127.0.0.1:$MQTT_PORT"
            assert_status 0
            assert_output "{\"id\":\"x-$qos\",\"status\":200}"
            assert_stderr ''
        done
    done
    lines sub 6
    assert_file "$WORK/sub.out" 'q/mqtt-5/0 0 hello
q/mqtt-5/1 1 hello
q/mqtt-5/2 2 hello
q/mqtt/0 0 hello
q/mqtt/1 1 hello
q/mqtt/2 2 hello'
    grep -q 'Sending PUBCOMP to' "$MQTT_DIR/log"
}

@test "no settlement before the broker has confirmed" {
    local broker
    mosquitto_start
    broker=$MQTT_PID
    for qos in 1 2; do
        sink -Q $qos "tcp://127.0.0.1:$MQTT_PORT"
        kill -STOP "$broker"
        echo '{"id":"x","address":"t","text":"1"}' >&6
        wait_for 15 counters 'read=1 published=0'
        assert_equal "$(cat "$WORK/out.out")" ''
        kill -CONT "$broker"
        lines out 1
        assert_file "$WORK/out.out" '{"id":"x","status":200}'
        finish
    done
}

@test "the QoS is that of the target in the context, of -k, or 0" {
    connection '.targets = [{address: "a", topics: [], authorizationContext: ["x"], qos: 2},
        {address: "b", topics: [], authorizationContext: ["x"], qos: 1}]'
    sub "qos/#" -F '%t %q'
    sink -c "$WORK/connection"
    cat >&6 <<'END'
{"address":"qos/1","text":"","context":{"target":0}}
{"address":"qos/2","text":"","context":{"target":1}}
{"address":"qos/3","text":"","context":{"target":7}}
{"address":"qos/4","text":"","context":{"reply":0}}
END
    lines sub 4
    finish
    sink -c "$WORK/connection" -k 0
    echo '{"address":"qos/5","text":""}' >&6
    finish
    lines sub 5
    # QoS 2 comes after one more round trip
    assert_equal "$(sort "$WORK/sub.out")" $'qos/1 2\nqos/2 1\nqos/3 0\nqos/4 0\nqos/5 2'
    assert_equal "$(cat "$WORK/out.out")" ''
}

@test "MQTT 5: headers steer the packet, have places of their own, or become user properties" {
    sub "h/#" -F '%j'
    sink -Q 0 "tcp://127.0.0.1:$MQTT_PORT"
    cat >&6 <<'END'
{"address":"h/1","headers":{"mqtt.qos":"2","mqtt.retain":" TRUE ","mqtt.message-expiry-interval":"60","correlation-id":"c-1","reply-to":"reply/here","content-type":"text/plain","name":"value","ä":"ö\"\\","blank":"  ","mqtt.unknown":"u"},"text":"x"}
{"address":"not/here","headers":{"mqtt.topic":"h/2","mqtt.message-expiry-interval":"0"},"text":"x"}
{"address":"h/3","headers":{"twice":"1","content-type":"a","mqtt.qos":"1","content-type":"b","mqtt.qos":"0"},"text":"x"}
END
    lines sub 3
    run jq -c '[.topic, .qos, .properties["user-properties"], .properties["correlation-data"], .properties["response-topic"], .properties["content-type"]]' <(sort -t '"' -k 8 "$WORK/sub.out")
    assert_output '["h/1",2,{"mqtt.qos":"2","mqtt.retain":" TRUE ","mqtt.message-expiry-interval":"60","name":"value","ä":"ö\"\\","mqtt.unknown":"u"},"c-1","reply/here","text/plain"]
["h/2",0,{"mqtt.topic":"h/2","mqtt.message-expiry-interval":"0"},null,null,null]
["h/3",0,{"twice":"1","mqtt.qos":"0"},null,null,"b"]'
    jq -e -s 'sort_by(.topic) | .[0].properties["message-expiry-interval"] > 50 and (.[1].properties | has("message-expiry-interval") | not)' "$WORK/sub.out"
    finish
    # retained: a later subscriber gets it
    run timeout 10 mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -t 'h/#' -C 1 -F '%t %r'
    assert_output 'h/1 1'
    mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -t h/1 -r -n
}

@test "MQTT 3.1.1 has no headers: only those that steer count" {
    sub "h3/#" -F '%t %q %r %P'
    sink -p mqtt -Q 0 "tcp://127.0.0.1:$MQTT_PORT"
    echo '{"id":"x","address":"y","headers":{"mqtt.topic":"h3/1","mqtt.qos":"1","mqtt.retain":"false","correlation-id":"c","a\u0000b":"lost"},"text":"x"}' >&6
    lines sub 1
    finish
    assert_file "$WORK/sub.out" 'h3/1 1 0 '
    assert_file "$WORK/out.out" '{"id":"x","status":200}'
}

@test "what cannot be published is settled with its error, and the next one goes out" {
    local long
    long=$(printf '%066000d' 0)
    sub "ok" -F '%t'
    sink "tcp://127.0.0.1:$MQTT_PORT"
    cat >&6 <<END
{"id":"1","address":"a/+/b","text":""}
{"id":"2","address":"a/#","text":""}
{"id":"3","address":"","text":""}
{"id":"4","address":"a\\u0000b","text":""}
{"id":"5","address":"$long","text":""}
{"id":"6","address":"ok","headers":{"mqtt.topic":"x/#"},"text":""}
{"id":"7","address":"ok","headers":{"mqtt.qos":"3"},"text":""}
{"id":"8","address":"ok","headers":{"mqtt.retain":"perhaps"},"text":""}
{"id":"9","address":"ok","headers":{"mqtt.message-expiry-interval":"-1"},"text":""}
{"id":"10","address":"ok","headers":{"mqtt.message-expiry-interval":"4294967296"},"text":""}
{"id":"11","address":"ok","headers":{"reply-to":"x/+"},"text":""}
{"id":"12","address":"ok","headers":{"a":"b\\u0000c"},"text":""}
{"id":"13","address":"ok","headers":{"a":"b\\u0001c"},"text":""}
{"id":"14","address":"ok","headers":{"a":"$long"},"text":""}
{"id":"15","address":"ok","headers":{"a":1},"text":""}
{"id":"16","address":"ok","headers":[],"text":""}
{"id":"17","address":1,"text":""}
{"id":"18","address":"ok","text":1}
{"id":"19","address":"ok","bytes":"???"}
{"id":"20","address":"a\\u0001b","text":""}
{"id":"fine","address":"ok","text":""}
END
    lines out 21
    lines sub 1
    assert_equal "$(jq -c '[.id, .status, .error.status, .error.error]' "$WORK/out.out" | head -n 20)" \
        "$(seq 20 | jq -c '["\(.)", 400, 400, "connectivity:message.sending.failed"]')"
    assert_equal "$(tail -n 1 "$WORK/out.out")" '{"id":"fine","status":200}'
    assert_equal "$(jq -r '.error.message // empty' "$WORK/out.out" | sort | uniq -c | sed 's/^ *//')" \
        "1 The address is no string.
7 The address is no topic name that MQTT allows to publish to.
1 The bytes are no base64.
4 The header 'a' has no valid value.
2 The header 'mqtt.message-expiry-interval' has no valid value.
1 The header 'mqtt.qos' has no valid value.
1 The header 'mqtt.retain' has no valid value.
1 The header 'reply-to' has no valid value.
1 The headers are no object.
1 The text is no string."
    finish
    assert_equal "$(grep -c '^mqtt-out: warning: cannot publish a message: connectivity:message.sending.failed: ' "$WORK/out.err")" 20
}

@test "payloads keep every byte" {
    local name
    # shellcheck disable=SC2059 # the escapes are the point
    printf "$(printf '\\x%02x' {0..255})" >"$WORK/bytes"
    yes "$WORK/bytes" | head -n 4096 | xargs cat >"$WORK/mebi"
    tr '\0' x </dev/zero | head -c 16777216 >"$WORK/large"
    printf 'a\0b ä \xf0\x9f\x98\x80"\\\n' >"$WORK/text"
    : >"$WORK/empty"
    for name in bytes mebi text large empty none; do
        start "got-$name" mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -i "got-$name" -q 1 -t "p/$name" -C 1 -N
        wait_for 10 grep -q "Sending SUBACK to got-$name" "$MQTT_DIR/log"
    done
    {
        for name in bytes mebi; do
            printf '{"id":"%s","address":"p/%s","bytes":"%s"}\n' $name $name "$(base64 -w 0 "$WORK/$name" | sed 's,/,\\/,g')"
        done
        jq -c --rawfile t "$WORK/text" -n '{id: "text", address: "p/text", text: $t}'
        jq -c --rawfile t "$WORK/large" -n '{id: "large", address: "p/large", text: $t}'
        echo '{"id":"empty","address":"p/empty","text":""}'
        echo '{"id":"none","address":"p/none","headers":null}'
        jq -c --rawfile t "$WORK/large" -n '{id: "too-large", address: "p/large", text: ($t + "x")}'
    } >"$WORK/messages"
    cp "$WORK/empty" "$WORK/none"
    sink_run "$WORK/messages" "tcp://127.0.0.1:$MQTT_PORT"
    assert_status 0
    assert_stderr 'mqtt-out: warning: cannot publish a message: connectivity:message.sending.failed: The payload has more than 16777216 bytes.'
    assert_equal "$(jq -c '[.id, .status]' <<<"$output" | sort)" '["bytes",200]
["empty",200]
["large",200]
["mebi",200]
["none",200]
["text",200]
["too-large",413]'
    for name in bytes mebi text large empty none; do
        wait_exit "got-$name"
        cmp "$WORK/$name" "$WORK/got-$name.out"
    done
}

@test "lines: others pass through, unusable ones are settled if they have an id, a cut one is 111" {
    {
        cat <<'END'
{"id":"a","parts":2}
not JSON
{"id":"b","status":200}
{"id":"bad",nothing}
{"id":"odd","neither":"nor"}
{"topic":"ns/n/things/live/messages/x","value":1.0}
{"address":"t","text":"nobody waits for it"}
END
        printf '{"id":"long","address":"t","text":"'
        tr '\0' x </dev/zero | head -c 34603008
        printf '"}\n{"id":"next","address":"t","text":""}\n{"id":"cut","addr'
    } >"$WORK/messages"
    sink_run "$WORK/messages" "tcp://127.0.0.1:$MQTT_PORT"
    assert_status 111
    assert_equal "$(sed -E 's/"error":.*"message":/"error":…/' <<<"$output")" '{"id":"a","parts":2}
{"id":"b","status":200}
{"id":"bad","status":400,"error":…"The line cannot be read: key expected."}}
{"id":"odd","status":400,"error":…"The line cannot be read: it is neither a message nor a settlement."}}
{"topic":"ns/n/things/live/messages/x","value":1.0}
{"id":"long","status":413,"error":…"The line cannot be read: it is longer than 32 MiB."}}
{"id":"next","status":200}'
    assert_stderr 'mqtt-out: warning: cannot use a line on stdin: object expected
mqtt-out: warning: cannot use a line on stdin: key expected
mqtt-out: warning: cannot use a line on stdin: it is neither a message nor a settlement
mqtt-out: warning: cannot use a line on stdin: it is longer than 32 MiB
mqtt-out: error: cannot read stdin: the last line is cut off'
}

@test "many in flight: all are confirmed and arrive, packet identifiers wrap round" {
    local count=$((${CONN_LONG:-0} ? 200000 : 5000)) qos type
    WORK=$WORK/quiet
    mkdir "$WORK"
    mosquitto_start 'log_type none' 'log_type subscribe'
    seq "$count" | jq -c '{id: "x-\(.)", address: "many", text: "\(.)"}' >"$WORK/messages"
    for type in mqtt mqtt-5; do
        for qos in 0 1 2; do
            sub_started=$((${sub_started:-0} + 1))
            start sub mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -i many -q 1 -t many -C "$count"
            wait_for 10 subscribed "$sub_started"
            run --separate-stderr timeout 60 mqtt-out -p $type -Q $qos "tcp://127.0.0.1:$MQTT_PORT" <"$WORK/messages"
            assert_status 0
            assert_stderr ''
            assert_equal "$(jq -r 'select(.status == 200).id' <<<"$output" | sort | uniq | wc -l)" "$count"
            wait_exit sub 60
            sort -n "$WORK/sub.out" | diff -q - <(seq "$count")
        done
    done
    end_tracked
}

# Has the broker seen so many subscriptions of "many"?
subscribed() { # N
    [ "$(grep -c ': many 1 many$' "$MQTT_DIR/log")" -ge "$1" ]
}

@test "a broker that takes few at a time (receive-maximum) gets no more" {
    mosquitto_start 'max_inflight_messages 3'
    seq 200 | jq -c '{id: "x-\(.)", address: "many", text: "\(.)"}' >"$WORK/messages"
    for qos in 1 2; do
        sink_run "$WORK/messages" -Q $qos "tcp://127.0.0.1:$MQTT_PORT"
        assert_status 0
        assert_equal "$(wc -l <<<"$output")" 200
        assert_stderr ''
    done
}

@test "stdin is left unread at the window" {
    mosquitto_start
    sink -w 3 "tcp://127.0.0.1:$MQTT_PORT"
    kill -STOP "$MQTT_PID"
    seq 10 | jq -c '{id: "x-\(.)", address: "t", text: "\(.)"}' >&6
    wait_for 15 counters 'read=3 published=0'
    kill -CONT "$MQTT_PID"
    lines out 10
    finish
}

# --- the end ---

@test "TERM reads no more, waits for confirmations and ends with 0; its limit is 111" {
    mosquitto_start
    sink "tcp://127.0.0.1:$MQTT_PORT"
    kill -STOP "$MQTT_PID"
    echo '{"id":"x","address":"t","text":""}' >&6
    wait_for 15 counters 'read=1 published=0'
    kill -TERM "${PIDS[out]}"
    kill -CONT "$MQTT_PID"
    wait_exit out
    assert_status 0
    assert_file "$WORK/out.out" '{"id":"x","status":200}'
    sink -D 100 "tcp://127.0.0.1:$MQTT_PORT"
    kill -STOP "$MQTT_PID"
    echo '{"id":"y","address":"t","text":""}' >&6
    wait_for 15 counters 'read=1 published=0'
    kill -TERM "${PIDS[out]}"
    wait_exit out
    assert_status 111
    assert_equal "$(cat "$WORK/out.out")" ''
    assert_equal "$(grep -v info: "$WORK/out.err")" 'mqtt-out: error: drain limit reached: 1 messages are not confirmed'
    kill -CONT "$MQTT_PID"
}

# Starts it with a stdout that somebody reads as long as descriptor 7 is open.
sink_unread() {
    rm -f "$WORK/in" "$WORK/unread"
    mkfifo "$WORK/in" "$WORK/unread"
    exec 6<>"$WORK/in" 7<>"$WORK/unread"
    : >"$WORK/out.ready"
    mqtt-out -d 4 "tcp://127.0.0.1:$MQTT_PORT" <"$WORK/in" >"$WORK/unread" 2>"$WORK/out.err" 3>&- 4>"$WORK/out.ready" 6>&- 7>&- &
    PIDS[out]=$!
    track $!
    wait_ready out
}

@test "a stdout that nobody reads any more: 0 if all is confirmed, else 111" {
    mosquitto_start
    sink_unread
    exec 7>&-
    wait_exit out
    assert_status 0
    assert_equal "$(err)" ''
    sink_unread
    kill -STOP "$MQTT_PID"
    echo '{"id":"x","address":"t","text":""}' >&6
    wait_for 15 counters 'read=1 published=0'
    exec 7>&-
    wait_exit out
    assert_status 111
    assert_equal "$(grep -v info: "$WORK/out.err")" 'mqtt-out: error: cannot write to stdout: nobody reads it'
    kill -CONT "$MQTT_PID"
}

# --- the broker ---

@test "a broker that is killed is 111, and what it did not confirm stays unsettled" {
    mosquitto_start
    connection
    sink -c "$WORK/connection" -k 0
    echo '{"id":"x","address":"t","text":""}' >&6
    lines out 1
    kill -STOP "$MQTT_PID"
    echo '{"id":"y","address":"t","text":""}' >&6
    wait_for 15 counters 'read=2 published=1'
    mosquitto_kill9
    wait_exit out
    assert_status 111
    assert_file "$WORK/out.out" '{"id":"x","status":200}'
    assert_equal "$(grep -v info: "$WORK/out.err")" "mqtt-out conn-1: error: cannot keep the connection to '127.0.0.1:$MQTT_PORT': the broker closed the TCP connection"
}

@test "another client of the same name takes the session: 111" {
    connection '.specificConfig = {publisherId: "me"}'
    sink -c "$WORK/connection"
    mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -i me -t t -n
    wait_exit out
    assert_status 111
    assert_equal "$(err)" "mqtt-out conn-1: error: cannot keep the connection to '127.0.0.1:$MQTT_PORT': the broker closed the TCP connection"
}

@test "nobody there is 111: a refused port, an unknown host, a broker that does not answer" {
    local free
    free=$(free_port)
    sink_run /dev/null "tcp://127.0.0.1:$free"
    assert_status 111
    assert_stderr "mqtt-out: error: cannot connect to '127.0.0.1:$free': Connection refused"
    sink_run /dev/null tcp://host.invalid:1883
    assert_status 111
    assert_stderr --regexp "^mqtt-out: error: cannot connect to 'host.invalid:1883': (Name or service not known|Temporary failure in name resolution)\$"
    mosquitto_start
    kill -STOP "$MQTT_PID"
    sink_run /dev/null -T 300 "tcp://127.0.0.1:$MQTT_PORT"
    assert_status 111
    assert_stderr "mqtt-out: error: cannot connect to '127.0.0.1:$MQTT_PORT': no answer in time"
    kill -CONT "$MQTT_PID"
}

@test "a host with several addresses: the one that answers is used" {
    # a name of our own, in a mount namespace of our own
    printf '::1 twofold\n127.0.0.2 twofold\n127.0.0.1 twofold\n' >"$WORK/hosts"
    unshare -m mount --bind "$WORK/hosts" /etc/hosts 2>/dev/null || skip 'only root may give a host two addresses'
    run --separate-stderr unshare -m sh -c 'mount --bind "$1/hosts" /etc/hosts && exec timeout 20 mqtt-out "tcp://twofold:$2"' \
        sh "$WORK" "$MQTT_PORT" </dev/null
    assert_status 0
    assert_stderr ''
}

@test "what the broker refuses for good is 100: a login, a client id" {
    local type
    mosquitto_passwd -b -c "$WORK/passwords" me 'p@ss' 2>/dev/null
    mosquitto_start 'allow_anonymous false' "password_file $WORK/passwords" 'clientid_prefixes conn-'
    for type in mqtt mqtt-5; do
        connection ".connectionType = \"$type\" | .uri |= sub(\"//\"; \"//me:wrong@\")"
        sink_run /dev/null -c "$WORK/connection"
        assert_status 100
        assert_output ''
        assert_stderr --regexp "^mqtt-out conn-1: error: cannot connect to '127.0.0.1:$MQTT_PORT': (Connection Refused: not authorised.|Not authorized)\$"
        connection ".connectionType = \"$type\" | .uri |= sub(\"//\"; \"//me:p%40ss@\")"
        sink_run /dev/null -c "$WORK/connection"
        assert_status 0
    done
    connection '.uri |= sub("//"; "//me:p%40ss@") | .specificConfig = {publisherId: "other"}'
    sink_run /dev/null -c "$WORK/connection"
    assert_status 100
    assert_stderr --partial 'Not authorized'
}

@test "RabbitMQ: MQTT 3.1.1 is served, 5 is not" {
    rabbitmq_installed || skip 'RabbitMQ is not installed'
    rabbitmq_shared
    echo '{"id":"x","address":"t","text":"y"}' >"$WORK/message"
    sink_run "$WORK/message" -p mqtt "tcp://127.0.0.1:$RABBITMQ_MQTT_PORT"
    assert_status 0
    assert_output '{"id":"x","status":200}'
    sink_run "$WORK/message" "tcp://127.0.0.1:$RABBITMQ_MQTT_PORT"
    assert_status 111
    assert_output ''
    assert_stderr "mqtt-out: error: cannot connect to '127.0.0.1:$RABBITMQ_MQTT_PORT': the broker closed the TCP connection (maybe it does not speak MQTT 5)"
}

@test "client ids are Ditto's; the shell's are the broker's choice" {
    local filter
    for filter in '.' '.specificConfig = {clientId: "c"}' '.specificConfig = {clientId: "c", publisherId: "p"}' '.clientCount = 2'; do
        connection "$filter"
        sink_run /dev/null -c "$WORK/connection" -C 1
        assert_status 0
    done
    for name in conn-1p cp p conn-1p_1; do
        grep -q " as $name (p5, c1, k60)\.$" "$MQTT_DIR/log"
    done
    sink_run /dev/null "tcp://127.0.0.1:$MQTT_PORT"
    grep -qE ' as auto-[0-9A-F-]+ \(p5, c1, k60\)\.$' "$MQTT_DIR/log"
}

@test "the last will is published when the broker loses us, not when we leave" {
    local type
    sub 'will/#' -F '%t %q %r %p'
    for type in mqtt-5 mqtt; do
        connection ".connectionType = \"$type\" | .specificConfig = {lastWillTopic: \"will/$type\", lastWillQos: \"1\", lastWillRetain: \"TRUE\", lastWillMessage: \"gone ä\", separatePublisherClient: \"false\"}"
        sink -c "$WORK/connection"
        finish
        sink -c "$WORK/connection"
        kill -KILL "${PIDS[out]}"
        wait_for 10 has_lines sub "$([ $type = mqtt-5 ] && echo 1 || echo 2)"
        exec 6>&-
    done
    assert_file "$WORK/sub.out" $'will/mqtt-5 1 0 gone ä\nwill/mqtt 1 0 gone ä'
    run timeout 10 mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -t 'will/#' -C 2 -F '%t %r'
    assert_equal "$(sort <<<"$output")" $'will/mqtt 1\nwill/mqtt-5 1'
    mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -t will/mqtt -r -n
    mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -t will/mqtt-5 -r -n
}

@test "what is not there yet is refused by name: an SSH tunnel, hmac credentials" {
    connection '.sshTunnel = {enabled: true, uri: "ssh://h:22", validateHost: false, credentials: {type: "plain", username: "u", password: "p"}}'
    sink_run /dev/null -c "$WORK/connection"
    assert_status 100
    assert_stderr --partial '(at /sshTunnel)'
    connection '.credentials = {type: "hmac", algorithm: "az-sasl", parameters: {sharedKeyName: "n", sharedKey: "c2VjcmV0", endpoint: "e"}}'
    sink_run /dev/null -c "$WORK/connection"
    assert_status 100
    assert_stderr --partial hmac
}

@test "reports: states and running totals" {
    connection .
    CONN_REPORT_FD=7 sink -c "$WORK/connection" -k 0 7>"$WORK/report"
    echo '{"id":"x","address":"t","text":""}' >&6
    echo '{"id":"y","address":"#","text":""}' >&6
    lines out 2
    finish
    assert_equal "$(jq -c "del(.life)" "$WORK/report" | head -n 1)" '{"report":"state","from":"mqtt-out","state":"connected"}'
    assert_equal "$(jq -c "del(.life)" "$WORK/report" | grep disconnected)" '{"report":"state","from":"mqtt-out","state":"disconnected"}'
    assert_equal "$(jq -c "del(.life)" "$WORK/report" | grep meter | grep target | tail -n 1)" '{"report":"meter","from":"mqtt-out","category":"target","index":0,"published":[1,1]}'
    assert_equal "$(jq -c 'select(.report == "log" and .category == "target") | [.type, .level, .message]' "$WORK/report" | sort)" '["published","failure","Could not publish a message: connectivity:message.sending.failed: The address is no topic name that MQTT allows to publish to."]
["published","success","Published a message."]'
}

@test "the examples of the page" {
    sub '#' -F '%t %q %p'
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh/{/^\.Bd/,/^\.Ed/{/^\./!p}}' "$ROOT/man/mqtt-out.1" | sed 's/\\e/\\/g' >"$WORK/example"
    cd "$WORK"
    MQTT=tcp://127.0.0.1:$MQTT_PORT run --separate-stderr sh example </dev/null
    assert_status 0
    assert_equal "$(sort <<<"$output")" $'{"id":"1","status":200}\n{"id":"2","status":200}'
    assert_stderr ''
    lines sub 5
    assert_equal "$(sort sub.out)" 'lights/hall 2 off
lights/kitchen 1 on
lines 1 one
lines 1 three
lines 1 two'
}

@test "quiet for two keepalive periods: no system call but for PINGREQ; a broker that stops answering is noticed" {
    local quiet=$BATS_FILE_TMPDIR/keepalive
    wait_for 60 test -s "$quiet/two-periods"
    # from the first PINGREQ on: wake up, send it, wait, read the answer, wait
    run awk '/write\([0-9]+, "\\300\\0", 2\)/ { on = 1 } on && !/resumed/ { sub(/^[0-9]+ +/, ""); sub(/\(.*/, ""); print }' "$quiet/two-periods"
    assert_equal "$(sort <<<"$output" | uniq -c | awk '{ print $2 }' | paste -sd ' ')" 'poll read write'
    [ "${#lines[@]}" -le 16 ]
    wait_for 60 test -s "$quiet/code"
    assert_equal "$(cat "$quiet/code")" 111
    assert_equal "$(cat "$quiet/out.err")" "mqtt-out quiet: error: cannot keep the connection to '127.0.0.1:$(jq -r .uri "$quiet/connection" | grep -o '[0-9]*$')': the broker no longer answers"
}
