#!/bin/sh
# The agent under its own Node, with the settings that its service has; what the environment sets comes first.
exec /usr/lib/ctfleet-agent/node --enable-source-maps --env-file-if-exists=/etc/ctfleet/agent.env /usr/lib/ctfleet-agent/main.js "$@"
