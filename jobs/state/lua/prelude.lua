-- Put in front of every script. Names the keys and holds what all scripts share.
-- KEYS  1 organization hash   2 rows hash: id -> "revision status json"
--       3 due zset            4 lease string          5 zset of organizations
--       6 work zset           7 schedule zset         8 outbox stream
--       9 marker of the job  10.. one zset of ids per status (statusKeys in keys.go)
local K = {
  org = KEYS[1], rows = KEYS[2], due = KEYS[3], lease = KEYS[4], orgs = KEYS[5],
  work = KEYS[6], schedule = KEYS[7], outbox = KEYS[8], marker = KEYS[9],
}
local STATUS = {
  pending = KEYS[10], sent = KEYS[11], redeemed = KEYS[12], expiring = KEYS[13],
  removed = KEYS[14], refused = KEYS[15], expired = KEYS[16],
}
local ORG = string.sub(K.org, -36)

local function number(field)
  return tonumber(redis.call('HGET', K.org, field) or '0')
end

-- resume ends a pause or a backoff: what waits is due now, and the next full
-- sync is due when it was.
local function resume(now)
  redis.call('HDEL', K.org, 'paused', 'woken', 'failures', 'retryAt')
  if redis.call('HEXISTS', K.org, 'started') == 0 then return end
  redis.call('ZADD', K.work, now, ORG)
  local nextSync = number('nextSyncAt')
  if nextSync > 0 then redis.call('ZADD', K.schedule, 'NX', nextSync, ORG) end
end
