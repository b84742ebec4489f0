-- Saves a connection and lets a paused organization try again. An empty
-- licenseKey keeps the stored one. One that comes from the vault (vault is '1') is not
-- taken of an organization that a person has disconnected; a person's ends that.
-- KEYS  the last: the set of organizations that a person has disconnected
-- Returns 1, or 0 when it was not taken.
local cloudOrganizationId, token, licenseKey, vault = unpack(ARGV)
local disconnected = KEYS[#KEYS]

if vault == '1' then
  if redis.call('SISMEMBER', disconnected, ORG) == 1 then return 0 end
  redis.call('HSET', K.org, 'vault', '1')
  -- A sync that somebody asked for before there was a connection was no first sync.
  if redis.call('HEXISTS', K.org, 'lastSyncAt') == 0 and redis.call('HEXISTS', K.org, 'officialJobOffAt') == 0 then
    redis.call('HDEL', K.org, 'started')
  end
else
  redis.call('SREM', disconnected, ORG)
  redis.call('HDEL', K.org, 'vault')
end
redis.call('HSET', K.org, 'connectionVersion', 1, 'cloudOrganizationId', cloudOrganizationId, 'token', token)
if licenseKey ~= '' then redis.call('HSET', K.org, 'licenseKey', licenseKey) end
redis.call('HINCRBY', K.org, 'connections', 1)
redis.call('ZADD', K.orgs, 0, ORG)
resume()
return 1
