# rabbitmq.bash: a private RabbitMQ with AMQP 1.0 and MQTT 3.1.1 on loopback. Needs process.bash.
#
# It starts in 10 to 25 s, so a run of tests shares one (rabbitmq_shared). The server is called without Debian's
# wrappers, which change user and folder and write to /var/log; epmd runs in the foreground beside it, because one
# that the Erlang VM forks outlives everything. Login guest/guest; anonymous is guest.
# shellcheck shell=bash

RABBITMQ_LIB=/usr/lib/rabbitmq/bin

rabbitmq_installed() {
    [ -x $RABBITMQ_LIB/rabbitmq-server ] && command -v epmd >/dev/null
}

# Starts one in DIR (a used DIR: again, with what it had kept) and waits until it accepts connections. Sets and exports
# RABBITMQ_DIR, AMQP_PORT and RABBITMQ_MQTT_PORT.
rabbitmq_start() { # DIR
    export RABBITMQ_DIR=$1 AMQP_PORT RABBITMQ_MQTT_PORT
    mkdir -p "$RABBITMQ_DIR" || return
    # the node's name holds the port, so a used folder keeps its port
    [ -s "$RABBITMQ_DIR/port" ] || free_port 4 >"$RABBITMQ_DIR/port" || return
    AMQP_PORT=$(<"$RABBITMQ_DIR/port")
    RABBITMQ_MQTT_PORT=$((AMQP_PORT + 1))
    rabbitmq_configure
    rabbitmq_environment
    env "${REPLY[@]}" epmd -port $((AMQP_PORT + 3)) -address 127.0.0.1 \
        </dev/null >"$RABBITMQ_DIR/epmd.out" 2>&1 3>&- 9>&- &
    echo $! >"$RABBITMQ_DIR/epmd.pid"
    rm -f "$RABBITMQ_DIR/pid"
    env "${REPLY[@]}" $RABBITMQ_LIB/rabbitmq-server </dev/null >"$RABBITMQ_DIR/out" 2>&1 3>&- 9>&- &
    echo $! >"$RABBITMQ_DIR/start.pid"
    # it opens its listeners last
    wait_for 90 rabbitmq_answers_or_gone && port_answers "$AMQP_PORT" && return
    echo "rabbitmq does not start; it says:" >&2
    tail -n 30 "$RABBITMQ_DIR/out" >&2
    rabbitmq_stop "$RABBITMQ_DIR"
    return 1
}

# Stops the one in DIR, its VM first. The pid file is the server's own, the two others are ours.
rabbitmq_stop() { # [DIR]
    local dir=${1:-$RABBITMQ_DIR} name pids
    for name in pid start.pid epmd.pid; do
        pids=
        [ ! -s "$dir/$name" ] || pids=$(<"$dir/$name")
        # shellcheck disable=SC2086 # none or one
        end_processes 20 $pids || return
        rm -f "$dir/$name"
    done
}

# A hard end of the VM, as after a crash of the machine's broker; rabbitmq_start DIR brings it back.
rabbitmq_kill9() {
    kill -KILL "$(<"$RABBITMQ_DIR/pid")"
    rm -f "$RABBITMQ_DIR/pid"
    rabbitmq_stop "$RABBITMQ_DIR"
}

# The one of this run of bats: the first caller starts it, teardown_suite stops it.
rabbitmq_shared() {
    local dir=$BATS_RUN_TMPDIR/rabbitmq
    mkdir -p "$dir"
    (
        flock 9
        rabbitmq_up "$dir" || rabbitmq_start "$dir"
    ) 9>"$dir.lock" || return
    export RABBITMQ_DIR=$dir AMQP_PORT RABBITMQ_MQTT_PORT
    AMQP_PORT=$(<"$dir/port")
    RABBITMQ_MQTT_PORT=$((AMQP_PORT + 1))
}

rabbitmq_up() { # DIR
    [ -s "$1/pid" ] && running "$(<"$1/pid")" && port_answers "$(<"$1/port")"
}

rabbitmq_answers_or_gone() {
    port_answers "$AMQP_PORT" || not running "$(<"$RABBITMQ_DIR/start.pid")"
}

rabbitmq_configure() {
    cat >"$RABBITMQ_DIR/rabbitmq.conf" <<EOF
listeners.tcp.1 = 127.0.0.1:$AMQP_PORT
mqtt.listeners.tcp.1 = 127.0.0.1:$RABBITMQ_MQTT_PORT
mqtt.allow_anonymous = true
amqp1_0.default_user = guest
amqp1_0.default_vhost = /
log.file.level = warning
log.console = false
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.absolute = 1GB
EOF
    echo '[].' >"$RABBITMQ_DIR/advanced.config"
    echo '[rabbitmq_amqp1_0,rabbitmq_mqtt].' >"$RABBITMQ_DIR/enabled_plugins"
}

# Runs a command of RabbitMQ's against the one in RABBITMQ_DIR: rabbitmq_env $RABBITMQ_LIB/rabbitmqctl list_queues
rabbitmq_env() { # CMD…
    rabbitmq_environment
    env "${REPLY[@]}" "$@"
}

# The arguments of env(1), in REPLY. The server outlives the test that happened to start it: no CONN_TEST.
rabbitmq_environment() {
    REPLY=(
        -u CONN_TEST
        HOME="$RABBITMQ_DIR"
        RABBITMQ_CONF_ENV_FILE=/dev/null
        RABBITMQ_NODENAME="conn$AMQP_PORT@127.0.0.1" RABBITMQ_USE_LONGNAME=true # a bare chroot has no localhost
        RABBITMQ_MNESIA_BASE="$RABBITMQ_DIR/mnesia"
        RABBITMQ_LOG_BASE="$RABBITMQ_DIR/log"
        RABBITMQ_CONFIG_FILE="$RABBITMQ_DIR/rabbitmq.conf"
        RABBITMQ_ADVANCED_CONFIG_FILE="$RABBITMQ_DIR/advanced.config"
        RABBITMQ_ENABLED_PLUGINS_FILE="$RABBITMQ_DIR/enabled_plugins"
        RABBITMQ_GENERATED_CONFIG_DIR="$RABBITMQ_DIR/gen"
        RABBITMQ_FEATURE_FLAGS_FILE="$RABBITMQ_DIR/feature_flags"
        RABBITMQ_PID_FILE="$RABBITMQ_DIR/pid"
        RABBITMQ_DIST_PORT=$((AMQP_PORT + 2))
        ERL_EPMD_PORT=$((AMQP_PORT + 3))
        ERL_EPMD_ADDRESS=127.0.0.1
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}'
    )
}
