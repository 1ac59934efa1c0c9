#!/bin/sh
# adapt-answer.sh <messages: a service in a line of shell: answers each command on stdin that modifies or deletes a part of a
# thing with 204, as Ditto's things do.
#
# An answer is the command with another type, a status, and without what was written. What was no command, error messages
# and settlements above all, passes.
ditto-adapt -s |
    jq -c --unbuffered 'if .signal.type // "" | test("^things\\.commands:(modify|delete)")
        then .signal |= (.type |= sub("commands"; "responses")
            | {type, status: 204, thingId, featureId, attribute, property, desiredProperty} | del(.[] | nulls))
        else . end' |
    ditto-adapt -p
