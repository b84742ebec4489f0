-- Records that the cloud has answered: the full sync with the given number, or
-- (0) what was pending. `code`: what there is to tell all the same, or ''; its
-- event goes out only when the code is another than the last one's.
-- Returns the organization's hash as it is then, or false when the lease is lost.
local token, fullNumber, nextIn, code, message,
  caution, most, eventNumber, eventId, payload = unpack(ARGV)

if not held(token) then return false end
if tonumber(fullNumber) > 0 then
  local nextSync = now + nextIn
  redis.call('HSET', K.org, 'fullDone', fullNumber, 'lastSyncAt', now, 'nextSyncAt', nextSync)
  redis.call('ZADD', K.schedule, nextSync, ORG)
end
if code == '' or redis.call('HGET', K.org, 'errorCode') ~= code then
  redis.call('HSET', K.org, 'syncEvents', eventNumber)
  emit(eventId, payload)
end
redis.call('HSET', K.org, 'caution', caution, 'mostRows', most)
redis.call('HDEL', K.org, 'errorCode', 'errorMessage', 'errorAt', 'failures', 'serverErrors', 'retryAt')
if code ~= '' then redis.call('HSET', K.org, 'errorCode', code, 'errorMessage', message, 'errorAt', now) end
openFull()
return redis.call('HGETALL', K.org)
