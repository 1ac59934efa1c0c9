/* js_glue.js: between the worker and the script: calls its functions, judges and writes what they return.
 *
 * Evaluated before the script; what it uses is kept, so that a script which replaces JSON.stringify and the like changes
 * only its own world. base64(buffer, offset, length) is native. Results are JSON, joined by newlines. */
(function (base64) {
    'use strict';

    const {stringify} = JSON;
    const {isArray} = Array;
    const {isView} = ArrayBuffer;
    const {keys, create} = Object;
    const from = Uint8Array.from.bind(Uint8Array);
    const split = Function.prototype.call.bind(String.prototype.split);
    const MOST = 11; // one more than may be

    function lines(results, line, name) {
        if (results === null) return '';
        if (results === undefined) throw new TypeError(`${name} returned undefined`);
        if (!isArray(results)) return line(results);
        let text = '';
        for (let i = 0; i < results.length && i < MOST; i++) text += (i ? '\n' : '') + line(results[i]);
        return text;
    }

    function dittoMessage(result) {
        if (typeof result !== 'object' || result === null) throw new TypeError('a result is no object');
        return stringify(result);
    }

    // Of an ArrayBuffer, a view of one, an array of numbers, or a ByteBuffer; null if it is none.
    function bytesOf(payload) {
        if (typeof payload !== 'object' || payload === null) return null;
        if (payload instanceof ArrayBuffer) return base64(payload, 0, payload.byteLength);
        if (isArray(payload)) payload = from(payload);
        if (isView(payload)) return base64(payload.buffer, payload.byteOffset, payload.byteLength);
        if (payload.buffer instanceof ArrayBuffer && payload.limit >= payload.offset)
            return base64(payload.buffer, payload.offset, payload.limit - payload.offset);
        return null;
    }

    function headerText(value) {
        return typeof value === 'object' && value !== null ? stringify(value) : `${value}`;
    }

    function externalMessage(result) {
        if (typeof result !== 'object' || result === null) throw new TypeError('a result is no object');
        const headers = create(null), given = result.headers;
        if (typeof given === 'object' && given !== null)
            for (const name of keys(given))
                if (given[name] !== undefined) headers[name] = headerText(given[name]);
        if (result.contentType === null || result.contentType === undefined)
            throw new TypeError('a result has no contentType');
        headers['content-type'] = `${result.contentType}`;
        const bytes = bytesOf(result.bytePayload);
        if (bytes !== null) return stringify({headers, bytes});
        if (typeof result.textPayload !== 'string') throw new TypeError('a result has neither bytePayload nor textPayload');
        return stringify({headers, text: result.textPayload});
    }

    return {
        incoming(headers, textPayload, bytePayload) {
            const type = headers['content-type'];
            const message = {headers, textPayload, bytePayload, contentType: type === undefined ? null : type};
            return lines(mapToDittoProtocolMsgWrapper(message), dittoMessage, 'mapToDittoProtocolMsg');
        },

        outgoing(message) {
            return lines(mapFromDittoProtocolMsgWrapper(message), externalMessage, 'mapFromDittoProtocolMsg');
        },

        // What was thrown, and where in the script.
        describe(thrown) {
            const text = `${thrown}`;
            if (typeof thrown !== 'object' || thrown === null) return text;
            const frames = [];
            for (const frame of split(`${thrown.stack}`, '\n', 100)) {
                const at = /^(.*?)@((?:incoming|outgoing)Script:\d+(?::\d+)?)$/.exec(frame);
                if (at && frames.length < 3) frames.push(at[1] ? `${at[1]} (${at[2]})` : at[2]);
            }
            if (frames.length) return `${text} at ${frames.join(' < ')}`;
            return /^(?:incoming|outgoing)Script$/.test(thrown.sourceURL) ? `${text} at ${thrown.sourceURL}:${thrown.line}` : text;
        },
    };
})
