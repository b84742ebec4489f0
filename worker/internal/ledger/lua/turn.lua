-- Put after prelude.lua, in front of the scripts that end a job of one
-- sponsorship: such jobs take effect in the order in which they were acknowledged.
-- KEYS  sequence of the latest job that took effect, by sponsorship; the shard's refused
--       jobs; then for each job: its sponsorship's order list, its record, its marker
local APPLIED, REFUSED = KEYS[20], KEYS[21]
local ORDER, RECORD

-- turn makes one job, counted from 1, the one that all the rest is about.
local function turn(n)
  ORDER, RECORD, K.marker = unpack(KEYS, 19 + 3 * n, 21 + 3 * n)
end

-- ahead returns the id of the job that is first while this one must wait, and how
-- many are before it; or nil. A job that has no place, since whoever enqueued it
-- knows of none, takes the last, and a number for the time that it waits at most:
-- those that come later are later, whenever it takes effect.
local function ahead(job, life)
  local first = redis.call('LINDEX', ORDER, 0)
  if not first or first == job then return nil end
  local before = redis.call('LPOS', ORDER, job)
  if before then return first, before end
  if redis.call('HEXISTS', RECORD, 'state') == 0 then
    redis.call('HSET', RECORD, 'seq', redis.call('HINCRBY', K.org, 'jobSequence', 1))
    redis.call('PEXPIRE', RECORD, life)
  end
  return first, redis.call('RPUSH', ORDER, job) - 1
end

-- superseded tells whether a later job has taken effect: this one has died and
-- runs again.
local function superseded(user)
  local sequence = tonumber(redis.call('HGET', RECORD, 'seq') or '0')
  return sequence > 0 and sequence < tonumber(redis.call('HGET', APPLIED, user) or '0')
end

-- leave takes the job from the order and returns the one whose turn it is, or ''.
local function leave(job)
  redis.call('LREM', ORDER, 0, job)
  return redis.call('LINDEX', ORDER, 0) or ''
end

-- endRecord notes in a job's record, of which the state is given, that it took effect. It is
-- kept as long as the marker.
local function endRecord(state, life)
  if state then
    redis.call('HSET', RECORD, 'state', 'done', 'endedAt', now)
    redis.call('PEXPIRE', RECORD, life)
  else
    redis.call('DEL', RECORD)
  end
end

-- done ends a job that took effect.
local function done(job, user, life)
  local sequence, state = unpack(redis.call('HMGET', RECORD, 'seq', 'state'))
  sequence = sequence or redis.call('HINCRBY', K.org, 'jobSequence', 1)
  if tonumber(redis.call('HGET', APPLIED, user) or '0') < tonumber(sequence) then
    redis.call('HSET', APPLIED, user, sequence)
  end
  endRecord(state, life)
  return leave(job)
end
