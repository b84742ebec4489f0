-- Drops records of a shard that ended before a time, the oldest first, and
-- returns how many.
-- KEYS  one set of ended jobs, the set of those whose arguments are kept
-- ARGV  the time, at most how many, what the records' keys begin with
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do
  redis.call('ZREM', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
  redis.call('DEL', ARGV[3] .. id)
end
return #ids
