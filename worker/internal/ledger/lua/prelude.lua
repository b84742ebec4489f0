-- Put after the prelude of jobs/state, in front of the worker's scripts.

-- What stands for one row and for one event in ARGV; see put and emit.
local ROW, EVENT = 4, 2

local function held(token)
  return redis.call('GET', K.lease) == token
end

-- emit appends an event, version 1 of an outbox entry: its document, of which all
-- the rest follows. An empty id is no event. It returns whether there was one.
local function emit(id, payload)
  if id == '' then return false end
  redis.call('XADD', K.outbox, '*', 'v', '1', 'event', payload)
  return true
end

-- The statuses in which a row has come to its end.
local OVER = { removed = true, expired = true }

-- stored returns a row, its status, and the revision to count on from: no row is at
-- one below the floor, and none at all at the floor, or where a row was dropped that
-- may have had this id.
local function stored(id)
  local row, revision, status = redis.call('HGET', K.rows, id), nil, nil
  if row then
    revision, status = string.match(row, '^(%d+) (%a+) ')
  else
    revision = redis.call('HGET', K.clock, 'dropped') or '0'
  end
  return row, status, math.max(tonumber(revision), floor)
end

-- put stores one row, "revision status json", if the stored one is still at the
-- revision `before`. due is '0', '1' (now, or since when it was), or a time from
-- which on. It returns whether it did, and if not the stored row and the revision to
-- count on from.
local function put(id, before, due, row)
  local old, oldStatus, base = stored(id)
  if base ~= tonumber(before) then return false, old, base end
  local status = string.match(row, '^%d+ (%a+) ')
  redis.call('HSET', K.rows, id, row)
  if oldStatus ~= status then
    if oldStatus then redis.call('ZREM', STATUS[oldStatus], id) end
    redis.call('ZADD', STATUS[status], 0, id)
    if OVER[status] then
      redis.call('ZADD', K.over, now, ORG .. ':' .. id)
    elseif OVER[oldStatus] then
      redis.call('ZREM', K.over, ORG .. ':' .. id)
    end
  end
  if due == '0' then
    redis.call('ZREM', K.due, id)
  elseif due == '1' then
    redis.call('ZADD', K.due, 'NX', now, id)
  else
    redis.call('ZADD', K.due, due, id)
  end
  return true, nil
end

-- earliestDue is when the first row is due, or nil.
local function earliestDue()
  return tonumber(redis.call('ZRANGE', K.due, 0, 0, 'WITHSCORES')[2])
end

-- inflight is the record of the request that may be at work on a row in the cloud,
-- or nil: its kind, its name, and when it is certain to have ended. That counts
-- from the last jump of the time: nobody knows how long it really was.
local function inflight(id)
  local text = redis.call('HGET', K.inflight, id)
  if not text then return nil end
  local begun, life, kind, request = string.match(text, '^(%d+) (%d+) (%a+) (%S+)$')
  return {kind = kind, request = request, ends = math.max(tonumber(begun), restarted) + tonumber(life)}
end

-- landed drops the record of a row whose request has ended, if it is that one's.
local function landed(id, request)
  local flight = inflight(id)
  if flight and flight.request == request then redis.call('HDEL', K.inflight, id) end
end

-- openFull begins the full sync that was asked for last, if it has not begun.
-- Its start stays over crashes: rows synced since then need not go again. After
-- an hour that is no longer fresh enough, and it starts over.
local function openFull()
  local stale = now - number('fullStartedAt') > 3600000
  if number('fullRequested') > number('fullBegun') or stale and number('fullBegun') > number('fullDone') then
    redis.call('HSET', K.org, 'fullBegun', number('fullRequested'), 'fullStartedAt', now)
    redis.call('HDEL', K.org, 'fullCursor')
  end
end
