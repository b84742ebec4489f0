-- Gives jobs of one organization their places, in the order of the arguments. A
-- job that has one keeps it. Returns the ids of those that have ended, or that others
-- were put in the place of: they must not run again.
-- KEYS  after those of all scripts, for each job: its order list, its record
-- ARGV  how long all of it is kept, in ms; then for each job: id, user, kind,
--       batch, place, sequence (empty: the next one), who asks (may be empty)
local life = ARGV[1]
local jobs = (#ARGV - 1) / 7
local first = #KEYS - 2 * jobs
local over, new, numbers = {}, {}, 0

local records = {}
for n = 0, jobs - 1 do records[n + 1] = KEYS[first + 2 * n + 2] end
local anyKnown = redis.call('EXISTS', unpack(records)) > 0

for n = 0, jobs - 1 do
  local record = KEYS[first + 2 * n + 2]
  local known = anyKnown and redis.call('HMGET', record, 'state', 'replaced', 'seq') or {}
  local state, replaced = known[1], known[2]
  if new[record] then -- named twice
  elseif not state and not replaced and not known[3] then
    new[record] = n
    if ARGV[7 * n + 7] == '' then numbers = numbers + 1 end
  elseif replaced or state and state ~= 'waiting' then
    table.insert(over, ARGV[7 * n + 2])
  else
    redis.call('PEXPIRE', record, life)
    redis.call('PEXPIRE', KEYS[first + 2 * n + 1], life)
  end
end

local nextNumber = 0
if numbers > 0 then nextNumber = redis.call('HINCRBY', K.org, 'jobSequence', numbers) - numbers end
local grown = {}
for n = 0, jobs - 1 do
  local order, record = KEYS[first + 2 * n + 1], KEYS[first + 2 * n + 2]
  if new[record] == n then
    local id, user, kind, batch, place, sequence, origin = unpack(ARGV, 7 * n + 2, 7 * n + 8)
    if sequence == '' then
      nextNumber = nextNumber + 1
      sequence = nextNumber
    end
    if batch ~= '' then -- one command is faster than two
      redis.call('HSET', record, 'v', 1, 'kind', kind, 'org', ORG, 'user', user, 'seq', sequence,
        'state', 'waiting', 'enqueuedAt', now, 'batch', batch, 'place', place)
    else
      redis.call('HSET', record, 'v', 1, 'kind', kind, 'org', ORG, 'user', user, 'seq', sequence,
        'state', 'waiting', 'enqueuedAt', now)
    end
    if origin ~= '' then redis.call('HSET', record, 'origin', origin) end
    redis.call('PEXPIRE', record, life)
    redis.call('RPUSH', order, id)
    grown[order] = true
  end
end
for order in pairs(grown) do redis.call('PEXPIRE', order, life) end
return over
