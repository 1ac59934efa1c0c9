/* js_bytebuffer.js: a cursor over bytes, for scripts that ask for it (loadBytebufferJS): dcodeIO.ByteBuffer.
 *
 * The interface is that of the library bytebuffer.js 5.0 which Ditto loads, as far as ditto-map(1) lists it. Reads and
 * writes move the offset unless they are given one; writes make the buffer larger. Big-endian, unless told otherwise. */
(function (global) {
    'use strict';

    const {Long} = global.dcodeIO;
    const DATA = Symbol('DataView');
    const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

    function ByteBuffer(capacity = ByteBuffer.DEFAULT_CAPACITY, littleEndian = false, noAssert = false) {
        this.buffer = new ArrayBuffer(capacity);
        this.view = new Uint8Array(this.buffer);
        this.offset = 0;
        this.markedOffset = -1;
        this.limit = capacity;
        this.littleEndian = littleEndian;
        this.noAssert = noAssert;
    }

    Object.assign(ByteBuffer, {
        VERSION: '5.0.1', LITTLE_ENDIAN: true, BIG_ENDIAN: false, DEFAULT_CAPACITY: 16, DEFAULT_ENDIAN: false,
        DEFAULT_NOASSERT: false, MAX_VARINT32_BYTES: 5, MAX_VARINT64_BYTES: 10, METRICS_CHARS: 'c', METRICS_BYTES: 'b',
        Long,
    });

    // --- places

    function data(bb) {
        if (!bb[DATA] || bb[DATA].buffer !== bb.buffer)
            Object.defineProperty(bb, DATA, {value: new DataView(bb.buffer), configurable: true});
        return bb[DATA];
    }

    function checkOffset(bb, offset, length) {
        if (offset < 0 || offset + length > bb.buffer.byteLength)
            throw new RangeError(`Illegal offset: 0 <= ${offset} (+${length}) <= ${bb.buffer.byteLength}`);
    }

    function checkRange(bb, begin, end) {
        if (begin < 0 || begin > end || end > bb.buffer.byteLength)
            throw new RangeError(`Illegal range: 0 <= ${begin} <= ${end} <= ${bb.buffer.byteLength}`);
    }

    // Room for length bytes at the offset, which is then where they go.
    function room(bb, offset, length) {
        if (offset < 0 || offset > bb.buffer.byteLength) checkOffset(bb, offset, 0);
        const capacity = bb.buffer.byteLength;
        if (offset + length > capacity) bb.resize(Math.max(capacity * 2, offset + length));
        return offset;
    }

    function over(buffer, begin, end, like) {
        const bb = new ByteBuffer(0, like.littleEndian, like.noAssert);
        bb.buffer = buffer;
        bb.view = new Uint8Array(buffer);
        bb.offset = begin;
        bb.limit = end;
        return bb;
    }

    function ofBytes(bytes, littleEndian, noAssert) {
        return over(Uint8Array.from(bytes).buffer, 0, bytes.length, {littleEndian, noAssert});
    }

    // --- text

    function utf8Bytes(text) {
        const bytes = [];
        for (const character of text) {
            const c = character.codePointAt(0);
            if (c < 0x80) bytes.push(c);
            else if (c < 0x800) bytes.push(0xc0 | c >> 6, 0x80 | c & 63);
            else if (c < 0x10000) bytes.push(0xe0 | c >> 12, 0x80 | c >> 6 & 63, 0x80 | c & 63);
            else bytes.push(0xf0 | c >> 18, 0x80 | c >> 12 & 63, 0x80 | c >> 6 & 63, 0x80 | c & 63);
        }
        return bytes;
    }

    // The character at bytes[at] and where the next one begins.
    function utf8Character(bytes, at, end) {
        const first = bytes[at];
        const length = first < 0x80 ? 1 : first >> 5 === 6 ? 2 : first >> 4 === 14 ? 3 : first >> 3 === 30 ? 4 : 0;
        if (!length) throw new RangeError(`Illegal starting byte: ${first}`);
        if (at + length > end) throw new RangeError('Truncated UTF-8 sequence');
        let c = length === 1 ? first : first & 0xff >> length + 1;
        for (let i = 1; i < length; i++) c = c << 6 | bytes[at + i] & 63;
        return [String.fromCodePoint(c), at + length];
    }

    function utf8Text(bytes, begin, end, most = Infinity) {
        let text = '', at = begin;
        for (let n = 0; at < end && n < most; n++) {
            const [character, next] = utf8Character(bytes, at, end);
            text += character;
            at = next;
        }
        return {text, end: at};
    }

    const encodings = {
        utf8: {bytes: utf8Bytes, text: bytes => utf8Text(bytes, 0, bytes.length).text},
        binary: {
            bytes(text) {
                return Array.from(text, character => {
                    if (character.charCodeAt(0) > 255 || character.length > 1) throw new RangeError('illegal char code');
                    return character.charCodeAt(0);
                });
            },
            text: bytes => Array.from(bytes, byte => String.fromCharCode(byte)).join(''),
        },
        hex: {
            bytes(text) {
                if (!/^(?:[0-9a-fA-F]{2})*$/.test(text)) throw new TypeError('Illegal str: not a hex string');
                return (text.match(/../g) || []).map(digits => parseInt(digits, 16));
            },
            text: bytes => Array.from(bytes, byte => (byte < 16 ? '0' : '') + byte.toString(16)).join(''),
        },
        base64: {
            bytes(text) {
                const digits = text.replace(/=+$/, ''), bytes = [];
                let bits = 0, held = 0;
                for (const digit of digits) {
                    const value = ALPHABET.indexOf(digit);
                    if (value < 0) throw new TypeError('Illegal str: not a base64 string');
                    bits = (bits << 6 | value) & 0xffff;
                    held += 6;
                    if (held >= 8) bytes.push(bits >> (held -= 8) & 255);
                }
                return bytes;
            },
            text(bytes) {
                let text = '';
                for (let i = 0; i < bytes.length; i += 3) {
                    const n = bytes[i] << 16 | (bytes[i + 1] || 0) << 8 | (bytes[i + 2] || 0);
                    text += ALPHABET[n >> 18] + ALPHABET[n >> 12 & 63];
                    text += i + 1 < bytes.length ? ALPHABET[n >> 6 & 63] : '=';
                    text += i + 2 < bytes.length ? ALPHABET[n & 63] : '=';
                }
                return text;
            },
        },
    };

    function encodingOf(name) {
        const encoding = encodings[name === undefined ? 'utf8' : name];
        if (!encoding) throw new Error(`Unsupported encoding: ${name}`);
        return encoding;
    }

    // --- making

    Object.assign(ByteBuffer, {
        accessor: () => Uint8Array,
        type: () => ArrayBuffer,
        isByteBuffer: value => value instanceof ByteBuffer,
        allocate: (capacity, littleEndian, noAssert) => new ByteBuffer(capacity, littleEndian, noAssert),

        wrap(source, encoding, littleEndian, noAssert) {
            if (typeof encoding !== 'string') [encoding, littleEndian, noAssert] = [undefined, encoding, littleEndian];
            const like = {littleEndian: !!littleEndian, noAssert: !!noAssert};
            if (typeof source === 'string')
                return ofBytes(encodingOf(encoding).bytes(source), like.littleEndian, like.noAssert);
            if (source === null || typeof source !== 'object') throw new TypeError('Illegal buffer');
            if (source instanceof ByteBuffer) {
                const copy = source.clone();
                copy.markedOffset = -1;
                return copy;
            }
            if (source instanceof ArrayBuffer) return over(source, 0, source.byteLength, like);
            if (ArrayBuffer.isView(source))
                return over(source.buffer, source.byteOffset, source.byteOffset + source.byteLength, like);
            if (Array.isArray(source)) return ofBytes(source, like.littleEndian, like.noAssert);
            throw new TypeError('Illegal buffer');
        },

        concat(buffers, encoding, littleEndian, noAssert) {
            if (typeof encoding !== 'string') [encoding, littleEndian, noAssert] = [undefined, encoding, littleEndian];
            const parts = buffers.map(buffer => ByteBuffer.wrap(buffer, encoding === undefined ? 'utf8' : encoding));
            const all = new ByteBuffer(parts.reduce((n, part) => n + part.remaining(), 0), !!littleEndian, !!noAssert);
            for (const part of parts) all.append(part);
            all.offset = 0;
            return all;
        },

        calculateUTF8Bytes: text => utf8Bytes(text).length,
        calculateString: text => utf8Bytes(text).length,
        calculateUTF8Chars: text => Array.from(text).length,
        calculateVarint32: value => varintBytes(BigInt(value >>> 0)).length,
        calculateVarint64: value => varintBytes(bits64(value)).length,
        zigZagEncode32: n => (n << 1 ^ n >> 31) >>> 0,
        zigZagDecode32: n => n >>> 1 ^ -(n & 1) | 0,
        zigZagEncode64(value) {
            const n = long(value, false);
            return n.shiftLeft(1).xor(n.shiftRight(63)).toUnsigned();
        },
        zigZagDecode64(value) {
            const n = long(value, false);
            return n.shiftRightUnsigned(1).xor(n.and(Long.ONE).toSigned().negate()).toSigned();
        },
    });
    for (const name of Object.keys(encodings)) {
        const title = name === 'utf8' ? 'UTF8' : name[0].toUpperCase() + name.slice(1);
        ByteBuffer[`from${title}`] = (text, littleEndian, noAssert) =>
            ofBytes(encodings[name].bytes(text), !!littleEndian, !!noAssert);
    }

    // --- numbers

    const methods = {};

    // Size in bytes, DataView's name, other names.
    const numbers = [
        [1, 'Int8', 'Byte'], [1, 'Uint8', 'UInt8'], [2, 'Int16', 'Short'], [2, 'Uint16', 'UInt16'], [4, 'Int32', 'Int'],
        [4, 'Uint32', 'UInt32'], [4, 'Float32', 'Float'], [8, 'Float64', 'Double'],
    ];
    for (const [size, type, alias] of numbers) {
        const get = DataView.prototype[`get${type}`], set = DataView.prototype[`set${type}`];
        methods[`read${type}`] = methods[`read${alias}`] = function (offset) {
            const at = offset === undefined ? this.offset : offset;
            checkOffset(this, at, size);
            if (offset === undefined) this.offset += size;
            return get.call(data(this), at, this.littleEndian);
        };
        methods[`write${type}`] = methods[`write${alias}`] = function (value, offset) {
            if (typeof value !== 'number') throw new TypeError(`Illegal value: ${value} (not a number)`);
            const at = room(this, offset === undefined ? this.offset : offset, size);
            if (offset === undefined) this.offset += size;
            set.call(data(this), at, value, this.littleEndian);
            return this;
        };
    }

    function long(value, unsigned) {
        const n = Long.fromValue(value);
        return unsigned ? n.toUnsigned() : n.toSigned();
    }

    function bits64(value) {
        const n = Long.fromValue(value);
        return BigInt(n.high >>> 0) << 32n | BigInt(n.low >>> 0);
    }

    for (const [type, alias, unsigned] of [['Int64', 'Long', false], ['Uint64', 'UInt64', true]]) {
        methods[`read${type}`] = methods[`read${alias}`] = function (offset) {
            const at = offset === undefined ? this.offset : offset;
            checkOffset(this, at, 8);
            if (offset === undefined) this.offset += 8;
            return Long.fromBytes(new Uint8Array(this.buffer, at, 8), unsigned, this.littleEndian);
        };
        methods[`write${type}`] = methods[`write${alias}`] = function (value, offset) {
            const at = room(this, offset === undefined ? this.offset : offset, 8);
            if (offset === undefined) this.offset += 8;
            this.view.set(Long.fromValue(value).toBytes(this.littleEndian), at);
            return this;
        };
    }

    // --- what has no fixed size: relative calls give the value or the buffer, absolute ones also say how long it is

    function varintBytes(bits) {
        const bytes = [];
        do {
            const low = Number(bits & 127n);
            bits >>= 7n;
            bytes.push(bits ? low | 128 : low);
        } while (bits);
        return bytes;
    }

    function varintAt(bb, at, most) {
        let bits = 0n;
        for (let n = 0; n < most; n++) {
            checkOffset(bb, at + n, 1);
            const byte = bb.view[at + n];
            bits |= BigInt(byte & 127) << BigInt(7 * n);
            if (byte < 128) return {bits, length: n + 1};
        }
        throw new Error('Buffer overrun');
    }

    function put(bb, bytes, offset) {
        const at = room(bb, offset === undefined ? bb.offset : offset, bytes.length);
        bb.view.set(bytes, at);
        if (offset !== undefined) return bytes.length;
        bb.offset += bytes.length;
        return bb;
    }

    // take(at): {value, length}
    function get(bb, offset, key, take) {
        const {value, length} = take(offset === undefined ? bb.offset : offset);
        if (offset !== undefined) return {[key]: value, length};
        bb.offset += length;
        return value;
    }

    const varints = {
        Varint32: [5, value => BigInt(value >>> 0), bits => Number(BigInt.asIntN(32, bits))],
        Varint32ZigZag: [5, value => BigInt(ByteBuffer.zigZagEncode32(value)),
                         bits => ByteBuffer.zigZagDecode32(Number(BigInt.asUintN(32, bits)))],
        Varint64: [10, bits64, bits => long64(bits)],
        Varint64ZigZag: [10, value => bits64(ByteBuffer.zigZagEncode64(value)),
                         bits => ByteBuffer.zigZagDecode64(long64(bits))],
    };

    function long64(bits) {
        return Long.fromBits(Number(BigInt.asIntN(32, bits)), Number(BigInt.asIntN(32, bits >> 32n)), false);
    }

    for (const type of Object.keys(varints)) {
        const [most, encode, decode] = varints[type];
        methods[`write${type}`] = function (value, offset) {
            return put(this, varintBytes(encode(value)), offset);
        };
        methods[`read${type}`] = function (offset) {
            return get(this, offset, 'value', at => {
                const {bits, length} = varintAt(this, at, most);
                return {value: decode(bits), length};
            });
        };
    }

    // --- strings: ended by NUL, after a length in four bytes, after a varint, or of a length that the caller knows

    function textAt(bb, at, length) {
        checkOffset(bb, at, length);
        return utf8Text(bb.view, at, at + length).text;
    }

    Object.assign(methods, {
        writeUTF8String(text, offset) {
            return put(this, utf8Bytes(text), offset);
        },
        readUTF8String(length, metrics, offset) {
            if (typeof metrics === 'number') [metrics, offset] = [undefined, metrics];
            return get(this, offset, 'string', at => {
                if (metrics === ByteBuffer.METRICS_BYTES) return {value: textAt(this, at, length), length};
                const {text, end} = utf8Text(this.view, at, this.limit, length);
                if (Array.from(text).length < length) throw new RangeError('Illegal range: not enough characters');
                return {value: text, length: end - at};
            });
        },
        writeCString(text, offset) {
            if (text.includes('\0')) throw new RangeError('Illegal str: contains NUL');
            return put(this, [...utf8Bytes(text), 0], offset);
        },
        readCString(offset) {
            return get(this, offset, 'string', at => {
                const end = this.view.indexOf(0, at);
                if (end < 0) throw new RangeError('Illegal range: no NUL');
                return {value: textAt(this, at, end - at), length: end - at + 1};
            });
        },
        writeIString(text, offset) {
            const bytes = utf8Bytes(text), n = bytes.length;
            const length = [n >>> 24, n >>> 16 & 255, n >>> 8 & 255, n & 255];
            return put(this, [...(this.littleEndian ? length.reverse() : length), ...bytes], offset);
        },
        readIString(offset) {
            return get(this, offset, 'string', at => {
                const length = this.readUint32(at);
                return {value: textAt(this, at + 4, length), length: 4 + length};
            });
        },
        writeVString(text, offset) {
            const bytes = utf8Bytes(text);
            return put(this, [...varintBytes(BigInt(bytes.length)), ...bytes], offset);
        },
        readVString(offset) {
            return get(this, offset, 'string', at => {
                const {value, length} = this.readVarint32(at);
                return {value: textAt(this, at + length, value), length: length + value};
            });
        },
    });
    methods.writeString = methods.writeUTF8String;
    methods.readString = methods.readUTF8String;

    // --- bytes

    Object.assign(methods, {
        readBytes(length, offset) {
            const at = offset === undefined ? this.offset : offset;
            checkOffset(this, at, length);
            if (offset === undefined) this.offset += length;
            return this.slice(at, at + length);
        },
        append(source, encoding, offset) {
            if (typeof encoding === 'number') [encoding, offset] = [undefined, encoding];
            const from = ByteBuffer.wrap(source, encoding === undefined ? 'utf8' : encoding);
            put(this, from.view.subarray(from.offset, from.limit), offset);
            if (source instanceof ByteBuffer) source.offset = source.limit;
            return this;
        },
        appendTo(target, offset) {
            target.append(this, offset);
            return this;
        },
        fill(value, begin, end) {
            const byte = typeof value === 'string' ? value.charCodeAt(0) : value, relative = begin === undefined;
            begin = relative ? this.offset : begin;
            end = end === undefined ? this.limit : end;
            checkRange(this, begin, end);
            this.view.fill(byte, begin, end);
            if (relative) this.offset = end;
            return this;
        },
        reverse(begin = this.offset, end = this.limit) {
            checkRange(this, begin, end);
            this.view.subarray(begin, end).reverse();
            return this;
        },
        copyTo(target, targetOffset, sourceOffset, sourceLimit) {
            const from = sourceOffset === undefined ? this.offset : sourceOffset;
            const to = sourceLimit === undefined ? this.limit : sourceLimit;
            checkRange(this, from, to);
            put(target, this.view.slice(from, to), targetOffset);
            if (sourceOffset === undefined) this.offset += to - from;
            return this;
        },

        // --- the cursor

        capacity() {
            return this.buffer.byteLength;
        },
        remaining() {
            return this.limit - this.offset;
        },
        clear() {
            this.offset = 0;
            this.limit = this.buffer.byteLength;
            this.markedOffset = -1;
            return this;
        },
        flip() {
            this.limit = this.offset;
            this.offset = 0;
            return this;
        },
        mark(offset = this.offset) {
            checkOffset(this, offset, 0);
            this.markedOffset = offset;
            return this;
        },
        reset() {
            this.offset = Math.max(this.markedOffset, 0);
            this.markedOffset = -1;
            return this;
        },
        skip(length) {
            checkOffset(this, this.offset + length, 0);
            this.offset += length;
            return this;
        },
        order(littleEndian) {
            this.littleEndian = !!littleEndian;
            return this;
        },
        LE(littleEndian = true) {
            return this.order(littleEndian);
        },
        BE(bigEndian = true) {
            return this.order(!bigEndian);
        },

        // --- the whole

        resize(capacity) {
            if (this.buffer.byteLength < capacity) {
                const bytes = new Uint8Array(capacity);
                bytes.set(this.view);
                this.buffer = bytes.buffer;
                this.view = bytes;
            }
            return this;
        },
        ensureCapacity(capacity) {
            const now = this.buffer.byteLength;
            return now < capacity ? this.resize(Math.max(now * 2, capacity)) : this;
        },
        clone(copy) {
            const bb = over(copy ? this.buffer.slice(0) : this.buffer, this.offset, this.limit, this);
            bb.markedOffset = this.markedOffset;
            return bb;
        },
        slice(begin = this.offset, end = this.limit) {
            checkRange(this, begin, end);
            return over(this.buffer, begin, end, this);
        },
        copy(begin = this.offset, end = this.limit) {
            checkRange(this, begin, end);
            return over(this.buffer.slice(begin, end), 0, end - begin, this);
        },
        compact(begin = this.offset, end = this.limit) {
            checkRange(this, begin, end);
            this.buffer = this.buffer.slice(begin, end);
            this.view = new Uint8Array(this.buffer);
            if (this.markedOffset >= 0) this.markedOffset -= begin;
            this.offset = 0;
            this.limit = end - begin;
            return this;
        },
        toArrayBuffer(forceCopy) {
            const whole = this.offset === 0 && this.limit === this.buffer.byteLength;
            return whole && !forceCopy ? this.buffer : this.buffer.slice(this.offset, this.limit);
        },
        toString(encoding, begin = this.offset, end = this.limit) {
            if (encoding === undefined)
                return `ByteBufferAB(offset=${this.offset},markedOffset=${this.markedOffset},limit=${this.limit},` +
                    `capacity=${this.capacity()})`;
            checkRange(this, begin, end);
            return encodingOf(encoding).text(this.view.subarray(begin, end));
        },
    });
    methods.writeBytes = methods.append;
    methods.toBuffer = methods.toArrayBuffer;
    for (const [name, encoding] of [['toUTF8', 'utf8'], ['toBinary', 'binary'], ['toHex', 'hex'], ['toBase64', 'base64']])
        methods[name] = function (begin, end) {
            return this.toString(encoding, begin, end);
        };

    for (const name of Object.keys(methods))
        Object.defineProperty(ByteBuffer.prototype, name, {value: methods[name], writable: true, configurable: true});
    Object.defineProperty(ByteBuffer.prototype, '__isByteBuffer__', {value: true});

    global.dcodeIO.ByteBuffer = ByteBuffer;
})(globalThis);
