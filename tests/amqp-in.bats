#!/usr/bin/env bats
# amqp-in.bats: the AMQP 1.0 source: its command line, lines, settlement and ends, against the project's container.
load helper/common
load helper/amqp-in

# --- the command line ---

@test "wrong usage is 100 and one synopsis line" {
    local synopsis='usage: amqp-in [-rinqvhV] [-c PATH] [-k N] [-C N] [-S MODE] [-w N] [-E MS] [-D MS] [-T MS] [-A FILE] [-I FILE] [-K FILE] [-d FD] [URI ADDRESS...]'
    source_run
    assert_status 100
    assert_output ''
    assert_stderr "amqp-in: error: -c, or a URI and addresses, is needed"$'\n'"$synopsis"
    source_run amqp://127.0.0.1:1
    assert_status 100
    source_run -c x amqp://127.0.0.1:1 a
    assert_status 100
    assert_stderr --partial '-c and a URI exclude each other'
    source_run -S sometimes amqp://127.0.0.1:1 a
    assert_status 100
    assert_stderr --partial '-S takes ring, write or none'
    source_run -w 0 amqp://127.0.0.1:1 a
    assert_status 100
    source_run -V
    assert_status 0
    assert_output --regexp '^amqp-in [0-9.]+ \(qpid-proton [0-9.]+\)$'
}

@test "a connection that cannot be served is 100, with the place of the fault" {
    source_run amqp://user:secret@127.0.0.1:1 a
    assert_status 100
    assert_stderr 'amqp-in: error: cannot use the command line: connectivity:connection.uri.invalid: User information does not belong on a command line: put it into a connection file (-c).'
    URI=amqp://127.0.0.1:1
    connection
    source_run -c "$WORK/connection" -k 1
    assert_status 100
    assert_stderr "amqp-in conn-1: error: cannot use connection 'conn-1': it has 1 sources"
    connection '.connectionType = "mqtt" | .uri = "tcp://127.0.0.1:1" | .sources[].qos = 1'
    source_run -c "$WORK/connection"
    assert_status 100
    assert_stderr --partial "of type 'mqtt', not amqp-10"
    connection '.credentials = {type: "hmac", algorithm: "az-sasl", parameters: {sharedKeyName: "x", sharedKey: "eA==", endpoint: "e"}}'
    source_run -c "$WORK/connection"
    assert_status 100
    assert_stderr --partial '(at /credentials)'
    connection '.sources[].addresses = ["a\u0000b"]'
    source_run -c "$WORK/connection"
    assert_status 100
    source_run -c "$WORK/none"
    assert_status 111
    assert_stderr --partial "cannot read connection '$WORK/none': No such file or directory"
    echo '{' >"$WORK/connection"
    source_run -c "$WORK/connection"
    assert_status 100
    assert_stderr --partial 'json.invalid'
}

@test "-n checks and connects to nobody" {
    peer
    connection
    source_run -n -c "$WORK/connection"
    assert_status 0
    assert_output ''
    assert_stderr ''
    run ! has_records '.event == "accept"'
}

@test "a password in the connection is never printed" {
    URI=amqp://me:hunter2@127.0.0.1:1
    connection
    source_run -vv -S write -c "$WORK/connection"
    assert_status 111
    refute [ "${stderr#*hunter2}" != "$stderr" ]
}

@test "what is secret in an address is not shown: on links that open, that are refused, with a message that is rejected" {
    peer
    echo '{"address":"a?access_token=hush","properties":{},"sequence":[1]}' >&5
    source_ready -vv -w 1 "$URI" 'a?access_token=hush'
    lines 1
    settle 1 200
    stop src
    echo '{"do":"refuse"}' >&5
    source_run -vv -S write "$URI" 'a?access_token=hush'
    assert_status 111
    assert_stderr --partial "refused the link to 'a?access_token=*****'"
    assert_equal "$(grep -c "'a?access_token=\*\*\*\*\*'" "$WORK/src.err")" 2
    refute grep -q hush "$WORK/src.err"
    refute grep -q hush <<<"$stderr"
}

# --- lines ---

@test "deliveries become lines; -S write settles what is written" {
    peer
    cat >&5 <<'END'
{"address":"a","text":"one"}
{"address":"a","properties":{"message-id":"m","to":"t","subject":"s","reply-to":"r","correlation-id":18446744073709551615,"content-type":"text/plain","content-encoding":"gzip","absolute-expiry-time":1,"creation-time":2,"group-id":"g","group-sequence":3,"reply-to-group-id":"h","user-id":"u"},"application-properties":{"to":"app","x":"ä\"\\","n":-1,"d":0.5,"e":10000000.0,"t":true,"nothing":null,"list":[1],"c":{"char":228}},"annotations":{"x-opt":{"symbol":"y"}},"data":"AQI="}
{"address":"a","properties":{"creation-time":0,"group-sequence":0,"message-id":{"uuid":"00112233-4455-6677-8899-aabbccddeeff"}},"application-properties":{"ts":{"timestamp":-4},"f":{"float":0.1},"b":{"ubyte":255}}}
END
    source_ready -S write "$URI" a
    lines 3
    run jq -c 'del(.id)' "$WORK/src.out"
    assert_line --index 0 '{"address":"a","context":{"connection":"shell","source":0},"headers":{},"text":"one"}'
    assert_line --index 1 '{"address":"a","context":{"connection":"shell","source":0},"headers":{"message-id":"m","user-id":"u","to":"t","subject":"s","reply-to":"r","correlation-id":"18446744073709551615","content-type":"text/plain","content-encoding":"gzip","absolute-expiry-time":"1","creation-time":"2","group-id":"g","group-sequence":"3","reply-to-group-id":"h","amqp.application.property:to":"app","x":"ä\"\\","n":"-1","d":"0.5","e":"1.0E7","t":"true","c":"ä","amqp.message.annotation:x-opt":"y"},"text":"\u0001\u0002"}'
    assert_line --index 2 '{"address":"a","context":{"connection":"shell","source":0},"headers":{"message-id":"00112233-4455-6677-8899-aabbccddeeff","ts":"-4","f":"0.1","b":"255"}}'
    record '.event == "disposition"' 3
    stop src
    assert_status 0
    assert_equal "$(err)" ''
    [ "$(id 1 | cut -d - -f 1)" = "$(id 3 | cut -d - -f 1)" ]
    [[ $(id 1) =~ ^s[a-z0-9]{6}-1$ ]]
    record '.event == "close"'
    assert_equal "$(outcomes)" $'1 accepted\n2 accepted\n3 accepted'
}

@test "payloads keep every byte" {
    peer
    # shellcheck disable=SC2059 # the escapes are the point
    printf "$(printf '\\x%02x' {0..255})" >"$WORK/bytes"
    yes "$WORK/bytes" | head -n 4096 | xargs cat >"$WORK/mebi"
    tr '\0' x </dev/zero | head -c 16777216 >"$WORK/large"
    tr '\0' '\1' </dev/zero | head -c 5000000 >"$WORK/control"
    for file in bytes mebi large control; do
        base64 -w 0 "$WORK/$file" | jq -cR '{address: "a", data: .}'
    done >&5
    cat >&5 <<'END'
{"address":"a","data":""}
{"address":"a","text":""}
{"address":"a","text":"a\u0000b\uffff ä 😀"}
{"address":"a","value":{"binary":"/w=="}}
{"address":"a"}
{"address":"a","map":{"k":1}}
{"address":"a","sequence":[1]}
{"address":"a","value":12}
END
    source_ready -S write "$URI" a
    lines 12
    cmp "$WORK/bytes" <(sed -n 1p "$WORK/src.out" | jq -r .bytes | base64 -d)
    cmp "$WORK/mebi" <(sed -n 2p "$WORK/src.out" | jq -r .bytes | base64 -d)
    cmp "$WORK/large" <(sed -n 3p "$WORK/src.out" | jq -j .text)
    run jq -c '[has("text"), has("bytes"), .text, .bytes]' <(sed 1,4d "$WORK/src.out")
    assert_output '[true,false,"",null]
[true,false,"",null]
[true,false,"a\u0000b￿ ä 😀",null]
[false,true,null,"/w=="]
[false,false,null,null]
[false,false,null,null]
[false,false,null,null]
[false,false,null,null]'
    # too many escapes for text
    cmp "$WORK/control" <(sed -n 4p "$WORK/src.out" | jq -r .bytes | base64 -d)
    stop src
    assert_status 0
    assert_equal "$(err)" "amqp-in: warning: a message from 'a' goes on without a payload: its body is a map
amqp-in: warning: a message from 'a' goes on without a payload: its body is a sequence
amqp-in: warning: a message from 'a' goes on without a payload: its body is a number"
}

@test "what is over 16 MiB is rejected, and the next message served" {
    peer
    echo '{"do":"generate","address":"a","count":1,"bytes":16777217}' >&5
    source_ready -S write "$URI" a
    record '.event == "disposition"'
    echo '{"do":"generate","address":"a","count":1,"bytes":18874368}' >&5
    record '.event == "disposition"' 2
    echo '{"address":"a","text":"next"}' >&5
    lines 1
    assert_equal "$(jq -r .text "$WORK/src.out")" next
    stop src
    assert_status 0
    record '.event == "close"'
    assert_equal "$(outcomes)" $'1 rejected\n2 rejected\n3 accepted'
    assert_equal "$(err)" "amqp-in: warning: a message from 'a' is rejected: its payload is larger than 16 MiB
amqp-in: warning: a message from 'a' is rejected: it is larger than 16 MiB"
}

@test "headers that are no UTF-8 get the replacement character; names are escaped" {
    peer
    echo '{"address":"a","application-properties":{"b\"\\\n\u0001":{"binary":"YWL/Yw=="},"":"empty"}}' >&5
    source_ready -S write "$URI" a
    lines 1
    assert_equal "$(jq -c .headers "$WORK/src.out")" '{"b\"\\\n\u0001":"ab�c","":"empty"}'
}

@test "several addresses, sources and consumers; -k takes one of them" {
    peer
    connection '.sources = [{addresses: ["a", "b"], consumerCount: 2, authorizationContext: ["x"]},
        {addresses: ["queue://c"], authorizationContext: ["x"]}]'
    for address in a b c; do
        echo "{\"address\":\"$address\",\"text\":\"to $address\"}" >&5
    done
    source_ready -v -S write -c "$WORK/connection"
    lines 3
    assert_equal "$(jq -c '[.address, .context, .text]' "$WORK/src.out" | sort)" \
        '["a",{"connection":"conn-1","source":0},"to a"]
["b",{"connection":"conn-1","source":0},"to b"]
["queue://c",{"connection":"conn-1","source":1},"to c"]'
    assert_equal "$(jq -c 'select(.event == "attach") | [.link, .address]' "$WORK/peer.out")" \
        '["conn-1-0-a-0","a"]
["conn-1-0-a-1","a"]
["conn-1-0-b-0","b"]
["conn-1-0-b-1","b"]
["conn-1-1-queue://c-0","c"]'
    # the window of a source is shared out among its links
    assert_equal "$(jq -c 'select(.event == "credit") | .credit' "$WORK/peer.out" | head -n 5 | paste -sd ' ')" '50 50 50 50 200'
    stop src
    assert_status 0
    assert_equal "$(grep -c "^amqp-in conn-1: info: consuming from '" "$WORK/src.err")" 5
    source_ready -S write -k 1 -c "$WORK/connection"
    assert_equal "$(jq -r 'select(.event == "attach") | .address' "$WORK/peer.out" | tail -n +6)" c
    assert_equal "$(jq -r 'select(.event == "open") | .container' "$WORK/peer.out" | tail -n 1)" conn-1-in
}

@test "-S none asks the peer to settle before it sends; lines have no id" {
    peer
    echo '{"do":"generate","address":"a","count":500,"bytes":50}' >&5
    source_ready -S none -w 10 "$URI" a
    lines 500
    refute grep -q '"id"' "$WORK/src.out"
    assert_equal "$(jq -r 'select(.event == "attach").settle_mode' "$WORK/peer.out")" settled
    stop src
    assert_status 0
    stop peer
    assert_equal "$(summary)" '{"sent":500,"transfers":500,"presettled":500}'
}

@test "a message that came settled is settled at home without a word to the peer" {
    peer
    echo '{"address":"a","text":"x","settled":true}' >&5
    source_ready "$URI" a
    lines 1
    settle 1 503
    stop src
    assert_status 0
    stop peer
    assert_equal "$(summary)" '{"sent":1,"transfers":1,"presettled":1}'
}

# --- settlement ---

@test "accept, reject and redeliver; a redelivery waits a second, and longer at each attempt" {
    peer
    for n in 1 2 3 4; do echo "{\"address\":\"a\",\"text\":\"$n\"}"; done >&5
    source_ready "$URI" a
    lines 4
    settle 4 200
    settle 3 204
    settle 2 400
    settle 1 503
    record '.event == "disposition"' 3
    assert_equal "$(outcomes | sort)" $'2 rejected\n3 accepted\n4 accepted'
    lines 5
    assert_equal "$(outcomes | tail -n 1)" '1 modified failed'
    if [ -n "$CONN_LONG" ]; then
        for n in 5 6 7; do # after 2, 4 and 8 s
            settle $n 408
            lines $((n + 1))
        done
        assert_equal "$(jq -c 'select(.event == "sent" and .n == 1) | .delivery_count' "$WORK/peer.out" | paste -sd ' ')" '0 1 2 3 4'
    fi
    settle "$(wc -l <"$WORK/src.out")" 424
    stop src
    assert_status 0
    assert_equal "$(jq -r .text "$WORK/src.out" | head -n 5 | paste -sd ' ')" '1 2 3 4 1'
    assert_equal "$(err)" ''
}

@test "a peer that does not offer modified gets released" {
    peer -d '{"do":"no-modified"}'
    echo '{"address":"a","text":"x"}' >&5
    source_ready -v "$URI" a
    lines 1
    settle 1 500
    lines 2
    settle 2 200
    record '.event == "disposition"' 2
    stop src
    assert_status 0
    assert_equal "$(outcomes)" $'1 released\n1 accepted'
    grep -q "^amqp-in: info: consuming from 'a' (the peer does not offer 'modified': 'released' stands for it)\$" "$WORK/src.err"
}

@test "no more than the window is unsettled; what is still for two seconds lets in one more a second, up to twice" {
    peer
    echo '{"do":"generate","address":"a","count":20,"bytes":50}' >&5
    source_ready -w 2 "$URI" a
    lines 2
    settle 1 200
    settle 2 200
    lines 4
    assert_equal "$(jq -r 'select(.event == "sent").n' "$WORK/peer.out" | tail -n 1)" 4
    # 5 comes after two seconds, 6 after one more, then it is full for good
    lines 6
    record '.event == "sent"' 6
    settle 3 200
    settle 4 200
    # back to the window: these two were above it
    settle 5 200
    lines 7
    settle 6 200
    lines 8
    settle 7 200
    settle 8 200
    lines 10
    assert_equal "$(wc -l <"$WORK/src.out")" 10
    kill -USR1 "${PIDS[src]}"
    wait_for 15 grep -q '^amqp-in: info: received=10 accepted=8 rejected=0 redelivered=0 expired=0 unknown=0$' "$WORK/src.err"
}

@test "what nobody settles is redelivered" {
    peer
    for n in 1 2; do echo "{\"address\":\"a\",\"text\":\"$n\"}"; done >&5
    source_ready -E 1500 "$URI" a
    lines 2
    settle 2 200
    lines 3
    settle 3 200
    record '.event == "disposition"' 3
    assert_equal "$(outcomes)" $'2 accepted\n1 modified failed\n1 accepted'
    # too late: it is somebody else's by now
    settle 1 200
    stop src
    assert_status 0
    assert_equal "$(err)" 'amqp-in: warning: 1 messages were not settled within 1500 ms: they will be redelivered'
}

@test "parts: a message is settled when all of them are, with the worst class" {
    peer
    for n in 1 2 3 4; do echo "{\"address\":\"a\",\"text\":\"$n\"}"; done >&5
    source_ready "$URI" a
    lines 4
    # 1: three parts, one of them in two, out of order; 2: one rejected; 3: none at all; 4: one to be redelivered
    {
        echo "{\"id\":\"$(id 1)\",\"parts\":3}"
        echo "{\"id\":\"$(id 1)/2\",\"parts\":2}"
        echo "{\"id\":\"$(id 1)/3\",\"status\":200}"
        echo "{\"id\":\"$(id 1)/2/2\",\"status\":204}"
        echo "{\"id\":\"$(id 1)/1\",\"status\":200}"
        echo "{\"id\":\"$(id 2)\",\"parts\":2}"
        echo "{\"id\":\"$(id 2)/2\",\"status\":404}"
        echo "{\"id\":\"$(id 2)/1\",\"status\":200}"
        echo "{\"id\":\"$(id 3)\",\"parts\":0}"
        echo "{\"id\":\"$(id 4)\",\"parts\":3}"
        echo "{\"id\":\"$(id 4)/1\",\"status\":503}"
        echo "{\"id\":\"$(id 4)/2\",\"status\":400}"
        echo "{\"id\":\"$(id 4)/3\",\"status\":200}"
    } >&6
    lines 5
    assert_equal "$(outcomes)" $'2 rejected\n3 accepted\n4 modified failed'
    echo "{\"id\":\"$(id 1)/2/1\",\"status\":200}" >&6
    settle 5 200
    record '.event == "disposition"' 5
    assert_equal "$(outcomes | tail -n 2 | sort)" $'1 accepted\n4 accepted'
}

@test "what is not for it passes through; what nobody can use is counted" {
    peer
    source_ready "$URI" a
    cat >&6 <<'END'
{"id":"other-1","status":200}
{"topic":"ns/n/things/live/messages/x","path":"/","value":1.0}
{"id":"other-1","parts":2}
not JSON
{"neither":"nor"}
{"address":"x"}
{"signal":{"type":"x"}}
END
    lines 5
    assert_file "$WORK/src.out" '{"id":"other-1","status":200}
{"topic":"ns/n/things/live/messages/x","path":"/","value":1.0}
{"id":"other-1","parts":2}
{"address":"x"}
{"signal":{"type":"x"}}'
    echo '{"address":"a","text":"x"}' >&5
    lines 6
    echo "{\"id\":\"$(id 6)0\",\"status\":200}" >&6
    echo "{\"id\":\"$(id 6)/1\",\"status\":200}" >&6
    settle 6 200
    settle 6 200
    record '.event == "disposition"'
    stop src
    assert_status 0
    assert_equal "$(err)" 'amqp-in: warning: cannot use a line on stdin: object expected
amqp-in: warning: cannot use a line on stdin: it is neither a message nor a settlement'
}

# --- the end ---

@test "TERM ends intake, waits for settlements and ends with 0" {
    peer
    echo '{"do":"generate","address":"a","count":5,"bytes":50}' >&5
    source_ready -v -w 3 "$URI" a
    lines 3
    settle 3 503
    kill -TERM "${PIDS[src]}"
    # what waits for its redelivery is given back at once, and nothing new comes
    record '.event == "disposition"'
    settle 1 200
    settle 2 400
    wait_exit src
    assert_status 0
    record '.event == "close"'
    assert_equal "$(outcomes)" $'3 modified failed\n1 accepted\n2 rejected'
    assert_equal "$(wc -l <"$WORK/src.out")" 3
    grep -q '^amqp-in: info: stopping: [23] in flight$' "$WORK/src.err"
    stop peer
    assert_equal "$(jq -c '.summary.queued // empty' "$WORK/peer.out")" 3
}

@test "TERM at random moments: nothing is lost, and the counters balance" {
    local rounds=$((${CONN_LONG:-0} ? 50 : 5)) n
    peer -Q
    for ((n = 0; n < rounds; n++)); do
        echo '{"do":"generate","address":"a","count":300,"bytes":50,"rate":1000}' >&5
        settling_ring '[200, 200, 400, 503][(.headers["message-id"] | .[2:] | tonumber) % 4]'
        sleep "0.$((RANDOM % 5))$((RANDOM % 10))" # the random moment
        stop ring 20
        [ "$status" -eq 0 ] || assert_status 143 # before ring could hear it
        balanced
        settling_ring 200
        wait_for 20 all_settled $((n * 300 + 300))
        stop ring 20
        assert_status 0
        balanced
    done
    # what was given back came again: all are accepted or rejected for good, and each was seen
    assert_equal "$(jq -rR 'fromjson? | .headers["message-id"] // empty' "$WORK/seen" | sort -u | wc -l)" $((rounds * 300))
}

# A ring that settles each message with what STATUS makes of it.
settling_ring() { # STATUS
    start ring ring "exec amqp-in -v -w 20 -D 5000 '$URI' a" "exec tee -a '$WORK/seen'" \
        "exec jq -c --unbuffered 'select(.id and .address) | {id, status: ($1)}'"
}

all_settled() { # N
    echo '{"do":"summary"}' >&5
    [ "$(jq -r '.summary | select(.address == "a") | .accepted + .rejected' "$WORK/peer.out" | tail -n 1)" = "$1" ]
}

balanced() {
    local line
    line=$(grep -o 'received=.*' "$WORK/ring.err" | tail -n 1)
    [ -n "$line" ] || return 0 # it was ended before it had begun
    [[ $line =~ received=([0-9]+)\ accepted=([0-9]+)\ rejected=([0-9]+)\ redelivered=([0-9]+)\  ]]
    assert_equal "$((BASH_REMATCH[2] + BASH_REMATCH[3] + BASH_REMATCH[4]))" "${BASH_REMATCH[1]}"
}

@test "the drain limit: what is left goes back to the peer, exit 0; a second TERM is faster" {
    peer
    echo '{"address":"a","text":"x"}' >&5
    source_ready -D 200 "$URI" a
    lines 1
    stop src
    assert_status 0
    assert_equal "$(err)" 'amqp-in: warning: drain limit reached: 1 messages are left to the peer'
    record '.event == "close"'
    source_ready "$URI" a
    lines 1
    kill -TERM "${PIDS[src]}"
    record '.event == "credit" and .credit == 0'
    stop src
    assert_status 0
    assert_equal "$(outcomes)" ''
}

@test "the end of stdin is 111, and so is a broken stdout" {
    peer
    echo '{"address":"a","text":"x"}' >&5
    source_ready "$URI" a
    lines 1
    exec 6>&-
    wait_exit src
    assert_status 111
    assert_equal "$(err)" 'amqp-in: error: stdin ended: nobody will settle what is in flight'
    open_home
    : >"$WORK/src.ready"
    amqp-in -d 4 "$URI" a <"$WORK/home" 2>"$WORK/src.err" 3>&- 4>"$WORK/src.ready" 5>&- 6>&- > >(exec head -n 1 >"$WORK/src.out" 3>&-) &
    PIDS[src]=$!
    track $!
    wait_exit src
    assert_status 111
    assert_equal "$(err)" 'amqp-in: error: cannot write to stdout: nobody reads it'
    stop peer
    assert_equal "$(summary)" '{"sent":1,"transfers":2,"queued":1}'
}

@test "a cut settlement at the end is 111" {
    peer
    echo '{"address":"a","text":"x"}' >&5
    source_ready "$URI" a
    lines 1
    printf '{"id":"%s","status":200}' "$(id 1)" >&6
    exec 6>&-
    wait_exit src
    assert_status 111
    assert_equal "$(err)" 'amqp-in: error: cannot read stdin: the last line is cut off'
    assert_equal "$(outcomes)" ''
}

@test "kill -9: the peer delivers all that was unsettled again, and nothing else" {
    peer
    echo '{"do":"generate","address":"a","count":50,"bytes":50}' >&5
    source_ready -w 20 "$URI" a
    lines 20
    for n in $(seq 1 2 19); do settle "$n" 200; done
    lines 30
    kill -KILL "${PIDS[src]}"
    wait_exit src
    assert_status 137
    record '.event == "lost" and .requeued == 20'
    source_ready -S write "$URI" a
    lines 40
    assert_equal "$(jq -r .headers.n "$WORK/src.out" | sort -n | head -n 10 | paste -sd ' ')" '2 4 6 8 10 12 14 16 18 20'
    stop src
    assert_status 0
}

# --- the rest ---

@test "reports: states and running totals" {
    peer
    echo '{"do":"generate","address":"a","count":3,"bytes":50}' >&5
    CONN_REPORT_FD=7 source_ready -S write "$URI" a 7>"$WORK/report"
    lines 3
    echo '{"do":"end"}' >&5
    wait_exit src
    assert_status 111
    assert_equal "$(jq -c "del(.life)" "$WORK/report" | head -n 1)" '{"report":"state","from":"amqp-in","state":"connected"}'
    assert_equal "$(jq -c "del(.life)" "$WORK/report" | grep disconnected)" '{"report":"state","from":"amqp-in","state":"disconnected","detail":"the peer ended the session: amqp:internal-error"}'
    assert_equal "$(jq -c "del(.life)" "$WORK/report" | grep '"category":"source"' | grep meter | tail -n 1)" '{"report":"meter","from":"amqp-in","category":"source","index":0,"address":0,"consumed":[3,0],"acknowledged":[3,0]}'
}

@test "the examples of the page" {
    peer
    echo '{"do":"generate","address":"telemetry","count":3,"bytes":50}' >&5
    connection
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh/{/^\.Bd/,/^\.Ed/{/^\./!p}}' "$ROOT/man/amqp-in.1" | sed 's/\\e/\\/g' >"$WORK/example"
    cd "$WORK"
    mv connection connection.json
    AMQP=$URI start example sh example </dev/null 5>&-
    record '.event == "attach"' 2
    echo '{"do":"generate","address":"telemetry","count":20,"bytes":50}' >&5
    wait_exit example
    assert_status 0
    assert_equal "$(head -n 3 example.out | jq -c .n | paste -sd ' ')" '1 2 3'
    assert_equal "$(tail -n 1 example.out)" yes
    run jq -s -c '[.[] | select(.event == "disposition" and .n > 3) | .outcome] | group_by(.) | map([.[0], length])' peer.out
    assert_output '[["accepted",2],["rejected",18]]'
}
