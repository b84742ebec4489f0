-- Asks for a full sync in the name of a job, once. One that has been asked for
-- and has not begun is joined; an automatic request joins any that is not done.
-- Returns {number of the request, last request that is done}, or false where an
-- automatic request must wait for a person.
local markerLife, trigger = unpack(ARGV)

local marker = redis.call('GET', K.marker)
if not marker then
  local manual = trigger == 'manual'
  if manual then
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
