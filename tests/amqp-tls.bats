#!/usr/bin/env bats
# amqp-tls.bats: amqp-in and amqp-out over TLS: certificates of both sides, logins by them, against the project's
# container (qpid-proton 0.37.0) behind a relay that terminates TLS with OpenSSL 3. RabbitMQ and rhea speak it themselves:
# amqp-out-peers.bats.
load helper/common
load helper/amqp-in
load helper/amqp-out
load helper/tls

# A peer and a TLS relay in front of it, with that certificate; the relay's URI is then URI.
tls_peer() { # CERTIFICATE [RELAY_ARGS… [-- PEER_ARGS…]]
    local cert=$1 relay=()
    shift
    tls_make
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        relay+=("$1")
        shift
    done
    peer "${@:2}"
    tls_front "$cert" "${relay[@]}"
}

# Another relay in front of the same peer.
tls_front() { # CERTIFICATE [RELAY_ARGS…]
    local cert=$1
    shift
    rm -f "$WORK/relay.in"
    mkfifo "$WORK/relay.in"
    exec 7<>"$WORK/relay.in"
    start relay tcp-relay -c "$TLS/$cert.pem" "$@" "$PORT" <"$WORK/relay.in" 5>&- 6>&- 7>&-
    wait_for 10 grep -q '^{"port":' "$WORK/relay.out"
    RELAY=$(head -n 1 "$WORK/relay.out" | jq .port)
    URI=amqps://127.0.0.1:$RELAY
}

# Sends a message and takes it back, with the same arguments; both programs must end with 0.
there_and_back() { # ARGS…
    sink_run "$@" "$URI" <<<'{"id":"1","address":"a","text":"x"}'
    assert_status 0
    assert_output '{"id":"1","status":200}'
    assert_stderr ''
    source_ready "$@" "$URI" a
    lines 1
    settle 1 200
    stop src
    assert_status 0
    [ ! -s "$WORK/src.err" ]
}

# Neither program gets in; both say so. REASON is a regular expression.
both_fail() { # CODE REASON ARGS…
    local code=$1 reason=$2
    shift 2
    sink_run "$@" "$URI" </dev/null
    assert_status "$code"
    assert_output ''
    assert_stderr --regexp "^amqp-out: error: cannot connect to '127.0.0.1:$RELAY': $reason$"
    source_start "$@" "$URI" a
    wait_exit src
    assert_status "$code"
    [[ $(<"$WORK/src.err") =~ ^amqp-in:\ error:\ cannot\ connect\ to\ \'127.0.0.1:$RELAY\':\ $reason$ ]]
}

# --- the peer's certificate ---

@test "the peer's certificate is verified: against -A, the system's store, or not at all" {
    tls_peer server
    there_and_back -A "$TLS/ca.pem"
    both_fail 111 "the peer's certificate is not accepted: unable to get local issuer certificate"
    SSL_CERT_FILE=$TLS/ca.pem there_and_back
    there_and_back -i
}

@test "unknown CA, expired certificate, wrong host name: 111, in words" {
    tls_peer unknown
    both_fail 111 "the peer's certificate is not accepted: unable to get local issuer certificate" -A "$TLS/ca.pem"
    stop relay
    tls_front expired
    both_fail 111 "the peer's certificate is not accepted: certificate has expired" -A "$TLS/ca.pem"
    there_and_back -i
    stop relay
    tls_front wrong
    both_fail 111 "the peer's certificate is not accepted: IP address mismatch" -A "$TLS/ca.pem"
    URI="$URI?transport.verifyHost=false" there_and_back -A "$TLS/ca.pem"
}

@test "a host's name is checked like an address" {
    getent ahosts localhost >/dev/null || skip "there is no localhost here"
    tls_peer server
    URI=amqps://localhost:$RELAY
    there_and_back -A "$TLS/ca.pem"
    stop relay
    tls_front wrong
    sink_run -A "$TLS/ca.pem" "amqps://localhost:$RELAY" </dev/null
    assert_status 111
    assert_stderr "amqp-out: error: cannot connect to 'localhost:$RELAY': the peer's certificate is not accepted: hostname mismatch"
}

@test "of a connection: ca alone is trusted, validateCertificates=false trusts all" {
    tls_peer server
    target_connection
    jq --rawfile ca "$TLS/ca.pem" '.ca = $ca' "$WORK/connection" >"$WORK/with-ca"
    sink_run -c "$WORK/with-ca" <<<'{"id":"1","address":"a","text":"x"}'
    assert_status 0
    assert_stderr ''
    jq --rawfile ca "$TLS/other-ca.pem" '.ca = $ca' "$WORK/with-ca" >"$WORK/other"
    sink_run -c "$WORK/other" </dev/null
    assert_status 111
    assert_stderr --partial 'unable to get local issuer certificate'
    jq '.validateCertificates = false' "$WORK/other" >"$WORK/any"
    sink_run -v -c "$WORK/any" </dev/null
    assert_status 0
    assert_stderr --partial 'amqp-out conn-1: info: the connection is encrypted: TLSv1.3, TLS_'
    jq --arg ca "$TLS/ca.pem" '.specificConfig = {"transport.trustStoreLocation": $ca}' "$WORK/other" >"$WORK/file"
    sink_run -c "$WORK/file" </dev/null
    assert_status 0
}

@test "who speaks no TLS is told from who does" {
    peer
    RELAY=$PORT URI=amqps://127.0.0.1:$PORT
    both_fail 111 'the peer closed the TCP connection \(maybe it does not speak TLS\)'
}

# --- the client's certificate ---

@test "a client certificate, in one file or two, logs in by EXTERNAL; without one, or with a stranger's: 111" {
    tls_peer server -a "$WORK/tls/ca.pem" -- -E
    there_and_back -A "$TLS/ca.pem" -I "$TLS/client.pem"
    there_and_back -A "$TLS/ca.pem" -I "$TLS/client.crt" -K "$TLS/client.key"
    assert_equal "$(jq -r 'select(.event == "open").user' "$WORK/peer.out" | sort -u)" external
    both_fail 111 'TLS: (tlsv13|ssl/tls) alert certificate required' -A "$TLS/ca.pem"
    both_fail 111 'TLS: tlsv1 alert unknown ca' -A "$TLS/ca.pem" -I "$TLS/stranger.pem"
}

@test "a client certificate of the connection's JSON never touches a disk; a file of specificConfig" {
    tls_peer server -a "$WORK/tls/ca.pem" -- -E
    target_connection
    jq --rawfile ca "$TLS/ca.pem" --rawfile cert "$TLS/client.crt" --rawfile key "$TLS/client.key" \
        '.ca = $ca | .credentials = {type: "client-cert", cert: $cert, key: $key}' "$WORK/connection" >"$WORK/secret"
    # the leak check wants to trace, too
    ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 run --separate-stderr strace -f -qq -e trace=openat,creat -o "$WORK/trace" amqp-out -c "$WORK/secret" \
        <<<'{"id":"1","address":"a","text":"x"}'
    assert_status 0
    assert_output '{"id":"1","status":200}'
    # stdout is opened anew, to be written to without blocking
    refute grep -E 'O_WRONLY|O_RDWR|O_CREAT' <(grep -v '"/proc/self/fd/1"' "$WORK/trace")
    jq --arg ca "$TLS/ca.pem" --arg pem "$TLS/client.pem" '.specificConfig =
        {"transport.trustStoreLocation": $ca, "transport.keyStoreLocation": $pem}' "$WORK/connection" >"$WORK/files"
    sink_run -c "$WORK/files" </dev/null
    assert_status 0
    assert_stderr ''
}

@test "PLAIN and EXTERNAL are both offered where there are both; the peer chooses" {
    export AMQP_USER=demo AMQP_PASSWORD=secret
    tls_peer server -a "$WORK/tls/ca.pem" -- -a
    target_connection '.uri |= sub("//"; "//demo:secret@")'
    jq --rawfile ca "$TLS/ca.pem" --rawfile cert "$TLS/client.crt" --rawfile key "$TLS/client.key" \
        '.ca = $ca | .credentials = {type: "client-cert", cert: $cert, key: $key}' "$WORK/connection" >"$WORK/secret"
    sink_run -c "$WORK/secret" </dev/null
    assert_status 0
    jq '.uri |= sub("secret"; "wrong")' "$WORK/secret" >"$WORK/wrong"
    sink_run -c "$WORK/wrong" </dev/null
    assert_status 100
    assert_stderr --partial 'amqp:unauthorized-access: Authentication failed [mech=PLAIN]'
    refute grep -qF wrong@ <<<"$stderr"
}

@test "files that do not fit: named, 111 since they may be on their way; of the connection: 100" {
    tls_peer server
    both_fail 111 "cannot use trusted certificates '$WORK/none': No such file or directory" -A "$WORK/none"
    both_fail 111 "cannot use trusted certificates '$TLS/client.key': it holds no certificate in PEM" -A "$TLS/client.key"
    both_fail 111 "cannot use the client's key '$TLS/client.crt': it holds no unencrypted private key in PEM" -I "$TLS/client.crt"
    both_fail 111 "cannot use the client's key '$TLS/stranger.key': it does not belong to the client's certificate" \
        -I "$TLS/client.crt" -K "$TLS/stranger.key"
    openssl pkey -in "$TLS/client.key" -aes128 -passout pass:x -out "$TLS/locked.key"
    both_fail 111 "cannot use the client's key '$TLS/locked.key': it holds no unencrypted private key in PEM" \
        -I "$TLS/client.crt" -K "$TLS/locked.key"
    target_connection
    jq --rawfile cert "$TLS/client.crt" --rawfile key "$TLS/stranger.key" \
        '.credentials = {type: "client-cert", cert: $cert, key: $key}' "$WORK/connection" >"$WORK/secret"
    sink_run -c "$WORK/secret" </dev/null
    assert_status 100
    assert_stderr "amqp-out conn-1: error: cannot connect to '127.0.0.1:$RELAY': cannot use the client's key 'of the connection': it does not belong to the client's certificate"
}

@test "a file that was changed is used by the next connect (-r)" {
    tls_peer server -a "$WORK/tls/ca.pem" -- -E
    cp "$TLS/stranger.pem" "$WORK/identity.pem"
    sink_start -r -A "$TLS/ca.pem" -I "$WORK/identity.pem" "$URI"
    says 'trying again in 1 s'
    cp "$TLS/client.pem" "$WORK/identity.pem.new"
    mv "$WORK/identity.pem.new" "$WORK/identity.pem"
    echo '{"id":"1","address":"a","text":"x"}' >&6
    settled 1
    stop sink
    assert_status 0
}

# --- what flows ---

@test "16 MiB in both directions, byte by byte" {
    tls_peer server -- -q
    head -c 16777216 /dev/urandom >"$WORK/bytes"
    base64 -w 0 "$WORK/bytes" | jq -cR '{id: "1", address: "a", bytes: .}' >"$WORK/line"
    sink_run -i "$URI" <"$WORK/line"
    assert_status 0
    assert_output '{"id":"1","status":200}'
    source_ready -i -S write "$URI" a
    wait_for 20 grep -q bytes "$WORK/src.out"
    cmp "$WORK/bytes" <(jq -r .bytes "$WORK/src.out" | base64 -d)
}

@test "many messages, heartbeats while nothing flows, and a black hole" {
    tls_peer server -- -q -I 600
    seq 2000 | jq -c '{id: "\(.)", address: "a", text: "message \(.)"}' >"$WORK/out"
    sink_run -i "$URI" <"$WORK/out"
    assert_status 0
    assert_equal "$(jq -r .status <<<"$output" | sort | uniq -c | tr -s ' ')" ' 2000 200'
    source_ready -i -S write "$URI?amqp.idleTimeout=600" a
    lines 2000
    assert_equal "$(jq -r .text "$WORK/src.out")" "$(seq -f 'message %g' 2000)"
    local deadline
    now_ms
    deadline=$((REPLY + 1500))
    until [ "$REPLY" -ge "$deadline" ]; do
        running "${PIDS[src]}" || fail 'the source ended'
        now_ms
    done
    echo freeze >&7
    wait_exit src
    assert_status 111
    assert_file "$WORK/src.err" "amqp-in: error: cannot keep the connection to '127.0.0.1:$RELAY': amqp:resource-limit-exceeded: local-idle-timeout expired"
}
