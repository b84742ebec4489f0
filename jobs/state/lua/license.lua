-- Records the outcome of a licence sync, once a job.
-- ARGV 1 now (ms)  2 marker's life (ms)  3 code, or '' for a success  4 message
--      5 number of the event  6-9 event
-- Returns 1, 0 if this job was recorded before, or -1 if the number is taken.
if redis.call('EXISTS', K.marker) == 1 then return 0 end
if number('licenseEvents') + 1 ~= tonumber(ARGV[5]) then return -1 end
redis.call('SET', K.marker, ARGV[3] == '' and '' or (ARGV[3] .. ': ' .. ARGV[4]), 'PX', ARGV[2])
redis.call('HSET', K.org, 'licenseEvents', ARGV[5])
if ARGV[3] == '' then
  redis.call('HSET', K.org, 'lastLicenseSyncAt', ARGV[1])
  redis.call('HDEL', K.org, 'licenseErrorCode', 'licenseErrorMessage', 'licenseErrorAt')
else
  redis.call('HSET', K.org, 'licenseErrorCode', ARGV[3], 'licenseErrorMessage', ARGV[4], 'licenseErrorAt', ARGV[1])
end
redis.call('ZADD', K.orgs, 0, ORG)
emit(ARGV[6], ARGV[7], ARGV[8], ARGV[9])
return 1
