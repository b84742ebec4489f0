-- Saves a connection and lets a paused organisation try again.
-- ARGV 1 now (ms)  2 cloud organisation  3 sealed token  4 sealed licence key, or '' to keep it
redis.call('HSET', K.org, 'cloudOrganizationId', ARGV[2], 'token', ARGV[3])
if ARGV[4] ~= '' then redis.call('HSET', K.org, 'licenseKey', ARGV[4]) end
redis.call('HINCRBY', K.org, 'connections', 1)
redis.call('ZADD', K.orgs, 0, ORG)
resume(ARGV[1])
return 1
