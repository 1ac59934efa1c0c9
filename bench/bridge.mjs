// bridge.mjs: AMQP 1.0 to MQTT 5 in Node.js, on rhea and mqtt: what the bench compares pipelines with.
//
//   node bridge.mjs [-m] [-w WINDOW] AMQP-PORT ADDRESS MQTT-PORT
//
// Does what `amqp-in | ditto-map -i | ditto-map -o | mqtt-out` does: reads the envelope in the body and checks it and its
// topic, or with -m makes it of raw telemetry as the mapper of examples/connections/amqp-telemetry.json does; publishes it
// with QoS 1 to devices/<thing name>/messages/<subject>, content-type and correlation-id as its headers have them; accepts
// the delivery when the PUBACK has come; rejects what it cannot map. Credit comes back when half the window is settled:
// at most WINDOW (500) messages are in flight, and there are few flow frames.
//
// Exit: 0 on TERM, 100 bad usage, 111 a peer was lost.
import rhea from 'rhea';
import mqtt from 'mqtt';

const options = { window: 500, map: false };
const operands = [];
for (let args = process.argv.slice(2); args.length; ) {
    const arg = args.shift();
    if (arg === '-m') options.map = true;
    else if (arg === '-w') options.window = Number(args.shift());
    else operands.push(arg);
}
const [amqpPort, address, mqttPort] = operands;
if (!mqttPort || !(options.window > 0)) {
    console.error('usage: node bridge.mjs [-m] [-w WINDOW] AMQP-PORT ADDRESS MQTT-PORT');
    process.exit(100);
}

function die(reason) {
    console.error(`bridge.mjs: error: ${reason}`);
    process.exit(111);
}

// --- the work ---

const MEMBERS = ['topic', 'headers', 'path', 'value', 'extra', 'status', 'revision', 'timestamp', 'metadata', 'fields'];

// Raw telemetry to an envelope.
function mapTelemetry(message, text) {
    const headers = { 'content-type': 'application/json', 'response-required': false };
    if (message.message_id != null) headers['correlation-id'] = message.message_id;
    return {
        topic: `org.example/${message.application_properties.device_id}/things/live/messages/temperature`,
        headers,
        path: '/outbox/messages/temperature',
        value: JSON.parse(text),
    };
}

function readEnvelope(text) {
    const from = JSON.parse(text);
    const envelope = {};
    for (const name of MEMBERS) if (name in from) envelope[name] = from[name];
    if (typeof envelope.path !== 'string') throw new Error('no path');
    if (typeof envelope.headers !== 'object') throw new Error('no headers');
    return envelope;
}

// namespace/name/things/live/messages/subject
function readTopic(topic) {
    const [namespace, name, group, channel, criterion, ...subject] = topic.split('/');
    if (!namespace || !name || group !== 'things' || channel !== 'live' || criterion !== 'messages' || !subject.length)
        throw new Error('not the topic of a message');
    return { name, subject: subject.join('/') };
}

function makePublication(message) {
    const text = message.body.content.toString('utf8');
    const envelope = options.map ? mapTelemetry(message, text) : readEnvelope(text);
    const { name, subject } = readTopic(envelope.topic);
    const properties = {};
    if (envelope.headers['content-type']) properties.contentType = envelope.headers['content-type'];
    if (envelope.headers['correlation-id'])
        properties.correlationData = Buffer.from(envelope.headers['correlation-id']);
    return {
        topic: `devices/${name}/messages/${subject}`,
        payload: JSON.stringify(envelope),
        options: { qos: 1, properties },
    };
}

// --- the two ends ---

const publisher = mqtt.connect(`mqtt://127.0.0.1:${mqttPort}`, {
    protocolVersion: 5,
    clientId: 'bench-bridge-node',
    reconnectPeriod: 0,
});
publisher.on('error', (err) => die(err.message));
publisher.on('close', () => die('the MQTT connection is gone'));

const container = rhea.create_container({ id: 'bench-bridge-node' });
let settled = 0;

function settle(delivery, receiver, accept) {
    if (accept) delivery.accept();
    else delivery.reject();
    if (++settled >= options.window / 2) {
        receiver.add_credit(settled);
        settled = 0;
    }
}

container.on('message', ({ message, delivery, receiver }) => {
    let publication;
    try {
        publication = makePublication(message);
    } catch {
        settle(delivery, receiver, false);
        return;
    }
    publisher.publish(publication.topic, publication.payload, publication.options, (err) => {
        if (err) die(err.message);
        settle(delivery, receiver, true);
    });
});
container.on('disconnected', ({ error }) => die(`the AMQP connection is gone: ${error ?? 'closed'}`));
for (const event of ['connection_error', 'session_error', 'receiver_error'])
    container.on(event, () => die(event));

publisher.on('connect', () => {
    const connection = container.connect({ host: '127.0.0.1', port: Number(amqpPort), reconnect: false });
    connection.open_receiver({ source: address, autoaccept: false, credit_window: 0 }).add_credit(options.window);
});
process.on('SIGTERM', () => process.exit(0));
