# conn-ctl: judging offline, and every verb against a real store.
load helper/common

STORE_IS_AWAY='No such file or directory'

connection() { # ID [JSON to merge in]
    jq -nc --arg id "$1" --argjson more "${2:-"{}"}" '{id: $id, connectionType: "amqp-10", connectionStatus: "closed",
        uri: "amqp://user:s3cr3t@127.0.0.1:5672",
        targets: [{address: "t", authorizationContext: ["a:b"]}]} * $more'
}

start_store() {
    start_ready store conn-store -d 4 </dev/null
}

stop_store() { # SIGNAL
    kill -s "$1" "${PIDS[store]}"
}

# --- offline ---------------------------------------------------------------------------------------------------------

@test "says what it is and how it is used" {
    run --separate-stderr conn-ctl -V
    assert_success
    assert_output --regexp '^conn-ctl [0-9.]+$'
    assert_stderr ''
    run --separate-stderr conn-ctl -h
    assert_success
    assert_line --regexp '^  validate FILE\.\.\. '
    assert_stderr ''
    run --separate-stderr conn-ctl status -h
    assert_success
    assert_line 'usage: conn-ctl status [-pqvhV] [-w SECONDS] ID...'
    assert_stderr ''
}

@test "wrong usage is 100" {
    local usage='usage: conn-ctl [-aqvhV] [-t SECONDS] VERB [OPERAND...]'
    run --separate-stderr conn-ctl
    assert_status 100
    assert_output ''
    assert_stderr "conn-ctl: error: no verb"$'\n'"$usage"
    run --separate-stderr conn-ctl frobnicate
    assert_status 100
    assert_stderr "conn-ctl: error: unknown verb"$'\n'"$usage"
    run --separate-stderr conn-ctl -t 0 list
    assert_status 100
    assert_output ''
    run --separate-stderr conn-ctl get
    assert_status 100
    assert_stderr $'conn-ctl get: error: no operand\nusage: conn-ctl get [-sqvhV] [-f FIELDS] [-r REVISION] [-d TIME] ID...'
    run --separate-stderr conn-ctl list x
    assert_status 100
    assert_stderr $'conn-ctl list: error: too many operands\nusage: conn-ctl list [-lqvhV] [-g TAG]'
    run --separate-stderr conn-ctl follow -f x
    assert_status 100
    assert_output ''
    run --separate-stderr conn-ctl diff a
    assert_status 100
    assert_output ''
    assert_stderr 'conn-ctl: error: cannot compare: two connections are needed'
}

@test "without a store every verb that needs it is 111" {
    local verb message="conn-ctl: error: cannot reach store '$CONN_RUN/store.sock': $STORE_IS_AWAY" n=0
    connection c >"$WORK/c.json"
    # side by side, since each gives a store that is just starting a moment
    for verb in "create $WORK/c.json" "modify $WORK/c.json" 'delete c' 'open c' 'close c' 'get c' list 'list -l' \
        'status c' 'status -w 1 c' "test $WORK/c.json" 'metrics c' 'logs c' "diff c $WORK/c.json" "apply $WORK/c.json" \
        follow raw; do
        # shellcheck disable=SC2086 # words
        start "verb$((n++))" conn-ctl $verb </dev/null
    done
    while [ $((n--)) -gt 0 ]; do
        wait_exit "verb$n"
        assert_status 111
        assert_file "$WORK/verb$n.err" "$message"
        [ ! -s "$WORK/verb$n.out" ]
    done
}

@test "validate: a valid connection says nothing, a source without acknowledgements warns" {
    connection c >"$WORK/c.json"
    run --separate-stderr conn-ctl validate "$WORK/c.json" - <"$WORK/c.json"
    assert_success
    assert_output ''
    assert_stderr ''
    connection c '{"sources": [{"addresses": ["q"], "authorizationContext": ["a:b"]}]}' >"$WORK/s.json"
    run --separate-stderr conn-ctl validate "$WORK/s.json"
    assert_success
    assert_output ''
    assert_stderr "conn-ctl: warning: source 0 of '$WORK/s.json' requests no acknowledgements: its messages are\
 settled when they are handed on"
    run --separate-stderr conn-ctl -q validate "$WORK/s.json"
    assert_success
    assert_stderr ''
}

@test "validate: every problem in one go, Ditto's first, each at its place" {
    connection 'a b' '{"connectionStatus": "on", "uri": "tcp://h:1", "clientCount": 0,
        "targets": [{"address": "{{ nope:x }}", "topics": ["_/_/nope"]}]}' >"$WORK/c.json"
    run --separate-stderr conn-ctl validate "$WORK/c.json"
    assert_status 1
    assert_stderr ''
    local problems
    problems=$(jq -r '"\(.status) \(.error) \(.pointer)"' <<<"$output")
    assert_equal "$problems" '400 connectivity:connection.id.invalid /id
400 json.invalid /connectionStatus
400 connectivity:topic.invalid /targets/0/topics/0
400 json.format.invalid /clientCount
400 connectivity:connection.configuration.invalid /targets/0/authorizationContext
400 connectivity:connection.uri.invalid /uri
400 connectivity:connection.configuration.invalid /targets/0/address'
    run jq -r '(.message | length > 0) and keys_unsorted - ["status", "error", "message", "description", "pointer"] == []' \
        <<<"$output"
    refute_line false
}

@test "validate: what is no connection at all" {
    local text
    for text in '' '{' '[]' '{"id":1}}' $'{"id":"\x01"}' '{"id":"'$'\xff''"}'; do
        run --separate-stderr conn-ctl validate - <<<"$text"
        assert_status 1
        assert_equal "$(jq -r .error <<<"$output")" json.invalid
        assert_stderr ''
    done
    run --separate-stderr conn-ctl validate "$WORK/none.json"
    assert_status 111
    assert_output ''
    assert_stderr "conn-ctl: error: cannot read '$WORK/none.json': No such file or directory"
    head -c 33554433 /dev/zero | tr '\0' ' ' >"$WORK/large.json"
    run --separate-stderr conn-ctl validate "$WORK/large.json"
    assert_status 111
    assert_stderr "conn-ctl: error: cannot read '$WORK/large.json': File too large"
}

@test "validate: a mapper that does not exist" {
    connection c '{"targets": [{"address": "t", "authorizationContext": ["a"], "payloadMapping": ["Ditto", "nope"]}]}' \
        >"$WORK/c.json"
    run --separate-stderr conn-ctl validate "$WORK/c.json"
    assert_status 1
    assert_equal "$(jq -r '.error, .message, .pointer' <<<"$output")" \
        'connectivity:connection.configuration.invalid
The mapper nope could not be loaded.
/targets/0/payloadMapping/1'
    assert_stderr ''
}

@test "validate -p: defaults and implied reply targets, secrets masked" {
    run --separate-stderr conn-ctl -q validate -p - < <(
        connection c '{"sources": [{"addresses": ["q"], "authorizationContext": ["a:b"]}], "unknown": 1}'
    )
    assert_success
    assert_stderr ''
    assert_output '{"id":"c","connectionType":"amqp-10","connectionStatus":"closed",'\
'"uri":"amqp://user:*****@127.0.0.1:5672","sources":[{"addresses":["q"],"consumerCount":1,'\
'"authorizationContext":["a:b"],"headerMapping":{"correlation-id":"{{header:correlation-id}}",'\
'"content-type":"{{header:content-type}}","reply-to":"{{header:reply-to}}"},"replyTarget":{'\
'"address":"{{header:reply-to}}","headerMapping":{"correlation-id":"{{header:correlation-id}}",'\
'"content-type":"{{header:content-type}}"},"expectedResponseTypes":["response","error"],"enabled":true}}],'\
'"targets":[{"address":"t","topics":[],"authorizationContext":["a:b"],"headerMapping":{}}],"clientCount":1,'\
'"failoverEnabled":true,"validateCertificates":true,"processorPoolSize":1,"tags":[]}'
}

@test "validate: what is allowed, but hardly meant" {
    connection c '{"credentials": {"type": "plain", "username": "u", "password": "s3cr3t"}}' >"$WORK/plain.json"
    run --separate-stderr conn-ctl validate "$WORK/plain.json"
    assert_success
    assert_output ''
    assert_stderr "conn-ctl: warning: the credentials of '$WORK/plain.json' are not used: theirs is a type for SSH tunnels"
    connection c '{"sources": [{"addresses": ["q"], "authorizationContext": ["{{ thing:id }}"],
        "acknowledgementRequests": {"includes": ["a:b"]}}]}' >"$WORK/subject.json"
    run --separate-stderr conn-ctl validate "$WORK/subject.json"
    assert_success
    assert_stderr "conn-ctl: warning: source 0 of '$WORK/subject.json' cannot be authorized: The placeholder\
 'thing:id' could not be resolved."
    connection c '{"connectionType": "mqtt", "uri": "tcp://h:1", "specificConfig": {"keepAlive": "soon"},
        "targets": [{"address": "t", "qos": 0, "authorizationContext": ["a:b"]}]}' >"$WORK/mqtt.json"
    run --separate-stderr conn-ctl validate "$WORK/mqtt.json"
    assert_success
    assert_stderr "conn-ctl: warning: 'keepAlive' of '$WORK/mqtt.json' is no duration: the default counts"
}

@test "validate: hosts that the operator blocks" {
    connection c '{"uri": "amqp://127.0.0.1:5672"}' >"$WORK/c.json"
    run --separate-stderr conn-ctl validate "$WORK/c.json"
    assert_success
    export CONNECTIVITY_CONNECTION_BLOCKED_HOSTNAMES=192.0.2.1 # no name: a bare root has no resolver
    run --separate-stderr conn-ctl validate "$WORK/c.json"
    assert_status 1
    assert_equal "$(jq -r '"\(.status) \(.error) \(.message) \(.pointer)"' <<<"$output")" \
        "400 connectivity:connection.configuration.invalid The host '127.0.0.1' must not be connected to: its address is\
 a loopback address. /uri"
    assert_stderr ''
    export CONNECTIVITY_CONNECTION_ALLOWED_HOSTNAMES=127.0.0.1
    run --separate-stderr conn-ctl validate "$WORK/c.json"
    assert_success
    connection c '{"uri": "amqp://11.1.2.3:5672"}' >"$WORK/c.json"
    run --separate-stderr conn-ctl validate "$WORK/c.json"
    assert_success
    CONNECTIVITY_CONNECTION_BLOCKED_SUBNETS=11.1.0.0/16 run --separate-stderr conn-ctl validate "$WORK/c.json"
    assert_status 1
    CONNECTIVITY_CONNECTION_BLOCKED_HOST_REGEX='11\..*' run --separate-stderr conn-ctl validate "$WORK/c.json"
    assert_status 1
}

@test "validate -l: what Ditto stored long ago" {
    jq -nc '{id: "c", connectionType: "mqtt", connectionStatus: "open", uri: "tcp://h:1883", authorizationContext: ["a:b"],
        sources: [{addresses: ["x/#"], qos: 0, filters: ["x/{{ thing:id }}"]}]}' >"$WORK/old.json"
    run --separate-stderr conn-ctl -q validate "$WORK/old.json"
    assert_status 1
    run --separate-stderr conn-ctl -q validate -lp "$WORK/old.json"
    assert_success
    assert_equal "$(jq -c '.sources[0] | [.authorizationContext, .enforcement]' <<<"$output")" \
        '[["a:b"],{"input":"{{ source:address }}","filters":["x/{{ thing:id }}"]}]'
    assert_stderr ''
}

# Every place of a document that can hold a secret, filled with a canary; valid for HTTP.
canaries() { # CREDENTIALS
    jq -nc --argjson credentials "$1" '{id: "bird", connectionType: "http-push", connectionStatus: "closed",
        uri: "https://user:canary-uri@h:1", credentials: $credentials,
        specificConfig: {"transport.keyStorePassword": "canary-option", "jms.password": "canary-option"},
        sshTunnel: {enabled: false, validateHost: false, uri: "ssh://u:canary-ssh@h:22",
            credentials: {type: "plain", username: "u", password: "canary-tunnel", future: "canary-future"}},
        targets: [{address: "POST:/", authorizationContext: ["a:b"], headerMapping: {
            Authorization: "Bearer canary-header", "x-api-key": "canary-{{ header:x }}", cookie: "canary-cookie"}}]}'
}

CREDENTIALS=(
    '{"type":"oauth-client-credentials","tokenEndpoint":"https://u:canary@h/t","clientId":"c","clientSecret":"canary","requestedScopes":"s"}'
    '{"type":"oauth-password","tokenEndpoint":"https://canary@h/t","clientId":"c","requestedScopes":"s","username":"u","password":"canary","clientSecret":"canary"}'
    '{"type":"client-cert","key":"canary"}'
    '{"type":"plain","username":"u","password":"canary"}'
    '{"type":"public-key","username":"u","publicKey":"p","privateKey":"canary"}'
)

@test "no secret is ever printed: offline" {
    local credentials
    for credentials in "${CREDENTIALS[@]}"; do
        canaries "$credentials" >"$WORK/c.json"
        run conn-ctl -v validate -p "$WORK/c.json" "$WORK/c.json"
        assert_success
        refute_output --partial canary
        assert_output --partial '"*****"'
        jq '.uri = "https://user:canary-uri@h" | .credentials.type = "x" | .targets[0].topics = ["x"]' \
            "$WORK/c.json" >"$WORK/bad.json"
        run conn-ctl -v validate "$WORK/bad.json"
        assert_status 1
        refute_output --partial canary
        jq 'walk(if type == "string" then gsub("canary"; "other") else . end)' "$WORK/c.json" >"$WORK/other.json"
        run conn-ctl diff "$WORK/c.json" "$WORK/other.json"
        assert_status 1
        refute_output --partial canary
        refute_output --partial other-
        assert_output --partial '/uri: "https://user:*****@h:1" → "https://user:*****@h:1"'
        assert_output --partial '/targets/0/headerMapping/Authorization: "*****" → "*****"'
    done
}

@test "diff: defaults count, secrets do not show, what is masked is equal" {
    connection c >"$WORK/a.json"
    connection c '{"clientCount": 1, "targets": [{"address": "t", "topics": [], "authorizationContext": ["a:b"]}]}' >"$WORK/b.json"
    run --separate-stderr conn-ctl diff "$WORK/a.json" "$WORK/b.json"
    assert_success
    assert_output ''
    assert_stderr ''
    connection c '{"name": "n", "clientCount": 2, "uri": "amqp://user:other@127.0.0.1:5672", "tags": ["x"],
        "specificConfig": {"a/b~c": "d"},
        "targets": [{"address": "u", "authorizationContext": ["a:b"]}, {"address": "v", "authorizationContext": ["a:b"]}]}' \
        >"$WORK/b.json"
    run --separate-stderr conn-ctl diff "$WORK/a.json" - <"$WORK/b.json"
    assert_status 1
    assert_stderr ''
    assert_output '/uri: "amqp://user:*****@127.0.0.1:5672" → "amqp://user:*****@127.0.0.1:5672"
/targets/0/address: "t" → "u"
/targets/1: absent → {"address":"v","topics":[],"authorizationContext":["a:b"],"headerMapping":{}}
/clientCount: 1 → 2
/tags/0: absent → "x"
/name: absent → "n"
/specificConfig: absent → {"a/b~c":"d"}'
    connection c '{"uri": "amqp://user:*****@127.0.0.1:5672"}' >"$WORK/masked.json"
    run --separate-stderr conn-ctl diff "$WORK/a.json" "$WORK/masked.json"
    assert_success
    assert_output ''
    run --separate-stderr conn-ctl diff "$WORK/a.json" <(echo '{"id":1}')
    assert_status 1
    assert_equal "$(jq -r .pointer <<<"$output" | head -n 1)" /connectionType
    run --separate-stderr conn-ctl diff "$WORK/a.json" "$WORK/none.json"
    assert_status 111
    assert_stderr "conn-ctl: error: cannot read '$WORK/none.json': No such file or directory"
}

@test "output that cannot be written is 111" {
    run --separate-stderr bash -c 'echo "{}" | conn-ctl validate - >/dev/full'
    assert_status 111
    assert_stderr "conn-ctl: error: cannot write 'stdout': No space left on device"
}

@test "the examples are valid" {
    local file
    for file in "$ROOT"/examples/connections/*.json; do
        run --separate-stderr conn-ctl validate "$file"
        assert_success
        assert_output ''
        assert_stderr ''
    done
}

# --- with a store ----------------------------------------------------------------------------------------------------

@test "a connection's life" {
    start_store
    connection one >"$WORK/one.json"
    connection two '{"connectionStatus": "open", "name": "n", "tags": ["x"]}' >"$WORK/two.json"

    run --separate-stderr conn-ctl list
    assert_success
    assert_output ''
    run --separate-stderr conn-ctl create "$WORK/one.json" "$WORK/two.json"
    assert_success
    assert_stderr ''
    assert_equal "$(jq -r '"\(.id) \(.connectionStatus) \(.uri) \(.clientCount)"' <<<"$output")" \
        'one closed amqp://user:*****@127.0.0.1:5672 1
two open amqp://user:*****@127.0.0.1:5672 1'

    run --separate-stderr conn-ctl create "$WORK/one.json"
    assert_status 1
    assert_equal "$(jq -r '"\(.status) \(.error)"' <<<"$output")" '409 connectivity:connection.conflict'
    assert_stderr ''

    run --separate-stderr conn-ctl list
    assert_output $'one\ntwo'
    run --separate-stderr conn-ctl list -l
    assert_success
    assert_output '{"id":"one","connectionType":"amqp-10","connectionStatus":"closed"}
{"id":"two","name":"n","connectionType":"amqp-10","connectionStatus":"open","tags":["x"]}'
    assert_stderr ''
    run --separate-stderr conn-ctl list -l -g x
    assert_equal "$(jq -r .id <<<"$output")" two

    run --separate-stderr conn-ctl open one
    assert_success
    assert_equal "$(jq -r '"\(.type) \(.status) \(.connectionId)"' <<<"$output")" \
        'connectivity.responses:openConnection 200 one'
    run --separate-stderr conn-ctl close one two
    assert_success
    assert_equal "$(jq -r '"\(.type) \(.connectionId)"' <<<"$output")" \
        'connectivity.responses:closeConnection one
connectivity.responses:closeConnection two'
    assert_equal "$(conn-ctl get one two | jq -r .connectionStatus)" $'closed\nclosed'

    run --separate-stderr conn-ctl delete one nope two
    assert_status 1
    assert_equal "$(jq -r '"\(.status) \(.type // .error)"' <<<"$output")" \
        '204 connectivity.responses:deleteConnection
404 connectivity:connection.notfound
204 connectivity.responses:deleteConnection'
    assert_stderr ''
    run --separate-stderr conn-ctl get one
    assert_status 1
    assert_equal "$(jq -r .error <<<"$output")" connectivity:connection.notfound
}

@test "secrets: masked, shown to the store's user, kept when they come back masked" {
    start_store
    run conn-ctl create - < <(connection one)
    assert_success
    refute_output --partial s3cr3t
    conn-ctl get one >"$WORK/got.json"
    assert_equal "$(jq -r .uri "$WORK/got.json")" 'amqp://user:*****@127.0.0.1:5672'
    jq '.name = "new"' "$WORK/got.json" >"$WORK/new.json"
    run --separate-stderr conn-ctl modify "$WORK/new.json"
    assert_success
    assert_equal "$(jq -r '"\(.type) \(.status)"' <<<"$output")" 'connectivity.responses:modifyConnection 204'
    run --separate-stderr conn-ctl get -s one
    assert_success
    assert_equal "$(jq -r '.uri, .name' <<<"$output")" $'amqp://user:s3cr3t@127.0.0.1:5672\nnew'
    assert_stderr ''

    run --separate-stderr conn-ctl create - < <(connection two '{"uri": "amqp://user:*****@h:1"}')
    assert_status 1
    assert_equal "$(jq -r '.error' <<<"$output")" connectivity:connection.configuration.invalid
    run --separate-stderr conn-ctl modify - < <(connection one '{"connectionType": "amqp-091"}')
    assert_status 1
    assert_equal "$(jq -r '.error' <<<"$output")" connectivity:connection.configuration.invalid
    refute_output --partial s3cr3t
}

@test "no secret is ever printed: with a store" {
    start_store
    local credentials
    start follow conn-ctl -v follow </dev/null
    for credentials in "${CREDENTIALS[@]}"; do
        canaries "$credentials" >"$WORK/c.json"
        conn-ctl -v create "$WORK/c.json" >>"$WORK/answers" 2>&1
        conn-ctl -v get bird >"$WORK/got.json" 2>>"$WORK/answers"
        assert_equal "$(jq -c '.uri, .targets[0].headerMapping.Authorization' "$WORK/got.json")" \
            $'"https://user:*****@h:1"\n"*****"'
        conn-ctl -v modify "$WORK/got.json" >>"$WORK/answers" 2>&1
        run --separate-stderr conn-ctl diff bird "$WORK/c.json"
        assert_success
        conn-ctl -v apply -n "$WORK/c.json" >>"$WORK/answers" 2>&1
        conn-ctl list -l >>"$WORK/answers"
        conn-ctl delete bird >>"$WORK/answers"
    done
    wait_for 10 eval 'grep -c connectionDeleted "$WORK/follow.out" | grep -qx 5'
    cat "$WORK/got.json" "$WORK/follow.out" "$WORK/follow.err" "$WORK/store.err" >>"$WORK/answers"
    run grep -c canary "$WORK/answers"
    assert_output 0
}

@test "documents that the store never sees, and those that it refuses" {
    start_store
    run --separate-stderr conn-ctl create - <<<'{"id":'
    assert_status 1
    assert_equal "$(jq -r '"\(.status) \(.error)"' <<<"$output")" '400 json.invalid'
    assert_stderr ''
    run --separate-stderr conn-ctl create - <<<'{"id":"x","connectionType":"amqp-10"}'
    assert_status 1
    assert_equal "$(jq -r '"\(.status) \(.error)"' <<<"$output")" '400 json.field.missing'
    run --separate-stderr conn-ctl create "$WORK/none.json"
    assert_status 111
    assert_stderr "conn-ctl: error: cannot read '$WORK/none.json': No such file or directory"
    run --separate-stderr conn-ctl get 'no id"'
    assert_status 1
    assert_equal "$(jq -r .error <<<"$output")" connectivity:connection.id.invalid
    assert_stderr ''
}

@test "status: without a supervisor it is unavailable, and not worth waiting for" {
    start_store
    connection one | conn-ctl create - >/dev/null
    run --separate-stderr conn-ctl status one
    assert_status 1
    assert_equal "$(jq -r '"\(.status) \(.error)"' <<<"$output")" '503 connectivity:connection.unavailable'
    run --separate-stderr conn-ctl status -w 1 one
    assert_status 99
    assert_equal "$(jq -r '"\(.status) \(.error)"' <<<"$output")" '503 connectivity:connection.unavailable'
    assert_stderr ''
    run --separate-stderr conn-ctl status -w 60 nope
    assert_status 1
    assert_equal "$(jq -r .error <<<"$output")" connectivity:connection.notfound
}

# A supervisor for one question: it follows, and says that connection one is open from its second answer on.
supervise_one() {
    local request id n=0
    coproc SUPERVISOR { exec conn-ctl raw 3>&-; }
    track "$SUPERVISOR_PID"
    echo '{"follow":{"role":"supervise"}}' >&"${SUPERVISOR[1]}"
    read -r -t 10 request <&"${SUPERVISOR[0]}" # the state of one
    read -r -t 10 request <&"${SUPERVISOR[0]}" # live
    : >"$WORK/supervising"
    while read -r -t 10 request <&"${SUPERVISOR[0]}" && [ $n -lt 2 ]; do
        id=$(jq -r .id <<<"$request")
        n=$((n + 1))
        jq -nc --arg id "$id" --arg live "$([ $n = 1 ] && echo closed || echo open)" '{id: $id, headers: {}, signal: {
            type: "connectivity.responses:retrieveConnectionStatus", status: 200, connectionId: "one",
            connectionStatus: "open", liveStatus: $live}}' >&"${SUPERVISOR[1]}"
        [ $n -lt 2 ] || break
    done
}

@test "status -w: until the live status is open" {
    start_store
    connection one | conn-ctl create - >/dev/null
    supervise_one >"$WORK/supervise.out" 2>"$WORK/supervise.err" 3>&- &
    track $!
    wait_for 10 test -e "$WORK/supervising"
    run --separate-stderr conn-ctl status -w 10 one
    assert_success
    assert_equal "$(jq -r '"\(.type) \(.connectionStatus) \(.liveStatus)"' <<<"$output")" \
        'connectivity.responses:retrieveConnectionStatus open open'
    assert_stderr ''
}

@test "follow: the state, then events; again from a position; until the store ends" {
    start_store
    connection one | conn-ctl create - >/dev/null
    start follow conn-ctl follow </dev/null
    wait_for 10 grep -q live "$WORK/follow.out"
    conn-ctl open one >/dev/null
    wait_for 10 grep -q connectionOpened "$WORK/follow.out"
    assert_equal "$(jq -r '.state.connection.id // .signal.type // "live"' "$WORK/follow.out")" \
        $'one\nlive\nconnectivity.events:connectionOpened'
    run grep -c s3cr3t "$WORK/follow.out"
    assert_output 0

    start again conn-ctl follow -s -f 0 </dev/null
    wait_for 10 grep -q live "$WORK/again.out"
    assert_equal "$(jq -r '.signal.type // "live"' "$WORK/again.out")" \
        $'connectivity.events:connectionCreated\nconnectivity.events:connectionOpened\nlive'
    run grep -c s3cr3t "$WORK/again.out"
    assert_output 1

    stop_store KILL
    wait_exit follow
    assert_equal "$status" 111
    assert_file "$WORK/follow.err" "conn-ctl: error: cannot reach store '$CONN_RUN/store.sock': it hung up"
}

@test "follow and raw end when nobody reads them" {
    start_store
    run --separate-stderr bash -c 'conn-ctl follow | head -n 1'
    assert_success
    assert_equal "$(jq -c 'keys' <<<"$output")" '["live"]'
    assert_stderr ''
}

@test "raw: any line, answered in order" {
    start_store
    run --separate-stderr conn-ctl raw <<'LINES'
{"id":"x1","headers":{"correlation-id":"a"},"signal":{"type":"connectivity.commands:retrieveAllConnectionIds"}}
{"id":"x2","headers":{"correlation-id":"b"},"signal":{"type":"connectivity.commands:retrieveConnection","connectionId":"nope"}}
LINES
    assert_success
    assert_equal "$(jq -r '"\(.id) \(.headers["correlation-id"]) \(.signal.status)"' <<<"$output")" $'x1 a 200\nx2 b 404'
    assert_stderr ''
    run --separate-stderr conn-ctl raw </dev/null
    assert_success
    assert_output ''
    assert_stderr ''
}

@test "raw: answers that do not come are 111" {
    start_store
    stop_store STOP
    echo '{"signal":{"type":"connectivity.commands:retrieveAllConnectionIds"}}' >"$WORK/in"
    start raw conn-ctl raw <"$WORK/in"
    wait_for 10 waits_in_poll "${PIDS[raw]}"
    stop_store KILL
    wait_exit raw
    assert_equal "$status" 111
    assert [ ! -s "$WORK/raw.out" ]
    assert_file "$WORK/raw.err" "conn-ctl: error: cannot reach store '$CONN_RUN/store.sock': it hung up"
}

@test "raw: many lines at once, more than fit into a socket" {
    start_store
    seq 5000 | jq -c '{id: "i\(.)", signal: {type: "connectivity.commands:retrieveAllConnectionIds"}}' >"$WORK/in"
    conn-ctl raw <"$WORK/in" >"$WORK/out"
    assert_equal "$(jq -r .id "$WORK/out" | cksum)" "$(jq -r .id "$WORK/in" | cksum)"
}

@test "a store that does not answer is 99, one that dies 111" {
    start_store
    stop_store STOP
    run --separate-stderr conn-ctl -t 1 list
    assert_status 99
    assert_output ''
    assert_stderr "conn-ctl: error: cannot reach store '$CONN_RUN/store.sock': no answer within 1 seconds"
    start waiting conn-ctl list </dev/null
    wait_for 10 waits_in_poll "${PIDS[waiting]}"
    stop_store KILL
    wait_exit waiting
    assert_equal "$status" 111
    assert [ ! -s "$WORK/waiting.out" ]
    assert_file "$WORK/waiting.err" "conn-ctl: error: cannot reach store '$CONN_RUN/store.sock': it hung up"
}

waits_in_poll() { # PID: it is connected and has written its request
    [ -n "$(ls -l "/proc/$1/fd" 2>/dev/null | grep socket)" ] && grep -q '^State:.*S' "/proc/$1/status"
}

# --- apply -----------------------------------------------------------------------------------------------------------

steps() { # of the output: action, id, pointers, status or error
    jq -r '[.action, .connectionId, (.changed // [] | join(",")), (.status // .error.error // "-")] | join(" ")' <<<"$output"
}

@test "apply: creates what is new, modifies what differs, deletes only when asked to" {
    start_store
    mkdir "$WORK/d"
    connection b >"$WORK/d/b.json"
    { connection a && connection c '{"name": "x"}'; } >"$WORK/d/a.json"
    echo nonsense >"$WORK/d/readme"
    connection other | conn-ctl create - >/dev/null

    run --separate-stderr conn-ctl apply -n "$WORK/d"
    assert_success
    assert_stderr ''
    assert_equal "$(steps)" $'create a  -\ncreate b  -\ncreate c  -'
    assert_equal "$(conn-ctl list)" other
    run --separate-stderr conn-ctl apply "$WORK/d"
    assert_success
    assert_stderr ''
    assert_equal "$(steps)" $'create a  201\ncreate b  201\ncreate c  201'

    run --separate-stderr conn-ctl apply "$WORK/d"
    assert_success
    assert_output ''
    assert_stderr ''
    connection b '{"uri": "amqp://user:n3w@127.0.0.1:5672", "clientCount": 2}' >"$WORK/d/b.json"
    run --separate-stderr conn-ctl apply -n "$WORK/d"
    assert_equal "$(steps)" 'modify b /uri,/clientCount -'
    run --separate-stderr conn-ctl apply "$WORK/d"
    assert_success
    assert_equal "$(steps)" 'modify b /uri,/clientCount 204'
    refute_output --partial n3w
    assert_equal "$(conn-ctl get -s b | jq -r .uri)" amqp://user:n3w@127.0.0.1:5672
    run --separate-stderr conn-ctl diff b "$WORK/d/b.json"
    assert_success

    conn-ctl get a b c | jq -c 'if .id == "a" then .name = "y" else . end' >"$WORK/masked"
    run --separate-stderr conn-ctl apply - <"$WORK/masked"
    assert_success
    assert_equal "$(steps)" 'modify a /name 204'
    assert_equal "$(conn-ctl get -s a | jq -r .uri)" amqp://user:s3cr3t@127.0.0.1:5672

    run --separate-stderr conn-ctl apply -n --prune "$WORK/d/b.json"
    assert_equal "$(steps)" $'delete a  -\ndelete c  -\ndelete other  -'
    run --separate-stderr conn-ctl apply --prune "$WORK/d/b.json"
    assert_success
    assert_equal "$(steps)" $'delete a  204\ndelete c  204\ndelete other  204'
    assert_equal "$(conn-ctl list)" b
}

@test "apply: nothing is done if a document is bad, nothing deleted if a step was refused" {
    start_store
    connection a >"$WORK/a.json"
    connection b '{"uri": "amqp://h"}' >"$WORK/b.json"
    run --separate-stderr conn-ctl apply "$WORK/a.json" "$WORK/b.json"
    assert_status 1
    assert_equal "$(jq -r '"\(.error) \(.pointer)"' <<<"$output")" 'connectivity:connection.uri.invalid /uri'
    assert_stderr "conn-ctl: error: cannot apply '$WORK/b.json': it is no valid connection"
    run --separate-stderr conn-ctl apply "$WORK/a.json" - < <(connection x && connection a)
    assert_status 1
    assert_output ''
    assert_stderr --regexp "^conn-ctl: error: cannot apply '[^']*': connection 'a' stands in '[^']*', too$"
    assert_equal "$(conn-ctl list)" ''

    conn-ctl create "$WORK/a.json" >/dev/null
    connection b | conn-ctl create - >/dev/null
    connection a '{"connectionType": "amqp-091", "targets": [{"address": "e/k", "authorizationContext": ["a:b"]}]}' >"$WORK/a.json"
    # what the store would refuse is told before
    run --separate-stderr conn-ctl apply -n --prune "$WORK/a.json"
    assert_status 1
    assert_equal "$(steps)" 'modify a /connectionType,/targets/0/address connectivity:connection.configuration.invalid'
    assert_stderr ''
    run --separate-stderr conn-ctl apply -n - < <(connection new '{"uri": "amqp://u:*****@h:1"}')
    assert_status 1
    assert_equal "$(steps)" 'create new  connectivity:connection.configuration.invalid'
    run --separate-stderr conn-ctl apply --prune "$WORK/a.json"
    assert_status 1
    assert_equal "$(steps)" 'modify a /connectionType,/targets/0/address connectivity:connection.configuration.invalid'
    assert_stderr ''
    assert_equal "$(conn-ctl list)" $'a\nb'
    run --separate-stderr conn-ctl apply "$WORK/none"
    assert_status 111
}

# --- completion ------------------------------------------------------------------------------------------------------

complete_words() { # WORD...: what bash would offer for the last one
    bash -c 'source "$1" && shift && COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE=${LINE:-$*} && COMP_POINT=${#COMP_LINE} && _conn_ctl && printf "%s\n" "${COMPREPLY[@]}"' \
        - "$ROOT/completion/conn-ctl.bash" "$@" 2>&1
}

@test "completion: verbs, options, files, ids" {
    start_store
    { connection one && connection two:x && connection two:y; } | conn-ctl apply - >/dev/null
    assert_equal "$(complete_words conn-ctl st)" status
    assert_equal "$(complete_words conn-ctl -t 3 dif)" diff
    assert_equal "$(complete_words conn-ctl get '' | sort)" $'one\ntwo:x\ntwo:y'
    # readline takes a word apart at ':', and replaces what stands behind it
    assert_equal "$(LINE='conn-ctl get two:' complete_words conn-ctl get two : | sort)" $'x\ny'
    assert_equal "$(LINE='conn-ctl get one two:x' complete_words conn-ctl get one two : x)" x
    assert_equal "$(LINE='conn-ctl -t 3 get two:z' complete_words conn-ctl -t 3 get two : z)" ''
    assert_equal "$(complete_words conn-ctl close o)" one
    assert_equal "$(complete_words conn-ctl apply --p)" --prune
    assert_equal "$(complete_words conn-ctl get -r '')" ''
    cd "$WORK" && touch here.json
    assert_equal "$(complete_words conn-ctl validate here)" here.json
    assert_equal "$(complete_words conn-ctl diff o)" one
    # every verb is known to both shells
    local verb
    for verb in $(conn-ctl -h | sed -nE 's/^  ([a-z]+) .*/\1/p'); do
        assert_equal "$(complete_words conn-ctl "$verb")" "$verb"
        run grep -qE "^ +'$verb:" "$ROOT/completion/_conn-ctl"
        assert_success
    done
    command -v zsh >/dev/null || return 0
    run zsh -n "$ROOT/completion/_conn-ctl"
    assert_success
}

@test "the examples of the page do what they say" {
    start_store
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh /{/^\.Bd/,/^\.Ed/{/^\./d;p}}' "$ROOT/man/conn-ctl.1" | sed 's/\\e/\\/g' >"$WORK/examples.sh"
    cd "$ROOT"
    run --separate-stderr bash -euo pipefail "$WORK/examples.sh"
    assert_success
    assert_stderr ''
    assert_equal "$(sed 's|^/.*|"&"|' <<<"$output" | jq -c 'if type == "object" then .id // .action // .status else . end')" '"amqp-telemetry"
"mqtt-live"
"amqp-telemetry"
"mqtt-live"
200
204
"/targets/0/qos: 1 → 0"
"/outbox/messages/temperature"
"modify"
"modify"
"modify"
"modify"
["amqp-telemetry","mqtt-live"]
204
204'
    assert_equal "$(conn-ctl list)" ''
}
