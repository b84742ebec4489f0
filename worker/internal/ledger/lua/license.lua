-- Records the outcome of a license sync, once per job. An empty code is a success.
-- Returns 1, 0 if this job was recorded before, or -1 if the number is taken.
local markerLife, code, message, eventNumber, eventId, payload = unpack(ARGV)

if redis.call('EXISTS', K.marker) == 1 then return 0 end
if number('licenseEvents') + 1 ~= tonumber(eventNumber) then return -1 end
redis.call('SET', K.marker, code == '' and '' or (code .. ': ' .. message), 'PX', markerLife)
redis.call('HSET', K.org, 'licenseEvents', eventNumber)
if code == '' then
  redis.call('HSET', K.org, 'lastLicenseSyncAt', now)
  redis.call('HDEL', K.org, 'licenseErrorCode', 'licenseErrorMessage', 'licenseErrorAt')
else
  redis.call('HSET', K.org, 'licenseErrorCode', code, 'licenseErrorMessage', message, 'licenseErrorAt', now)
end
redis.call('ZADD', K.orgs, 0, ORG)
emit(eventId, payload)
return 1
