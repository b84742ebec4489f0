-- Gives the lease back if nothing is left to do now, or `anyway`. The look and the
-- release are one step, so an intent that arrives later finds no lease and wakes
-- anew. `waits` is until when the full sync cannot go on (0: it can): what is left
-- for later is noted as work from then on.
-- Returns false if it is given back (or was lost), or else the organization's
-- hash, in which a full sync that was asked for meanwhile has begun.
local token, anyway, waits = unpack(ARGV)

if not held(token) then return false end
local later = earliestDue()
if number('fullRequested') > number('fullDone') then later = math.min(later or tonumber(waits), tonumber(waits)) end
local left = later and later <= now
if left and anyway ~= '1' then
  openFull()
  return redis.call('HGETALL', K.org)
end
redis.call('DEL', K.lease)
redis.call('HDEL', K.org, 'woken')
if not later then
  redis.call('ZREM', K.work, ORG)
elseif not left then
  redis.call('ZADD', K.work, later, ORG)
end
return false
