#!/usr/bin/env bats
# conn-hub-crash.bats: kill -9 of hub, twin and rings while commands are on their way: at least once, end to end.
load helper/common

# Sends N modifications that request twin-persisted and the sink's label, some at a time, again and again until each is
# settled 200; meanwhile something is killed KILLS times: the hub, the twin, the outbound ring, the inbound ring. Then every
# message has its change in the twin and has been at the sink as an event. Prints what happened.
crash() { # N KILLS SEED
    timeout 240 python3 - "$CONN_RUN" "$WORK" "$@" <<'END'
import atexit, json, os, random, select, signal, socket, subprocess, sys, time
run, work, n, kills, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
random.seed(seed)
path = run + '/hub.sock'
WINDOW, deadline = 20, time.monotonic() + 200

running = []
def start(*argv):
    p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(work + '/err', 'ab'),
                         start_new_session=True)
    running.append(p)
    return p
def end_all():
    for p in running:
        if p.poll() is None:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
atexit.register(end_all)
def connection(name):
    return {'id': name, 'connectionType': 'mqtt-5', 'connectionStatus': 'open', 'uri': 'tcp://127.0.0.1:1883',
            'sources': [{'addresses': ['in'], 'qos': 1, 'authorizationContext': ['a:b'],
                         'replyTarget': {'enabled': True, 'address': 'r', 'expectedResponseTypes': ['response', 'error', 'nack']}}],
            'targets': [{'address': 'out', 'qos': 1, 'topics': ['_/_/things/twin/events'], 'authorizationContext': ['a:b'],
                         'issuedAcknowledgementLabel': name + ':done'}]}

class Member:
    def __init__(self, role, name):
        self.hello = json.dumps({'hello': 1, 'role': role, 'client': 0, 'connection': connection(name)})
        self.sock = None
    def join(self):
        self.close()
        while time.monotonic() < deadline:
            s = socket.socket(socket.AF_UNIX)
            try:
                s.connect(path)
                s.sendall(self.hello.encode() + b'\n')
                answer = b''
                while not answer.endswith(b'\n'):
                    part = s.recv(1)
                    if not part:
                        raise ConnectionError
                    answer += part
                if json.loads(answer).get('error'):
                    raise ConnectionError
                self.sock, self.buffer = s, b''
                return
            except OSError:
                s.close()
                time.sleep(0.02)
        sys.exit('cannot join')
    def close(self):
        if self.sock:
            self.sock.close()
        self.sock = None
    def say(self, line):
        try:
            self.sock.sendall(json.dumps(line).encode() + b'\n')
        except OSError:
            pass
    def hear(self): # lines, or None when the hub is gone
        try:
            part = self.sock.recv(65536)
        except OSError:
            part = b''
        if not part:
            return None
        *lines, self.buffer = (self.buffer + part).split(b'\n')
        return [json.loads(l) for l in lines]

def start_hub():
    return start('conn-hub', '-q')
def start_twin():
    hello = {'hello': 1, 'role': 'service', 'service': 'twin', 'topics': ['_/_/things/twin/commands', '_/_/policies/commands']}
    return start('ring', '-j', json.dumps(hello), 'ditto-twin -q -D ' + work + '/twin')
def kill(p):
    os.killpg(p.pid, signal.SIGKILL)
    p.wait()

hub, twin = start_hub(), None
source, sink, replies = Member('in', 'dev'), Member('out', 'sink'), Member('out', 'dev')
control = Member('control', 'x')
def join_all():
    control.join()
    for name in 'sink', 'dev':
        control.say({'expect': connection(name)})
    for m in source, sink, replies:
        m.join()
join_all()
todo, flying, again, accepted, published, number = list(range(n)), {}, [], set(), set(), 0
context = {'source': 0, 'subjects': ['a:b'], 'mapper': 'Ditto', 'reply': 0, 'expects': ['response', 'error', 'nack']}
def send(k):
    global number
    number += 1
    ident = 'm%d-%d' % (k, number)
    flying[ident] = k
    source.say({'id': ident, 'context': context, 'topic': 'ns/t%d/things/twin/commands/modify' % (k % 10),
                'headers': {'correlation-id': 'c%d' % k, 'requested-acks': ['twin-persisted', 'sink:done'], 'timeout': '5s'},
                'path': '/attributes/n%d' % k, 'value': k})
def forget_flying():
    todo.extend(flying.values())
    flying.clear()
# the things, first
def ask(line):
    while time.monotonic() < deadline:
        ident = 'ask%d' % random.getrandbits(40)
        source.say({'id': ident, 'context': context, **line})
        reply = None
        end = time.monotonic() + 5
        while time.monotonic() < end:
            ready, _, _ = select.select([source.sock, replies.sock, sink.sock], [], [], 1)
            for m in source, replies, sink:
                if m.sock not in ready:
                    continue
                for l in m.hear() or []:
                    if 'topic' in l and 'id' in l:
                        m.say({'id': l['id'], 'status': 200})
                    if m is replies and l['headers'].get('correlation-id') == line['headers']['correlation-id']:
                        reply = l
                    if m is source and l.get('id') == ident and l['status'] == 200 and reply:
                        return reply
                    if m is source and l.get('id') == ident and l['status'] != 200:
                        end = 0
        time.sleep(0.1)
    sys.exit('no answer to %s' % line)
twin = start_twin()
for i in range(10):
    ask({'topic': 'ns/t%d/things/twin/commands/modify' % i, 'headers': {'correlation-id': 'make%d' % i},
         'path': '/', 'value': {'attributes': {}}})
killed = {'hub': 0, 'twin': 0, 'sink': 0, 'source': 0}
every = max(1, n // (kills + 1))
next_kill = every
while len(accepted) < n:
    if time.monotonic() > deadline:
        sys.exit('late: %d of %d, todo %d, flying %d, killed %s' % (len(accepted), n, len(todo), len(flying), killed))
    if twin.poll() is not None: # whoever supervises it starts it again
        twin = start_twin()
    while todo and len(flying) < WINDOW:
        send(todo.pop(0))
    if sum(killed.values()) < kills and len(accepted) >= next_kill:
        next_kill += every
        what = random.choice(list(killed))
        killed[what] += 1
        if what == 'hub':
            kill(hub)
            hub = start_hub()
            forget_flying()
            join_all()
        elif what == 'twin':
            kill(twin)
        elif what == 'sink':
            sink.join()
        else:
            source.join()
            forget_flying()
        continue
    ready, _, _ = select.select([source.sock, replies.sock, sink.sock], [], [], 0.1)
    for m in source, replies, sink:
        if m.sock not in ready:
            continue
        lines = m.hear()
        if lines is None:
            forget_flying()
            join_all()
            break
        for l in lines:
            if m is source and l.get('id') in flying:
                k = flying.pop(l['id'])
                if l['status'] == 200:
                    accepted.add(k)
                elif l['status'] == 503:
                    todo.append(k)
                else:
                    sys.exit('rejected: %s' % l)
            elif m is not source and 'id' in l:
                if m is sink:
                    published.add(l['value'] if isinstance(l['value'], int) else -1)
                m.say({'id': l['id'], 'status': 200})
            elif m is sink:
                published.add(l['value'] if isinstance(l['value'], int) else -1)
stored = set()
while twin.poll() is not None:
    twin = start_twin()
for i in range(10):
    r = ask({'topic': 'ns/t%d/things/twin/commands/retrieve' % i, 'headers': {'correlation-id': 'see%d' % i}, 'path': '/attributes'})
    stored |= {v for v in r['value'].values()}
print('accepted=%d stored=%d published=%d kills=%d' % (len(accepted), len(accepted & stored), len(accepted & published), sum(killed.values())))
END
}

@test "whatever is killed, what is accepted is stored and has been published" {
    local n=400 kills=12 seed=1
    [ -z "${CONN_LONG-}" ] || n=3000 kills=60 seed=$RANDOM
    mkdir "$WORK/twin"
    echo "seed $seed"
    run --separate-stderr crash $n $kills $seed
    cat "$WORK/err"
    assert_status 0
    assert_stderr ''
    assert_output "accepted=$n stored=$n published=$n kills=$kills"
}
