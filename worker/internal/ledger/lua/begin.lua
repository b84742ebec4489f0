-- Takes the lease of an organization and raises its generation: from here on, a
-- new intent wakes the organization anew instead of trusting an older wake-up.
-- Returns {'busy'} while another sync holds the lease; for an automatic attempt
-- {'idle'} before the first sync and in a pause, {'early', ms left} in a backoff;
-- else {'begun', now, floor, the organization's hash ...}. A holder that asks again,
-- because the first answer was lost, is told so again.
local token, leaseLife, automatic = unpack(ARGV)

local holder = redis.call('GET', K.lease)
if holder and holder ~= token then return {'busy'} end
if automatic == '1' then
  local started, paused, retryAt = unpack(redis.call('HMGET', K.org, 'started', 'paused', 'retryAt'))
  if not started or paused then return {'idle'} end
  if tonumber(retryAt or '0') > now then return {'early', tostring(retryAt - now)} end
end
redis.call('SET', K.lease, token, 'PX', leaseLife)
redis.call('HINCRBY', K.org, 'generation', 1)
openFull()
local reply = redis.call('HGETALL', K.org)
for i, head in ipairs({'begun', tostring(now), tostring(floor)}) do table.insert(reply, i, head) end
return reply
