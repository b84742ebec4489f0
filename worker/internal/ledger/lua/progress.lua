-- Notes how far the full sync has come.
-- Returns 1, or 0 when the lease is lost.
local token, cursor = unpack(ARGV)

if not held(token) then return 0 end
redis.call('HSET', K.org, 'fullCursor', cursor)
return 1
