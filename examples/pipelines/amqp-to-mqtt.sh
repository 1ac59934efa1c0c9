#!/bin/sh
# amqp-to-mqtt.sh: messages of an AMQP 1.0 address, as they are, to an MQTT broker.
#
#   usage: amqp-to-mqtt.sh AMQP-URI ADDRESS MQTT-URI
#
# The topic is the address; application properties become user properties (MQTT 5). Each message is accepted at the AMQP
# peer when the MQTT broker has acknowledged it.
set -eu

exec ring "amqp-in '$1' '$2'" "mqtt-out '$3'"
