# common.bash: what every bats file loads.
#
#   load helper/common
#   @test "says what it is" {
#       run --separate-stderr amqp-in -V
#       assert_success
#       assert_output --partial 'amqp-in '
#       assert_stderr ''
#   }
#
# Programs are those of $BUILD (build), first in PATH; test programs of tests/helper/*.c too. Each test has WORK, an
# empty private folder, CONN_DIR and CONN_RUN. After it, tracked processes are ended (see process.bash), and the
# test fails when anything else that it started still runs. With a setup or teardown of its own a file calls
# common_setup and common_teardown from it; likewise common_setup_file and common_teardown_file. Never a bare `wait`:
# the countdown of the time limit of each test is a child, too.
# shellcheck shell=bash disable=SC2154 # status, output, stderr come from run
bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

HELPER=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
ROOT=${HELPER%/tests/helper}
# shellcheck source-path=SCRIPTDIR
source "$HELPER/process.bash"

BUILD=${BUILD:-build}
case $BUILD in
/*) ;;
*) BUILD=$ROOT/$BUILD ;;
esac
PATH=$BUILD/bin:$BUILD/tests:$PATH:/usr/sbin
export ROOT BUILD PATH
# no exit code of ours means "the sanitizer spoke"
export ASAN_OPTIONS=exitcode=86:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1:exitcode=86
unset CONN_REPORT_FD

common_setup() {
    WORK=$BATS_TEST_TMPDIR
    CONN_DIR=$WORK/state
    # short: a socket's path must fit into 107 bytes
    CONN_RUN=$(mktemp -d /tmp/conn.XXXXXX)
    mkdir -m 700 "$CONN_DIR"
    CONN_TEST=$WORK # in the environment of all that the test starts: see left_behind
    export WORK CONN_DIR CONN_RUN CONN_TEST
}

common_teardown() {
    local failed=0
    [ -n "$WORK" ] || return 0
    [ -n "$BATS_TEST_COMPLETED" ] || show_logs
    end_tracked || failed=1
    end_left_behind || failed=1
    rm -rf "$CONN_RUN"
    return $failed
}

# For what all tests of a file share: its WORK is the file's.
common_setup_file() {
    export WORK=$BATS_FILE_TMPDIR
}

common_teardown_file() {
    WORK=$BATS_FILE_TMPDIR
    end_tracked
}

setup() { common_setup; }
teardown() { common_teardown; }

# The last lines of everything that was started, for a test that failed.
show_logs() {
    local log
    for log in "$WORK"/*.err "$WORK"/*.out "$WORK"/mosquitto/log; do
        [ -s "$log" ] || continue
        echo "--- ${log##*/}"
        tail -n 20 "$log" | cut -c 1-300
    done
}

# Prints the pids whose environment names this test, whoever their parent is now. Strays die by themselves when their
# ring breaks, so they get a moment; then they are ended, and the test has failed.
left_behind() {
    local file
    export -n CONN_TEST
    grep -lszxF "CONN_TEST=$CONN_TEST" /proc/[0-9]*/environ | while IFS=/ read -r _ _ file _; do
        running "$file" && echo "$file"
    done
}

nothing_left_behind() {
    [ -z "$(left_behind)" ]
}

end_left_behind() {
    local pid
    wait_for 3 nothing_left_behind 2>/dev/null && return
    for pid in $(left_behind); do
        echo "left behind: $pid $(tr '\0' ' ' <"/proc/$pid/cmdline")"
        kill -KILL "$pid"
    done
    return 1
}

# What bats-assert 2.1 lacks: the same for the stderr of `run --separate-stderr`.
assert_stderr() { # [--partial | --regexp] TEXT
    case $1 in
    --partial) [[ $stderr == *"$2"* ]] ;;
    --regexp) [[ $stderr =~ $2 ]] ;;
    *) [ "$stderr" = "$1" ] && return ;;
    esac || {
        batslib_print_kv_single_or_multi 8 expected "${*: -1}" stderr "$stderr" |
            batslib_decorate 'stderr differs' | fail
    }
}

# Exact exit code, whatever it is.
assert_status() { # CODE
    [ "$status" -eq "$1" ] || {
        batslib_print_kv_single_or_multi 8 expected "$1" status "$status" output "$output" stderr "${stderr-}" |
            batslib_decorate 'exit code differs' | fail
    }
}

# The whole content of a file, byte by byte (a text gets the newline that it lacks).
assert_file() { # FILE TEXT
    if ! diff -u <(printf '%s\n' "$2") "$1"; then
        fail "'$1' differs"
    fi
}
