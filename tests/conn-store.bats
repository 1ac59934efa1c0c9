#!/usr/bin/env bats
# conn-store.bats: commands, errors, followers and limits, over stdin and over the socket.
load helper/common
load helper/store

# --- commands ----------------------------------------------------------------------------------------------------

@test "create, modify, open, close, retrieve, delete" {
    store "$(create c1 '{}' '"id":"x","headers":{"correlation-id":"k1","other":1}')" "$(modify c1 '{"name":"second"}')" \
        "$(on openConnection c1)" "$(on openConnection c1)" "$(on retrieveConnection c1)" "$(on closeConnection c1)" \
        "$(create b)" "$(signal retrieveAllConnectionIds '')" "$(on deleteConnection c1)" "$(signal retrieveAllConnectionIds '')"
    fine
    assert_lines "$codes" '[201,204,200,200,200,200,201,200,204,200]'
    assert_lines '[.[].headers."entity-revision"]' '[1,2,3,4,4,5,1,null,6,null]'
    assert_lines '.[0]|del(.signal.connection)' '{"id":"x","headers":{"correlation-id":"k1","entity-revision":1,"etag":"\"rev:1\""},"signal":{"type":"connectivity.responses:createConnection","status":201,"connectionId":"c1"}}'
    assert_lines '.[0].signal.connection|[.id,.name,.connectionStatus,.uri,.clientCount]' \
        '["c1","first","closed","tcp://user:*****@localhost:1883",1]'
    assert_lines '.[1]' '{"headers":{"entity-revision":2,"etag":"\"rev:2\""},"signal":{"type":"connectivity.responses:modifyConnection","status":204,"connectionId":"c1"}}'
    assert_lines '.[4].signal.connection|[.name,.connectionStatus]' '["second","open"]'
    assert_lines '[.[7,9].signal.connectionIds]' '[["b","c1"],["b"]]'
}

@test "what is deleted goes on counting when it is created again" {
    store "$(create c)" "$(on deleteConnection c)"
    store "$(on retrieveConnection c)" "$(on deleteConnection c)" "$(create c)" "$(on retrieveConnection c)"
    fine
    assert_lines "$codes" '["connectivity:connection.notfound","connectivity:connection.notfound",201,200]'
    assert_lines '[.[].headers."entity-revision"]' '[null,null,3,3]'
}

@test "selected fields, hidden ones among them" {
    store "$(create c)" "$(on openConnection c)" "$(modify c '{"name":"n"}')" "$(on closeConnection c)" \
        "$(signal retrieveConnection '"connectionId":"c","selectedFields":"_revision,targets/qos,__lifecycle,id,_created,_modified"')" \
        "$(signal retrieveConnection '"connectionId":"c","selectedFields":"a(b"')" "$(on retrieveConnection c)"
    fine
    assert_lines '.[4].signal.connection|[keys_unsorted,._revision,.targets,(._created <= ._modified)]' \
        '[["__lifecycle","id","_revision","_modified","_created","targets"],3,[{"qos":1}],true]'
    assert_lines '.[5].signal.payload.error' '"json.fieldselector.invalid"'
    assert_lines '.[6].signal.connection|keys_unsorted|map(select(startswith("_")))' '[]'
}

@test "secrets are masked, shown on demand, and kept when they come back masked" {
    store "$(create c)" "$(on retrieveConnection c '"secrets":true')" '{"follow":{"from":0}}'
    assert_lines '[.[1].signal.connection.uri]' '["tcp://user:geheim@localhost:1883"]'
    assert_lines '[.[2].signal.connection.uri]' '["tcp://user:*****@localhost:1883"]'
    store "$(modify c '{"uri":"tcp://user:*****@localhost:1883","name":"n"}')" "$(on retrieveConnection c '"secrets":true')" \
        "$(create d '{"uri":"tcp://user:*****@localhost:1883"}')"
    assert_lines '[.[1].signal.connection|.name,.uri]' '["n","tcp://user:geheim@localhost:1883"]'
    assert_lines '[.[2].signal.payload|.error,.pointer]' '["connectivity:connection.configuration.invalid","/uri"]'
    store '{"follow":{}}'
    refute_output --partial geheim
    store '{"follow":{"secrets":true}}'
    assert_output --partial geheim
    [ "$(stat -c %a "$CONN_DIR"/events.gdbm "$CONN_DIR"/events.clean | sort -u)" = 600 ]
}

@test "no answer where none is wanted" {
    store "$(create c '{}' '"headers":{"response-required":false}')" "$(create c '{}' '"headers":{"response-required":false}')" \
        "$(on openConnection c)"
    fine
    assert_lines '[.[].headers."entity-revision"]' '[2]'
}

@test "events are Ditto's" {
    store "$(create c)" "$(on openConnection c)" "$(modify c)" "$(on closeConnection c)" "$(on deleteConnection c)"
    store '{"follow":{"from":0}}'
    fine
    assert_lines '[.[:-1][]|[.position,(.signal|(.type|ltrimstr("connectivity.events:")),.revision,.connectionId,(.connection|type),(._timestamp|test("^20..-..-..T..:..:..(\\.[0-9]+)?Z$")))]]' \
        '[[1,"connectionCreated",1,"c","object",true],[2,"connectionOpened",2,"c","null",true],[3,"connectionModified",3,"c","object",true],[4,"connectionClosed",4,"c","null",true],[5,"connectionDeleted",5,"c","null",true]]'
    assert_lines '.[0].signal|keys_unsorted' '["type","_timestamp","revision","connectionId","connection"]'
    assert_lines '.[-1]' '{"live":{"position":5}}'
}

# --- errors ------------------------------------------------------------------------------------------------------

@test "bad lines and commands: an error each, and on it goes" {
    store nope '[1]' '{}' '{"signal":1}' '{"signal":{}}' '{"signal":{"type":7}}' '{"signal":{"type":"connectivity.commands:no"}}' \
        '{"signal":{"type":"things.commands:createThing"}}' "$(signal openConnection '')" \
        "$(signal openConnection '"connectionId":7')" "$(on openConnection 'ü')" "$(on openConnection none)" \
        "$(signal createConnection '')" "$(signal createConnection '"connection":[]')" \
        "$(signal createConnection '"connection":{}')" "$(modify none)" "$(on retrieveConnectionStatus none)" \
        "$(create ok)" "$(create ok)" "$(create bad '{"connectionType":"pigeon"}')" "$(create bad '{"uri":"tcp://"}')" \
        "$(create bad '{"targets":[]}')" "$(modify ok '{"connectionType":"mqtt"}')" \
        "$(on retrieveConnectionStatus ok)" '{"follow":{"from":-1}}' '{"follow":{"role":"boss"}}' '{"follow":1}' \
        "$(on retrieveConnection ok)"
    fine
    assert_lines '[.[]|(.signal.payload.error // .error.error // .signal.status)]' '["json.invalid","json.invalid","json.field.missing","json.invalid","json.field.missing","json.invalid","json.type.notparsable","json.type.notparsable","json.field.missing","json.invalid","connectivity:connection.id.invalid","connectivity:connection.notfound","json.field.missing","json.invalid","json.field.missing","connectivity:connection.notfound","connectivity:connection.notfound",201,"connectivity:connection.conflict","json.invalid","connectivity:connection.uri.invalid","connectivity:connection.configuration.invalid","connectivity:connection.configuration.invalid","connectivity:connection.unavailable","json.invalid","json.invalid","json.invalid",200]'
    assert_lines '[.[].signal|select(.payload)|.type=="connectivity.responses:errorResponse" and .status==.payload.status and (.payload.message|length>0)]|all' true
    assert_lines '[.[].signal.payload|select(.pointer)|.pointer]' '["/signal","/signal","/type","/type","/type","/type","/connectionId","/connectionId","/connectionId","/connection","/connection","/connectionType","/connectionType","/uri","/sources","/connectionType"]'
    store '{"follow":{}}'
    assert_lines '[.[]|.state.connection.id // .live]' '["ok",{"position":1,"state":true}]'
}

@test "a cut last line is an error and 111" {
    run --separate-stderr conn-store -1 < <(create c && printf '{"signal":{"type":"connectivity.comm')
    assert_status 111
    assert_stderr ''
    assert_lines "$codes" '[201,"json.invalid"]'
    store "$(on retrieveConnection c)"
    assert_lines "$codes" '[200]'
}

@test "a 33 MiB line costs one error" {
    long() { head -c 34603008 /dev/zero | tr '\0' x; }
    run --separate-stderr conn-store -1 < <(create a && long && echo && create b)
    fine
    assert_lines "$codes" '[201,"json.invalid",201]'
}

@test "a large document, within the limit of 4 MiB" {
    create big | sed "s/first/$(head -c 100000 /dev/zero | tr '\0' y)/; s/yyy*/&&&&&&&&&&/; s/yyy*/&&&/" >"$WORK/line"
    run --separate-stderr conn-store -1 < <(cat "$WORK/line" && on deleteConnection big && cat "$WORK/line")
    fine
    assert_lines '[.[]|[.signal.status,(.signal.connection.name|length)]]' '[[201,3000000],[204,0],[201,3000000]]'
}

@test "wrong usage" {
    run --separate-stderr conn-store x
    assert_status 100
    assert_output ''
    run --separate-stderr conn-store -V
    assert_status 0
    assert_output --partial gdbm
    CONN_DIR=/dev/null/x run --separate-stderr conn-store -1
    assert_status 111
    assert_stderr --regexp '^conn-store: error: cannot use the folder of the log: [^\n]*$'
}

# --- the log -----------------------------------------------------------------------------------------------------

@test "-n checks and changes nothing" {
    run --separate-stderr conn-store -n
    fine
    assert_output '{"position":0,"connections":0,"open":0,"deleted":0,"clean":true,"dropped":0}'
    [ -z "$(ls "$CONN_DIR")" ]
    store "$(create a)" "$(create b)" "$(on openConnection b)" "$(create c)" "$(on deleteConnection c)"
    md5sum "$CONN_DIR"/* >"$WORK/sums"
    run --separate-stderr conn-store -n
    fine
    assert_output '{"position":5,"connections":2,"open":1,"deleted":1,"clean":true,"dropped":0}'
    md5sum -c --quiet "$WORK/sums"
    rm "$CONN_DIR/events.clean"
    run --separate-stderr conn-store -n
    assert_status 0
    assert_output '{"position":5,"connections":2,"open":1,"deleted":1,"clean":false,"dropped":0}'
    assert_stderr "conn-store: warning: '$CONN_DIR/events.gdbm' was not closed in order: read 5 records one by one, dropped 0 unfinished"
    ls "$CONN_DIR" >"$WORK/list"
    assert_file "$WORK/list" $'events.durable\nevents.gdbm\nevents.lock\nevents.snapshot'
}

# --- disk full ---------------------------------------------------------------------------------------------------

# After a failed repair the next attempt waits a little.
takes_changes() {
    ask "$(on openConnection a)"
    [ "$(jq .signal.status <<<"$output")" = 200 ]
}
suffers() { # ORDER REASON
    shimmed store </dev/null
    ask "$(create a)" "$(on openConnection a)"
    assert_lines "$codes" '[201,200]'
    echo "$1" >"$WORK/orders"
    ask "$(on retrieveConnection a)" "$(on closeConnection a)" "$(create b)" "$(modify a '{"name":"n"}')" \
        "$(on retrieveConnection a)" "$(signal retrieveAllConnectionIds '')" '{"follow":{"from":0}}'
    assert_lines '[.[:6][].signal|.payload.error // .status]' '[200,"connectivity:connection.unavailable","connectivity:connection.unavailable","connectivity:connection.unavailable",200,200]'
    assert_lines '.[1].signal.payload|[.status,.description]' "[503,\"The event log cannot be written: $2. Nothing has changed.\"]"
    assert_lines '.[4].signal.connection|[.name,.connectionStatus]' '["first","open"]'
    assert_lines '.[5].signal.connectionIds' '["a"]'
    ask "$(on closeConnection a)" "$(on retrieveConnection a)"
    assert_lines "$codes" '["connectivity:connection.unavailable",200]'
    ask_for 4 '{"follow":{"from":0}}' "$(on retrieveConnection a)"
    assert_lines '[.[]|select(.position or .live)|.position // .live]' '[1,2,{"position":2}]'
    rm "$WORK/orders"
    wait_for 10 takes_changes
    ask "$(on closeConnection a)" "$(create b)" "$(on retrieveConnection a)"
    assert_lines '[.[]|[.signal.status,.headers."entity-revision"]]' '[[200,4],[201,1],[200,4]]'
    stop store
    assert_equal "$status" 0
    grep -v 'cannot withdraw refused' "$WORK/store.err" | sed 's/after [0-9]* lines/after N lines/' >"$WORK/said"
    assert_file "$WORK/said" "conn-store: error: cannot write the event log: $2
conn-store: warning: can write the event log again, after N lines for which it could not"
    store '{"follow":{"from":0}}'
    fine
    assert_lines '[.[]|.signal.revision // .live.position]' '[1,2,3,4,1,5]'
}

@test "a full disk: refused, nothing has changed, reads are answered, and it goes on when there is room" {
    suffers enospc 'No space left on device'
}

@test "a full disk that shows only while writing" {
    suffers unbooked 'No space left on device'
}

@test "a write that stops half way" {
    suffers short 'No space left on device'
}

@test "a failing fsync" {
    suffers eio 'Input/output error'
}

@test "a disk that becomes read-only" {
    suffers readonly 'Read-only file system'
}

@test "a refused event does not come back after a kill" {
    shimmed store </dev/null
    ask "$(create a)"
    echo eio >"$WORK/orders"
    ask "$(on openConnection a)"
    assert_lines "$codes" '["connectivity:connection.unavailable"]'
    kill -KILL "${PIDS[store]}"
    wait_exit store
    run --separate-stderr conn-store -1 <<<'{"follow":{"from":0}}'
    assert_status 0
    assert_lines '[.[]|.signal.revision // .live.position]' '[1,1]'
}

@test "a full disk when a broken file is to be repaired" {
    store "$(create a)" "$(on openConnection a)"
    rm "$CONN_DIR/events.clean"
    echo enospc >"$WORK/orders"
    shimmed store </dev/null
    ask "$(on retrieveConnection a)" "$(on closeConnection a)" "$(on retrieveConnection a)"
    assert_lines "$codes" '[200,"connectivity:connection.unavailable",200]'
    assert_lines '.[2].signal.connection.connectionStatus' '"open"'
    ask_for 3 '{"follow":{"from":0}}'
    assert_lines '[.[]|.position // .live.position]' '[1,2,2]'
    rm "$WORK/orders"
    wait_for 10 takes_changes
    stop store
    assert_equal "$status" 0
    assert_file "$WORK/store.err" "conn-store: warning: cannot rebuild 'events.gdbm': nothing can be written for now: No space left on device
conn-store: warning: '$CONN_DIR/events.gdbm' was not closed in order: read 2 records one by one, dropped 0 unfinished
conn-store: error: cannot write the event log: No space left on device
conn-store: warning: can write the event log again, after $(sed -n 's/.*after \([0-9]*\) lines.*/\1/p' "$WORK/store.err") lines for which it could not"
}

# The log is on a read-only disk when the store starts; WARNING is what it says.
read_only() { # WARNING
    echo readonly >"$WORK/orders"
    shimmed store </dev/null
    ask "$(on retrieveConnection a)" "$(on closeConnection a)" "$(on retrieveConnection a)"
    assert_lines "$codes" '[200,"connectivity:connection.unavailable",200]'
    assert_lines '.[1].signal.payload.description' '"The event log cannot be written: Read-only file system. Nothing has changed."'
    assert_lines '.[2].signal.connection.connectionStatus' '"open"'
    ask_for 3 '{"follow":{"from":0}}'
    assert_lines '[.[]|.position // .live.position]' '[1,2,2]'
    stop store
    assert_equal "$status" 0
    assert_equal "$(head -n 1 "$WORK/store.err")" "conn-store: warning: $1"
    shimmed store </dev/null
    rm "$WORK/orders"
    wait_for 10 takes_changes
    ask "$(on closeConnection a)"
    stop store
    assert_equal "$status" 0
    store "$(on retrieveConnection a)"
    fine
    assert_lines '.[0].signal.connection.connectionStatus' '"closed"'
}

@test "a read-only disk at the start: reads are answered, changes refused, until it is none any more" {
    store "$(create a)" "$(on openConnection a)"
    read_only "cannot write 'events.gdbm': nothing can be changed for now: Read-only file system"
}

@test "a read-only disk at the start, after a kill" {
    store "$(create a)" "$(on openConnection a)"
    rm "$CONN_DIR/events.clean"
    read_only "cannot rebuild 'events.gdbm': nothing can be written for now: Read-only file system"
}

@test "a really read-only disk" {
    [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || skip "needs root and mount namespaces"
    { on retrieveConnection a; on closeConnection a; on retrieveConnection a; } >"$WORK/in"
    create a '{"connectionStatus":"open"}' >"$WORK/one"
    unshare -m bash -c 'mount -t tmpfs -o mode=700 none "$CONN_DIR" || exit 1
        conn-store -1 <"$WORK/one" >"$WORK/created" && rm "$CONN_DIR/events.lock" && mount -o remount,ro "$CONN_DIR" || exit 1
        conn-store -1 <"$WORK/in" >"$WORK/read" 2>"$WORK/read.err"; echo $? >"$WORK/rc"
        conn-store -n >"$WORK/checked"' 2>"$WORK/err" || skip "cannot mount a tmpfs: $(<"$WORK/err")"
    assert_file "$WORK/rc" 0
    output=$(<"$WORK/read")
    assert_lines "$codes" '[200,"connectivity:connection.unavailable",200]'
    assert_file "$WORK/checked" '{"position":1,"connections":1,"open":1,"deleted":0,"clean":true,"dropped":0}'
}

@test "a real disk that is full" {
    [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || skip "needs root and mount namespaces"
    create c0 >"$WORK/one"
    for i in {1..300}; do sed "s/c0/c$i/" "$WORK/one"; done >"$WORK/in"
    unshare -m bash -c 'mount -t tmpfs -o size=500k,mode=700 none "$CONN_DIR" || exit 1
        head -c 300000 /dev/zero >"$CONN_DIR/filler"
        conn-store -1 <"$WORK/in" >"$WORK/batch"
        for i in {1..120}; do
            sed "s/c0/d$i/" "$WORK/one" | conn-store -1 || exit
        done >"$WORK/single" 2>"$WORK/single.err"
        rm "$CONN_DIR/filler"
        sed "s/\"id\":\"c/&x/" "$WORK/in" | conn-store -1 >"$WORK/again"
        echo "{\"follow\":{\"from\":0}}" | conn-store -1 >"$WORK/events"' 2>"$WORK/err" ||
        skip "cannot mount a tmpfs: $(<"$WORK/err")"
    assert_equal "$(jq .signal.status "$WORK/batch" | sort -u)" 503
    assert_equal "$(jq .signal.status "$WORK/single" | sort -u | tr '\n' ' ')" '201 503 '
    assert_equal "$(jq .signal.status "$WORK/again" | sort -u | tr '\n' ' ')" '201 '
    created=$(jq -s '[.[].signal|select(.status==201)]|length' "$WORK"/{batch,single,again})
    output=$(<"$WORK/events")
    assert_lines '[.[]|.position // .live.position]==[range(1;'$((created + 1))'), '"$created]" true
}

# --- the socket --------------------------------------------------------------------------------------------------

@test "ready, private, and gone with TERM" {
    daemon
    assert_equal "$(stat -c %a "$CONN_RUN/store.sock")" 600
    ask "$(create a)"
    assert_lines "$codes" '[201]'
    kill -HUP "${PIDS[store]}"
    ask "$(on retrieveConnection a)"
    assert_lines "$codes" '[200]'
    run --separate-stderr conn-store
    assert_status 111
    assert_stderr "conn-store: error: cannot open '$CONN_DIR/events.gdbm': it is in use by another process"
    run --separate-stderr conn-store -n
    assert_status 111
    stop store
    assert_equal "$status" 0
    [ ! -s "$WORK/store.err" ]
    [ ! -e "$CONN_RUN/store.sock" ] && [ -e "$CONN_DIR/events.clean" ]
}

@test "answers come in order, however many questions are under way" {
    daemon
    create c >"$WORK/line"
    for i in {1..300}; do
        echo '{"id":"'$i'","signal":{"type":"connectivity.commands:openConnection","connectionId":"c"}}'
    done >>"$WORK/line"
    run --separate-stderr store-client -e <"$WORK/line"
    assert_status 0
    assert_lines '[.[1:][]|.id|tonumber]==[range(1;301)]' true
    assert_lines '[.[].headers."entity-revision"]==[range(1;302)]' true
}

@test "two followers: state and tail, live events, and on again from a position" {
    daemon
    ask "$(create a)" "$(create b)" "$(create c)" "$(on deleteConnection b)"
    client one && client two
    say one '{"follow":{}}'
    say two '{"follow":{"from":2,"secrets":true}}'
    told one 3
    assert_lines '[.[]|.state.connection.id // .live]' '["a","c",{"position":4,"state":true}]'
    assert_lines '[.[]|select(.state)|.state|[.position,.revision]]' '[[1,1],[3,1]]'
    told two 3
    assert_lines '[.[]|.position // .live.position]' '[3,4,4]'
    ask "$(on openConnection a)" "$(modify c '{"name":"n"}')"
    told one 5
    assert_lines '[.[3:][]|[.position,.signal.connectionId,.signal.connection.uri]]' '[[5,"a",null],[6,"c","tcp://user:*****@localhost:1883"]]'
    told two 5
    assert_lines '.[4].signal.connection.uri' '"tcp://user:geheim@localhost:1883"'
    kill -KILL "${PIDS[store]}"
    wait_exit store
    wait_exit one
    start_ready store conn-store -d 4 </dev/null
    ask "$(on closeConnection a)"
    client again && client lost
    say again '{"follow":{"from":6}}'
    told again 2
    assert_lines '[.[]|.position // .live.position]' '[7,7]'
    # a position of another log
    say lost '{"follow":{"from":1000}}'
    told lost 3
    assert_lines '[.[]|keys[0]]' '["state","state","live"]'
}

@test "a follower that has said all goes on following" {
    daemon
    start f store-client -n 3 < <(echo '{"follow":{"from":0}}')
    wait_for 10 has_lines f 1
    ask "$(create a)" "$(create b)"
    wait_exit f
    assert_equal "$status" 0
    output=$(<"$WORK/f.out")
    assert_lines '[.[]|.position // .live.position]' '[0,1,2]'
}

@test "-1: answers that cannot be written, input that cannot be read: 111" {
    echo '{"signal":{"type":"connectivity.commands:retrieveAllConnectionIds"}}' >"$WORK/command"
    run --separate-stderr bash -c 'conn-store -1 <"$WORK/command" >/dev/full'
    assert_status 111
    assert_stderr 'conn-store: error: cannot write to stdout: No space left on device'
    run --separate-stderr bash -c 'conn-store -1 <"$WORK/command" >&-'
    assert_status 111
    run --separate-stderr bash -c 'conn-store -1 <&-'
    assert_status 111
    assert_output ''
    assert_stderr 'conn-store: error: cannot read stdin: Bad file descriptor'
}

@test "a follower that does not read is told and closed; the others are served" {
    daemon
    ask "$(create a)"
    client slow -w && client fast
    say slow '{"follow":{}}'
    say fast '{"follow":{}}'
    wait_for 10 has_lines fast 2
    modify a | sed "s/first/$(head -c 100000 /dev/zero | tr '\0' p)/; s/ppp*/&&&/" >"$WORK/one"
    for i in {1..40}; do
        cat "$WORK/one"
    done >"$WORK/line"
    run --separate-stderr store-client -e <"$WORK/line"
    assert_lines '[.[].signal.status]|unique' '[204]'
    kill -USR1 "${PIDS[slow]}"
    wait_exit slow
    assert_equal "$status" 111
    output=$(tail -n 1 "$WORK/slow.out")
    assert_lines '.[0].error|[.status,.error]' '[408,"streaming.subscription.timeout"]'
    output=$(cut -c 1-100 "$WORK/slow.out" | sed -n '3,$p' | grep -o '^{"position":[0-9]*' | cut -d : -f 2 | jq -s '.==[range(2;length+2)]')
    assert_output true
    wait_for 10 has_lines fast 42
    output=$(cut -c 1-100 "$WORK/fast.out" | sed -n '3,$p' | grep -o '^{"position":[0-9]*' | cut -d : -f 2 | jq -sc .)
    assert_output "$(jq -nc '[range(2;42)]')"
}

@test "questions about live state go to the supervisor" {
    daemon
    ask "$(create a)" "$(on retrieveConnectionStatus a)"
    assert_lines '.[1].signal.payload|[.status,.error]' '[503,"connectivity:connection.unavailable"]'
    client boss && client c
    say boss '{"follow":{"from":1,"role":"supervise"}}'
    told boss 1
    say c "$(on retrieveConnectionStatus a '"id":"q","headers":{"correlation-id":"k"}')" "$(on retrieveConnection a)"
    told boss 2
    assert_lines '.[1]|del(.id)' '{"headers":{"correlation-id":"k"},"signal":{"type":"connectivity.commands:retrieveConnectionStatus","connectionId":"a"}}'
    id=$(jq -r 'select(.id).id' "$WORK/boss.out")
    ask "$(on retrieveConnection a)" # others do not wait
    say boss '{"id":"s-77","signal":{"type":"connectivity.responses:retrieveConnectionStatus","status":200}}' \
        '{"id":"'"$id"'","headers":{},"signal":{"type":"connectivity.responses:retrieveConnectionStatus","status":200,"connectionId":"a","liveStatus":"open"}}'
    told c 2
    assert_lines '.[0]' '{"id":"q","headers":{"correlation-id":"k"},"signal":{"type":"connectivity.responses:retrieveConnectionStatus","status":200,"connectionId":"a","liveStatus":"open"}}'
    assert_lines '.[1].signal.type' '"connectivity.responses:retrieveConnection"'
    say c "$(on retrieveConnectionStatus a)"
    told boss 3
    kill -KILL "${PIDS[boss]}"
    told c 3
    assert_lines '.[2].signal.payload|[.status,.error]' '[503,"connectivity:connection.unavailable"]'
    # only who supervises may answer
    say c '{"id":"s-1","signal":{"type":"connectivity.responses:retrieveConnectionStatus","status":200}}'
    told c 4
    assert_lines '.[3].signal.payload.error' '"json.type.notparsable"'
}

busy() {
    ask "$(signal retrieveAllConnectionIds '')"
    [ "$(jq .error.status <<<"$output")" = 503 ]
}
not_busy() {
    ask "$(signal retrieveAllConnectionIds '')"
    [ "$(jq .signal.status <<<"$output")" = 200 ]
}

@test "hostile clients: half a line, an endless one, a crowd that says nothing" {
    daemon
    ask "$(create a)"
    client half
    printf '{"signal":{"type' >&"$FD_half"
    start endless store-client -k < <(head -c 60000000 /dev/zero | tr '\0' x)
    ask "$(on retrieveConnection a)"
    assert_lines "$codes" '[200]'
    start crowd store-load crowd "$CONN_RUN/store.sock" 1000
    wait_for 10 has_lines crowd 1
    wait_for 10 not_busy
    kb=$(awk '/^VmHWM/ {print $2}' "/proc/${PIDS[store]}/status")
    [ "$kb" -lt 65536 ] || [ -n "${ASAN_BUILD-}" ] || [[ $BUILD == *asan ]] || fail "it took $kb KiB"
    stop store
    assert_equal "$status" 0
}

# Answers that nobody reads are not made: the client is not read any more.
@test "a client that never reads its answers" {
    daemon
    ask "$(create a)"
    on retrieveConnection a >"$WORK/one"
    yes "$(<"$WORK/one")" | head -n 40000 >"$WORK/questions"
    start deaf store-client -w <"$WORK/questions"
    ask "$(on openConnection a)" "$(on retrieveConnection a)"
    assert_lines "$codes" '[200,200]'
    kb=$(awk '/^VmHWM/ {print $2}' "/proc/${PIDS[store]}/status")
    [ "$kb" -lt 65536 ] || [[ $BUILD == *asan ]] || fail "it took $kb KiB"
    end_processes 5 "${PIDS[deaf]}"
    stop store
    assert_equal "$status" 0
}

# Fills a log: N connections, each with a description of BYTES.
many() { # N BYTES
    create c0 | sed "s/first/$(head -c "$2" /dev/zero | tr '\0' d)/" >"$WORK/one"
    for ((i = 1; i <= $1; i++)); do sed "s/\"id\":\"c0\"/\"id\":\"c$i\"/" "$WORK/one"; done >"$WORK/in"
    conn-store -1 <"$WORK/in" >"$WORK/created"
    assert_equal "$(wc -l <"$WORK/created")" "$1"
}
peak_kb() {
    awk '/^VmHWM/ {print $2}' "/proc/${PIDS[store]}/status"
}

@test "many clients that never read have one bound together; the others are served, a long answer too" {
    many 700 9000
    start_ready store conn-store -d 4 -v </dev/null
    signal retrieveConnections '' >"$WORK/all"
    ask "$(<"$WORK/all")"
    assert_equal "$(jq '.signal.connections|length' <<<"$output")" 700
    before=$(peak_kb)
    start crowd store-load crowd "$CONN_RUN/store.sock" 100 "$(<"$WORK/all")"
    wait_for 20 has_lines crowd 1
    start followers store-load crowd "$CONN_RUN/store.sock" 50 '{"follow":{}}'
    wait_for 20 has_lines followers 1
    ask "$(on openConnection c1)" "$(<"$WORK/all")" "$(on retrieveConnection c2)"
    assert_lines '[.[].signal|.status,(.connections|length)]' '[200,0,200,700,200,0]'
    kb=$(peak_kb)
    [ $((kb - before)) -lt 163840 ] || [[ $BUILD == *asan ]] || fail "it took $((kb - before)) KiB"
    kill -USR1 "${PIDS[store]}"
    wait_for 5 grep -q 'info: counters: .* closed=[1-9]' "$WORK/store.err"
    grep -q 'client [0-9]* is closed: [0-9]* bytes of answers are not read' "$WORK/store.err"
    echo "# 100 clients that ask for 6 MiB and never read: $before KiB before, $kb KiB at most" >&3
}

@test "so have those that are each within their own bound" {
    many 95 9000
    start_ready store conn-store -d 4 -v </dev/null
    start crowd store-load crowd "$CONN_RUN/store.sock" 200 "$(signal retrieveConnections '')"
    wait_for 20 has_lines crowd 1
    wait_for 20 grep -q 'bytes of answers are not read' "$WORK/store.err"
    ask "$(on openConnection c1)" "$(signal retrieveConnections '')"
    assert_lines "$codes" '[200,200]'
}

@test "an answer that would be too long is an error; ids are fine" {
    many 350 50000
    daemon
    ask "$(signal retrieveConnections '')" "$(signal retrieveConnections '"idsOnly":true')" \
        "$(signal retrieveConnections '"selectedFields":"id,uri"')"
    assert_lines "$codes" '["connectivity:internalerror",200,200]'
    assert_lines '.[0].signal.payload.message' '"The answer would be longer than 16 MiB."'
    assert_lines '[.[1:][].signal.connections|length]' '[350,350]'
}

@test "without descriptors the silent ones go" {
    start_ready store bash -c 'ulimit -n 40; exec conn-store -d 4' </dev/null
    ask "$(create a)"
    start crowd store-load crowd "$CONN_RUN/store.sock" 100
    wait_for 10 has_lines crowd 1
    wait_for 10 not_busy
}

@test "a client too many is told" {
    daemon
    start load store-load drive "$CONN_RUN/store.sock" "$WORK/journal" t 256 60000
    wait_for 20 busy
    assert_lines '.[0].error.error' '"connectivity:connection.unavailable"'
    end_processes 5 "${PIDS[load]}"
    wait_for 20 not_busy
}

@test "a supervisor that says nothing" {
    [ "${CONN_LONG:-0}" = 1 ] || skip "takes 10 s: CONN_LONG=1"
    daemon
    ask "$(create a)"
    client boss
    say boss '{"follow":{"role":"supervise"}}'
    told boss 2
    ask "$(on retrieveConnectionStatus a)" "$(on retrieveConnection a)"
    assert_lines '[.[].signal|.payload.error // .status]' '["connectivity:connection.timeout",200]'
}

@test "a store that cannot listen closes its log in order" {
    local attempt
    : >"$WORK/file"
    for attempt in 1 2; do
        CONN_RUN=$WORK/file run --separate-stderr conn-store
        assert_failure 111
        assert_output ''
        assert_stderr 'conn-store: error: cannot use the folder of sockets: Not a directory'
    done
}

@test "only the store's user is served" {
    [ "$(id -u)" = 0 ] || skip "needs root"
    daemon
    chmod 755 "$CONN_RUN"
    chmod 666 "$CONN_RUN/store.sock"
    run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups "$BUILD/tests/store-client" -k "$CONN_RUN/store.sock" </dev/null
    assert_lines '.[0].error|[.status,.error]' '[401,"connectivity:connection.unauthorized"]'
}

@test "the examples of the page" {
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh/{/^\.Bd/,/^\.Ed/{/^\./!p}}' "$ROOT/man/conn-store.1" | sed 's/\\e/\\/g' >"$WORK/example"
    cd "$ROOT"
    run --separate-stderr bash -euo pipefail "$WORK/example"
    assert_status 0
    assert_lines '[.[]|.signal.status // .live // .position]' '[201,200,1,2,{"position":2},2]'
}
