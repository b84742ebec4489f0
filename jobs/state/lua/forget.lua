-- Forgets whose some rows were that are over. For each follow its id, the revision
-- at which it was read, what stays of it ("revision status json", or '' for
-- nothing), and when it is to be looked at as if it had ended then (0: never, '':
-- when it ended). A row that has changed since is left alone.
-- KEYS  the last: the sequence of the latest job that took effect, by id
-- Returns one 1 or 0 per row.
local applied = KEYS[#KEYS]
local results = {}
for n = 1, #ARGV, 4 do
  local id, before, row, again = unpack(ARGV, n, n + 3)
  local revision, status = string.match(redis.call('HGET', K.rows, id) or '', '^(%d+) (%a+) ')
  local over = status == 'removed' or status == 'expired'
  local done = over and revision == before
  if done and row ~= '' then
    redis.call('HSET', K.rows, id, row)
  elseif done then -- a redeem anew counts on from here
    redis.call('HDEL', K.rows, id)
    redis.call('HDEL', applied, id)
    redis.call('ZREM', STATUS[status], id)
    if tonumber(revision) > tonumber(redis.call('HGET', K.clock, 'dropped') or '0') then
      redis.call('HSET', K.clock, 'dropped', revision)
    end
  end
  if not over or done and again == '0' then
    redis.call('ZREM', K.over, ORG .. ':' .. id)
  elseif done and again ~= '' then
    redis.call('ZADD', K.over, again, ORG .. ':' .. id)
  end
  results[#results + 1] = done and 1 or 0
end
return results
