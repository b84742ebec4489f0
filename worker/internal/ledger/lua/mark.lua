-- Notes what is about to leave in one request, row by row: the row as it will be
-- then, and that the request may be at work on it in the cloud for `life` ms. A row
-- that another request may be at work on must not leave, unless both only refresh
-- it. Asking again, because the answer was lost, changes nothing.
-- Where Redis came back and may have lost such notes, nothing leaves before the
-- workers are counted, and if one was killed, only what can be repeated.
-- Behind `rows` follow, for each, its kind and row; an empty row is left as it is.
-- Returns now, floor, and per row 1 for noted, 0 for changed since it was read, or
-- when the other request is certain to have ended (less than 0: a killed worker's,
-- if there was one); or {now, floor, -1} while the workers are not counted; or false
-- when the lease is somebody else's.
local token, leaseLife, request, life, rows = unpack(ARGV, 1, 5)

if not held(token) then return false end
redis.call('PEXPIRE', K.lease, leaseLife)
local uncounted, quiet = unpack(redis.call('HMGET', K.clock, 'uncounted', 'quiet'))
if uncounted then return {now, floor, -1} end

local quietUntil = 0
if quiet then
  local since, lasts = string.match(quiet, '^(%d+) (%d+)$')
  quietUntil = math.max(tonumber(since), restarted) + tonumber(lasts)
end

-- depart notes the request. Two that refresh one row share a record, which nobody
-- takes back: it lasts as long as the longer of them.
local function depart(id, kind, other)
  local begun, lasts, by = now, tonumber(life), request
  if other and other.ends > now and other.request ~= request then
    by = '*'
    if other.ends > now + lasts then lasts = other.ends - now end
  end
  redis.call('HSET', K.inflight, id, string.format('%.0f %.0f %s %s', begun, lasts, kind, by))
end

local function unchanged(id, before)
  local _, _, revision = stored(id)
  return revision == tonumber(before)
end

local results = {now, floor}
for n = 1, tonumber(rows) do
  local at = 6 + (n - 1) * (1 + ROW)
  local kind, id, before, due, row = unpack(ARGV, at, at + ROW)
  local other = inflight(id)
  local own = other and other.request == request
  if other and not own and other.ends > now and not (kind == 'refresh' and other.kind == 'refresh') then
    results[n + 2] = other.ends
  elseif quietUntil > now and kind ~= 'refresh' and not own then
    results[n + 2] = -quietUntil
  elseif row == '' and unchanged(id, before)
    or row ~= '' and (put(id, before, due, row) or own and redis.call('HGET', K.rows, id) == row) then
    depart(id, kind, other)
    results[n + 2] = 1
  else
    results[n + 2] = 0
  end
end
return results
