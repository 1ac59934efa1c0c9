#!/bin/sh
# adapt-tally.sh <messages: which signals, and which errors, are in the Ditto Protocol messages on stdin, and how often.
ditto-adapt -s |
    jq -r '.signal.type // .value.error // empty' |
    sort |
    uniq -c |
    sort -k 1nr -k 2
