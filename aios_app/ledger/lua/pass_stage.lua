-- ARGV[2]: attempt. A job that waits too long, for an answer or for its machine, holds its stage no longer.
local number = redis.call('HGET', P .. 'attempt:' .. ARGV[2], 'job')
if not number or get(job_key(number), 'attempt') ~= ARGV[2] then return 0 end
local state, reason = get(job_key(number), 'state'), get(job_key(number), 'reason')
if state ~= 'waiting' and not (state == 'queued' and string.sub(reason, 1, 12) == 'for machine ') then return 0 end
count(number)
return 1
