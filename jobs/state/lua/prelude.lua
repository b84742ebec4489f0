-- Put in front of every script. Names the keys and holds what scripts share.
-- KEYS  1 organisation hash   2 rows hash: id -> "revision status json"
--       3 due zset            4 lease string          5 zset of organisations
--       6 work zset           7 schedule zset         8 outbox stream
--       9 marker of the job  10.. one zset of ids a status
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

local function held(token)
  return redis.call('GET', K.lease) == token
end

-- emit appends an event; an empty id is no event.
local function emit(id, subject, key, payload)
  if id ~= '' then
    redis.call('XADD', K.outbox, '*', 'id', id, 'subject', subject, 'key', key, 'payload', payload)
  end
end

-- put stores one row if it is still at revision `before` (0: there is none).
-- Six arguments from ARGV[i]: id, before, revision, status, due (1/0), json.
local function put(i, now)
  local id, before, revision, status = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local old = redis.call('HGET', K.rows, id)
  local oldRevision, oldStatus = '0', nil
  if old then oldRevision, oldStatus = string.match(old, '^(%d+) (%a+) ') end
  if oldRevision ~= before then return false, old end
  redis.call('HSET', K.rows, id, revision .. ' ' .. status .. ' ' .. ARGV[i + 5])
  if oldStatus ~= status then
    if oldStatus then redis.call('ZREM', STATUS[oldStatus], id) end
    redis.call('ZADD', STATUS[status], 0, id)
  end
  if ARGV[i + 4] == '1' then
    redis.call('ZADD', K.due, 'NX', now, id)
  else
    redis.call('ZREM', K.due, id)
  end
  return true, nil
end

-- openFull begins the full sync that was asked for last, if it has not begun.
-- Its start stays over crashes: rows synced since then need not go again. After
-- an hour that is no longer fresh enough, and it starts over.
local function openFull(now)
  local stale = tonumber(now) - number('fullStartedAt') > 3600000
  if number('fullRequested') > number('fullBegun') or stale and number('fullBegun') > number('fullDone') then
    redis.call('HSET', K.org, 'fullBegun', number('fullRequested'), 'fullStartedAt', now)
  end
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
