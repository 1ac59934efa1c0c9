#!/usr/bin/env bats
# conn-journal.bats: the log looked after: history, compaction, keys, damage and repair, copies.
load helper/common

document() { # ID [NAME]
    jq -cn --arg id "$1" --arg name "${2:-first}" '{id: $id, name: $name, connectionType: "mqtt-5",
        connectionStatus: "closed", uri: "tcp://user:geheim@localhost:1883", sources: [], targets: [{address: "out",
        qos: 1, topics: ["_/_/things/live/messages"], authorizationContext: ["a:b"]}]}'
}
signal() { # NAME MEMBERS [HEADERS]
    echo '{"headers":{'"${3-}"'},"signal":{"type":"connectivity.commands:'"$1"'",'"$2"'}}'
}
on() { # NAME ID [HEADERS]
    signal "$1" '"connectionId":"'"$2"'"' "${3-}"
}
create() { signal createConnection '"connection":'"$(document "$@")"; }
modify() { signal modifyConnection '"connection":'"$(document "$@")"; }

fill() { # LINE… through a store of its own
    conn-store -1 "${STORE_OPTIONS[@]}" < <(printf '%s\n' "$@") >"$WORK/answers"
}
journal() {
    run --separate-stderr conn-journal "$@"
}
assert_lines() { # FILTER EXPECTED
    [ "$(jq -sc "$1" <<<"$output")" = "$2" ] ||
        fail "expected: $2"$'\n'"got:      $(jq -sc "$1" <<<"$output")"$'\n'"from:     $output"
}
fine() {
    assert_status 0
    assert_stderr ''
}
some() {
    STORE_OPTIONS=()
    fill "$(create a one)" "$(create b)" "$(on openConnection a)" "$(modify a two)" "$(on closeConnection b)" \
        "$(create c)" "$(on deleteConnection c)"
}
setup() {
    common_setup
    umask 077 # files of keys
    STORE_OPTIONS=()
}

# --- reading -----------------------------------------------------------------------------------------------------

@test "list and show, now and then, secrets masked" {
    some
    journal list
    fine
    assert_lines '[.[]|[.id,.status,.revision,.oldest]]' '[["a","closed",3,1],["b","closed",2,1],["c","deleted",2,1]]'
    journal show a
    fine
    assert_lines '.[0]|[.name,.uri,.connectionStatus]' '["two","tcp://user:*****@localhost:1883","closed"]'
    journal show -r 2 a
    fine
    assert_lines '.[0]|[.name,.connectionStatus]' '["one","open"]'
    journal -s show a
    assert_lines '.[0].uri' '"tcp://user:geheim@localhost:1883"'
    journal show -t "$(date -u -d tomorrow +%FT%TZ)" a
    assert_status 1
    journal show -r 9 a
    assert_status 1
    assert_lines '.[0]|[.status,.error]' '[404,"connectivity:connection.history.notfound"]'
    journal show c
    assert_status 1
    journal show -r 1 c
    fine
    journal show nobody
    assert_status 1
}

@test "wrong usage" {
    for arguments in '' nope 'show' 'list x' '-r 0 show a' '-t yesterday show a'; do
        # shellcheck disable=SC2086
        journal $arguments
        assert_status 100
        assert_output ''
    done
    journal verify
    assert_status 111
    journal -V
    assert_status 0
}

@test "a log that is in use is left alone" {
    some
    start_ready store conn-store -d 4 </dev/null
    for verb in list verify compact repair export; do
        journal "$verb"
        assert_status 111
        assert_stderr "conn-journal: error: cannot open '$CONN_DIR/events.gdbm': it is in use by another process"
    done
    cp "$CONN_DIR/events.gdbm" "$WORK/copy"
    journal -f "$WORK/copy" list
    fine
    assert_lines '[.[].id]' '["a","b","c"]'
    journal -f "$WORK/copy" verify
    fine
    journal -f "$WORK/copy" compact
    assert_status 100
}

# --- the past ----------------------------------------------------------------------------------------------------

@test "history through the store: revisions, times, what was cut off" {
    fill "$(create a one)"
    sleep_until_next_ms
    then=$(date -u +%FT%T.%3NZ)
    sleep_until_next_ms
    fill "$(on openConnection a)" "$(modify a two)"
    ask() { run --separate-stderr conn-store -1 < <(printf '%s\n' "$@"); }
    ask "$(on retrieveConnection a '"at-historical-revision":1')" "$(on retrieveConnection a '"at-historical-revision":"2"')" \
        "$(on retrieveConnection a '"at-historical-revision":3')" "$(on retrieveConnection a '"at-historical-revision":4')" \
        "$(on retrieveConnection a '"at-historical-timestamp":"'"$then"'"')" \
        "$(on retrieveConnection a '"at-historical-timestamp":"2001-01-01T00:00:00Z"')" \
        "$(on retrieveConnection a '"at-historical-timestamp":"2999-01-01T00:00:00Z"')" \
        "$(on retrieveConnection a '"at-historical-timestamp":"today"')" \
        "$(on retrieveConnection a '"at-historical-revision":[]')" "$(on retrieveConnection a '"at-historical-revision":0')"
    fine
    assert_lines '[.[].signal|.payload.error // [.connection.name,.connection.connectionStatus]]' '[["one","closed"],["one","open"],["two","closed"],"connectivity:connection.history.notfound",["one","closed"],"connectivity:connection.history.notfound","connectivity:connection.history.notfound","json.invalid","json.invalid","connectivity:connection.history.notfound"]'
    assert_lines '.[0].headers' '{"entity-revision":1,"etag":"\"rev:1\"","historical-headers":{}}'
    journal compact -a 0
    fine
    assert_lines '.[0]' '{"position":3,"cut":3,"bases":1,"dropped":2}'
    ask "$(on retrieveConnection a '"at-historical-revision":2')" "$(on retrieveConnection a '"at-historical-revision":3')" "$(on retrieveConnection a)"
    fine
    assert_lines '[.[].signal|.payload.error // .connection.name]' '["connectivity:connection.history.notfound","two","two"]'
}
sleep_until_next_ms() {
    local now
    now=$(date +%s%3N)
    while [ "$(date +%s%3N)" -le "$((now + 1))" ]; do :; done
}

@test "compaction leaves a base of each connection; a follower that is behind it gets the state" {
    some
    journal compact
    fine
    assert_lines '.[0]' '{"position":7,"cut":0,"bases":0,"dropped":0}'
    journal compact -a 0
    fine
    assert_lines '.[0]' '{"position":7,"cut":7,"bases":3,"dropped":4}'
    journal verify
    fine
    [ ! -e "$CONN_DIR/events.gdbm.bak" ]
    fill "$(on openConnection b)" "$(create c)"
    assert_equal "$(jq -c '.headers."entity-revision"' "$WORK/answers" | tr '\n' ' ')" '3 3 '
    run --separate-stderr conn-store -1 < <(echo '{"follow":{"from":3}}')
    assert_lines '[.[]|.state.position // .live]' '[4,8,9,{"position":9,"state":true}]'
    run --separate-stderr conn-store -1 < <(echo '{"follow":{"from":7}}')
    assert_lines '[.[]|.position // .live]' '[8,9,{"position":9}]'
    rm "$CONN_DIR/events.clean" "$CONN_DIR/events.snapshot"
    fill "$(on closeConnection b)"
    journal list
    assert_lines '[.[]|[.id,.status,.revision,.oldest]]' '[["a","closed",3,3],["b","closed",4,2],["c","closed",3,2]]'
    journal verify
    fine
}

@test "the running store cuts off what is old, beside its work" {
    some
    start_ready store conn-store -v -a 0 -d 4 </dev/null
    wait_for 10 grep -q 'cut off 4 records' "$WORK/store.err"
    run --separate-stderr store-client -k -n 1 < <(on openConnection a)
    assert_lines '.[0].signal.status' 200
    stop store
    journal verify
    fine
    assert_lines '.[0]|[.cut,.bases,.events]' '[7,3,1]'
}

# --- copies ------------------------------------------------------------------------------------------------------

@test "export and import make the same log" {
    some
    journal export
    fine
    conn-journal export >"$WORK/export"
    assert_lines '[.[]|.kind // "-"]' '["-","event","event","event","event","event","event","tombstone","-"]'
    CONN_DIR=$WORK/other journal import <"$WORK/export"
    fine
    CONN_DIR=$WORK/other conn-journal export >"$WORK/again"
    cmp "$WORK/export" "$WORK/again"
    CONN_DIR=$WORK/other journal import <"$WORK/export"
    assert_status 100
    assert_stderr "conn-journal: error: cannot take in 'stdin': '$WORK/other' holds a log already"
    conn-journal compact -a 0 >/dev/null
    conn-journal export >"$WORK/export"
    CONN_DIR=$WORK/third journal import <"$WORK/export"
    fine
    CONN_DIR=$WORK/third journal verify
    fine
    assert_lines '.[0].bases' 3
}

@test "an export that is not whole is no log" {
    some
    conn-journal export >"$WORK/export"
    head -n 5 "$WORK/export" | CONN_DIR=$WORK/x journal import
    CONN_DIR=$WORK/x run --separate-stderr conn-journal import < <(head -n 5 "$WORK/export")
    assert_status 100
    assert_stderr "conn-journal: error: cannot take in 'stdin': it ends after line 5, without its end"
    CONN_DIR=$WORK/x run --separate-stderr conn-journal import < <(sed 3d "$WORK/export")
    assert_status 100
    assert_stderr "conn-journal: error: cannot take in 'stdin': line 3 does not follow from those before it"
    CONN_DIR=$WORK/x run --separate-stderr conn-journal import <<<nonsense
    assert_status 100
    assert_stderr "conn-journal: error: cannot take in 'stdin': line 1 is not JSON"
    CONN_DIR=$WORK/x run --separate-stderr conn-journal import < <(cat "$WORK/export" "$WORK/export")
    assert_status 100
    assert_stderr "conn-journal: error: cannot take in 'stdin': line $(($(wc -l <"$WORK/export") + 1)) stands behind the end"
    CONN_DIR=$WORK/x run --separate-stderr conn-journal import <"$WORK/export"
    fine
}

@test "an export whose events tell nothing of a connection is refused" {
    local how
    some
    conn-journal export >"$WORK/export"
    for how in '.payload.connection = 5' '.payload.connection = []' 'del(.payload.connection)' '.payload.connectionId = "z"' \
        '.id = "../z"' '.payload.connection.id = "z"' '.payload.type = "x"' '.payload = {}' '.kind = "tombstone"' \
        '.payload.type = "connectivity.events:connectionOpened"' '.kind = "snapshot" | .payload = {connection: 5}'; do
        CONN_DIR=$WORK/x run --separate-stderr conn-journal import < <(jq -c "if .position == 1 and .kind then $how else . end" "$WORK/export")
        assert_status 100
        assert_stderr --regexp "^conn-journal: error: cannot take in 'stdin': line 2 (tells nothing of a connection|does not follow from those before it)\$"
    done
    CONN_DIR=$WORK/x run --separate-stderr conn-journal import <"$WORK/export"
    fine
}

@test "backup while the store runs and is written to" {
    start_ready store conn-store -d 4 </dev/null
    start load store-load drive "$CONN_RUN/store.sock" "$WORK/journal" t 4 60000
    has_events() { [ "$(stat -c %s "$CONN_DIR/events.gdbm")" -gt 300000 ]; }
    wait_for 20 has_events
    journal backup "$WORK/backup"
    fine
    end_processes 5 "${PIDS[load]}"
    CONN_DIR=$WORK/backup journal verify
    fine
    assert_lines '.[0]|[.problems,.clean,.position>100]' '[0,true,true]'
    run --separate-stderr env CONN_DIR="$WORK/backup" conn-store -1 < <(echo '{"follow":{"from":0}}')
    fine
    : >"$WORK/none"
    run store-load check "$WORK/none" <<<"$output"
    assert_status 0
    [ "$(stat -c %a "$WORK/backup")" = 700 ]
    journal backup "$WORK/backup"
    assert_status 100
    stop store
    journal backup "$WORK/b2"
    assert_status 111
    [ ! -e "$WORK/b2" ]
}

# --- keys --------------------------------------------------------------------------------------------------------

key() { head -c 32 /dev/urandom | base64 -w 0; }

absent() { # TEXT FILE…
    run grep -rlaF "$@"
    [ "$status" -eq 1 ] || fail "$1 is in: $output"
}

# A canary in every place that holds a secret.
canary_document() {
    jq -cn '{id: "amqp", name: "n", connectionType: "amqp-10", connectionStatus: "closed",
        uri: "amqp://user:CANARY@localhost:5672", specificConfig: {"transport.keyStorePassword": "CANARY"},
        sources: [{addresses: ["in"], authorizationContext: ["a:b"], headerMapping: {authorization: "CANARY"}}],
        targets: [{address: "out", topics: ["_/_/things/live/messages"], authorizationContext: ["a:b"],
            headerMapping: {"x-api-key": "CANARY"}}]}'
    jq -cn '{id: "http", name: "n", connectionType: "http-push", connectionStatus: "closed", uri: "http://localhost:80",
        credentials: {type: "oauth-client-credentials", tokenEndpoint: "https://u:CANARY@localhost/token", clientId: "c",
            clientSecret: "CANARY", requestedScopes: "s"}, sources: [], specificConfig: {},
        targets: [{address: "POST:/x", topics: ["_/_/things/live/messages"], authorizationContext: ["a:b"]}]}'
    jq -cn '{id: "ssh", name: "n", connectionType: "mqtt-5", connectionStatus: "closed", uri: "tcp://localhost:1883",
        sshTunnel: {enabled: true, uri: "ssh://localhost:22", validateHost: false, knownHosts: [],
            credentials: {type: "plain", username: "u", password: "CANARY"}}, sources: [],
        targets: [{address: "out", qos: 1, topics: ["_/_/things/live/messages"], authorizationContext: ["a:b"]}]}'
}

@test "a canary in every secret appears in no file, answer, log, dump, or listing" {
    key >"$WORK/keys"
    start_ready store conn-store -vv -K "$WORK/keys" -d 4 </dev/null
    canary_document | while read -r doc; do signal createConnection '"connection":'"$doc"; done >"$WORK/lines"
    assert_equal "$(wc -l <"$WORK/lines")" 3
    run --separate-stderr store-client -k -n 12 < <(cat "$WORK/lines"; on retrieveConnection amqp; on retrieveConnection http
        on retrieveConnection ssh; signal retrieveConnections '"idsOnly":false'; sed 's/createC/modifyC/' "$WORK/lines"
        echo '{"follow":{"from":2}}')
    assert_lines '[.[].signal.status]|map(select(.))[0:10]' '[201,201,201,200,200,200,200,204,204,204]'
    refute_output --partial CANARY
    kill -USR1 "${PIDS[store]}"
    absent CANARY "$WORK/store.err" "$WORK/store.out" "/proc/${PIDS[store]}/cmdline" "/proc/${PIDS[store]}/environ"
    conn-journal backup "$WORK/backup"
    stop store
    assert_equal "$status" 0
    absent CANARY "$CONN_DIR" "$WORK/backup"
    for verb in list verify export 'show amqp' 'show http' 'compact -a 0'; do
        # shellcheck disable=SC2086
        journal -v $verb
        assert_status 0
        refute_output --partial CANARY
        [[ $stderr != *CANARY* ]]
    done
    # but they are there
    journal -s -K "$WORK/keys" show amqp
    assert_equal "$(grep -o CANARY <<<"$output" | wc -l)" 4
    journal -s -K "$WORK/keys" show http
    assert_equal "$(grep -o CANARY <<<"$output" | wc -l)" 2
    journal -s -K "$WORK/keys" show ssh
    assert_equal "$(grep -o CANARY <<<"$output" | wc -l)" 1
}

all_sealed() { grep -q 'all secrets in the log are sealed' "$WORK/store.err"; }

@test "a key for a log that had none; then another key, with HUP, without a gap" {
    some
    grep -q geheim "$CONN_DIR/events.gdbm"
    echo "# keys"$'\n'"first $(key)" >"$WORK/keys"
    start_ready store conn-store -v -K "$WORK/keys" -d 4 </dev/null
    wait_for 10 all_sealed
    absent geheim "$CONN_DIR"
    cp "$WORK/keys" "$WORK/old"
    echo "second $(key)" | cat - "$WORK/old" >"$WORK/keys"
    : >"$WORK/store.err"
    kill -HUP "${PIDS[store]}"
    run --separate-stderr store-client -k -n 2 < <(modify a three; on retrieveConnection a)
    assert_lines '[.[].signal.status]' '[204,200]'
    wait_for 10 all_sealed
    # the old key is still needed by whoever takes it away too early
    head -n 1 "$WORK/keys" >"$WORK/new"
    stop store
    journal -s -K "$WORK/new" show -r 1 a
    fine
    assert_output --partial geheim
    journal -s -K "$WORK/old" show a
    assert_status 100
    assert_stderr --regexp "^conn-journal: error: cannot open '[^']*': record [0-9]+ is sealed with a key that is not among those given$"
}

@test "a wrong key, no key, a bad file of keys: an error that changes nothing" {
    key >"$WORK/keys" && key >"$WORK/wrong"
    # keys that others can read are none
    chmod 644 "$WORK/keys"
    run --separate-stderr conn-store -1 -K "$WORK/keys" <<<"$(create a)"
    assert_status 100
    assert_output ''
    assert_stderr "conn-store: error: cannot use '$WORK/keys': others may read it (mode 0644): chmod 600 it"
    chmod 600 "$WORK/keys"
    STORE_OPTIONS=(-K "$WORK/keys")
    fill "$(create a)" "$(on openConnection a)"
    md5sum "$CONN_DIR"/* >"$WORK/sums"
    for options in "-K $WORK/wrong" ''; do
        # shellcheck disable=SC2086
        run --separate-stderr conn-store -1 $options < <(on deleteConnection a)
        assert_status 100
        assert_output ''
        assert_stderr --regexp "^conn-store: error: cannot open '$CONN_DIR/events.gdbm': record 2 is sealed with a key that is not (among those )?given$"
        md5sum -c --quiet "$WORK/sums"
    done
    echo 'short c2hvcnQ=' >"$WORK/bad"
    run --separate-stderr conn-store -1 -K "$WORK/bad" </dev/null
    assert_status 100
    assert_stderr "conn-store: error: cannot use '$WORK/bad': line 1 is not base64 of a key of 32 bytes"
    run --separate-stderr conn-store -1 -K "$WORK/none" </dev/null
    assert_status 100
    md5sum -c --quiet "$WORK/sums"
    # HUP with a key missing
    start_ready store conn-store -K "$WORK/keys" -d 4 </dev/null
    cp "$WORK/keys" "$WORK/right"
    cp "$WORK/wrong" "$WORK/keys"
    kill -HUP "${PIDS[store]}"
    wait_for 10 grep -q 'lacks a key that the log is still sealed with: the keys stay' "$WORK/store.err"
    run --separate-stderr store-client -k -n 1 < <(on closeConnection a)
    assert_lines '.[0].signal.status' 200
    stop store
    run --separate-stderr conn-store -1 -K "$WORK/right" < <(on retrieveConnection a)
    fine
    # plain again
    echo plain | cat - "$WORK/right" >"$WORK/plain"
    journal compact -K "$WORK/plain"
    fine
    run --separate-stderr conn-store -1 < <(on retrieveConnection a)
    fine
}

@test "a secret that looks sealed is refused without a key" {
    seal=encrypted_$(head -c 40 /dev/zero | base64 -w 0)
    fill "$(create a | sed "s|geheim|$seal|")"
    assert_equal "$(jq -r .signal.payload.error "$WORK/answers")" connectivity:connection.configuration.invalid
}

# --- damage ------------------------------------------------------------------------------------------------------

offset_of() { # NTH record in the file
    grep -abo DEv1 "$CONN_DIR/events.gdbm" | sort -n -t : -k 1 | sed -n "$1p" | cut -d : -f 1
}
flip() { # OFFSET
    local byte
    byte=$(od -An -tu1 -j "$1" -N 1 "$CONN_DIR/events.gdbm")
    # shellcheck disable=SC2059
    printf "\\x$(printf %x $((byte ^ 1)))" | dd of="$CONN_DIR/events.gdbm" bs=1 seek="$1" conv=notrunc status=none
}
# The store says what is wrong and does not start; verify names it; repair makes it start.
refuses() { # REASON
    run --separate-stderr conn-store -1 </dev/null
    assert_status 100
    assert_output ''
    assert_stderr --regexp "^conn-store: error: cannot open '$CONN_DIR/events.gdbm': $1$"
}

@test "a flipped byte: named, and what it cost is named by the repair" {
    some
    at=$(offset_of 4)
    flip $((at + 60))
    refuses "record 4 of 7 is damaged \(at byte $at\)"
    cp "$CONN_DIR/events.gdbm" "$WORK/damaged"
    journal verify
    assert_status 1
    assert_stderr ''
    assert_lines '.[:-1]' '[{"problem":"damaged","position":4,"offset":'"$at"'}]'
    journal repair
    fine
    assert_lines '[.[].problem]' '["damaged",null]'
    cmp "$WORK/damaged" "$CONN_DIR/events.gdbm.bak"
    journal verify
    fine
    run --separate-stderr conn-store -1 < <(on retrieveConnection a; on openConnection b; on retrieveConnection b)
    # what the lost event did, the snapshot knows
    assert_status 0
    assert_lines '[.[].signal|.connection.name // .status]' '["two",200,"first"]'
    journal verify
    fine
}

@test "a lost revision between others of the same connection" {
    STORE_OPTIONS=()
    fill "$(create a one)" "$(create b)" "$(modify a two)" "$(modify a three)" "$(on openConnection a)"
    flip $(($(offset_of 3) + 60))
    journal verify
    assert_status 1
    assert_lines '.[1]' '{"problem":"revision","connection":"a","from":2,"to":2}'
    journal repair
    fine
    run --separate-stderr conn-store -1 < <(on retrieveConnection a; on closeConnection a)
    assert_status 0
    assert_lines '[.[]|[.headers."entity-revision",.signal.connection.name]]' '[[4,"three"],[5,null]]'
}

@test "a truncated file" {
    some
    truncate -s $(($(offset_of 6) + 10)) "$CONN_DIR/events.gdbm"
    refuses 'record 6 of 7 is (damaged \(at byte [0-9]+\)|missing)'
    journal verify
    assert_status 1
    journal repair
    fine
    run --separate-stderr conn-store -1 < <(on retrieveConnection a; create c)
    assert_status 0
    assert_lines '[.[].signal.status]' '[200,201]'
}

@test "damage in a compacted log" {
    some
    conn-journal compact -a 0 >/dev/null
    fill "$(on openConnection a)"
    at=$(grep -abo '"seal"' "$CONN_DIR/events.gdbm" | head -n 1 | cut -d : -f 1)
    flip $((at + 3))
    refuses 'the snapshot at [0-9]+ is damaged \(at byte [0-9]+\)'
    journal verify
    assert_status 1
    assert_lines '[.[].problem][0:2]' '["damaged","bases"]'
    journal repair
    assert_status 0
    journal verify
    fine
    conn-store -1 </dev/null
}

@test "a foreign file" {
    echo hello >"$CONN_DIR/events.gdbm"
    journal verify
    assert_status 100
    assert_stderr "conn-journal: error: cannot read '$CONN_DIR/events.gdbm': it is no event file"
    run --separate-stderr conn-store -1 </dev/null
    assert_status 100
    assert_file "$CONN_DIR/events.gdbm" hello
}

@test "the examples of the page" {
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh/{/^\.Bd/,/^\.Ed/{/^\./!p}}' "$ROOT/man/conn-journal.1" | sed 's/\\e/\\/g' >"$WORK/example"
    some
    start_ready store conn-store -d 4 </dev/null
    cd "$WORK"
    export STORE_PID=${PIDS[store]}
    run --separate-stderr bash -euo pipefail "$WORK/example"
    assert_status 0
}
