#!/usr/bin/env bats
# ditto-adapt.bats: Ditto Protocol messages to signals, and back.
load helper/common

# Runs ditto-adapt on what stdin holds; expects exit 0 and nothing on stderr.
adapt() { # ARG…
    cat >"$WORK/in"
    run --separate-stderr ditto-adapt "$@" <"$WORK/in"
    assert_status 0
    assert_stderr ''
}

MODIFY='{"topic":"ns/d/things/twin/commands/modify","headers":{"correlation-id":"c-1"},"path":"/attributes/a","value":1}'
MODIFY_SIGNAL='{"headers":{"correlation-id":"c-1","ditto-entity-id":"thing:ns:d"},"signal":{"type":"things.commands:modifyAttribute","thingId":"ns:d","attribute":"/a","value":1}}'

# --- both ways ----------------------------------------------------------------------------------------------------

@test "a message becomes a signal" {
    adapt -s <<<"$MODIFY"
    assert_output "$MODIFY_SIGNAL"
}

@test "a signal becomes a message" {
    adapt -p <<<"$MODIFY_SIGNAL"
    assert_output '{"topic":"ns/d/things/twin/commands/modify","headers":{"correlation-id":"c-1","content-type":"application/json"},"path":"/attributes/a","value":1}'
}

@test "id and context go along, wherever they stood" {
    adapt -s <<<'{"context":{"a": 1},"value":1,"path":"/attributes/a","topic":"ns/d/things/twin/commands/modify","id":"q/7"}'
    assert_output '{"id":"q/7","headers":{"ditto-entity-id":"thing:ns:d"},"signal":{"type":"things.commands:modifyAttribute","thingId":"ns:d","attribute":"/a","value":1},"context":{"a": 1}}'
    adapt -p <<<"$output"
    assert_output '{"id":"q/7","topic":"ns/d/things/twin/commands/modify","headers":{"content-type":"application/json"},"path":"/attributes/a","value":1,"context":{"a": 1}}'
}

@test "values leave as they came, byte for byte" {
    local value='{"n":[1.50,1e3,-0,0.1E-7,123456789012345678901234567890.0],"s":"\u00e4\/\ud83d ä","d":1,"d":2 , "deep":[[[]]]}'
    adapt -s <<<'{"topic":"ns/d/things/twin/commands/modify","path":"/attributes","value":'"$value"'}'
    assert_output --partial '"attributes":'"$value"'}}'
    adapt -p <<<"$output"
    assert_output --partial '"value":'"$value"'}'
}

@test "integers outside of int64 are refused, inside they pass" {
    adapt -s <<'END'
{"topic":"ns/d/things/twin/commands/modify","path":"/attributes/a","value":[9223372036854775807,-9223372036854775808]}
{"topic":"ns/d/things/twin/commands/modify","path":"/attributes/a","value":9223372036854775808}
{"topic":"ns/d/things/twin/commands/modify","path":"/attributes/a","value":[{"x":-9223372036854775809}]}
{"topic":"ns/d/things/twin/commands/modify","path":"/attributes/a","value":9223372036854775808.0}
END
    run sed 's/.*"attribute":"\/a","value":\(.*\)}}/\1/; s/.*"error":"\([a-z.]*\)".*/\1/' <<<"$output"
    assert_output '[9223372036854775807,-9223372036854775808]
json.invalid
json.invalid
9223372036854775808.0'
}

@test "all kinds of signals, one of each" {
    adapt -s <<'END'
{"topic":"ns/d/things/live/commands/modify","headers":{},"path":"/features/f/properties/p/q","value":true}
{"topic":"ns/d/things/twin/commands/retrieve","headers":{},"path":"/","fields":"attributes/a,thingId"}
{"topic":"ns/d/things/twin/commands/modify","headers":{},"path":"/attributes","status":204}
{"topic":"ns/d/things/twin/events/modified","headers":{},"path":"/attributes/a","value":2,"revision":7,"timestamp":"2024-05-06T07:08:09Z"}
{"topic":"ns/d/things/twin/commands/merge","headers":{"content-type":"application/merge-patch+json"},"path":"/attributes","value":{"a":null}}
{"topic":"ns/_/things/twin/commands/retrieve","headers":{},"path":"/","value":{"thingIds":["ns:a","ns:b"]}}
{"topic":"ns/d/things/live/messages/ask","headers":{"content-type":"text/plain"},"path":"/inbox/messages/ask","value":"how are you?"}
{"topic":"ns/d/things/twin/acks/my-ack","headers":{},"path":"/","value":{"x":1},"status":200}
{"topic":"ns/d/things/twin/errors","headers":{},"path":"/","value":{"status":404,"error":"things:thing.notfound","message":"m"},"status":404}
{"topic":"_/_/things/twin/search/subscribe","headers":{},"path":"/","value":{"filter":"exists(attributes)"}}
{"topic":"ns/p/policies/commands/modify","headers":{},"path":"/entries/l/subjects/google:x","value":{"type":"t"}}
{"topic":"ns/p/policies/announcements/subjectDeletion","headers":{},"path":"/","value":{"deleteAt":"2024-05-06T07:08:09Z","subjectIds":["google:x"]}}
{"topic":"_/c/connections/announcements/opened","headers":{},"path":"/","value":{"openedAt":"2024-05-06T07:08:09Z"}}
{"topic":"ns/d/things/twin/streaming/request","headers":{},"path":"/","value":{"subscriptionId":"s","demand":3}}
END
    echo "$output" >"$WORK/signals"
    run jq -c '.signal' "$WORK/signals"
    assert_output '{"type":"things.commands:modifyFeatureProperty","thingId":"ns:d","featureId":"f","property":"/p/q","value":true}
{"type":"things.commands:retrieveThing","thingId":"ns:d","selectedFields":"/attributes/a,/thingId"}
{"type":"things.responses:modifyAttributes","status":204,"thingId":"ns:d","attributes":null}
{"type":"things.events:attributeModified","_timestamp":"2024-05-06T07:08:09Z","_metadata":null,"revision":7,"thingId":"ns:d","attribute":"/a","value":2}
{"type":"things.commands:mergeThing","thingId":"ns:d","path":"/attributes","value":{"a":null}}
{"type":"things.commands:retrieveThings","thingIds":["ns:a","ns:b"],"namespace":"ns"}
{"type":"messages.commands:thingMessage","thingId":"ns:d","message":{"headers":{"content-type":"text/plain","channel":"live","ditto-entity-id":"thing:ns:d","ditto-message-thing-id":"ns:d","ditto-message-subject":"ask","ditto-message-direction":"TO"},"payload":"how are you?"}}
{"type":"acknowledgement","label":"my-ack","entityId":"ns:d","entityType":"thing","status":200,"payload":{"x":1},"headers":{"response-required":false}}
{"type":"things.responses:errorResponse","status":404,"thingId":"ns:d","payload":{"status":404,"error":"things:thing.notfound","message":"m"}}
{"type":"thing-search.commands:subscribe","filter":"exists(attributes)","namespaces":[]}
{"type":"policies.commands:modifySubject","policyId":"ns:p","label":"l","subjectId":"google:x","subject":{"type":"t"}}
{"type":"policies.announcements:subjectDeletion","policyId":"ns:p","deleteAt":"2024-05-06T07:08:09Z","subjectIds":["google:x"]}
{"type":"connectivity.announcements:opened","connectionId":"c","openedAt":"2024-05-06T07:08:09Z"}
{"type":"streaming.subscription.commands:request","entityType":"thing","entityId":"ns:d","resourcePath":"/","subscriptionId":"s","demand":3}'
    adapt -p <"$WORK/signals"
    run jq -r '.topic + " " + .path' <<<"$output"
    assert_output 'ns/d/things/live/commands/modify /features/f/properties/p/q
ns/d/things/twin/commands/retrieve /
ns/d/things/twin/commands/modify /attributes
ns/d/things/twin/events/modified /attributes/a
ns/d/things/twin/commands/merge /attributes
ns/_/things/twin/commands/retrieve /
ns/d/things/live/messages/ask /inbox/messages/ask
ns/d/things/twin/acks/my-ack /
ns/d/things/twin/errors /
_/_/things/twin/search/subscribe /
ns/p/policies/commands/modify /entries/l/subjects/google:x
ns/p/policies/announcements/subjectDeletion /
_/c/connections/announcements/opened /
ns/d/things/twin/streaming/request /'
}

@test "headers cross the border only if they may" {
    adapt -s <<<'{"topic":"ns/d/things/twin/commands/delete","path":"/","headers":{"correlation-id":"c","ditto-originator":"me","ditto-sudo":true,"timeout":"10s","Mine":7,"if-match":"*"}}'
    assert_output '{"headers":{"correlation-id":"c","timeout":"10s","Mine":"7","if-match":"*","ditto-entity-id":"thing:ns:d"},"signal":{"type":"things.commands:deleteThing","thingId":"ns:d"}}'
    adapt -p <<<'{"headers":{"ditto-originator":"me","ditto-sudo":true,"if-match":"*","requested-acks":["twin-persisted","a-b-c"]},"signal":{"type":"things.commands:deleteThing","thingId":"ns:d"}}'
    assert_output '{"topic":"ns/d/things/twin/commands/delete","headers":{"ditto-originator":"me","requested-acks":["a-b-c"],"content-type":"application/json"},"path":"/"}'
}

# --- errors -------------------------------------------------------------------------------------------------------

@test "what is no message is answered by an error message, and settled if it has an id" {
    adapt -s <<'END'
{"topic":"ns/d/things/live/commands/modify","headers":{"correlation-id":"c-9","mine":"x"},"path":"/nowhere","value":1,"id":"i-1","context":{"k":2}}
{"topic":"ns/d/things/twin/commands/dance","path":"/"}
END
    assert_output '{"topic":"ns/d/things/live/errors","headers":{"correlation-id":"c-9","mine":"x","response-required":false,"content-type":"application/json"},"path":"/","value":{"status":400,"error":"protocoladapter:unknown.path","message":"No message has the path '"'nowhere'"'.","description":"Check if the path is correct."},"status":400,"context":{"k":2}}
{"id":"i-1","status":400,"error":{"status":400,"error":"protocoladapter:unknown.path","message":"No message has the path '"'nowhere'"'.","description":"Check if the path is correct."}}
{"topic":"unknown/unknown/things/twin/errors","headers":{"response-required":false,"content-type":"application/json"},"path":"/","value":{"status":400,"error":"protocoladapter:unknown.topicpath","message":"The topic path '"'ns/d/things/twin/commands/dance'"' is unknown.","description":"'"'dance' is no action."'"},"status":400}'
}

@test "the same for what is no signal" {
    adapt -p <<'END'
{"headers":{"correlation-id":"c-9"},"signal":{"type":"policies.commands:deletePolicy"},"id":"i-1"}
{"headers":{"correlation-id":"c-8"},"signal":{"type":"things.commands:dance","thingId":"ns:d"}}
{"signal":{"type":"connectivity.commands:openConnection"}}
END
    run jq -c '[.id, .topic, .headers."correlation-id", .status, (.value // .error).error]' <<<"$output"
    assert_output '[null,"unknown/unknown/policies/errors","c-9",400,"json.field.missing"]
["i-1",null,null,400,"json.field.missing"]
[null,"ns/d/things/twin/errors","c-8",400,"json.type.notparsable"]
[null,"unknown/unknown/things/twin/errors",null,400,"protocoladapter:unknown.signal"]'
}

@test "each line has its answer, in order; other kinds pass" {
    adapt -s < <(
        echo '{"id":"a","status":200}'
        echo "$MODIFY"
        echo
        echo 'nonsense'
        echo '{"id":"b","parts":2}'
        echo '{"address":"t","text":"x"} '
        echo '{}'
        echo '[]'
        echo 'null'
        echo "$MODIFY_SIGNAL"
        printf '{"topic":"\xff"}\n'
        echo '{"id":"cut","topic":"x'
        echo ' { "id" : "z" , "status" : 503 } '
    )
    run sed 's/^{"topic":"\([^"]*\)".*"error":"\([^"]*\)".*/\1 \2/; s/^{"headers".*"signal":{"type":"\([^"]*\)".*/\1/; s/"error":{.*/…/' <<<"$output"
    assert_output '{"id":"a","status":200}
things.commands:modifyAttribute
unknown/unknown/things/twin/errors json.format.invalid
unknown/unknown/things/twin/errors json.invalid
{"id":"b","parts":2}
{"address":"t","text":"x"} 
unknown/unknown/things/twin/errors json.field.missing
unknown/unknown/things/twin/errors json.invalid
unknown/unknown/things/twin/errors json.field.missing
things.commands:modifyAttribute
unknown/unknown/things/twin/errors json.invalid
unknown/unknown/things/twin/errors json.invalid
{"id":"cut","status":400,…
 { "id" : "z" , "status" : 503 } '
}

@test "a member without a name, and what names an id twice" {
    adapt -s <<'END'
{"topic":"ns/d/things/twin/commands/modify","path":"/attributes","value":{"":1},"id":"x"}
{"topic":"ns/d/things/twin/commands/delete","path":"/","id":"x","id":"y"}
END
    run jq -c '[.id, .status, .signal.type, .error.error]' <<<"$output"
    assert_output '[null,400,null,null]
["x",400,null,"json.invalid"]
["y",null,"things.commands:deleteThing",null]'
}

# --- usage --------------------------------------------------------------------------------------------------------

@test "wrong usage" {
    local args
    for args in '' '-s -p' '-l -s' '-s x' '-x'; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr ditto-adapt $args </dev/null
        assert_status 100
        assert_output ''
        assert_stderr --partial 'usage: ditto-adapt [-splqvhV]'
    done
}

@test "nothing in, nothing out" {
    adapt -s </dev/null
    assert_output ''
    adapt -p </dev/null
    assert_output ''
}

@test "a last line that is cut off is an error" {
    printf '%s\n%s' "$MODIFY" "$MODIFY" >"$WORK/cut"
    run --separate-stderr ditto-adapt -s <"$WORK/cut"
    assert_status 111
    assert_output "$MODIFY_SIGNAL"
    assert_stderr "ditto-adapt: error: cannot read 'stdin': the last line is cut off"
}

@test "-v counts" {
    run --separate-stderr ditto-adapt -sv < <(printf '%s\n' "$MODIFY" "$MODIFY" '{}' '{"id":"a","status":200}')
    assert_status 0
    assert_stderr 'ditto-adapt: info: adapted 2, refused 1, passed 1'
}

@test "a full disk is an error" {
    [ -e /dev/full ] || skip
    run --separate-stderr bash -c 'ditto-adapt -s <<<"$1" >/dev/full' - "$MODIFY"
    assert_status 111
    assert_stderr --partial "ditto-adapt: error: cannot write 'stdout'"
    run --separate-stderr bash -c 'ditto-adapt -l >/dev/full'
    assert_status 111
    assert_stderr --partial "ditto-adapt: error: cannot write 'stdout'"
}

@test "-l lists every signal once, with topic and path" {
    adapt -l </dev/null
    run awk -F '\t' 'NF != 3 || $1 !~ /^[A-Za-z.-]+(:[A-Za-z]+)?$/ || $2 !~ /^[_{]/ || $3 !~ /^(\/|\*$)/ || seen[$1]++' <<<"$output"
    assert_output ''
    run --separate-stderr bash -c 'ditto-adapt -l | grep -E "^(things.events:attributeModified|messages.commands:featureMessage|acknowledgement|things.commands:mergeThing)	"'
    assert_output 'things.commands:mergeThing	{namespace}/{name}/things/(twin|live)/commands/merge	*
things.events:attributeModified	{namespace}/{name}/things/(twin|live)/events/modified	/attributes/{attribute...}
messages.commands:featureMessage	{namespace}/{name}/things/live/messages/{subject...}	/features/{featureId}/inbox/messages/{subject...}
acknowledgement	{namespace}/{name}/things/(twin|live)/acks/{label}	/'
}

# --- what is meant to hurt ----------------------------------------------------------------------------------------

hostile() {
    python3 - <<'PY'
def message(name, value, topic="ns/d/things/twin/commands/modify", path="/attributes", more=""):
    print(f'{{"id":"{name}","topic":"{topic}","path":"{path}","value":{value}{more}}}')
message("deep", "[" * 10000 + "]" * 10000)
message("big", '"' + "x" * (16 * 1024 * 1024) + '"', path="/attributes/a")
message("members", "{" + ",".join(f'"k{i}":{i}' for i in range(100000)) + "}")
message("same", "{" + ",".join('"k":1' for i in range(100000)) + "}")
message("key", '{"' + "k" * (1024 * 1024) + '":1}')
message("topic", "1", topic="ns/" + "d" * 65536 + "/things/twin/commands/modify")
message("slashes", "1", topic="/" * 65536)
message("path", "1", path="/attributes" + "/a" * 32768)
message("headers", "1", path="/attributes/a", more=',"headers":{' + ",".join(f'"h{i}":"{i}"' for i in range(100000)) + "}")
message("subject", "1", topic="ns/d/things/live/messages/" + "s" * 65536, path="/inbox/messages/" + "s" * 65536)
message("nuls", '"' + "\\u0000" * 100000 + '"', path="/attributes/a")
print('{"id":"long","x":"' + "y" * (33 * 1024 * 1024) + '"}')
PY
}

@test "hostile lines are answered, in bounded memory" {
    hostile >"$WORK/in"
    bounded() { (
        case $BUILD in */asan) ;; *) ulimit -v 200000 ;; esac
        ditto-adapt -s <"$WORK/in" >"$WORK/out"
    ); }
    run --separate-stderr bounded
    assert_status 0
    assert_stderr ''
    run bash -c 'cut -c 1-400 "$WORK/out" | sed "s/.*\"error\":\"\([a-z:.]*\)\".*/\1/; s/.*\"id\":\"\([a-z]*\)\".*\"type\":\"\([A-Za-z:.]*\)\".*/\1 \2/; s/.*\"topic\":\"unknown.*/error/"'
    assert_output 'json.invalid
json.invalid
big things.commands:modifyAttribute
members things.commands:modifyAttributes
same things.commands:modifyAttributes
json.key.invalid
json.key.invalid
headers.too.large
headers.too.large
protocoladapter:unknown.topicpath
protocoladapter:unknown.topicpath
path things.commands:modifyAttribute
headers.too.large
headers.too.large
subject messages.commands:thingMessage
nuls things.commands:modifyAttribute
messages:payload.toolarge
messages:payload.toolarge'
}

@test "and back" {
    hostile >"$WORK/in"
    ditto-adapt -s <"$WORK/in" 2>/dev/null | grep '"signal"' >"$WORK/signals" || :
    bounded() { (
        case $BUILD in */asan) ;; *) ulimit -v 200000 ;; esac
        ditto-adapt -p <"$WORK/signals" >"$WORK/out"
    ); }
    run --separate-stderr bounded
    assert_status 0
    assert_stderr ''
    run bash -c 'grep -o "^{\"id\":\"[a-z]*\"" "$WORK/out"'
    assert_output '{"id":"big"
{"id":"members"
{"id":"same"
{"id":"path"
{"id":"subject"
{"id":"nuls"'
}

# --- vectors and documents ----------------------------------------------------------------------------------------

@test "the rows of the vectors, and their way there and back" {
    local vectors=${VECTORS:-$ROOT/../shared/vectors}
    [ -e "$vectors/protocol/adapter.ndjson" ] || skip 'there are none here'
    run --separate-stderr "$ROOT/tests/helper/adapt-rows" "$vectors"
    assert_status 0
    assert_stderr ''
}

@test "the table of the page is the one of the program" {
    diff <(sed -n '/^\.\\" signals: begin/,/^\.\\" signals: end/{//!p}' "$ROOT/man/ditto-adapt.1") <("$ROOT/scripts/signals")
}

@test "adapt-answer.sh: a service in a line of shell" {
    run --separate-stderr sh "$ROOT/examples/pipelines/adapt-answer.sh" <<'END'
{"id":"a","topic":"ns/d/things/twin/commands/modify","headers":{"correlation-id":"c-1"},"path":"/features/f/properties/p","value":{"x":1}}
{"topic":"ns/d/things/twin/commands/delete","headers":{"correlation-id":"c-2"},"path":"/attributes/a"}
{"id":"b","status":200}
END
    assert_status 0
    assert_stderr ''
    assert_output '{"id":"a","topic":"ns/d/things/twin/commands/modify","headers":{"correlation-id":"c-1","response-required":false,"content-type":"application/json"},"path":"/features/f/properties/p","status":204}
{"topic":"ns/d/things/twin/commands/delete","headers":{"correlation-id":"c-2","response-required":false,"content-type":"application/json"},"path":"/attributes/a","status":204}
{"id":"b","status":200}'
}

@test "adapt-tally.sh: what is in there" {
    run --separate-stderr sh "$ROOT/examples/pipelines/adapt-tally.sh" < <(printf '%s\n' "$MODIFY" '{}' "$MODIFY")
    assert_status 0
    assert_stderr ''
    assert_output '      2 things.commands:modifyAttribute
      1 json.field.missing'
}

@test "an id goes home as it was written; what is empty, too long or no string is none" {
    adapt -s <<END
{"id":"a\\u000ab","topic":"x"}
{"id":"\\u00e4","topic":1,
{"id":"","topic":"x"}
{"id":"$(printf '%0257d' 0)","topic":"x"}
{"id":7,"topic":"x"}
{"id":"\\"","topic":"a/b/things/twin/commands/delete","path":"/"}
END
    assert_status 0
    run grep -o '^{"id":[^,]*' <<<"$output"
    assert_output '{"id":"a\u000ab"
{"id":"\u00e4"
{"id":"\""'
}

@test "the headers of messages have rules of their own" {
    local to='"topic":"ns/d/things/live/messages/ask","path":"/inbox/messages/ask"'
    adapt -s <<END
{$to,"headers":{"timestamp":"yesterday"}}
{$to,"headers":{"status":"99"}}
{$to,"headers":{"timestamp":"2024-05-06T07:08:09+02:00","status":599}}
{"topic":"ns/d/things/twin/commands/delete","path":"/","headers":{"timestamp":"yesterday","status":"99"}}
END
    assert_status 0
    run jq -r '.value.error // .signal.type' <<<"$output"
    assert_output 'header.invalid
header.invalid
messages.commands:thingMessage
things.commands:deleteThing'
    message() { printf '{"signal":{"type":"messages.commands:thingMessage","thingId":"ns:d","message":{"headers":{%s}}}}\n' "$1"; }
    adapt -p < <(
        message '"ditto-message-subject":"a","ditto-message-direction":"UP"'
        message '"ditto-message-subject":"a\u0001","ditto-message-direction":"TO"'
        message '"ditto-message-subject":"a","ditto-message-direction":"TO","ditto-message-thing-id":"no"'
        message '"ditto-message-subject":"a","ditto-message-direction":"TO","status":600'
        message '"ditto-message-subject":"a"'
        message '"ditto-message-subject":"a","ditto-message-direction":"TO","ditto-message-thing-id":"ns:d","status":200'
    )
    assert_status 0
    run jq -r '.value.error // .path' <<<"$output"
    assert_output 'header.invalid
header.invalid
header.invalid
header.invalid
json.field.missing
/inbox/messages/a'
}

@test "a response to a message says its status once" {
    adapt -s <<'END'
{"topic":"ns/d/things/live/messages/ask","path":"/inbox/messages/ask","headers":{"status":"200","Mine":1},"status":204}
{"topic":"ns/d/things/live/messages/ask","path":"/inbox/messages/ask","headers":{"St\u0061tus":"abc","Mine":1},"status":204}
END
    assert_status 0
    run grep -o '"message":.*' <<<"$output"
    assert_output '"message":{"headers":{"Mine":"1","channel":"live","ditto-entity-id":"thing:ns:d","ditto-message-thing-id":"ns:d","ditto-message-subject":"ask","ditto-message-direction":"TO","status":204}}}}
"message":{"headers":{"Mine":"1","channel":"live","ditto-entity-id":"thing:ns:d","ditto-message-thing-id":"ns:d","ditto-message-subject":"ask","ditto-message-direction":"TO","status":204}}}}'
}

@test "two slashes in the path of a message" {
    local topic='"topic":"ns/d/things/live/messages//ask"'
    adapt -s <<END
{$topic,"path":"/features/f/inbox/messages//ask"}
{$topic,"path":"/inbox/messages//ask"}
{$topic,"path":"/features//f/inbox/messages//ask"}
{$topic,"path":"/features/f//inbox/messages//ask"}
{$topic,"path":"/features/f/inbox//messages//ask"}
END
    assert_status 0
    run jq -r '.value.error // .signal.type' <<<"$output"
    assert_output 'messages.commands:featureMessage
messages.commands:thingMessage
json.pointer.invalid
json.pointer.invalid
json.pointer.invalid'
}

@test "subjects of policies: type, expiry and id" {
    subject() { printf '{"topic":"ns/d/policies/commands/modify","path":"/entries/l/subjects/%s","value":%s}\n' "$1" "$2"; }
    adapt -s < <(
        subject iss:me '{"type":"t"}'
        subject iss:me '{"type":"t","expiry":"2030-01-02T03:04:05Z"}'
        subject iss:me '{}'
        subject iss:me '{"type":1}'
        subject iss:me '{"type":"t","expiry":"bad"}'
        subject iss:me '{"type":"t","expiry":1}'
        subject iss: '{"type":"t"}'
        subject 'iss:\u0001' '{"type":"t"}'
        printf '%s\n' '{"topic":"ns/d/policies/commands/modify","path":"/entries/l/subjects","value":{"iss:me":{}}}'
    )
    assert_status 0
    run jq -r '.value.error // .signal.type' <<<"$output"
    assert_output 'policies.commands:modifySubject
policies.commands:modifySubject
json.field.missing
json.invalid
policies:subjectexpiry.invalid
json.invalid
policies:subjectid.invalid
policies:subjectid.invalid
json.field.missing'
}

@test "the examples of the page" {
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh/{/^\.Bd/,/^\.Ed/{/^\./!p}}' "$ROOT/man/ditto-adapt.1" | sed 's/\\e/\\/g' >"$WORK/example"
    cd "$WORK"
    run --separate-stderr bash -eu example
    assert_success
    assert_stderr ''
    assert_output '{"type":"things.commands:modifyFeatureProperty","thingId":"org.example:lamp","featureId":"switch","property":"/on","value":true}
{"topic":"org.example/lamp/things/twin/commands/modify","headers":{"correlation-id":"c-1","response-required":false,"content-type":"application/json"},"path":"/features/switch/properties/on","status":204}
things.commands:modifyPolicyId
things.commands:retrievePolicyId
things.responses:modifyPolicyId
things.responses:retrievePolicyId
things.events:policyIdModified'
}
