#!/usr/bin/env bats
# ditto-parse.bats: one answer a line. What the answers hold is tested by tests/unit/grammar-check.c.
load helper/common

# Runs ditto-parse on the lines of stdin.
parse() { # ARG…
    cat >"$WORK/in"
    run --separate-stderr ditto-parse "$@" <"$WORK/in"
}

@test "each line gets one answer, in order" {
    parse thing-id < <(printf '%s\n' '"a:b"' '' '"a b"' '7' '"a:b' ' "\u0061:c" ' 'null' '"a:b" "c:d"')
    assert_status 0
    assert_stderr ''
    run jq -c '[.valid, .error, .entityName]' <<<"$output"
    assert_output '[true,null,"b"]
[false,"json.invalid",null]
[false,"things:id.invalid",null]
[false,"json.invalid",null]
[false,"json.invalid",null]
[true,null,"c"]
[false,"json.invalid",null]
[false,"json.invalid",null]'
}

@test "an answer holds the parts or the error" {
    parse policy-id <<<'"a:b:c"'
    assert_output '{"valid":true,"namespace":"a","entityName":"b:c"}'
    parse policy-id <<<'"a"'
    run jq -c '[keys_unsorted, .status, .error]' <<<"$output"
    assert_output '[["valid","status","error","message","description"],400,"policies:id.invalid"]'
}

@test "operands: the exit code tells whether all are valid" {
    run --separate-stderr ditto-parse duration 5m 10
    assert_status 0
    assert_output '{"valid":true,"millis":300000,"string":"5m"}
{"valid":true,"millis":10000,"string":"10"}'
    assert_stderr ''
    run --separate-stderr ditto-parse duration 5m 1x
    assert_status 1
    assert_line --index 1 --partial '"error":"timeout.invalid"'
    assert_stderr ''
}

@test "every kind answers" {
    local kind
    run --separate-stderr ditto-parse -l
    assert_status 0
    assert_stderr ''
    [ "${#lines[@]}" -eq 13 ]
    for kind in $(ditto-parse -l | cut -d ' ' -f 1); do
        run --separate-stderr ditto-parse "$kind" '' $'\x7f' "$kind"
        assert_stderr ''
        [ "${#lines[@]}" -eq 3 ]
        run jq -es 'all(has("valid"))' <<<"$output"
        assert_success
    done
}

@test "wrong usage" {
    run --separate-stderr ditto-parse
    assert_status 100
    assert_stderr --partial 'a kind is needed'
    run --separate-stderr ditto-parse topics
    assert_status 100
    assert_stderr --partial 'there is no such kind: see -l'
}

@test "a last line that is cut off is an error" {
    printf '"a:b"\n"a' >"$WORK/in"
    run --separate-stderr ditto-parse thing-id <"$WORK/in"
    assert_status 111
    assert_output '{"valid":true,"namespace":"a","entityName":"b"}'
    assert_stderr "ditto-parse: error: cannot read 'stdin': the last line is cut off"
}

@test "texts that are meant to hurt" {
    python3 - >"$WORK/in" <<'PY'
for text in ["(" * 10000, "not(" * 10000 + "exists(a)" + ")" * 10000, "a(" * 10000 + ")" * 10000, "/" + "a/" * 1000000,
             "x" * (16 * 1024 * 1024), "a," * 1000000, "\\u0041" * 1000000, "n" * 65536 + "/d/things/twin/events/created",
             "eq(a,'" + "y" * (16 * 1024 * 1024) + "')"]:
    print('"%s"' % text)
print('"' + "x" * (33 * 1024 * 1024) + '"')
PY
    local kind
    for kind in $(ditto-parse -l | cut -d ' ' -f 1); do
        run --separate-stderr bash -c "ditto-parse $kind <'$WORK/in' | jq -c .valid"
        assert_status 0
        assert_stderr ''
        [ "${#lines[@]}" -eq 10 ]
    done
}

@test "the examples of the page" {
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh/{/^\.Bd/,/^\.Ed/{/^\./!p}}' "$ROOT/man/ditto-parse.1" | sed 's/\\e/\\/g' >"$WORK/example"
    cd "$WORK"
    run --separate-stderr bash -eu example
    assert_success
    assert_stderr ''
    assert_line --index 0 --partial '"subject":"switch/on"'
    assert_line --index 1 'gt(attributes/c,42)'
    assert_line --index 2 '{"op":"gt","property":"attributes/c","value":42}'
    assert_line --index 3 --partial 'at byte 16.'
}
