#!/usr/bin/env bats
# amqp-peer.bats: what the AMQP 1.0 test container and its client promise to the other tests.
load helper/common

# Starts amqp-peer with these arguments, without input unless stdin is given; its port is then PORT.
peer() {
    start peer amqp-peer -t 60 "$@"
    wait_for 10 grep -q '^{"port":' "$WORK/peer.out"
    PORT=$(head -n 1 "$WORK/peer.out" | jq .port)
}

# The same with lines that the test writes to descriptor 5.
fed_peer() {
    mkfifo "$WORK/in"
    start peer amqp-peer -t 60 "$@" "$WORK/in" </dev/null
    exec 5>"$WORK/in"
    wait_for 10 grep -q '^{"port":' "$WORK/peer.out"
    PORT=$(head -n 1 "$WORK/peer.out" | jq .port)
}

# Waits until the peer has printed N (1) records that match FILTER.
wait_record() { # FILTER [N]
    wait_for 10 has_records "$@"
}

has_records() { # FILTER [N]
    [ "$(jq -c "select($1)" "$WORK/peer.out" | wc -l)" -ge "${2:-1}" ]
}

# The records of one event, without what differs from run to run.
events() { # EVENT
    jq -c "select(.event == \"$1\") | del(.event, .connection)" "$WORK/peer.out"
}

cat_run() { # ARGS: amqp-cat, its streams apart
    run --separate-stderr amqp-cat -t 30 -p "$PORT" "$@"
}

summary() { # the fields of the peer's summary that are not 0, address apart
    jq -c '.summary // empty | del(.address) | with_entries(select(.value != 0))' "$WORK/peer.out"
}

# --- messages ---

@test "a load arrives whole, in order, and -x ends the peer when all of it is settled" {
    peer -x -Q -g 1000,telemetry,120 </dev/null
    cat_run recv telemetry 1000
    assert_status 0
    assert_stderr ''
    wait_exit peer
    assert_status 0
    [ ! -s "$WORK/peer.err" ]
    assert_equal "$(summary)" '{"sent":1000,"transfers":1000,"accepted":1000}'
    jq -r '.properties["message-id"] // empty' <<<"$output" >"$WORK/ids"
    seq -f 'm-%010.0f' 1000 | diff - "$WORK/ids"
}

@test "a generated message has the form of the demo's" {
    peer -x -Q -g 13,telemetry,100 </dev/null
    cat_run recv telemetry 13
    run jq -c 'select(.n == 13) | [.properties, .["application-properties"],
        (.data | @base64d | length, (fromjson | .temp, .n, (.ts | . > 1600000000000)))]' <<<"$output"
    assert_output '[{"message-id":"m-0000000013","content-type":"application/json"},{"device_id":"dev-3","n":13},100,21.3,13,true]'
}

@test "with -e what is generated are Ditto Protocol messages of the wanted size" {
    peer -x -Q -e -g 13,telemetry,500 </dev/null
    cat_run recv telemetry 13
    run jq -c 'select(.n == 13) | [.properties, .["application-properties"],
        (.data | @base64d | length, (fromjson | .topic, .headers["correlation-id"], .path, .value.temp, .value.n))]' <<<"$output"
    assert_output '[{"message-id":"m-0000000013","content-type":"application/vnd.eclipse.ditto+json"},{"device_id":"dev-3","n":13},500,"org.example/dev-3/things/live/messages/temperature","m-0000000013","/outbox/messages/temperature",21.3,13]'
}

@test "every part of a message crosses the peer unchanged" {
    peer </dev/null
    cat >"$WORK/in" <<'END'
{"address":"q","durable":true,"ttl":60000,"properties":{"message-id":"x","to":"t","subject":"s","reply-to":"r","correlation-id":18446744073709551615,"content-type":"text/plain","content-encoding":"gzip","absolute-expiry-time":1,"creation-time":2,"group-id":"g","reply-to-group-id":"h","user-id":"guest","group-sequence":3},"application-properties":{"a":"ä","b":true,"c":-1,"d":0.5,"e":null,"t":{"timestamp":4}},"annotations":{"x-opt":{"symbol":"y"}},"body":"text","text":"a\u0000b"}
{"address":"q","properties":{"message-id":{"uuid":"00112233-4455-6677-8899-aabbccddeeff"},"correlation-id":{"binary":"AAE="}},"body":"map","map":{"k":[1,{"l":"m"},null]}}
{"address":"q","properties":{},"body":"list","list":[1,"two",[3]]}
{"address":"q","properties":{},"body":"sequence","sequence":[1,2]}
{"address":"q","properties":{},"body":"value","value":9223372036854775808}
{"address":"q","properties":{},"body":"data","data":""}
END
    cat_run send <"$WORK/in"
    assert_status 0
    assert_line --index 6 '{"summary":{"sent":6,"accepted":6,"rejected":0,"released":0,"modified":0,"presettled":0}}'
    cat_run recv q 6
    assert_status 0
    local same='{d: (.durable // false), t: (.ttl // 0), p: .properties, a: .["application-properties"], m: .annotations, b: .[.body]}'
    diff <(jq -cS "$same" "$WORK/in") <(jq -cS "select(.n) | $same" <<<"$output")
    stop peer
    diff <(jq -cS "$same | del(.t)" "$WORK/in") <(events message | jq -cS "$same | del(.t)")
}

@test "all 256 bytes and 1 MiB cross it unchanged" {
    peer -q </dev/null
    # shellcheck disable=SC2059 # the escapes are the point
    printf "$(printf '\\x%02x' {0..255})" >"$WORK/bytes"
    yes "$WORK/bytes" | head -n 4096 | xargs cat >"$WORK/large"
    [ "$(stat -c %s "$WORK/large")" -eq 1048576 ]
    for file in bytes large; do
        base64 -w 0 "$WORK/$file" | jq -cR '{data: .}'
    done >"$WORK/in"
    cat_run send q <"$WORK/in"
    assert_status 0
    amqp-cat -t 30 -p "$PORT" recv q 2 >"$WORK/got"
    cmp "$WORK/bytes" <(jq -r 'select(.n == 1).data' "$WORK/got" | base64 -d)
    cmp "$WORK/large" <(jq -r 'select(.n == 2).data' "$WORK/got" | base64 -d)
}

@test "messages may be fed while it runs; several addresses, several consumers" {
    fed_peer -x
    start one amqp-cat -t 30 -p "$PORT" recv a 1 </dev/null
    start two amqp-cat -t 30 -p "$PORT" recv b 1 </dev/null
    wait_record '.event == "credit"' 2
    echo '{"address":"b","text":"to b"}' >&5
    wait_exit two
    assert_status 0
    echo '{"address":"a","text":"to a"}' >&5
    wait_exit one
    assert_status 0
    exec 5>&-
    wait_exit peer
    assert_status 0
    assert_equal "$(jq -r '.text // empty' "$WORK/one.out" "$WORK/two.out" | paste -sd ,)" 'to a,to b'
}

@test "consumers of one address take turns" {
    fed_peer
    start one amqp-cat -t 30 -p "$PORT" recv a 5 </dev/null
    start two amqp-cat -t 30 -p "$PORT" recv a 5 </dev/null
    wait_record '.event == "credit"' 2
    echo '{"do":"generate","address":"a","count":10,"bytes":50}' >&5
    wait_exit one
    assert_status 0
    wait_exit two
    assert_status 0
}

@test "pre-settled messages are sent once and for all" {
    peer -x -q - <<<'{"address":"a","text":"x","settled":true}'
    cat_run recv a 1
    assert_status 0
    assert_line --index 0 --partial '"settled":true,'
    wait_exit peer
    assert_equal "$(summary)" '{"sent":1,"transfers":1,"presettled":1}'
}

# --- redelivery ---

@test "released comes again as it was, modified with a higher delivery-count" {
    peer -q -g 2,a,50 </dev/null
    for outcome in released modified modified; do
        cat_run -o $outcome recv a 2
        assert_status 0
    done
    cat_run recv a 2
    assert_equal "$(jq -c 'select(.n) | [.tag, .delivery_count, .first_acquirer]' <<<"$output" | paste -sd ' ')" \
        '["1",2,false] ["2",2,false]'
    stop peer
    assert_status 0
    assert_equal "$(events disposition | jq -r '[.n, .outcome, .failed, .delivery_count] | join(" ")')" \
        '1 released  0
2 released  0
1 modified true 0
2 modified true 0
1 modified true 1
2 modified true 1
1 accepted  2
2 accepted  2'
    assert_equal "$(summary)" '{"sent":2,"transfers":8,"accepted":2,"released":2,"modified":4}'
}

@test "rejected and undeliverable messages are dead" {
    peer -x -Q -g 3,a,50 </dev/null
    cat_run -o rejected recv a 2
    cat_run -o undeliverable recv a 1
    wait_exit peer
    assert_status 0
    assert_equal "$(summary)" '{"sent":3,"transfers":3,"rejected":2,"modified":1,"dead":3}'
}

@test "kill -9 of a consumer: what it held comes again, in order, delivery-count as it was" {
    peer -x -g 300,a,50 </dev/null
    start victim amqp-cat -t 30 -c 100 -o none -p "$PORT" recv a </dev/null
    wait_record '.event == "sent"' 100
    kill -KILL "${PIDS[victim]}"
    wait_record '.event == "lost"'
    assert_equal "$(events lost | jq -c .requeued)" 100
    cat_run recv a 300
    assert_status 0
    wait_exit peer
    jq -r '.tag // empty' <<<"$output" | diff <(seq 300) -
    assert_equal "$(jq -c 'select(.n) | [.delivery_count, .first_acquirer]' <<<"$output" | uniq -c | tr -s ' \n' ' ')" \
        ' 100 [0,false] 200 [0,true] '
    assert_equal "$(summary)" '{"sent":300,"transfers":400,"accepted":300}'
}

# --- client senders ---

@test "what clients send is answered as told" {
    peer -q -d '{"do":"answer","outcome":"rejected","count":1,"condition":"amqp:decode-error","description":"no"}' </dev/null
    cat_run send q <<<'{"text":"a"}
{"text":"b"}
{"text":"c","settled":true}'
    assert_status 1
    assert_output '{"n":1,"outcome":"rejected","condition":"amqp:decode-error","description":"no"}
{"n":2,"outcome":"accepted"}
{"summary":{"sent":3,"accepted":1,"rejected":1,"released":0,"modified":0,"presettled":1}}'
    stop peer
    assert_equal "$(summary)" '{"received":3,"queued":2}'
}

@test "no credit, no settlement, then both" {
    fed_peer -d '{"do":"no-credit"}' -d '{"do":"never-settle"}'
    start sender amqp-cat -t 30 -p "$PORT" send q <<<'{"text":"a"}
{"text":"b"}'
    wait_record '.event == "attach"'
    echo '{"do":"credit","credit":1,"address":"q"}' >&5
    wait_record '.event == "message"'
    echo '{"do":"never-settle","off":true}
{"do":"credit","credit":1}' >&5
    wait_record '.event == "message"' 2
    kill -TERM "${PIDS[sender]}"
    wait_exit sender
    assert_status 111
    assert_file "$WORK/sender.out" '{"n":2,"outcome":"accepted"}
{"summary":{"sent":2,"accepted":1,"rejected":0,"released":0,"modified":0,"presettled":0}}'
}

@test "both directions drain" {
    fed_peer -g 3,a,50
    cat_run -u recv a
    assert_status 0
    assert_line --index 3 '{"summary":{"received":3}}'
    cat_run -u recv a
    assert_status 0
    assert_output '{"summary":{"received":0}}'
    mkfifo "$WORK/lines"
    (exec amqp-cat -t 30 -p "$PORT" send q <"$WORK/lines" >"$WORK/sender.out" 2>&1 3>&-) &
    PIDS[sender]=$!
    track $!
    exec 6>"$WORK/lines"
    wait_record '.event == "attach" and .address == "q"'
    echo '{"do":"drain","address":"q"}' >&5
    wait_record '.event == "drained" and .address == "q"'
    echo '{"do":"credit","credit":1,"address":"q"}' >&5
    echo '{"text":"x"}' >&6
    wait_record '.event == "message"'
    exec 6>&-
    wait_exit sender
    assert_status 0
}

@test "a load comes at its rate, an oversize message comes" {
    peer -x -Q -g 20,a,50,1000 -g 1,b,20000000 </dev/null
    cat_run -Q recv a 20
    assert_status 0
    amqp-cat -t 30 -p "$PORT" recv b 1 >"$WORK/got"
    assert_equal "$(head -n 1 "$WORK/got" | jq -r .data | base64 -d | wc -c)" 20000000
    wait_exit peer
    assert_status 0
}

# --- misbehaviour ---

@test "a link may be refused" {
    peer -g 1,a,50 -d '{"do":"refuse","address":"a"}' \
        -d '{"do":"refuse","address":"b","condition":"amqp:unauthorized-access","description":"not you","by":"end"}' </dev/null
    cat_run recv a 1
    assert_status 100
    assert_stderr "amqp-cat: error: cannot use the link to 'a': amqp:not-found"
    cat_run send b <<<'{}'
    assert_status 100
    assert_stderr "amqp-cat: error: cannot use the session for 'b': amqp:unauthorized-access: not you"
    assert_equal "$(events attach | jq -c '[.role, .address, .refused]' | paste -sd ' ')" \
        '["receiver","a",true] ["sender","b",true]'
}

@test "link, session, connection and TCP connection end after so many messages" {
    local how
    fed_peer
    echo '{"do":"generate","address":"a","count":20,"bytes":50}' >&5
    for how in detach end close drop; do
        echo '{"do":"'$how'","after":3,"address":"a","condition":"x:y","description":"told to"}' >&5
        cat_run -o none recv a
        assert_status 111
        [ "$(grep -c '^{"n":' <<<"$output")" -eq 3 ]
        case $how in
        # the kernel says it as a reset when something of ours was still unread
        drop) assert_stderr --regexp 'amqp:connection:framing-error: connection aborted|Connection reset by peer' ;;
        *) assert_stderr --partial 'x:y: told to' ;;
        esac
    done
    cat_run recv a 20
    assert_status 0
    jq -r '.tag // empty' <<<"$output" | diff <(seq 20) -
    echo '{"do":"summary"}' >&5
    wait_record .summary
    assert_equal "$(summary)" '{"sent":20,"transfers":32,"accepted":20}'
}

@test "like RabbitMQ it may end the session on modified" {
    peer -g 1,a,50 -d '{"do":"no-modified"}' </dev/null
    cat_run -o modified recv a
    assert_status 100
    assert_stderr "amqp-cat: error: cannot use the session for 'a': amqp:invalid-field: Unrecognised state"
    cat_run recv a 1
    assert_status 0
    assert_line --index 0 --partial '"delivery_count":0,'
}

@test "it may go silent: no open, no reading, no I/O at all" {
    local how
    for how in no-open freeze; do
        peer -d '{"do":"'$how'"}' </dev/null
        run --separate-stderr amqp-cat -t 1 -p "$PORT" recv a 1
        assert_status 99
        stop peer
        assert_status 0
    done
    fed_peer -g 5,a,50
    start deaf amqp-cat -t 30 -p "$PORT" -c 2 recv a </dev/null
    wait_record '.event == "disposition"' 5
    echo '{"do":"deaf"}
{"do":"generate","address":"a","count":5,"bytes":50}' >&5
    wait_for 10 grep -q '"n":6' "$WORK/deaf.out"
    stop deaf
    assert_equal "$(events disposition | wc -l)" 5
}

@test "an idle timeout is announced and a silent client dropped" {
    peer -I 200 -g 1,a,50 </dev/null
    start victim amqp-cat -t 30 -p "$PORT" -o none recv a </dev/null
    wait_record '.event == "sent"'
    kill -STOP "${PIDS[victim]}"
    wait_record '.event == "lost"'
    assert_equal "$(events lost)" \
        '{"condition":"amqp:resource-limit-exceeded","description":"local-idle-timeout expired","requeued":1}'
}

@test "logins: anonymous, the right password, a wrong one, none accepted" {
    export AMQP_USER=demo AMQP_PASSWORD=secret
    peer -a -g 1,a,50 </dev/null
    cat_run recv a 1
    assert_status 0
    assert_equal "$(events open | jq -r .user)" demo
    AMQP_PASSWORD=wrong cat_run recv a 1
    assert_status 100
    assert_stderr "amqp-cat: error: cannot connect for 'a': amqp:unauthorized-access: Authentication failed [mech=PLAIN]"
    stop peer
    unset AMQP_USER
    peer -A </dev/null
    cat_run recv a 1
    assert_status 100
    assert_stderr "amqp-cat: error: cannot connect for 'a': amqp:unauthorized-access: Authentication failed [mech=ANONYMOUS]"
}

# --- the peer as a program ---

@test "bad lines, bad options, a deadline" {
    run --separate-stderr amqp-peer -t 30 - <<<'{"address":"a","properties":{"no-such":1}}'
    assert_status 100
    assert_stderr "amqp-peer: error: cannot use line 1 of 'stdin': a property is unknown or of the wrong type"
    run --separate-stderr amqp-peer -d '{"do":"dance"}' </dev/null
    assert_status 100
    assert_stderr "amqp-peer: error: cannot use '-d {\"do\":\"dance\"}': unknown 'do'"
    run --separate-stderr amqp-peer -g 5 </dev/null
    assert_status 100
    assert_stderr "amqp-peer: error: cannot use '-g 5'"
    run --separate-stderr amqp-peer -Q -t 1 -x -g 7,a,50 </dev/null
    assert_status 99
    assert_stderr 'amqp-peer: error: cannot finish within 1 seconds'
    assert_line --index 1 '{"summary":{"address":"a","sent":0,"transfers":0,"accepted":0,"rejected":0,"released":0,"modified":0,"presettled":0,"received":0,"queued":7,"dead":0}}'
}
