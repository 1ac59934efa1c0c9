#!/usr/bin/env bats
# conn-metrics: Prometheus text on stdout, and over HTTP under UCSPI servers. Real store, hub and supervisor.

load helper/common
source "$HELPER/mosquitto.bash"
source "$HELPER/house.bash"

create() { # NAME URI [JQ-FILTER]
    house_connection "$1" "$2" "${3:-.}" >"$WORK/$1.json"
    run --separate-stderr conn-ctl -a create "$WORK/$1.json"
    assert_success
}

# Two connections: one that is closed, with an id and an address that need escapes where they can have them.
closed_house() {
    house_start
    create mqtt-live tcp://127.0.0.1:1 '.connectionStatus = "closed"'
    create amqp-telemetry amqp://127.0.0.1:1 '.connectionStatus = "closed"'
}

request() { # LINE… : the request, with CRLF
    printf '%s\r\n' "$@" ''
}

# Status, content type and body of an answer in $output.
head_of() {
    sed -n '1p' <<<"$output" | tr -d '\r'
}

body() {
    sed '1,/^\r*$/d' <<<"$output"
}

@test "wrong usage ends with 100" {
    local args
    for args in 'x' '-z' '-t 0' '-t x'; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr conn-metrics $args
        assert_equal "$status" 100
        assert_output ''
        assert_stderr --partial 'usage: conn-metrics [-HqvhV] [-t SECONDS]'
    done
}

@test "without a store it is 111, over HTTP 503" {
    run --separate-stderr conn-metrics -t 1
    assert_equal "$status" 111
    assert_output ''
    assert_stderr --partial "conn-metrics: error: cannot reach store '$CONN_RUN/store.sock'"
    run --separate-stderr conn-metrics -H -t 1 < <(request 'GET /metrics HTTP/1.1')
    assert_success
    assert_equal "$(head_of)" 'HTTP/1.1 503 Service Unavailable'
    assert_equal "$(body)" '503 Service Unavailable'
    assert_stderr --partial "cannot reach store"
}

@test "every family has its help and type once, before its samples, which are well-formed" {
    closed_house
    run --separate-stderr conn-metrics
    assert_success
    assert_stderr ''
    assert_line 'connection_live_status{id="amqp-telemetry",status="closed"} 1'
    assert_line 'connection_live_status{id="amqp-telemetry",status="open"} 0'
    assert_line 'connection_desired_open{id="mqtt-live"} 0'
    assert_line 'connection_client{id="mqtt-live"} 0'
    assert_line 'connection_backlog{id="mqtt-live",direction="outbound"} 0'
    assert_line 'connection_supervisor_up 1'
    # the grammar of the text format, as far as it is used
    run grep -vE '^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z]+="([^"\\]|\\["\\n])*",?)+\})? [0-9]+)$' <<<"$output"
    assert_failure
    run --separate-stderr conn-metrics
    run awk '$1 == "#" { if ($2 == "TYPE") { if (seen[$3]++) print "twice: " $3; now = $3 } next }
        { name = $1; sub(/\{.*/, "", name); if (name != now) print "stray: " $0 }' <<<"$output"
    assert_output ''
}

@test "without a supervisor it says so, and nothing that it does not know" {
    start_ready store conn-store -d 4 </dev/null
    create mqtt-live tcp://127.0.0.1:1 '.connectionStatus = "closed"'
    run --separate-stderr conn-metrics
    assert_success
    assert_output '# HELP connection_supervisor_up Whether the supervisor answers.
# TYPE connection_supervisor_up gauge
connection_supervisor_up 0'
}

@test "messages are counted with Ditto's labels, and addresses that need escapes are escaped" {
    mosquitto_start
    house_start
    create mqtt-live "tcp://127.0.0.1:$MQTT_PORT" '.targets[0].address = "a\"b\\c/{{ thing:name }}" | .targets[0].qos = 1'
    run conn-ctl status -w 20 mqtt-live
    assert_success
    cat >"$WORK/source" <<'END'
echo '{"id":"x","topic":"a/b/things/live/messages/s","headers":{"requested-acks":["mqtt-live:published"],"response-required":false},"path":"/outbox/messages/s","value":1}'
read -r line
echo "$line" >&2
cat >/dev/null
END
    start src ring -j '{"hello":1,"role":"in","client":0,"connection":{"id":"other","connectionType":"mqtt","connectionStatus":"open","uri":"tcp://127.0.0.1:1","sources":[{"addresses":["x"],"qos":1,"authorizationContext":["x"]}]}}' "sh '$WORK/source'" </dev/null
    wait_for 10 grep -q '"status":200' "$WORK/src.err"
    # the hub and the sink report apart
    wait_for 5 eval 'conn-metrics | grep -q "type=\"published\""'
    wait_for 5 eval 'conn-metrics | grep -q "type=\"dispatched\""'
    run --separate-stderr conn-metrics
    assert_line 'connection_messages_total{id="mqtt-live",type="published",category="target",direction="outbound",address="a\"b\\c/{{ thing:name }}",success="true"} 1'
    assert_line 'connection_messages_total{id="mqtt-live",type="dispatched",category="target",direction="outbound",address="a\"b\\c/{{ thing:name }}",success="true"} 1'
    stop src
}

@test "HTTP: what it answers, and to what" {
    start_ready store conn-store -d 4 </dev/null
    local want args
    while IFS='|' read -r want args; do
        run --separate-stderr conn-metrics -H < <(request "$args" 'Host: x')
        assert_success
        assert_stderr ''
        assert_equal "$args: $(head_of)" "$args: HTTP/1.1 $want"
    done <<'END'
200 OK|GET /metrics HTTP/1.1
200 OK|GET / HTTP/1.0
200 OK|GET /metrics?name[]=x HTTP/1.1
200 OK|HEAD /metrics HTTP/1.1
404 Not Found|GET /metrics/x HTTP/1.1
405 Method Not Allowed|POST /metrics HTTP/1.1
405 Method Not Allowed|get /metrics HTTP/1.1
400 Bad Request|GET /metrics
400 Bad Request|GET /metrics HTTP/2.0
400 Bad Request|nonsense
END
}

@test "HTTP: the length is the body's, HEAD has none, lines may end with LF alone" {
    start_ready store conn-store -d 4 </dev/null
    conn-metrics -H < <(printf 'GET /metrics HTTP/1.1\n\n') >"$WORK/answer"
    sed '1,/^\r*$/d' "$WORK/answer" >"$WORK/body"
    assert_equal "$(sed -n 's/^Content-Length: \([0-9]*\)\r$/\1/p' "$WORK/answer")" "$(wc -c <"$WORK/body")"
    grep -q $'^Content-Type: text/plain; version=0.0.4; charset=utf-8\r$' "$WORK/answer"
    grep -q $'^Connection: close\r$' "$WORK/answer"
    conn-metrics >"$WORK/text"
    cmp "$WORK/text" "$WORK/body"
    conn-metrics -H < <(request 'HEAD / HTTP/1.1') >"$WORK/head"
    assert_equal "$(sed '1,/^\r*$/d' "$WORK/head" | wc -c)" 0
}

@test "HTTP: a request that is too long, cut off or late, and a port that is only looked at" {
    run --separate-stderr conn-metrics -H < <(printf 'GET / HTTP/1.1\r\n' && head -c 9000 /dev/zero | tr '\0' x)
    assert_success
    assert_equal "$(head_of)" 'HTTP/1.1 431 Request Header Fields Too Large'
    run --separate-stderr conn-metrics -H < <(printf 'GET / HTTP/1.1\r\n')
    assert_success
    assert_equal "$(head_of)" 'HTTP/1.1 400 Bad Request'
    mkfifo "$WORK/slow"
    exec 5<>"$WORK/slow"
    printf 'GET / HT' >&5
    run --separate-stderr conn-metrics -H -t 1 <"$WORK/slow"
    exec 5>&-
    assert_success
    assert_equal "$(head_of)" 'HTTP/1.1 408 Request Timeout'
    run --separate-stderr conn-metrics -H </dev/null
    assert_success
    assert_output ''
    assert_stderr ''
}

@test "a UCSPI server of s6 and one of TCP serve it" {
    start_ready store conn-store -d 4 </dev/null
    local port
    if command -v s6-ipcserver >/dev/null; then
        start ipc s6-ipcserver -1 "$WORK/metrics.sock" conn-metrics -H </dev/null
        wait_for 5 test -s "$WORK/ipc.out"
        run --separate-stderr socat - "UNIX-CONNECT:$WORK/metrics.sock" < <(request 'GET /metrics HTTP/1.1')
        assert_equal "$(head_of)" 'HTTP/1.1 200 OK'
        assert_output --partial 'connection_supervisor_up'
    fi
    port=$(free_port)
    start web socat "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork" 'EXEC:conn-metrics -H' </dev/null
    wait_for 5 port_answers "$port"
    exec 6<>"/dev/tcp/127.0.0.1/$port"
    request 'GET /metrics HTTP/1.1' >&6
    output=$(cat <&6)
    exec 6>&-
    assert_equal "$(head_of)" 'HTTP/1.1 200 OK'
    assert_equal "$(body | tail -n 1)" 'connection_supervisor_up 1'
}

@test "the examples of the page" {
    closed_house
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh/{/^\.Bd/,/^\.Ed/{/^\./!p}}' "$ROOT/man/conn-metrics.1" | sed 's/\\e/\\/g' >"$WORK/example"
    run --separate-stderr bash "$WORK/example"
    assert_success
    assert_stderr ''
    assert_line --partial 'HTTP/1.1 200 OK'
}
