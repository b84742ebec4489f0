-- Put in front of every script. Names the keys and holds what all scripts share.
-- KEYS  1 organization hash   2 rows hash: id -> "revision status json"
--       3 due zset            4 lease string          5 zset of organizations
--       6 work zset           7 schedule zset         8 outbox stream
--       9 marker of the job  10.. one zset of ids per status (statusKeys in keys.go)
--       17 clock of the shard 18 in-flight hash: id -> "begun life kind request"
--       19 zset of what is over, "organization:id", by when it came to its end
local K = {
  org = KEYS[1], rows = KEYS[2], due = KEYS[3], lease = KEYS[4], orgs = KEYS[5],
  work = KEYS[6], schedule = KEYS[7], outbox = KEYS[8], marker = KEYS[9], clock = KEYS[17],
  inflight = KEYS[18], over = KEYS[19],
}
local STATUS = {
  pending = KEYS[10], sent = KEYS[11], redeemed = KEYS[12], expiring = KEYS[13],
  removed = KEYS[14], refused = KEYS[15], expired = KEYS[16],
}
local ORG = string.sub(K.org, -36)

-- The ledger's time, in Unix milliseconds: Redis' own, but it never goes back. What
-- Redis' clock falls behind by is added for good. `floor` is what the revisions of
-- this shard count on from: a store that lost what it had may have published
-- higher ones. `restarted` is when the time last jumped, either way, or went on after
-- a minute in which nobody looked: waits that had begun before begin anew there.
local now, floor, restarted = (function()
  local time = redis.call('TIME')
  local wall = time[1] * 1000 + math.floor(time[2] / 1000)
  local stored = redis.call('HMGET', K.clock, 'last', 'offset', 'floor', 'restarted')
  local last, offset, floor = tonumber(stored[1]), tonumber(stored[2] or '0'), tonumber(stored[3] or '0')
  local restarted = tonumber(stored[4] or '0')
  if not last then -- a new store, or one that was emptied
    last, floor = wall + offset, wall + offset
    redis.call('HSET', K.clock, 'floor', floor, 'epoch', string.format('%x', time[1] * 1000000 + time[2]))
  end
  local now = wall + offset
  local jump = now - last
  if jump < 0 then
    redis.call('HSET', K.clock, 'offset', offset - jump)
    now = last
  end
  if math.abs(jump) > 60000 then
    restarted = now
    redis.call('HSET', K.clock, 'restarted', restarted)
  end
  redis.call('HSET', K.clock, 'last', now)
  return now, floor, restarted
end)()

local function number(field)
  return tonumber(redis.call('HGET', K.org, field) or '0')
end

-- workFrom notes that the organization has work from a time on, or from an earlier
-- one if that is noted already.
local function workFrom(at)
  local noted = redis.call('ZSCORE', K.work, ORG)
  if not noted or tonumber(noted) > at then redis.call('ZADD', K.work, at, ORG) end
end

-- resume ends a pause or a backoff: what waits is due now, and the next full
-- sync is due when it was.
local function resume()
  redis.call('HDEL', K.org, 'paused', 'woken', 'failures', 'retryAt')
  if redis.call('HEXISTS', K.org, 'started') == 0 then return end
  redis.call('ZADD', K.work, now, ORG)
  local nextSync = number('nextSyncAt')
  if nextSync > 0 then redis.call('ZADD', K.schedule, 'NX', nextSync, ORG) end
end
