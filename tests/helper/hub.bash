# hub.bash: a hub, and members that speak to it over real sockets.
#
#   hub; source_ring src; target_ring sink; say src "$(message x-1 ns/t)"; told sink 1
# shellcheck shell=bash

hub() { # OPTION…
    start_ready hub conn-hub -d 4 "$@"
}

# The JSON of a connection with one source, or with one target.
source_json() { # ID
    echo '{"id":"'"$1"'","connectionType":"amqp-10","connectionStatus":"open","uri":"amqp://127.0.0.1:5672",' \
        '"sources":[{"addresses":["a"],"authorizationContext":["a:b"]}]}'
}
target_json() { # ID TOPIC [MEMBERS]
    echo '{"id":"'"$1"'","connectionType":"mqtt-5","connectionStatus":"open","uri":"tcp://127.0.0.1:1883",' \
        '"clientCount":2,"targets":[{"address":"a","qos":1,"authorizationContext":["a:b"],' \
        '"topics":["'"$2"'"]'"${3-}"'}]}'
}
label() { # LABEL
    echo ',"issuedAcknowledgementLabel":"'"$1"'"'
}

# Joins the hub as NAME; `say NAME LINE` then writes what it says, and $WORK/NAME.out has what it is told.
member() { # NAME ROLE CONNECTION [OPTION…]
    local name=$1 role=$2 fd
    echo "$3" >"$WORK/$name.json"
    shift 3
    mkfifo "$WORK/$name.in"
    exec {fd}<>"$WORK/$name.in"
    eval "FD_$name=$fd"
    start_ready "$name" hub-client -d 4 -c "$WORK/$name.json" "$@" "$role" <"$WORK/$name.in"
}
# A service NAME, with members of its hello.
service() { # NAME [MEMBERS] [OPTION…]
    local fd
    echo '{"hello":1,"role":"service","service":"'"$1"'"'"${2:+,$2}"'}' >"$WORK/$1.hello"
    mkfifo "$WORK/$1.in"
    exec {fd}<>"$WORK/$1.in"
    eval "FD_$1=$fd"
    start_ready "$1" hub-client -d 4 -H "$WORK/$1.hello" "${@:3}" service <"$WORK/$1.in"
}
source_ring() { # NAME [OPTION…]
    member "$1" in "$(source_json "$1")" "${@:2}"
}
# a target with the label NAME:done, on live messages
target_ring() { # NAME [OPTION…]
    member "$1" out "$(target_json "$1" _/_/things/live/messages "$(label "$1:done")")" "${@:2}"
}

say() { # NAME LINE…
    local fd=FD_$1
    printf '%s\n' "${@:2}" >&"${!fd}"
}
has_lines() { # NAME N
    [ "$(wc -l <"$WORK/$1.out")" -ge "$2" ]
}
# Waits until NAME has been told N lines, and takes them: they are TOLD.
told() { # NAME N
    wait_for 10 has_lines "$1" "$2" || return
    TOLD=$(<"$WORK/$1.out")
    [ "$(wc -l <"$WORK/$1.out")" -eq "$2" ] || fail "$1 was told more than $2 lines: $TOLD"
}
forget_told() { # NAME
    : >"$WORK/$1.out"
}

# A live message of thing NS:NAME that wants no response. HEADERS are more members of its headers.
message() { # ID NS/NAME HEADERS
    echo '{"id":"'"$1"'","topic":"'"$2"'/things/live/messages/m","headers":{"response-required":false'"${3:+,$3}"'},"path":"/inbox/messages/m","value":1.0}'
}
# N of them: PREFIX-0 …, of things THING0 … THING19. (bats makes loops of its shell slow.)
messages() { # N PREFIX THING [HEADERS]
    seq 0 $(($1 - 1)) | awk -v line="$(message "$2-%d" "$3%d" "${4-}")" '{ printf line "\n", $1, $1 % 20 }'
}
bytes() { # N
    head -c "$1" /dev/zero | tr '\0' v
}
acks() { # LABEL…
    local IFS=,
    echo '"requested-acks":['"${*/#/\"}" | sed 's/,/",/g; s/$/"]/'
}
# The counter NAME of the hub.
counter() { # NAME
    local before
    before=$(grep -c ' received=' "$WORK/hub.err")
    kill -USR1 "${PIDS[hub]}"
    wait_for 5 more_counters "$before"
    tail -n 1 "$WORK/hub.err" | grep -oE "\b$1=[0-9]+" | cut -d = -f 2
}
more_counters() { # N
    [ "$(grep -c ' received=' "$WORK/hub.err")" -gt "$1" ]
}
is_counter() { # NAME N
    [ "$(counter "$1")" -eq "$2" ]
}
# id and status of settlements, and the code of the error
outcome() {
    jq -r '[.id, .status, .error.status, .error.error] | map(values) | join(" ")'
}
refused() { # OPTION… ROLE
    run --separate-stderr timeout 20 hub-client "$@" </dev/null
    assert_status 1
    assert_stderr ''
}
