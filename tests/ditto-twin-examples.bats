#!/usr/bin/env bats
# ditto-twin-examples.bats: the commands that Ditto's documentation shows, and those of Ditto's own client.
load helper/common

setup_file() {
    VECTORS=${VECTORS:-$ROOT/../shared/vectors}
    export VECTORS
}

# The thing and the policy that the examples are about, with all that they ask for.
before() {
    cat <<'END'
{"topic":"org.eclipse.ditto/the_policy_id/policies/commands/create","headers":{},"path":"/","value":{"entries":{"the_label":{"subjects":{"google:the_subjectid":{"type":"yourSubjectTypeDescription"}},"resources":{"thing:/the_resource_path":{"grant":["READ","WRITE"],"revoke":[]}},"importable":"implicit","allowedAdditions":["subjects"],"namespaces":["com.acme","com.acme.*"],"references":[{"entry":"the_label"}]}},"imports":{"org.eclipse.ditto:the_imported_policy_id":{"entries":["a"]},"org.eclipse.ditto:imported-policy":{"entries":["a"]}}}}
{"topic":"org.eclipse.ditto/fancy-thing/things/twin/commands/create","headers":{},"path":"/","value":{"policyId":"org.eclipse.ditto:the_policy_id","definition":"org.eclipse.ditto:SomeModel:1.0.0","attributes":{"location":{"latitude":44.673856,"longitude":8.261719}},"features":{"accelerometer":{"definition":["org.eclipse.ditto:accelerometer:1.2.3"],"properties":{"x":3.141,"y":2.718,"z":1,"unit":"g"},"desiredProperties":{"x":4,"y":3,"z":5,"unit":"g"}}}}}
END
}

# The examples that are answers of a twin, or that are commands on the thing and the policy above; without the one whose
# condition is no RQL.
examples() { # answers | commands
    jq -c --arg what "$1" 'select(.adapter.ok) | .envelope
        | select(.topic | test("^org.eclipse.ditto/(fancy-thing|the_policy_id|_)/(things/twin|policies)/commands/"))
        | select(.headers.condition == null and has("status") == ($what == "answers"))' "$VECTORS/protocol/examples.ndjson"
}

# Carries out a command on what there is before, or without what it is about; prints "same", "alone" when the
# documentation shows no answer, or what differs.
try() { # COMMAND [delete]
    [[ $1 == *'/commands/create"'* ]] && : >"$WORK/in" || before >"$WORK/in"
    [ -z "${2-}" ] || jq -c 'del(.value) | .topic |= sub("/modify$"; "/delete")' <<<"$1" >>"$WORK/in"
    jq -c '. + {id: "x"} | .headers."response-required" = true' <<<"$1" >>"$WORK/in"
    ditto-twin -u -S write <"$WORK/in" >"$WORK/out" 2>"$WORK/err"
    [ ! -s "$WORK/err" ] || cat "$WORK/err"
    tail -n 1 "$WORK/out" | jq -r --slurpfile all "$WORK/answers" --argjson c "$1" '
        # has $own all that this shows, of the same types?
        def within($own): type == ($own | type)
            and (type != "object" or all(to_entries[]; .key as $k | .value | within($own[$k])));
        # what stands in these is another example each time
        def loose: $c.topic | test("/create|/_/|/policies/");
        . as $own
        | [$all[] | select(.topic == $c.topic and .path == $c.path)] as $docs
        | if .id != "x" then "no answer"
          elif .topic != $c.topic or .path != $c.path then "\(.topic) \(.path) \(.value.error)"
          elif .status >= 300 then "failed \(.status)"
          elif ($docs | length) == 0 or $c.fields then "alone"
          elif any($docs[]; .status == $own.status and has("value") == ($own | has("value"))
                   and (if loose then (.value | type) == ($own.value | type) else (.value | within($own.value)) end))
          then "same"
          else "differs: \($own | del(.headers)) from \($docs | map(del(.headers)))" end'
}

@test "each command of the documentation is answered as the documentation shows" {
    [ -d "$VECTORS" ] || skip 'no vectors'
    local commands=0 compared=0 command verdict
    examples answers >"$WORK/answers"
    while read -r command; do
        verdict=$(try "$command" 2>&1)
        [[ $verdict != differs* || $command != *'/commands/modify"'* ]] || verdict=$(try "$command" delete 2>&1)
        case $verdict in
        same) compared=$((compared + 1)) ;;
        alone) ;;
        *) fail "$command: $verdict" ;;
        esac
        commands=$((commands + 1))
    done < <(examples commands)
    echo "# $commands commands, $compared compared with a documented answer" >&3
    [ "$commands" -ge 50 ]
    [ "$compared" -ge 25 ]
}

@test "whatever comes, each command has one answer" {
    [ -d "$VECTORS" ] || skip 'no vectors'
    jq -c '(.envelope // empty), (select(.signal) | {headers: (.signalHeaders // {}), signal})' "$VECTORS/protocol/adapter.ndjson" |
        jq -c 'select(type == "object")' | awk '{ sub(/^{/, "{\"id\":\"v" NR "\","); sub(/,}$/, "}"); print }' >"$WORK/in"
    run --separate-stderr ditto-twin -u -S write <"$WORK/in"
    assert_status 0
    assert_stderr ''
    jq -r 'select(.id).id' <<<"$output" | sort >"$WORK/got"
    jq -r .id "$WORK/in" | sort | diff - "$WORK/got" | head -n 5 >"$WORK/diff"
    run cat "$WORK/diff"
    assert_output ''
    [ "$(wc -l <"$WORK/got")" -ge 4000 ]
}

@test "errors have the members that the documentation shows" {
    run --separate-stderr ditto-twin -u <<<'{"id":"x","topic":"org.eclipse.ditto/fancy-thing/things/twin/commands/retrieve","headers":{"correlation-id":"c"},"path":"/"}'
    assert_status 0
    run jq -c '[keys_unsorted, (.value | keys_unsorted)]' <<<"$output"
    assert_output '[["id","topic","headers","path","value","status"],["status","error","message","description"]]'
}

# Ditto's client for Node.js, fetched once into the build folder.
fetch_client() {
    local folder=$BUILD/node
    command -v node >/dev/null && command -v npm >/dev/null || skip 'no npm'
    [ -d "$folder/node_modules/@eclipse-ditto/ditto-javascript-client-node" ] || {
        mkdir -p "$folder"
        timeout 60 npm install --prefix "$folder" --no-audit --no-fund --ignore-scripts --silent \
            @eclipse-ditto/ditto-javascript-client-node@3.9.1 >"$WORK/npm" 2>&1 || skip 'npm cannot fetch the client'
    }
    export NODE_PATH=$folder/node_modules
}

@test "Ditto's JavaScript client speaks to it" {
    fetch_client
    run --separate-stderr node "$ROOT/tests/helper/twin-javascript.cjs"
    assert_status 0
    assert_stderr ''
    assert_output 'getThing failed 404 things:thing.notfound
createThing 201 {"thingId":"org.example:js","policyId":"org.example:js","attributes":{"a":1}}
getThing {"thingId":"org.example:js","policyId":"org.example:js","attributes":{"a":1}}
putThing 204 null
putAttribute 201 [1,2]
putAttribute 204 null
getAttribute "x"
getAttributes {"a":2,"b":{"c":"x"}}
putAttributes 204 null
deleteAttribute failed 404 things:attribute.notfound
putDefinition 201 "a:b:1"
getDefinition "a:b:1"
getPolicyId "org.example:js"
putFeature 201 {"definition":["a:b:1"],"properties":{"on":true}}
putProperty 201 255
getProperty {"r":255}
getFeature {"definition":["a:b:1"],"properties":{"on":true,"color":{"r":255}}}
putProperties 204 null
deleteDefinition 204
getFeatures {"lamp":{"_id":"lamp","_properties":{"on":false}}}
deleteFeature 204
getFeature failed 404 things:feature.notfound
deleteThing 204
events 12'
}
