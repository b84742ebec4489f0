-- Saves a connection and lets a paused organization try again. An empty
-- licenseKey keeps the stored one.
local cloudOrganizationId, token, licenseKey = unpack(ARGV)

redis.call('HSET', K.org, 'connectionVersion', 1, 'cloudOrganizationId', cloudOrganizationId, 'token', token)
if licenseKey ~= '' then redis.call('HSET', K.org, 'licenseKey', licenseKey) end
redis.call('HINCRBY', K.org, 'connections', 1)
redis.call('ZADD', K.orgs, 0, ORG)
resume()
return 1
