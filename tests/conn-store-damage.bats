#!/usr/bin/env bats
# conn-store-damage.bats: a log that is damaged, cut off, or gone is found at the start and named; the repair of the page works.
load helper/common
load helper/store

# Offset of the last record in the file.
last_record() {
    grep -abo DEv1 "$CONN_DIR/events.gdbm" | sort -n -t : -k 1 | tail -n 1 | cut -d : -f 1
}
flip() { # OFFSET: another byte there
    local byte
    byte=$(od -An -tu1 -j "$1" -N 1 "$CONN_DIR/events.gdbm")
    printf "\\x$(printf %x $((byte ^ 255)))" | dd of="$CONN_DIR/events.gdbm" bs=1 seek="$1" conv=notrunc status=none
}
# Three confirmed events behind a clean end (a snapshot knows them), then one more and a kill.
killed() {
    store "$(create a)" "$(create b)" "$(on openConnection a)"
    fine
    daemon
    ask "$(on openConnection b)"
    assert_lines "$codes" '[200]'
    kill -KILL "${PIDS[store]}"
    wait_exit store
}
# The store does not start, says why, and changes nothing.
refuses() { # REASON
    (cd "$CONN_DIR" && md5sum ./* >"$WORK/sums")
    run --separate-stderr conn-store -1 </dev/null
    assert_status 100
    assert_output ''
    assert_stderr --regexp "^conn-store: error: cannot open '$CONN_DIR/events.gdbm': $1\$"
    (cd "$CONN_DIR" && md5sum -c --quiet "$WORK/sums")
}
statuses() {
    store '{"follow":{}}'
    assert_status 0
    assert_lines '[.[]|select(.state)|.state|[.connection.id,.connection.connectionStatus,.revision]]' "$1"
}
# What the page says: conn-journal repair. The connections are as the snapshot knew them, or better.
repaired() { # STATUSES
    run --separate-stderr conn-journal repair
    assert_status 0
    statuses "$1"
    run --separate-stderr conn-journal verify
    fine
}

@test "nothing is wrong after a kill" {
    killed
    statuses '[["a","open",2],["b","open",2]]'
    assert_stderr "conn-store: warning: '$CONN_DIR/events.gdbm' was not closed in order: read 4 records one by one, dropped 0 unfinished"
}

@test "killed, and one byte of the last record is another: damaged, for it was confirmed" {
    killed
    flip $(($(last_record) + 60))
    refuses 'record 4 of 4 is damaged \(at byte [0-9]+\)'
    run --separate-stderr conn-journal verify
    assert_status 1
    assert_lines '.[0]|[.problem,.position]' '["damaged",4]'
    repaired '[["a","open",2],["b","closed",1]]'
}

@test "killed, and a byte in the middle is another: the snapshot still knows the state" {
    killed
    flip $(($(grep -abo DEv1 "$CONN_DIR/events.gdbm" | sed -n 3p | cut -d : -f 1) + 60))
    refuses 'record [1-3] of 4 is damaged \(at byte [0-9]+\)'
    repaired '[["a","open",2],["b","open",2]]'
}

@test "killed, and the last record is cut off" {
    killed
    truncate -s $(($(last_record) + 60)) "$CONN_DIR/events.gdbm"
    refuses 'record 4 of 4 is damaged \(at byte [0-9]+\)'
}

@test "killed, and cut off behind the first page, empty, gone" {
    killed
    cp -r "$CONN_DIR" "$WORK/copy"
    truncate -s 4096 "$CONN_DIR/events.gdbm"
    refuses 'record 1 of 4 is missing'
    repaired '[["a","open",2],["b","closed",1]]'
    for how in 'truncate -s 0' rm; do
        rm -r "$CONN_DIR"
        cp -r "$WORK/copy" "$CONN_DIR"
        $how "$CONN_DIR/events.gdbm"
        [ "$how" = rm ] && refuses "it is missing, but 'events.snapshot' is there" ||
            refuses 'it is empty, but 4 records were confirmed'
        run --separate-stderr conn-journal verify
        assert_status 1
        assert_lines '.[0]' '{"problem":"missing","from":1,"to":4}'
        repaired '[["a","open",2],["b","closed",1]]'
    done
}

@test "killed before there was a snapshot, and gone: what was confirmed stands beside the log" {
    daemon
    ask "$(create a)"
    kill -KILL "${PIDS[store]}"
    wait_exit store
    truncate -s 4096 "$CONN_DIR/events.gdbm"
    refuses 'record 1 of 1 is missing'
    rm "$CONN_DIR/events.gdbm"
    refuses "it is missing, but 'events.durable' is there"
}

@test "an older log in the place of a newer one is not taken for it" {
    store "$(create a)"
    cp "$CONN_DIR"/events.gdbm "$CONN_DIR"/events.clean "$WORK"
    store "$(on openConnection a)"
    cp "$WORK"/events.gdbm "$WORK"/events.clean "$CONN_DIR"
    refuses 'record 2 of 2 is missing'
    # what the page says: on purpose, without what the newer one left
    rm "$CONN_DIR"/events.snapshot "$CONN_DIR"/events.durable
    store "$(on retrieveConnection a)"
    fine
    assert_lines '.[0].signal.connection.connectionStatus' '"closed"'
}

@test "half a record behind the last confirmed one was never finished" {
    killed
    tail -c +$(($(last_record) + 1)) "$CONN_DIR/events.gdbm" | head -c 60 >"$WORK/half"
    truncate -s %512 "$CONN_DIR/events.gdbm"
    # the same head, of position 5, and then the end of the file
    { head -c 24 "$WORK/half"; printf '\5'; tail -c +26 "$WORK/half"; } >>"$CONN_DIR/events.gdbm"
    cp -r "$CONN_DIR" "$WORK/copy"
    statuses '[["a","open",2],["b","open",2]]'
    assert_stderr "conn-store: warning: '$CONN_DIR/events.gdbm' was not closed in order: read 4 records one by one, dropped 1 unfinished"
    # the same, torn in the middle of the file: a wrong checksum
    rm -r "$CONN_DIR"
    cp -r "$WORK/copy" "$CONN_DIR"
    head -c 4096 /dev/zero >>"$CONN_DIR/events.gdbm"
    statuses '[["a","open",2],["b","open",2]]'
    assert_stderr "conn-store: warning: '$CONN_DIR/events.gdbm' was not closed in order: read 4 records one by one, dropped 1 unfinished, 1 of them damaged"
}

@test "after a clean end a truncated record is missed; the copy put back is fine" {
    store "$(create a)" "$(on openConnection a)" "$(on closeConnection a)"
    cp -r "$CONN_DIR" "$WORK/copy"
    truncate -s $(($(last_record) + 60)) "$CONN_DIR/events.gdbm"
    refuses 'record 3 of 3 is damaged \(at byte [0-9]+\)'
    # a missing mark does not make it better
    rm "$CONN_DIR/events.clean"
    refuses 'record 3 of 3 is damaged \(at byte [0-9]+\)'
    rm -r "$CONN_DIR"
    cp -r "$WORK/copy" "$CONN_DIR"
    statuses '[["a","closed",3]]'
}

@test "a damaged events.durable, events.snapshot or events.clean is no reason to fail" {
    killed
    printf x | dd of="$CONN_DIR/events.durable" bs=1 seek=30 conv=notrunc status=none
    printf x | dd of="$CONN_DIR/events.snapshot" bs=1 seek=30 conv=notrunc status=none
    statuses '[["a","open",2],["b","open",2]]'
    for how in 'c nonsense' 's/"position":4/"position":5/' 's/"position":4/"position":3/'; do
        sed -i "$how" "$CONN_DIR/events.clean"
        statuses '[["a","open",2],["b","open",2]]'
    done
}

# Whichever byte it is: of the head, of a connection in the middle, of the last one; and wherever it ends.
@test "a byte of events.snapshot is another, or it is cut off: the log knows it all" {
    local size n
    store "$(create a)" "$(create b)"
    cp -r "$CONN_DIR" "$WORK/copy"
    size=$(stat -c %s "$CONN_DIR/events.snapshot")
    for n in 0 30 $((size / 3)) $((size / 2)) $((size - 1)); do
        rm -r "$CONN_DIR"
        cp -r "$WORK/copy" "$CONN_DIR"
        if ((n % 2)); then truncate -s "$n" "$CONN_DIR/events.snapshot"; fi
        printf '\377' | dd of="$CONN_DIR/events.snapshot" bs=1 seek="$n" conv=notrunc status=none
        statuses '[["a","closed",1],["b","closed",1]]'
        assert_stderr "conn-store: warning: cannot use 'events.snapshot': it is damaged"
    done
}

@test "a damaged log is not repaired by a damaged events.snapshot" {
    killed
    flip $(($(grep -abo DEv1 "$CONN_DIR/events.gdbm" | sed -n 3p | cut -d : -f 1) + 60))
    truncate -s -1 "$CONN_DIR/events.snapshot"
    run --separate-stderr conn-journal repair
    assert_status 0
    assert_stderr "conn-journal: warning: cannot use 'events.snapshot': it is damaged"
    # the last event alone tells too little of b, but what the others tell is there
    store '{"follow":{}}'
    assert_status 0
    assert_lines '[.[]|.state.connection.id]|length > 1' true
}

@test "a file that is not ours" {
    echo hello >"$CONN_DIR/events.gdbm"
    refuses 'it is no event file'
    run --separate-stderr conn-journal verify
    assert_status 100
    assert_output ''
    assert_stderr "conn-journal: error: cannot read '$CONN_DIR/events.gdbm': it is no event file"
}

@test "something else in the place of the log: the snapshot knows the state" {
    killed
    echo hello >"$CONN_DIR/events.gdbm"
    refuses 'it is no event file'
    run --separate-stderr conn-journal verify
    assert_status 1
    assert_lines '.[0:2]' '[{"problem":"foreign"},{"problem":"missing","from":1,"to":4}]'
    repaired '[["a","open",2],["b","closed",1]]'
    assert_equal "$(<"$CONN_DIR/events.gdbm.bak")" hello
}

@test "a repair takes nothing from the snapshot of another log" {
    store "$(create z)" "$(create y)"
    mv "$CONN_DIR/events.snapshot" "$WORK"
    rm "$CONN_DIR"/events.*
    killed
    flip $(($(last_record) + 60))
    cp "$WORK/events.snapshot" "$CONN_DIR"
    refuses 'record 4 of 4 is damaged \(at byte [0-9]+\)'
    run --separate-stderr conn-journal repair
    assert_status 0
    assert_stderr "conn-journal: warning: cannot use 'events.snapshot': it is of another log"
    statuses '[["a","open",2],["b","closed",1]]'
}
