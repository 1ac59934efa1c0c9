#!/usr/bin/env bats
# The rules of all seven types of connections: documents of our own, valid and not, after what Ditto's documentation says.
#
# tests/connections/TYPE.json is a valid document of each type; a row of rules.ndjson sets members of it, of each of the types
# that it names ("<absent>" removes), and says by which code it is refused then, first, and where; null: not at all.
# shellcheck disable=SC2016 # jq programs
load helper/common

RULES=$ROOT/tests/connections

# Prints a line for each document: what is expected, and the document.
documents() {
    jq -nc --slurpfile bases <(cat "$RULES"/*.json) '
        ($bases | map({key: .connectionType, value: .}) | from_entries) as $base | inputs as $row | $row.types[] as $type
        | reduce $row.set[] as [$pointer, $value] ($base[$type];
            ($pointer | ltrimstr("/") | split("/") | map(if test("^[0-9]+$") then tonumber else . end)) as $path
            | if $value == "<absent>" then delpaths([$path]) else setpath($path; $value) end)
        | {error: $row.error, pointer: $row.pointer, document: .}' "$RULES/rules.ndjson"
}

@test "each type has its documents" {
    documents >"$WORK/all"
    run jq -rs 'group_by(.document.connectionType)[] | select(length > 20)
        | "\(.[0].document.connectionType) \(map(select(.error == null)) | length >= 40) \(map(select(.error)) | length >= 60)"' "$WORK/all"
    for type in amqp-091 amqp-10 hono http-push kafka mqtt mqtt-5; do
        assert_line "$type true true"
    done
}

@test "what is valid is valid, for validate, and comes back with the same meaning" {
    local n=0 files=() line
    while read -r line; do
        printf '%s' "$line" >"$WORK/$((++n)).json"
        files+=("$WORK/$n.json")
    done < <(documents | jq -c 'select(.error == null).document')
    [ "$n" -gt 350 ]
    run --separate-stderr conn-ctl -q validate "${files[@]}"
    assert_success
    assert_output ''
    assert_stderr ''
    run --separate-stderr conn-ctl -q validate -p "${files[@]}"
    assert_success
    assert_equal "${#lines[@]}" "$n"
    printf '%s\n' "${lines[@]}" >"$WORK/effective"
    # the effective document of an effective one is itself
    n=0 files=()
    while read -r line; do
        printf '%s' "$line" >"$WORK/$((++n)).json"
        files+=("$WORK/$n.json")
    done <"$WORK/effective"
    conn-ctl -q validate -p "${files[@]}" | cmp - "$WORK/effective"
}

@test "what is not is refused with the code that Ditto gives first, at its place" {
    local n=0 each=4 document got
    [ -z "${CONN_LONG-}" ] || each=1
    documents | jq -c 'select(.error)' | awk "NR % $each == 0" >"$WORK/bad"
    while read -r document; do
        n=$((n + 1))
        run --separate-stderr conn-ctl -q validate - <<<"$document"
        [ "$status" -eq 1 ] || fail "it is valid: $document"
        echo "${lines[0]}"
    done < <(jq -c .document "$WORK/bad") >"$WORK/got"
    run jq -nc --slurpfile got "$WORK/got" '[inputs] | to_entries[] | .value as $want | $got[.key] as $got
        | select($got.error != $want.error or ($got.status != 400 and $got.status != 409) or $got.message == ""
            or (($got.pointer // "") | startswith($want.pointer // "") | not)) | [$want, $got]' "$WORK/bad"
    assert_success
    assert_output ''
    [ "$(wc -l <"$WORK/got")" -gt 120 ]
}

@test "scripts have at most 50000 UTF-16 units, programs of jq 50000 bytes" {
    local engine option count unit
    for row in "JavaScript incomingScript 50000 x 0" "JavaScript outgoingScript 50000 é 0" "JavaScript incomingScript 50001 x 1" \
        "JavaScript outgoingScript 25001 😀 1" "JavaScript incomingScript 25000 😀 0" "JQ incoming 50000 # 0" "JQ outgoing 25001 é 1"; do
        read -r engine option count unit status_wanted <<<"$row"
        jq --arg e "$engine" --arg o "$option" --arg u "$unit" --argjson n "$count" \
            '.mappingDefinitions.m = {mappingEngine: $e, options: {($o): ($u * $n)}}' "$RULES/mqtt.json" >"$WORK/c.json"
        run --separate-stderr conn-ctl -q validate "$WORK/c.json"
        assert_status "$status_wanted"
        [ "$status_wanted" = 0 ] || assert_equal "$(jq -r .pointer <<<"$output")" "/mappingDefinitions/m/options/$option"
    done
}
