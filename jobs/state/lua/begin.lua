-- Takes the lease of an organisation and raises its generation: from here on, a
-- new intent wakes the organisation anew instead of trusting an older wake-up.
-- ARGV 1 token  2 lease's life (ms)  3 now (ms)
-- Returns the organisation's hash, or false while another sync holds the lease.
if not redis.call('SET', K.lease, ARGV[1], 'NX', 'PX', ARGV[2]) then return false end
redis.call('HINCRBY', K.org, 'generation', 1)
redis.call('HDEL', K.org, 'woken')
openFull(ARGV[3])
return redis.call('HGETALL', K.org)
