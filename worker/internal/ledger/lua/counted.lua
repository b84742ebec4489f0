-- Notes that the workers were counted since Redis came back as the given run. `quiet`
-- (ms) is for how long from then on nothing leaves that the cloud may be at work on
-- for a worker that was killed; 0: there is none.
-- Returns {now, floor, 1 if they had to be counted}.
local run, quiet = unpack(ARGV)

local known, since = unpack(redis.call('HMGET', K.clock, 'run', 'uncounted'))
if known ~= run or not since then return {now, floor, 0} end
redis.call('HDEL', K.clock, 'uncounted')
if tonumber(quiet) > 0 then redis.call('HSET', K.clock, 'quiet', since .. ' ' .. quiet) end
return {now, floor, 1}
