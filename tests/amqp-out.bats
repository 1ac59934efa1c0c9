#!/usr/bin/env bats
# amqp-out.bats: the AMQP 1.0 sink: its command line, messages, fates and ends, against the project's container
# (qpid-proton 0.37.0 on both sides), then RabbitMQ and rhea.
#
# The three-actor suite: refuse, drop after accept, never acknowledge, slow reader, oversize, restart mid-stream, black
# hole without RST, accept-then-close, link stolen, credit withheld, link detached by the peer, redirect, broker full.
# Certificates and logins are in amqp-tls.bats. What AMQP 1.0 cannot have:
#   - a session taken over by a second client: sessions belong to their connection. A link that another connection
#     steals is a detach with amqp:link:stolen, below.
load helper/common
load helper/amqp-in
load helper/amqp-out

REFUSED='connectivity:message.sending.failed'

# --- the command line ---

@test "wrong usage is 100 and one synopsis line" {
    local synopsis='usage: amqp-out [-rinqvhV] [-c PATH] [-k N] [-C N] [-w N] [-D MS] [-T MS] [-A FILE] [-I FILE] [-K FILE] [-d FD] [URI]'
    sink_run </dev/null
    assert_status 100
    assert_output ''
    assert_stderr "amqp-out: error: -c, or a URI, is needed"$'\n'"$synopsis"
    sink_run amqp://127.0.0.1:1 a </dev/null
    assert_status 100
    sink_run -w 0 amqp://127.0.0.1:1 </dev/null
    assert_status 100
    sink_run -V </dev/null
    assert_status 0
    # a newer proton may behave differently: these tests say what is relied on
    assert_output --regexp '^amqp-out [0-9.]+ \(qpid-proton 0\.37\.0\)$'
}

@test "a connection that cannot be served is 100, with the place of the fault; -n connects to nobody" {
    sink_run amqp://user:secret@127.0.0.1:1 </dev/null
    assert_status 100
    assert_stderr --partial 'User information does not belong on a command line'
    URI=amqp://127.0.0.1:1
    target_connection '.sshTunnel = {enabled: true, uri: "ssh://h:22", validateHost: false, knownHosts: [],
        credentials: {type: "plain", username: "u", password: "p"}}'
    sink_run -c "$WORK/connection" </dev/null
    assert_status 100
    assert_stderr "amqp-out conn-1: error: cannot use connection 'conn-1': connectivity:connection.configuration.invalid: SSH tunnels (sshTunnel) are not supported. (at /sshTunnel)"
    target_connection '.credentials = {type: "hmac", algorithm: "az-sasl", parameters: {sharedKeyName: "x", sharedKey: "eA==", endpoint: "e"}}'
    sink_run -c "$WORK/connection" </dev/null
    assert_status 100
    assert_stderr "amqp-out conn-1: error: cannot use connection 'conn-1': connectivity:connection.configuration.invalid: Credentials of type 'hmac' are not supported. (at /credentials)"
    target_connection
    sink_run -n -c "$WORK/connection" </dev/null
    assert_status 0
    assert_output ''
    assert_stderr ''
}

# --- messages ---

@test "each message is settled once the peer accepted it; other lines pass" {
    peer -q
    sink_run "$URI" <<'END'
{"id":"1","address":"a","text":"x"}
{"id":"7","status":200}
{"address":"a","text":"nobody waits for it"}
{"topic":"org.example/x/things/twin/events/modified","path":"/"}
END
    assert_status 0
    assert_stderr ''
    assert_equal "$(sort <<<"$output")" "$(sort <<'END'
{"id":"1","status":200}
{"id":"7","status":200}
{"topic":"org.example/x/things/twin/events/modified","path":"/"}
END
)"
    stop peer
    assert_equal "$(summary)" '{"received":2,"queued":2}'
}

@test "headers become properties, annotations and application properties; text a string, bytes data" {
    peer
    sink_run "$URI" <<'END'
{"id":"1","address":"a","headers":{"message-id":"m","user-id":"guest","to":"queue://t","subject":"s","reply-to":"topic://r","correlation-id":"c","content-type":"text/plain","content-encoding":"gzip","absolute-expiry-time":"1700000000000","creation-time":"-5","group-id":"g","group-sequence":"4294967295","reply-to-group-id":"h","plain":"ä\u0000\"","amqp.application.property:to":"p","amqp.application.property:other":"o","amqp.message.annotation:x-opt":"y"},"text":"h\u00e4llo"}
{"id":"2","address":"queue://b","headers":{},"bytes":"AAH/"}
{"id":"3","address":"b"}
{"id":"4","address":"b","text":""}
{"id":"5","address":"b","bytes":""}
{"id":"6","address":"b","headers":{"creation-time":"abc","group-sequence":"-1","content-type":"tëxt"}}
END
    assert_status 0
    assert_stderr ''
    stop peer
    assert_equal "$(messages)" "$(cat <<'END'
{"address":"a","settled":false,"durable":true,"properties":{"message-id":"m","to":"t","subject":"s","reply-to":"r","correlation-id":"c","content-type":"text/plain","content-encoding":"gzip","absolute-expiry-time":1700000000000,"creation-time":-5,"group-id":"g","reply-to-group-id":"h","user-id":"guest","group-sequence":4294967295},"application-properties":{"plain":"ä\u0000\"","to":"p","other":"o"},"annotations":{"x-opt":"y"},"body":"text","text":"hällo"}
{"address":"b","settled":false,"durable":true,"properties":{},"body":"data","data":"AAH/"}
{"address":"b","settled":false,"durable":true,"properties":{},"body":"none"}
{"address":"b","settled":false,"durable":true,"properties":{},"body":"text","text":""}
{"address":"b","settled":false,"durable":true,"properties":{},"body":"data","data":""}
{"address":"b","settled":false,"durable":true,"properties":{},"body":"none"}
END
)"
}

@test "what cannot be sent is refused with its reason, and the rest goes on" {
    peer -q -m 1000
    sink_run "$URI" <<END
{"id":"1","address":"","text":"x"}
{"id":"2","address":"a\u0000b","text":"x"}
{"id":"3","address":"a","headers":{"n":1}}
{"id":"4","address":"a","headers":{"amqp.message.annotation:ä":"x"}}
{"id":"5","address":"a","bytes":"***"}
{"id":"6","address":"a","text":"$(printf '%01000d' 0)"}
{"id":"7","address":"a","text":"y"}
{"id":"8","nothing":1}
END
    assert_status 0
    assert_equal "$(jq -r '"\(.id) \(.status) \(.error.message // "")"' <<<"$output" | sort)" "$(cat <<'END'
1 400 The address is empty or has a NUL character.
2 400 The address is empty or has a NUL character.
3 400 The header 'n' cannot be sent: it is no string.
4 400 The header 'ä' cannot be sent: an annotation's key is ASCII.
5 400 The bytes are no base64.
6 413 The message has 1021 bytes, the peer takes no more than 1000.
7 200 
8 400 The line cannot be read: it is neither a message nor a settlement.
END
)"
    assert_equal "$(jq -r 'select(.id == "6").error.error' <<<"$output")" "$REFUSED"
    stop peer
    assert_equal "$(summary)" '{"received":1,"queued":1}'
}

# Out, then in: what comes back is what went. What is not: bytes that are UTF-8 come back as text (DESIGN of the lines),
# numbers of times that are 0 are left out.
round_trip() { # FILE: lines with address "a"
    sink_run "$URI" <"$1"
    assert_status 0
    assert_stderr ''
    amqp-in -S write "$URI" a >"$WORK/back" 2>"$WORK/back.err" </dev/null &
    track $!
    wait_for 60 eval "[ \"\$(wc -l <'$WORK/back')\" -ge $(wc -l <"$1") ]"
    local same='{headers: (.headers // {}), text, bytes}'
    cmp <(jq -cS "$same" "$1") <(jq -cS "$same" "$WORK/back")
    assert_equal "$(jq -r .status <<<"$output" | sort | uniq -c | tr -s ' ')" " $(wc -l <"$1") 200"
}

@test "out, then in: every byte value, empty, headers with every legal character, 1,000 headers" {
    peer -q
    {
        # shellcheck disable=SC2059 # the escapes are the point
        printf "$(printf '\\x%02x' {0..255})" | base64 -w 0 | jq -cR '{id: "1", address: "a", bytes: .}'
        for byte in $(seq 128 255); do
            printf "\\x$(printf %02x "$byte")" | base64 -w 0 | jq -cR --arg i "b$byte" '{id: $i, address: "a", bytes: .}'
        done
        jq -nc '{id: "2", address: "a", text: ""}, {id: "3", address: "a"},
            {id: "4", address: "a", text: ([range(0; 55296), range(57344; 65534)] | implode)},
            {id: "5", address: "a", headers: ([range(0; 1000)] | map({key: "header-\(.)", value: "value \(.)"}) | from_entries), text: "many"},
            {id: "6", address: "a", headers: ([range(0; 2048)] | map([.] | implode | {key: "<\(.)>", value: "[\(.)]"}) | from_entries), text: "odd"},
            {id: "7", address: "a", headers: {"": "", " ": "  ", "content-type": "", "x": ("y" * 70000)}, text: "\u0000\u001f\u007f\u2028"}'
    } >"$WORK/out"
    round_trip "$WORK/out"
}

@test "out, then in: 16 MiB, text and bytes; one byte more is refused" {
    peer -q
    head -c 16777216 /dev/zero | tr '\0' x | jq -cRs '{id: "1", address: "a", text: .}' >"$WORK/out"
    { head -c 16777215 "$BUILD/bin/amqp-out" /dev/urandom | head -c 16777215 && printf '\377'; } | base64 -w 0 |
        jq -cR '{id: "2", address: "a", bytes: .}' >>"$WORK/out"
    round_trip "$WORK/out"
    head -c 16777217 /dev/zero | tr '\0' x | jq -cRs '{id: "3", address: "a", text: .}' >"$WORK/more"
    sink_run "$URI" <"$WORK/more"
    assert_status 0
    assert_output --partial '{"id":"3","status":413,'
}

@test "a large message in a window that is smaller than it does not turn proton's buffer (0.37) round" {
    # 12 MiB through a window of 256 KiB: handed over in one piece it took 10 s of processor time, so it is 20 ms
    peer -q -f 65536
    head -c 12582912 /dev/urandom >"$WORK/bytes"
    base64 -w 0 "$WORK/bytes" | jq -cR '{id: "1", address: "a", bytes: .}' >"$WORK/out"
    sink_run "$URI" <"$WORK/out"
    assert_status 0
    assert_output '{"id":"1","status":200}'
    # a window of 16 KiB, and another message behind the large one
    stop peer
    rm "$WORK/feed"
    peer -f 4096
    head -c 1000000 "$WORK/bytes" | base64 -w 0 | jq -cR '{id: "1", address: "a", bytes: .}, {id: "2", address: "a", text: "x"}' >"$WORK/out"
    sink_run "$URI" <"$WORK/out"
    assert_status 0
    assert_output '{"id":"1","status":200}
{"id":"2","status":200}'
    cmp <(head -c 1000000 "$WORK/bytes") <(messages | head -n 1 | jq -r .data | base64 -d)
}

# --- links ---

@test "targets are attached first, then readiness; other addresses when they are used" {
    peer
    target_connection
    sink_ready -v -c "$WORK/connection"
    assert_equal "$(jq -c 'select(.event == "attach") | [.role, .address]' "$WORK/peer.out" | sort | paste -sd ' ')" \
        '["sender","a"] ["sender","b"]'
    assert_equal "$(jq -r 'select(.event == "open").container' "$WORK/peer.out")" conn-1-out
    echo '{"id":"1","address":"c","text":"x"}' >&6
    settled 1
    assert_equal "$(jq -c 'select(.event == "attach") | .address' "$WORK/peer.out" | tail -n 1)" '"c"'
    stop sink
    assert_status 0
    assert_file "$WORK/sink.err" "amqp-out conn-1: info: publishing to 'a'
amqp-out conn-1: info: publishing to 'b'
amqp-out conn-1: info: connected to '127.0.0.1:$PORT'
amqp-out conn-1: info: publishing to 'c'"
}

@test "-vv says a line for each message, never what is in it" {
    peer -q
    sink_run -vv "$URI" <<<'{"id":"1","address":"a","headers":{"h":"secret-1"},"text":"secret-2"}'
    assert_status 0
    assert_stderr --partial "amqp-out: debug: publishing a message of 51 bytes to 'a'"
    assert_stderr --partial "amqp-out: debug: a message to 'a' was accepted"
    refute grep -q secret <<<"$stderr"
}

@test "what is secret in an address is not shown, whatever happens to it" {
    peer -q
    echo '{"do":"refuse","address":"b?access_token=hush"}' >&5
    printf '{"id":"%s","address":"%s?access_token=hush","text":"x"}\n' 1 a 2 b >"$WORK/out"
    sink_run -vv "$URI" <"$WORK/out"
    assert_status 0
    assert_stderr --partial "publishing a message of"
    assert_stderr --partial "to 'a?access_token=*****'"
    assert_stderr --partial "the link to 'b?access_token=*****'"
    refute grep -q hush <<<"$stderr$output"
}

@test "more addresses than links are kept: the one that was not used for longest gives way" {
    peer
    seq 70 | jq -c '{id: "\(.)", address: "a\(.)", text: "x"}' >"$WORK/out"
    sink_run "$URI" <"$WORK/out"
    assert_status 0
    assert_equal "$(jq -r .status <<<"$output" | sort | uniq -c | tr -s ' ')" ' 70 200'
    assert_equal "$(jq -r 'select(.event == "detach").address' "$WORK/peer.out" | paste -sd ' ')" 'a1 a2 a3 a4 a5 a6'
}

@test "where the peer offers the anonymous terminus, one link serves all but the targets" {
    peer -R
    target_connection
    sink_run -c "$WORK/connection" <<'END'
{"id":"1","address":"a","text":"1"}
{"id":"2","address":"x","text":"2"}
{"id":"3","address":"y","headers":{"to":"y"},"text":"3"}
{"id":"4","address":"z","headers":{"to":"elsewhere"},"text":"4"}
END
    assert_status 0
    assert_equal "$(jq -r '"\(.id) \(.status)"' <<<"$output" | sort | paste -sd ,)" '1 200,2 200,3 200,4 200'
    stop peer
    assert_equal "$(messages | jq -c '[.address, .properties.to, .text]' | sort | paste -sd ' ')" \
        '["a",null,"1"] ["x","x","2"] ["y","y","3"] ["z","elsewhere","4"]'
    assert_equal "$(jq -c 'select(.event == "attach").address' "$WORK/peer.out" | sort | paste -sd ' ')" '"" "a" "b" "z"'
}

# --- fates ---

@test "rejected is a 4xx with the condition, released and modified are to be redelivered" {
    peer -q
    sink_ready "$URI"
    local n=0 answer
    for answer in '"accepted"' \
        '"rejected"' \
        '"rejected","condition":"amqp:not-found","description":"no such queue"' \
        '"rejected","condition":"amqp:unauthorized-access"' \
        '"rejected","condition":"amqp:link:message-size-exceeded"' \
        '"rejected","condition":"amqp:resource-limit-exceeded","description":"the queue is full"' \
        '"released"' '"modified","failed":true' '"modified","undeliverable":true'; do
        n=$((n + 1))
        echo "{\"do\":\"answer\",\"outcome\":$answer,\"count\":1}" >&5
        echo '{"do":"summary"}' >&5
        record .summary "$n"
        echo "{\"id\":\"$n\",\"address\":\"a\",\"text\":\"x\"}" >&6
        settled "$n"
    done
    stop sink
    assert_status 0
    assert_equal "$(jq -r '"\(.status) \(.error.error // "") \(.error.message // "")"' "$WORK/sink.out")" "$(cat <<END
200  
400 $REFUSED The peer rejected the message.
404 $REFUSED The peer rejected the message: amqp:not-found: no such queue
403 $REFUSED The peer rejected the message: amqp:unauthorized-access
413 $REFUSED The peer rejected the message: amqp:link:message-size-exceeded
503 $REFUSED The peer rejected the message: amqp:resource-limit-exceeded: the queue is full
503 $REFUSED The peer released the message.
503 $REFUSED The peer gave the message back (modified).
503 $REFUSED The peer gave the message back (modified, undeliverable here).
END
)"
}

@test "refuse: messages to an address without a link get the reason; others go on" {
    peer -q -d '{"do":"refuse","address":"bad","condition":"amqp:not-found","description":"no such node"}' \
        -d '{"do":"refuse","address":"mine","condition":"amqp:unauthorized-access"}' \
        -d '{"do":"refuse","address":"busy","condition":"amqp:resource-locked"}'
    sink_run "$URI" <<'END'
{"id":"1","address":"bad","text":"x"}
{"id":"2","address":"good","text":"x"}
{"id":"3","address":"bad","text":"x"}
{"id":"4","address":"mine","text":"x"}
{"id":"5","address":"busy","text":"x"}
END
    assert_status 0
    assert_equal "$(jq -r '"\(.id) \(.status) \(.error.message // "")"' <<<"$output" | sort)" "$(cat <<'END'
1 404 The peer refused the link: amqp:not-found: no such node
2 200 
3 404 The peer refused the link: amqp:not-found: no such node
4 403 The peer refused the link: amqp:unauthorized-access
5 503 The peer refused the link: amqp:resource-locked
END
)"
    assert_stderr --partial "amqp-out: warning: the peer refused the link to 'bad': amqp:not-found: no such node"
}

@test "refuse: one target of two does no harm; all of them end the connection, for want of rights for good" {
    peer -q -d '{"do":"refuse","address":"a"}'
    target_connection
    sink_ready -c "$WORK/connection"
    echo '{"id":"1","address":"b","text":"x"}' >&6
    settled 1
    stop sink
    assert_status 0
    echo '{"do":"refuse","address":"b"}' >&5
    sink_run -c "$WORK/connection" </dev/null
    assert_status 111
    assert_stderr --partial "error: cannot connect to '127.0.0.1:$PORT': the peer refused the link to 'b': amqp:not-found"
    echo '{"do":"allow"}
{"do":"refuse","condition":"amqp:unauthorized-access","description":"not you"}
{"do":"summary"}' >&5
    record .summary
    sink_run -c "$WORK/connection" </dev/null
    assert_status 100
    assert_stderr --partial "the peer refused the link to 'b': amqp:unauthorized-access: not you"
}

@test "never acknowledge: 408 after jms.sendTimeout, and the rest goes on" {
    peer -q -d '{"do":"never-settle"}'
    sink_ready "$URI?jms.sendTimeout=300"
    echo '{"id":"1","address":"a","text":"x"}' >&6
    settled 1
    assert_file "$WORK/sink.out" '{"id":"1","status":408,"error":{"status":408,"error":"connectivity:message.sending.failed","message":"The peer did not confirm the message within 300 ms."}}'
    echo '{"do":"never-settle","off":true}
{"do":"summary"}' >&5
    record .summary
    echo '{"id":"2","address":"a","text":"y"}' >&6
    settled 2
    assert_equal "$(tail -n 1 "$WORK/sink.out")" '{"id":"2","status":200}'
    stop sink
    assert_status 0
}

@test "slow, not silent: what takes longer than jms.sendTimeout behind others is not given up" {
    peer -q
    relay
    echo 'rate 600' >&7
    numbered 40 a >"$WORK/out"
    sink_run "amqp://127.0.0.1:$RELAY?jms.sendTimeout=2000" <"$WORK/out"
    assert_status 0
    assert_stderr ''
    assert_equal "$(jq -r .status <<<"$output" | sort | uniq -c)" '     40 200'
}

@test "credit withheld: what is not sent in time never is (proton 0.37: abort); another address is not held up" {
    peer -d '{"do":"no-credit"}'
    sink_ready "$URI?jms.sendTimeout=500"
    echo '{"id":"1","address":"a","text":"too late"}' >&6
    settled 1
    assert_equal "$(jq .status "$WORK/sink.out")" 408
    echo '{"id":"2","address":"b","text":"y"}' >&6
    record '.event == "attach" and .address == "b"'
    echo '{"do":"credit","credit":1,"address":"b"}' >&5
    settled 2
    assert_equal "$(tail -n 1 "$WORK/sink.out")" '{"id":"2","status":200}'
    echo '{"do":"credit","credit":5,"address":"a"}' >&5
    echo '{"id":"3","address":"a","text":"in time"}' >&6
    settled 3
    stop sink
    stop peer
    assert_equal "$(messages | jq -r .text | paste -sd ,)" 'y,in time'
}

@test "slow reader: the window is the bound, stdin is left unread, and nothing is lost" {
    peer -q -c 1
    numbered 500 a >"$WORK/out"
    sink_run -w 7 "$URI" <"$WORK/out"
    assert_status 0
    assert_equal "$(jq -r .status <<<"$output" | sort | uniq -c | tr -s ' ')" ' 500 200'
    stop peer
    assert_equal "$(summary)" '{"received":500,"queued":500}'
}

@test "link detached by the peer, link stolen: what it had is redelivered, the next message attaches anew" {
    peer -d '{"do":"never-settle"}'
    sink_ready "$URI"
    local n=0 condition
    for condition in amqp:link:detach-forced amqp:link:stolen; do
        n=$((n + 1))
        echo "{\"id\":\"$n\",\"address\":\"a\",\"text\":\"x\"}" >&6
        record '.event == "message"' "$n"
        echo "{\"do\":\"detach\",\"address\":\"a\",\"condition\":\"$condition\",\"description\":\"told to\"}" >&5
        settled "$n"
    done
    echo '{"do":"never-settle","off":true}
{"do":"summary"}' >&5
    record .summary
    echo '{"id":"3","address":"a","text":"x"}' >&6
    settled 3
    echo '{"do":"detach","address":"a","condition":"amqp:resource-deleted"}' >&5
    says "the peer closed the link to 'a': amqp:resource-deleted"
    echo '{"id":"4","address":"a","text":"x"}' >&6
    settled 4
    stop sink
    assert_status 0
    assert_equal "$(jq -r '"\(.id) \(.status) \(.error.message // "")"' "$WORK/sink.out")" "$(cat <<'END'
1 503 The peer refused the link: amqp:link:detach-forced: told to
2 503 The peer refused the link: amqp:link:stolen: told to
3 200 
4 200 
END
)"
}

@test "session and connection that the peer ends, with its condition, a TCP connection that drops: 111" {
    local how what
    for how in end:'ended the session' close:'closed the connection' drop:; do
        what=${how#*:}
        peer -q -d '{"do":"never-settle"}'
        sink_ready "$URI"
        echo '{"id":"1","address":"a","text":"x"}' >&6
        echo "{\"do\":\"${how%%:*}\",\"after\":1,\"condition\":\"x:y\",\"description\":\"told to\"}" >&5
        echo '{"id":"2","address":"a","text":"x"}
{"id":"3","address":"a","text":"x"}' >&6
        wait_exit sink
        assert_status 111
        [ ! -s "$WORK/sink.out" ]
        if [ "$what" ]; then
            assert_file "$WORK/sink.err" \
                "amqp-out: error: cannot keep the connection to '127.0.0.1:$PORT': the peer $what: x:y: told to"
        else
            grep -qE "^amqp-out: error: cannot keep the connection to '127.0.0.1:$PORT': (the peer closed the TCP connection|Connection reset by peer|Broken pipe)$" "$WORK/sink.err"
        fi
        stop peer
        rm "$WORK/feed"
    done
}

@test "redirect of a connection and of a link says where to" {
    peer -q
    target_connection '.targets |= .[:1]'
    echo '{"do":"refuse","by":"close","condition":"amqp:connection:redirect","description":"moved","redirect":"other.example:5673"}
{"do":"summary"}' >&5
    record .summary
    sink_run -c "$WORK/connection" </dev/null
    assert_status 111
    assert_stderr "amqp-out conn-1: error: cannot connect to '127.0.0.1:$PORT': the peer closed the connection: amqp:connection:redirect: moved (it redirects to 'other.example:5673', address 'elsewhere'; put that into the connection)"
    echo '{"do":"allow"}
{"do":"refuse","condition":"amqp:link:redirect","redirect":"other.example:5673"}
{"do":"summary"}' >&5
    record .summary 2
    sink_run -c "$WORK/connection" </dev/null
    assert_status 111
    assert_stderr --partial "the peer refused the link to 'a': amqp:link:redirect (it redirects to 'other.example:5673', address 'elsewhere'; put that into the connection)"
}

# --- peers that are not there, or no longer ---

@test "nobody there, or nobody who answers, is 111; so is accept-then-close" {
    free_port >"$WORK/port"
    sink_run "amqp://127.0.0.1:$(<"$WORK/port")" </dev/null
    assert_status 111
    assert_stderr --regexp "^amqp-out: error: cannot connect to '127.0.0.1:[0-9]+': Connection refused$"
    peer -d '{"do":"no-open"}'
    sink_run -T 300 "$URI" </dev/null
    assert_status 111
    assert_stderr --regexp "cannot connect to '127.0.0.1:[0-9]+': no answer in time$"
    relay
    echo slam >&7
    wait_for 5 grep -q slam "$WORK/relay.out"
    sink_run "amqp://127.0.0.1:$RELAY" </dev/null
    assert_status 111
    assert_stderr --regexp "cannot connect to '127.0.0.1:[0-9]+': (the peer closed the TCP connection|Connection reset by peer)$"
}

@test "a black hole without RST is noticed by its silence; heartbeats go both ways while nothing else does" {
    peer -q -I 600
    relay
    sink_ready "amqp://127.0.0.1:$RELAY?amqp.idleTimeout=600"
    # longer than both idle timeouts: both sides have kept the other one alive
    sleep_past_idle
    echo '{"id":"1","address":"a","text":"x"}' >&6
    settled 1
    echo freeze >&7
    wait_exit sink
    assert_status 111
    assert_file "$WORK/sink.err" "amqp-out: error: cannot keep the connection to '127.0.0.1:$RELAY': amqp:resource-limit-exceeded: local-idle-timeout expired"
}

# A wait on the peer's clock: the relay has passed on heartbeats in both directions.
sleep_past_idle() {
    local deadline
    now_ms
    deadline=$((REPLY + 1500))
    until [ "$REPLY" -ge "$deadline" ]; do
        running "${PIDS[sink]}" || fail "the sink ended"
        now_ms
    done
}

# Starts a relay in front of the peer; its port is RELAY, control lines go to descriptor 7.
relay() { # ARGS
    rm -f "$WORK/relay.in"
    mkfifo "$WORK/relay.in"
    exec 7<>"$WORK/relay.in"
    start relay tcp-relay "$@" "$PORT" <"$WORK/relay.in" 5>&- 6>&- 7>&-
    wait_for 10 grep -q '^{"port":' "$WORK/relay.out"
    RELAY=$(head -n 1 "$WORK/relay.out" | jq .port)
}

@test "restart mid-stream: what was unconfirmed is unsettled; a second sink goes on" {
    peer -q -d '{"do":"drop","after":50}'
    numbered 100 a >"$WORK/out"
    sink_run -w 10 "$URI" <"$WORK/out"
    assert_status 111
    local done=${#lines[@]}
    [ "$done" -lt 100 ]
    jq -c --argjson done "$(jq -sc 'map(.id)' <<<"$output")" 'select(.id as $i | $done | index($i) | not)' "$WORK/out" >"$WORK/rest"
    sink_run -w 10 "$URI" <"$WORK/rest"
    assert_status 0
    # at least once: all of them are there
    stop peer
    [ "$(summary | jq .received)" -ge 100 ]
}

@test "-r: the peer is cut off in mid-stream; all arrive, in order but for repetitions" {
    peer
    relay
    echo 'cut 600' >&7
    wait_for 5 grep -q cut "$WORK/relay.out"
    sink_start -r -w 5 -D 60000 "amqp://127.0.0.1:$RELAY"
    numbered 100 a >&6
    says 'trying again in 1 s'
    [ "$(wc -l <"$WORK/sink.out")" -lt 100 ]
    echo 'cut 1000000' >&7
    settled 100
    stop sink
    assert_status 0
    assert_equal "$(jq -r 'select(.status == 200).id' "$WORK/sink.out" | sort -n)" "$(seq 100)"
    stop peer
    assert_equal "$(messages | jq -r .text | awk '!seen[$0]++')" "$(seq -f 'message %g' 100)"
    assert_file <(sed 's/: [^:]*$//' "$WORK/sink.err") "amqp-out: error: cannot keep the connection to '127.0.0.1:$RELAY'
amqp-out: info"
}

# --- options ---

@test "options that make sense take effect, others are named" {
    peer
    target_connection '.targets |= .[:1] | .specificConfig = {"amqp.vhost": "tenant-1", "jms.clientID": "me", "amqp.idleTimeout": "30000",
        "jms.populateJMSXUserID": "true", "jms.username": "joe", "jms.password": "secret", "amqp.saslMechanisms": "ANONYMOUS",
        "jms.prefetchPolicy.all": "10", "failover.randomize": "true", "amqp.traceFrames": "true", "transport.tcpKeepAlive": "true",
        "transport.localAddress": "127.0.0.2", "something": "else"}'
    sink_run -c "$WORK/connection" <<<'{"id":"1","address":"a","headers":{"user-id":"mallory"},"text":"x"}'
    assert_status 0
    assert_stderr 'amqp-out conn-1: info: options without effect: jms.prefetchPolicy.all, failover.randomize, amqp.traceFrames'
    stop peer
    assert_equal "$(jq -c 'select(.event == "open") | [.container, .hostname, .user, .idle_timeout]' "$WORK/peer.out")" \
        '["me-out","tenant-1","anonymous",15000]'
    assert_equal "$(messages | jq -r '.properties["user-id"]')" joe
    jq -r 'select(.event == "accept").peer' "$WORK/peer.out" | grep -q '^127\.0\.0\.2:'
}

@test "presettled: settled when written, not durable, and no more than there is credit for" {
    peer -c 5
    numbered 50 a >"$WORK/out"
    sink_run "$URI?jms.presettlePolicy.presettleProducers=true" <"$WORK/out"
    assert_status 0
    assert_equal "$(jq -r .status <<<"$output" | sort | uniq -c | tr -s ' ')" ' 50 200'
    wait_for 10 eval "[ \"\$(messages | wc -l)\" -eq 50 ]"
    assert_equal "$(messages | jq -c '[.settled, .durable]' | sort -u)" '[true,false]'
}

# --- the end ---

@test "TERM drains what is unconfirmed, up to the limit" {
    peer -d '{"do":"never-settle"}'
    sink_ready -D 200 "$URI"
    echo '{"id":"1","address":"a","text":"x"}' >&6
    record '.event == "message"'
    stop sink
    assert_status 111
    assert_file "$WORK/sink.err" 'amqp-out: error: drain limit reached: 1 messages are not confirmed'
}

@test "a cut last line is 111, a stdout that nobody reads, too" {
    peer -q
    printf '{"id":"1","address":"a","text":"x"}\n{"id":"2","addr' >"$WORK/out"
    sink_run "$URI" <"$WORK/out"
    assert_status 111
    assert_output '{"id":"1","status":200}'
    assert_stderr 'amqp-out: error: cannot read stdin: the last line is cut off'
}

@test "counters on USR1" {
    peer -q
    sink_ready "$URI"
    echo '{"id":"1","address":"a","text":"x"}
{"id":"2","address":"","text":"x"}' >&6
    settled 2
    kill -USR1 "${PIDS[sink]}"
    wait_for 10 grep -q 'read=2 published=1 failed=1 invalid=0' "$WORK/sink.err"
    stop sink
    assert_status 0
}

@test "the examples of the page" {
    peer
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh/{/^\.Bd/,/^\.Ed/{/^\./!p}}' "$ROOT/man/amqp-out.1" | sed 's/\\e/\\/g' >"$WORK/example"
    AMQP=$URI run --separate-stderr sh "$WORK/example" </dev/null
    # timeout ends the second one
    assert_status 124
    assert_output '{"id":"1","status":200}
{"id":"2","status":200}'
    stop peer
    assert_equal "$(messages | jq -c '[.address, .properties.subject, .text]')" '["lights","kitchen","on"]
["lights","hall","off"]
["archive","kitchen","on"]
["archive","hall","off"]'
}
