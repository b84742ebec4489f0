-- Saves a connection and lets a paused organisation try again.
-- ARGV 1 now (ms)  2 cloud organisation  3 sealed token  4 sealed licence key, or '' to keep it
redis.call('HSET', K.org, 'cloudOrganizationId', ARGV[2], 'token', ARGV[3], 'retryAt', 0)
if ARGV[4] ~= '' then redis.call('HSET', K.org, 'licenseKey', ARGV[4]) end
redis.call('HDEL', K.org, 'paused', 'woken', 'failures')
redis.call('ZADD', K.orgs, 0, ORG)
if redis.call('HEXISTS', K.org, 'started') == 1 then
  redis.call('ZADD', K.work, ARGV[1], ORG)
  redis.call('ZADD', K.schedule, 'NX', ARGV[1], ORG)
end
return 1
