-- Stores rows of a sync by compare-and-set, each with its event. An empty token
-- is no check of the lease. Behind `rows` follow, for each, row and event; then the
-- ids of the rows of the given request, which has ended.
-- Returns now, floor, and one 1 or 0 per row; or false when the lease is somebody
-- else's.
local token, leaseLife, request, rows = unpack(ARGV, 1, 4)

if token ~= '' then
  if not held(token) then return false end
  redis.call('PEXPIRE', K.lease, leaseLife)
end
local results = {now, floor}
for n = 1, tonumber(rows) do
  local row = 5 + (n - 1) * (ROW + EVENT)
  local event = row + ROW
  if put(unpack(ARGV, row, event - 1)) then
    emit(unpack(ARGV, event, event + EVENT - 1))
    results[n + 2] = 1
  else
    results[n + 2] = 0
  end
end
for n = 5 + tonumber(rows) * (ROW + EVENT), #ARGV do landed(ARGV[n], request) end
return results
