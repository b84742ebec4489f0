-- Stores rows in another form, those that are as they were read. Nothing of what they
-- say changes, so neither does their revision.
-- ARGV  for each row its id, the row as it was read, and as it is to be stored
-- Returns how many were.
local stored = 0
for n = 1, #ARGV, 3 do
  if redis.call('HGET', K.rows, ARGV[n]) == ARGV[n + 1] then
    redis.call('HSET', K.rows, ARGV[n], ARGV[n + 2])
    stored = stored + 1
  end
end
return stored
