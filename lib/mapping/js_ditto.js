/* js_ditto.js: what a script of the JavaScript mapper finds: the object Ditto, the four functions that it may redefine, and
 * require(), which knows the libraries that come with the mapper.
 *
 * All are ordinary properties of the global object, so that a script replaces them however it declares its own.
 * Source: Ditto's documentation, "JavaScript mapping engine". */
(function (global) {
    'use strict';

    const DITTO = 'application/vnd.eclipse.ditto+json';
    const BINARY = 'application/octet-stream';
    const CHUNK = 8192; // arguments of one call

    const Ditto = {
        buildDittoProtocolMsg(namespace, name, group, channel, criterion, action, path, dittoHeaders, value, status,
                              extra) {
            let topic = `${namespace}/${name}/${group}`;
            if (channel !== 'none') topic += `/${channel}`;
            topic += `/${criterion}`;
            if (action !== undefined) topic += `/${action}`;
            return {topic, path, headers: dittoHeaders, value, status, extra};
        },

        buildExternalMsg(headers, textPayload, bytePayload, contentType) {
            return {headers, textPayload, bytePayload, contentType};
        },

        // One character a byte: ISO-8859-1, not UTF-8.
        arrayBufferToString(buffer) {
            const bytes = new Uint8Array(buffer);
            let text = '';
            for (let at = 0; at < bytes.length; at += CHUNK)
                text += String.fromCharCode.apply(null, bytes.subarray(at, at + CHUNK));
            return text;
        },

        stringToArrayBuffer(text) {
            const bytes = new Uint8Array(text.length);
            for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
            return bytes.buffer;
        },

        asByteBuffer(buffer) {
            return dcodeIO.ByteBuffer.wrap(buffer.slice(0));
        },
    };

    const functions = {
        Ditto,

        mapToDittoProtocolMsgWrapper(msg) {
            return mapToDittoProtocolMsg(msg.headers, msg.textPayload, msg.bytePayload, msg.contentType);
        },

        mapToDittoProtocolMsg(headers, textPayload, bytePayload, contentType) {
            if (contentType === DITTO) return JSON.parse(textPayload);
            if (contentType !== BINARY) return null;
            try {
                return JSON.parse(Ditto.arrayBufferToString(bytePayload));
            } catch (e) {
                return null;
            }
        },

        mapFromDittoProtocolMsgWrapper(msg) {
            const segments = msg.topic.split('/');
            const [namespace, name, group] = segments;
            const channel = group === 'things' ? segments[3] : 'none';
            const [criterion, action] = segments.slice(group === 'things' ? 4 : 3);
            return mapFromDittoProtocolMsg(namespace, name, group, channel, criterion, action, msg.path, msg.headers,
                                           msg.value, msg.status, msg.extra);
        },

        mapFromDittoProtocolMsg(namespace, name, group, channel, criterion, action, path, dittoHeaders, value, status,
                                extra) {
            const msg = Ditto.buildDittoProtocolMsg(namespace, name, group, channel, criterion, action, path,
                                                    dittoHeaders, value, status, extra);
            return Ditto.buildExternalMsg(dittoHeaders, JSON.stringify(msg), null, DITTO);
        },

        require(name) {
            const module = /(?:^|\/)(long|bytebuffer)(?:\.min)?(?:\.js)?$/i.exec(name);
            const library = typeof dcodeIO === 'undefined' ? {} : dcodeIO;
            const found = module && library[module[1].toLowerCase() === 'long' ? 'Long' : 'ByteBuffer'];
            if (!found) throw new Error(`Module "${name}" not found.`);
            return found;
        },
    };

    for (const [name, value] of Object.entries(functions))
        Object.defineProperty(global, name, {value, writable: true, configurable: true});
    // What Ditto's engine does not have.
    for (const name of ['console', 'Proxy', 'WebAssembly', 'Atomics', 'SharedArrayBuffer']) delete global[name];
})(globalThis);
