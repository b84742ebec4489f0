-- Notes that Redis runs under another run id than the last time somebody looked: it
-- was restarted, restored or failed over, and may have lost what it had said. From
-- here on revisions go on above all that was published.
-- Returns {now, floor, '1' if the run is another}.
local run = unpack(ARGV)

local known = redis.call('HGET', K.clock, 'run')
if known == run then return {now, floor, 0} end
redis.call('HSET', K.clock, 'run', run)
if not known then return {now, floor, 0} end
floor = math.max(floor + 1, now)
redis.call('HSET', K.clock, 'floor', floor, 'epoch', string.format('%x', now))
return {now, floor, 1}
