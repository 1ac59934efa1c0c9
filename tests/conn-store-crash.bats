#!/usr/bin/env bats
# conn-store-crash.bats: what was answered for is there, whenever the store dies.
#
# store-load remembers each confirmed step of each connection; store-load check reads all events and finds gaps, wrong
# events and missing ones. CONN_LONG=1: every point instead of some, more rounds.
load helper/common

pick() { # LONG QUICK
    [ "${CONN_LONG:-0}" = 1 ] && REPLY=$1 || REPLY=$2
}

member() { # NAME TEXT: the number behind NAME= in TEXT
    REPLY=${2##*$1=}
    REPLY=${REPLY%% *}
}

# All events of the store, which is not running, against the journal.
check_log() {
    conn-store -1 <<<'{"follow":{"from":0}}' >"$WORK/events" 2>"$WORK/recovery" || {
        cat "$WORK/recovery"
        return 1
    }
    store-load check "$WORK/journal" <"$WORK/events"
}

# Runs COMMANDS through a store whose file calls follow ORDER; the answer of store-load is RAN.
run_with() { # ORDER COMMANDS
    rm -rf "$CONN_DIR" "$WORK/journal"
    mkdir -m 700 "$CONN_DIR"
    echo "$1" >"$WORK/orders"
    RAN=$(STORE_SHIM=$WORK/orders STORE_SHIM_COUNT=$WORK/count \
        store-load step "$WORK/journal" t "$2" -- env LD_PRELOAD="$BUILD/tests/store-crash-shim.so" conn-store -1 2>"$WORK/log")
}

# The store ends at the N-th call on its files, for N in steps of STRIDE until it needs no more.
die_everywhere() { # HOW COMMANDS STRIDE
    local n points=0
    for ((n = 1; ; n += $3)); do
        run_with "$1 $n" "$2"
        run check_log
        [ "$status" -eq 0 ] || fail "$1 $n: $RAN: $output"
        [[ $RAN == exit=0* ]] && break
        [[ $RAN == exit=137* ]] || fail "$1 $n: $RAN: $(<"$WORK/log")"
        points=$((points + 1))
    done
    echo "# $1: $points points of $(<"$WORK/count") calls, nothing lost" >&3
    [ "$points" -ge 8 ]
}

@test "killed before every call that writes" {
    pick 110 24 && local commands=$REPLY
    pick 1 3
    die_everywhere kill "$commands" "$REPLY"
}

@test "killed in the middle of every call that writes" {
    pick 110 24 && local commands=$REPLY
    pick 1 3
    die_everywhere tear "$commands" "$REPLY"
}

@test "any one call fails: what was refused is not there, what was confirmed is" {
    pick 60 12 && local commands=$REPLY n calls refused=0
    run_with none "$commands"
    calls=$(<"$WORK/count")
    pick 1 2
    for ((n = 1; n <= calls; n += REPLY)); do
        run_with "fail $n" "$commands"
        run check_log
        [ "$status" -eq 0 ] || fail "fail $n: $RAN: $output"
        local stride=$REPLY
        member events "$output" && local events=$REPLY
        member confirmed "$output" && local confirmed=$REPLY
        [ "$events" = "$confirmed" ] || fail "fail $n: $RAN: $output"
        [[ $RAN == *' refused=0 '* ]] || refused=$((refused + 1))
        REPLY=$stride
    done
    echo "# failed: $calls calls, $refused of them refused a command" >&3
    [ "$refused" -gt 3 ]
}

# The store is started on copies of FOLDER and dies at every call until it ends by itself.
die_starting() { # FOLDER STRIDE POINTS
    local n points=0
    for ((n = 1; ; n += $2)); do
        rm -rf "$CONN_DIR"
        cp -r "$1" "$CONN_DIR"
        echo "kill $n" >"$WORK/orders"
        run env STORE_SHIM="$WORK/orders" LD_PRELOAD="$BUILD/tests/store-crash-shim.so" conn-store -1 </dev/null
        [ "$status" -eq 0 ] && break
        [ "$status" -eq 137 ] || fail "kill $n: $status: $output"
        run check_log
        [ "$status" -eq 0 ] || fail "kill $n: $output"
        points=$((points + 1))
    done
    echo "# ${1##*/}: $points points" >&3
    [ "$points" -ge "$3" ]
}

@test "killed while a fresh file takes the place of a broken one" {
    run_with 'kill 40' 40
    cp -r "$CONN_DIR" "$WORK/broken"
    pick 1 2
    die_starting "$WORK/broken" "$REPLY" 8
}

@test "killed while a log in order is opened and closed" {
    run_with none 20
    cp -r "$CONN_DIR" "$WORK/ordered"
    die_starting "$WORK/ordered" 1 4
}

@test "killed at random moments under load from many clients" {
    pick 60 12 && local rounds=$REPLY i clients pause confirmed=0
    for ((i = 1; i <= rounds; i++)); do
        clients=$((RANDOM % 24 + 1))
        pause=0.0$((RANDOM % 90 + 10))
        start_ready store conn-store -d 4 </dev/null
        start load store-load drive "$CONN_RUN/store.sock" "$WORK/journal" "r$i" "$clients" 20000 4
        sleep "$pause" # the moment is what is random here
        kill -KILL "${PIDS[store]}"
        wait_exit load 20
        wait_exit store 20
        read -r RAN <"$WORK/load.out"
        member confirmed "$RAN" && confirmed=$((confirmed + REPLY))
        # half of the time the next store meets the broken file itself
        if ((i % 2)); then
            run check_log
            [ "$status" -eq 0 ] || fail "round $i: $output"
        fi
    done
    start_ready store conn-store -d 4 </dev/null
    run store-load check "$WORK/journal" "$CONN_RUN/store.sock"
    [ "$status" -eq 0 ] || fail "$output"
    echo "# $rounds kills: $output" >&3
    [ "$confirmed" -gt $((rounds * 10)) ]
    stop store
    assert_equal "$status" 0
}

@test "a clean end needs no repair" {
    start_ready store conn-store -d 4 </dev/null
    run store-load drive "$CONN_RUN/store.sock" "$WORK/journal" t 8 200
    assert_status 0
    stop store
    assert_equal "$status" 0
    run check_log
    assert_status 0
    [ ! -s "$WORK/recovery" ] && [ ! -e "$CONN_DIR/events.gdbm.bak" ]
}
