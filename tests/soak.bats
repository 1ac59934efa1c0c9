#!/usr/bin/env bats
# The short form of make soak: kills at random, then a reckoning.

load helper/common

@test "chaos for a while: in the end everything is as it should be, and nothing is lost" {
    if [ -n "${CONN_LONG-}" ]; then minutes=5; else minutes=0.2; fi
    run --separate-stderr env TMPDIR="$WORK" CHURN=4 bash "$ROOT/scripts/soak" $minutes
    sed 's/^/# /' <<<"$output" >&3
    assert_success
    assert_stderr ''
    assert_output --partial ' 0 lost, '
    assert_output --partial 'all is well'
}
