# store.bash: a conn-store in tests: lines to it, and what it says.
#
#   store LINE…           a store of its own on stdin and stdout: status, output, stderr
#   daemon; ask LINE…     one on the socket, and a client that sends lines and reads as many
#   client NAME; say NAME LINE…; told NAME N    a client that stays
# shellcheck shell=bash disable=SC2034,SC2154 # codes is for tests; status, output come from run

# A connection document; MEMBERS replace or add to it.
document() { # ID [MEMBERS]
    jq -cn --arg id "$1" '{id: $id, name: "first", connectionType: "mqtt-5", connectionStatus: "closed",
        uri: "tcp://user:geheim@localhost:1883", sources: [], targets: [{address: "out", qos: 1,
        topics: ["_/_/things/live/messages"], authorizationContext: ["a:b"]}]} + ($ARGS.named.more // "{}" | fromjson)' \
        --arg more "${2-{\}}"
}
signal() { # NAME MEMBERS [LINE-MEMBERS]
    echo '{"signal":{"type":"connectivity.commands:'"$1"'"'"${2:+,}$2"'}'"${3:+,}${3-}"'}'
}
on() { # NAME ID [LINE-MEMBERS]
    signal "$1" '"connectionId":"'"$2"'"' "${3-}"
}
create() { # ID [MEMBERS] [LINE-MEMBERS]
    signal createConnection '"connection":'"$(document "$1" "${2-{\}}")" "${3-}"
}
modify() { # ID [MEMBERS] [LINE-MEMBERS]
    signal modifyConnection '"connection":'"$(document "$1" "${2-{\}}")" "${3-}"
}

# Runs lines through a store of its own.
store() { # LINE…
    run --separate-stderr conn-store -1 < <(printf '%s\n' "$@")
}
# What jq makes of the lines of output, as one array.
assert_lines() { # FILTER EXPECTED
    [ "$(jq -sc "$1" <<<"$output")" = "$2" ] ||
        fail "expected: $2"$'\n'"got:      $(jq -sc "$1" <<<"$output")"$'\n'"from:     $output"
}
fine() {
    assert_status 0
    assert_stderr ''
}
codes='[.[].signal|.payload.error // .status]'

# A store whose file calls do what $WORK/orders says.
shimmed() { # NAME…
    STORE_SHIM=$WORK/orders start_ready "$1" env LD_PRELOAD="$BUILD/tests/store-crash-shim.so" conn-store -d 4
}
ask() { # LINE…
    ask_for $# "$@"
}
ask_for() { # COUNT LINE…
    run --separate-stderr store-client -k -n "$1" < <(printf '%s\n' "${@:2}")
}

daemon() {
    start_ready store conn-store -d 4 </dev/null
}
# A client NAME that stays: tell it with `say`.
client() { # NAME [OPTION…]
    local fd
    mkfifo "$WORK/$1.in"
    exec {fd}<>"$WORK/$1.in"
    eval "FD_$1=$fd"
    start "$1" store-client "${@:2}" <"$WORK/$1.in"
}
say() { # NAME LINE…
    local fd=FD_$1
    printf '%s\n' "${@:2}" >&"${!fd}"
}
has_lines() { # NAME N
    [ "$(wc -l <"$WORK/$1.out")" -ge "$2" ]
}
told() { # NAME N
    wait_for 10 has_lines "$1" "$2"
    output=$(<"$WORK/$1.out")
    assert_equal "$(wc -l <"$WORK/$1.out")" "$2"
}
