#!/usr/bin/env bats
# ditto-filter.bats: target topics applied to lines.
load helper/common

TWIN=_/_/things/twin/events

event() { # PATH VALUE [MEMBERS]
    echo '{"topic":"ns/d/things/twin/events/modified","path":"'"$1"'","value":'"$2"',"revision":3'"${3-}"'}'
}

# Runs ditto-filter on what stdin holds.
filter() { # ARG…
    cat >"$WORK/in"
    run --separate-stderr ditto-filter "$@" <"$WORK/in"
}

# --- what passes --------------------------------------------------------------------------------------------------

@test "matching messages pass byte for byte, in order, others are settled weakly" {
    {
        event /attributes/c '4.2e1' ',"id":"a-1", "extra" : {} '
        event /attributes/c 41 ',"id":"a-2"'
        event /attributes/c 7
        event /attributes '{"c": 43.000 ,"d":"\u00e4"}'
    } >"$WORK/lines"
    filter "$TWIN?filter=gt(attributes/c,41)" <"$WORK/lines"
    assert_status 0
    assert_output "$(sed -n 1p "$WORK/lines")
{\"id\":\"a-2\",\"status\":200,\"weak\":true}
$(sed -n 4p "$WORK/lines")"
    assert_stderr ''
}

@test "lines that are no Ditto Protocol messages pass" {
    printf '%s\n' '{"id":"a-1","status":200}' '{"id":"a-2","parts":2}' '{"address":"x","topic":"y"}' '{}' ' { "q":1 } ' \
        '{"headers":{},"signal":{"type":"x"}}' >"$WORK/lines"
    filter "$TWIN?filter=eq(attributes/c,1)" <"$WORK/lines"
    assert_status 0
    assert_output "$(cat "$WORK/lines")"
    assert_stderr ''
}

@test "streams and namespaces" {
    local name
    for name in a.b/x/things/twin/events/created a.b/x/things/live/events/created a.b/x/things/live/commands/modify \
        a.b/x/things/live/messages/ask a.c/x/things/twin/events/created a.b/x/policies/announcements/subjectDeletion \
        _/c/connections/announcements/opened a.b/x/things/twin/commands/modify a.b/x/things/twin/errors nonsense; do
        echo '{"topic":"'"$name"'","path":"/"}'
    done >"$WORK/lines"
    picks() { # TOPIC LINE…
        filter "$1" <"$WORK/lines"
        assert_status 0
        assert_output "$(shift; for name; do sed -n "${name}p" "$WORK/lines"; done)"
        assert_stderr ''
    }
    picks _/_/things/twin/events 1 5
    picks '_/_/things/twin/events?namespaces=a.b' 1
    picks '_/_/things/twin/events?namespaces=x,a.c%2Cy' 5
    picks _/_/things/live/events 2
    picks _/_/things/live/commands 3
    picks _/_/things/live/messages 4
    picks _/_/policies/announcements 6
    picks '_/_/policies/announcements?namespaces=a.c'
    picks '_/_/connections/announcements?namespaces=x' 7
}

@test "what is asked for in extraFields is unknown until it is there" {
    filter "$TWIN?filter=and(gt(attributes/c,1),eq(attributes/owner,'me'))&extraFields=attributes/owner" < <(
        event /attributes/c 2 ',"id":"may"'
        event /attributes/c 1 ',"id":"cannot"'
        event /attributes/c 2 ',"id":"is","extra":{"attributes":{"owner":"me","c":0}}'
        event /attributes/c 2 ',"id":"is not","extra":{"attributes":{"owner":"you"}}'
    )
    assert_status 0
    run jq -c '[.id, .weak]' <<<"$output"
    assert_output '["may",null]
["cannot",true]
["is",null]
["is not",true]'
}

@test "-T: things that match pass" {
    filter -T 'and(exists(features/f),not(eq(attributes/l/k,2)))' < <(
        echo '{"thingId":"a:1","features":{"f":{}},"attributes":{"l":[{"k":1}]}}'
        echo '{"thingId":"a:2","features":{"f":{}},"attributes":{"l":[{"k":1},{"k":2}]}}'
        echo '{"thingId":"a:3"}'
    )
    assert_status 0
    assert_output '{"thingId":"a:1","features":{"f":{}},"attributes":{"l":[{"k":1}]}}'
    assert_stderr ''
}

@test "-d: readiness" {
    run --separate-stderr ditto-filter -d 4 "$TWIN" 4>"$WORK/ready" </dev/null
    assert_status 0
    assert_output ''
    assert_stderr ''
    assert_file "$WORK/ready" ''
}

# --- faults -------------------------------------------------------------------------------------------------------

@test "a filter that is not valid is refused" {
    refused() { # CODE ARG…
        local code=$1
        shift
        run --separate-stderr ditto-filter "$@" </dev/null
        assert_status 100
        assert_output ''
        assert_stderr --regexp "^ditto-filter: error: cannot use '.*': $code: [^"$'\n'"]*$"
    }
    refused connectivity:topic.invalid _/_/things/twin/commands
    refused connectivity:topic.invalid "$TWIN?filter=%zz"
    refused rql.expression.invalid "$TWIN?filter=eq(attributes/a, 1)"
    refused rql.expression.invalid "$TWIN?filter=eq(count,1)"
    refused rql.expression.invalid "$TWIN?filter="
    refused rql.expression.invalid -T "eq(topic:action,'created')"
    refused things:field.selection.invalid "$TWIN?extraFields=attributes,%20features"
    refused rql.expression.invalid -n "$TWIN?filter=like(attributes/a,5)"
    run --separate-stderr ditto-filter -n "$TWIN?filter=like(attributes/a,'5')"
    assert_status 0
    assert_output ''
    assert_stderr ''
}

@test "wrong usage" {
    run --separate-stderr ditto-filter
    assert_status 100
    assert_output ''
    run --separate-stderr ditto-filter "$TWIN" x
    assert_status 100
}

@test "a line that is no JSON object is settled with 400, if it says its id" {
    filter "$TWIN" < <(printf '%s\n' '{"id":"a-1","topic":"x"' '[]' '' '{"topic":"x","id":"a-2"}x' '{"id":"a-3"}')
    assert_status 0
    run jq -c '[.id, .status, .error.error]' <<<"$output"
    assert_output '["a-1",400,"json.invalid"]
["a-2",400,"json.invalid"]
["a-3",null,null]'
    run cat <<<"$stderr"
    assert_line --index 0 'ditto-filter: warning: cannot read a line: unexpected end of input'
    assert_line --index 1 'ditto-filter: warning: cannot read a line: object expected'
    [ "${#lines[@]}" -eq 4 ]
}

@test "a value that a filter looks at is checked, what it does not look at is not" {
    filter "$TWIN?filter=exists(attributes/a)" < <(
        event /attributes '{"a":{"b" 1}}' ',"id":"a-1"'
        event /attributes '{"a":1,"c":{"b" 1}}'
    )
    assert_status 0
    assert_output '{"id":"a-1","status":200,"weak":true}
{"topic":"ns/d/things/twin/events/modified","path":"/attributes","value":{"a":1,"c":{"b" 1}},"revision":3}'
}

@test "a last line that is cut off is an error" {
    printf '{"id":"a-1"}\n{"id":' >"$WORK/in"
    run --separate-stderr ditto-filter "$TWIN" <"$WORK/in"
    assert_status 111
    assert_output '{"id":"a-1"}'
    assert_stderr "ditto-filter: error: cannot read 'stdin': the last line is cut off"
}

# --- large and deep -----------------------------------------------------------------------------------------------

@test "lines that are meant to hurt" {
    python3 - >"$WORK/in" <<'PY'
def event(path, value, id): print('{"topic":"ns/d/things/twin/events/modified","path":"%s","value":%s,"id":"%s"}' % (path, value, id))
event("/attributes", '{"a":' + "[" * 10000 + "]" * 10000 + "}", "deep")
event("/attributes", '{"b":' + "[" * 10000 + "]" * 10000 + ',"a":1}', "beside")
event("/attributes/a", '"' + "x" * (16 * 1024 * 1024) + '"', "long")
event("/attributes", "{" + ",".join('"k%d":%d' % (i, i) for i in range(100000)) + ',"a":1}', "members")
event("/attributes", '{"' + "k" * (1024 * 1024) + '":1,"a":1}', "key")
event("/attributes" + "/p" * 32768, "1", "path")
print('{"id":"topic","path":"/","topic":"' + "n" * 65536 + '/d/things/twin/events/created","value":{"attributes":{"a":1}}}')
print('{"id":"huge","x":"' + "y" * (33 * 1024 * 1024) + '"}')
PY
    bounded() { (ulimit -v 600000 && ditto-filter "$TWIN?filter=exists(attributes/a)" <"$WORK/in" | cut -c 1-200 | grep -o '"id":"[a-z]*"\(,"status":[0-9]*\)\?'); }
    case $BUILD in */asan) bounded() { ditto-filter "$TWIN?filter=exists(attributes/a)" <"$WORK/in" >"$WORK/out"; cut -c 1-200 "$WORK/out" | grep -o '"id":"[a-z]*"\(,"status":[0-9]*\)\?'; } ;; esac
    run --separate-stderr bounded
    assert_output '"id":"deep","status":200
"id":"path","status":200
"id":"topic"
"id":"huge","status":413'
    # what passed is longer than what was cut: count it
    run grep -c . <(ditto-filter "$TWIN?filter=exists(attributes/a)" <"$WORK/in" 2>/dev/null)
    assert_output 8
}

@test "filters that are meant to hurt" {
    run --separate-stderr ditto-filter -n -T "$(printf 'not(%.0s' {1..10000})exists(thingId)$(printf ')%.0s' {1..10000})"
    assert_status 100
    assert_stderr --partial 'rql.expression.invalid: The filter is no valid RQL: it is nested too deeply'
    filter -T "$(printf 'not(%.0s' {1..400})exists(thingId)$(printf ')%.0s' {1..400})" <<<'{"thingId":"a:b"}'
    assert_status 0
    assert_output '{"thingId":"a:b"}'
}

# --- documents ----------------------------------------------------------------------------------------------------

@test "filter-hot.sh: events above a temperature" {
    run --separate-stderr sh "$ROOT/examples/pipelines/filter-hot.sh" 25 < <(
        event /features/temperature/properties/value 25
        event /features/temperature '{"properties":{"value":26}}'
    )
    assert_status 0
    assert_output "$(event /features/temperature '{"properties":{"value":26}}')"
    assert_stderr ''
}

@test "filter-explain.sh: a target topic spelled out" {
    run --separate-stderr sh "$ROOT/examples/pipelines/filter-explain.sh" "$TWIN?namespaces=a,b&filter=and(in(topic:action,'created','merged'),not(exists(attributes/x)))"
    assert_status 0
    assert_output 'stream _/_/things/twin/events
namespaces a b
extraFields none
filter and
filter     in topic:action "created" "merged"
filter     not
filter         exists attributes/x'
    assert_stderr ''
    run --separate-stderr sh "$ROOT/examples/pipelines/filter-explain.sh" x
    assert_status 0
    assert_output "invalid The target topic 'x' is invalid. There is no such stream to subscribe."
}

@test "an id with escapes is settled as it was written; one with bad escapes is none" {
    run --separate-stderr ditto-filter '_/_/things/twin/events?filter=eq(topic:action,"created")' <<'END'
{"id":"a\u000ab","topic":"ns/d/things/twin/events/modified","path":"/"}
{"id":"\q","topic":"ns/d/things/twin/events/modified","path":"/"}
{"id":"\u00e4","topic":1,
END
    assert_output '{"id":"a\u000ab","status":200,"weak":true}
{"id":"\u00e4","status":400,"error":{"status":400,"error":"json.invalid","message":"The line is not valid: unexpected end of input."}}'
}

@test "the examples of the page" {
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh/{/^\.Bd/,/^\.Ed/{/^\./!p}}' "$ROOT/man/ditto-filter.1" | sed 's/\\e/\\/g' >"$WORK/example"
    cd "$WORK"
    run --separate-stderr bash -eu example
    assert_success
    assert_stderr ''
    assert_output '{"topic":"org.example/lamp/things/twin/events/modified","path":"/attributes/temp","value":21.5,"revision":7}
{"thingId":"org.example:lamp","_modified":"2024-05-06T07:08:09Z"}'
}
