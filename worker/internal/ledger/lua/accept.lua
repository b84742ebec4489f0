-- Stores what jobs of one organization asked for, each once and in its turn: row,
-- event, marker, wake-up.
-- ARGV  the markers' life in ms, how many events the outbox may hold; then for each
--       job: job, what put takes, what emit takes
-- Returns a list for each: {'applied', generation to wake or '', next job or ''},
-- {'duplicate', marker, generation}, {'held', the first job, how many to wait for}, {'superseded'}
-- {'full'} when no event fits, or {'conflict', the row as it is, or '', now, floor,
-- the revision to count on from}.
local markerLife, outboxLimit = unpack(ARGV, 1, 2)
local JOB = 1 + ROW + EVENT
local room = tonumber(outboxLimit) - redis.call('XLEN', K.outbox)
local listed, woken = false, false

-- work notes, once for all jobs, that the organization has something to send, and
-- returns the generation to wake, or ''.
local function work(due)
  if not listed then redis.call('ZADD', K.orgs, 0, ORG) end
  listed = true
  if due ~= '1' or woken then return '' end
  woken = true
  local started, paused, last, retryAt, generation =
    unpack(redis.call('HMGET', K.org, 'started', 'paused', 'woken', 'retryAt', 'generation'))
  if not started or paused then return '' end
  workFrom(now)
  generation = generation or '0'
  if last == generation or tonumber(retryAt or '0') > now then return '' end
  redis.call('HSET', K.org, 'woken', generation)
  return generation
end

local function accept(job, id, before, due, row, eventId, subject, key, payload)
  local marker = redis.call('GET', K.marker)
  if marker then
    leave(job)
    return {'duplicate', marker, tostring(number('generation'))}
  end
  local first, waiting = ahead(job, markerLife)
  if first then return {'held', first, tostring(waiting)} end
  if superseded(id) then return {'superseded'} end
  if room <= 0 then return {'full'} end

  local written, old, base = put(id, before, due, row)
  if not written then return {'conflict', old or '', tostring(now), tostring(floor), tostring(base)} end
  redis.call('SET', K.marker, '', 'PX', markerLife)
  if emit(eventId, subject, key, payload) then room = room - 1 end
  local generation = work(due)
  return {'applied', generation, done(job, id, markerLife)}
end

local results = {}
for n = 1, (#ARGV - 2) / JOB do
  turn(n)
  results[n] = accept(unpack(ARGV, 3 + (n - 1) * JOB, 2 + n * JOB))
end
return results
