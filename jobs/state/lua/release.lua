-- Gives the lease back if nothing is left to do. The look and the release are
-- one step, so an intent that arrives later finds no lease and wakes anew.
-- ARGV 1 token  2 '1': give it back whatever is left
-- Returns 1 if it is given back (or was lost), 0 if there is more to do.
if not held(ARGV[1]) then return 1 end
local left = redis.call('ZCARD', K.due) > 0 or number('fullRequested') > number('fullDone')
if left and ARGV[2] ~= '1' then return 0 end
redis.call('DEL', K.lease)
redis.call('HDEL', K.org, 'woken')
if not left then redis.call('ZREM', K.work, ORG) end
return 1
