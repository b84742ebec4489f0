-- Erases rows of an organization, and once there are none, and it is not connected,
-- the organization. Then its shard's history begins anew: no revision and no event
-- id of what was erased comes again.
-- Returns 1 once nothing is left.
for _, id in ipairs(ARGV) do
  redis.call('HDEL', K.rows, id)
  redis.call('ZREM', K.due, id)
  redis.call('ZREM', K.over, ORG .. ':' .. id)
  for _, key in pairs(STATUS) do redis.call('ZREM', key, id) end
end
if redis.call('HLEN', K.rows) > 0 or redis.call('HEXISTS', K.org, 'token') == 1 then return 0 end
redis.call('DEL', K.org, K.rows, K.due, K.lease)
redis.call('ZREM', K.orgs, ORG)
redis.call('ZREM', K.work, ORG)
redis.call('ZREM', K.schedule, ORG)
redis.call('HSET', K.clock, 'floor', math.max(floor + 1, now), 'epoch', string.format('%x', now))
return 1
