#!/usr/bin/env bats
# conn-hub-hostile.bats: members that are dead, slow or malicious harm only themselves; memory stays within its bound.
load helper/common
load helper/hub

# Others at work while something happens: N messages from one ring to another, a few at a time, each settled 200.
others() { # N
    run --separate-stderr timeout 20 hub-load -n "$1" -w 20
    assert_status 0
    assert_output "sent=$1 arrived=$1 settled=$1 wrong=0"
}

@test "a service that never reads: its commands are 503, the others go on" {
    hub -M 50 -B 100000
    source_ring dev
    service twin '"topics":["_/_/things/twin/commands"]' -w
    local n=600 pad
    pad=$(bytes 1000)
    seq $n | awk -v pad="$pad" '{ printf "{\"id\":\"x-%d\",\"topic\":\"ns/t/things/twin/commands/modify\",\"headers\":{\"requested-acks\":[\"twin-persisted\"]},\"path\":\"/\",\"value\":\"%s\"}\n", $1, pad }' >&"$FD_dev"
    wait_for 10 has_lines dev 300
    others 500
    kill -KILL "${PIDS[twin]}"
    wait_for 10 has_lines dev $n
    [ "$(jq -r .status "$WORK/dev.out" | sort -u)" = 503 ]
    is_counter waits 0
}

@test "a service that floods and does not read what it is told is closed" {
    hub -B 100000
    python3 - "$CONN_RUN/hub.sock" <<'END' &
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b'{"hello":1,"role":"service","service":"flood"}\n')
s.recv(100)
line = b''.join(b'{"id":"f-%d","topic":"ns/t/things/live/events/modified","path":"/","value":1}\n' % i for i in range(1000))
try:
    while True:
        s.sendall(line)
except (BrokenPipeError, ConnectionResetError):
    pass
END
    PIDS[flood]=$!
    track $!
    others 500
    wait_exit flood
    assert_status 0
    grep -q "^conn-hub: warning: service 'flood' is closed: it does not read what it is told" "$WORK/hub.err"
    wait_for 5 is_counter members 0
}

@test "a service that floods targets fills their queues, not the hub; nobody else's labels are answered by it" {
    hub -M 100 -B 100000
    member slow out "$(target_json slow _/_/things/twin/events)" -w
    service maker
    seq 20000 | awk '{ print "{\"topic\":\"ns/t/things/twin/events/modified\",\"headers\":{},\"path\":\"/\",\"value\":" $1 ",\"revision\":" $1 "}" }' >&"$FD_maker"
    others 500
    wait_for 10 is_counter received 20500
    [ "$(counter dropped)" -gt 10000 ]
    [ "$(counter queued_bytes)" -le 200000 ]
}

@test "rubbish, other members' ids, a repeated id, an answer twice" {
    hub
    source_ring dev
    service twin '"topics":["_/_/things/twin/commands"]'
    service thief '"subscribe":["_/_/things/twin/events"]'
    say dev '{"id":"x-1","topic":"ns/t/things/twin/commands/modify","headers":{},"path":"/a","value":1}' \
        '{"id":"x-1","topic":"ns/t/things/twin/commands/modify","headers":{},"path":"/b","value":1}'
    told twin 2
    local one two
    one=$(head -n 1 <<<"$TOLD" | jq -r .id)
    two=$(tail -n 1 <<<"$TOLD" | jq -r .id)
    say thief 'rubbish' '[]' '{"id":"'"$one"'","status":200}' \
        '{"id":"'"$one"'","topic":"ns/t/things/twin/commands/modify","path":"/","status":200}' \
        '{"id":"'"$one"'/1","parts":3}' '{"context":{"cause":"'"$one"'"},"topic":"ns/t/things/twin/events/modified","path":"/","value":1}' \
        '{"topic":"no topic"}' '{"topic":"ns/t/things/twin/commands/modify","path":"/","status":"x"}' "$(head -c 3000 /dev/urandom | base64 -w 0)"
    wait_for 5 is_counter bad 4
    others 200
    [ ! -s "$WORK/dev.out" ]
    say twin '{"id":"'"$one"'","topic":"ns/t/things/twin/commands/modify","path":"/","headers":{},"status":"x"}' \
        '{"id":"'"$one"'","topic":"nonsense","path":"/","headers":{},"status":200}' \
        '{"id":"'"$two"'","topic":"ns/t/things/twin/commands/modify","path":"/b","headers":{},"status":400}' \
        '{"id":"'"$one"'","topic":"ns/t/things/twin/commands/modify","path":"/a","headers":{},"status":204}' \
        '{"id":"'"$one"'","topic":"ns/t/things/twin/commands/modify","path":"/a","headers":{},"status":500}'
    told dev 2
    run outcome <<<"$TOLD"
    assert_output 'x-1 400
x-1 200'
    is_counter waits 0
}

@test "a stopped target that was asked for extra fields, a service that never tells them" {
    hub
    source_ring src
    member rich out "$(target_json rich '_/_/things/live/messages?extraFields=attributes' "$(label rich:done)")"
    service twin '"topics":["_/_/things/twin/commands"]'
    say src "$(message x-1 ns/t "$(acks rich:done)")"
    told twin 1
    others 100
    kill -KILL "${PIDS[twin]}"
    wait_for 5 grep -q '"id":"x-1","status":503' "$WORK/src.out"
    wait_for 5 is_counter members 2
    : >"$WORK/src.out"
    say src "$(message x-2 ns/t "$(acks rich:done)")"
    wait_for 5 grep -aq '"id":"x-2","status":503.*things:thing.unavailable' "$WORK/src.out"
    [ ! -s "$WORK/rich.out" ]
}

@test "200 rings, half of them dead, half flooding: memory within its bound" {
    [ "${BUILD##*/}" != asan ] || skip 'the sanitizers have memory of their own'
    hub -M 100 -B 65536 -L 131072
    run --separate-stderr timeout 60 python3 - "$CONN_RUN/hub.sock" "${PIDS[hub]}" <<'END'
import json, os, select, socket, sys, time
path, pid = sys.argv[1], sys.argv[2]
QUEUE, LINE, N = 65536, 131072, 200
def rss():
    with open('/proc/%s/status' % pid) as f:
        return int([l for l in f if l.startswith('VmHWM')][0].split()[1]) * 1024
def join(role, i):
    c = {'id': 'c%d' % i, 'connectionType': 'mqtt-5', 'connectionStatus': 'open', 'uri': 'tcp://127.0.0.1:1883'}
    if role == 'in':
        c['sources'] = [{'addresses': ['a'], 'qos': 1, 'authorizationContext': ['a:b']}]
    else:
        c['targets'] = [{'address': 'a', 'qos': 1, 'topics': ['_/_/things/live/messages'], 'authorizationContext': ['a:b'],
                         'issuedAcknowledgementLabel': 'c%d:done' % i}]
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.sendall(json.dumps({'hello': 1, 'role': role, 'client': 0, 'connection': c}).encode() + b'\n')
    assert s.recv(1000) == b'{"hello":1}\n'
    s.setblocking(False)
    return s
idle = rss()
sinks = [join('out', i) for i in range(N // 2)]         # never read again
sources = [join('in', i) for i in range(N // 2, N)]     # never read, write all they can
payload = 'v' * 4000
lines = {}
for k, s in enumerate(sources):
    body = b''
    for i in range(200):
        body += json.dumps({'id': 's%d-%d' % (k, i), 'topic': 'ns/t%d/things/live/messages/m' % i,
                            'headers': {'requested-acks': ['c%d:done' % (i % (N // 2)), 'nobody:x'], 'timeout': '60s'},
                            'path': '/inbox/messages/m', 'value': payload}).encode() + b'\n'
    body += b'{"id":"long","topic":"' + b'v' * (10 * LINE) + b'"}\n{"id":"never ended'
    lines[s] = body + b'v' * (LINE - 1000)
end = time.monotonic() + 20
idle_since = time.monotonic()
while lines and time.monotonic() < end and time.monotonic() - idle_since < 1:
    _, ready, _ = select.select([], list(lines), [], 0.2)
    for s in ready:
        sent = s.send(lines[s][:65536])
        idle_since = time.monotonic()
        lines[s] = lines[s][sent:]
        if not lines[s]:
            del lines[s]
used = rss() - idle
# a queue and its copy while it grows, a line and its copy, waits with their ids and labels
bound = N * (2 * QUEUE + 2 * LINE + 100 * 1024) + 16 * 1024 * 1024
print(used <= bound, used > 1024 * 1024)
print('used %d KiB of %d KiB' % (used // 1024, bound // 1024), file=sys.stderr)
END
    assert_status 0
    assert_output 'True True'
    others 100
}
