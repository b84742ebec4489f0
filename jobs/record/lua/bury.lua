-- Writes down how a job died, and lets the next one of its order go on. An
-- earlier note of the same death stays.
-- KEYS  after those of all scripts: the order list, the record, then two sets of
--       the shard: the dead, and those whose arguments are kept
local id, kind, org, user, attempts, code, message, args, enqueuedAt = unpack(ARGV)
local order, record, dead, kept = unpack(KEYS, #KEYS - 3)

redis.call('LREM', order, 0, id)
local state = redis.call('HGET', record, 'state')
if state and state ~= 'waiting' then return 0 end
redis.call('HSETNX', record, 'enqueuedAt', enqueuedAt)
redis.call('HSET', record, 'v', 1, 'kind', kind, 'state', 'dead', 'endedAt', now, 'attempts', attempts,
  'code', code, 'message', message, 'args', args)
if org ~= '' then redis.call('HSET', record, 'org', org, 'user', user) end
redis.call('PERSIST', record)
redis.call('ZADD', dead, now, id)
redis.call('ZADD', kept, now, id)
return 1
