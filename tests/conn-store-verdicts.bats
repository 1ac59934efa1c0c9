#!/usr/bin/env bats
# conn-store-verdicts.bats: what is to be open waits for the supervisor's verdict; what cannot be open is refused.
load helper/common
load helper/store

# A supervisor that gives verdicts; it has seen N lines (states, live).
boss() { # N
    client boss
    say boss '{"follow":{"role":"supervise","verdicts":true}}'
    told boss "$1"
}
verdict() { # ID REVISION STATUS [ERROR]
    say boss '{"verdict":{"connectionId":"'"$1"'","revision":'"$2"',"status":'"$3${4:+,\"error\":$4}"'}}'
}
open='"connectionStatus":"open"'

@test "an open is answered when the supervisor says that it is" {
    daemon
    ask "$(create a)"
    boss 2
    client c
    say c "$(on openConnection a '"id":"q","headers":{"correlation-id":"k"}')"
    told boss 3
    assert_lines '.[2]|[.position,.signal.type]' '[2,"connectivity.events:connectionOpened"]'
    [ ! -s "$WORK/c.out" ]
    ask "$(on retrieveConnection a)" "$(create b)" # nobody else waits
    assert_lines "$codes" '[200,201]'
    verdict a 1 200 # of an earlier revision: of no use
    verdict b 2 200
    ask "$(on retrieveConnection a)"
    [ ! -s "$WORK/c.out" ]
    verdict a 2 200
    told c 1
    assert_lines '.[0]' '{"id":"q","headers":{"correlation-id":"k","entity-revision":2,"etag":"\"rev:1\""},"signal":{"type":"connectivity.responses:openConnection","status":200,"connectionId":"a"}}'
}

@test "a failed open tells why; the connection stays open" {
    daemon
    ask "$(create a)"
    boss 2
    client c
    say c "$(on openConnection a '"id":"q","headers":{"correlation-id":"k"}')"
    told boss 3
    verdict a 2 504 '{"status":504,"error":"connectivity:connection.failed","message":"no route","description":"try"}'
    told c 1
    assert_lines '.[0]' '{"id":"q","headers":{"correlation-id":"k"},"signal":{"type":"connectivity.responses:errorResponse","status":504,"payload":{"status":504,"error":"connectivity:connection.failed","message":"no route","description":"try"}}}'
    say c "$(modify a "{$open}")"
    told boss 4
    verdict a 3 503
    told c 2
    assert_lines '.[1].signal.payload|[.status,.error]' '[503,"connectivity:connection.failed"]'
    ask "$(on retrieveConnection a)"
    assert_lines '.[0].signal.connection.connectionStatus' '"open"'
}

@test "answers wait in order, commands do not; a verdict answers all that came before it" {
    daemon
    ask "$(create a)" "$(create b)"
    boss 3
    client c
    say c "$(on openConnection a '"id":"1"')" "$(on openConnection b '"id":"2"')" "$(on retrieveConnection a '"id":"3"')" \
        "$(on closeConnection a '"id":"4"')" "$(on closeConnection a '"id":"5"')"
    told boss 7 # all events are there
    verdict b 2 504
    ask "$(on retrieveConnection a)"
    [ ! -s "$WORK/c.out" ]
    verdict a 9 200
    told c 5
    assert_lines '[.[]|[.id,(.signal|.payload.error // .status)]]' \
        '[["1",200],["2","connectivity:connection.failed"],["3",200],["4",200],["5",200]]'
}

@test "who does not wait: a create, a delete, what stays closed, a follower, who says so, who wants no answer" {
    daemon
    ask "$(create a)"
    boss 2
    ask "$(create o "{$open}")" "$(modify a '{"name":"n"}')" "$(on closeConnection a)" \
        "$(on openConnection a '"headers":{"wait-for-verdict":false}')" "$(on closeConnection a '"headers":{"wait-for-verdict":"false"}')" \
        "$(on deleteConnection o)"
    assert_lines "$codes" '[201,204,200,200,200,204]'
    ask_for 1 "$(on openConnection a '"headers":{"response-required":false}')" "$(on retrieveConnection a)"
    assert_lines '[.[].signal.type]' '["connectivity.responses:retrieveConnection"]'
    client f
    say f '{"follow":{}}'
    told f 2
    say f "$(on openConnection a)"
    told f 4
    assert_lines '[.[].signal.type|select(.)]|sort' '["connectivity.events:connectionOpened","connectivity.responses:openConnection"]'
    # nor with a supervisor that gives no verdicts
    kill -KILL "${PIDS[boss]}"
    wait_exit boss
    client plain
    say plain '{"follow":{"role":"supervise"}}'
    told plain 2
    ask "$(on openConnection a)"
    assert_lines "$codes" '[200]'
}

@test "the supervisor goes away: 503, and the change is kept" {
    daemon
    ask "$(create a)"
    boss 2
    client c
    say c "$(on openConnection a '"id":"q"')" "$(on retrieveConnection a)"
    told boss 3
    kill -KILL "${PIDS[boss]}"
    told c 2
    assert_lines '.[0]|[.id,.signal.payload.status,.signal.payload.error]' '["q",503,"connectivity:connection.unavailable"]'
    assert_lines '.[1].signal.connection.connectionStatus' '"open"'
}

@test "the store ends: whoever waits is told" {
    daemon
    ask "$(create a)"
    boss 2
    client c
    say c "$(on openConnection a)"
    told boss 3
    stop store
    assert_equal "$status" 0
    told c 1
    assert_lines '.[0].signal.payload|[.status,.error]' '[503,"connectivity:connection.unavailable"]'
}

@test "bad verdicts, and verdicts of somebody else" {
    daemon
    ask "$(create a)"
    boss 2
    say boss '{"verdict":{"connectionId":"a","revision":1}}' '{"verdict":1}' '{"verdict":{"connectionId":"a","revision":-1,"status":200}}'
    told boss 5
    assert_lines '[.[2:][].signal.payload|[.error,.pointer]]|unique' '[["json.invalid","/verdict"]]'
    ask '{"verdict":{"connectionId":"a","revision":9,"status":200}}'
    assert_lines '.[0].signal.payload.error' '"json.field.missing"'
}

@test "a client that has many opens under way is not read any more, and goes on when they are judged" {
    daemon
    ask "$(create a)"
    boss 2
    for i in {1..300}; do on openConnection a '"id":"'"$i"'"'; done >"$WORK/opens"
    start many store-client -k -n 300 <"$WORK/opens"
    wait_for 10 has_lines boss 258
    ask "$(on retrieveConnection a)"
    assert_lines '.[0].headers."entity-revision"' 257
    verdict a 257 200
    wait_for 10 has_lines boss 302
    verdict a 301 200
    wait_exit many
    assert_equal "$status" 0
    output=$(<"$WORK/many.out")
    assert_lines '[.[]|.id|tonumber]==[range(1;301)]' true
    assert_lines '[.[].signal.status]|unique' '[200]'
}

@test "a disk that fails: an error at once, nobody waits for what did not happen" {
    shimmed store </dev/null
    ask "$(create a)"
    boss 2
    echo eio >"$WORK/orders"
    ask "$(on openConnection a)"
    assert_lines "$codes" '["connectivity:connection.unavailable"]'
    rm "$WORK/orders"
}

@test "a supervisor that gives no verdict" {
    [ "${CONN_LONG:-0}" = 1 ] || skip "takes 55 s: CONN_LONG=1"
    daemon
    ask "$(create a)"
    boss 2
    client c
    say c "$(on openConnection a)"
    told boss 3
    wait_for 70 has_lines c 1
    output=$(<"$WORK/c.out")
    assert_lines '.[0].signal.payload|[.status,.error]' '[503,"connectivity:connection.timeout"]'
}

# --- what cannot be open -----------------------------------------------------------------------------------------

@test "a type without a transport is kept, and refused where it would be open" {
    more='{"connectionType":"kafka","uri":"tcp://localhost:9092","specificConfig":{"bootstrapServers":"localhost:9092"},"targets":[{"address":"t","topics":["_/_/things/live/messages"],"authorizationContext":["a:b"]}]}'
    shut=$(jq -c '.connectionStatus="closed"' <<<"$more")
    up=$(jq -c '.connectionStatus="open"' <<<"$more")
    test=$(create t "$shut" | sed 's/createConnection/testConnection/')
    store "$(create k "$up")" "$(create k "$shut")" "$(on openConnection k)" "$(modify k "$up")" "$(modify k "$shut")" \
        "$test" "$(on retrieveConnection k)" "$(create m "{$open}")" '{"follow":{"from":0}}'
    fine
    e='"connectivity:connection.configuration.invalid"'
    assert_lines '[.[:8][].signal|.payload.error // .status]' "[$e,201,$e,$e,204,$e,200,201]"
    assert_lines '[.[].signal.payload|select(.)|[.status,.pointer]]|unique' '[[400,"/connectionType"]]'
    assert_lines '.[0].signal.payload.message' "\"A connection of type 'kafka' with targets cannot be opened: its transport is not built yet.\""
    assert_lines '.[6].signal.connection.connectionStatus' '"closed"'
    assert_lines '.[-1]' '{"live":{"position":3}}'
}
