# rhea.bash: an AMQP 1.0 broker on npm's rhea. Needs common.bash. make bench fetches rhea; without it tests are skipped.
# shellcheck shell=bash

# Sets RHEA to the module; false if there is none, or no node.
rhea_installed() {
    command -v node >/dev/null || return
    for RHEA in "${RHEA:-}" "$BUILD/bench/node/node_modules/rhea" "$ROOT/build/bench/node/node_modules/rhea"; do
        export RHEA
        [ -e "$RHEA/package.json" ] && return
    done
    unset RHEA
    return 1
}

# Starts one; its port is then PORT, its records are in $WORK/rhea.out.
rhea_start() { # [PEM]
    start rhea node "$HELPER/rhea-peer.mjs" "$@" </dev/null
    wait_for 15 grep -q '^{"port":' "$WORK/rhea.out"
    PORT=$(head -n 1 "$WORK/rhea.out" | jq .port)
    # shellcheck disable=SC2034 # for the caller
    URI=amqp://127.0.0.1:$PORT
}
