#!/usr/bin/env bats
# Many connections at once, as bench/many.sh opens them: all are open, and again after kill -9 of the supervisor, each ring
# once. The figures that it prints are shown, not judged.

load helper/common

@test "many connections: all open, each once, and again after kill -9 of the supervisor" {
    if [ -n "${CONN_LONG-}" ]; then n=500; else n=20; fi # latency beside bad neighbours is for make bench
    run --separate-stderr env CONNECTIONS=$n IDLE_S=2 PINGS=0 TMPDIR="$WORK" bash "$ROOT/bench/many.sh"
    assert_success
    assert_stderr ''
    assert_output --partial "all open again after its kill -9"
    sed 's/^/# /' <<<"$output" >&3
}
