-- Stores rows of a sync by compare-and-set, each with its event. An empty token
-- is no check of the lease. Behind `rows` follow, for each, row and event.
-- Returns one 1 or 0 per row, or false when the lease is somebody else's.
local token, leaseLife, now, rows = unpack(ARGV, 1, 4)

if token ~= '' then
  if not held(token) then return false end
  redis.call('PEXPIRE', K.lease, leaseLife)
end
local results = {}
for n = 1, tonumber(rows) do
  local row = 5 + (n - 1) * (ROW + EVENT)
  local event = row + ROW
  if put(now, unpack(ARGV, row, event - 1)) then
    emit(unpack(ARGV, event, event + EVENT - 1))
    results[n] = 1
  else
    results[n] = 0
  end
end
return results
