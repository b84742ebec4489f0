-- Tells the time, so that a process knows it between two scripts.
-- Returns {now, floor}.
return {now, floor}
