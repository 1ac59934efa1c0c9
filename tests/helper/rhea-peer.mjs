// rhea-peer.mjs: a small AMQP 1.0 broker on rhea, for tests: another codec than ours and proton's.
//
//   node rhea-peer.mjs [CERTIFICATE_AND_KEY.pem]     modules come from $RHEA (…/node_modules/rhea)
//
// Listens on a free port of 127.0.0.1, with TLS if a PEM is given; a queue an address, in memory, first come, first served.
// By address: "reject…" rejects with amqp:not-found, "release…" releases, "modify…" modifies, "silent…" never answers,
// "detach…" ends the link at the first message, "refused…" refuses the link, "close…" closes the connection, "crash…" ends the
// TCP connection. Records on stdout: {"port":N}, {"event":"message","address","body"}, {"event":"outcome","address",
// "outcome","failed"}.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const rhea = createRequire(import.meta.url)(process.env.RHEA);
const say = (record) => process.stdout.write(JSON.stringify(record) + '\n');
const container = rhea.create_container({ id: 'rhea-peer', enable_sasl_external: true });
const queues = new Map();
const queue = (address) => {
    if (!queues.has(address)) queues.set(address, { messages: [], consumers: new Set() });
    return queues.get(address);
};

// What a message of that address gets. True: it is answered.
const answers = {
    reject: (c) => c.delivery.reject({ condition: 'amqp:not-found', description: 'no such thing' }),
    release: (c) => c.delivery.release(),
    modify: (c) => c.delivery.modified({ delivery_failed: true }),
    silent: () => {},
    detach: (c) => c.receiver.close({ condition: 'amqp:link:detach-forced', description: 'told to' }),
    close: (c) => c.connection.close({ condition: 'amqp:connection:forced', description: 'told to' }),
    crash: (c) => c.connection.socket.destroy(),
};
const special = (address) => Object.keys(answers).find((verb) => address.startsWith(verb));

// An attach that comes with credit in one read must be answered before the first transfer.
const serve = (address) => setImmediate(() => {
    const { messages, consumers } = queue(address);
    for (const sender of consumers)
        while (messages.length && sender.sendable()) {
            const message = messages.shift();
            sender.send(message).message = message;
        }
});

container.on('receiver_open', ({ receiver }) => {
    const address = receiver.target.address ?? '';
    if (address.startsWith('refused')) receiver.close({ condition: 'amqp:not-found', description: 'no such node' });
    else receiver.set_target({ address });
});
container.on('sender_open', ({ sender }) => {
    const address = sender.source.address;
    if (address.startsWith('refused')) return sender.close({ condition: 'amqp:not-found', description: 'no such node' });
    sender.set_source({ address });
    queue(address).consumers.add(sender);
});
container.on('sendable', ({ sender }) => serve(sender.source.address));
container.on('message', (context) => {
    const address = context.receiver.target.address, verb = special(address), { message } = context;
    say({ event: 'message', address, body: message.body?.content?.toString('base64') ?? message.body, durable: message.durable });
    if (verb) return answers[verb](context);
    queue(address).messages.push(message);
    context.delivery.accept();
    serve(address);
});
for (const outcome of ['accepted', 'rejected', 'released', 'modified'])
    container.on(outcome, ({ sender, delivery }) => {
        const address = sender.source.address;
        say({ event: 'outcome', address, outcome, failed: delivery.remote_state?.delivery_failed ?? false });
        if (outcome === 'accepted' || outcome === 'rejected') return;
        delivery.message.delivery_count = (delivery.message.delivery_count ?? 0) + (outcome === 'modified' ? 1 : 0);
        queue(address).messages.unshift(delivery.message);
        serve(address);
    });
container.on('sender_close', ({ sender }) => queue(sender.source.address).consumers.delete(sender));
container.on('disconnected', ({ connection }) => queues.forEach(({ consumers }) =>
    consumers.forEach((sender) => sender.connection === connection && consumers.delete(sender))));
for (const event of ['error', 'connection_error', 'session_error', 'sender_error', 'receiver_error', 'protocol_error'])
    container.on(event, () => {});

const tls = process.argv[2] && { transport: 'tls', key: readFileSync(process.argv[2]), cert: readFileSync(process.argv[2]) };
const server = container.listen({ host: '127.0.0.1', port: 0, ...tls, receiver_options: { autoaccept: false },
    sender_options: { treat_modified_as_released: false, autosettle: true } });
server.on('listening', () => say({ port: server.address().port }));
process.on('SIGTERM', () => process.exit(0));
