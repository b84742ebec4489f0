-- Gives the lease back if nothing is left to do. The look and the release are
-- one step, so an intent that arrives later finds no lease and wakes anew.
-- ARGV 1 token  2 '1': give it back whatever is left  3 now (ms)
-- Returns false if it is given back (or was lost), or else the organisation's
-- hash, in which a full sync that was asked for meanwhile has begun.
if not held(ARGV[1]) then return false end
local left = redis.call('ZCARD', K.due) > 0 or number('fullRequested') > number('fullDone')
if left and ARGV[2] ~= '1' then
  openFull(ARGV[3])
  return redis.call('HGETALL', K.org)
end
redis.call('DEL', K.lease)
redis.call('HDEL', K.org, 'woken')
if not left then redis.call('ZREM', K.work, ORG) end
return false
