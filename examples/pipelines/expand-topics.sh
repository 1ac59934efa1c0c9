#!/bin/sh
# expand-topics.sh CONNECTION [N] <messages: where target N (0) of a connection would publish these Ditto Protocol messages.
#
# One address a line; what has none is told on stderr. To be tried before a connection is created.
set -eu
address=$(jq -r --argjson n "${2:-0}" '.targets[$n].address' "$1")
exec ditto-expand "$address"
