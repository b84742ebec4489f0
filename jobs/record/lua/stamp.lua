-- Gives jobs of one organization their places, in the order of the arguments. A
-- job that has one keeps it. Returns the ids of those that have ended, or that others
-- were put in the place of: they must not run again.
-- KEYS  after those of all scripts, for each job: its order list, its record
-- ARGV  how long all of it is kept, in ms; then for each job: id, user, kind,
--       batch, place, sequence (empty: the next one), who asks (may be empty)
local life = ARGV[1]
local jobs = (#ARGV - 1) / 7
local first = #KEYS - 2 * jobs
local over = {}

for n = 0, jobs - 1 do
  local order, record = KEYS[first + 2 * n + 1], KEYS[first + 2 * n + 2]
  local id, user, kind, batch, place, sequence, origin = unpack(ARGV, 7 * n + 2, 7 * n + 8)
  local state, replaced = unpack(redis.call('HMGET', record, 'state', 'replaced'))
  if redis.call('EXISTS', record) == 0 then
    if sequence == '' then sequence = redis.call('HINCRBY', K.org, 'jobSequence', 1) end
    redis.call('HSET', record, 'v', 1, 'kind', kind, 'org', ORG, 'user', user, 'seq', sequence,
      'state', 'waiting', 'enqueuedAt', now)
    if batch ~= '' then redis.call('HSET', record, 'batch', batch, 'place', place) end
    if origin ~= '' then redis.call('HSET', record, 'origin', origin) end
    redis.call('RPUSH', order, id)
  end
  if replaced or state and state ~= 'waiting' then
    table.insert(over, id)
  else
    redis.call('PEXPIRE', record, life)
    redis.call('PEXPIRE', order, life)
  end
end
return over
