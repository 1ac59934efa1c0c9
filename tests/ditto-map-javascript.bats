#!/usr/bin/env bats
# ditto-map: scripts of the JavaScript mapper: what they get, what they may return, and what they cannot do.

load helper/common
load helper/map

# The connection of the test, with the JavaScript mapper "m" for both ways: script_connection INCOMING OUTGOING [OPTIONS [FILTER]]
script_connection() {
    local options
    options=$(jq -n --arg i "$1" --arg o "$2" "{incomingScript: \$i, outgoingScript: \$o} + (${3:-"{}"})")
    mapper_connection JavaScript "$options" ".targets[0].payloadMapping = [\"m\"] | ${4:-.}"
}

# A script that makes a message of what the expression says: to_message EXPRESSION
to_message() {
    echo "function mapToDittoProtocolMsg(headers, textPayload, bytePayload, contentType) {
        return Ditto.buildDittoProtocolMsg('ns', 'd', 'things', 'twin', 'commands', 'modify', '/', {}, $1);
    }"
}

from_message() {
    echo "function mapFromDittoProtocolMsg(namespace, name, group, channel, criterion, action, path, dittoHeaders, value, status, extra) {
        return $1;
    }"
}

receive() {
    map "$@" -- -i -c "$WORK/c.json" -k 0
    assert_success
    assert_stderr ''
}

publish() {
    map "$@" -- -o -c "$WORK/c.json" -k 0
    assert_success
    assert_stderr ''
}

failure() { # DESCRIPTION of the message x
    assert_error connectivity:message.mapping.failed
    assert_lines 'map(select(.id == "x"))[0].error.description' "\"$1\""
}

# --- inbound ------------------------------------------------------------------------------------------------------

@test "a script gets headers, text, bytes and the content type" {
    script_connection "$(to_message '[headers, textPayload, bytePayload && Array.from(new Uint8Array(bytePayload)), contentType]')" ''
    receive "$(external 1 'hü' '{"content-type": "text/plain", n: "1"}')" "$(external 2 '' '{"Content-Type": "text/plain"}')" \
        '{"id":"3","address":"a","bytes":"/wA="}' '{"id":"4","address":"a"}' '{"id":"5","address":"a","text":"\u0000\ud83d\ude00\""}'
    assert_lines '.[0].value' '[{"content-type":"text/plain","n":"1"},"hü",[104,195,188],"text/plain"]'
    assert_lines '.[1].value' '[{"Content-Type":"text/plain"},"",[],null]'
    assert_lines '.[2].value' '[{},null,[255,0],null]'
    assert_lines '.[3].value' '[{},null,null,null]'
    assert_lines '.[4].value[1:3]' '["\u0000😀\"",[0,240,159,152,128,34]]'
}

@test "text and bytes depend on what brought the message, as in Ditto" {
    local type want
    while read -r type want; do
        script_connection "$(to_message 'textPayload')" '' '{}' ".connectionType = \"$type\" | if \"$type\" | test(\"amqp\") then . else .uri = \"tcp://127.0.0.1:1883\" | .sources[0].qos = 1 | .targets[0].qos = 1 end"
        receive '{"id":"1","address":"a","bytes":"aP/8"}' '{"id":"2","address":"a","headers":{"content-type":"application/octet-stream"},"text":"x"}' \
            '{"id":"3","address":"a","headers":{"content-type":"text/plain; charset=ISO-8859-1"},"bytes":"aP/8"}'
        assert_lines 'map(.value)' "$want"
    done <<'END'
amqp-10 [null,"x",null]
amqp-091 ["h��",null,"hÿü"]
mqtt-5 ["h��","x","hÿü"]
END
}

@test "one message, several, none" {
    script_connection "function mapToDittoProtocolMsg(h, t) {
        const one = Ditto.buildDittoProtocolMsg('ns', 'd', 'things', 'twin', 'commands', 'modify', '/', {}, t);
        return {one, two: [one, one], none: null, empty: []}[t];
    }" ''
    receive "$(external 1 one)" "$(external 2 two)" "$(external 3 none)" "$(external 4 empty)"
    assert_lines 'map([.id, .parts // .status // .value])' '[["1","one"],["2",2],["2/1","two"],["2/2","two"],["3",200],["4",200]]'
}

@test "results that are no message" {
    local result why
    while IFS=@ read -r result why; do
        script_connection "function mapToDittoProtocolMsg() { return $result; }" ''
        map "$(external x x)" -- -i -c "$WORK/c.json"
        failure "$why"
    done <<'END'
undefined@Its program failed: TypeError: mapToDittoProtocolMsg returned undefined.
1@Its program failed: TypeError: a result is no object.
'{}'@Its program failed: TypeError: a result is no object.
[null]@Its program failed: TypeError: a result is no object.
{foo: 1}@Its result is no message: The Ditto Protocol message has no member <topic>.
{topic: 'x', path: '/'}@Its result is no message: The topic path 'x' is unknown.
(() => 1)@Its program failed: TypeError: a result is no object.
Array(11).fill({topic: 'ns/d/things/twin/commands/modify', path: '/'})@It made more than 10 messages of one.
END
}

@test "the wrapper and the defaults can be replaced, however a script declares it" {
    local script body="({topic: 'ns/d/things/twin/commands/modify', path: '/', value: typeof m === 'undefined' ? [t] : Object.keys(m)})"
    for script in "function mapToDittoProtocolMsgWrapper(m) { return BODY; }" \
        "mapToDittoProtocolMsgWrapper = m => BODY;" "const mapToDittoProtocolMsgWrapper = m => BODY;" \
        "let mapToDittoProtocolMsgWrapper = m => BODY;" "var mapToDittoProtocolMsgWrapper = m => BODY;" \
        "globalThis.mapToDittoProtocolMsgWrapper = m => BODY;" "const mapToDittoProtocolMsg = (h, t) => BODY;"; do
        script_connection "${script/BODY/$body}" ''
        receive "$(external 1 x)"
        assert_lines '.[0].value | length' "$([[ $script == *Wrapper* ]] && echo 4 || echo 1)"
    done
    script_connection 'var nothing = 1' ''
    receive "$(external 1 "$(envelope)" '{"content-type": "application/vnd.eclipse.ditto+json"}')" \
        '{"id":"2","address":"a","headers":{"content-type":"application/octet-stream"},"bytes":"'"$(envelope | base64 -w 0)"'"}' \
        "$(external 3 "$(envelope)" '{"content-type": "application/json"}')" "$(external 4 nonsense '{"content-type": "application/octet-stream"}')"
    assert_lines 'map(.value // .status)' '[1,1,200,200]'
}

@test "what a script keeps in variables stays, also when it fails and when it takes too long" {
    script_connection "let n = 0; $(to_message "(n++, textPayload === 'throw' ? nope : textPayload === 'loop' ? (function () { for (;;); })() : n)")" ''
    map "$(external 1 a)" "$(external 2 throw)" "$(external 3 loop)" "$(external 4 a)" -- -i -c "$WORK/c.json" -t 50
    assert_success
    assert_lines 'map(.value // .error.description)' '[1,"Its program failed: ReferenceError: Can'"'"'t find variable: nope at mapToDittoProtocolMsg (incomingScript:2:140).","Its program failed: it took more than 50 ms of CPU time.",4]'
}

@test "both scripts share a world; a blank one means what Ditto does" {
    script_connection 'const helper = v => v + 1;' "$(from_message "Ditto.buildExternalMsg({}, String(helper(value)), null, 'text/plain')")"
    publish "$(envelope)"
    assert_lines '.[0] | [.text, .headers]' '["2",{"content-type":"text/plain"}]'
    script_connection ' ' "$(from_message null)"
    receive "$(external 1 "$(envelope)")" '{"id":"2","address":"a"}' '{"id":"3","address":"a","bytes":"'"$(envelope | base64 -w 0)"'"}'
    assert_lines 'map(.value // .status)' '[1,200,1]'
    map "$(external x nonsense)" -- -i -c "$WORK/c.json"
    assert_error json.invalid
    script_connection "$(to_message null)" ''
    publish "$(envelope '{headers: {"correlation-id": "c", n: 5, "content-type": "text/plain"}}')"
    assert_lines '.[0].headers' '{"correlation-id":"c","n":"5","content-type":"application/vnd.eclipse.ditto+json"}'
    assert_lines '.[0].text | fromjson' '{"topic":"ns/d/things/twin/commands/modify","headers":{"correlation-id":"c","n":5,"content-type":"text/plain"},"path":"/attributes/a","value":1}'
}

# --- outbound -----------------------------------------------------------------------------------------------------

@test "a script gets the parts of the message" {
    local topic want
    script_connection '' "$(from_message "Ditto.buildExternalMsg({}, JSON.stringify([namespace, name, group, channel, criterion, action === undefined ? '-' : action, path, value, status, extra]), null, 'text/plain')")"
    while read -r topic want; do
        publish "$(envelope "{topic: \"$topic\"}")"
        assert_lines '.[0].text | fromjson[0:6]' "$want"
    done <<'END'
ns/d/things/twin/events/modified ["ns","d","things","twin","events","modified"]
ns/d/things/live/messages/my/sub ["ns","d","things","live","messages","my"]
ns/p/policies/announcements/subjectDeletion ["ns","p","policies","none","announcements","subjectDeletion"]
_/c/connections/announcements/opened ["_","c","connections","none","announcements","opened"]
ns/d/things/twin/errors ["ns","d","things","twin","errors","-"]
END
    publish "$(envelope '{status: 201, extra: {a: 1}}')"
    assert_lines '.[0].text | fromjson[6:]' '["/attributes/a",1,201,{"a":1}]'
}

@test "text, bytes, and headers of every kind" {
    script_connection '' "$(from_message "({
        1: {headers: dittoHeaders, textPayload: 'h\u0000ü', contentType: 'a/b'},
        2: {textPayload: 'ignored', bytePayload: Ditto.stringToArrayBuffer('\xff\x00'), contentType: 'a/b'},
        3: {bytePayload: new Uint8Array([1, 2, 3]).subarray(1), contentType: 'a/b'},
        4: {bytePayload: [1, 256], contentType: 'a/b'},
        5: {headers: {n: 1, f: 1.5, b: true, o: {a: 1}, l: [1, 'x'], z: null, u: undefined, 'content-type': 'x/y'}, textPayload: '', contentType: 'a/b'},
        6: [{textPayload: '1', contentType: 'a/b'}, {textPayload: '2', contentType: 'a/b'}],
        7: null, 8: []})[value]")"
    for value in 1 2 3 4 5 6 7 8; do envelope "{id: \"$value\", value: $value, headers: {\"correlation-id\": \"c\", \"response-required\": false}}"; done >"$WORK/in"
    map -o -c "$WORK/c.json" -k 0
    assert_success
    assert_lines 'map([.id, .text // .bytes // .parts // .status])' '[["1","h\u0000ü"],["2","/wA="],["3","AgM="],["4","AQA="],["5",""],["6",2],["6/1","1"],["6/2","2"],["7",200],["8",200]]'
    assert_lines '.[0].headers, .[4].headers' '{"correlation-id":"c","response-required":"false","content-type":"a/b"}
{"n":"1","f":"1.5","b":"true","o":"{\"a\":1}","l":"[1,\"x\"]","z":"null","content-type":"a/b"}'
}

@test "results that cannot be published" {
    local result why
    while IFS=@ read -r result why; do
        script_connection '' "$(from_message "$result")"
        map "$(envelope '{id: "x"}')" -- -o -c "$WORK/c.json" -k 0
        assert_error connectivity:message.mapping.failed
        assert_lines '.[0].error.description' "\"Its program failed: TypeError: $why.\""
    done <<'END'
undefined@mapFromDittoProtocolMsg returned undefined
1@a result is no object
[null]@a result is no object
({textPayload: 'x'})@a result has no contentType
({textPayload: 'x', contentType: null})@a result has no contentType
({textPayload: null, contentType: 'a/b'})@a result has neither bytePayload nor textPayload
({textPayload: 5, contentType: 'a/b'})@a result has neither bytePayload nor textPayload
END
}

@test "the default of a script without an entry writes the message anew" {
    script_connection '' 'var nothing = 1'
    publish "$(envelope '{topic: "ns/d/things/twin/events/modified", revision: 3, headers: {h: "v"}}')"
    assert_lines '.[0] | [.headers, (.text | fromjson)]' '[{"h":"v","content-type":"application/vnd.eclipse.ditto+json"},{"topic":"ns/d/things/twin/events/modified","path":"/attributes/a","headers":{"h":"v"},"value":1}]'
    script_connection '' "function mapFromDittoProtocolMsgWrapper(m) { return Ditto.buildExternalMsg({}, JSON.stringify(m), null, 'a/b'); }"
    publish "$(envelope '{revision: 3}')"
    assert_lines '.[0].text | fromjson | .revision' 3
}

# --- helpers ------------------------------------------------------------------------------------------------------

@test "helpers: texts and buffers" {
    script_connection "$(to_message "[Ditto.arrayBufferToString(bytePayload), new Uint8Array(Ditto.stringToArrayBuffer('h\u0141')).join(), Ditto.arrayBufferToString(new Uint8Array(100000).fill(97).buffer).length, Object.keys(Ditto).sort().join()]")" ''
    receive "$(external 1 'ü€')"
    assert_lines '.[0].value' '["Ã¼â¬","104,65",100000,"arrayBufferToString,asByteBuffer,buildDittoProtocolMsg,buildExternalMsg,stringToArrayBuffer"]'
}

@test "dcodeIO.Long: 64-bit integers" {
    script_connection "const L = dcodeIO.Long; $(to_message "[L.fromString(textPayload).add(1).toString(), L.MAX_VALUE.add(L.ONE).toString(), L.fromNumber(-1).toUnsigned().toString(16),
        L.fromInt(7).div(-2).toNumber(), L.fromInt(-7).mod(3).toInt(), L.fromBits(1, 1).getHighBits(), L.fromInt(5).shl(40).toString(), L.fromInt(-1).shru(60).toInt(), L.fromInt(3).compare(4),
        L.fromString('-ff', 16).mul(2).toString(), L.isLong(L.ZERO), JSON.stringify(L.ONE), L.fromInt(258).toBytesLE().slice(0, 2), typeof dcodeIO.ByteBuffer, require('long') === L]")" '' '{loadLongJS: true}'
    receive "$(external 1 9007199254740993)"
    assert_lines '.[0].value' '["9007199254740994","-9223372036854775808","ffffffffffffffff",-3,-1,1,"5497558138880",15,-1,"-510",true,"{\"low\":1,\"high\":0,\"unsigned\":false}",[2,1],"undefined",true]'
    script_connection "$(to_message 'dcodeIO.Long.ONE.div(0)')" '' '{loadLongJS: "true"}'
    map "$(external x 1)" -- -i -c "$WORK/c.json"
    assert_lines '.[0].error.description | test("Error: division by zero at ")' true
}

@test "dcodeIO.ByteBuffer: reading and writing bytes" {
    script_connection "const B = dcodeIO.ByteBuffer; $(to_message "(function () {
        const b = new B(1).LE().writeInt8(-1).writeUint16(513).writeInt64(dcodeIO.Long.fromString('-2')).writeFloat(0.5).writeVarint32(300).writeVarint32ZigZag(-3).writeCString('hé').writeVString('€').writeIString('x').flip();
        const read = Ditto.asByteBuffer(b.toArrayBuffer()).LE();
        return [b.toHex(), read.readByte(), read.readUint16(), read.readLong().toString(), read.readFloat32(), read.readVarint32(), read.readVarint32ZigZag(), read.readCString(), read.readVString(), read.readIString(), read.remaining(),
            B.wrap('aGk=', 'base64').toUTF8(), B.fromHex('00ff').toBase64(), B.concat([[1], 'A']).toHex(), Ditto.asByteBuffer(bytePayload).readUTF8String(2)];
    })()")" '' '{loadBytebufferJS: true}'
    receive "$(external 1 'üx')"
    assert_lines '.[0].value' '["ff0102feffffffffffffff0000003fac020568c3a90003e282ac0100000078",-1,513,"-2",0.5,300,-3,"hé","€","x",0,"hi","AP8=","0141","üx"]'
    script_connection '' "$(from_message "({bytePayload: new dcodeIO.ByteBuffer().writeInt(value).flip(), contentType: 'a/b'})")" '{loadBytebufferJS: true}'
    publish "$(envelope)"
    assert_lines '.[0].bytes' '"AAAAAQ=="'
    script_connection "$(to_message '[typeof dcodeIO, Ditto.asByteBuffer(bytePayload)]')" ''
    map "$(external x 1)" -- -i -c "$WORK/c.json"
    assert_lines '.[0].error.description | sub(" at .*"; "")' "\"Its program failed: ReferenceError: Can't find variable: dcodeIO\""
}

@test "1 MiB and 16 MiB, and what numbers become" {
    local size
    script_connection "$(to_message textPayload)" ''
    for size in 786432 12582912; do
        head -c $size /dev/urandom | base64 -w 0 >"$WORK/payload"
        jq -Rsc '{id: "x", address: "a", text: .}' "$WORK/payload" >"$WORK/in"
        ditto-map -i -c "$WORK/c.json" -t 10000 <"$WORK/in" >"$WORK/out"
        jq -j .value "$WORK/out" | cmp - "$WORK/payload"
    done
    script_connection "$(to_message 'JSON.parse(textPayload)')" ''
    receive "$(external 1 '[1.0, 12345678901234567890, 1e400, -0, 0.1]')"
    [[ $output == *'"value":[1,12345678901234567000,null,0,0.1],'* ]] || fail "$output"
}

# --- scripts that cannot be used ----------------------------------------------------------------------------------

@test "a script that cannot be loaded ends with 100, by its line" {
    local script why
    while IFS=@ read -r script why; do
        script_connection "$(printf '%b' "$script")" ''
        run --separate-stderr ditto-map -n -i -c "$WORK/c.json" -t 50 </dev/null
        assert_status 100
        assert_output ''
        assert_stderr "ditto-map c1: error: cannot use the scripts of mapper 'm': connectivity:message.mapper.config.failed: $why"
    done <<'END'
return ;;(@SyntaxError: Return statements are only valid inside functions. at incomingScript:1
let a = 1;\nlet b c@SyntaxError: Unexpected identifier 'c'. Expected ';' after variable declaration. at incomingScript:2
import fs from 'fs'@SyntaxError: Unexpected identifier 'fs'. import call expects one or two arguments. at incomingScript:1
\n\nx.y@ReferenceError: Can't find variable: x at global code (incomingScript:3:2)
throw 1@1
for (;;);@it took more than 50 ms of CPU time
(function again() { Promise.resolve().then(again); })()@it took more than 50 ms of CPU time
END
    script_connection '' 'syntax error'
    run --separate-stderr ditto-map -n -o -c "$WORK/c.json" </dev/null
    assert_status 100
    assert_stderr --partial "SyntaxError: Unexpected identifier 'error' at outgoingScript:1"
    script_connection "$(head -c 50001 /dev/zero | tr '\0' ' ')x" ''
    run --separate-stderr ditto-map -n -i -c "$WORK/c.json" </dev/null
    assert_status 100
    assert_stderr --partial 'is longer than 50000 characters.'
}

@test "without the library scripts cannot be used, and everything else can" {
    mkdir "$WORK/lib"
    : >"$WORK/lib/libjavascriptcoregtk-4.1.so.0"
    script_connection "$(to_message 1)" ''
    LD_LIBRARY_PATH=$WORK/lib run --separate-stderr ditto-map -n -i -c "$WORK/c.json" </dev/null
    assert_status 100
    assert_stderr "ditto-map c1: error: cannot use the scripts of mapper 'm': connectivity:message.mapper.config.failed: $WORK/lib/libjavascriptcoregtk-4.1.so.0: file too short"
    connection >"$WORK/c.json"
    LD_LIBRARY_PATH=$WORK/lib run --separate-stderr ditto-map -n -i -c "$WORK/c.json" </dev/null
    assert_success
}

# --- no authority -------------------------------------------------------------------------------------------------

# A script that does BODY for the payload "bomb", and what comes of it between other messages: bomb BODY OPTION…
bomb() {
    script_connection "function bomb() { $1 } $(to_message 'textPayload === "bomb" ? bomb() : textPayload')" ''
    shift
    map "$(external a 1)" "$(external x bomb)" "$(external b 2)" "$(external y bomb)" "$(external c 3)" -- -i -c "$WORK/c.json" "$@"
    assert_success
    assert_lines 'map(select(.id == ("a", "b", "c")) | .value)' '["1","2","3"]'
}

# One script that tries each BODY of the lines BODY@WANT, one a message, with another message behind each. WANT is the value,
# or the reason of the failure without its place: bombs OPTION… <LINES
bombs() {
    local body want functions='' wants='' n=0
    while IFS=@ read -r body want; do
        functions+="function () { $body },"$'\n'
        wants+="$want"$'\n'
        external "x$n" "$n"
        external "o$n" ok
        n=$((n + 1))
    done >"$WORK/in"
    script_connection "const bodies = [$functions]; $(to_message 'textPayload === "ok" ? "ok" : bodies[textPayload]()')" ''
    map -i -c "$WORK/c.json" "$@"
    assert_success
    jq -r 'select(.id[0:1] == "x") | if .error then .error.description | sub("^Its program failed: "; "") | sub(" at .*"; "") else .value | tojson end' <<<"$output" >"$WORK/got"
    printf '%s' "$wants" | diff -u - "$WORK/got" || fail "not what was wanted"
    assert_lines "map(select(.id[0:1] == \"o\") | .value) | [length, unique[]]" "[$n,\"ok\"]"
}

@test "a script sees no files, no network, no environment, no processes" {
    export SECRET=secret
    bombs -t 200 <<'END'
return ['process', 'global', 'window', 'self', 'fetch', 'XMLHttpRequest', 'WebSocket', 'Worker', 'importScripts', 'load', 'read', 'readFile', 'print', 'java', 'Packages', 'quit', 'exit', 'console', 'setTimeout', 'Atomics', 'SharedArrayBuffer', 'WebAssembly', 'Proxy', 'Deno', 'std', 'os', '$vm', 'gc', 'base64', 'JSC'].filter(n => eval('typeof ' + n) !== 'undefined')@[]
return this.constructor.constructor('return Object.keys(this)')()@["mapToDittoProtocolMsg"]
return require('fs')@Error: Module "fs" not found.
return require('/etc/passwd')@Error: Module "/etc/passwd" not found.
return import('/etc/passwd')@{}
return (function () { return this })().constructor.constructor.constructor('return typeof process')()@"undefined"
return mapToDittoProtocolMsgWrapper.caller === null@TypeError: 'arguments', 'callee', and 'caller' cannot be accessed in this context.
return new Date(0).toString() + Intl.DateTimeFormat().resolvedOptions().timeZone@"Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)UTC"
throw new Error('secret: ' + typeof SECRET)@Error: secret: undefined
END
}

@test "tricks with prototypes change the world of the script only" {
    bomb 'JSON.stringify = JSON.parse = Object.keys = Array.isArray = String.prototype.split = Function.prototype.call = null; Array.prototype.push = Uint8Array.from = null; return 1'
    bomb 'Object.defineProperty(Object.prototype, "value", {set() { throw 1 }}); Object.prototype.topic = 1; delete Object.prototype.value; return 1'
    bomb 'return new Proxy({}, {get() { throw new Error("no") }, ownKeys() { throw new Error("no") }})'
    bomb 'throw new Proxy({}, {get() { throw 1 }, getPrototypeOf() { throw 1 }})'
    bomb 'throw {toString() { throw 1 }}'
    assert_lines '.[1].error.description' '"Its program failed: it threw what cannot be shown."'
    bomb 'return {toJSON() { return undefined }}'
}

@test "a script that runs away costs its message" {
    bombs -t 50 < <(sed 's/$/@it took more than 50 ms of CPU time./' <<'END'
for (;;);
for (;;) { try { for (;;); } catch (e) { } finally { continue; } }
return eval('for (;;);')
return new Function('for (;;);')()
return {toJSON() { for (;;); }}
throw {toString() { for (;;); }}
return [3, 1, 2].sort(() => { for (;;); })
return Array.from({length: 1e9}).length
(function again() { Promise.resolve().then(again); })(); return 1
return /^(a+)+$/.test('a'.repeat(40) + '!')
return /(x+x+)+y/.test('x'.repeat(50))
return 'a'.repeat(50).match(/(a*)*b/)
function f() { try { return f() } catch (e) { return f() } } return f()
END
    )
}

@test "a script that recurses, or asks for what there is not, fails" {
    bombs -t 5000 <<'END'
function f() { return f() } return f()@RangeError: Maximum call stack size exceeded.
return 'x'.repeat(1e10)@RangeError: Out of memory
let s = 'x'; for (;;) s += s@RangeError: Out of memory
return new Uint8Array(8e9).length@RangeError: length too large
return 10n ** 1000000000n@RangeError: Out of memory: BigInt generated from this operation is too big
return JSON.parse('['.repeat(1e5))@SyntaxError: JSON Parse error: Unexpected EOF
const o = {}; o.o = o; return o@TypeError: JSON.stringify cannot serialize cyclic structures.
let r = []; for (let i = 0; i < 2000; i++) r = [r]; return r@Its result is no message: The payload is not valid JSON: nested too deeply
END
}

@test "a script that takes too much memory costs its message" {
    sanitized && skip 'built with sanitizers'
    bombs -t 5000 -M 96 < <(sed 's/$/@it ran out of memory./' <<'END'
const a = []; for (;;) a.push(new Array(1000).fill(1))
const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1))
return 'a'.padEnd(2 ** 28, 'bc').split('').length
return new Array(1e8).fill(0).length
const o = {}; for (let i = 0; ; i++) o['key' + i] = {}
return 'x'.repeat(1e6).replace(/x/g, () => 'y'.repeat(1e4)).length
END
    )
}

@test "all its threads are locked down before the scripts are loaded" {
    sanitized && skip 'built with sanitizers'
    script_connection "$(to_message textPayload)" ''
    start_mapper -i -c "$WORK/c.json"
    local pid task pids
    external x 1 >&6
    wait_for 5 lines_out 1
    pids=$(descendants_of "${PIDS[mapper]}")
    [ "$(wc -w <<<"$pids")" -eq 2 ]
    for pid in $pids; do
        for task in "/proc/$pid/task"/*; do
            grep -q '^Seccomp:.*2$' "$task/status"
            grep -q '^NoNewPrivs:.*1$' "$task/status"
        done
        grep -q '^Max core file size  *0  *0 ' "/proc/$pid/limits"
        grep -q '^Max file size  *0  *0 ' "/proc/$pid/limits"
        # never executable and writable at once
        run ! grep -q '^[^ ]* [r-]wx' "/proc/$pid/maps"
    done
    end_mapper
    [ "$status" -eq 0 ]
}

@test "while scripts run, the worker opens nothing" {
    sanitized && skip 'built with sanitizers'
    script_connection "$(to_message '[textPayload, new Date().getHours(), Math.random() < 2, [..."a😀"].length, new Intl.NumberFormat("de").format(1e6), JSON.stringify(Array.from({length: 1e4}, (x, i) => ({i}))).length]')" ''
    for i in $(seq 40); do external "x$i" "$i"; done >"$WORK/in"
    run --separate-stderr strace -f -qq -e 'signal=none' -o "$WORK/trace" ditto-map -i -c "$WORK/c.json" <"$WORK/in"
    assert_success
    [ "${#lines[@]}" -eq 40 ]
    # what the last process that made the seccomp call, and its threads, did then
    awk '{ sub(/\(.*/, "", $2); call[NR] = $2; pid[NR] = $1 + 0 } $2 == "seccomp" { last[$1 + 0] = NR; if ($1 + 0 > worker) worker = $1 + 0 }
        END { for (i = last[worker] + 1; i <= NR; i++) if (pid[i] >= worker && call[i] ~ /^[a-z]/) print call[i] }' "$WORK/trace" | sort -u >"$WORK/calls"
    grep -qx sendto "$WORK/calls"
    run grep -vxE 'read|write|poll|recvfrom|sendto|brk|mmap|munmap|mprotect|mremap|madvise|getrandom|clock_gettime|clock_nanosleep|setitimer|getrusage|rt_sigaction|rt_sigprocmask|rt_sigreturn|rt_sigsuspend|futex|clone|clone3|prctl|getpid|gettid|tgkill|sched_yield|sched_getaffinity|sched_setscheduler|pread64|prlimit64|sysinfo|set_robust_list|rseq|exit|exit_group|restart_syscall' "$WORK/calls"
    assert_failure
    assert_output ''
}

@test "a worker that is killed is replaced, and starts anew" {
    script_connection "let n = 0; $(to_message '++n')" ''
    start_mapper -i -c "$WORK/c.json"
    local i worker
    for i in 1 2 3; do
        external "x$i" a >&6
        external "y$i" a >&6
        wait_for 10 lines_out $((2 * i))
        worker=$(descendants_of "${PIDS[mapper]}" | tail -n 1)
        kill -KILL "$worker"
        wait_for 5 not running "$worker"
    done
    end_mapper
    [ "$status" -eq 0 ]
    [ "$(jq -sc 'map(.value)' "$WORK/mapper.out")" = '[1,2,1,2,1,2]' ]
    [ ! -s "$WORK/mapper.err" ]
}

@test "a connection without scripts loads no engine, and one with scripts keeps the filter free of it" {
    local pid
    connection >"$WORK/c.json"
    start_mapper -i -c "$WORK/c.json"
    [ -z "$(descendants_of "${PIDS[mapper]}")" ]
    run ! grep -q javascriptcore "/proc/${PIDS[mapper]}/maps"
    end_mapper
    rm "$WORK/fifo"
    script_connection "$(to_message 1)" '' '{}' '.mappingDefinitions.q = {mappingEngine: "JQ", options: {incoming: ".json"}} | .sources[0].payloadMapping = ["m", "q"]'
    start_mapper -i -c "$WORK/c.json"
    run ! grep -q javascriptcore "/proc/${PIDS[mapper]}/maps"
    [ "$(descendants_of "${PIDS[mapper]}" | wc -l)" -eq 4 ]
    [ "$(for pid in $(descendants_of "${PIDS[mapper]}"); do grep -l javascriptcore "/proc/$pid/maps" || :; done | wc -l)" -eq 2 ]
    external x "$(envelope '{value: 2}')" >&6
    wait_for 5 lines_out 3
    end_mapper
    [ "$status" -eq 0 ]
    [ "$(jq -sc 'map(.value // .parts)' "$WORK/mapper.out")" = '[2,1,2]' ]
}

# --- documents ----------------------------------------------------------------------------------------------------

@test "the examples of the page" {
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh/{/^\.Bd/,/^\.Ed/{/^\./!p}}' "$ROOT/man/ditto-mappers.7" | sed 's/\\e/\\/g' >"$WORK/example"
    cd "$WORK"
    run --separate-stderr bash -eu example
    assert_success
    assert_stderr ''
    assert_lines 'map([.id, .value // .attributes])' '[["x1",25.43],[null,{"room":"attic"}]]'
}

# --- vectors ------------------------------------------------------------------------------------------------------

@test "the cases of the vectors" {
    local vectors=${VECTORS:-$ROOT/../shared/vectors} conform=${VECTORS:-$ROOT/../shared}/conform.py
    [ -e "$vectors/mapping/javascript" ] && [ -e "$conform" ] || skip 'there are none here'
    cd "$ROOT"
    BIN=$BUILD/bin run --separate-stderr python3 "$conform" "$vectors" javascript
    assert_success
    assert_stderr ''
}
