-- Stores rows of a sync by compare-and-set, each with its event.
-- ARGV 1 lease token, or '' for no check  2 lease's life (ms)  3 now (ms)  4 rows
--      then for each row: 6 of the row (see put), 4 of the event
-- Returns one 1 or 0 a row, or false when the lease is somebody else's.
if ARGV[1] ~= '' then
  if not held(ARGV[1]) then return false end
  redis.call('PEXPIRE', K.lease, ARGV[2])
end
local results = {}
for n = 1, tonumber(ARGV[4]) do
  local i = 5 + (n - 1) * 10
  if put(i, ARGV[3]) then
    emit(ARGV[i + 6], ARGV[i + 7], ARGV[i + 8], ARGV[i + 9])
    results[n] = 1
  else
    results[n] = 0
  end
end
return results
