#!/usr/bin/env bats
# amqp-in-peer.bats: the AMQP 1.0 source and peers that refuse, break off, fall silent or flood; and RabbitMQ.
#
# The three-actor suite: refuse, drop after accept, slow reader (of stdout), restart mid-stream, black hole without RST,
# accept-then-close, link stolen or detached by the peer, redirect here; never acknowledge (nobody settles) and oversize in
# amqp-in.bats; certificates in amqp-tls.bats; rhea in amqp-peers.bats. What a source cannot have:
#   - credit withheld: a source gives credit, the peer uses it or does not
#   - broker full: that is the sinks' matter
#   - a session taken over by a second client: it belongs to its connection; a stolen link is a detach
load helper/common
load helper/rabbitmq
load helper/amqp-in

# --- the peer ---

@test "a refused link is 111, with the peer's condition" {
    peer -d '{"do":"refuse","by":"detach","description":"no such queue"}'
    source_run -S write "$URI" a
    assert_status 111
    assert_output ''
    assert_stderr "amqp-in: error: cannot connect to '127.0.0.1:$PORT': the peer refused the link to 'a': amqp:not-found: no such queue"
    echo '{"do":"allow"}' >&5
    echo '{"do":"refuse","by":"end"}' >&5
    source_run -S write "$URI" a
    assert_status 111
    assert_stderr --partial 'the peer ended the session: amqp:not-found'
    echo '{"do":"allow"}' >&5
    echo '{"do":"refuse","by":"close","condition":"amqp:unauthorized-access"}' >&5
    source_run -S write "$URI" a
    assert_status 100
    assert_stderr --partial 'the peer closed the connection: amqp:unauthorized-access'
}

@test "a link, session or connection that the peer ends is 111" {
    peer
    for how in detach end close drop; do
        source_ready "$URI" a
        echo "{\"do\":\"$how\",\"condition\":\"amqp:unauthorized-access\",\"description\":\"token expired\"}" >&5
        wait_exit src
        assert_status 111
        cat "$WORK/src.err" >>"$WORK/all.log"
    done
    assert_file "$WORK/all.log" "amqp-in: error: cannot keep the connection to '127.0.0.1:$PORT': the peer closed the link to 'a': amqp:unauthorized-access: token expired
amqp-in: error: cannot keep the connection to '127.0.0.1:$PORT': the peer ended the session: amqp:unauthorized-access: token expired
amqp-in: error: cannot keep the connection to '127.0.0.1:$PORT': the peer closed the connection: amqp:unauthorized-access: token expired
amqp-in: error: cannot keep the connection to '127.0.0.1:$PORT': the peer closed the TCP connection"
}

@test "a stolen link, a redirect of link and connection: 111, and where to" {
    peer
    source_ready "$URI" a
    echo '{"do":"detach","condition":"amqp:link:stolen"}' >&5
    wait_exit src
    assert_status 111
    assert_equal "$(err)" "amqp-in: error: cannot keep the connection to '127.0.0.1:$PORT': the peer closed the link to 'a': amqp:link:stolen"
    echo '{"do":"refuse","condition":"amqp:link:redirect","redirect":"other.example:5673"}
{"do":"summary"}' >&5
    record .summary
    source_run -S write "$URI" a
    assert_status 111
    assert_stderr --partial "the peer refused the link to 'a': amqp:link:redirect (it redirects to 'other.example:5673', address 'elsewhere'; put that into the connection)"
}

@test "accept-then-close and a black hole without RST, through a relay, are 111" {
    peer -g 5,a,50
    relay
    source_ready "amqp://127.0.0.1:$RELAY?amqp.idleTimeout=600" a
    lines 5
    echo freeze >&7
    wait_exit src
    assert_status 111
    assert_equal "$(err)" "amqp-in: error: cannot keep the connection to '127.0.0.1:$RELAY': amqp:resource-limit-exceeded: local-idle-timeout expired"
    echo 'thaw
cut
slam' >&7
    wait_for 5 grep -q slam "$WORK/relay.out"
    source_start "amqp://127.0.0.1:$RELAY" a
    wait_exit src
    assert_status 111
    [[ $(err) =~ "cannot connect to '127.0.0.1:$RELAY': "(the peer closed the TCP connection|Connection reset by peer)$ ]]
}

@test "-r: the peer is cut off in mid-stream; what was in flight comes again, all of it arrives" {
    peer -g 200,a,50
    relay
    echo 'cut 9000' >&7
    wait_for 5 grep -q cut "$WORK/relay.out"
    source_start -r -w 20 "amqp://127.0.0.1:$RELAY" a
    lines 20
    local n=0
    until grep -q 'trying again in 1 s' "$WORK/src.err"; do
        settle_new
    done
    echo 'cut 1000000' >&7
    until [ "$(jq -r '.headers["message-id"]' "$WORK/src.out" | sort -u | wc -l)" -eq 200 ]; do
        settle_new
    done
    settle_new
    # an id is never given twice, though messages are
    assert_equal "$(jq -r .id "$WORK/src.out" | sort | uniq -d)" ''
    stop src
    assert_status 0
    [[ $(head -n 1 "$WORK/src.err") =~ "cannot keep the connection to '127.0.0.1:$RELAY': "(the peer closed the TCP connection|Connection reset by peer)$ ]]
}

# Accepts what the source has printed since the last time; n is how much that was.
settle_new() {
    local total
    total=$(wc -l <"$WORK/src.out")
    sed -n "$((n + 1)),${total}p" "$WORK/src.out" | jq -c '{id, status: 200}' >&6
    n=$total
}

# Starts a relay in front of the peer; its port is RELAY, control lines go to descriptor 7.
relay() { # ARGS
    mkfifo "$WORK/relay.in"
    exec 7<>"$WORK/relay.in"
    start relay tcp-relay "$@" "$PORT" <"$WORK/relay.in" 5>&- 6>&- 7>&-
    wait_for 10 grep -q '^{"port":' "$WORK/relay.out"
    RELAY=$(head -n 1 "$WORK/relay.out" | jq .port)
}

@test "nobody there is 111: a refused port, an unknown host, a peer that does not answer" {
    local free
    free=$(free_port)
    source_run -S write "amqp://127.0.0.1:$free" a
    assert_status 111
    assert_stderr "amqp-in: error: cannot connect to '127.0.0.1:$free': Connection refused"
    source_run -S write amqp://host.invalid:5672 a
    assert_status 111
    assert_stderr --regexp "^amqp-in: error: cannot connect to 'host.invalid:5672': (Name or service not known|Temporary failure in name resolution)\$"
    peer -d '{"do":"no-open"}'
    source_run -S write -T 300 "$URI" a
    assert_status 111
    assert_stderr "amqp-in: error: cannot connect to '127.0.0.1:$PORT': no answer in time"
}

@test "a host with several addresses: the one that answers is used" {
    peer
    # a name of our own, in a mount namespace of our own
    printf '::1 twofold\n127.0.0.2 twofold\n127.0.0.1 twofold\n' >"$WORK/hosts"
    unshare -m mount --bind "$WORK/hosts" /etc/hosts 2>/dev/null || skip 'only root may give a host two addresses'
    : >"$WORK/src.ready"
    # shellcheck disable=SC2016 # for the inner shell
    start src unshare -m sh -c 'mount --bind "$1/hosts" /etc/hosts && exec amqp-in -d 4 -S write "amqp://twofold:$2" a' \
        sh "$WORK" "$PORT" </dev/null 4>"$WORK/src.ready" 5>&-
    wait_ready src
    stop src
    assert_status 0
    assert_equal "$(err)" ''
}

@test "a wrong password is 100; the right one is used though the peer would take anybody" {
    export AMQP_USER=me AMQP_PASSWORD='p@ss:w%'
    peer -a
    URI="amqp://me:wrong@127.0.0.1:$PORT"
    connection
    source_run -S write -c "$WORK/connection"
    assert_status 100
    assert_output ''
    assert_stderr "amqp-in conn-1: error: cannot connect to '127.0.0.1:$PORT': amqp:unauthorized-access: Authentication failed [mech=PLAIN]"
    URI="amqp://127.0.0.1:$PORT"
    connection
    source_run -S write -c "$WORK/connection"
    assert_status 100
    URI="amqp://me:p%40ss%3Aw%25@127.0.0.1:$PORT"
    connection
    source_ready -c "$WORK/connection"
    assert_equal "$(jq -r 'select(.event == "open").user' "$WORK/peer.out")" me
    stop src
    assert_status 0
}

@test "a dead peer is noticed by its silence" {
    peer
    connection '.specificConfig["amqp.idleTimeout"] = "600"'
    source_ready -c "$WORK/connection"
    echo '{"do":"freeze"}' >&5
    wait_exit src
    assert_status 111
    assert_equal "$(err)" "amqp-in conn-1: error: cannot keep the connection to '127.0.0.1:$PORT': amqp:resource-limit-exceeded: local-idle-timeout expired"
}

@test "heartbeats go on while nobody reads stdout, memory is bounded, and nothing is lost" {
    peer -I 600
    # 60 messages of 1 MiB: more than may wait
    echo '{"do":"generate","address":"a","count":60,"bytes":1048576}' >&5
    mkfifo "$WORK/slow"
    exec 7<>"$WORK/slow"
    : >"$WORK/src.ready"
    amqp-in -d 4 -S write "$URI" a >"$WORK/slow" 2>"$WORK/src.err" </dev/null 3>&- 4>"$WORK/src.ready" 5>&- 7>&- &
    PIDS[src]=$!
    track $!
    wait_ready src
    record '.event == "sent"' 20
    # another client, which is stopped, is given up meanwhile
    start_ready other amqp-in -d 4 -S write "$URI" b </dev/null 5>&- 7>&-
    kill -STOP "${PIDS[other]}"
    record '.event == "lost" and .connection == 2'
    running "${PIDS[src]}"
    refute has_records '.event == "lost" and .connection == 1'
    [[ $BUILD == */asan ]] || [ "$(awk '/^VmHWM/ { print $2 }' "/proc/${PIDS[src]}/status")" -lt 131072 ]
    head -n 60 <&7 | jq -r .headers.n >"$WORK/numbers"
    seq 60 | diff - "$WORK/numbers"
    stop src
    assert_status 0
    assert_equal "$(err)" ''
    record '.event == "close"'
}

@test "an idle source makes no system calls" {
    peer
    connection
    open_home
    : >"$WORK/src.ready"
    start src strace -f -o "$WORK/trace" amqp-in -d 4 -c "$WORK/connection" <"$WORK/home" 4>"$WORK/src.ready" 5>&- 6>&-
    wait_ready src
    # its last call is a poll that only a heartbeat, tens of seconds away, would end
    wait_for 15 waits_long
}

@test "many messages through a window of 7, the later of two settled first" {
    local count=$((${CONN_LONG:-0} ? 500000 : 20000))
    peer -Q -x
    echo "{\"do\":\"generate\",\"address\":\"a\",\"count\":$count,\"bytes\":100}" >&5
    open_home
    mkfifo "$WORK/out"
    exec 7<>"$WORK/out"
    jq --unbuffered -cn 'foreach inputs as $l ({}; if .held then {out: [$l.id, .held]} else {held: $l.id} end;
        .out[]? | {id: ., status: 200})' <"$WORK/out" >"$WORK/home" 3>&- 5>&- 6>&- 7>&- &
    PIDS[settle]=$!
    track $!
    amqp-in -w 7 "$URI" a <"$WORK/home" >"$WORK/out" 2>"$WORK/src.err" 3>&- 5>&- 6>&- 7>&- &
    PIDS[src]=$!
    track $!
    exec 5>&- 7>&-
    wait_exit peer 60
    assert_status 0
    assert_equal "$(summary)" "{\"sent\":$count,\"transfers\":$count,\"accepted\":$count}"
    wait_exit src
    assert_status 111
}

# --- RabbitMQ ---

@test "RabbitMQ: accepted, rejected, released; a wrong password" {
    rabbitmq_installed || skip 'RabbitMQ is not installed'
    rabbitmq_shared
    PORT=$AMQP_PORT
    URI=amqp://127.0.0.1:$PORT
    queue=amqp-in-$$
    for n in 1 2 3; do echo "{\"text\":\"$n\"}"; done | AMQP_USER=guest AMQP_PASSWORD=guest amqp-cat -p "$PORT" -Q send "/queue/$queue"
    URI=amqp://guest:guest@127.0.0.1:$PORT
    connection ".sources[].addresses = [\"/queue/$queue\"]"
    source_ready -v -w 10 -c "$WORK/connection"
    grep -q "(the peer does not offer 'modified': 'released' stands for it)\$" "$WORK/src.err"
    lines 3
    settle 1 200
    settle 2 400
    settle 3 503
    lines 4
    assert_equal "$(jq -r .text "$WORK/src.out" | paste -sd ' ')" '1 2 3 3'
    settle 4 200
    stop src
    assert_status 0
    URI=amqp://guest:wrong@127.0.0.1:$PORT
    connection ".sources[].addresses = [\"/queue/$queue\"]"
    source_run -S write -c "$WORK/connection"
    assert_status 100
    assert_stderr "amqp-in conn-1: error: cannot connect to '127.0.0.1:$PORT': amqp:unauthorized-access: Authentication failed [mech=PLAIN]"
    URI=amqp://guest:guest@127.0.0.1:$PORT
    connection '.sources[].addresses = ["/amq/queue/nowhere"]'
    source_run -S write -c "$WORK/connection"
    assert_status 111
    assert_stderr --partial 'the peer ended the session: amqp:not-found'
}
