#!/usr/bin/env bats
# conn-hub.bats: the hub, spoken to over real sockets.
load helper/common
load helper/hub

# --- the program -------------------------------------------------------------------------------------------------

@test "usage, version, a socket that is taken" {
    run --separate-stderr conn-hub -M 0
    assert_status 100
    run --separate-stderr conn-hub operand
    assert_status 100
    assert_output ''
    run --separate-stderr conn-hub -V
    assert_status 0
    assert_output --partial 'conn-hub '
    hub
    run --separate-stderr conn-hub
    assert_status 111
    assert_output ''
    assert_stderr "conn-hub: error: cannot listen on '$CONN_RUN/hub.sock': Address already in use"
    stop hub
    assert_status 0
    [ ! -e "$CONN_RUN/hub.sock" ]
    [ ! -s "$WORK/hub.out" ]
}

@test "a hub that was killed is replaced, its members are told by the end of the socket" {
    hub
    target_ring sink
    kill -KILL "${PIDS[hub]}"
    wait_exit hub
    wait_exit sink
    assert_status 111
    hub
    rm "$WORK/sink.in"
    target_ring sink
}

@test "TERM closes the members" {
    hub
    source_ring src
    target_ring sink
    say src "$(message x-1 ns/t "$(acks sink:done)")"
    told sink 1
    stop hub
    assert_status 0
    wait_exit src
    assert_status 111
    [ ! -s "$WORK/src.out" ]
}

@test "the examples of the page" {
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh/{/^\.Bd/,/^\.Ed/{/^\./!p}}' "$ROOT/man/conn-hub.1" >"$WORK/example"
    cd "$WORK"
    run --separate-stderr timeout 20 bash -e example
    assert_status 0
    assert_output ''
    assert_stderr --regexp '^conn-hub: info: received=0 .* queued_bytes=0 held=0$'
}

# --- hello -------------------------------------------------------------------------------------------------------

@test "hostile and mistaken hellos are refused, the hub goes on" {
    hub
    hello() { # TEXT CODE MESSAGE
        printf '%s\n' "$1" >"$WORK/hello"
        refused -H "$WORK/hello" in
        run jq -r '.hello, .error.status, .error.error, .error.message' <<<"$output"
        assert_output "1
$2
$3"
    }
    local invalid=connectivity:connection.configuration.invalid in src
    src=$(source_json src)
    in='"hello":1,"role":"in","connection"'
    hello 'no json' '400
json.invalid' 'The hello is no JSON: unknown word at byte 0.'
    hello '{"hello":1' '400
json.invalid' 'The hello is no JSON: unexpected end of input at byte 10.'
    hello '{}' "400
$invalid" 'This is no hello of version 1.'
    hello '{"hello":2,"role":"in"}' "400
$invalid" 'This is no hello of version 1.'
    hello '{"hello":1,"role":"boss"}' "400
$invalid" 'The role is none of in, out, service, tap, control.'
    hello '{"hello":1,"role":"service"}' "400
$invalid" "The member 'service' of the hello is no name."
    hello '{"hello":1,"role":"service","service":"s","topics":"_/_/things"}' "400
$invalid" "The member 'topics' of the hello is no array of texts."
    hello '{"hello":1,"role":"service","service":"s","labels":["?"]}' '400
acknowledgement:label.invalid' "'?' is no valid acknowledgement label."
    hello '{"hello":1,"role":"service","service":"s","subscribe":["_/_/things/twin/nothing"]}' '400
connectivity:topic.invalid' "The target topic '_/_/things/twin/nothing' is invalid."
    hello '{"hello":1,"role":"tap","connection":5}' "400
$invalid" "The member 'connection' of the hello is no text."
    hello '{"hello":1,"role":"in"}' "400
$invalid" 'The hello has no connection.'
    hello "{$in:$src,\"client\":1}" "400
$invalid" "The client is no number below the clientCount 1 of the connection 'src'."
    printf '{"hello":1,"role":"in","connection":{"id":"src"}}\n' >"$WORK/hello"
    refused -H "$WORK/hello" in
    assert_output --partial '"status":400'
    { printf '{"hello":1,"x":"' && bytes 1048576 && printf '"}\n'; } >"$WORK/hello"
    refused -H "$WORK/hello" in
    assert_output '{"hello":1,"error":{"status":413,"error":"json.invalid","message":"The hello is longer than 1 MiB."}}'
    bytes 4000000 >"$WORK/hello" # without an end
    refused -H "$WORK/hello" in
    assert_output --partial '"status":413'
    is_counter refused 15
    is_counter members 0
    [ "$(grep -c "^conn-hub: warning: cannot let a member in: $invalid: The hello has no connection\.\$" "$WORK/hub.err")" -eq 1 ]
    source_ring src
}

@test "the hub has no use for secrets, nor for what masks them" {
    hub
    local json
    json=$(target_json sink _/_/things/live/messages "$(label sink:done)")
    json=${json/'"clientCount":2'/'"credentials":{"type":"client-cert","cert":"*****","key":"*****"},"ca":"*****","clientCount":2'}
    json=${json/tcp:\/\//ssl:\/\/user:*****@}
    member sink out "$json"
    member boss control '{}'
    say boss '{"expect":'"$json"'}' '{"x":1}'
    wait_for 5 is_counter bad 1
}

@test "a hello that does not come costs the member, ten seconds later" {
    [ -n "${CONN_LONG-}" ] || skip 'takes ten seconds: make check-long'
    hub
    : >"$WORK/hello"
    refused -H "$WORK/hello" in
    assert_output '{"hello":1,"error":{"status":408,"error":"command.timeout","message":"The hello did not come within 10 s."}}'
}

@test "the member after the thousandth is refused until one leaves" {
    hub
    run --separate-stderr python3 - "$CONN_RUN/hub.sock" <<'END'
import resource, socket, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2048), hard))
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.settimeout(20)
    return s
members = [connect() for _ in range(1000)]
print(connect().recv(1000).decode(), end='')
members[500].close()
answer = b'429'
while b'429' in answer: # until the hub has seen it leave
    late = connect()
    try:
        late.sendall(b'{"hello":1,"role":"control"}\n')
    except BrokenPipeError:
        pass
    answer = late.recv(1000)
print(answer.decode(), end='')
END
    assert_status 0
    assert_stderr ''
    assert_output '{"hello":1,"error":{"status":429,"error":"too.many.requests","message":"The hub has 1000 members already.","description":"Try again soon."}}
{"hello":1}'
    wait_for 5 is_counter members 0
}

@test "a label belongs to one connection, whatever its clients" {
    hub
    local json
    json=$(target_json one _/_/things/live/messages "$(label one:two:done)")
    member zero out "$json"
    member one out "$json" -C 1
    target_json one:two _/_/things/live/messages "$(label one:two:done)" >"$WORK/other.json"
    refused -c "$WORK/other.json" out
    assert_output --partial '"status":409,"error":"acknowledgement:label.not.unique","message":"The acknowledgement label '"'one:two:done' of the connection 'one:two' is taken by another connection.\""
    stop zero
    stop one
    wait_for 5 is_counter members 0
    member other out "$(<"$WORK/other.json")"
}

# --- routing -----------------------------------------------------------------------------------------------------

@test "messages and events go to the targets of their stream and namespace" {
    hub
    member all out "$(target_json all _/_/things/live/messages)"
    member some out "$(target_json some '_/_/things/live/messages?namespaces=org.a,org.b')"
    member twin out "$(target_json twin _/_/things/twin/events)" -a 200
    service maker
    local no='"headers":{"response-required":false}'
    member live out "$(target_json live _/_/things/live/events)"
    member cmds out "$(target_json cmds _/_/things/live/commands)"
    source_ring src
    say src '{"id":"x-1","topic":"org.a/t/things/live/messages/m",'"$no"',"value":1}' \
        '{"id":"x-2","topic":"org.c/t/things/live/messages/m",'"$no"',"value":2}' \
        '{"id":"x-4","topic":"org.a/t/things/live/events/modified","value":4}' \
        '{"id":"x-5","topic":"org.a/t/things/live/commands/modify",'"$no"',"value":5}' \
        '{"topic":"org.b/t/things/live/messages/m",'"$no"',"value":6}'
    say maker '{"id":"s-1","topic":"org.a/t/things/twin/events/modified","value":3}'
    told maker 1
    assert_equal "$TOLD" '{"id":"s-1","status":200}'
    told src 4
    run outcome <<<"$TOLD"
    assert_output "$(printf 'x-%s 200\n' 1 2 4 5)"
    told all 3
    run jq -c .value <<<"$TOLD"
    assert_output $'1\n2\n6'
    told some 2
    assert_equal "$TOLD" '{"context":{"connection":"some","target":0},"topic":"org.a/t/things/live/messages/m",'"$no"',"value":1}
{"context":{"connection":"some","target":0},"topic":"org.b/t/things/live/messages/m",'"$no"',"value":6}'
    told twin 1
    told live 1
    told cmds 1
    is_counter handed 8
}

@test "a message never goes back to its connection, and reaches a target once" {
    hub
    local both
    both=$(source_json both | sed 's/}$/,/')$(target_json both _/_/things/live/messages | sed 's/.*"targets"/"targets"/')
    both=${both/'"topics":["'/'"topics":["_/_/things/live/messages?namespaces=ns","'}
    both=${both/'"targets":[{'/'"targets":[{"address":"b","topics":["_/_/things/twin/events"],"authorizationContext":["a:b"],"qos":0},{'}
    both=${both/amqp-10/mqtt-5}
    both=${both/amqp:/tcp:}
    both=${both/'"addresses"'/'"qos":1,"addresses"'}
    member both_in in "$both"
    member both_out out "$both"
    source_ring src
    say both_in "$(message x-1 ns/t)"
    told both_in 1
    service maker
    say src "$(message y-1 ns/t)"
    told both_out 1
    say maker '{"topic":"ns/t/things/twin/events/modified","value":1}'
    told both_out 2
    run jq -c .context.target <<<"$TOLD"
    assert_output $'1\n0'
}

@test "what travels is what came, but for id and context" {
    hub
    member sink out "$(target_json sink _/_/things/live/messages)"
    source_ring src
    local rest='"topic":"ns/t/things/live/messages/m","headers":{"a":"\u0000","response-required":false},"value":[12345678901234567890,1.0,1e400,"\ud83d"]'
    say src '{"id":"x-1","context":{"connection":"evil"},'"$rest"'}' \
        '{'"$rest"',"context":{"target":9},"id":"x-2","\u0069d":"x-3","context":1}'
    told sink 2
    local want='{"context":{"connection":"sink","target":0},'"$rest"'}'
    assert_equal "$TOLD" "$want"$'\n'"$want"
}

@test "long messages pass, longer ones are refused" {
    hub
    member sink out "$(target_json sink _/_/things/live/messages)"
    source_ring src
    long() { # ID BYTES
        printf '{"id":"%s","topic":"ns/t/things/live/messages/m","headers":{"response-required":false},"value":"' "$1"
        bytes "$2"
        printf '"}\n'
    }
    long x-1 16777216 >&"$FD_src"
    told sink 1
    [ "$(wc -c <"$WORK/sink.out")" -gt 16777216 ]
    long x-2 33554432 >&"$FD_src"
    told src 2
    run outcome <<<"$TOLD"
    assert_output 'x-1 200
x-2 413 413 messages:payload.toolarge'
}

@test "two clients share the messages by thing" {
    hub
    local json n=200
    json=$(target_json pair _/_/things/live/messages "$(label pair:done)")
    member zero out "$json" -a 200
    member one out "$json" -C 1 -a 200
    source_ring src
    messages $n x ns/t "$(acks pair:done)" >&"$FD_src"
    told src $n
    run -0 sort -u <(outcome <<<"$TOLD" | cut -d ' ' -f 2)
    assert_output 200
    [ -s "$WORK/zero.out" ] && [ -s "$WORK/one.out" ]
    [ "$(cat "$WORK/zero.out" "$WORK/one.out" | wc -l)" -eq $n ]
    # each thing is at one of them, with all its messages
    run comm -12 <(jq -r .topic "$WORK/zero.out" | sort -u) <(jq -r .topic "$WORK/one.out" | sort -u)
    assert_output ''
    # one leaves: the other has them all
    stop one
    wait_for 5 is_counter members 2
    forget_told zero
    forget_told src
    messages 20 y ns/t "$(acks pair:done)" >&"$FD_src"
    told zero 20
    told src 20
}

@test "what nobody serves is refused with an error" {
    hub
    source_ring src
    say src '{"id":"x-1","topic":"ns/t/things/twin/commands/modify","path":"/","value":{}}' \
        '{"id":"x-2","topic":"ns/t/things/twin/commands/modify","status":204,"path":"/"}' \
        '{"id":"x-3","topic":"ns/t/things/twin/acks/a:b","status":200}' \
        '{"id":"x-4","topic":"ns/p/policies/announcements/x","path":"/"}' \
        '{"id":"x-5","topic":"ns/p/policies/commands/modify","path":"/","value":{}}' \
        '{"id":"x-6","topic":"_/_/things/twin/search/subscribe","path":"/","value":{}}' \
        '{"id":"x-7","topic":"ns/t/things/twin/events/modified","path":"/","value":{}}' \
        '{"id":"x-8","topic":"ns/t/things/twin/streaming/subscribeForPersistedEvents","path":"/","value":{}}' \
        '{"id":"x-9","topic":"ns/p/policies/commands/checkPermissions","path":"/","value":{}}' \
        '{"topic":"ns/t/things/twin/commands/modify","path":"/","value":{}}'
    told src 9
    run outcome <<<"$TOLD"
    assert_output 'x-1 503 503 things:thing.unavailable
x-2 400 400 signal.unsupported
x-3 400 400 acknowledgement:label.not.declared
x-4 400 400 signal.unsupported
x-5 503 503 policies:policy.unavailable
x-6 400 400 signal.unsupported
x-7 400 400 signal.unsupported
x-8 400 400 signal.unsupported
x-9 400 400 signal.unsupported'
    is_counter unserved 9
    # one line a while, not one a message
    [ "$(grep -c 'cannot' "$WORK/hub.err")" -eq 1 ]
}

# --- acknowledgements --------------------------------------------------------------------------------------------

@test "requested acknowledgements: the settlement of the target's line is the answer" {
    hub
    target_ring sink
    source_ring src
    say src "$(message x-1 ns/t "$(acks sink:done)")"
    told sink 1
    [ ! -s "$WORK/src.out" ]
    run jq -r '.context.target, .value, (.id | test("^[a-z0-9]+-1$"))' <<<"$TOLD"
    assert_output $'0\n1\ntrue'
    say sink '{"id":"'"$(jq -r .id <<<"$TOLD")"'","status":204}'
    told src 1
    assert_equal "$TOLD" '{"id":"x-1","status":200}'
    # the same again: nobody waits for it any more
    say sink "$(jq -c '{id, status: 503}' "$WORK/sink.out")" '{"id":"h-1","status":200}'
    wait_for 5 is_counter unknown 2
    told src 1
}

@test "all forms of the request, and what requests nothing" {
    hub
    target_ring sink -a 200
    source_ring src
    say src "$(message x-1 ns/t '"requested-acks":"[\"sink:done\"]"')" \
        "$(message x-2 ns/t '"requested-acks":"sink:done"')" \
        "$(message x-3 ns/t '"requested-acks":[]')" \
        "$(message x-5 ns/t)" \
        "$(message '' ns/t "$(acks sink:done)" | sed 's/"id":"",//')"
    told src 4
    run -0 sort <(outcome <<<"$TOLD")
    assert_output "$(printf 'x-%s 200\n' 1 2 3 5)"
    told sink 5
    run jq -r 'has("id")' <<<"$TOLD"
    assert_output $'true\ntrue\nfalse\nfalse\nfalse'
    forget_told src
    say src "$(message y-1 ns/t '"timeout":"soon","requested-acks":["sink:done"]')" \
        "$(message y-2 ns/t '"requested-acks":["?"]')" "$(message y-3 ns/t '"requested-acks":5')" \
        "$(message y-4 ns/t '"timeout":"0","requested-acks":["sink:done"]')"
    told src 4
    run outcome <<<"$TOLD"
    assert_output 'y-1 400 400 timeout.invalid
y-2 400 400 acknowledgement:label.invalid
y-3 400 400 header.invalid
y-4 400 400 header.invalid'
    told sink 5
}

@test "several labels: the worst class counts, its error goes home" {
    hub
    target_ring good -a 200
    target_ring bad -a 404
    target_ring down
    source_ring src
    say src "$(message x-1 ns/t "$(acks good:done bad:done)")" "$(message x-2 ns/t "$(acks bad:done)")" \
        "$(message x-3 ns/t "$(acks good:done)")"
    told src 3
    run -0 sort <(outcome <<<"$TOLD")
    assert_output 'x-1 400
x-2 400
x-3 200'
    forget_told src
    told down 3
    forget_told down
    say src "$(message y-1 ns/t "$(acks good:done bad:done down:done)")"
    told down 1
    say down "$(jq -c '{id, status: 503, error: {status: 503, error: "connectivity:message.sending.failed", message: "x"}}' <<<"$TOLD")"
    told src 1
    assert_equal "$TOLD" '{"id":"y-1","status":503,"error":{"status":503,"error":"connectivity:message.sending.failed","message":"x"}}'
}

@test "a label that nobody issues is late: 408" {
    hub
    target_ring sink -a 200
    source_ring src
    say src "$(message x-1 ns/t '"timeout":"100ms",'"$(acks sink:done nobody:done)")"
    told src 1
    assert_equal "$TOLD" '{"id":"x-1","status":503,"error":{"status":408,"error":"acknowledgement:request.timeout","message":"The acknowledgement '"'nobody:done'"' did not come within 100 ms.","description":"Try increasing the timeout and make sure that the requested acknowledgement is sent back in time."}}'
    is_counter timed_out 1
    is_counter waits 0
}

@test "a label whose target filters the message is answered, that of the own connection is not" {
    hub
    member sink out "$(target_json sink '_/_/things/live/messages?namespaces=other' "$(label sink:done)")"
    target_ring own
    source_ring src
    member own_in in "$(source_json own)"
    say src "$(message x-1 ns/t "$(acks sink:done)")"
    told src 1
    assert_equal "$TOLD" '{"id":"x-1","status":200}'
    [ ! -s "$WORK/sink.out" ]
    say own_in "$(message y-1 ns/t '"timeout":"50ms",'"$(acks own:done)")"
    told own_in 1
    run outcome <<<"$TOLD"
    assert_output 'y-1 503 408 acknowledgement:request.timeout'
}

@test "control: the label of a ring that should be there is answered 503 at once" {
    hub
    source_ring src
    local sink unavailable
    sink=$(target_json sink _/_/things/live/messages "$(label sink:done)")
    unavailable='503 503 connectivity:connection.unavailable'
    ask() { # ID OUTCOME
        forget_told src
        say src "$(message "$1" ns/t '"timeout":"50ms",'"$(acks sink:done)")"
        told src 1
        run outcome <<<"$TOLD"
        assert_output "$1 $2"
    }
    member boss control '{}'
    say boss '{"expect":'"$sink"'}' '{"bad":1}' 'no json' '{"expect":{"id":1}}'
    wait_for 5 is_counter bad 3
    ask x-1 "$unavailable"
    stop boss # expectations stay
    ask x-2 "$unavailable"
    member sink out "$sink" -a 200
    ask x-3 200
    stop sink
    wait_for 5 is_counter members 1
    ask x-4 "$unavailable"
    member next control '{}' # and are cleared
    ask x-5 '503 408 acknowledgement:request.timeout'
    say next '{"expect":'"$sink"'}' '{"expect":'"$sink"'}' '{"x":1}'
    wait_for 5 is_counter bad 4
    ask x-6 "$unavailable"
    say next '{"forget":"sink"}' '{"x":1}'
    wait_for 5 is_counter bad 5
    ask x-7 '503 408 acknowledgement:request.timeout'
}

@test "kill -9 of a target's ring answers what it had, 503" {
    hub
    target_ring sink
    source_ring src
    say src "$(message x-1 ns/t "$(acks sink:done)")" "$(message x-2 ns/t "$(acks sink:done)")"
    told sink 2
    kill -KILL "${PIDS[sink]}"
    told src 2
    run -0 sort <(outcome <<<"$TOLD")
    assert_output "$(printf 'x-%s 503 503 connectivity:connection.unavailable\n' 1 2)"
    assert_file "$WORK/hub.err" "conn-hub: warning: outbound ring 0 of 'sink' left 2 messages unsettled: answered 503"
}

@test "an inbound ring that leaves takes its waits along" {
    hub
    target_ring sink
    source_ring src
    say src "$(message x-1 ns/t "$(acks sink:done)")" "$(message x-2 ns/t "$(acks sink:done)")"
    told sink 2
    is_counter waits 2
    kill -KILL "${PIDS[src]}"
    wait_for 5 is_counter waits 0
    is_counter abandoned 2
    say sink "$(jq -c '{id, status: 200}' <<<"$TOLD")"
    wait_for 5 is_counter unknown 2
}

@test "repeated correlation ids are no error" {
    hub
    target_ring sink -a 200
    source_ring src
    say src "$(message x-1 ns/t "\"correlation-id\":\"c\",$(acks sink:done)")" \
        "$(message x-2 ns/t "\"correlation-id\":\"c\",$(acks sink:done)")" \
        "$(message x-1 ns/t "\"correlation-id\":\"c\",$(acks sink:done)")"
    told src 3
    run outcome <<<"$TOLD"
    assert_output $'x-1 200\nx-2 200\nx-1 200'
}

@test "parts: of an outbound mapper they are counted, of an inbound ring they go home" {
    hub
    target_ring sink
    source_ring src
    say src "$(message x-1 ns/t "$(acks sink:done)")" '{"id":"s-1","parts":2}' '{ "id" : "s-1/1", "status" : 200 }' \
        '{"id":"s-1/2","status":400,"error":{"status":400}}'
    told sink 1
    told src 3
    assert_equal "$TOLD" '{"id":"s-1","parts":2}
{ "id" : "s-1/1", "status" : 200 }
{"id":"s-1/2","status":400,"error":{"status":400}}'
    forget_told src
    local id
    id=$(jq -r .id "$WORK/sink.out")
    say sink "{\"id\":\"$id\",\"parts\":2}" "{\"id\":\"$id/2\",\"status\":200}" "{\"id\":\"$id/1\",\"parts\":0}"
    told src 1
    assert_equal "$TOLD" '{"id":"x-1","status":200}'
}

@test "nobody settles what another ring was given" {
    hub
    target_ring one
    target_ring two
    source_ring src
    say src "$(message x-1 ns/t "$(acks one:done)")"
    told one 1
    say two "$(jq -c '{id, status: 200}' <<<"$TOLD")"
    wait_for 5 is_counter unknown 1
    [ ! -s "$WORK/src.out" ]
    say one "$(jq -c '{id, status: 200}' <<<"$TOLD")"
    told src 1
}

# --- flow --------------------------------------------------------------------------------------------------------

@test "a full queue answers labels with 503 and drops the rest, said once" {
    hub -M 10 -B 100000
    target_ring sink -w
    source_ring src
    local n=3000 value
    value='"v":"'$(bytes 1000)'"'
    messages $n x ns/t "$value" >&"$FD_src"
    messages $n y ns/t "$value,$(acks sink:done)" >&"$FD_src"
    wait_for 10 has_lines src $((2 * n - 100))
    local dropped unavailable
    dropped=$(counter dropped)
    unavailable=$(counter unavailable)
    [ "$dropped" -gt 2000 ] && [ "$unavailable" -gt 2900 ]
    [ "$(outcome <"$WORK/src.out" | grep -c ' 503 503 connectivity:connection.unavailable$')" -eq "$unavailable" ]
    [ "$(counter queued_bytes)" -le 100000 ]
    [ "$(grep -c "cannot hand messages to outbound ring 0 of 'sink': its queue is full" "$WORK/hub.err")" -eq 1 ]
    kill -USR1 "${PIDS[sink]}"
    wait_for 5 grep -q "'sink' takes messages again: $unavailable were refused with 503, $dropped dropped" "$WORK/hub.err"
    wait_for 5 has_lines sink $((2 * n - dropped - unavailable))
}

@test "-b: a full queue stops the inbound ring, nothing is dropped" {
    hub -b -M 10 -B 100000
    target_ring sink -w
    source_ring src
    member other out "$(target_json other _/_/things/live/events)"
    source_ring src2
    local n=3000
    messages $n x ns/t '"v":"'"$(bytes 1000)"'"' >"$WORK/plain"
    cat "$WORK/plain" >&"$FD_src" &
    track $!
    # another ring is not hindered
    say src2 '{"id":"y-1","topic":"ns/t/things/live/events/modified","value":1}'
    told other 1
    kill -USR1 "${PIDS[sink]}"
    wait_for 10 has_lines sink $n
    told src $n
    is_counter dropped 0
    is_counter handed $((n + 1))
    run -0 diff <(jq -r .id "$WORK/plain") <(jq -r .id "$WORK/src.out")
}

@test "-b: a ring that is waited for and leaves frees the inbound ring" {
    hub -b -M 1 -B 1000
    target_ring sink -w
    source_ring src
    messages 20 x ns/t '"v":"'"$(bytes 100000)"'"' >"$WORK/plain"
    cat "$WORK/plain" >&"$FD_src" &
    track $!
    wait_for 5 has_lines src 1
    kill -KILL "${PIDS[sink]}"
    wait_for 10 has_lines src 20
}

@test "an inbound ring that does not read its settlements is not read" {
    hub -B 10000
    source_ring src -w
    local n=50000
    messages $n x ns/t >"$WORK/plain"
    cat "$WORK/plain" >&"$FD_src" &
    track $!
    local received=-1 now=0
    while [ "$received" -ne "$now" ] || [ "$now" -eq 0 ]; do # until it stands still
        received=$now
        now=$(counter received)
    done
    [ "$now" -lt $n ]
    [ "$(counter queued_bytes)" -lt 100000 ]
    kill -USR1 "${PIDS[src]}"
    wait_for 10 has_lines src $n
    run -0 diff <(jq -r .id "$WORK/plain") <(jq -r .id "$WORK/src.out")
}

@test "lines that are none cost that line" {
    hub
    target_ring sink
    source_ring src
    say src 'no json' '{"id":"x-1",' '{"id":"x-2","address":"a"}' '{"id":"x-3","foo":1}' '{"id":"x-4","topic":"no topic"}' \
        '{"id":"x-5","topic":7}' '[]' '{"status":200}' "$(message x-6 ns/t)"
    told src 6
    run outcome <<<"$TOLD"
    assert_output 'x-1 400 400 json.invalid
x-2 400 400 json.invalid
x-3 400 400 json.invalid
x-4 400 400 protocoladapter:unknown.topicpath
x-5 400 400 protocoladapter:unknown.topicpath
x-6 200'
    is_counter bad 8
    say sink 'no json' '{"topic":"ns/t/things/live/messages/m"}' '{"id":"x","parts":-1}'
    wait_for 5 is_counter bad 10
    printf '{"id":"x-7","topic' >"$WORK/cut"
    run --separate-stderr hub-client -e -c "$WORK/src.json" in <"$WORK/cut"
    assert_status 0
    wait_for 5 is_counter bad 11
    is_counter members 2
    # one line about all of it
    [ "$(grep -c 'warning: cannot' "$WORK/hub.err")" -eq 1 ]
}

# --- rings come and go -------------------------------------------------------------------------------------------

@test "a new ring of the same client takes over, the old one may settle" {
    hub
    local json
    json=$(target_json sink _/_/things/live/messages "$(label sink:done)")
    member old out "$json"
    source_ring src
    say src "$(message x-1 ns/t "$(acks sink:done)")"
    told old 1
    member new out "$json"
    say src "$(message x-2 ns/t "$(acks sink:done)")"
    told new 1
    told old 1
    say old "$(jq -c '{id, status: 200}' "$WORK/old.out")"
    told src 1
    assert_equal "$TOLD" '{"id":"x-1","status":200}'
    stop old
    wait_for 5 is_counter members 2
    say src "$(message x-3 ns/t "$(acks sink:done)")"
    told new 2
}

@test "a ring that drains gets nothing more and may still settle" {
    hub
    target_ring sink
    source_ring src
    member boss control '{}'
    say boss '{"expect":'"$(target_json sink _/_/things/live/messages "$(label sink:done)")"'}' '{"x":1}'
    wait_for 5 is_counter bad 1
    say src "$(message x-1 ns/t "$(acks sink:done)")"
    told sink 1
    kill -USR2 "${PIDS[sink]}" # shuts its socket for reading
    wait_for 10 grep -q 'not read any more' "$WORK/sink.err"
    local i
    for ((i = 2; i < 4; i++)); do
        say src "$(message x-$i ns/t "$(acks sink:done)")"
        wait_for 5 has_lines src $((i - 1))
    done
    say sink "$(jq -c '{id, status: 200}' "$WORK/sink.out")"
    told src 3
    run outcome <<<"$TOLD"
    assert_output 'x-2 503 503 connectivity:connection.unavailable
x-3 503 503 connectivity:connection.unavailable
x-1 200'
}

@test "under load every message arrives and is settled once" {
    hub
    local n=$((${CONN_LONG:+2000000} + 0)) option
    [ $n -gt 0 ] || n=40000
    for option in '' '-a' '-w 1' '-w 5000' '-b 3000'; do
        [ "$option" != '-w 1' ] || n=$((n / 10))
        # shellcheck disable=SC2086
        run --separate-stderr hub-load -n $n $option
        assert_status 0
        assert_output "sent=$n arrived=$n settled=$n wrong=0"
        assert_stderr ''
    done
    is_counter waits 0
    is_counter unknown 0
}
