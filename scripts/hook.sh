#!/bin/sh
# A hook that signs what it sends: sh scripts/hook.sh http://127.0.0.1:8080 <job.json
# While openssl runs, other users of this machine can see the key in its arguments.
set -eu
: "${SPONSORSYNC_HOOK_SECRET:?is not set; it begins with whsec_}"
body=$(cat) id=msg_$(openssl rand -hex 16) at=$(date +%s)
key=$(printf %s "${SPONSORSYNC_HOOK_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
signature=$(printf %s "$id.$at.$body" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)
printf %s "$body" | curl --silent --show-error --fail-with-body --retry 5 --data-binary @- "$1/v1/jobs" \
	-H "webhook-id: $id" -H "webhook-timestamp: $at" -H "webhook-signature: v1,$signature"
