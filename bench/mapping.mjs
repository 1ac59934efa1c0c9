// mapping.mjs: what the mappers of ditto-map do, as plain functions in Node.js: what bench/mapping.sh compares them with.
//
//   node mapping.mjs CASE < lines > lines
//
// Reads NDJSON in large blocks, maps each line with one function, and writes what was made of a block at once.
// Exit: 0, 100 no such case.
import { randomUUID } from 'node:crypto';
import { readSync, writeSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

const DITTO = 'application/vnd.eclipse.ditto+json';
const MEMBERS = ['topic', 'headers', 'path', 'value', 'extra', 'status', 'revision', 'timestamp', 'metadata', 'fields'];

function envelope(from) {
    const out = {};
    for (const name of MEMBERS) if (name in from) out[name] = from[name];
    if (typeof out.topic !== 'string' || typeof out.path !== 'string') throw new Error('no Ditto Protocol message');
    return out;
}

function identified(message, id) {
    message.headers['correlation-id'] ??= randomUUID();
    message.id = id;
    return message;
}

const thingOf = (topic) => topic.split('/', 2);
const idOf = (topic) => thingOf(topic).join(':');

// The value at the place that path names: {"features":{"a":…}} of /features/a.
function nested(path, value) {
    return path.split('/').slice(1).filter((name) => name).reduceRight((inner, name) => ({ [name]: inner }), value);
}

const cases = {
    'Ditto-in': (m) => identified(envelope(JSON.parse(m.text)), m.id),

    'Ditto-out': (m) => ({
        address: m.topic,
        headers: { 'content-type': DITTO, 'correlation-id': m.headers['correlation-id'] },
        text: JSON.stringify(envelope(m)),
        id: m.id,
    }),

    'script-in': (m) => {
        const telemetry = JSON.parse(m.text);
        return identified({
            topic: `org.example/${m.headers.device_id}/things/twin/commands/modify`,
            headers: { 'correlation-id': m.headers['message-id'], 'content-type': 'application/json' },
            path: '/features/climate/properties',
            value: { temperature: telemetry.temp, humidity: telemetry.hum, note: telemetry.note, place: telemetry.place },
        }, m.id);
    },

    'script-out': (m) => ({
        address: m.topic,
        headers: { 'content-type': 'application/json' },
        text: JSON.stringify({ thing: idOf(m.topic), path: m.path, value: m.value }),
        id: m.id,
    }),

    'Normalized-out': (m) => {
        const { topic, path, value, headers } = m;
        return {
            address: topic,
            headers: { 'content-type': 'application/json' },
            text: JSON.stringify({
                thingId: idOf(topic), ...nested(path, value), _modified: m.timestamp, _revision: m.revision,
                _context: { topic, path, value, headers },
            }),
            id: m.id,
        };
    },

    'CloudEvents-out': (m) => ({
        address: m.topic,
        headers: { 'content-type': 'application/cloudevents+json' },
        text: JSON.stringify({
            data: envelope(m), specversion: '1.0', id: m.headers['correlation-id'],
            source: 'https://github.com/eclipse-ditto/ditto',
            type: `org.eclipse.ditto.outbound:${m.topic.split('/').slice(2).join('/')}`,
            datacontenttype: DITTO, time: new Date().toISOString(), subject: idOf(m.topic),
        }),
        id: m.id,
    }),

    'RawMessage-in': (m) => {
        const [namespace, name] = m.headers['ditto-message-thing-id'].split(':');
        const subject = m.headers['ditto-message-subject'];
        return identified({
            topic: `${namespace}/${name}/things/live/messages/${subject}`,
            headers: { 'content-type': m.headers['content-type'] },
            path: `/outbox/messages/${subject}`,
            value: JSON.parse(m.text),
        }, m.id);
    },

    'ConnectionStatus-in': (m) => {
        const [namespace, name] = m.headers.device_id.split(':');
        const since = Number(m.headers['creation-time']);
        const instant = (ms) => new Date(ms).toISOString().replace('.000Z', 'Z');
        return identified({
            topic: `${namespace}/${name}/things/twin/commands/modify`,
            headers: { 'response-required': false, 'requested-acks': [], 'content-type': 'application/json' },
            path: '/features/ConnectionStatus',
            value: {
                definition: ['org.eclipse.ditto:ConnectionStatus:1.0.0'],
                properties: {
                    status: { readySince: instant(since), readyUntil: instant(since + 1000 * Number(m.headers.ttd)) },
                },
            },
        }, m.id);
    },

    'ImplicitThingCreation-in': (m) => {
        const thingId = m.headers.device_id;
        const [namespace, name] = thingId.split(':');
        return identified({
            topic: `${namespace}/${name}/things/twin/commands/create`,
            headers: { 'if-none-match': '*', 'allow-policy-lockout': true },
            path: '/',
            value: { _namespace: namespace, thingId, attributes: { gateway: m.headers.gateway, kind: 'sensor' } },
        }, m.id);
    },

    'UpdateTwinWithLiveResponse-in': (m) => {
        const response = envelope(JSON.parse(m.text));
        const [namespace, name] = thingOf(response.topic);
        return {
            topic: `${namespace}/${name}/things/twin/commands/merge`,
            headers: {
                'response-required': false, 'if-match': '*',
                'correlation-id': `${response.headers['correlation-id']}-merge-into-twin`,
                'content-type': 'application/merge-patch+json',
            },
            path: response.path,
            value: response.value,
            id: m.id,
        };
    },
};
cases['JavaScript-in'] = cases['JQ-in'] = cases['script-in'];
cases['JavaScript-out'] = cases['JQ-out'] = cases['script-out'];

const map = cases[process.argv[2]];
if (!map) {
    console.error(`mapping.mjs: error: no case '${process.argv[2]}'`);
    process.exit(100);
}

const block = Buffer.allocUnsafe(65536);
const decoder = new StringDecoder('utf8');
let rest = '';
for (let n; (n = readSync(0, block)) > 0;) {
    const lines = (rest + decoder.write(block.subarray(0, n))).split('\n');
    rest = lines.pop();
    if (!lines.length) continue;
    const out = Buffer.from(lines.map((line) => JSON.stringify(map(JSON.parse(line))) + '\n').join(''));
    for (let at = 0; at < out.length;) at += writeSync(1, out, at);
}
