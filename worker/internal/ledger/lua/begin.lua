-- Takes the lease of an organization and raises its generation: from here on, a
-- new intent wakes the organization anew instead of trusting an older wake-up.
-- Returns {'busy'} while another sync holds the lease; for an automatic attempt
-- {'idle'} before the first sync and in a pause, {'early', when} in a backoff;
-- else {'begun', the organization's hash ...}.
local token, leaseLife, now, automatic = unpack(ARGV)

if redis.call('EXISTS', K.lease) == 1 then return {'busy'} end
if automatic == '1' then
  local started, paused, retryAt = unpack(redis.call('HMGET', K.org, 'started', 'paused', 'retryAt'))
  if not started or paused then return {'idle'} end
  if tonumber(retryAt or '0') > tonumber(now) then return {'early', retryAt} end
end
redis.call('SET', K.lease, token, 'PX', leaseLife)
redis.call('HINCRBY', K.org, 'generation', 1)
redis.call('HDEL', K.org, 'woken')
openFull(now)
local reply = redis.call('HGETALL', K.org)
table.insert(reply, 1, 'begun')
return reply
