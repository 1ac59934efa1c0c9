#!/bin/sh
# filter-hot.sh [DEGREES] <messages: of Ditto Protocol messages on stdin, events that tell of a temperature above DEGREES (30).
#
# The path of an event says which part of a thing it carries, so one filter fits events about a property, a feature or a
# whole thing. Messages that do not match are settled in passing: in a ring their settlement goes home.
degrees=${1:-30}
ditto-filter "_/_/things/twin/events?filter=gt(features/temperature/properties/value,$degrees)"
