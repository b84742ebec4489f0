-- Looks for what is due.
-- Returns now, floor, how many rows are due, when the next one is that is not yet
-- (0: none), and the ids of the first `most` that are.
local most = tonumber(ARGV[1])

local soon = redis.call('ZRANGEBYSCORE', K.due, '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
local reply = {tostring(now), tostring(floor), tostring(redis.call('ZCOUNT', K.due, '-inf', now)), soon[2] or '0'}
if most > 0 then
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', K.due, '-inf', now, 'LIMIT', 0, most)) do table.insert(reply, id) end
end
return reply
