#!/usr/bin/env bats
# ring.bats: rings of the shell, closed with pipes and hung on the hub.
load helper/common
load helper/mosquitto

ring_run() { # ARGS
    run --separate-stderr timeout 20 ring "$@" </dev/null
}

ring_start() { # ARGS
    start ring ring "$@" </dev/null
}

# Is there a file with something in it?
filled() { # FILE
    [ -s "$1" ]
}

# Prints the pids of the ring's commands.
children() {
    cat "/proc/${PIDS[ring]}/task/${PIDS[ring]}/children"
}

has_children() { # N
    [ "$(children | wc -w)" -eq "$1" ]
}

@test "what the last one writes comes to the first one" {
    ring_run "echo x; read -r line; echo \"\$line\" >$WORK/got" 'sed -u s/x/xy/' 'sed -u s/y/yz/'
    assert_status 0
    assert_output ''
    assert_stderr ''
    assert_file "$WORK/got" xyz
}

@test "one command is a ring, too; a simple one takes the place of its shell" {
    ring_run "echo x; read -r line; echo \"\$line\" >$WORK/got"
    assert_status 0
    assert_file "$WORK/got" x
    ring_start "sleep 60" 'cat'
    wait_for 15 has_children 2
    for pid in $(children); do tr '\0' ' ' <"/proc/$pid/cmdline"; done >"$WORK/got"
    wait_for 15 eval "for pid in \$(children); do tr '\0' ' ' <\"/proc/\$pid/cmdline\"; done >$WORK/got; grep -qx 'sleep 60 cat ' $WORK/got"
    stop ring
}

@test "wrong usage is 100" {
    ring_run
    assert_status 100
    assert_stderr $'ring: error: a command is needed\nusage: ring [-qvhV] [-j HELLO] [-s PATH] [-D MS] CMD...'
    # shellcheck disable=SC2046 # 17 words
    ring_run $(seq 17)
    assert_status 100
    assert_stderr --partial 'more than 16 commands'
    ring_run -j '{"hello":' true
    assert_status 100
    assert_stderr --partial 'HELLO is one line of JSON'
}

@test "the exit code is that of the first that failed; the others are ended" {
    ring_run 'sleep 60' 'exit 3' 'cat'
    assert_status 3
    assert_output ''
    assert_stderr "ring: warning: 'exit 3' ended with 3"
    # shellcheck disable=SC2016 # for the inner shell
    ring_run 'cat' 'kill -KILL $$'
    assert_status 111
    assert_stderr "ring: warning: 'kill -KILL \$\$' was ended by signal 9"
    run -127 --separate-stderr timeout 20 ring 'sleep 60' /none/such </dev/null
    assert_stderr --regexp "ring: warning: '/none/such' ended with 127$"
}

@test "a source that ends takes the others along, with 0" {
    ring_run 'true' 'cat' 'cat'
    assert_status 0
    assert_stderr ''
}

@test "TERM asks the source to stop; the others go on until the end of file" {
    cat >"$WORK/source" <<'END'
trap 'stop=1' TERM
sleep 60 &
echo ready >$WORK/ready
until [ "$stop" ]; do wait; done
echo last
read -r line && echo "$line" >$WORK/settled
END
    # shellcheck disable=SC2016 # for the inner shell
    ring_start 'sh "$WORK/source"' 'cat' 'sed -u s/last/settled/'
    wait_for 10 filled "$WORK/ready"
    kill -TERM "${PIDS[ring]}"
    wait_exit ring
    assert_status 0
    assert_file "$WORK/settled" settled
    assert_equal "$(cat "$WORK/ring.err")" ''
}

@test "who does not end in time is killed" {
    # shellcheck disable=SC2016 # for the inner shell
    ring_start -D 200 'trap "" TERM; echo ready >$WORK/ready; while :; do sleep 1; done' 'cat'
    wait_for 10 filled "$WORK/ready"
    kill -TERM "${PIDS[ring]}"
    wait_exit ring
    assert_status 0
    assert_equal "$(cat "$WORK/ring.err")" 'ring: warning: not all have ended: killing the rest'
}

@test "kill -9 of ring ends its commands" {
    ring_start 'sleep 100' 'cat' 'sed -u s/x/y/'
    wait_for 15 has_children 3
    pids=$(children)
    kill -KILL "${PIDS[ring]}"
    for pid in $pids; do
        wait_for 15 not running "$pid"
    done
}

@test "a command inherits what ring inherits, and none of ring's own descriptors" {
    # shellcheck disable=SC2016 # for the inner shell
    ring_run 'ls /proc/self/fd >"$WORK/fds"' 'cat'
    assert_status 0
    run ls /proc/self/fd
    assert_file "$WORK/fds" "$output"
}

@test "the examples of the page" {
    mosquitto_start
    start peer amqp-peer -q -g 10,telemetry,50 </dev/null
    wait_for 10 filled "$WORK/peer.out"
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh/{/^\.Bd/,/^\.Ed/{/^\./!p}}' "$ROOT/man/ring.1" | sed 's/\\e/\\/g' >"$WORK/example"
    cd "$WORK"
    AMQP=amqp://127.0.0.1:$(head -n 1 peer.out | jq .port) MQTT=tcp://127.0.0.1:$MQTT_PORT run --separate-stderr sh example </dev/null
    assert_status 124
    assert_output pong
    assert_stderr ''
    assert_equal "$(grep -c '"outcome":"accepted"' peer.out)" 10
}

# --- the hub ---

hello() { # ROLE CONNECTION
    jq -c --arg role "$1" '{hello: 1, role: $role, client: 0, connection: .}' "$ROOT/examples/connections/$2.json"
}

@test "-j without a hub is 111" {
    ring_run -j '{"hello":1,"role":"in"}' 'cat'
    assert_status 111
    assert_output ''
    assert_stderr "ring: error: cannot join the hub at '$CONN_RUN/hub.sock': No such file or directory"
}

@test "-j: the hub refuses a hello it cannot use, 100" {
    start_ready hub conn-hub -d 4 </dev/null
    ring_run -j '{"hello":1,"role":"guest"}' "echo started >$WORK/started"
    assert_status 100
    assert_output ''
    assert_stderr --regexp '^ring: error: cannot join the hub: [a-z:.]+: '
    refute [ -e "$WORK/started" ]
}

@test "-j: an inbound and an outbound ring meet in the hub; TERM drains both" {
    start_ready hub conn-hub -d 4 -s "$WORK/hub.sock" </dev/null
    # the sink settles what it is given, and says what it got; it knows nothing of TERM
    cat >"$WORK/sink" <<'END'
trap '' TERM
while IFS= read -r line; do
    printf '%s\n' "$line" >>"$WORK/got"
    id=${line#*\"id\":\"} id=${id%%\"*}
    printf '{"id":"%s","status":200}\n' "$id"
done
echo end >>"$WORK/got"
END
    : >"$WORK/got"
    # shellcheck disable=SC2016 # for the inner shell
    start out ring -s "$WORK/hub.sock" -j "$(hello out mqtt-live)" 'cat' 'sh "$WORK/sink"' </dev/null
    wait_for 10 has_members 1
    cat >"$WORK/source" <<'END'
echo '{"id":"s-1","topic":"org.example/d/things/live/messages/m","headers":{"response-required":false,"requested-acks":["mqtt-live:published"]},"path":"/outbox/messages/m","value":1.0}'
read -r line && printf '%s\n' "$line" >"$WORK/settled"
END
    # shellcheck disable=SC2016 # for the inner shell
    ring_run -s "$WORK/hub.sock" -j "$(hello in amqp-telemetry)" 'sh "$WORK/source"' 'cat'
    assert_status 0
    assert_stderr ''
    assert_equal "$(jq -c '[.id, .status]' "$WORK/settled")" '["s-1",200]'
    grep -q '"topic":"org.example/d/things/live/messages/m"' "$WORK/got"
    kill -TERM "${PIDS[out]}"
    wait_exit out
    assert_status 0
    assert_equal "$(tail -n 1 "$WORK/got")" end
    assert_equal "$(cat "$WORK/out.err")" ''
}

has_members() { # N
    kill -USR1 "${PIDS[hub]}"
    tail -n 1 "$WORK/hub.err" | grep -qE "\bmembers=$1\b"
}
