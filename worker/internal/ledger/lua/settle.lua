-- Records a success: of the full sync with the given number, or (0) of what was
-- pending.
-- Returns the organization's hash as it is then, or false when the lease is lost.
local token, now, fullNumber, nextSync, eventNumber, eventId, subject, key, payload = unpack(ARGV)

if not held(token) then return false end
if tonumber(fullNumber) > 0 then
  redis.call('HSET', K.org, 'fullDone', fullNumber, 'lastSyncAt', now, 'nextSyncAt', nextSync)
  redis.call('ZADD', K.schedule, nextSync, ORG)
end
redis.call('HSET', K.org, 'syncEvents', eventNumber)
redis.call('HDEL', K.org, 'errorCode', 'errorMessage', 'errorAt', 'failures', 'serverErrors', 'retryAt')
emit(eventId, subject, key, payload)
openFull(now)
return redis.call('HGETALL', K.org)
