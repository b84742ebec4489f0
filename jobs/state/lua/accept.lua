-- Stores what a job asked for, once: row, event, marker, wake-up.
-- ARGV 1 now (ms)  2 marker's life (ms)  3-8 row (see put)  9-12 event: id, subject, key, payload
-- Returns {'applied', generation to wake or ''}, {'duplicate', marker, generation}
-- or {'conflict', the row as it is, or ''}.
local now = ARGV[1]
local marker = redis.call('GET', K.marker)
if marker then return {'duplicate', marker, tostring(number('generation'))} end

local stored, old = put(3, now)
if not stored then return {'conflict', old or ''} end
redis.call('SET', K.marker, '', 'PX', ARGV[2])
redis.call('ZADD', K.orgs, 0, ORG)
emit(ARGV[9], ARGV[10], ARGV[11], ARGV[12])

local org = redis.call('HMGET', K.org, 'started', 'paused', 'woken', 'retryAt', 'generation')
if ARGV[7] ~= '1' or not org[1] or org[2] then return {'applied', ''} end
redis.call('ZADD', K.work, 'NX', now, ORG)
local generation = org[5] or '0'
if org[3] == generation or tonumber(org[4] or '0') > tonumber(now) then return {'applied', ''} end
redis.call('HSET', K.org, 'woken', generation)
return {'applied', generation}
