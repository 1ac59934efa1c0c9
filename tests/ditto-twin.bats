#!/usr/bin/env bats
# ditto-twin.bats: commands on twins, what they answer, and which events they cause.
load helper/common

# Prints a command on the thing ns:d. Ids count from 1.
N=0
cmd() { # ACTION PATH [VALUE [HEADERS]]
    N=$((N + 1))
    jq -cn --arg id "$N" --arg action "$1" --arg path "$2" --arg value "${3-}" --argjson headers "${4-null}" \
        '{id: $id, topic: "ns/d/things/twin/commands/\($action)", headers: ($headers // {}), path: $path}' |
        if [ -n "${3-}" ]; then sed 's/}$/,"value":'"$(sed 's/[&/\]/\\&/g' <<<"$3")"'}/'; else cat; fi
}

MERGE='{"content-type":"application/merge-patch+json"}'

# What the commands of stdin lead to, in short: a line each
#   201 path value | 404 error | event action path value revision
twin() { # ARG…
    cat >"$WORK/in"
    run --separate-stderr ditto-twin -u -S write "$@" <"$WORK/in"
    assert_status 0
    assert_stderr ''
    printf '%s\n' "$output" >"$WORK/out.all"
    run jq -r 'def text: if . == null then "" else " " + tojson end;
        if .signal then [.signal.type, .signal.status // "", .signal.revision // ""] | map(tostring) | join(" ")
        elif .topic | contains("/events/") then "event \(.topic | split("/") | last) \(.path)\(if has("value") then .value | " " + tojson else "" end) \(.revision)"
        elif .topic | endswith("/errors") then "\(.status) \(.value.error)"
        elif .topic then "\(.status) \(.path)\(if has("value") then .value | " " + tojson else "" end)"
        else tojson end' "$WORK/out.all"
}

# Without the events.
answers() { # ARG…
    twin "$@"
    output=$(grep -v '^event ' <<<"$output" || true)
}

# --- each command ---------------------------------------------------------------------------------------------------

@test "a thing is created, shown, modified, deleted" {
    twin < <(
        cmd create / '{"attributes":{"a":1}}'
        cmd retrieve /
        cmd create / '{}'
        cmd modify / '{"attributes":{"b":2}}'
        cmd retrieve /
        cmd delete /
        cmd retrieve /
        cmd delete /
        cmd modify / '{}'
    )
    assert_output 'event created / {"thingId":"ns:d","policyId":"ns:d","attributes":{"a":1}} 1
201 / {"thingId":"ns:d","policyId":"ns:d","attributes":{"a":1}}
200 / {"thingId":"ns:d","policyId":"ns:d","attributes":{"a":1}}
409 things:thing.conflict
event modified / {"thingId":"ns:d","policyId":"ns:d","attributes":{"b":2}} 2
204 /
200 / {"thingId":"ns:d","policyId":"ns:d","attributes":{"b":2}}
event deleted / 3
204 /
404 things:thing.notfound
404 things:thing.notfound
event created / {"thingId":"ns:d","policyId":"ns:d"} 4
201 / {"thingId":"ns:d","policyId":"ns:d"}'
}

@test "a part is created with 201 and its value, modified with 204, deleted with 204, then 404" {
    twin < <(
        cmd create / '{"features":{"f":{}}}'
        while read -r path value; do
            cmd retrieve "$path"
            cmd delete "$path"
            cmd modify "$path" "$value"
            cmd modify "$path" "$value"
            cmd retrieve "$path"
            cmd delete "$path"
        done <<'END'
/definition "a:b:1"
/attributes {"x":1}
/attributes/x/y [null]
/features/f/definition ["a:b:1"]
/features/f/properties {"p":{"q":1}}
/features/f/properties/p/q "v"
/features/f/desiredProperties {"p":1}
/features/f/desiredProperties/p/q 1.25
/features/g {"properties":{"x":1}}
/features {"h":{}}
END
    )
    grep -v '^event' <<<"$output" | tail -n +2 | paste -sd '\t\t\t\t\t\n' >"$WORK/parts"
    run cat "$WORK/parts"
    assert_output $'404 things:definition.notfound\t404 things:definition.notfound\t201 /definition "a:b:1"\t204 /definition\t200 /definition "a:b:1"\t204 /definition
404 things:attributes.notfound\t404 things:attributes.notfound\t201 /attributes {"x":1}\t204 /attributes null\t200 /attributes {"x":1}\t204 /attributes
404 things:attribute.notfound\t404 things:attribute.notfound\t201 /attributes/x/y [null]\t204 /attributes/x/y\t200 /attributes/x/y [null]\t204 /attributes/x/y
404 things:feature.definition.notfound\t404 things:feature.definition.notfound\t201 /features/f/definition ["a:b:1"]\t204 /features/f/definition\t200 /features/f/definition ["a:b:1"]\t204 /features/f/definition
404 things:feature.properties.notfound\t404 things:feature.properties.notfound\t201 /features/f/properties {"p":{"q":1}}\t204 /features/f/properties\t200 /features/f/properties {"p":{"q":1}}\t204 /features/f/properties
404 things:feature.property.notfound\t404 things:feature.property.notfound\t201 /features/f/properties/p/q "v"\t204 /features/f/properties/p/q\t200 /features/f/properties/p/q "v"\t204 /features/f/properties/p/q
404 things:feature.desiredProperties.notfound\t404 things:feature.desiredProperties.notfound\t201 /features/f/desiredProperties {"p":1}\t204 /features/f/desiredProperties\t200 /features/f/desiredProperties {"p":1}\t204 /features/f/desiredProperties
404 things:feature.desiredProperty.notfound\t404 things:feature.desiredProperty.notfound\t201 /features/f/desiredProperties/p/q 1.25\t204 /features/f/desiredProperties/p/q\t200 /features/f/desiredProperties/p/q 1.25\t204 /features/f/desiredProperties/p/q
404 things:feature.notfound\t404 things:feature.notfound\t201 /features/g {"properties":{"x":1}}\t204 /features/g null\t200 /features/g {"properties":{"x":1}}\t204 /features/g
200 /features {"f":{"properties":{"p":{}},"desiredProperties":{"p":{}}}}\t204 /features\t201 /features {"h":{}}\t204 /features null\t200 /features {"h":{}}\t204 /features'
}

@test "the events of the parts say created, modified, deleted, one revision each" {
    twin < <(
        cmd create / '{"features":{"f":{}}}'
        for path in /definition /attributes/a /features/f/properties/p /policyId; do
            cmd modify $path '"a:b:1"'
            cmd modify $path '"a:c:1"'
            [ $path = /policyId ] || cmd delete $path
        done
    )
    output=$(grep '^event' <<<"$output" | tail -n +2)
    assert_output 'event created /definition "a:b:1" 2
event modified /definition "a:c:1" 3
event deleted /definition 4
event created /attributes/a "a:b:1" 5
event modified /attributes/a "a:c:1" 6
event deleted /attributes/a 7
event created /features/f/properties/p "a:b:1" 8
event modified /features/f/properties/p "a:c:1" 9
event deleted /features/f/properties/p 10
event modified /policyId "a:b:1" 11
event modified /policyId "a:c:1" 12'
}

@test "what a feature needs is the feature" {
    answers < <(
        cmd create / '{}'
        cmd modify /features/f/properties/x 1
        cmd modify /features/f/definition '["a:b:1"]'
        cmd delete /features/f/desiredProperties
        cmd retrieve /features/f/properties/x
        cmd retrieve /features
        cmd modify /features/f '{}'
        cmd modify /features/f/properties/x 1
        cmd retrieve /features/f
    )
    assert_output '201 / {"thingId":"ns:d","policyId":"ns:d"}
404 things:feature.notfound
404 things:feature.notfound
404 things:feature.notfound
404 things:feature.notfound
404 things:features.notfound
201 /features/f {}
201 /features/f/properties/x 1
200 /features/f {"properties":{"x":1}}'
}

@test "parts of a thing that is not there" {
    answers < <(
        for action in modify delete retrieve; do cmd $action /attributes/a 1; done
        cmd merge /attributes/a 1 "$MERGE"
    )
    assert_output "$(for i in 1 2 3 4; do echo '404 things:thing.notfound'; done)"
}

# --- merge -----------------------------------------------------------------------------------------------------------

@test "merge: null removes, objects go on, the rest replaces; at every level" {
    twin < <(
        cmd create / '{"attributes":{"a":{"x":1,"y":2},"b":[1,2]},"features":{"f":{"properties":{"p":1}}}}'
        cmd merge / '{"attributes":{"a":{"x":null,"z":{"n":null,"m":1}},"b":[3]}}' "$MERGE"
        cmd retrieve /attributes
        cmd merge /attributes/a null "$MERGE"
        cmd merge /attributes/new/deep '{"k":null,"v":{}}' "$MERGE"
        cmd merge /features/g/properties/q 1 "$MERGE"
        cmd merge /features/f null "$MERGE"
        cmd merge /definition '"a:b:1"' "$MERGE"
        cmd merge /policyId '"ns:p"' "$MERGE"
        cmd retrieve /
    )
    assert_output 'event created / {"thingId":"ns:d","policyId":"ns:d","attributes":{"a":{"x":1,"y":2},"b":[1,2]},"features":{"f":{"properties":{"p":1}}}} 1
201 / {"thingId":"ns:d","policyId":"ns:d","attributes":{"a":{"x":1,"y":2},"b":[1,2]},"features":{"f":{"properties":{"p":1}}}}
event merged / {"attributes":{"a":{"x":null,"z":{"n":null,"m":1}},"b":[3]}} 2
204 /
200 /attributes {"a":{"y":2,"z":{"m":1}},"b":[3]}
event merged /attributes/a null 3
204 /attributes/a
event merged /attributes/new/deep {"k":null,"v":{}} 4
204 /attributes/new/deep
event merged /features/g/properties/q 1 5
204 /features/g/properties/q
event merged /features/f null 6
204 /features/f
event merged /definition "a:b:1" 7
204 /definition
event merged /policyId "ns:p" 8
204 /policyId
200 / {"thingId":"ns:d","policyId":"ns:p","definition":"a:b:1","attributes":{"b":[3],"new":{"deep":{"v":{}}}},"features":{"g":{"properties":{"q":1}}}}'
}

@test "merge: a regex removes what it matches" {
    answers < <(
        cmd create / '{"attributes":{"room-1":1,"room-22":2,"roof":3,"{{ x }}":4}}'
        cmd merge /attributes '{"{{ /room-.*/ }}":null,"room-3":5}' "$MERGE"
        cmd retrieve /attributes
        cmd merge / '{"attributes":{"{{~^roo[a-z]$~}}":null}}' "$MERGE"
        cmd retrieve /attributes
        cmd merge /attributes '{"{{ /(/ }}":null,"{{ /.*/ }}":"kept"}' "$MERGE"
        cmd retrieve /attributes
    )
    assert_line '200 /attributes {"roof":3,"{{ x }}":4,"room-3":5}'
    assert_line '200 /attributes {"{{ x }}":4,"room-3":5}'
}

@test "merge makes a thing that is not there, and keeps its id" {
    answers < <(
        cmd merge / '{"thingId":"ns:other"}' "$MERGE"
        cmd merge / '{"attributes":{"a":1,"b":null},"policyId":"ns:p"}' "$MERGE"
        cmd retrieve /
        cmd merge / '{"thingId":"ns:other"}' "$MERGE"
        cmd merge / '{"thingId":null}' "$MERGE"
        cmd merge / '{}' "$MERGE"
        cmd merge /attributes '{"a":2}'
    )
    assert_output '400 things:id.notsettable
204 /
200 / {"thingId":"ns:d","policyId":"ns:p","attributes":{"a":1}}
400 things:id.notsettable
400 things:id.notdeletable
400 things:merge.invalid
415 mediatype.unsupported'
}

@test "merge-thing-patch-conditions leave parts out" {
    answers < <(
        cmd create / '{"attributes":{"t":25,"h":90}}'
        cmd merge / '{"attributes":{"t":1,"h":1,"s":1}}' \
            '{"content-type":"application/merge-patch+json","merge-thing-patch-conditions":{"attributes/t":"gt(attributes/t,20)","attributes/h":"lt(attributes/h,80)"}}'
        cmd retrieve /attributes
        cmd merge / '{"attributes":{"t":1}}' \
            '{"content-type":"application/merge-patch+json","merge-thing-patch-conditions":{"attributes/t":"gt(attributes/t"}}'
    )
    assert_output '201 / {"thingId":"ns:d","policyId":"ns:d","attributes":{"t":25,"h":90}}
204 /
200 /attributes {"t":1,"h":90,"s":1}
400 things:condition.invalid'
}

# --- what values and keys may be ----------------------------------------------------------------------------------------

@test "values stay as they are written, deep ones too" {
    local deep value='{"n":[9223372036854775807,-0,1.50,1e400],"s":"\u00e4\/\ud83d ä 🦉","e":{},"l":[],"z":null}'
    deep=$(printf '{"a":%.0s' {1..200})1$(printf '}%.0s' {1..200})
    run --separate-stderr ditto-twin -u -S write < <(
        echo '{"topic":"ns/d/things/twin/commands/create","headers":{},"path":"/","value":{}}'
        echo '{"topic":"ns/d/things/twin/commands/modify","headers":{},"path":"/attributes/v","value":'"$value"'}'
        echo '{"topic":"ns/d/things/twin/commands/modify","headers":{},"path":"/attributes/w","value":9223372036854775808}'
        echo '{"topic":"ns/d/things/twin/commands/modify","headers":{},"path":"/attributes/deep","value":'"$deep"'}'
        echo '{"topic":"ns/d/things/twin/commands/retrieve","headers":{},"path":"/attributes"}'
    )
    assert_status 0
    assert_stderr ''
    assert_line --index 3 --partial '"value":'"$value"',"status":201'
    assert_line --index 4 --partial '"error":"json.invalid"'
    assert_line --index 7 --partial '"value":{"v":'"$value"',"deep":'"$deep"'},"status":200'
}

@test "tildes, per cents, blanks and other letters in keys" {
    answers < <(
        cmd create / '{}'
        cmd modify '/attributes/a~b' 1
        cmd modify '/attributes/c%2Fd' 2
        cmd modify '/attributes/e f' 3
        cmd modify '/attributes/漢字' 4
        cmd modify '/features/x~1y' '{}'
        cmd modify '/features/x~1y/properties/~' 5
        cmd retrieve '/attributes/a~b'
        cmd retrieve /attributes
        cmd retrieve /features
        cmd modify '/attributes/a//b' 1
        cmd modify '/attributes/é' 1
    )
    assert_line '200 /attributes/a~0b 1'
    assert_line '200 /attributes {"a~b":1,"c%2Fd":2,"e f":3,"漢字":4}'
    assert_line '200 /features {"x~1y":{"properties":{"~":5}}}'
    assert_line '400 json.pointer.invalid'
    assert_line '400 json.key.invalid'
}

@test "a value on the way that is no object gives way to one; arrays have no parts" {
    answers < <(
        cmd create / '{"attributes":{"a":5,"l":[1,2]}}'
        cmd modify /attributes/a/b/c 1
        cmd retrieve /attributes/l/0
        cmd retrieve /attributes
    )
    assert_output '201 / {"thingId":"ns:d","policyId":"ns:d","attributes":{"a":5,"l":[1,2]}}
201 /attributes/a/b/c 1
404 things:attribute.notfound
200 /attributes {"a":{"b":{"c":1}},"l":[1,2]}'
}

@test "what is too large is refused, and changes nothing" {
    local big
    big=$(printf 'x%.0s' {1..600})
    answers -m 1 < <(
        cmd create / '{}'
        cmd modify /attributes/a "\"$big\""
        cmd modify /attributes/b "\"$big\""
        cmd merge /attributes "{\"c\":\"$big\"}" "$MERGE"
        cmd retrieve / '' 
        cmd modify / "{\"attributes\":{\"d\":\"$big$big\"}}"
    )
    run cut -c 1-40 <<<"$output"
    assert_output "$(printf '%s\n' '201 / {"thingId":"ns:d","policyId":"ns:d' '201 /attributes/a "xxxxxxxxxxxxxxxxxxxxx' \
        '413 things:thing.toolarge' '413 things:thing.toolarge' '200 / {"thingId":"ns:d","policyId":"ns:d' '413 things:thing.toolarge')"
}

# --- fields, many things ---------------------------------------------------------------------------------------------------

@test "fields select, also what is hidden otherwise" {
    ask() { # PATH FIELDS
        cmd retrieve "$1" | jq -c --arg fields "$2" '. + {fields: $fields}'
    }
    answers < <(
        cmd create / '{"attributes":{"a":1,"b":{"c":2,"d":3}},"features":{"f":{"properties":{"x":1,"y":2}}}}'
        ask / thingId,attributes/b/c
        ask / _revision,_namespace
        ask /attributes a,b/d
        ask /features f/properties/x
        ask /features/f properties/y
        ask /features/f/properties nothing
    )
    assert_output '201 / {"thingId":"ns:d","policyId":"ns:d","attributes":{"a":1,"b":{"c":2,"d":3}},"features":{"f":{"properties":{"x":1,"y":2}}}}
200 / {"thingId":"ns:d","attributes":{"b":{"c":2}}}
200 / {"_namespace":"ns","_revision":1}
200 /attributes {"a":1,"b":{"d":3}}
200 /features {"f":{"properties":{"x":1}}}
200 /features/f {"properties":{"y":2}}
200 /features/f/properties {}'
}

@test "many things: those that are there, in the order asked for" {
    answers <<'END'
{"topic":"ns/b/things/twin/commands/create","headers":{},"path":"/","value":{}}
{"topic":"ns/a/things/twin/commands/create","headers":{},"path":"/","value":{}}
{"topic":"_/_/things/twin/commands/retrieve","headers":{},"path":"/","value":{"thingIds":["ns:b","ns:x","ns:a"]}}
{"topic":"ns/_/things/twin/commands/retrieve","headers":{},"path":"/","value":{"thingIds":["ns:a","ns:b"]},"fields":"thingId,_revision"}
{"topic":"_/_/things/twin/commands/retrieve","headers":{},"path":"/","value":{"thingIds":[]}}
END
    output=$(tail -n 3 <<<"$output")
    assert_output '200 / [{"thingId":"ns:b","policyId":"ns:b"},{"thingId":"ns:a","policyId":"ns:a"}]
200 / [{"thingId":"ns:a","_revision":1},{"thingId":"ns:b","_revision":1}]
400 things:things.ids.missing'
}

# --- conditions -----------------------------------------------------------------------------------------------------------

@test "if-match and if-none-match on the whole" {
    answers < <(
        cmd modify / '{}' '{"if-match":"*"}'
        cmd create / '{}' '{"if-none-match":"*"}'
        cmd create / '{}' '{"if-none-match":"*"}'
        cmd create / '{}'
        cmd modify / '{"attributes":{}}' '{"if-none-match":"*"}'
        cmd modify / '{"attributes":{}}' '{"if-match":"\"rev:2\""}'
        cmd modify / '{"attributes":{}}' '{"if-match":"\"rev:7\", \"rev:1\""}'
        cmd modify / '{"attributes":{}}' '{"if-match":"W/\"rev:2\""}'
        cmd retrieve / '' '{"if-none-match":"W/\"rev:2\""}'
        cmd retrieve / '' '{"if-none-match":"\"rev:1\""}'
        cmd retrieve / '' '{"if-match":"\"rev:1\""}'
        cmd delete / '' '{"if-match":"\"rev:1\""}'
        cmd delete / '' '{"if-match":"*"}'
        cmd delete / '' '{"if-match":"*"}'
        cmd modify / '{}' '{"if-match":"nonsense"}'
    )
    assert_output '412 things:precondition.failed
201 / {"thingId":"ns:d","policyId":"ns:d"}
412 things:precondition.failed
409 things:thing.conflict
412 things:precondition.failed
412 things:precondition.failed
204 /
412 things:precondition.failed
304 things:precondition.notmodified
200 / {"thingId":"ns:d","policyId":"ns:d","attributes":{}}
412 things:precondition.failed
412 things:precondition.failed
204 /
404 things:thing.notfound
400 header.invalid'
}

@test "the tag of a part is that of its value" {
    answers < <(
        cmd create / '{"attributes":{"a":{"x": 1}}}'
        cmd retrieve /attributes/a
    )
    local tag
    tag=$(tail -n 1 "$WORK/out.all" | jq -c .headers.etag)
    [[ $tag == '"\"hash:'* ]]
    answers < <(
        cmd create / '{"attributes":{"a":{"x":1}}}'
        cmd modify /attributes/b 1 "{\"if-match\":$tag}"
        cmd modify /attributes/a 1 "{\"if-match\":$tag}"
        cmd modify /attributes/a '{"x":1}' "{\"if-none-match\":$tag}"
        cmd retrieve /attributes/a '' "{\"if-none-match\":$tag}"
        cmd modify /attributes/a 2 "{\"if-match\":$tag}"
        cmd modify /attributes/a 2 "{\"if-match\":$tag}"
        cmd modify /attributes/c 2 '{"if-none-match":"*"}'
        cmd modify /attributes/c 2 '{"if-none-match":"*"}'
        cmd delete /attributes/none '' '{"if-match":"*"}'
    )
    assert_output '201 / {"thingId":"ns:d","policyId":"ns:d","attributes":{"a":{"x":1}}}
412 things:precondition.failed
204 /attributes/a
204 /attributes/a
304 things:precondition.notmodified
204 /attributes/a
412 things:precondition.failed
201 /attributes/c 2
412 things:precondition.failed
404 things:attribute.notfound'
}

@test "condition: RQL on the thing, missing fields too" {
    answers < <(
        cmd create / '{"attributes":{"t":20,"s":"x"},"features":{"f":{"properties":{"on":true}}}}'
        for rql in 'gt(attributes/t,19)' 'gt(attributes/t,20)' 'eq(attributes/none,1)' 'ne(attributes/none,1)' \
            'exists(features/f/properties/on)' 'not(exists(features/g))' 'empty(attributes/none)' \
            'and(eq(attributes/s,\"x\"),eq(_revision,1))' 'lt(_modified,time:now-1h)' 'eq(attributes/t' 'foo(x)'; do
            cmd retrieve /attributes/t '' "{\"condition\":\"$rql\"}"
        done
        cmd modify /attributes/t 30 '{"condition":"eq(attributes/t,20)"}'
        cmd modify /attributes/t 40 '{"condition":"eq(attributes/t,20)"}'
        cmd delete / '' '{"condition":"eq(attributes/t,20)"}'
        cmd merge /attributes '{"t":1}' '{"content-type":"application/merge-patch+json","condition":"eq(thingId,\"ns:d\")"}'
    )
    assert_output '201 / {"thingId":"ns:d","policyId":"ns:d","attributes":{"t":20,"s":"x"},"features":{"f":{"properties":{"on":true}}}}
200 /attributes/t 20
412 things:condition.failed
412 things:condition.failed
200 /attributes/t 20
200 /attributes/t 20
200 /attributes/t 20
200 /attributes/t 20
200 /attributes/t 20
412 things:condition.failed
400 things:condition.invalid
400 things:condition.invalid
204 /attributes/t
412 things:condition.failed
412 things:condition.failed
204 /attributes'
}

@test "if-equal: what is there already is not changed" {
    twin < <(
        cmd create / '{"attributes":{"a":{"x":1}}}'
        cmd modify /attributes/a '{ "x" : 1 }' '{"if-equal":"skip"}'
        cmd modify /attributes/a '{"x":1}' '{"if-equal":"update"}'
        cmd modify /attributes/a '{"x":2}' '{"if-equal":"skip"}'
        cmd merge /attributes '{"a":{"x":2}}' '{"content-type":"application/merge-patch+json","if-equal":"skip"}'
    )
    output=$(tail -n +3 <<<"$output")
    assert_output '304 things:precondition.notmodified
event modified /attributes/a {"x":1} 2
204 /attributes/a
event modified /attributes/a {"x":2} 3
204 /attributes/a
304 things:precondition.notmodified'
}

@test "live conditions are for queries, history is not kept" {
    answers < <(
        cmd create / '{"attributes":{"a":1}}'
        cmd modify /attributes/a 2 '{"live-channel-condition":"eq(attributes/a,1)"}'
        cmd retrieve /attributes/a '' '{"at-historical-revision":1}'
    )
    output=$(tail -n 2 <<<"$output")
    assert_output '405 things:live.channelcondition.notallowed
404 things:thing.history.notfound'
}

# --- metadata -------------------------------------------------------------------------------------------------------------

@test "metadata is put, shown, deleted, and goes with its part" {
    meta() { # HEADERS: of / after it
        jq -c .headers.'"ditto-metadata"' <"$WORK/out.all" | grep -v null
    }
    answers < <(
        cmd create / '{"attributes":{"a":1}}'
        cmd modify /features '{"f":{"properties":{"x":1,"y":{"z":2}}}}' '{"put-metadata":[{"key":"*/at","value":5},{"key":"/f/properties/x/unit","value":"C"}]}'
        cmd modify /attributes/a 2 '{"put-metadata":[{"key":"/by","value":{"who":"me"}}]}'
        cmd retrieve / '' '{"get-metadata":"*"}'
        cmd retrieve /attributes/a '' '{"get-metadata":"by/who"}'
        cmd retrieve / | jq -c '. + {fields:"_metadata"}'
        cmd modify /attributes/a 3 '{"delete-metadata":"by"}'
        cmd delete /features/f/properties/y
        cmd retrieve / '' '{"get-metadata":"*"}'
        cmd delete /features
        cmd modify /attributes/a 3 '{"put-metadata":[{"key":"/k","value":1}],"get-metadata":"*"}'
    )
    run meta
    assert_output '{"features":{"f":{"properties":{"x":{"at":5,"unit":"C"},"y":{"z":{"at":5}}}}},"attributes":{"a":{"by":{"who":"me"}}}}
{"by":{"who":"me"}}
{"features":{"f":{"properties":{"x":{"at":5,"unit":"C"}}}},"attributes":{"a":{}}}'
    run jq -c '.value | objects | ._metadata // empty | .attributes' "$WORK/out.all"
    assert_output '{"a":{"by":{"who":"me"}}}'
    run tail -n 1 "$WORK/out.all"
    assert_output --partial things:metadata.headersconflict
}

# --- policies -------------------------------------------------------------------------------------------------------------

# Prints a command on the policy ns:p.
policy() { # ACTION PATH [VALUE]
    printf '{"topic":"ns/p/policies/commands/%s","headers":{},"path":"%s"%s}\n' "$1" "$2" "${3+,\"value\":$3}"
}

POLICY='{"entries":{"own":{"subjects":{"s:me":{"type":"t"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]},"policy:/":{"grant":["READ","WRITE"],"revoke":[]}}}}}'

@test "policies are created, shown, modified and deleted, whole and in parts" {
    answers < <(
        policy create / "$POLICY"
        policy create / "$POLICY"
        policy modify /entries/e '{"subjects":{"s:a":{"type":"t"}},"resources":{}}'
        policy modify /entries/e/subjects/s:b/c '{"type":"u"}'
        policy retrieve /entries/e/subjects
        policy modify /entries/e/resources/thing:/attributes/a '{"grant":["READ"],"revoke":[]}'
        policy retrieve /entries/e/resources/thing:/attributes/a
        policy delete /entries/e/resources/thing:/attributes/a
        policy retrieve /entries/e/resources/thing:/attributes/a
        policy delete /entries/e/subjects/s:a
        policy retrieve /entries/none
        policy modify /entries/none/resources '{}'
        policy modify /imports/ns:q '{"entries":["x"]}'
        policy retrieve /imports
        policy delete /entries/e
        policy retrieve /entries
        policy delete /
        policy retrieve /
    )
    run sed 's/"importable":[^,}]*//; s/,}/}/g' <<<"$output"
    assert_output '201 / {"policyId":"ns:p","imports":{},"entries":{"own":{"subjects":{"s:me":{"type":"t"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]},"policy:/":{"grant":["READ","WRITE"],"revoke":[]}}}}}
409 policies:policy.conflict
201 /entries/e {"subjects":{"s:a":{"type":"t"}},"resources":{}}
201 /entries/e/subjects/s:b/c {"type":"u"}
200 /entries/e/subjects {"s:a":{"type":"t"},"s:b/c":{"type":"u"}}
201 /entries/e/resources/thing:/attributes/a {"grant":["READ"],"revoke":[]}
200 /entries/e/resources/thing:/attributes/a {"grant":["READ"],"revoke":[]}
204 /entries/e/resources/thing:/attributes/a
404 policies:resource.notfound
204 /entries/e/subjects/s:a
404 policies:entry.notfound
404 policies:entry.notfound
201 /imports/ns:q {"entries":["x"]}
200 /imports {"ns:q":{"entries":["x"]}}
204 /entries/e
200 /entries {"own":{"subjects":{"s:me":{"type":"t"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]},"policy:/":{"grant":["READ","WRITE"],"revoke":[]}}}}
204 /
404 policies:policy.notfound'
}

@test "a thing brings its policy, copies one, or has one made for whom it is created" {
    answers <<'END'
{"topic":"ns/a/things/twin/commands/create","headers":{},"path":"/","value":{"_policy":{"entries":{"mine":{"subjects":{},"resources":{}}}}}}
{"topic":"ns/a/policies/commands/retrieve","headers":{},"path":"/entries"}
{"topic":"ns/b/things/twin/commands/create","headers":{},"path":"/","value":{"policyId":"ns:bp","_copyPolicyFrom":"{{ ref:things/ns:a/policyId }}"}}
{"topic":"ns/bp/policies/commands/retrieve","headers":{},"path":"/entries"}
{"topic":"ns/c/things/twin/commands/create","headers":{},"path":"/","value":{"_copyPolicyFrom":"ns:none"}}
{"topic":"ns/c/things/twin/commands/retrieve","headers":{},"path":"/"}
{"topic":"ns/d/things/twin/commands/create","headers":{},"path":"/","value":{},"context":{"subjects":["s:me"]}}
{"topic":"ns/d/policies/commands/retrieve","headers":{},"path":"/entries/DEFAULT/subjects"}
{"topic":"ns/e/things/twin/commands/create","headers":{},"path":"/","value":{"_policy":{},"_copyPolicyFrom":"ns:a"}}
END
    run sed 's/,"importable":[^,}]*//' <<<"$output"
    assert_output '201 / {"thingId":"ns:a","policyId":"ns:a"}
200 /entries {"mine":{"subjects":{},"resources":{}}}
201 / {"thingId":"ns:b","policyId":"ns:bp"}
200 /entries {"mine":{"subjects":{},"resources":{}}}
400 things:thing.notcreatable
404 things:thing.notfound
201 / {"thingId":"ns:d","policyId":"ns:d"}
200 /entries/DEFAULT/subjects {"s:me":{"type":"generated"}}
400 things:policy.conflicting'
}

# A command on ns:d for one subject.
as() { # SUBJECT ACTION PATH [VALUE]
    cmd "${@:2}" | jq -c --arg s "$1" '. + {context: {subjects: [$s]}}'
}

@test "with -e policies count: to write, to read, to read a part" {
    answers -e < <(
        as s:me create / '{"attributes":{"open":1,"secret":2,"deep":{"x":1,"y":2}},"features":{"f":{"properties":{"p":1}}},"_policy":{"entries":{"own":{"subjects":{"s:me":{"type":"t"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]},"policy:/":{"grant":["READ","WRITE"],"revoke":[]}}},"guest":{"subjects":{"s:guest":{"type":"t"}},"resources":{"thing:/attributes":{"grant":["READ"],"revoke":[]},"thing:/attributes/secret":{"grant":[],"revoke":["READ"]},"thing:/attributes/deep/x":{"grant":["WRITE"],"revoke":[]},"thing:/features/f":{"grant":["WRITE"],"revoke":[]},"thing:/features/f/properties/locked":{"grant":[],"revoke":["WRITE"]}}}}}}'
        as s:guest retrieve /
        as s:guest retrieve /attributes/secret
        as s:guest retrieve /attributes/deep
        as s:guest modify /attributes/open 5
        as s:guest modify /attributes/deep/x 5
        as s:guest modify /features/f/properties/p 2
        as s:guest modify /features/f/properties '{}'
        as s:guest delete /
        as s:other retrieve /
        as s:other modify /attributes/open 1
        cmd retrieve /
        as s:me retrieve /attributes
        echo '{"topic":"ns/d/policies/commands/retrieve","headers":{},"path":"/","context":{"subjects":["s:guest"]}}'
        echo '{"topic":"ns/d/policies/commands/modify","headers":{},"path":"/entries/guest/subjects/s:other","value":{"type":"t"},"context":{"subjects":["s:me"]}}'
        as s:other retrieve /attributes/open
        echo '{"topic":"ns/e/things/twin/commands/create","headers":{},"path":"/","value":{"policyId":"ns:d"},"context":{"subjects":["s:guest"]}}'
        echo '{"topic":"ns/f/things/twin/commands/create","headers":{},"path":"/","value":{"policyId":"ns:none"},"context":{"subjects":["s:guest"]}}'
        echo '{"topic":"_/_/things/twin/commands/retrieve","headers":{},"path":"/","value":{"thingIds":["ns:d"]},"context":{"subjects":["s:guest"]}}'
        echo '{"topic":"_/_/things/twin/commands/retrieve","headers":{},"path":"/","value":{"thingIds":["ns:d"]},"context":{"subjects":["s:nobody"]}}'
    )
    output=$(tail -n +2 <<<"$output")
    assert_output '200 / {"thingId":"ns:d","policyId":"ns:d","attributes":{"open":1,"deep":{"x":1,"y":2}}}
404 things:attribute.notfound
200 /attributes/deep {"x":1,"y":2}
403 things:attribute.notmodifiable
204 /attributes/deep/x
204 /features/f/properties/p
403 things:feature.properties.notmodifiable
403 things:thing.notdeletable
404 things:thing.notfound
404 things:thing.notfound
404 things:thing.notfound
200 /attributes {"open":1,"secret":2,"deep":{"x":5,"y":2}}
404 policies:policy.notfound
201 /entries/guest/subjects/s:other {"type":"t"}
200 /attributes/open 1
403 things:thing.notmodifiable
400 things:thing.notcreatable
200 / [{"thingId":"ns:d","policyId":"ns:d","attributes":{"open":1,"deep":{"x":5,"y":2}}}]
200 / []'
    run jq -c 'select(.topic | contains("things/twin/events")) | .context.readers' "$WORK/out.all"
    assert_output '["s:me"]
["s:me","s:guest"]
["s:me"]'
}

@test "with -e metadata of what may not be read is not shown" {
    answers -e < <(
        as s:me create / '{"attributes":{"open":1},"_policy":{"entries":{"own":{"subjects":{"s:me":{"type":"t"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]}}},"guest":{"subjects":{"s:guest":{"type":"t"}},"resources":{"thing:/":{"grant":["READ"],"revoke":[]},"thing:/attributes/secret":{"grant":[],"revoke":["READ"]}}}}}}'
        cmd modify /attributes/secret 1 '{"put-metadata":[{"key":"/hint","value":"x"}]}' | jq -c '. + {context: {subjects: ["s:me"]}}'
        for s in s:me s:guest; do
            as $s retrieve / | jq -c '. + {fields: "attributes,_metadata"}'
            as $s retrieve / | jq -c '.headers."get-metadata" = "*"'
        done
    )
    run jq -c 'select(.status == 200) | [.value.attributes, .value._metadata, .headers."ditto-metadata"]' "$WORK/out.all"
    assert_output '[{"open":1,"secret":1},{"attributes":{"secret":{"hint":"x"}}},null]
[{"open":1,"secret":1},null,{"attributes":{"secret":{"hint":"x"}}}]
[{"open":1},null,null]
[{"open":1},null,{}]'
}

# --- lines -------------------------------------------------------------------------------------------------------------------

@test "event before answer, with cause and origin; headers go along, those for the twin do not" {
    run --separate-stderr ditto-twin -u <<'END'
{"id":"h/1","topic":"ns/d/things/twin/commands/create","headers":{"correlation-id":"c","mine":"x","if-none-match":"*","requested-acks":["twin-persisted","k:l"],"timeout":"5s","response-required":true},"path":"/","value":{},"context":{"connection":"k","client":0,"reply":0}}
END
    assert_status 0
    assert_stderr ''
    output=$(sed -E 's/^\{"id":"tw[a-z0-9]{6}-1"/{"id":"OWN"/; s/"timestamp":"[^"]*"/"timestamp":"T"/' <<<"$output")
    assert_output '{"id":"OWN","topic":"ns/d/things/twin/events/created","headers":{"correlation-id":"c","mine":"x","requested-acks":["k:l"],"timeout":"5s","entity-revision":1,"response-required":false,"content-type":"application/json"},"path":"/","value":{"thingId":"ns:d","policyId":"ns:d"},"revision":1,"timestamp":"T","context":{"cause":"h/1","origin":"k"}}
{"id":"h/1","topic":"ns/d/things/twin/commands/create","headers":{"correlation-id":"c","mine":"x","etag":"\"rev:1\"","response-required":false,"content-type":"application/json"},"path":"/","value":{"thingId":"ns:d","policyId":"ns:d"},"status":201}'
}

@test "signals are answered as signals" {
    twin <<'END'
{"id":"1","headers":{"correlation-id":"c"},"signal":{"type":"things.commands:createThing","thing":{"thingId":"ns:d"}}}
{"id":"2","headers":{},"signal":{"type":"things.commands:modifyAttribute","thingId":"ns:d","attribute":"/a~0b","value":1}}
{"id":"3","headers":{"if-match":"\"rev:1\""},"signal":{"type":"things.commands:deleteThing","thingId":"ns:d"}}
{"id":"4","headers":{},"signal":{"type":"things.commands:mergeThing","thingId":"ns:d","path":"/attributes/x/y","value":{"z":1}}}
{"id":"5","headers":{},"signal":{"type":"things.commands:retrieveThing","thingId":"ns:d"}}
{"id":"6","headers":{},"signal":{"type":"things.commands:modifyAttribute","thingId":"ns:d","attribute":"/a"}}
{"id":"7","headers":{},"signal":{"type":"things.commands:modifyAttribute","thingId":"not an id","attribute":"/a","value":1}}
{"id":"8","headers":{},"signal":{"type":"things.commands:retrieveThings","thingIds":["ns:d"],"namespace":"ns"}}
{"id":"9","headers":{},"signal":{"type":"policies.commands:deletePolicy","policyId":"ns:p"}}
END
    assert_output 'things.events:thingCreated  1
things.responses:createThing 201 
things.events:attributeCreated  2
things.responses:modifyAttribute 201 
things.responses:errorResponse 412 
things.events:thingMerged  3
things.responses:mergeThing 204 
things.responses:retrieveThing 200 
things.responses:errorResponse 400 
things.responses:errorResponse 400 
things.responses:retrieveThings 200 
policies.responses:errorResponse 404 '
    run jq -r 'select(.id == "5").signal.thingPlainJson' "$WORK/out.all"
    assert_output '{"thingId":"ns:d","policyId":"ns:d","attributes":{"a~b":1,"x":{"y":{"z":1}}}}'
    run jq -c '.id' "$WORK/out.all"
    assert_output "$(printf '%s\n' null '"1"' null '"2"' '"3"' null '"4"' '"5"' '"6"' '"7"' '"8"' '"9"')"
}

@test "who wants no answer gets a settlement, if it has an id" {
    run --separate-stderr ditto-twin -u -S write <<'END'
{"id":"1","topic":"ns/d/things/twin/commands/create","headers":{"response-required":false},"path":"/","value":{}}
{"id":"2","topic":"ns/d/things/twin/commands/create","headers":{"response-required":false},"path":"/","value":{}}
{"topic":"ns/d/things/twin/commands/delete","headers":{"response-required":false},"path":"/"}
END
    assert_status 0
    run jq -c '[.id, .status, .error.error]' <<<"$output"
    assert_output '[null,null,null]
["1",201,null]
["2",409,"things:thing.conflict"]
[null,null,null]'
}

@test "what is not for a twin passes, untouched and in order" {
    printf '%s\n' '{"id":"a","status":200}' '{"id":"twabcdef-1","status":200}' 'no json' '' '{"address":"x" }' '[]' \
        '{"topic":"ns/d/things/live/commands/modify","path":"/attributes/a","value":1}' \
        '{"topic":"ns/d/things/twin/events/modified","path":"/attributes/a","value":1,"revision":1}' \
        '{"topic":"ns/d/things/twin/commands/modify","path":"/attributes/a","status":204,"id":"x"}' \
        '{"topic":"ns/d/things/live/messages/hi","path":"/inbox/messages/hi"}' \
        '{"headers":{"channel":"live"},"signal":{"type":"things.commands:deleteThing","thingId":"ns:d"}}' \
        '{"signal":{"type":"things.events:thingDeleted","thingId":"ns:d"}}' '{"id":"p","parts":3}' >"$WORK/in"
    run --separate-stderr ditto-twin -u <"$WORK/in"
    assert_status 0
    assert_stderr ''
    printf '%s\n' "$output" | cmp - "$WORK/in"
}

@test "what is no command is answered with its error and its id" {
    answers <<'END'
{"id":"1","topic":"ns/d/things/twin/commands/dance","path":"/"}
{"id":"2","topic":"ns/d/things/twin/commands/modify","path":"/nowhere","value":1}
{"id":"3","topic":"ns/d/things/twin/commands/modify","path":"/attributes/a"}
{"id":"4","topic":"9/d/things/twin/commands/retrieve","path":"/"}
{"id":"5","topic":"ns/d/things/twin/commands/retrieve","path":"/","headers":{"timeout":"soon"}}
{"id":"6","topic":"ns/d/policies/commands/merge","path":"/","value":{}}
{"id":"7","topic":"ns/d/things/twin/commands/migrate","path":"/","value":{"thingDefinitionUrl":"https://x.example/tm"}}
{"id":"8","topic":"_/_/policies/commands/checkPermissions","path":"/","value":{"a":{"resource":"thing:/","entityId":"ns:d","hasPermissions":["READ"]}}}
END
    assert_output '400 protocoladapter:unknown.topicpath
400 protocoladapter:unknown.path
400 json.invalid
400 things:id.invalid
400 timeout.invalid
400 protocoladapter:unknown.topicpath
400 signal.unsupported
400 signal.unsupported'
    run jq -r '.id + " " + .topic' "$WORK/out.all"
    assert_output '1 unknown/unknown/things/twin/errors
2 ns/d/things/twin/errors
3 ns/d/things/twin/errors
4 unknown/unknown/things/twin/errors
5 ns/d/things/twin/errors
6 ns/d/policies/errors
7 ns/d/things/twin/errors
8 unknown/unknown/policies/errors'
}

@test "wrong usage" {
    run --separate-stderr ditto-twin -S maybe
    assert_status 100
    assert_output ''
    assert_stderr --partial '-S is ring or write'
    run --separate-stderr ditto-twin operand
    assert_status 100
    run --separate-stderr ditto-twin -u <<<'{"id":"x","status":200}'"$(printf '\n{"id"')"
    assert_status 0
    run --separate-stderr ditto-twin -u < <(printf '{"id"')
    assert_status 111
    assert_output ''
    assert_stderr 'ditto-twin: error: the last line is cut off'
}

@test "the examples of the page" {
    page_examples() { mandoc -T utf8 -O width=400 "$ROOT/man/ditto-twin.1" | col -b | sed -n '/^EXAMPLES/,/^DIAG/p' | sed -n '/printf/,/jq -c/p'; }
    page_examples | sed 's/^ *//' >"$WORK/example"
    run --separate-stderr sh "$WORK/example"
    assert_status 0
    assert_stderr ''
    assert_output '["org.example/lamp/things/twin/events/created","/",null,{"thingId":"org.example:lamp","policyId":"org.example:lamp","attributes":{"on":false}}]
["org.example/lamp/things/twin/commands/create","/",201,{"thingId":"org.example:lamp","policyId":"org.example:lamp","attributes":{"on":false}}]
["org.example/lamp/things/twin/events/modified","/attributes/on",null,true]
["org.example/lamp/things/twin/commands/modify","/attributes/on",204,null]
["org.example/lamp/things/twin/commands/retrieve","/attributes",200,{"on":true}]'
}

# --- tables ----------------------------------------------------------------------------------------------------------------

# 330 commands, each with what comes of it: at every path, with conditions, metadata, limits, permissions.
is_table() { # NAME OPTION…
    run --separate-stderr "$HELPER/twin-table" "${@:2}" <"$ROOT/tests/twin/$1.table"
    assert_status 0
    assert_stderr ''
    diff -u "$ROOT/tests/twin/$1.table" - <<<"$output"
}

@test "the table of commands on things" {
    is_table commands
}

@test "the table of commands on policies" {
    is_table policies
}

@test "the table of who may do what, with -e" {
    is_table enforced -e
}
