#!/usr/bin/env bats
# scaffold.bats: what the build, the packages script and the harness promise.
load helper/common
load helper/mosquitto
load helper/rabbitmq

# --- tap-summary: streams are what scripts/check writes ---

summary() { # FILE…
    run --separate-stderr "$HELPER/tap-summary" "$@"
}

tap() { # NAME LINE…: a stream
    local name=$1
    shift
    printf '%s\n' "$@" >"$WORK/$name.tap"
}

@test "tap-summary adds up streams and lists skipped tests" {
    tap one 1..2 'ok 1 - a' 'ok 2 - b' '# exit 0'
    tap two 1..3 'ok 1 c in 30ms' 'ok 2 d in 12ms # skip (no broker)' 'ok 3 e # skip' '# exit 0'
    summary -v seconds=7 "$WORK"/*.tap
    assert_status 0
    assert_output 'slowest:
     0.0 s  c
     0.0 s  d # skip (no broker)
total time: 7 s
3 passed, 0 failed, 2 skipped'
    assert_stderr ''
}

@test "tap-summary: a failed test fails the run, by name" {
    tap one 1..2 'ok 1 - a' 'not ok 2 - b' '# why' '# exit 1'
    summary "$WORK"/*.tap
    assert_status 1
    assert_output 'failed:
    one: b
1 passed, 1 failed'
}

@test "tap-summary: an exit code that no failed test explains is a failure" {
    tap one 1..1 'ok 1 - a' '# exit 139'
    summary "$WORK"/*.tap
    assert_status 1
    assert_output 'failed:
    one: exit code 139 without a failed test
1 passed, 1 failed'
}

@test "tap-summary: tests missing from the plan are a failure" {
    tap one 1..3 'ok 1 - a' '# exit 0'
    summary "$WORK"/*.tap
    assert_status 1
    assert_line --index 1 '    one: planned 3 tests, ran 1'
    assert_line --index 2 '1 passed, 1 failed'
}

@test "tap-summary: no plan, no end, a bail-out, no stream at all are failures" {
    tap one 'ok 1 - a' '# exit 0'
    tap two 1..1 'ok 1 - a'
    tap three 1..0 'Bail out! no room' '# exit 0'
    summary "$WORK/one.tap" "$WORK/two.tap" "$WORK/three.tap"
    assert_status 1
    assert_line '    one: no plan: the runner did not get to its end or its beginning'
    assert_line '    two: its runner did not end'
    assert_line '    three: Bail out! no room'
    assert_line '2 passed, 3 failed'
    summary /dev/null
    assert_status 1
    assert_output --partial '0 passed, 1 failed'
}

@test "tap-summary names the five slowest tests" {
    tap one 1..6 'ok 1 a in 1000ms' 'ok 2 b in 6000ms' 'ok 3 c in 2000ms' 'not ok 4 d in 4000ms' \
        'ok 5 e in 5000ms' 'ok 6 f in 3000ms' '# exit 1'
    summary "$WORK/one.tap"
    assert_status 1
    assert_output 'failed:
    one: d
slowest:
     6.0 s  b
     5.0 s  e
     4.0 s  d
     3.0 s  f
     2.0 s  c
5 passed, 1 failed'
}

# --- deps: run in a world where nothing is installed and nobody is root ---

# commands that answer for the system, first in PATH
pretend() { # NAME SCRIPT
    mkdir -p "$WORK/fake"
    printf '#!/bin/sh\n%s\n' "$2" >"$WORK/fake/$1"
    chmod 755 "$WORK/fake/$1"
}

bare_system() {
    pretend dpkg-query 'case $* in *gcc*) echo installed 12 ;; *) exit 1 ;; esac'
    pretend id 'echo 1000'
    pretend sudo 'exit 1'
    PATH=$WORK/fake:$PATH
}

@test "deps prints the line to type when it can not become root" {
    bare_system
    run --separate-stderr "$ROOT/scripts/deps" build
    assert_status 100
    assert_output "sudo $ROOT/scripts/deps build"
    assert_stderr --partial "deps: error: cannot install packages: not root, and no sudo without a password; missing: libc6-dev \
make pkg-config libqpid-proton11-dev libmosquitto-dev libjq-dev libgdbm-dev libseccomp-dev"
}

@test "deps goes through sudo when that asks for no password" {
    bare_system
    pretend sudo 'case "$*" in "-n true") ;; *) echo "sudo $*" ;; esac'
    run --separate-stderr "$ROOT/scripts/deps" test
    assert_status 0
    assert_output "sudo -n $ROOT/scripts/deps test"
    assert_stderr ''
}

@test "deps does nothing when all is there" {
    pretend dpkg-query 'echo installed 1:99'
    pretend apt-get 'echo called >&2; exit 1'
    PATH=$WORK/fake:$PATH
    run --separate-stderr "$ROOT/scripts/deps" all
    assert_status 0
    assert_output ''
    assert_stderr ''
}

@test "deps takes a libjq with known memory errors for missing" {
    bare_system
    pretend dpkg-query 'echo installed 1.6-2.1+deb12u2'
    run --separate-stderr "$ROOT/scripts/deps" build
    assert_status 100
    assert_stderr --regexp 'missing: libjq-dev libjq1$'
}

@test "deps refuses wrong usage" {
    for args in '' 'everything' 'build everything'; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr "$ROOT/scripts/deps" $args
        assert_status 100
        assert_output ''
        assert_stderr 'usage: deps build|test|bench|fuzz|all'
    done
}

# --- configure ---

@test "configure writes what it found and says so" {
    run --separate-stderr "$ROOT/configure" --prefix=/opt/conn "--output=$WORK/config.mk"
    assert_status 0
    assert_line "configure: wrote $WORK/config.mk"
    assert_stderr ''
    run -0 grep -c '^PREFIX = /opt/conn$\|^PROTON_LIBS = .*-lqpid-proton\|^JQ_LIBS = -ljq -lm$' "$WORK/config.mk"
    assert_output 3
}

@test "configure reports every missing thing, with the way out, and writes nothing" {
    pretend pkg-config 'exit 1'
    pretend dpkg-query 'echo 1.6-2.1'
    PATH=$WORK/fake:$PATH
    run --separate-stderr "$ROOT/configure" "--output=$WORK/config.mk"
    assert_status 100
    assert_stderr --partial "cannot find the library 'libqpid-proton' (at least 0.37): run 'make deps-build'"
    assert_stderr --partial "cannot find the library 'libmosquitto' (at least 2.0.11): run 'make deps-build'"
    assert_stderr --partial "libjq1 1.6-2.1 has known memory errors, 1.6-2.1+deb12u3 is the least that is safe"
    # the sum is that of the lines before it
    assert_stderr --partial "configure: error: $(($(grep -c . <<<"$stderr") - 1)) problem(s), nothing written"
    [ ! -e "$WORK/config.mk" ]
}

# --- make, in a small tree of its own ---

small_tree() {
    TREE=$WORK/tree
    mkdir -p "$TREE"/{bin,lib/base,man,tests/unit,examples/pipelines}
    cp -R "$ROOT/Makefile" "$ROOT/configure" "$ROOT/scripts" "$ROOT/.ci" "$ROOT/.clang-format" "$TREE"
    mkdir "$TREE/tests/helper"
    cp "$HELPER"/*.bash "$HELPER/tap-summary" "$HELPER/free-port" "$TREE/tests/helper"
    cat >"$TREE/lib/base/hello.h" <<'EOF'
#ifndef BASE_HELLO_H
#define BASE_HELLO_H

const char *hello(void);

#endif
EOF
    cat >"$TREE/lib/base/hello.c" <<'EOF'
#include "base/hello.h"

#include "base/banned.h"

const char *hello(void)
{
    return "hello";
}
EOF
    printf '#define BANNED 1\n' >"$TREE/lib/base/banned.h"
    cat >"$TREE/bin/hello.c" <<'EOF'
#include <stdio.h>

#include "base/hello.h"

#include "base/banned.h"

int main(int argc, char **argv)
{
    if (argc > 1)
        printf("usage: %s [-h]\n  -h   this\n", argv[0]);
    else
        puts(hello());
    return 0;
}
EOF
    printf '#!/bin/sh\necho script\n' >"$TREE/bin/greet.sh"
    cat >"$TREE/tests/unit/hello-test.c" <<'EOF'
#include <stdio.h>
#include <string.h>

#include "base/hello.h"

int main(void)
{
    puts("1..1");
    puts(strcmp(hello(), "hello") == 0 ? "ok 1 - hello" : "not ok 1 - hello");
    return 0;
}
EOF
    printf '@test "it says hello" {\n    [ "$($BUILD/bin/hello)" = hello ]\n}\n' >"$TREE/tests/hello.bats"
    printf 'x\n' >"$TREE/man/hello.1"
    printf 'echo\n' >"$TREE/examples/pipelines/x.sh"
    cd "$TREE"
    unset MAKEFLAGS MAKELEVEL BUILD
}

@test "make builds programs and scripts from bin, and again only what changed" {
    small_tree
    run -0 make
    assert_line 'configure: wrote build/config.mk'
    run -0 build/bin/hello
    assert_output hello
    run -0 build/bin/greet
    assert_output script
    run -0 make
    assert_output "make: Nothing to be done for 'all'."
    sed -i 's/"hello"/"good day"/' lib/base/hello.c
    run -0 make
    refute_line --partial 'bin/hello.c'
    run -0 build/bin/hello
    assert_output 'good day'
}

@test "make install puts everything under PREFIX, uninstall takes it away" {
    small_tree
    run -0 make install DESTDIR="$WORK/root" PREFIX=/usr
    run -0 sh -c "cd '$WORK/root' && find . -type f | sort"
    assert_output './usr/bin/greet
./usr/bin/hello
./usr/share/doc/conntools/examples/pipelines/x.sh
./usr/share/man/man1/hello.1'
    run -0 make uninstall DESTDIR="$WORK/root" PREFIX=/usr
    run -0 find "$WORK/root" -type f
    assert_output ''
}

@test "the sanitizer build is one of its own and catches what it should" {
    small_tree
    sed -i 's/puts(hello());/{ int i = 2147483647; printf("%d", i + argc); }/' bin/hello.c
    run -0 make asan
    run --separate-stderr build/asan/bin/hello
    assert_status 86
    assert_stderr --partial 'signed integer overflow'
}

@test "scripts/check: the last line and the exit code tell the truth" {
    small_tree
    run -0 make -s programs tests
    printf '#!/bin/sh\necho 1..1\necho ok 1 lint\n' >scripts/lint
    run --separate-stderr scripts/check
    assert_status 0
    assert_equal "${lines[-1]}" '3 passed, 0 failed'
    printf '@test "no" {\n    skip\n}\n@test "bad" {\n    false\n}\n' >tests/bad.bats
    printf '#!/bin/sh\necho 1..1\necho ok 1 lint\nkill -9 $$\n' >scripts/lint
    run --separate-stderr scripts/check
    assert_status 1
    assert_line '    lint: exit code 137 without a failed test'
    assert_line '    bats: bad'
    assert_equal "${lines[-1]}" '3 passed, 2 failed, 1 skipped'
}

@test "a test that hangs is ended and has failed" {
    small_tree
    run -0 make -s programs
    printf '@test "hangs" {\n    sleep 60\n}\n' >tests/hangs.bats
    BATS_TEST_TIMEOUT=1 run scripts/check tests/hangs.bats
    assert_status 1
    assert_line '    bats: hangs # timeout after 1s'
    assert_equal "${lines[-1]}" '0 passed, 1 failed'
}

# --- lint, in the same tree ---

@test "lint finds what is out of step" {
    small_tree
    run -0 make -s programs
    mkdir lib/json lib/transport lib/junk
    printf '#include "json/b.h"\n\n#include "base/banned.h"\n' >lib/base/a.c
    printf '#include "base/hello.h"\n#include "base/none.h"\n' >lib/json/b.h
    printf '#include "base/hello.h"\n' >lib/junk/c.h
    printf '#include "transport/two.h"\n\n#include <proton/types.h>\n\n#include "base/banned.h"\n' >lib/transport/one.c
    printf '#include <mosquitto.h>\n' >lib/transport/two.h
    printf 'int  x;\n' >lib/base/d.c
    printf '.Dd January 1, 2025\n.Dt HELLO 1\n.Os\n.Sh OPTIONS\n.Bl -tag -width x\n.It Fl h\nThis.\n.It Fl z Ar N\nNo.\n.El\n' \
        >man/hello.1
    run --separate-stderr scripts/lint
    assert_status 1
    assert_line "# lib/base/d.c differs from its format in 1 places: run 'make format FILES=lib/base/d.c'"
    assert_line '# bin/greet has no man/greet.1'
    assert_line '# bin/greet has no tests/greet.bats'
    assert_line '# man/hello.1 has an option that hello -h has not: -z N'
    assert_line '# lib/base/a.c:1: base (floor 1) must not include json (floor 2)'
    assert_line '# lib/json/b.h:2: no lib/base/none.h'
    assert_line '# lib/junk/c.h:1: lib/junk is no layer that scripts/lint knows'
    assert_line '# lib/transport/one.c:1:#include "transport/two.h" (includes another adapter)'
    assert_line '# lib/base/d.c does not include base/banned.h'
    assert_line --partial 'not ok 3 - man'
}

# --- the harness itself ---

@test "free_port gives ports that nobody else gets" {
    local i pids=()
    for i in 1 2 3 4; do
        (free_port 20 >"$WORK/ports.$i") 3>&- &
        pids+=($!)
    done
    wait "${pids[@]}"
    run -0 sh -c "sort -n '$WORK'/ports.* | awk 'NR > 1 && \$1 < last + 20 { print \$1 \" overlaps\" } { last = \$1 }'"
    assert_output ''
    run -0 free_port
    assert_output --regexp '^2[0-9]{4}$|^3[01][0-9]{3}$'
}

@test "wait_for gives up at its deadline and says what it waited for" {
    run --separate-stderr wait_for 0 false
    assert_status 1
    assert_stderr 'not within 0 s: false'
}

@test "wait_exit gives the exit code, wait_ready the log of what died" {
    start seven sh -c 'echo out; exit 7'
    wait_exit seven
    assert_status 7
    assert_file "$WORK/seven.out" out
    run --separate-stderr start_ready dead sh -c 'echo reason >&2; exit 3'
    assert_status 1
    assert_stderr --partial 'reason'
    start_ready fine sh -c 'echo >&4; exec sleep 60'
    running "${PIDS[fine]}"
}

@test "end_tracked ends what ignores TERM, and nothing else" {
    sleep 60 3>&- &
    local other=$!
    start stubborn bash -c 'trap "" TERM; echo >&4; while :; do read -rt 1 <> <(:); done' 4>"$WORK/stubborn.ready"
    wait_ready stubborn
    end_processes 0 "${PIDS[stubborn]}" 2>/dev/null
    run ! running "${PIDS[stubborn]}"
    end_tracked
    running "$other"
    kill "$other"
}

@test "a private mosquitto answers, restarts on its port and ends" {
    command -v mosquitto >/dev/null || skip 'mosquitto is not installed'
    mosquitto_start 'persistence true'
    local port=$MQTT_PORT
    run -0 mosquitto_pub -h 127.0.0.1 -p "$port" -t t -m kept -r -q 1
    mosquitto_stop
    run ! port_answers "$port"
    mosquitto_restart
    run -0 mosquitto_sub -h 127.0.0.1 -p "$port" -t t -C 1 -W 5
    assert_output kept
    mosquitto_kill9
    run ! port_answers "$port"
    mosquitto_restart
    port_answers "$port"
}

@test "the private RabbitMQ is shared, answers, and ends with its last process" {
    rabbitmq_installed || skip 'rabbitmq-server is not installed'
    rabbitmq_shared
    local port=$AMQP_PORT
    rabbitmq_shared
    assert_equal "$AMQP_PORT" "$port"
    port_answers "$AMQP_PORT"
    port_answers "$RABBITMQ_MQTT_PORT"
}
