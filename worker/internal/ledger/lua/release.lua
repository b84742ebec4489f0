-- Gives the lease back if nothing is left to do, or `anyway`. The look and the
-- release are one step, so an intent that arrives later finds no lease and wakes
-- anew.
-- Returns false if it is given back (or was lost), or else the organization's
-- hash, in which a full sync that was asked for meanwhile has begun.
local token, anyway = unpack(ARGV)

if not held(token) then return false end
local left = redis.call('ZCARD', K.due) > 0 or number('fullRequested') > number('fullDone')
if left and anyway ~= '1' then
  openFull()
  return redis.call('HGETALL', K.org)
end
redis.call('DEL', K.lease)
redis.call('HDEL', K.org, 'woken')
if not left then redis.call('ZREM', K.work, ORG) end
return false
