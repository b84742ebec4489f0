-- Tells the time, so that a process knows it between two scripts.
-- Returns {now, floor, 1 if the workers must be counted}.
return {now, floor, redis.call('HEXISTS', K.clock, 'uncounted')}
