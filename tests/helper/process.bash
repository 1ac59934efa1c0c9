# process.bash: processes, ports and waiting, the same for tests, demo and bench (bash; knows nothing of bats).
#
# WORK names a private folder. What `start NAME …` starts writes to $WORK/NAME.out and $WORK/NAME.err; its pid is
# ${PIDS[NAME]} and stands, with its start time, in $WORK/tracked. Whoever starts processes calls end_tracked at the
# end: it ends exactly those, by pid, and nothing else. Results of helpers without output are in REPLY.
# shellcheck shell=bash

declare -gA PIDS

# Milliseconds of a clock that nobody sets, in REPLY.
now_ms() {
    read -r REPLY _ </proc/uptime
    REPLY=$((10#${REPLY/./} * 10))
}

# True while PID runs (a zombie does not); REPLY is then its start time, which tells it from a later namesake.
running() { # PID
    local stat=
    { IFS= read -rd '' stat <"/proc/$1/stat"; } 2>/dev/null || : # no NUL comes: it reads all and fails
    [ -n "$stat" ] || return 1
    # shellcheck disable=SC2086 # the fields after the command name: state ppid pgrp …
    set -- ${stat##*) }
    REPLY=${20}
    [ "$1" != Z ] && [ "$1" != X ]
}

# Tries CMD until it succeeds; fails, and says so, after SECONDS.
wait_for() { # SECONDS CMD…
    local seconds=$1 deadline
    shift
    now_ms
    deadline=$((REPLY + seconds * 1000))
    until "$@"; do
        now_ms
        if [ "$REPLY" -ge "$deadline" ]; then
            echo "not within $seconds s: $*" >&2
            return 1
        fi
        sleep 0.02
    done
}

not() { ! "$@"; }

# Remembers PID, so that end_tracked ends it.
track() { # PID
    running "$1" && echo "$1 $REPLY" >>"$WORK/tracked"
    return 0
}

# Starts CMD in the background. Its stdin is that of start: `start x cmd <file`, `start x cmd </dev/null`.
start() { # NAME CMD…
    local name=$1
    shift
    "$@" <&0 >"$WORK/$name.out" 2>"$WORK/$name.err" 3>&- &
    PIDS[$name]=$!
    track $!
}

# The same for a program that announces readiness on descriptor 4: `start_ready src amqp-in -d 4 …`. It has READY_SECONDS (15)
# for that.
start_ready() { # NAME CMD…
    local name=$1
    shift
    : >"$WORK/$name.ready"
    start "$name" "$@" 4>"$WORK/$name.ready"
    wait_ready "$name" "${READY_SECONDS:-15}"
}

# Waits until $WORK/NAME.ready has a newline; fails at once, with the log, when the process has ended before.
wait_ready() { # NAME [SECONDS]
    wait_for "${2:-15}" ready_or_gone "$1" && [ -s "$WORK/$1.ready" ] && return
    echo "$1 is not ready; it says:" >&2
    tail -n 20 "$WORK/$1.err" >&2
    return 1
}

ready_or_gone() { # NAME
    [ -s "$WORK/$1.ready" ] || not running "${PIDS[$1]}"
}

# Waits until NAME ends by itself; its exit code is then in status.
wait_exit() { # NAME [SECONDS]
    wait_for "${2:-15}" not running "${PIDS[$1]}" || return
    status=0
    # shellcheck disable=SC2034 # for the caller
    wait "${PIDS[$1]}" || status=$?
}

stopped() { # PID
    grep -qs '^State:[[:space:]]*T' "/proc/$1/status"
}

# Ends processes: TERM, and KILL for what is still there after SECONDS. True if none is left.
end_processes() { # SECONDS PID…
    local seconds=$1 pid left=0
    shift
    for pid; do
        kill -TERM "$pid" 2>/dev/null || continue
        # a stopped one, too; to one that runs CONT would only be in the way of a sanitizer's exit check
        ! stopped "$pid" || kill -CONT "$pid" 2>/dev/null || :
    done
    for pid; do
        if ! wait_for "$seconds" not running "$pid" 2>/dev/null; then
            echo "pid $pid outlived TERM: $(tr '\0' ' ' <"/proc/$pid/cmdline")" >&2
            kill -KILL "$pid" 2>/dev/null || :
            wait_for 5 not running "$pid" || left=1
        fi
        wait "$pid" 2>/dev/null || :
    done
    return $left
}

# Ends what NAME names, with TERM; its exit code is then in status.
stop() { # NAME [SECONDS]
    local pid=${PIDS[$1]}
    kill -TERM "$pid" 2>/dev/null || :
    wait_exit "$1" "${2:-10}"
}

# Ends every tracked process that is still the one that was tracked, the latest first.
end_tracked() {
    local pid born pids=()
    [ -e "$WORK/tracked" ] || return 0
    while read -r pid born; do
        running "$pid" && [ "$REPLY" = "$born" ] && pids=("$pid" "${pids[@]}")
    done <"$WORK/tracked"
    rm -f "$WORK/tracked"
    end_processes 5 "${pids[@]}"
}

# True if something accepts TCP on this loopback port.
port_answers() { # PORT
    (exec 5<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Prints the first of N (1) consecutive free loopback ports. They stay booked for this shell as long as it lives, so
# that runs beside each other never get the same one.
free_port() { # [N]
    local book=/tmp/conntools-ports.$UID
    running $$
    flock "$book" "${BASH_SOURCE[0]%/*}/free-port" "$book" $$ "$REPLY" "${1:-1}"
}
