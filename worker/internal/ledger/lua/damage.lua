-- Notes whether the cloud's records of the organization look damaged.
-- Returns for how long (ms) they have looked so; 0 if they are sound; -1 when the
-- lease is lost.
local token, seen = unpack(ARGV)

if not held(token) then return -1 end
if seen ~= '1' then
  redis.call('HDEL', K.org, 'damagedAt')
  return 0
end
redis.call('HSETNX', K.org, 'damagedAt', now)
return now - number('damagedAt')
