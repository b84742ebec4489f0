-- Records a success: of the full sync with the given number, or (0) of what was
-- pending.
-- ARGV 1 token  2 now (ms)  3 number of the full sync, or 0  4 next sync (ms)
--      5 number of the event  6-9 event
-- Returns the organisation's hash as it is then, or false when the lease is lost.
if not held(ARGV[1]) then return false end
if tonumber(ARGV[3]) > 0 then
  redis.call('HSET', K.org, 'fullDone', ARGV[3], 'lastSyncAt', ARGV[2], 'nextSyncAt', ARGV[4])
  redis.call('ZADD', K.schedule, ARGV[4], ORG)
end
redis.call('HSET', K.org, 'syncEvents', ARGV[5])
redis.call('HDEL', K.org, 'errorCode', 'errorMessage', 'errorAt', 'failures', 'serverErrors', 'retryAt')
emit(ARGV[6], ARGV[7], ARGV[8], ARGV[9])
openFull(ARGV[2])
return redis.call('HGETALL', K.org)
