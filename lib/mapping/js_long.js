/* js_long.js: 64-bit integers for scripts that ask for them (loadLongJS): dcodeIO.Long.
 *
 * The interface is that of the library long.js 3.2 which Ditto loads; what is behind it is BigInt. A Long is two int32
 * halves and a flag, and is never changed. */
(function (global) {
    'use strict';

    function Long(low, high, unsigned) {
        this.low = low | 0;
        this.high = high | 0;
        this.unsigned = !!unsigned;
    }

    // --- to and from BigInt

    function big(long) {
        const bits = (BigInt(long.high) << 32n) | BigInt(long.low >>> 0);
        return long.unsigned ? BigInt.asUintN(64, bits) : bits;
    }

    // Takes the low 64 bits.
    function of(value, unsigned) {
        return new Long(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)), unsigned);
    }

    // Whatever may stand for a Long, in the signedness that it has.
    function from(value, unsigned) {
        if (value instanceof Long) return value;
        if (typeof value === 'number') return Long.fromNumber(value, unsigned);
        if (typeof value === 'string') return Long.fromString(value, unsigned);
        return Long.fromBits(value.low, value.high, value.unsigned);
    }

    const MIN = -(2n ** 63n), MAX = 2n ** 63n - 1n, UMAX = 2n ** 64n - 1n;

    function clamp(value, least, most) {
        return value < least ? least : value > most ? most : value;
    }

    function checkRadix(radix) {
        if (radix === undefined) return 10;
        if (radix < 2 || radix > 36) throw new RangeError('radix');
        return radix;
    }

    // --- making

    Object.assign(Long, {
        isLong(value) {
            return value instanceof Long;
        },
        fromInt(value, unsigned) {
            return new Long(value, !unsigned && value < 0 ? -1 : 0, unsigned);
        },
        fromNumber(value, unsigned) {
            if (isNaN(value)) return of(0n, unsigned);
            if (!isFinite(value)) value = value < 0 ? -(2 ** 70) : 2 ** 70;
            const whole = BigInt(Math.trunc(value));
            return of(unsigned ? clamp(whole, 0n, UMAX) : clamp(whole, MIN, MAX), unsigned);
        },
        fromBits(low, high, unsigned) {
            return new Long(low, high, unsigned);
        },
        fromString(text, unsigned, radix) {
            if (typeof unsigned === 'number') [unsigned, radix] = [false, unsigned];
            radix = checkRadix(radix);
            if (text.length === 0) throw new Error('empty string');
            if (['NaN', 'Infinity', '+Infinity', '-Infinity'].includes(text)) return of(0n, unsigned);
            const negative = text[0] === '-';
            if (text.indexOf('-', negative ? 1 : 0) >= 0) throw new Error('interior hyphen');
            let value = 0n;
            for (const digit of negative ? text.slice(1) : text) {
                const n = parseInt(digit, radix);
                value = value * BigInt(radix) + BigInt(isNaN(n) ? 0 : n);
            }
            return of(negative ? -value : value, unsigned);
        },
        fromValue(value) {
            return from(value);
        },
        fromBytesLE(bytes, unsigned) {
            return Long.fromBytesBE(Array.from(bytes).slice(0, 8).reverse(), unsigned);
        },
        fromBytesBE(bytes, unsigned) {
            let value = 0n;
            for (let i = 0; i < 8; i++) value = (value << 8n) | BigInt(bytes[i] & 0xff);
            return of(value, unsigned);
        },
        fromBytes(bytes, unsigned, littleEndian) {
            return littleEndian ? Long.fromBytesLE(bytes, unsigned) : Long.fromBytesBE(bytes, unsigned);
        },
    });

    Object.assign(Long, {
        ZERO: of(0n, false), UZERO: of(0n, true), ONE: of(1n, false), UONE: of(1n, true), NEG_ONE: of(-1n, false),
        MAX_VALUE: of(MAX, false), MIN_VALUE: of(MIN, false), MAX_UNSIGNED_VALUE: of(UMAX, true),
    });

    // --- using

    function arithmetic(operation) {
        return function (other) {
            return of(operation(big(this), big(from(other))), this.unsigned);
        };
    }

    // Division by zero is an error; the sign of the divisor follows the one that is divided.
    function division(operation) {
        return function (other) {
            const divisor = from(other), value = of(big(divisor), this.unsigned);
            if (divisor.isZero()) throw new Error('division by zero');
            return of(operation(big(this), big(value)), this.unsigned);
        };
    }

    function shift(operation) {
        return function (bits) {
            const n = (bits instanceof Long ? bits.toInt() : bits) & 63;
            return of(operation(big(this), BigInt(n)), this.unsigned);
        };
    }

    function comparison(test) {
        return function (other) {
            return test(this.compare(other));
        };
    }

    const methods = {
        toInt() {
            return this.unsigned ? this.low >>> 0 : this.low;
        },
        toNumber() {
            return (this.unsigned ? this.high >>> 0 : this.high) * 2 ** 32 + (this.low >>> 0);
        },
        toString(radix) {
            return big(this).toString(checkRadix(radix));
        },
        getHighBits() {
            return this.high;
        },
        getHighBitsUnsigned() {
            return this.high >>> 0;
        },
        getLowBits() {
            return this.low;
        },
        getLowBitsUnsigned() {
            return this.low >>> 0;
        },
        getNumBitsAbs() {
            const value = big(this);
            return (value < 0n ? -value : value).toString(2).length;
        },
        isZero() {
            return this.high === 0 && this.low === 0;
        },
        isNegative() {
            return !this.unsigned && this.high < 0;
        },
        isPositive() {
            return this.unsigned || this.high >= 0;
        },
        isOdd() {
            return (this.low & 1) === 1;
        },
        isEven() {
            return (this.low & 1) === 0;
        },
        equals(other) {
            const value = from(other);
            if (this.unsigned !== value.unsigned && this.high < 0 && value.high < 0) return false;
            return this.high === value.high && this.low === value.low;
        },
        notEquals(other) {
            return !this.equals(other);
        },
        compare(other) {
            const a = big(this), b = big(from(other));
            return a < b ? -1 : a > b ? 1 : 0;
        },
        lessThan: comparison(c => c < 0),
        lessThanOrEqual: comparison(c => c <= 0),
        greaterThan: comparison(c => c > 0),
        greaterThanOrEqual: comparison(c => c >= 0),
        negate() {
            return of(-big(this), this.unsigned);
        },
        add: arithmetic((a, b) => a + b),
        subtract: arithmetic((a, b) => a - b),
        multiply: arithmetic((a, b) => a * b),
        divide: division((a, b) => a / b),
        modulo: division((a, b) => a % b),
        not() {
            return new Long(~this.low, ~this.high, this.unsigned);
        },
        and: arithmetic((a, b) => a & b),
        or: arithmetic((a, b) => a | b),
        xor: arithmetic((a, b) => a ^ b),
        shiftLeft: shift((a, n) => a << n),
        shiftRight: shift((a, n) => BigInt.asIntN(64, a) >> n),
        shiftRightUnsigned: shift((a, n) => BigInt.asUintN(64, a) >> n),
        toSigned() {
            return this.unsigned ? new Long(this.low, this.high, false) : this;
        },
        toUnsigned() {
            return this.unsigned ? this : new Long(this.low, this.high, true);
        },
        toBytesBE() {
            return [this.high >>> 24, (this.high >>> 16) & 255, (this.high >>> 8) & 255, this.high & 255,
                    this.low >>> 24, (this.low >>> 16) & 255, (this.low >>> 8) & 255, this.low & 255];
        },
        toBytesLE() {
            return this.toBytesBE().reverse();
        },
        toBytes(littleEndian) {
            return littleEndian ? this.toBytesLE() : this.toBytesBE();
        },
    };

    const aliases = {
        eq: 'equals', neq: 'notEquals', ne: 'notEquals', comp: 'compare', lt: 'lessThan', lte: 'lessThanOrEqual',
        le: 'lessThanOrEqual', gt: 'greaterThan', gte: 'greaterThanOrEqual', ge: 'greaterThanOrEqual', neg: 'negate',
        sub: 'subtract', mul: 'multiply', div: 'divide', mod: 'modulo', rem: 'modulo', shl: 'shiftLeft',
        shr: 'shiftRight', shru: 'shiftRightUnsigned', shr_u: 'shiftRightUnsigned',
    };
    for (const alias of Object.keys(aliases)) methods[alias] = methods[aliases[alias]];
    for (const name of Object.keys(methods))
        Object.defineProperty(Long.prototype, name, {value: methods[name], writable: true, configurable: true});
    Object.defineProperty(Long.prototype, '__isLong__', {value: true});

    global.dcodeIO = Object.assign(global.dcodeIO || {}, {Long});
})(globalThis);
