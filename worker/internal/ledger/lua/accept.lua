-- Stores what jobs of one organization asked for, each once and in its turn: row,
-- event, marker, wake-up. What they share is read and written for all of them at once. First it
-- is looked at what becomes of each, then that is written: where Redis gives up over
-- one of them, nothing of those before it is half done.
-- ARGV  the markers' life in ms, how many events the outbox may hold; then for each
--       job: job, what put takes, what emit takes
-- Returns a list for each: {'applied', generation to wake or '', next job or ''},
-- {'duplicate', marker, generation}, {'held', the first job, how many to wait for}, {'superseded'}
-- {'full'} when no event fits, or {'conflict', the row as it is, or '', now, floor,
-- the revision to count on from}.
local markerLife, outboxLimit = unpack(ARGV, 1, 2)
local JOB = 1 + ROW + EVENT
local jobs = (#ARGV - 2) / JOB
local room = tonumber(outboxLimit) - redis.call('XLEN', K.outbox)
local listed, woken = false, false

-- work notes, once for all jobs, that the organization has something to send, and
-- returns the generation to wake, or ''.
local function work(due)
  if not listed then redis.call('ZADD', K.orgs, 0, ORG) end
  listed = true
  if due ~= '1' or woken then return '' end
  woken = true
  local started, paused, last, retryAt, generation =
    unpack(redis.call('HMGET', K.org, 'started', 'paused', 'woken', 'retryAt', 'generation'))
  if not started or paused then return '' end
  workFrom(now)
  generation = generation or '0'
  if last == generation or tonumber(retryAt or '0') > now then return '' end
  redis.call('HSET', K.org, 'woken', generation)
  return generation
end

-- What is known of the jobs' sponsorships, as the jobs before have left it.
local users, markers = {}, {}
for n = 1, jobs do
  turn(n)
  users[n], markers[n] = ARGV[4 + (n - 1) * JOB], K.marker
end
local rows, applied = {}, {}
for n, row in ipairs(redis.call('HMGET', K.rows, unpack(users))) do rows[users[n]] = row end
for n, sequence in ipairs(redis.call('HMGET', APPLIED, unpack(users))) do applied[users[n]] = tonumber(sequence or '0') end
markers = redis.call('MGET', unpack(markers))
local dropped

-- base returns the revision to count on from; see stored.
local function base(row)
  if row then return math.max(tonumber(string.match(row, '^(%d+) ')), floor) end
  dropped = dropped or tonumber(redis.call('HGET', K.clock, 'dropped') or '0')
  return math.max(dropped, floor)
end

local results = {}
local accepted, open = {}, {} -- what is to be written, and whose it is
local ended = {} -- jobs that were written; one may be there twice

-- look says what becomes of a job: a reply, or nil when it is to be written.
local function look(n, job, id, before, due, row, ...)
  if markers[n] or ended[job] then
    leave(job)
    return {'duplicate', markers[n] or '', tostring(number('generation'))}
  end
  local first, second = unpack(redis.call('LRANGE', ORDER, 0, 1))
  if first and first ~= job then
    local waiting
    first, waiting = ahead(job, markerLife)
    return {'held', first, tostring(waiting)}
  end
  local sequence, state = unpack(redis.call('HMGET', RECORD, 'seq', 'state'))
  sequence = tonumber(sequence or '0')
  if sequence > 0 and sequence < applied[id] then return {'superseded'} end
  if room <= 0 then return {'full'} end
  local old = rows[id]
  if base(old) ~= tonumber(before) then return {'conflict', old or '', tostring(now), tostring(floor), tostring(base(old))} end

  if sequence == 0 then sequence = redis.call('HINCRBY', K.org, 'jobSequence', 1) end
  if ... ~= '' then room = room - 1 end
  accepted[#accepted + 1] = {n = n, job = job, id = id, due = due, old = old, row = row, state = state, inOrder = first, next = second, event = {...}}
  open[id] = true
  rows[id], applied[id] = row, math.max(applied[id], sequence)
  return nil
end

-- writeRows stores the rows of all that were accepted, as put does for one.
local function writeRows()
  local stored, sequences, dueNow, listed = {}, {}, {}, {}
  for _, a in ipairs(accepted) do
    local status, oldStatus = string.match(a.row, '^%d+ (%a+) '), a.old and string.match(a.old, '^%d+ (%a+) ')
    stored[#stored + 1], stored[#stored + 2] = a.id, a.row
    sequences[#sequences + 1], sequences[#sequences + 2] = a.id, applied[a.id]
    if oldStatus ~= status then
      if oldStatus then redis.call('ZREM', STATUS[oldStatus], a.id) end
      local list = listed[status] or {}
      list[#list + 1], list[#list + 2], listed[status] = 0, a.id, list
      if OVER[status] then
        redis.call('ZADD', K.over, now, ORG .. ':' .. a.id)
      elseif OVER[oldStatus] then
        redis.call('ZREM', K.over, ORG .. ':' .. a.id)
      end
    end
    if a.due == '0' then
      redis.call('ZREM', K.due, a.id)
    elseif a.due == '1' then
      dueNow[#dueNow + 1], dueNow[#dueNow + 2] = now, a.id
    else
      redis.call('ZADD', K.due, a.due, a.id)
    end
  end
  redis.call('HSET', K.rows, unpack(stored))
  redis.call('HSET', APPLIED, unpack(sequences))
  for status, list in pairs(listed) do redis.call('ZADD', STATUS[status], unpack(list)) end
  if #dueNow > 0 then redis.call('ZADD', K.due, 'NX', unpack(dueNow)) end
end

-- write ends the jobs that were accepted.
local function write()
  if #accepted == 0 then return end
  writeRows()
  for _, a in ipairs(accepted) do
    turn(a.n)
    redis.call('SET', K.marker, '', 'PX', markerLife)
    emit(unpack(a.event))
    endRecord(a.state, markerLife)
    local following = ''
    if a.next == a.job then -- twice in its order
      following = leave(a.job)
    elseif a.inOrder then
      redis.call('LPOP', ORDER)
      following = a.next or ''
    end
    ended[a.job] = true
    results[a.n] = {'applied', work(a.due), following}
  end
  accepted, open = {}, {}
end

for n = 1, jobs do
  if open[users[n]] then write() end
  turn(n)
  results[n] = look(n, unpack(ARGV, 3 + (n - 1) * JOB, 2 + n * JOB))
end
write()
return results
