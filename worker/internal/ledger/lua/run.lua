-- Notes that Redis runs under another run id than the last time somebody looked: it
-- was restarted, restored or failed over, and may have lost what it had said. From
-- here on revisions go on above all that was published. A Redis that cannot confirm
-- what is on disk may have lost marks: nothing leaves before the workers are counted.
-- `before` is the run that the caller worked under until now ('': it has just
-- started): where a new worker came first, or Redis was emptied, only that tells.
-- Returns {now, floor, 1 if the run is another, 1 if the workers must be counted}.
local run, before, confirms = unpack(ARGV)

local known, was, uncounted = unpack(redis.call('HMGET', K.clock, 'run', 'was', 'uncounted'))
if known ~= run then redis.call('HSET', K.clock, 'run', run) end
local ended = before ~= '' and before or known
local another = ended and ended ~= run and (known ~= run or ended ~= was)
if another then
  floor = math.max(floor + 1, now)
  redis.call('HSET', K.clock, 'floor', floor, 'epoch', string.format('%x', now), 'was', ended)
  if confirms == '0' then
    uncounted = now
    redis.call('HSET', K.clock, 'uncounted', now)
  end
end
return {now, floor, another and 1 or 0, uncounted and 1 or 0}
