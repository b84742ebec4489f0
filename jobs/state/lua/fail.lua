-- Records a failure and gives the lease back. The event goes out only when the
-- code is another than the last one's.
-- ARGV 1 token  2 now (ms)  3 code  4 message  5 retry at (ms)  6 '1': pause until a person acts
--      7 '1': count a server error  8 number of the event  9-12 event
--      13 the connection's number that the sync worked with  14 '1': count it as an attempt
-- Returns 1, or 0 when the lease was lost, or 2 when the connection was saved
-- anew meanwhile: then the failure is old news, and the next attempt is due.
if not held(ARGV[1]) then return 0 end
local superseded = ARGV[6] == '1' and number('connections') ~= tonumber(ARGV[13])
local retryAt = superseded and ARGV[2] or ARGV[5]
if redis.call('HGET', K.org, 'errorCode') ~= ARGV[3] then
  redis.call('HSET', K.org, 'syncEvents', ARGV[8])
  emit(ARGV[9], ARGV[10], ARGV[11], ARGV[12])
end
redis.call('HSET', K.org, 'errorCode', ARGV[3], 'errorMessage', ARGV[4], 'errorAt', ARGV[2], 'retryAt', retryAt)
if ARGV[14] == '1' then redis.call('HINCRBY', K.org, 'failures', 1) end
if ARGV[7] == '1' then
  redis.call('HINCRBY', K.org, 'serverErrors', 1)
else
  redis.call('HDEL', K.org, 'serverErrors')
end
if ARGV[6] == '1' and not superseded then
  redis.call('HSET', K.org, 'paused', ARGV[3])
  redis.call('ZREM', K.work, ORG)
  redis.call('ZREM', K.schedule, ORG)
elseif redis.call('ZCARD', K.due) > 0 or number('fullRequested') > number('fullDone') then
  redis.call('ZADD', K.work, retryAt, ORG)
end
redis.call('ZADD', K.orgs, 0, ORG)
redis.call('HDEL', K.org, 'woken')
redis.call('DEL', K.lease)
return superseded and 2 or 1
