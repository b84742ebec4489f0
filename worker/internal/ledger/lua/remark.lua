-- Writes again what a worker knows of a request that it has not seen end, in a Redis
-- that came back and may have lost it: the rows as they left, unless they are there
-- or somebody has changed them since, and that the cloud may be at work on them.
-- Behind `rows` follow, for each, its kind, the revision with which it left, and it.
-- Returns {now, floor}.
local request, life, rows = ARGV[1], tonumber(ARGV[2]), ARGV[3]

for n = 1, tonumber(rows) do
  local at = 4 + (n - 1) * (2 + ROW)
  local kind, left, id, before, due, row = unpack(ARGV, at, at + 1 + ROW)
  local old = redis.call('HGET', K.rows, id)
  if not old or tonumber(string.match(old, '^%d+')) < tonumber(left) then put(id, before, due, row) end
  local other = inflight(id)
  if not other or other.request ~= request then
    local by = other and other.ends > now and '*' or request
    redis.call('HSET', K.inflight, id, string.format('%.0f %.0f %s %s', now, life, kind, by))
  end
end
redis.call('ZADD', K.orgs, 0, ORG)
if redis.call('HEXISTS', K.org, 'started') == 1 then workFrom(now + life) end
return {now, floor}
