-- Moves entries that no program of ours can have written out of the relay's way.
-- KEYS 1 outbox  2 what was set aside
-- ARGV 1 how many of those are kept  2.. positions
-- Returns how many were moved: one that another worker has moved is gone.
local moved = 0
for n = 2, #ARGV do
  local entry = redis.call('XRANGE', KEYS[1], ARGV[n], ARGV[n])[1]
  if entry then
    local kept = {'position', ARGV[n]}
    for i = 1, math.min(#entry[2], 20) do
      kept[#kept + 1] = string.sub(entry[2][i], 1, 2048)
    end
    redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[1], '*', unpack(kept))
    redis.call('XDEL', KEYS[1], ARGV[n])
    moved = moved + 1
  end
end
return moved
