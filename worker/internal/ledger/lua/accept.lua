-- Stores what a job asked for, once and in its turn: row, event, marker, wake-up.
-- Returns {'applied', generation to wake or '', next job or ''},
-- {'duplicate', marker, generation}, {'held', the first job, how many to wait for}, {'superseded'}
-- {'full'} when no event fits, or {'conflict', the row as it is, or '', now, floor,
-- the revision to count on from}.
local job, markerLife, outboxLimit, id, before, due, row, eventId, subject, key, payload = unpack(ARGV)

local marker = redis.call('GET', K.marker)
if marker then
  leave(job)
  return {'duplicate', marker, tostring(number('generation'))}
end
local first, waiting = ahead(job, markerLife)
if first then return {'held', first, tostring(waiting)} end
if superseded(id) then return {'superseded'} end
if redis.call('XLEN', K.outbox) >= tonumber(outboxLimit) then return {'full'} end

local written, old, base = put(id, before, due, row)
if not written then return {'conflict', old or '', tostring(now), tostring(floor), tostring(base)} end
redis.call('SET', K.marker, '', 'PX', markerLife)
local nextJob = done(job, id, markerLife)
redis.call('ZADD', K.orgs, 0, ORG)
emit(eventId, subject, key, payload)

local started, paused, woken, retryAt, generation =
  unpack(redis.call('HMGET', K.org, 'started', 'paused', 'woken', 'retryAt', 'generation'))
if due ~= '1' or not started or paused then return {'applied', '', nextJob} end
workFrom(now)
generation = generation or '0'
if woken == generation or tonumber(retryAt or '0') > now then return {'applied', '', nextJob} end
redis.call('HSET', K.org, 'woken', generation)
return {'applied', generation, nextJob}
