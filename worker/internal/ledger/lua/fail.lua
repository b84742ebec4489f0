-- Records a failure and gives the lease back. The event goes out only when the
-- code is another than the last one's. `pause`: until a person acts.
-- `connections` is the connection's number that the sync worked with.
-- Returns 1, or 0 when the lease was lost, or 2 when the connection was saved
-- anew meanwhile: then the failure is old news, and the next attempt is due.
local token, code, message, retryIn, pause, serverError, counted, connections,
  caution, most, eventNumber, eventId, payload = unpack(ARGV)

if not held(token) then return 0 end
local superseded = pause == '1' and number('connections') ~= tonumber(connections)
local retryAt = superseded and now or now + retryIn
if redis.call('HGET', K.org, 'errorCode') ~= code then
  redis.call('HSET', K.org, 'syncEvents', eventNumber)
  emit(eventId, payload)
end
redis.call('HSET', K.org, 'errorCode', code, 'errorMessage', message, 'errorAt', now, 'retryAt', retryAt)
redis.call('HSET', K.org, 'caution', caution)
redis.call('HSET', K.org, 'mostRows', most)
if counted == '1' then redis.call('HINCRBY', K.org, 'failures', 1) end
if serverError == '1' then
  redis.call('HINCRBY', K.org, 'serverErrors', 1)
else
  redis.call('HDEL', K.org, 'serverErrors')
end
if pause == '1' and not superseded then
  redis.call('HSET', K.org, 'paused', code)
  redis.call('ZREM', K.work, ORG)
  redis.call('ZREM', K.schedule, ORG)
elseif redis.call('ZCARD', K.due) > 0 or number('fullRequested') > number('fullDone') then
  redis.call('ZADD', K.work, retryAt, ORG)
end
-- A daily sync that failed is due again when the backoff is over, not before.
local due = redis.call('ZSCORE', K.schedule, ORG)
if due and tonumber(due) < tonumber(retryAt) then redis.call('ZADD', K.schedule, retryAt, ORG) end
redis.call('ZADD', K.orgs, 0, ORG)
redis.call('HDEL', K.org, 'woken')
redis.call('DEL', K.lease)
return superseded and 2 or 1
