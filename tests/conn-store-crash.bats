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
    store-load check "$WORK/journal" <"$WORK/events" && conn-journal verify >"$WORK/verify" || {
        cat "$WORK/verify"
        return 1
    }
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
    pick 200 24 && local commands=$REPLY
    pick 1 3
    die_everywhere kill "$commands" "$REPLY"
}

@test "killed in the middle of every call that writes" {
    pick 200 24 && local commands=$REPLY
    pick 1 3
    die_everywhere tear "$commands" "$REPLY"
}

@test "any one call fails: what was refused is not there, what was confirmed is" {
    pick 200 12 && local commands=$REPLY n calls refused=0
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

# As killed, but of what was not synced a random part is on the disk: several such disks for each point.
@test "the power goes before every call that writes" {
    pick 200 24 && local commands=$REPLY n seed points=0 images=0
    pick 20 3 && local seeds=$REPLY
    pick 1 7 && local stride=$REPLY
    local dir=$CONN_DIR
    export STORE_SHIM_IMAGES=$WORK/images
    for ((n = 1; ; n += stride)); do
        CONN_DIR=$dir
        rm -rf "$WORK/images" && mkdir "$WORK/images"
        run_with "power $n $seeds" "$commands"
        [[ $RAN == exit=0* ]] && break
        [[ $RAN == exit=137* ]] || fail "power $n: $RAN: $(<"$WORK/log")"
        for ((seed = 1; seed <= seeds; seed++)); do
            CONN_DIR=$WORK/images/$seed
            run check_log
            [ "$status" -eq 0 ] || fail "power $n $seed: $RAN: $output"
            images=$((images + 1))
        done
        points=$((points + 1))
    done
    echo "# power: $points points of $(<"$WORK/count") calls, $images images, nothing lost" >&3
    [ "$points" -ge 8 ]
}

# Every id and confirmed revision of the journal is in the log, which is in order.
check_list() {
    local id confirmed
    conn-journal list >"$WORK/list" && conn-journal verify >"$WORK/verify" || { cat "$WORK/verify"; return 1; }
    while read -r id confirmed; do
        jq -es --arg id "$id" --argjson n "$confirmed" '$n == 0 or any(.[]; .id == $id and .revision >= $n)' \
            "$WORK/list" >/dev/null || { echo "$id: $confirmed were confirmed"; return 1; }
    done <"$WORK/journal"
}

# conn-journal compacts copies of a log and is stopped at each of its calls.
stop_compacting() { # ORDER STRIDE SEEDS
    local n seed points=0
    for ((n = 1; ; n += $2)); do
        for ((seed = 1; seed <= $3; seed++)); do
            rm -rf "$CONN_DIR"
            cp -r "$WORK/full" "$CONN_DIR"
            echo "$1 $n $seed" >"$WORK/orders"
            run env STORE_SHIM="$WORK/orders" LD_PRELOAD="$BUILD/tests/store-crash-shim.so" conn-journal compact -a 0
            [ "$status" -eq 0 ] && break 2
            [ "$status" -eq 137 ] || fail "$1 $n $seed: $status: $output"
            run check_list
            [ "$status" -eq 0 ] || fail "$1 $n $seed: $output"
            conn-store -1 </dev/null 2>"$WORK/log"
            run check_list
            [ "$status" -eq 0 ] || fail "$1 $n $seed, started: $output"
            jq -c 'del(.oldest,.since)' "$WORK/list" | cmp - "$WORK/expected"
        done
        points=$((points + 1))
    done
    echo "# compact, $1: $points points" >&3
    [ "$points" -ge 3 ]
}

@test "killed, or without power, while the log is compacted" {
    run_with none 40
    cp -r "$CONN_DIR" "$WORK/full"
    conn-journal list | jq -c 'del(.oldest,.since)' >"$WORK/expected"
    pick 1 2
    stop_compacting kill "$REPLY" 1
    pick 1 5
    stop_compacting tear "$REPLY" 1
    pick 20 2
    stop_compacting power 5 "$REPLY"
}

@test "killed while the running store writes its log anew, with a key" {
    (umask 077 && head -c 32 /dev/urandom | base64 -w 0 >"$WORK/keys")
    pick 200 30 && local commands=$REPLY n points=0
    pick 2 15 && local stride=$REPLY
    run_with none 60
    cp -r "$CONN_DIR" "$WORK/full"
    cp "$WORK/journal" "$WORK/first"
    for ((n = 1; ; n += stride)); do
        rm -rf "$CONN_DIR"
        cp -r "$WORK/full" "$CONN_DIR"
        cp "$WORK/first" "$WORK/journal"
        echo "power $n $n" >"$WORK/orders"
        RAN=$(STORE_SHIM=$WORK/orders store-load step "$WORK/journal" u "$commands" -- \
            env LD_PRELOAD="$BUILD/tests/store-crash-shim.so" conn-store -1 -a 0 -K "$WORK/keys" 2>"$WORK/log")
        run check_list
        [ "$status" -eq 0 ] || fail "power $n: $RAN: $output"
        [[ $RAN == exit=0* ]] && break
        [[ $RAN == exit=137* ]] || fail "power $n: $RAN: $(<"$WORK/log")"
        points=$((points + 1))
    done
    echo "# rewriting: $points points" >&3
    [ "$points" -ge 5 ]
}

@test "killed at random moments under load from many clients" {
    pick 200 12 && local rounds=$REPLY i clients pause confirmed=0
    for ((i = 1; i <= rounds; i++)); do
        local READY_SECONDS=$((15 + i)) # each round leaves more to be read
        clients=$((RANDOM % 24 + 1))
        pause=0.0$((RANDOM % 90 + 10))
        start_ready store conn-store -d 4 </dev/null
        start load store-load drive "$CONN_RUN/store.sock" "$WORK/journal" "r$i" "$clients" 20000 4
        sleep "$pause" # the moment is what is random here
        kill -KILL "${PIDS[store]}"
        wait_exit load 20
        wait_exit store 20
        read -r RAN <"$WORK/load.out" || RAN=confirmed=0 # it was killed before somebody could connect
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
    stop store 60
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
