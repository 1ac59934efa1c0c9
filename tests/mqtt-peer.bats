#!/usr/bin/env bats
# mqtt-peer.bats: what brokers do to mqtt-in and mqtt-out: mosquitto (MQTT 5 and 3.1.1), RabbitMQ (3.1.1), both through a
# relay that freezes, cuts or speaks TLS (helper/tcp-relay.c), and a peer that misbehaves on purpose (helper/mqtt-peer.c)
# for what they do only when they are ill.
#
# Not here, since it cannot be:
#   credit withheld, link detached, redirect   AMQP's. MQTT 5 has "use another server" (0x9c, 0x9d): a refusal in words
#   oversize at RabbitMQ                       it has no limit that we could reach; MQTT 3.1.1 has no word for it
#   broker full at MQTT 3.1.1                  there is none: PUBACK has no reason; RabbitMQ stops reading (slow reader)
#   session taken over in words at 3.1.1       the server has no DISCONNECT: the TCP connection ends
#   restart mid-stream of RabbitMQ             takes it 10 to 25 s
#
# setup_file starts what takes longer than two keepalives; the last tests look at it (KEEPALIVE).
load helper/common
load helper/mosquitto
load helper/rabbitmq
load helper/tls
load helper/mqtt-in

KEEPALIVE=5

setup_file() {
    common_setup_file
    tls_make
    mosquitto_start
    ! rabbitmq_installed || rabbitmq_shared
    quiet_start >"$WORK/quiet.log" 2>&1 3>&-
}

teardown_file() {
    local part
    for part in "$BATS_FILE_TMPDIR"/quiet/*/; do
        WORK=$part end_tracked
    done
    common_teardown_file
}

setup() {
    common_setup
    ME=me-$BATS_TEST_NUMBER
    IN=in-$BATS_TEST_NUMBER
    mkfifo "$WORK/idle" # opened for both, it is a stdin on which nothing comes
}

teardown() {
    exec 6>&- 7>&- 8>&-
    common_teardown
}

# --- connections and peers ---

# The URI of the connection is that of PORT; FILTER changes the rest.
conn() { # TYPE PORT [FILTER]
    jq -n --arg type "$1" --arg uri "tcp://127.0.0.1:$2" --arg me "$ME" --arg in "$IN/#" '{id: "c", connectionType: $type,
        connectionStatus: "open", uri: $uri, specificConfig: {clientId: $me},
        sources: [{addresses: [$in], authorizationContext: ["x"], qos: 1}],
        targets: [{address: "t", topics: [], authorizationContext: ["x"], qos: 1}]}' | jq "${3:-.}" >"$WORK/connection"
}

# Runs PROGRAM with a stdin on which nothing comes until it ends.
fails() { # PROGRAM ARGS
    run --separate-stderr timeout 30 "$@" -c "$WORK/connection" <>"$WORK/idle"
    assert_output ''
}

# Starts the misbehaving broker; its port is then PEER.
peer() { # STEP…
    rm -f "$WORK/peer.out"
    start peer mqtt-peer "$@" </dev/null
    wait_for 5 grep -q port "$WORK/peer.out"
    PEER=$(head -n 1 "$WORK/peer.out" | jq .port)
}

unpeer() {
    stop peer
}

# Starts a relay; its port is then RELAY, its control lines go to descriptor 8.
relay() { # ARGS SERVER_PORT
    rm -f "$WORK/control" "$WORK/relay.out"
    mkfifo "$WORK/control"
    exec 8<>"$WORK/control"
    start relay tcp-relay "$@" <"$WORK/control" 8>&-
    wait_for 5 grep -q port "$WORK/relay.out"
    RELAY=$(head -n 1 "$WORK/relay.out" | jq .port)
}

tell_relay() { # LINE
    local n
    n=$(grep -c '"done"' "$WORK/relay.out") || :
    echo "$1" >&8
    wait_for 5 relay_did $((n + 1))
}

relay_did() { # N
    [ "$(grep -c '"done"' "$WORK/relay.out")" -ge "$1" ]
}

# Runs CMD TYPE PORT for each broker and version there is.
each_broker() { # CMD
    "$1" mqtt-5 "$MQTT_PORT"
    "$1" mqtt "$MQTT_PORT"
    ! rabbitmq_installed || "$1" mqtt "$RABBITMQ_MQTT_PORT"
}

# Starts mqtt-out with descriptor 7 as its stdin.
sink_ready() { # ARGS
    rm -f "$WORK/feed"
    mkfifo "$WORK/feed"
    exec 7<>"$WORK/feed"
    start_ready out mqtt-out -d 4 "$@" <"$WORK/feed" 7>&-
}

messages() { # N TOPIC
    seq "$1" | jq -c --arg t "$2" '{id: "x-\(.)", address: $t, text: "\(.)"}'
}

settle_all() {
    jq -c --unbuffered 'select(.id) | {id, status: 200}' "$WORK/src.out" >&6
}

# --- refusals ---

@test "CONNACK refuses: in words, 100 if only another configuration can help, else 111 (3.1.1)" {
    local code word
    while read -r code status_wanted word; do
        peer read "2002000$code"
        conn mqtt "$PEER"
        for program in mqtt-in mqtt-out; do
            fails $program
            assert_status "$status_wanted"
            assert_stderr "$program c: error: cannot connect to '127.0.0.1:$PEER': Connection Refused: $word"
        done
        unpeer
    done <<'END'
1 100 unacceptable protocol version.
2 100 identifier rejected.
3 111 broker unavailable.
4 100 bad user name or password.
5 100 not authorised.
END
}

@test "CONNACK refuses: in words, 100 if only another configuration can help, else 111 (MQTT 5)" {
    local code word
    while read -r code status_wanted word; do
        peer read "200300${code}00"
        conn mqtt-5 "$PEER"
        for program in mqtt-in mqtt-out; do
            fails $program
            assert_status "$status_wanted"
            assert_stderr "$program c: error: cannot connect to '127.0.0.1:$PEER': $word"
        done
        unpeer
    done <<'END'
80 111 Unspecified error
84 100 Unsupported Protocol Version
85 100 Client Identifier not valid
86 100 Bad User Name or Password
87 100 Not authorized
88 111 Server unavailable
89 111 Server busy
8a 100 Banned
97 111 Quota exceeded
9c 111 Use another server
9d 111 Server moved
9f 111 Connection rate exceeded
END
}

@test "RabbitMQ refuses a wrong password: 100" {
    rabbitmq_installed || skip 'RabbitMQ is not installed'
    conn mqtt "$RABBITMQ_MQTT_PORT" '.uri |= sub("//"; "//guest:wrong@")'
    for program in mqtt-in mqtt-out; do
        fails $program
        assert_status 100
        assert_stderr "$program c: error: cannot connect to '127.0.0.1:$RABBITMQ_MQTT_PORT': Connection Refused: bad user name or password."
    done
    conn mqtt "$RABBITMQ_MQTT_PORT" '.uri |= sub("//"; "//guest:guest@")'
    run --separate-stderr timeout 30 mqtt-out -c "$WORK/connection" </dev/null
    assert_status 0
}

@test "SUBACK refuses: in words, with the filter" {
    # CONNACK, then the answer to packet 1
    peer read 2003000000 read 900400010087
    conn mqtt-5 "$PEER"
    fails mqtt-in
    assert_status 100
    assert_stderr "mqtt-in c: error: cannot connect to '127.0.0.1:$PEER': the broker refused the subscription to '$IN/#': Not authorized"
    unpeer
    peer read 2003000000 read 900400010097
    conn mqtt-5 "$PEER"
    fails mqtt-in
    assert_status 111
    assert_stderr --partial ': Quota exceeded'
    unpeer
    peer read 20020000 read 9003000180
    conn mqtt "$PEER"
    fails mqtt-in
    assert_status 111
    assert_stderr --partial "the broker refused the subscription to '$IN/#': no reason given"
}

@test "nobody listens, accepted and closed at once, reset: 111" {
    local port
    port=$(free_port)
    relay "$MQTT_PORT"
    tell_relay slam
    for type in mqtt mqtt-5; do
        for program in mqtt-in mqtt-out; do
            conn $type "$port"
            fails $program
            assert_status 111
            assert_stderr "$program c: error: cannot connect to '127.0.0.1:$port': Connection refused"
            conn $type "$RELAY"
            fails $program
            assert_status 111
            assert_stderr --regexp "^$program c: error: cannot connect to '127.0.0.1:$RELAY': (the broker closed the TCP connection|Connection reset by peer|Broken pipe)"
        done
    done
    peer read reset
    conn mqtt-5 "$PEER"
    for program in mqtt-in mqtt-out; do
        fails $program
        assert_status 111
        assert_stderr --regexp "cannot connect to '127.0.0.1:$PEER': (the broker closed the TCP connection|Connection reset by peer)"
    done
}

@test "no CONNACK, no SUBACK: 111 when the time to connect is over" {
    peer read hold
    conn mqtt-5 "$PEER"
    for program in mqtt-in mqtt-out; do
        fails $program -T 300
        assert_status 111
        assert_stderr "$program c: error: cannot connect to '127.0.0.1:$PEER': no answer in time"
    done
    unpeer
    peer read 2003000000 hold
    conn mqtt-5 "$PEER"
    fails mqtt-in -T 300
    assert_status 111
    assert_stderr "mqtt-in c: error: cannot connect to '127.0.0.1:$PEER': no answer in time"
}

# --- the connection ends ---

@test "cut in the middle: 111, and nothing is lost" {
    each_broker cut_source
    each_broker cut_sink
}

cut_source() { # TYPE PORT
    ME=in-$1-$2 IN=cut-$1-$2
    relay "$2"
    conn "$1" "$RELAY"
    source_ready -c "$WORK/connection"
    mosquitto_pub -h 127.0.0.1 -p "$2" -q 1 -t "$IN/a" -m one
    lines 1
    tell_relay cut
    wait_exit src
    assert_status 111
    assert_stderr_of src "mqtt-in c: error: stdin ended" not
    grep -qE "error: cannot keep the connection to '127.0.0.1:$RELAY': (the broker closed the TCP connection|Connection reset by peer)$" "$WORK/src.err"
    conn "$1" "$2"
    source_ready -c "$WORK/connection"
    lines 1
    settle 1 200
    stop src
    assert_status 0
    stop relay
}

assert_stderr_of() { # NAME TEXT not
    refute grep -qF "$2" "$WORK/$1.err"
}

cut_sink() { # TYPE PORT
    ME=out-$1-$2
    relay "$2"
    conn "$1" "$RELAY"
    sink_ready -c "$WORK/connection" -k 0
    tell_relay freeze
    messages 3 cut >&7
    wait_for 5 sink_has_read 3
    tell_relay cut
    wait_exit out
    assert_status 111
    assert_equal "$(cat "$WORK/out.out")" ''
    stop relay
}

sink_has_read() { # N
    kill -USR1 "${PIDS[out]}"
    grep -q "info: read=$1 " "$WORK/out.err"
}

@test "the broker restarts in the middle of a stream: all arrives" {
    mosquitto_start 'persistence true'
    for type in mqtt-5 mqtt; do
        ME=me-$type IN=in-$type
        conn $type "$MQTT_PORT"
        source_ready -r -c "$WORK/connection"
        sink_ready -r -c "$WORK/connection" -k 0
        messages 50 "$IN/a" >&7
        lines 1
        mosquitto_stop
        messages 50 "$IN/b" >&7
        mosquitto_restart 6>&- 7>&-
        wait_for 20 all_settled 100
        wait_for 20 all_came 100
        stop src
        exec 7>&-
        wait_exit out
        assert_status 0
    done
}

all_settled() { # N
    [ "$(jq -r 'select(.status == 200).id' "$WORK/out.out" | wc -l)" -ge "$1" ]
}

all_came() { # N
    settle_all
    [ "$(jq -r '.address + .text' "$WORK/src.out" | sort -u | wc -l)" -ge "$1" ]
}

@test "another client of the same name takes the session: 111" {
    each_broker takeover
}

takeover() { # TYPE PORT
    ME=taken-$1-$2
    conn "$1" "$2" '.specificConfig.publisherId = .specificConfig.clientId'
    for program in mqtt-in mqtt-out; do
        start_ready taken $program -d 4 -c "$WORK/connection" <>"$WORK/idle"
        mosquitto_pub -h 127.0.0.1 -p "$2" -i "$ME" -q 1 -t nowhere -m x
        wait_exit taken
        assert_status 111
        assert_equal "$(grep error: "$WORK/taken.err")" "$program c: error: cannot keep the connection to '127.0.0.1:$2': the broker closed the TCP connection"
    done
}

@test "an MQTT 5 broker says why it ends the connection" {
    local code word
    while read -r code word; do
        # to a source behind its SUBACK, to a sink behind the CONNACK
        peer read 2003000000 read 900400010001 "e002${code}00" hold
        conn mqtt-5 "$PEER"
        start src mqtt-in -c "$WORK/connection" <>"$WORK/idle"
        wait_exit src
        assert_status 111
        assert_equal "$(cat "$WORK/src.err")" "mqtt-in c: error: cannot keep the connection to '127.0.0.1:$PEER': $word"
        unpeer
    done <<'END'
8e Session taken over
8b Server shutting down
9d Server moved
END
}

# --- limits ---

@test "never acknowledged: nothing is settled, and the drain limit is 111" {
    local connack
    for type in mqtt-5 mqtt; do
        connack=2003000000
        [ $type = mqtt-5 ] || connack=20020000
        peer read $connack hold
        conn $type "$PEER"
        messages 3 t >"$WORK/messages"
        run --separate-stderr timeout 20 mqtt-out -D 200 -c "$WORK/connection" -k 0 <"$WORK/messages"
        assert_status 111
        assert_output ''
        assert_stderr 'mqtt-out c: error: drain limit reached: 3 messages are not confirmed'
        unpeer
    done
}

@test "the broker is full, or does not like the message: its reason is the message's error (MQTT 5)" {
    local code status_wanted word
    while read -r code status_wanted word; do
        peer read 2003000000 read "40040001${code}00" hold
        conn mqtt-5 "$PEER"
        messages 1 t >"$WORK/messages"
        run --separate-stderr timeout 20 mqtt-out -c "$WORK/connection" -k 0 <"$WORK/messages"
        assert_equal "$(jq -c '[.id, .status, .error.error, .error.message]' <<<"$output")" \
            "[\"x-1\",$status_wanted,\"connectivity:message.sending.failed\",\"The broker refused the message: $word\"]"
        unpeer
    done <<'END'
97 503 Quota exceeded
83 503 Implementation specific error
87 403 Not authorized
90 400 Topic Name invalid
99 400 Payload format invalid
END
}

@test "oversize: 413 where an MQTT 5 broker says its limit; at 3.1.1 the connection ends" {
    mosquitto_start 'max_packet_size 1000'
    conn mqtt-5 "$MQTT_PORT"
    tr '\0' x </dev/zero | head -c 2000 | jq -cR '{id: "x", address: "t", text: .}' >"$WORK/messages"
    messages 1 t >>"$WORK/messages"
    run --separate-stderr timeout 20 mqtt-out -c "$WORK/connection" -k 0 <"$WORK/messages"
    assert_status 0
    assert_equal "$(jq -c '[.id, .status]' <<<"$output" | sort)" $'["x",413]\n["x-1",200]'
    conn mqtt "$MQTT_PORT"
    run --separate-stderr timeout 20 mqtt-out -c "$WORK/connection" -k 0 <"$WORK/messages"
    assert_status 111
    assert_output ''
    assert_stderr --regexp "cannot keep the connection to '127.0.0.1:$MQTT_PORT': (the broker closed the TCP connection|Connection reset by peer|Broken pipe)$"
}

@test "a slow reader: stdin is left unread meanwhile, then all goes out" {
    each_broker slow_reader
}

slow_reader() { # TYPE PORT
    ME=slow-$1-$2
    relay "$2"
    conn "$1" "$RELAY"
    sink_ready -w 10 -c "$WORK/connection" -k 0
    tell_relay freeze
    messages 30 slow >&7
    wait_for 5 sink_has_read 10
    assert_equal "$(cat "$WORK/out.out")" ''
    tell_relay thaw
    exec 7>&-
    wait_exit out
    assert_status 0
    assert_equal "$(jq -r 'select(.status == 200).id' "$WORK/out.out" | wc -l)" 30
    stop relay
}

# --- TLS ---

@test "TLS: the certificate is verified: expired, another host's, an unknown authority's are 111, each in words" {
    local name words
    while read -r name words; do
        relay -c "$TLS/$name.pem" "$MQTT_PORT"
        for type in mqtt-5 mqtt; do
            conn $type "$RELAY" ".uri |= sub(\"tcp\"; \"ssl\") | .ca = \"$(ca)\""
            for program in mqtt-in mqtt-out; do
                fails $program
                assert_status 111
                assert_stderr --regexp "^$program c: error: cannot connect to '127.0.0.1:$RELAY': the broker's certificate is not accepted: ($words)\$"
            done
        done
        # and not, if that is asked for
        conn mqtt-5 "$RELAY" '.uri |= sub("tcp"; "ssl") | .validateCertificates = false'
        run --separate-stderr timeout 30 mqtt-out -c "$WORK/connection" </dev/null
        assert_status 0
        stop relay
    done <<'END'
expired certificate has expired
wrong it is made out to another host|IP address mismatch
unknown unable to get local issuer certificate|self-signed certificate in certificate chain|unable to verify the first certificate
END
}

# The authority as a JSON text without its quotes.
ca() {
    jq -Rs . "$TLS/ca.pem" | sed 's/^"//; s/"$//'
}

@test "TLS: both ways, with the ca of the connection or the files of the command line, at a name and an address" {
    local uri
    relay -c "$TLS/server.pem" "$MQTT_PORT"
    for uri in ssl://127.0.0.1 ssl://localhost; do
        ME=tls-5-${uri##*/}
        conn mqtt-5 "$RELAY" ".uri = \"$uri:$RELAY\" | .ca = \"$(ca)\""
        tls_works
        ME=tls-3-${uri##*/}
        conn mqtt "$RELAY" ".uri = \"$uri:$RELAY\""
        tls_works -A "$TLS/ca.pem"
    done
    # the system's store does not know it
    conn mqtt-5 "$RELAY" '.uri |= sub("tcp"; "ssl")'
    fails mqtt-out
    assert_status 111
    assert_stderr --partial "the broker's certificate is not accepted"
}

tls_works() { # ARGS
    source_ready "$@" -c "$WORK/connection"
    messages 200 "$IN/a" >"$WORK/messages"
    run --separate-stderr timeout 20 mqtt-out "$@" -c "$WORK/connection" -k 0 <"$WORK/messages"
    assert_status 0
    assert_equal "$(jq -r 'select(.status == 200).id' <<<"$output" | wc -l)" 200
    lines 200
    settle_all
    acknowledged "$ME" 200
    stop src
    assert_status 0
}

@test "TLS: a client certificate, of the connection or from files that are read anew" {
    relay -c "$TLS/server.pem" -a "$TLS/ca.pem" "$MQTT_PORT"
    conn mqtt-5 "$RELAY" '.uri |= sub("tcp"; "ssl")'
    fails mqtt-out -A "$TLS/ca.pem"
    assert_status 111
    for program in mqtt-in mqtt-out; do
        start_ready ok $program -d 4 -A "$TLS/ca.pem" -I "$TLS/client.pem" -c "$WORK/connection" <>"$WORK/idle"
        stop ok
        assert_status 0
        fails $program -A "$TLS/ca.pem" -I "$TLS/stranger.pem"
        assert_status 111
    done
    jq --rawfile cert "$TLS/client.crt" --rawfile key "$TLS/client.key" --rawfile ca "$TLS/ca.pem" '.ca = $ca |
        .credentials = {type: "client-cert", cert: $cert, key: $key}' "$WORK/connection" >"$WORK/c" && mv "$WORK/c" "$WORK/connection"
    run --separate-stderr timeout 30 mqtt-out -c "$WORK/connection" </dev/null
    assert_status 0
}

# --- keepalive: what setup_file started ---

# Each in a folder of its own below quiet, whose WORK is that, with its own MQTT client id q-NAME. They share the
# broker. The gate of the sources is shut by a message that nobody settles.
quiet_start() {
    local relay
    mkdir "$WORK/quiet"
    QUIET=$WORK/quiet
    quiet plain mqtt-5 "tcp://127.0.0.1:$MQTT_PORT"
    quiet old mqtt "tcp://127.0.0.1:$MQTT_PORT"
    ! rabbitmq_installed || quiet rabbit mqtt "tcp://127.0.0.1:$RABBITMQ_MQTT_PORT"
    WORK=$WORK/quiet/tls-relay part_relay -c "$TLS/server.pem"
    quiet tls mqtt-5 "ssl://127.0.0.1:$(cat "$QUIET/tls-relay/port")"
    WORK=$WORK/quiet/hole-relay part_relay
    quiet hole mqtt-5 "tcp://127.0.0.1:$(cat "$QUIET/hole-relay/port")"
    quiet_sink hole-out "tcp://127.0.0.1:$(cat "$QUIET/hole-relay/port")"
    echo freeze >"$QUIET/hole-relay/control"
    quiet_full full "tcp://127.0.0.1:$MQTT_PORT"
}

part_relay() { # ARGS
    mkdir "$WORK"
    mkfifo "$WORK/control"
    # both ends, so that neither waits for the other
    start relay tcp-relay "$@" "$MQTT_PORT" 5<>"$WORK/control" <"$WORK/control"
    wait_for 5 grep -q port "$WORK/relay.out"
    head -n 1 "$WORK/relay.out" | jq .port >"$WORK/port"
}

quiet_connection() { # NAME TYPE URI
    jq -n --arg name "q-$1" --arg type "$2" --arg uri "$3" --rawfile ca "$TLS/ca.pem" --arg k "${KEEPALIVE}s" '{id: $name,
        connectionType: $type, connectionStatus: "open", uri: $uri, specificConfig: {clientId: $name, keepAlive: $k},
        sources: [{addresses: [$name], authorizationContext: ["x"], qos: 1}],
        targets: [{address: $name, topics: [], authorizationContext: ["x"], qos: 1}]} |
        if $uri | startswith("ssl") then .ca = $ca else . end' >"$WORK/connection"
}

quiet() { # NAME TYPE URI
    local WORK=$WORK/quiet/$1 port=${MQTT_PORT}
    [ "$1" != rabbit ] || port=$RABBITMQ_MQTT_PORT
    mkdir "$WORK"
    quiet_connection "$@"
    mkfifo "$WORK/home"
    start_ready src bash -c 'mqtt-in -d 4 -c "$0/connection"; echo $? >"$0/code"' "$WORK" 5<>"$WORK/home" <"$WORK/home"
    mosquitto_pub -h 127.0.0.1 -p "$port" -q 1 -t "q-$1" -m held
    wait_for 10 test -s "$WORK/src.out"
}

quiet_sink() { # NAME URI
    local WORK=$WORK/quiet/$1
    mkdir "$WORK"
    quiet_connection "$1" mqtt-5 "$2"
    mkfifo "$WORK/home"
    start_ready out bash -c 'mqtt-out -d 4 -c "$0/connection"; echo $? >"$0/code"' "$WORK" 5<>"$WORK/home" <"$WORK/home"
}

# Its stdout is a pipe that nobody reads, and 20 MiB are to be written there.
quiet_full() { # NAME URI
    local WORK=$WORK/quiet/$1 n
    mkdir "$WORK"
    quiet_connection "$1" mqtt-5 "$2"
    mkfifo "$WORK/home" "$WORK/pipe"
    : >"$WORK/src.ready"
    mqtt-in -d 4 -S write -c "$WORK/connection" 5<>"$WORK/pipe" </dev/null >"$WORK/pipe" 2>"$WORK/src.err" 4>"$WORK/src.ready" &
    PIDS[src]=$!
    echo $! >"$WORK/pid"
    track $!
    wait_ready src
    tr '\0' x </dev/zero | head -c 1048576 >"$WORK/mebi"
    for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -q 1 -t "q-$1" -f "$WORK/mebi"
    done
}

# Waits until the broker has heard CLIENT so often that it would have closed without: one and a half keepalives.
kept_alive() { # CLIENT
    wait_for 40 heard "$1" 5
}

heard() { # CLIENT N
    [ "$(grep -c "Received PINGREQ from $1$" "$MQTT_DIR/log")" -ge "$2" ]
}

@test "keepalive goes on while the gate is shut: plain, TLS, 3.1.1, RabbitMQ; the PUBACK comes after it" {
    local name dir=$BATS_FILE_TMPDIR/quiet
    for name in plain tls old; do
        kept_alive "q-$name"
        [ ! -e "$dir/$name/code" ]
        assert_equal "$(pubacks "q-$name")" 0
        jq -c '{id, status: 200}' "$dir/$name/src.out" >"$dir/$name/home"
        acknowledged "q-$name" 1
    done
    rabbitmq_installed || skip 'RabbitMQ is not installed'
    [ ! -e "$dir/rabbit/code" ]
    assert_equal "$(cat "$dir/rabbit/src.err")" ''
}

@test "keepalive goes on while stdout is full" {
    local dir=$BATS_FILE_TMPDIR/quiet/full
    kept_alive q-full
    running "$(cat "$dir/pid")"
    [ "$(pubacks q-full)" -lt 20 ]
    timeout 20 head -n 20 "$dir/pipe" | wc -c >"$WORK/n"
    [ "$(cat "$WORK/n")" -gt 20971520 ]
    acknowledged q-full 20
}

@test "a black hole is noticed, in both directions: 111" {
    local name dir=$BATS_FILE_TMPDIR/quiet port
    port=$(cat "$dir/hole-relay/port")
    for name in hole hole-out; do
        wait_for 30 test -s "$dir/$name/code"
        assert_equal "$(cat "$dir/$name/code")" 111
    done
    assert_equal "$(cat "$dir/hole/src.err")" "mqtt-in q-hole: error: cannot keep the connection to '127.0.0.1:$port': the broker no longer answers"
    assert_equal "$(cat "$dir/hole-out/out.err")" "mqtt-out q-hole-out: error: cannot keep the connection to '127.0.0.1:$port': the broker no longer answers"
}
