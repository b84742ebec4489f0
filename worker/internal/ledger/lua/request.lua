-- Asks for a full sync in the name of a job, once. One that has been asked for
-- and has not begun is joined; an automatic request joins any that is not done.
-- Returns {number of the request, last request that is done}, or false where an
-- automatic request must wait for a person. The first manual one of an organization
-- whose connection came from the vault must say that the server's own sync job is off;
-- else it is recorded as refused, and {-1, 0} is the answer.
-- KEYS  the last two: the job's record; the shard's refused jobs
-- ARGV  the marker's life in ms, who asks, the job, '1' if it says so; of a refusal:
--       life of the record in ms, code, message
local markerLife, trigger, job, officialJobOff, life, code, message = unpack(ARGV)
local RECORD, REFUSED = KEYS[#KEYS - 1], KEYS[#KEYS]

local marker = redis.call('GET', K.marker)
if not marker then
  local manual = trigger == 'manual'
  if manual then
    if officialJobOff == '1' then
      redis.call('HSET', K.org, 'officialJobOffAt', now, 'officialJobOffBy', job)
    elseif redis.call('HEXISTS', K.org, 'vault') == 1 and redis.call('HEXISTS', K.org, 'started') == 0 then
      redis.call('HSETNX', RECORD, 'enqueuedAt', 0)
      redis.call('HSET', RECORD, 'v', 1, 'kind', 'sync', 'org', ORG, 'state', 'refused', 'endedAt', now,
        'attempts', 1, 'code', code, 'message', message)
      redis.call('PEXPIRE', RECORD, life)
      redis.call('ZADD', REFUSED, now, job)
      return {-1, 0}
    end
    redis.call('HSET', K.org, 'started', 1)
    redis.call('HDEL', K.org, 'paused', 'retryAt')
    redis.call('ZADD', K.orgs, 0, ORG)
  elseif redis.call('HEXISTS', K.org, 'started') == 0 or redis.call('HEXISTS', K.org, 'paused') == 1 then
    return false
  end
  local joinable = number('fullBegun')
  if not manual then joinable = number('fullDone') end
  if number('fullRequested') <= joinable then
    redis.call('HSET', K.org, 'fullRequested', number('fullRequested') + 1, 'fullTrigger', trigger)
  elseif manual then
    redis.call('HSET', K.org, 'fullTrigger', trigger)
  end
  marker = tostring(number('fullRequested'))
  redis.call('SET', K.marker, marker, 'PX', markerLife)
  workFrom(now)
end
return {tonumber(marker), number('fullDone')}
