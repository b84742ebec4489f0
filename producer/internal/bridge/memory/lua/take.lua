-- Takes the lease under which one bridge works, or makes it last longer.
-- KEYS  the lease, what people see of the bridge
-- ARGV  the holder's token, the lease's life in ms, the mode in which it works
-- Returns 1, or 0 while another bridge holds it.
local token, life, mode = unpack(ARGV)

local holder = redis.call('GET', KEYS[1])
if holder and holder ~= token then return 0 end
redis.call('SET', KEYS[1], token, 'PX', life)
redis.call('HSET', KEYS[2], 'mode', mode)
return 1
