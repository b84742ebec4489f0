-- Stores rows anew that the vault manages no more. For each follow its id, the
-- revision at which it was read, and the row, whose revision counts on from that one
-- and from the floor. One that was changed meanwhile is left alone. What is over is
-- looked at again: it may be forgotten as a whole now.
-- ARGV  the floor from which the revisions count on, then three for each row
-- Returns how many rows were stored.
if tonumber(ARGV[1]) ~= floor then return 0 end
local stored = 0
for n = 2, #ARGV, 3 do
  local id, before, row = unpack(ARGV, n, n + 2)
  if string.match(redis.call('HGET', K.rows, id) or '', '^(%d+) ') == before then
    redis.call('HSET', K.rows, id, row)
    local status = string.match(row, '^%d+ (%a+) ')
    if status == 'removed' or status == 'expired' then redis.call('ZADD', K.over, now, ORG .. ':' .. id) end
    stored = stored + 1
  end
end
return stored
