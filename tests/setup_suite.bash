# setup_suite.bash: what one run of bats shares. RabbitMQ takes 15 s to start: the first test that needs it starts it
# (rabbitmq_shared), this ends it.
# shellcheck shell=bash
setup_suite() {
    :
}

teardown_suite() {
    local helper=${BASH_SOURCE[0]%/*}/helper
    # shellcheck source-path=SCRIPTDIR/helper
    source "$helper/process.bash"
    # shellcheck source-path=SCRIPTDIR/helper
    source "$helper/rabbitmq.bash"
    rabbitmq_stop "$BATS_RUN_TMPDIR/rabbitmq"
}
