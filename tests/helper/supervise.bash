# supervise.bash: connections as the tests of conn-supervise make them, and what they ask of it. Needs common.bash, house.bash.
# shellcheck shell=bash

live_status_is() { [ "$(conn-ctl status "$1" | jq -r .liveStatus)" = "$2" ]; }
details() { conn-ctl status "$1" | jq -r '[.clientStatus[].statusDetails // empty] | join("; ")'; }
details_say() { details "$1" | grep -q -- "$2"; }
says() { grep -q -- "$1" "$WORK/supervise.err"; }
count() { [ "$(house_ring "$1" | wc -l)" -eq "$2" ]; }

# A connection with a source and a target on the same broker.
both_ends() { # ID URI [JQ-FILTER]
    jq -n --arg id "$1" --arg uri "$2" '{id: $id, name: $id, connectionType: "mqtt-5", connectionStatus: "open", uri: $uri,
        sources: [{addresses: [("in/" + $id)], qos: 1, authorizationContext: ["integration:x"], replyTarget: {enabled: false}}],
        targets: [{address: ("out/" + $id), topics: ["_/_/things/live/messages"], qos: 1, authorizationContext: ["integration:x"]}]}
        | '"${3:-.}"
}

put() { # create|modify FILE
    run --separate-stderr conn-ctl "$1" "$2"
    assert_success
}

rings_of() { # PROGRAM: pids, sorted
    house_ring "$1" | sort
}
