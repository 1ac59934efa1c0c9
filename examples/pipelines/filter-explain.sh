#!/bin/sh
# filter-explain.sh TOPIC: what a target topic asks for, spelled out; its filter as a tree, one operator a line.
set -e
ditto-parse target-topic "$1" | jq -r '
    def words: map(select(. != null)) | join(" ");
    if .valid then ["stream", .topic], ["namespaces", (.namespaces[] // "all")], ["extraFields", (.extraFields // ["none"])[]]
    else ["invalid", .message, .description] end | words'
filter=$(ditto-parse target-topic "$1" | jq -r '.filter // empty')
[ -z "$filter" ] || ditto-parse rql "$filter" | jq -r '
    def literals: if has("value") then [.value] else .values // [] end | map(tojson);
    def tree($indent): ([$indent + .op, .property // empty] + literals | join(" ")), (.children[]? | tree($indent + "    "));
    if .valid then .ast | tree("filter ") else "filter " + .message end'
