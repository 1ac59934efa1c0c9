#!/usr/bin/env python3
"""seeds.py VECTORS NAME DIR: what the fuzzer NAME begins with, a file each, from the vectors and from what stands here."""
import json
import pathlib
import sys

vectors, name, folder = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])

EVENT = '{"topic":"a/b/things/twin/events/modified","path":"/attributes","value":{"a":[1,{"b":"x"}]},"revision":3,"id":"i"}\n'
HERE = {
    "topic": ["a/b/things/twin/events/modified", "_/_/things/twin/events?namespaces=a,b&filter=exists(thingId)&extraFields=features",
              "now-1h[h]", "5m", "application/json;x=y", "a:b", "{{connection:id}}:ack", "a(b,c/d)"],
    "rql": ["and(eq(attributes/a,1.5),not(like(topic:action,'m*')),in(features/f/properties/a/b,'x',null),exists(feature:id))\n"
            '{"attributes":{"a":[1.5,[2]]},"features":{"f":{"properties":{"a":[{"b":"x\\u00e4"}]}}}}'],
    "selector": ['attributes(a,b/c),features/*/properties\n{"attributes":{"a":1,"b":[{"c":2}]},"features":{"f":{"properties":{}}}}'],
    "patch": ['{"a":{"b":1,"c":[1,{"d":2}]},"e":null}\n{"a":{"b":null,"c":3,"{{ ~x.*~ }}":null},"f":{}}\n/a/c/1/d',
              '{"~":1,"/":2}\n[]\n/~0~1'],
    "path": ["/features/f/properties/a/b", "entries/l/subjects/a://b", "/a~0b~1c", "a.b-c:d", "{{ x:y }}:my-ack", "2024-05-06T07:08:09.123456789+01:30",
             "-0001-01-01T00:00Z", "twin-persisted"],
    "lines": [EVENT, EVENT.replace("\n", "") + "\n\n{}\n" + "x" * 700 + "\n" + EVENT, '{"id":"i","status":200}'],
}


def rows(file):
    path = vectors / "protocol" / file
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def texts():
    if name == "topic":
        yield from (r["topic"] for r in rows("topics.ndjson"))
        yield from (r["input"] for r in rows("filtered-topics.ndjson"))
        yield from (r["value"] for r in rows("ids.ndjson"))
    if name == "rql":
        yield from (r["filter"] + "\n" + json.dumps(r.get("thing", {})) for r in rows("rql.ndjson"))
    if name == "selector":
        yield from (r["input"] + "\n" + json.dumps(r.get("object", {})) for r in rows("json.ndjson") if "input" in r)
    if name in ("lines", "envelope"):
        yield from (json.dumps(r["envelope"]) + "\n" for r in rows("examples.ndjson"))
    if name == "envelope":
        for row in rows("adapter.ndjson"):
            yield row.get("envelopeText") or json.dumps(row.get("envelope"))
            if row.get("signal"):
                yield json.dumps({"headers": row["signalHeaders"], "signal": row["signal"], "id": "i", "context": {}})
    if name == "patch":
        yield from ("\n".join([json.dumps(r["target"]), json.dumps(r["patch"]), "/a"]) for r in rows("json.ndjson") if "patch" in r)
    if name == "connection":
        yield from (f.read_text() for f in sorted((vectors / "connections").glob("*valid-*.json")))
    if name == "path":
        yield from sorted({str(r["envelope"].get("path")) for r in rows("examples.ndjson")})


for n, text in enumerate([*HERE.get(name, []), *texts()]):
    (folder / f"seed-{n:04}").write_text(text, errors="surrogatepass")
