-- Ends a pause with the given code, because its cause may be mended.
-- Returns 1 if there was such a pause.
local code = unpack(ARGV)

if redis.call('HGET', K.org, 'paused') ~= code then return 0 end
resume()
return 1
