-- Ends a job that stores nothing, once: it found its wish fulfilled, or what it
-- wished is impossible.
-- ARGV  job, user, the revision at which the row was read, the marker's life in
--       ms, the outcome ('' or the text of a fault), then of a fault: code,
--       message, kind, life of the record in ms
-- Returns {'noted', next job or ''}, {'duplicate', the outcome noted before},
-- {'held', the first job, how many to wait for}, {'superseded'} or {'conflict', the row as it is,
-- or '', now, floor, the revision to count on from}.
local job, user, before, markerLife, outcome, code, message, kind, life = unpack(ARGV)

turn(1)
local marker = redis.call('GET', K.marker)
if marker then
  leave(job)
  return {'duplicate', marker}
end
local first, waiting = ahead(job, markerLife)
if first then return {'held', first, tostring(waiting)} end
if code ~= 'superseded' and superseded(user) then return {'superseded'} end

local old, _, base = stored(user)
if base ~= tonumber(before) then return {'conflict', old or '', tostring(now), tostring(floor), tostring(base)} end
redis.call('SET', K.marker, outcome, 'PX', markerLife)
if outcome == '' then return {'noted', done(job, user, markerLife)} end

redis.call('HSETNX', RECORD, 'enqueuedAt', 0)
redis.call('HSET', RECORD, 'v', 1, 'kind', kind, 'org', ORG, 'user', user, 'state', 'refused', 'endedAt', now,
  'attempts', 1, 'code', code, 'message', message)
redis.call('PEXPIRE', RECORD, life)
redis.call('ZADD', REFUSED, now, job)
return {'noted', leave(job)}
