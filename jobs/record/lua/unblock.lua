-- Takes the first job of an order from it, if it is still the first: it has ended,
-- or the queue does not hold it. The latter is believed only after a while, for a
-- job is stamped before it is put into the queue.
-- KEYS  after those of all scripts: the order list, the job's record
-- Returns 1 if the next job may be the first now, or else 0.
local id, ended, patience = unpack(ARGV)
local order, record = KEYS[#KEYS - 1], KEYS[#KEYS]

if redis.call('LINDEX', order, 0) ~= id then return 1 end
if ended == '0' then
  local stamped = tonumber(redis.call('HGET', record, 'enqueuedAt') or '0')
  if now - stamped < tonumber(patience) then return 0 end
  if redis.call('HGET', record, 'state') == 'waiting' then redis.call('DEL', record) end
end
redis.call('LPOP', order)
return 1
