-- Takes a turn under the cloud's limit, which is a generic cell rate: `free` is
-- when the bucket is full again. One clock, Redis' own, in microseconds.
-- KEYS 1 hash: free, bulk (the last turn of the bulk lane)  2 pause
-- ARGV 1 between two turns (us), 0: no limit  2 burst  3 '1': urgent
--      4 longest wait that makes sense (us)  5 wait at which the bulk lane takes a turn (us)
-- Returns {wait (us), free before, free after}, or {wait (us)} without having
-- taken a turn: ask again then.
local every, burst, urgent = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
local longest, near = tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local from = now + math.max(redis.call('PTTL', KEYS[2]), 0) * 1000
if from - now > longest then return {from - now} end
if every == 0 then return {from - now, 0, 0} end

local kept = redis.call('HMGET', KEYS[1], 'free', 'bulk')
local free, bulk = tonumber(kept[1] or '0'), tonumber(kept[2] or '0')
-- Nobody reserves further ahead than this: Redis' clock was set back.
if free > from + longest + every * burst then free, bulk = from + every * (burst - 1), from end
local turn = math.max(from, free - every * (burst - 1))
if turn - now > longest then return {turn - now} end
-- The bulk lane keeps near, but one turn in ten is its own.
if not urgent and turn - from > near and turn - bulk < every * 10 then return {turn - near - now} end

local after = math.max(from, free) + every
redis.call('HSET', KEYS[1], 'free', string.format('%.0f', after))
if not urgent then redis.call('HSET', KEYS[1], 'bulk', string.format('%.0f', turn)) end
redis.call('PEXPIRE', KEYS[1], math.ceil((after - now) / 1000) + 60000)
return {turn - now, free, after}
