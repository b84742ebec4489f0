-- Ends a pause with the given code, because its cause may be mended.
-- ARGV 1 now (ms)  2 code
-- Returns 1 if there was such a pause.
if redis.call('HGET', K.org, 'paused') ~= ARGV[2] then return 0 end
resume(ARGV[1])
return 1
