-- Takes the lease of an organisation and raises its generation: from here on, a
-- new intent wakes the organisation anew instead of trusting an older wake-up.
-- ARGV 1 token  2 lease's life (ms)  3 now (ms)  4 '1': an automatic attempt
-- Returns {'busy'} while another sync holds the lease; for an automatic attempt
-- {'idle'} before the first sync and in a pause, {'early', when} in a backoff;
-- else {'begun', the organisation's hash ...}.
if redis.call('EXISTS', K.lease) == 1 then return {'busy'} end
if ARGV[4] == '1' then
  local org = redis.call('HMGET', K.org, 'started', 'paused', 'retryAt')
  if not org[1] or org[2] then return {'idle'} end
  if tonumber(org[3] or '0') > tonumber(ARGV[3]) then return {'early', org[3]} end
end
redis.call('SET', K.lease, ARGV[1], 'PX', ARGV[2])
redis.call('HINCRBY', K.org, 'generation', 1)
redis.call('HDEL', K.org, 'woken')
openFull(ARGV[3])
local reply = redis.call('HGETALL', K.org)
table.insert(reply, 1, 'begun')
return reply
