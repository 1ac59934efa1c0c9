# mosquitto.bash: a private mosquitto on a free loopback port. Needs process.bash and WORK.
#
# Its folder is $WORK/mosquitto: conf, log (of everything it sees), and data for `persistence true`.
# The two zeros in the configuration keep it from dropping what a slow subscriber has not read yet.
# shellcheck shell=bash

# Starts it and waits until it accepts connections. Sets and exports MQTT_PORT, MQTT_PID, MQTT_DIR.
mosquitto_start() { # [CONFIGURATION-LINE…]
    export MQTT_DIR=$WORK/mosquitto MQTT_PORT
    MQTT_PORT=$(free_port) || return
    mkdir -p "$MQTT_DIR/data" && chmod 700 "$MQTT_DIR" || return
    {
        echo "listener $MQTT_PORT 127.0.0.1"
        echo "allow_anonymous true"
        echo "set_tcp_nodelay true"
        echo "max_inflight_messages 0"
        echo "max_queued_messages 0"
        echo "persistence_location $MQTT_DIR/data/"
        echo "log_dest stderr"
        echo "log_type all"
        [ $UID -ne 0 ] || echo "user root" # else it drops to a user who may not enter this folder
        [ $# -eq 0 ] || printf '%s\n' "$@"
    } >"$MQTT_DIR/conf"
    mosquitto_restart
}

# Starts it (again) on the same port with the same configuration.
mosquitto_restart() {
    export MQTT_PID
    mosquitto_program -c "$MQTT_DIR/conf" </dev/null >>"$MQTT_DIR/log" 2>&1 3>&- &
    MQTT_PID=$!
    track "$MQTT_PID"
    wait_for 10 mosquitto_answers_or_gone && port_answers "$MQTT_PORT" && return
    echo "mosquitto does not start; it says:" >&2
    tail -n 20 "$MQTT_DIR/log" >&2
    return 1
}

mosquitto_stop() {
    end_processes 10 "$MQTT_PID"
}

mosquitto_kill9() {
    kill -KILL "$MQTT_PID"
    wait_for 5 not running "$MQTT_PID"
}

mosquitto_answers_or_gone() {
    port_answers "$MQTT_PORT" || not running "$MQTT_PID"
}

# Debian puts it into /usr/sbin, which is not in everybody's PATH.
mosquitto_program() {
    PATH=$PATH:/usr/sbin exec mosquitto "$@"
}
