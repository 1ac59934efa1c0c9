# house.bash: store, hub and supervisor in $CONN_DIR and $CONN_RUN, for tests, demo and bench. Needs process.bash, jq.
# shellcheck shell=bash

# Starts what is not running; SUPERVISE_OPTS are options of conn-supervise.
house_start() {
    house_runs store || start_ready store conn-store -d 4 </dev/null || return
    house_runs hub || start_ready hub conn-hub -d 4 </dev/null || return
    local any_memory=''
    [[ ${BUILD-} != */asan ]] || any_memory='-m 0' # the sanitizer needs room
    # shellcheck disable=SC2086 # options are words
    house_runs supervise || start_ready supervise conn-supervise -d 4 $any_memory ${SUPERVISE_OPTS-} </dev/null
}

house_runs() { # NAME
    [ -n "${PIDS[$1]-}" ] && running "${PIDS[$1]}"
}

# All below PID, itself first.
descendants() { # PID…
    local todo=("$@") pid
    while [ ${#todo[@]} -gt 0 ]; do
        pid=${todo[0]} todo=("${todo[@]:1}")
        echo "$pid"
        mapfile -t -O ${#todo[@]} todo < <(cat /proc/"$pid"/task/*/children 2>/dev/null | tr ' ' '\n' | grep .)
    done
}

# Every process of the toolkit: store, hub, supervisor and the rings.
house_pids() {
    descendants "${PIDS[store]}" "${PIDS[hub]}" "${PIDS[supervise]}"
}

# kill -9 of all of them; true when they are gone. Their number is in REPLY then.
house_kill9() {
    local pids pid
    mapfile -t pids < <(house_pids)
    {
        kill -KILL "${pids[@]}" || :
        # collected with its voice off, so that the shell does not announce each of them
        wait "${PIDS[store]}" "${PIDS[hub]}" "${PIDS[supervise]}" || :
    } 2>/dev/null
    for pid in "${pids[@]}"; do
        wait_for 5 not running "$pid" || return
    done
    REPLY=${#pids[@]}
}

# A connection document of examples/connections with another uri: house_connection NAME URI > FILE
house_connection() { # NAME URI [JQ-FILTER]
    jq --arg uri "$2" ".uri = \$uri | ${3:-.}" "$ROOT/examples/connections/$1.json"
}

# Pids of the ring processes of one program: house_ring amqp-in
house_ring() { # PROGRAM
    local pid comm
    for pid in $(descendants "${PIDS[supervise]}"); do
        { read -r comm <"/proc/$pid/comm"; } 2>/dev/null && [ "$comm" = "$1" ] && echo "$pid"
    done
    return 0
}
