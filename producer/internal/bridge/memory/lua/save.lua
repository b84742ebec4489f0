-- Stores a part of what the bridge remembers of an organization, with the events of
-- what changed, if nobody has written since it was read.
-- KEYS  the last two: the bridge's hash, its links by row id
-- ARGV  the edit that was read ('' for none); memory, what people see, and sealed key
--       ('' leaves each as it is); how many arguments are links (id and link by turns), and how many
--       ids of links that go; these; then the events' documents
-- Returns the edit that stands now, or false.
local hash, links = KEYS[#KEYS - 1], KEYS[#KEYS]
local edit, memory, shown, key, set, gone = unpack(ARGV, 1, 6)
set, gone = tonumber(set), tonumber(gone)

if (redis.call('HGET', hash, 'edit') or '') ~= edit then return false end
for n = 7, 6 + set, 2 do redis.call('HSET', links, ARGV[n], ARGV[n + 1]) end
for n = 7 + set, 6 + set + gone do redis.call('HDEL', links, ARGV[n]) end
for n = 7 + set + gone, #ARGV do redis.call('XADD', K.outbox, '*', 'v', '1', 'event', ARGV[n]) end
if key ~= '' then redis.call('HSET', hash, 'key', key) end
if memory ~= '' then
  redis.call('HSET', hash, 'memory', memory, 'shown', shown)
  redis.call('HDEL', hash, 'error')
  redis.call('ZADD', K.orgs, 0, ORG)
end
return redis.call('HINCRBY', hash, 'edit', 1)
