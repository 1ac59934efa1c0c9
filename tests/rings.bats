#!/usr/bin/env bats
# The short form of what `make soak` does to rings of the four directions: incidents at random, then slow sinks.

load helper/common
source "$HELPER/rabbitmq.bash"

# RabbitMQ takes 10 to 30 s to come back
[ "${BATS_TEST_TIMEOUT:-300}" -ge 300 ] || BATS_TEST_TIMEOUT=300

soak_rings() { # ARGS
    run --separate-stderr env TMPDIR="$WORK" bash "$ROOT/scripts/soak-rings" "$@" 3>&-
    sed 's/^/# /' <<<"$output" >&3
    assert_status 0
    assert_stderr ''
    assert_equal "$(jq -r .ring <<<"$output" | paste -sd ' ')" 'amqp-mqtt mqtt-amqp amqp-amqp mqtt-mqtt'
    assert_equal "$(jq -c '[.lost, .ok, .sent > 0]' <<<"$output" | sort -u)" '[0,true,true]'
}

@test "kill -9 of processes and of RabbitMQ, TERM of mosquitto, cuts, at random: what was sent is delivered, in four directions" {
    rabbitmq_installed || skip 'RabbitMQ is not installed'
    soak_rings -k $((${CONN_LONG:-0} ? 100 : 10)) -m 0
}

@test "sinks that are 100 times slower than their sources: memory is flat, connections live, nothing is lost" {
    local minutes=0.1
    [ -z "${CONN_LONG-}" ] || minutes=3
    soak_rings -k 0 -m $minutes
    assert_equal "$(jq -c '[.lives, .duplicates, .sink_per_s * 20 < .source_per_s]' <<<"$output" | sort -u)" '[1,0,true]'
}
