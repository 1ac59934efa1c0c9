// twin-javascript: Ditto's published JavaScript client speaks to ditto-twin.
//
//   NODE_PATH=… node twin-javascript.cjs
//
// The client speaks over WebSockets, as to Ditto: each message is a line of ditto-twin, each line of ditto-twin a message; but for
// events, which the client gets when it has asked for them, and then those of others only. Prints what each call gave, a line each.
'use strict';
const { spawn } = require('child_process');
const readline = require('readline');
const { Server } = require('ws');
const { DittoNodeClient, NodeWebSocketBasicAuth, Thing, Feature } = require('@eclipse-ditto/ditto-javascript-client-node');

const LIMIT_MS = 15000;

// --- the bridge ----------------------------------------------------------------------------------------------------

function bridge(twin, sockets) {
    readline.createInterface({ input: twin.stdout }).on('line', line => {
        const message = JSON.parse(line);
        const event = message.topic.includes('/events/');
        for (const s of sockets) {
            const own = s.asked.has(message.headers['correlation-id']);
            if (event ? s.events && !own : own)
                s.socket.send(line);
        }
    });
    return socket => {
        const s = { socket, events: false, asked: new Set() };
        sockets.push(s);
        socket.on('message', data => {
            const text = data.toString();
            if (text.startsWith('START-SEND-')) {
                s.events = s.events || text.startsWith('START-SEND-EVENTS');
                socket.send(text.split('?')[0] + ':ACK');
                return;
            }
            s.asked.add(JSON.parse(text).headers['correlation-id']);
            twin.stdin.write(text + '\n');
        });
    };
}

const clientOf = port => DittoNodeClient.newWebSocketClient()
    .withoutTls()
    .withDomain(`127.0.0.1:${port}`)
    .withAuthProvider(NodeWebSocketBasicAuth.newInstance('nobody', 'nothing'))
    .withBuffer(100)
    .withReconnect(false)
    .twinChannel()
    .build();

// --- what is called ------------------------------------------------------------------------------------------------

const plain = v => JSON.stringify(v && typeof v.toObject === 'function' ? v.toObject() : v);

async function call(name, promise) {
    try {
        const r = await promise;
        const answer = r && typeof r === 'object' && 'status' in r && 'headers' in r;
        console.log(answer ? [name, r.status, plain(r.body)].join(' ').trim() : `${name} ${plain(r)}`);
    } catch (e) {
        console.log(`${name} failed ${e.status} ${e.error || e}`);
    }
}

async function things(client) {
    const h = client.getThingsHandle(), id = 'org.example:js';
    await call('getThing', h.getThing(id));
    await call('createThing', h.createThing(Thing.fromObject({ thingId: id, attributes: { a: 1 } })));
    await call('getThing', h.getThing(id));
    await call('putThing', h.putThing(Thing.fromObject({ thingId: id, policyId: id, attributes: { a: 2 } })));
    await call('putAttribute', h.putAttribute(id, 'b/c', [1, 2]));
    await call('putAttribute', h.putAttribute(id, 'b/c', 'x'));
    await call('getAttribute', h.getAttribute(id, 'b/c'));
    await call('getAttributes', h.getAttributes(id));
    await call('putAttributes', h.putAttributes(id, { z: null }));
    await call('deleteAttribute', h.deleteAttribute(id, 'none'));
    await call('putDefinition', h.putDefinition(id, 'a:b:1'));
    await call('getDefinition', h.getDefinition(id));
    await call('getPolicyId', h.getPolicyId(id));
}

async function features(client) {
    const h = client.getFeaturesHandle('org.example:js');
    await call('putFeature', h.putFeature(new Feature('lamp', ['a:b:1'], { on: true })));
    await call('putProperty', h.putProperty('lamp', 'color/r', 255));
    await call('getProperty', h.getProperty('lamp', 'color'));
    await call('getFeature', h.getFeature('lamp'));
    await call('putProperties', h.putProperties('lamp', { on: false }));
    await call('deleteDefinition', h.deleteDefinition('lamp'));
    await call('getFeatures', h.getFeatures());
    await call('deleteFeature', h.deleteFeature('lamp'));
    await call('getFeature', h.getFeature('lamp'));
    await call('deleteThing', client.getThingsHandle().deleteThing('org.example:js'));
}

async function main() {
    const twin = spawn('ditto-twin', ['-u', '-S', 'write'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const server = new Server({ host: '127.0.0.1', port: 0 });
    await new Promise(done => server.on('listening', done));
    server.on('connection', bridge(twin, []));
    const mine = clientOf(server.address().port), others = clientOf(server.address().port), seen = [];
    const events = others.getEventsHandle();
    await events.requestEvents();
    events.subscribeToAllEvents(m => seen.push(m.path));
    await things(mine);
    await features(mine);
    console.log('events ' + seen.length);
    mine.close();
    others.close();
    twin.stdin.end();
    server.close();
    await new Promise(done => twin.on('close', done));
    process.exit(0);
}

// what the client says to itself when it is closed
process.on('unhandledRejection', e => { if (e !== 'Reconnect disabled') throw e; });
setTimeout(() => { console.error('it takes too long'); process.exit(99); }, LIMIT_MS);
main().catch(e => { console.error(e); process.exit(1); });
