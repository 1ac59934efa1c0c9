#!/usr/bin/env bats
# conn-ctl, secrets: a canary in every place of a connection that can hold one, looked for everywhere.
# shellcheck disable=SC2016 # jq programs
load helper/common
load helper/mosquitto
load helper/house

# Where a canary may stand, as jq assignments to a document of HTTP; a number of its own each, so that a leak names its place.
PLACES=(
    '.uri = "https://user:%%@h:1"'
    '.uri = "https://%%@h:1"'
    '.credentials = {type: "oauth-client-credentials", tokenEndpoint: "https://u:%%@h/t", clientId: "c", clientSecret: "x", requestedScopes: "s"}'
    '.credentials = {type: "oauth-client-credentials", tokenEndpoint: "https://h/t?a=1&access_token=%%", clientId: "c", clientSecret: "x", requestedScopes: "s"}'
    '.credentials = {type: "oauth-client-credentials", tokenEndpoint: "https://h/t", clientId: "c", clientSecret: "%%", requestedScopes: "s"}'
    '.credentials = {type: "oauth-password", tokenEndpoint: "https://h/t", clientId: "c", username: "u", password: "%%", requestedScopes: "s"}'
    '.credentials = {type: "hmac", algorithm: "az-monitor-2016-04-01", parameters: {workspaceId: "w", sharedKey: "%%"}} | .uri = "https://h:1"'
    '.credentials = {type: "hmac", algorithm: "aws4-hmac-sha256", parameters: {region: "r", service: "s", accessKey: "%%", secretKey: "x"}} | .uri = "https://h:1"'
    '.credentials = {type: "hmac", algorithm: "aws4-hmac-sha256", parameters: {region: "r", service: "s", accessKey: "x", secretKey: "%%"}} | .uri = "https://h:1"'
    '.credentials = {type: "client-cert", key: "%%"}'
    '.credentials = {type: "client-cert", future: {a: ["%%"]}}'
    '.sshTunnel.uri = "ssh://u:%%@h:22"'
    '.sshTunnel.credentials.password = "%%"'
    '.sshTunnel.credentials = {type: "public-key", username: "u", publicKey: "p", privateKey: "%%"}'
    '.specificConfig = {"transport.keyStorePassword": "%%"}'
    '.specificConfig = {url: "https://u:%%@h/"}'
    '.targets[0].address = "POST:/a?b=c&access_token=%%"'
    '.targets[0].address = "POST:/a?sig=%%&x={{ thing:id }}"'
    '.targets[0].address = "POST:/a?x=1&key=%%#f"'
    '.targets[0].address = "POST:/a?code=%%"'
    '.targets[0].headerMapping.Authorization = "Bearer %%"'
    '.targets[0].headerMapping.note = "Basic %%"'
    '.targets[0].headerMapping["x-api-key"] = "{{ header:k | fn:default(\u0027%%\u0027) }}"'
    '.targets[0].headerMapping.cookie = "a={{ header:k }}%%"'
    '.targets[0].headerMapping.link = "https://u:%%@h/"'
    '.mappingDefinitions = {m: {mappingEngine: "RawMessage", options: {apiKey: "%%"}}}'
    '.mappingDefinitions = {m: {mappingEngine: "RawMessage", options: {incomingMessageHeaders: {token: "%%"}}}}'
    '.mappingDefinitions = {m: {mappingEngine: "RawMessage", options: {a: [{secrets: {b: ["%%"]}}]}}}'
    '.mappingDefinitions = {m: {mappingEngine: "RawMessage", options: {a: "https://h/?sig=%%"}}}'
)

document() { # PLACE
    jq -nc '{id: "bird", connectionType: "http-push", connectionStatus: "closed", uri: "https://user:x@h:1",
        sshTunnel: {enabled: false, validateHost: false, uri: "ssh://h:22",
            credentials: {type: "plain", username: "u", password: "x"}},
        targets: [{address: "POST:/", authorizationContext: ["a:b"], topics: ["_/_/things/live/messages"]}]} | '"${1//%%/Y2FuYXJ5}"
}
CANARY=Y2FuYXJ5 # Base64 of "canary": good for keys, too

nowhere() { # FILE...
    run grep -rlaF "$CANARY" "$@"
    [ "$status" -eq 1 ] || fail "a canary is in: $output"
}

@test "a canary in any place is in no answer, no log, no file and no dump; sent back masked it is kept" {
    local place keep=()
    (umask 077 && head -c 32 /dev/urandom | base64 >"$WORK/keys")
    start_ready store conn-store -vv -K "$WORK/keys" -d 4 </dev/null
    start follow conn-ctl -v follow </dev/null
    for place in "${PLACES[@]}"; do
        document "$place" >"$WORK/c.json"
        grep -qF "$CANARY" "$WORK/c.json"
        run conn-ctl -v validate -p "$WORK/c.json"
        [ "$status" -eq 0 ] || [[ $place == *public-key* ]] || fail "$place: $output"
        echo "$output" >>"$WORK/said"
        [ "$status" -eq 0 ] || continue
        conn-ctl -v create "$WORK/c.json" >>"$WORK/said" 2>&1
        conn-ctl -v get bird >"$WORK/got" 2>>"$WORK/said"
        grep -qF '*****' "$WORK/got" || fail "not masked: $place"
        jq '.name = "n"' "$WORK/got" >"$WORK/changed"
        conn-ctl -v modify "$WORK/changed" >>"$WORK/said" 2>&1 || fail "not kept: $place: $(tail -n 1 "$WORK/said")"
        run conn-ctl get -s bird
        [[ $output == *$CANARY* ]] || fail "lost: $place"
        run --separate-stderr conn-ctl diff bird "$WORK/c.json"
        assert_output '/name: "n" → absent'
        jq 'walk(if type == "string" then gsub("'$CANARY'"; "b3RoZXI") else . end)' "$WORK/c.json" >"$WORK/other.json"
        conn-ctl diff bird "$WORK/other.json" >>"$WORK/said" 2>&1 && fail "no difference: $place"
        conn-ctl -v apply -n "$WORK/c.json" >>"$WORK/said" 2>&1
        conn-ctl list -l >>"$WORK/said"
        conn-ctl delete bird >>"$WORK/said"
    done
    kill -USR1 "${PIDS[store]}"
    conn-journal backup "$WORK/backup" >>"$WORK/said" 2>&1
    nowhere "/proc/${PIDS[store]}/cmdline" "/proc/${PIDS[store]}/environ"
    stop store
    for verb in list verify export 'show bird'; do
        # shellcheck disable=SC2086 # words
        conn-journal -v $verb >>"$WORK/said" 2>&1 || :
    done
    nowhere "$WORK/said" "$WORK/got" "$WORK/follow.out" "$WORK/follow.err" "$WORK/store.out" "$WORK/store.err" "$WORK/backup" "$CONN_DIR"
}

# Faults that make a document bad, each beside a canary in any place.
FAULTS=(
    '.uri |= sub(":1$"; "")'
    '.uri |= sub("^https"; "ftp")'
    '.uri |= sub(":1$"; ":1?sig=%%")'
    '.uri |= sub("//"; "")'
    '.connectionStatus = "%%"'
    '.credentials.type = "%%"'
    '.credentials |= with_entries(.value |= {a: .})'
    '.credentials.algorithm = "%%"'
    '.credentials.tokenEndpoint = "%%"'
    '.sshTunnel.uri |= sub("^ssh"; "tcp")'
    '.sshTunnel.credentials.type = "%%"'
    '.targets[0].topics = ["%%"]'
    '.targets[0].address |= sub("^POST"; "FETCH")'
    '.targets[0].address += "{{ y:x }}"'
    '.targets[0].payloadMapping = ["m", "x"]'
    '.targets[0].headerMapping |= (. // {} | .authorization = "{{ %%:x }}" | .token = "{{ header:x | fn:%%() }}" | .secret = "{{ %%" | .pwd = "{{ %% }}")'
    '.mappingDefinitions.m = 3'
    '.targets = [range(6) as $i | .targets[0]]'
    '.'
)

@test "a canary in a bad document is in no error" {
    local place fault n=0
    start_ready store conn-store -vv -d 4 </dev/null
    for fault in "${FAULTS[@]}"; do
        for place in "${PLACES[@]}"; do
            document "$place" | jq -c "${fault//%%/$CANARY}" 2>/dev/null || jq -nc '{}'
        done
    done >"$WORK/bad"
    # names of types and states are no secrets, but echoes of a canary would hide a leak
    sed "s/\"connectionStatus\":\"$CANARY\"/\"connectionStatus\":\"x\"/; s/\"topics\":\[\"$CANARY\"\]/\"topics\":[\"x\"]/" "$WORK/bad" >"$WORK/bad2"
    while read -r line; do
        printf '%s' "$line" >"$WORK/d.json"
        n=$((n + 1))
        conn-ctl -v validate "$WORK/d.json" >>"$WORK/said" 2>&1 || :
    done < <(awk 'NR % '"${CONN_LONG:+1 + 0 * }"'5 == 1' "$WORK/bad2")
    jq -c '{signal: {type: "connectivity.commands:createConnection", connection: .}}' "$WORK/bad2" >"$WORK/lines"
    jq -c '{signal: {type: "connectivity.commands:testConnection", connection: .}}' "$WORK/bad2" >>"$WORK/lines"
    sed 's/}}$/}/' "$WORK/lines" >>"$WORK/lines.cut"
    cat "$WORK/lines.cut" >>"$WORK/lines"
    conn-ctl raw <"$WORK/lines" >"$WORK/answers"
    [ "$(grep -c errorResponse "$WORK/answers")" -gt 1000 ]
    conn-ctl -v apply -n "$WORK/bad2" >>"$WORK/said" 2>&1 || :
    ditto-map -n -i -c "$WORK/d.json" >>"$WORK/said" 2>&1 || :
    [ "$n" -gt 100 ]
    jq -c 'select(.signal.type == "connectivity.responses:errorResponse")' "$WORK/answers" >"$WORK/errors"
    nowhere "$WORK/errors" "$WORK/said" "$WORK/store.err"
}

@test "a canary is in no argument, environment or log of any process while a connection is open" {
    mosquitto_start
    house_start
    jq -nc --arg uri "tcp://bird:$CANARY@127.0.0.1:$MQTT_PORT" '{id: "bird", connectionType: "mqtt-5", connectionStatus: "open",
        uri: $uri, targets: [{address: "out?sig='$CANARY'", qos: 1, authorizationContext: ["a:b"],
        topics: ["_/_/things/live/messages"], payloadMapping: ["m"], headerMapping: {authorization: "Bearer '$CANARY'"}}],
        mappingDefinitions: {m: {mappingEngine: "RawMessage", options: {apiKey: "'$CANARY'"}}}}' >"$WORK/c"
    conn-ctl create "$WORK/c" >"$WORK/said"
    conn-ctl status -w 20 bird >>"$WORK/said"
    local pid files=()
    for pid in $(house_pids); do
        files+=("/proc/$pid/cmdline" "/proc/$pid/environ")
        kill -USR1 "$pid"
    done
    ps -ewwo args >>"$WORK/said"
    nowhere "${files[@]}"
    conn-ctl metrics bird >>"$WORK/said" || :
    conn-ctl logs bird >>"$WORK/said" || :
    conn-ctl map -k 0 bird <<<'{"topic":"a/b/things/live/messages/m","path":"/inbox/messages/m","headers":{},"value":1}' >>"$WORK/said"
    conn-ctl close bird >>"$WORK/said"
    nowhere "$WORK/said" "$WORK/store.err" "$WORK/hub.err" "$WORK/supervise.err"
}

@test "a masked secret is kept for the host that it was meant for, and for no other" {
    start_ready store conn-store -d 4 </dev/null
    conn-ctl create - < <(document '.uri = "https://user:%%@h:1" | .targets[0].headerMapping.authorization = "Bearer %%"') >"$WORK/made"
    run --separate-stderr conn-ctl modify - < <(jq '.uri |= sub("@h:1"; "@evil:1")' "$WORK/made")
    assert_status 1
    assert_stderr ''
    assert_equal "$(jq -c '[.status, .error, .message, .pointer]' <<<"$output")" \
        '[400,"connectivity:connection.configuration.invalid","The previous value was not meant for this server.","/uri"]'
    run --separate-stderr conn-ctl modify - < <(jq '.uri = "https://user:new@evil:1"' "$WORK/made")
    assert_status 1
    assert_equal "$(jq -c .pointer <<<"$output")" '"/targets/0/headerMapping/authorization"'
    run --separate-stderr conn-ctl modify - < <(jq '.uri |= sub("^https"; "http")' "$WORK/made")
    assert_status 1
    run --separate-stderr conn-ctl modify - < <(jq '.uri |= sub("@h:1"; "@h:2/path")' "$WORK/made")
    assert_success
    assert_equal "$(conn-ctl get -s bird | jq -r .uri)" "https://user:$CANARY@h:2/path"
}
