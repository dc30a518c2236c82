-- ARGV[2]: attempt; ARGV[3]: 1: its machine does not answer.
-- A job that waits too long, for an answer or for its machine, holds its stage no longer.
local number = redis.call('HGET', P .. 'attempt:' .. ARGV[2], 'job')
if not number or get(job_key(number), 'attempt') ~= ARGV[2] then return 0 end
local state, reason = get(job_key(number), 'state'), get(job_key(number), 'reason')
local waits = state == 'waiting' or (state == 'queued' and string.sub(reason, 1, 12) == 'for machine ')
if not waits and ARGV[3] ~= '1' then return 0 end
count(number)
return 1
