-- Ends an organization here: token and license key go, and nothing is sent any more
-- before somebody connects it and starts a first sync again. A sync that is under
-- way has lost its lease, and ends at its next step.
-- KEYS  the last: the set of organizations that a person has disconnected
-- Returns 1 if it was connected.
redis.call('SADD', KEYS[#KEYS], ORG)
local connected = redis.call('HEXISTS', K.org, 'token')
redis.call('HDEL', K.org, 'cloudOrganizationId', 'token', 'licenseKey', 'started', 'paused', 'woken', 'nextSyncAt',
  'retryAt', 'failures', 'serverErrors', 'errorCode', 'errorMessage', 'errorAt', 'vault', 'officialJobOffAt', 'officialJobOffBy')
redis.call('HINCRBY', K.org, 'connections', 1)
redis.call('DEL', K.lease)
redis.call('ZREM', K.work, ORG)
redis.call('ZREM', K.schedule, ORG)
return connected
