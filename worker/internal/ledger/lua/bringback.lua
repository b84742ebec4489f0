-- Brings the date of the next full sync back to at most `most` ms from now.
-- Returns 1 if it was further ahead.
local most = tonumber(ARGV[1])

local due = redis.call('ZSCORE', K.schedule, ORG)
if not due or tonumber(due) <= now + most then return 0 end
redis.call('ZADD', K.schedule, now + most, ORG)
if number('nextSyncAt') > now + most then redis.call('HSET', K.org, 'nextSyncAt', now + most) end
return 1
