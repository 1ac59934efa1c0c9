#!/bin/sh
# map-telemetry.sh: what a device says, as Ditto Protocol messages and on to what a target would publish.
#
#   usage: map-telemetry.sh [FILE]
#
# Reads raw payloads, one a line ({"temp":21.5}), from FILE or stdin, and prints the messages that the target's
# publisher would get; of a payload without a temperature its settlement. No broker: ditto-map is a filter, and a pipe is all it needs. The connection is made up here; one
# of Ditto's works as it is.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cat >"$dir/connection.json" <<'JSON'
{
    "id": "telemetry",
    "connectionType": "amqp-10",
    "connectionStatus": "open",
    "uri": "amqp://127.0.0.1:5672",
    "sources": [
        {
            "addresses": ["telemetry"],
            "authorizationContext": ["integration:{{ header:device_id }}"],
            "enforcement": {"input": "{{ header:device_id }}", "filters": ["{{ thing:name }}"]},
            "headerMapping": {"correlation-id": "{{ header:message-id }}"},
            "payloadMapping": ["celsius"],
            "replyTarget": {"enabled": false}
        }
    ],
    "targets": [
        {
            "address": "devices/{{ thing:name }}/{{ topic:subject }}",
            "topics": ["_/_/things/live/messages"],
            "authorizationContext": ["integration:telemetry"],
            "headerMapping": {"device": "{{ thing:id }}"}
        }
    ],
    "mappingDefinitions": {
        "celsius": {
            "mappingEngine": "JQ",
            "options": {
                "incoming": "if .json.temp == null then error(\"no temperature\") else . end | {topic: \"org.example/\\(.headers.device_id)/things/live/messages/temperature\", path: \"/outbox/messages/temperature\", headers: {\"content-type\": \"application/json\", \"response-required\": false}, value: {celsius: .json.temp}}"
            }
        }
    }
}
JSON

# raw payload -> external message, as a source would print it
jq -Rc '{id: "m-\(input_line_number)", address: "telemetry",
         headers: {device_id: "dev-\(input_line_number % 3)", "message-id": "m-\(input_line_number)"}, text: .}' \
    "${1:--}" |
    ditto-map -i -c "$dir/connection.json" |
    ditto-map -o -c "$dir/connection.json" -k 0
