#!/usr/bin/env bats
# amqp-peers.bats: amqp-in and amqp-out against two more implementations: rhea (a different codec) and RabbitMQ 3.10 (a
# different idea of AMQP 1.0). The three-actor suite; the project's container is in amqp-in-peer.bats and amqp-out.bats.
#
# What these peers cannot be made to do, with the reason:
#   - RabbitMQ never detaches a link, it ends the session; it withholds credit only when memory or disk run out; it knows
#     neither modified nor a redirect, nor a maximal message size.
#   - rhea: a redirect is what an application makes of a detach, as in amqp-out.bats; oversize as there.
#   - a session cannot be taken over: it belongs to its connection.
load helper/common
load helper/amqp-in
load helper/amqp-out
load helper/rhea
load helper/rabbitmq
load helper/tls

statuses() {
    jq -r '"\(.id) \(.status) \(.error.message // "")"' | sort
}

# --- rhea ---

@test "rhea: accept, reject, release, modify, detach, refuse; headers and bodies there and back" {
    rhea_installed || skip 'node or rhea is missing: make bench fetches it'
    rhea_start
    local all='"headers":{"correlation-id":"c","content-type":"text/plain","subject":"s","reply-to":"r","x":"ä","amqp.message.annotation:x-opt":"y"}'
    sink_run "$URI" <<END
{"id":"1","address":"q",$all,"text":"hällo"}
{"id":"2","address":"q","bytes":"AAH/"}
{"id":"3","address":"reject","text":"x"}
{"id":"4","address":"release","text":"x"}
{"id":"5","address":"modify","text":"x"}
{"id":"6","address":"detach","text":"x"}
{"id":"7","address":"refused","text":"x"}
{"id":"8","address":"q","text":""}
END
    assert_status 0
    assert_equal "$(statuses <<<"$output")" "$(cat <<'END'
1 200 
2 200 
3 404 The peer rejected the message: amqp:not-found: no such thing
4 503 The peer released the message.
5 503 The peer gave the message back (modified).
6 503 The peer refused the link: amqp:link:detach-forced: told to
7 404 The peer refused the link: amqp:not-found: no such node
8 200 
END
)"
    source_ready "$URI" q
    lines 3
    assert_equal "$(jq -cS '{h: .headers, t: .text, b: .bytes}' "$WORK/src.out")" "$(jq -cS '{h: .headers, t: .text, b: .bytes}' <<END
{$all,"text":"hällo"}
{"headers":{},"bytes":"AAH/"}
{"headers":{},"text":""}
END
)"
    settle 1 200
    settle 2 400
    settle 3 503
    lines 4
    settle 4 200
    stop src
    assert_status 0
    [ ! -s "$WORK/src.err" ]
    wait_for 5 eval "[ \"\$(grep -c '\"outcome\"' '$WORK/rhea.out')\" -ge 4 ]"
    assert_equal "$(jq -r 'select(.event == "outcome") | "\(.outcome) \(.failed)"' "$WORK/rhea.out")" \
        'accepted false
rejected false
modified true
accepted false'
}

@test "rhea: never acknowledged, connection closed, TCP connection dropped, link refused to a source" {
    rhea_installed || skip 'node or rhea is missing: make bench fetches it'
    rhea_start
    sink_run "$URI?jms.sendTimeout=300" <<<'{"id":"1","address":"silent","text":"x"}'
    assert_status 0
    assert_output --partial '{"id":"1","status":408,'
    sink_run "$URI" <<<'{"id":"1","address":"close","text":"x"}'
    assert_status 111
    assert_output ''
    assert_stderr "amqp-out: error: cannot keep the connection to '127.0.0.1:$PORT': the peer closed the connection: amqp:connection:forced: told to"
    sink_run "$URI" <<<'{"id":"1","address":"crash","text":"x"}'
    assert_status 111
    assert_output ''
    assert_stderr --regexp "cannot keep the connection to '127.0.0.1:$PORT': (the peer closed the TCP connection|Connection reset by peer)$"
    source_start "$URI" refused
    wait_exit src
    assert_status 111
    assert_equal "$(err)" "amqp-in: error: cannot connect to '127.0.0.1:$PORT': the peer refused the link to 'refused': amqp:not-found: no such node"
}

@test "rhea: TLS, 16 MiB, 1,000 headers, a window of 7" {
    rhea_installed || skip 'node or rhea is missing: make bench fetches it'
    tls_make
    rhea_start "$TLS/server.pem"
    URI=amqps://127.0.0.1:$PORT
    {
        head -c 16777216 /dev/urandom | base64 -w 0 | jq -cR '{id: "big", address: "q", bytes: .}'
        jq -nc '{id: "many", address: "q", headers: ([range(0; 1000)] | map({key: "header-\(.)", value: "value \(.)"}) | from_entries), text: "many"}'
        numbered 300 q
    } >"$WORK/out"
    sink_run -A "$TLS/ca.pem" -w 7 "$URI" <"$WORK/out"
    assert_status 0
    assert_equal "$(jq -r .status <<<"$output" | sort | uniq -c | tr -s ' ')" ' 302 200'
    source_ready -A "$TLS/ca.pem" -S write -w 7 "$URI" q
    lines 302
    local same='{headers: (.headers // {}), text, bytes}'
    cmp <(jq -cS "$same" "$WORK/out") <(jq -cS "$same" "$WORK/src.out")
    stop src
    assert_status 0
}

@test "rhea: slow reader: what nobody settles stays within the window, and all of it comes" {
    rhea_installed || skip 'node or rhea is missing: make bench fetches it'
    rhea_start
    numbered 50 q >"$WORK/out"
    sink_run "$URI" <"$WORK/out"
    source_ready -w 5 "$URI" q
    lines 5
    local n
    for n in $(seq 50); do
        lines "$n"
        [ "$(wc -l <"$WORK/src.out")" -le $((n + 4)) ]
        settle "$n" 200
    done
    stop src
    assert_status 0
    wait_for 5 eval "[ \"\$(grep -c '\"accepted\"' '$WORK/rhea.out')\" -eq 50 ]"
}

# --- RabbitMQ ---

@test "RabbitMQ: durable messages there and back; a full queue; an exchange that is not there" {
    rabbitmq_installed || skip 'rabbitmq-server is not installed'
    rabbitmq_shared
    URI=amqp://127.0.0.1:$AMQP_PORT
    local queue=out-$BATS_TEST_NUMBER-$$
    # /queue/NAME declares it; reject-publish makes a full one say no
    rabbitmq_env "$RABBITMQ_LIB/rabbitmqctl" -q set_policy "$queue" "^$queue-full$" \
        '{"max-length":2,"overflow":"reject-publish"}' --apply-to queues >&2
    sink_run "$URI" <<END
{"id":"1","address":"/queue/$queue","headers":{"correlation-id":"c","content-type":"text/plain","x":"ä"},"text":"hällo"}
{"id":"2","address":"/queue/$queue","bytes":"AAH/"}
END
    assert_status 0
    assert_equal "$(statuses <<<"$output")" $'1 200 \n2 200 '
    assert_stderr ''
    source_ready "$URI" "/queue/$queue"
    lines 2
    assert_equal "$(jq -c '[.headers["correlation-id"], .headers["content-type"], .headers.x, .text, .bytes]' "$WORK/src.out" | sort)" \
        '["c","text/plain","ä","hällo",null]
[null,null,null,null,"AAH/"]'
    settle 1 200
    settle 2 503
    lines 3
    settle 3 200
    stop src
    assert_status 0
    # broker full: the plugin does not survive the negative confirmation, so no message is answered as if it were kept
    numbered 6 "/queue/$queue-full" >"$WORK/out"
    sink_run -w 1 "$URI" <"$WORK/out"
    assert_status 111
    assert_output '{"id":"1","status":200}
{"id":"2","status":200}'
    assert_stderr --regexp "cannot keep the connection to '127.0.0.1:$AMQP_PORT': (Connection reset by peer|the peer closed the TCP connection)$"
    # a refusal is the end of the session
    sink_run "$URI" <<<'{"id":"1","address":"/exchange/none-'$$'/key","text":"x"}'
    assert_status 111
    assert_stderr --regexp "the peer ended the session: amqp:not-found"
}

@test "RabbitMQ: a wrong password is 100; connections it closes are 111; -r goes on" {
    rabbitmq_installed || skip 'rabbitmq-server is not installed'
    rabbitmq_shared
    URI=amqp://guest:wrong@127.0.0.1:$AMQP_PORT
    target_connection '.targets |= .[:1]'
    sink_run -c "$WORK/connection" </dev/null
    assert_status 100
    assert_stderr --partial 'amqp:unauthorized-access'
    URI=amqp://127.0.0.1:$AMQP_PORT
    sink_start -r "$URI"
    local queue=/queue/again-$BATS_TEST_NUMBER-$$
    echo "{\"id\":\"1\",\"address\":\"$queue\",\"text\":\"x\"}" >&6
    settled 1
    rabbitmq_env "$RABBITMQ_LIB/rabbitmqctl" -q close_all_connections maintenance >&2
    says 'trying again in 1 s'
    echo "{\"id\":\"2\",\"address\":\"$queue\",\"text\":\"x\"}" >&6
    settled 2
    stop sink
    assert_status 0
}
