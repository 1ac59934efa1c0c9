#!/usr/bin/env bats
# ditto-expand.bats: what templates stand for: values of placeholders, functions, modes, lines as contexts.
load helper/common

# Asks with -j: answers "TEMPLATE" CONTEXT [MEMBERS]
answer() {
    local members=${3:-"{}"}
    jq -nc --arg t "$1" "{template: \$t, context: (${2:-"{}"})} + (${members})" >"$WORK/in"
    run --separate-stderr ditto-expand -j <"$WORK/in"
    assert_success
    assert_stderr ''
}

# Each line of stdin is TEMPLATE @ CONTEXT (jq) @ what comes out: a JSON array, an error code, unresolved, deleted.
answers() {
    local template context want
    while IFS=@ read -r template context want; do
        answer "$template" "$context"
        run jq -c 'if .values then .values elif .error then .error else (keys[0]) end' <<<"$output"
        [ "${output//[\"\\]/}" = "${want//[\"\\]/}" ] || fail "$template with $context: $output, not $want"
    done
}

@test "functions" {
    answers <<'END'
{{ header:a | fn:lower() }}-{{ header:a | fn:upper() }}@{header: {a: "Straße ΑΣ"}}@["straße ας-STRASSE ΑΣ"]
{{ header:a | fn:upper() }}@{header: {a: "ﬁ ŉ ᾳ ᾠ ğ"}}@["FI ʼN ΑΙ ὨΙ Ğ"]
{{ header:a | fn:trim() }}@{header: {a: "\t x "}}@["x"]
{{ header:a | fn:url-encode() }}@{header: {a: "a b/ü*-_.~€"}}@["a+b%2F%C3%BC*-_.%7E%E2%82%AC"]
{{ header:a | fn:url-decode() }}@{header: {a: "a+b%2f%C3%bc%ff"}}@["a b/ü�"]
{{ header:a | fn:url-decode() }}@{header: {a: "%4"}}@connectivity:message.mapping.failed
{{ header:a | fn:base64-encode() }}@{header: {a: "foob"}}@["Zm9vYg=="]
{{ header:a | fn:base64-decode() }}@{header: {a: "Zm9vYg"}}@["foob"]
{{ header:a | fn:base64-decode() }}@{header: {a: "Zm9vYg="}}@connectivity:message.mapping.failed
{{ header:a | fn:replace('b', header:to) }}@{header: {a: "abab", to: "-"}}@["a-a-"]
{{ header:a | fn:replace(header:none, '-') }}@{header: {a: "aü"}}@["-a-ü-"]
{{ header:a | fn:replace('a', header:none) }}@{header: {a: "a"}}@placeholder:function.signature.invalid
{{ header:a | fn:substring-before(':') }}|{{ header:a | fn:substring-after(':') }}@{header: {a: "a:b:c"}}@["a|b:c"]
{{ header:a | fn:substring-after('x') }}@{header: {a: "a"}}@unresolved
{{ header:a | fn:split(',') | fn:join('+') }}@{header: {a: ",a,,b,"}}@["+a++b"]
{{ header:a | fn:split('.') }}@{header: {a: "a.b"}}@unresolved
{{ header:a | fn:split('|') }}@{header: {a: "ä|b"}}@["ä","|","b"]
{{ header:a | fn:split('x.') }}@{header: {a: "1xé2x.3"}}@["1","2","3"]
{{ header:a | fn:split('(') }}@{header: {a: "(x"}}@connectivity:message.mapping.failed
{{ header:a | fn:split('[a]') }}@{header: {a: "bab"}}@["bab"]
{{ header:a | fn:split('\d|b') }}@{header: {a: "x\\d|b1yb"}}@["x\d|","","y"]
{{ header:a | fn:split('^|$') }}@{header: {a: "x^|$"}}@["x^|$"]
{{ header:none | fn:default('x') }}{{ header:none | fn:default(header:a) }}@{header: {a: "y"}}@["xy"]
{{ fn:default(fn:default('x')) | fn:upper() }}@{}@["X"]
{{ header:a | fn:delete() | fn:default('x') }}@{header: {a: "y"}}@deleted
<{{ header:a | fn:delete() }}>@{header: {a: "y"}}@["<>"]
{{ header:a | fn:delete() | fn:join('') }}@{header: {a: "y"}}@unresolved
{{ header:a | upper() }}@{header: {a: "y"}}@unresolved
END
}

@test "fn:filter" {
    answers <<'END'
{{ header:a | fn:filter(header:b, 'eq', 'x') }}@{header: {a: "v", b: "x"}}@["v"]
{{ header:a | fn:filter(header:b, 'ne', 'x') }}@{header: {a: "v", b: "x"}}@unresolved
{{ header:a | fn:filter(header:b, 'exists') }}@{header: {a: "v", b: ""}}@unresolved
{{ header:a | fn:filter(header:b, 'exists', 'FALSE') }}@{header: {a: "v"}}@["v"]
{{ header:a | fn:filter(header:b, 'exists', 'True') }}@{header: {a: "v"}}@unresolved
{{ feature:id | fn:filter('like', 'a*|?b') }}@{feature: ["abc", "éb", "eb", "b"]}@["abc","éb","eb"]
{{ header:a | fn:filter(feature:id, 'eq', request:subjectId) }}@{header: {a: "v"}, feature: ["a", "b"], request: ["c", "b"]}@["v"]
{{ header:a | fn:filter(header:none, 'eq', header:nope) }}@{header: {a: "v"}}@["v"]
{{ header:a | fn:filter('ne', header:none) }}@{header: {a: "v"}}@unresolved
{{ header:a | fn:filter('x', header:op, 'x') }}@{header: {a: "v", op: "eq"}}@["v"]
{{ header:a | fn:filter('x', header:none, 'x') }}@{header: {a: "v"}}@placeholder:function.signature.invalid
{{ header:a | fn:filter('x', 'gt', 'x') }}@{header: {a: "v"}}@unresolved
{{ header:a | fn:delete() | fn:filter('x', 'eq', 'y') }}@{header: {a: "v"}}@deleted
END
}

@test "fn:format" {
    answers <<'END'
{{ header:a | fn:format('{a}:{/b/c}:{d}') }}@{header: {a: "{\"a\":1.50,\"b\":{\"c\":[true,null]}}"}}@["1.50:true:","1.50:null:"]
{{ header:a | fn:format('{#l}{m}-{#n}{.}{/n} {/l}') }}@{header: {a: "{\"l\":[{\"m\":1,\"n\":[2,3]},{\"m\":4},5]}"}}@["1-2 ","1-3 ","4- ","- "]
{{ header:a | fn:format('\{{a}\} {/a} {}') }}@{header: {a: "{\"a\":{\"x\" : [1, 2]}}"}}@["{{x:[1,2]}} {/a} {}"]
{{ header:a | fn:format('{a}') }}@{header: {a: "[1]"}}@[""]
{{ header:a | fn:format('{#a}') }}@{header: {a: "{}"}}@placeholder:function.signature.invalid
{{ header:none | fn:format('{a}') }}@{header: {}}@unresolved
END
}

@test "grammar" {
    answers <<'END'
a{{ header:a}b }}c${header:a}}}d@{header: {"a}b": 1, a: 2}}@["a1c2}}d"]
{{ header:a b}}@{header: {"a b": "v"}}@["v"]
{{ fn:default(header:a b) }}@{header: {a: "v"}}@["v"]
{{ fn:default(header:a b) c) }}@{header: {a: "v"}}@placeholder:function.signature.invalid
{{ fn:default(thing-json:a) }}@{"thing-json": {a: 1}}@placeholder:function.signature.invalid
{{ header:a | fn:default("a|'}") }}@{header: {}}@["a|'}"]
{{ header:a | fn:default('a\'b') }}@{header: {}}@["a\\'b"]
{{ header:a |}}@{header: {a: 1}}@placeholder:unresolved
{{ header:a | }}@{header: {a: 1}}@placeholder:function.unknown
{{ header:a | x }}@{header: {a: 1}}@placeholder:function.unknown
{{ header:a | fn:upper }}@{header: {a: 1}}@placeholder:function.unknown
{{ header:a | fn:upper() x }}@{header: {a: 1}}@placeholder:function.signature.invalid
{{ header:a | fn:default('x }}@{header: {a: 1}}@placeholder:unresolved
{{ thing:id }}@{header: {}}@placeholder:unresolved
{{}}@{}@placeholder:unresolved
@{}@[""]
END
    answer "$(printf '{{ header:a%s }}' "$(yes ' | fn:trim()' | head -n 11 | tr -d '\n')")" '{header: {a: 1}}'
    assert_output --partial '"error":"placeholder:function.too.complex"'
    answer "$(printf '{{ fn:default("x")%s }}' "$(yes ' | fn:trim()' | head -n 10 | tr -d '\n')")"
    assert_output '{"values":["x"]}'
}

@test "placeholders" {
    local merge='{topic: "n/a/things/twin/commands/merge", headers: {}'
    answers <<END
{{ header:A }}@{header: {a: "v"}}@["v"]
{{ header:A }}@{header: {a: "v"}, headerCaseSensitive: true}@unresolved
{{ thing:namespace }}/{{ thing:name }}@{thing: "a.b:c:d"}@["a.b/c:d"]
{{ entity:id }}@{entity: {type: "connection", id: "c"}}@unresolved
{{ thing:id }}{{ entity:id }}@{thing: {type: "policy", id: "n:p"}, entity: "n:p"}@unresolved
{{ thing:id }}@{thing: null}@unresolved
{{ topic:group }} {{ topic:channel }} {{ topic:action-subject }}@{topic: "n/p/policies/commands/modify"}@["policies none modify"]
{{ resource:type }}{{ resource:path }}@{resource: {topic: "n/a/things/live/messages/s", headers: {}, path: "features/f/inbox/messages/s/"}}@["message/features/f/inbox/messages/s"]
{{ feature:id }}@{feature: ($merge, path: "/", value: {features: {a: {}, b: null}}})}@["a","b"]
{{ feature:id }}@{feature: ($merge, path: "/features", value: {a: 5}})}@json.invalid
{{ feature:id }}@{feature: ($merge, path: "/features/a/properties", value: {}})}@["a"]
{{ feature:id }}@{feature: {topic: "n/a/things/twin/commands/retrieve", headers: {}, path: "/features"}}@unresolved
{{ feature:id }}@{feature: {topic: "n/a/things/live/messages/s", headers: {}, path: "/features/f/inbox/messages/s"}}@["f"]
{{ thing-json:/attributes/a }}@{"thing-json": {attributes: {a: [1, "x", {b: 2}]}}}@["1","x","{b:2}"]
{{ thing-json:attributes/a/0 }}@{"thing-json": {attributes: {a: [1]}}}@unresolved
{{ thing-json:id }}@{"thing-json": {}}@placeholder:unresolved
{{ request:subjectId }}:{{ connection:id }}:{{ source:address }}@{request: ["a", "b"], connection: "c", source: "s"}@["a:c:s","b:c:s"]
{{ time:now-1d[w] }} {{ time:now_epoch_millis }}@{time: true, now: "2024-02-29T14:23:42.123Z"}@["2024-02-26T00:00:00Z 1709216622123"]
{{ time:then }}@{time: true}@placeholder:unresolved
{{ jwt:a/b }}@{jwt: {a: [{b: 1}, {b: [2, 1]}, 3]}}@["1","2"]
END
}

@test "modes are what places do" {
    answer '{{ header:none }}' '{header: {}}' '{mode: "apply"}'
    assert_output --partial '{"error":"placeholder:unresolved","message":'
    answer 'x {{ header:none }}' '{header: {}}' '{mode: "retain"}'
    assert_output '{"values":["x {{ header:none }}"]}'
    answer '{{ request:subjectId }}' '{request: ["a", "b"]}' '{mode: "delete"}'
    assert_output '{"values":["a"]}'
    answer '{{ header:a }}{{  header:b }}{{ x:y|z}}' '{header: {a: "v"}}' '{mode: "partial"}'
    assert_output '{"values":["v{{header:b }}{{x:y|z}}"]}'
    answer '{{ header:b }}' '{header: {a: "v"}}' '{mode: "partial", forbidden: ["x", "header"]}'
    assert_output --partial '{"error":"placeholder:unresolved","message":'
    answer '{{ header:a | fn:none() }}' '{header: {a: "v"}}' '{mode: "partial"}'
    assert_output --partial '{"error":"placeholder:function.unknown","message":'
}

@test "every line gets an answer" {
    printf '%s\n' '' x '{}' '[]' '{"template":1}' '{"template":"a","context":1}' '{"template":"a"}' >"$WORK/in"
    head -c 34000000 /dev/zero | tr '\0' x >>"$WORK/in"
    printf '\n{"template":"b"}\n' >>"$WORK/in"
    run --separate-stderr ditto-expand -j <"$WORK/in"
    assert_success
    run jq -c '.error // .values' <<<"$output"
    assert_output '"json.invalid"
"json.invalid"
"json.field.missing"
"json.invalid"
"json.field.missing"
"json.invalid"
["a"]
"json.invalid"
["b"]'
}

@test "templates of the command line, contexts on stdin" {
    printf '%s\n' '{"header":{"a":"x,y"}}' '{"header":{"a":"z"}}' >"$WORK/in"
    run --separate-stderr ditto-expand "{{ header:a | fn:split(',') }}" 'k' <"$WORK/in"
    assert_success
    assert_output $'x\nk\nz\nk'
    assert_stderr ''
    run --separate-stderr ditto-expand -a "{{ header:a | fn:split(',') }}" <"$WORK/in"
    assert_output $'x\ny\nz'
    run --separate-stderr ditto-expand '{{ header:b }}' '{{ fn:delete() }}' '{{ x:y }}' 'k' <<<'{"header":{}}'
    assert_status 1
    assert_output k
    assert_stderr "ditto-expand: warning: cannot expand '{{ header:b }}': it has no value
ditto-expand: warning: cannot expand '{{ fn:delete() }}': it is deleted
ditto-expand: warning: cannot expand '{{ x:y }}': placeholder:unresolved: The placeholder <x:y> could not be resolved."
    run --separate-stderr ditto-expand 'k' <<<'x'
    assert_status 1
    assert_stderr "ditto-expand: warning: cannot expand 'k': json.invalid: It is no JSON object."
}

@test "lines of a ring are contexts" {
    printf '%s\n' '{"address":"a/b","headers":{"Device":"d"},"text":"x","context":{"connection":"c","subjects":["s"]}}' \
        '{"topic":"n/a/things/twin/events/modified","headers":{"device":"e"},"path":"/features/f/properties/p","value":1,"revision":3,"extra":{"attributes":{"x":[1,2]}},"context":{"connection":"c"}}' >"$WORK/in"
    run --separate-stderr ditto-expand '{{ header:device }} {{ connection:id }} {{ source:address | fn:default(thing:id) }}' <"$WORK/in"
    assert_success
    assert_output $'d c a/b\ne c n:a'
    run --separate-stderr ditto-expand -a '{{ thing-json:attributes/x }} {{ feature:id }} {{ thing-json:features/f/properties/p }} {{ thing-json:_revision }} {{ topic:action }} {{ resource:path }}' < <(tail -n 1 "$WORK/in")
    assert_output $'1 f 1 3 modified /features/f/properties/p\n2 f 1 3 modified /features/f/properties/p'
    run --separate-stderr ditto-expand -a '{{ request:subjectId }}' < <(head -n 1 "$WORK/in")
    assert_output s
}

@test "-n: may they stand there?" {
    run --separate-stderr ditto-expand -n -s message '{{ thing:id }}' '{{ time:now }}' </dev/null
    assert_success
    assert_output ''
    run --separate-stderr ditto-expand -n -s subject '{{ header:a }}' '{{ thing:id }}' </dev/null
    assert_status 1
    assert_stderr "ditto-expand: error: cannot use '{{ thing:id }}': placeholder:unresolved: The placeholder <thing:id> could not be resolved. Its prefix is not available at this place."
    local place
    for place in message subject input filter label options; do
        run ditto-expand -n -s "$place" x </dev/null
        assert_success
    done
}

@test "wrong usage" {
    local args
    for args in '' '-j x' '-s nowhere x' '-z x'; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr ditto-expand $args </dev/null
        assert_status 100
        assert_stderr --partial 'usage: ditto-expand '
    done
}

@test "a last line that is cut off is an error" {
    printf '{"header":{}}\n{' >"$WORK/in"
    run --separate-stderr ditto-expand k <"$WORK/in"
    assert_status 111
    assert_output k
    assert_stderr "ditto-expand: error: cannot read 'stdin': the last line is cut off"
}

@test "templates that are meant to hurt" {
    python3 - >"$WORK/in" <<'PY'
import json
n = 1000000
for t in ["{{" * n, "${" * n, "{{ fn:default(" + "fn:default(" * 100000 + "'x'" + ")" * 100001 + " }}", "{{ header:x" + " | fn:trim()" * n + " }}",
          "{{ header:x | fn:format('" + "{" * n + "') }}", "{{ header:x | fn:format('" + "{#a}" * 10000 + "{/a}" * 10000 + "') }}",
          "{{ header:x | fn:split('" + "(a|" * 50 + ")" * 50 + "') }}", "{{ header:p" + " | fn:url-encode()" * 10 + " }}",
          "{{ header:y | fn:replace('',header:y) }}", "{{ header:y | fn:split('') }}" * 3,
          "{{ header:j | fn:format('{a}{a}{a}{a}') }}", "{{ header:y | fn:split('(y|yy|y?)*x') }}", "{{ header:z | fn:split('" + "y" * 200 + ".x|z') }}"]:
    print(json.dumps({"template": t, "context": {"header": {"x": "v", "y": "y" * n, "p": "%" * n, "z": "y" * n + ".x|z", "j": json.dumps({"a": [1] * 1000})}}}))
PY
    run --separate-stderr bash -c "set -o pipefail; timeout 60 ditto-expand -j <'$WORK/in' | jq -c '.error // (.values | length)'"
    assert_success
    assert_stderr ''
    assert_output '1
1
"placeholder:function.signature.invalid"
"placeholder:function.too.complex"
1
"placeholder:function.signature.invalid"
1
"placeholder:function.too.complex"
"placeholder:function.too.complex"
"placeholder:function.too.complex"
"placeholder:function.too.complex"
1
2'
}

@test "the examples of the page" {
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh/{/^\.Bd/,/^\.Ed/{/^\./!p}}' "$ROOT/man/ditto-expand.1" | sed 's/\\e/\\/g' >"$WORK/example"
    cd "$WORK"
    run --separate-stderr bash -eu example
    assert_success
    assert_stderr ''
    assert_output 'devices/lamp-7/org.example
a
b
{"values":["org.example:lamp-7"]}'
}
