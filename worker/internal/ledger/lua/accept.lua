-- Stores what a job asked for, once: row, event, marker, wake-up.
-- Returns {'full'} when no event fits, {'applied', generation to wake or ''}, {'duplicate', marker, generation}
-- or {'conflict', the row as it is, or '', now, floor, the revision to count on from}.
local markerLife, outboxLimit, id, before, due, row, eventId, subject, key, payload = unpack(ARGV)

local marker = redis.call('GET', K.marker)
if marker then return {'duplicate', marker, tostring(number('generation'))} end
if redis.call('XLEN', K.outbox) >= tonumber(outboxLimit) then return {'full'} end

local stored, old, base = put(id, before, due, row)
if not stored then return {'conflict', old or '', tostring(now), tostring(floor), tostring(base)} end
redis.call('SET', K.marker, '', 'PX', markerLife)
redis.call('ZADD', K.orgs, 0, ORG)
emit(eventId, subject, key, payload)

local started, paused, woken, retryAt, generation =
  unpack(redis.call('HMGET', K.org, 'started', 'paused', 'woken', 'retryAt', 'generation'))
if due ~= '1' or not started or paused then return {'applied', ''} end
redis.call('ZADD', K.work, 'NX', now, ORG)
generation = generation or '0'
if woken == generation or tonumber(retryAt or '0') > now then return {'applied', ''} end
redis.call('HSET', K.org, 'woken', generation)
return {'applied', generation}
