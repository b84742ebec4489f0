-- Drops the arguments of dead jobs of a shard that died before a time, the oldest
-- first, and returns how many.
-- KEYS  the set of dead jobs whose arguments are kept
-- ARGV  the time, at most how many, what the records' keys begin with
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do
  redis.call('ZREM', KEYS[1], id)
  redis.call('HDEL', ARGV[3] .. id, 'args')
end
return #ids
