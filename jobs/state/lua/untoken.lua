-- Drops a connection that came from the vault, for the vault has none any more. What
-- waits goes on once it has one again.
-- Returns 1 if there was one.
if redis.call('HEXISTS', K.org, 'vault') == 0 then return 0 end
redis.call('HDEL', K.org, 'cloudOrganizationId', 'token', 'licenseKey', 'vault')
redis.call('HINCRBY', K.org, 'connections', 1)
return 1
