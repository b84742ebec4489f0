-- Gives the bridge's lease back, if it is still the holder's.
-- KEYS  the lease
-- ARGV  the holder's token
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
