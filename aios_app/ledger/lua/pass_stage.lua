-- ARGV[2]: attempt. A job that waits too long for an answer holds its stage no longer.
local number = redis.call('HGET', P .. 'attempt:' .. ARGV[2], 'job')
if not number or get(job_key(number), 'attempt') ~= ARGV[2] then return 0 end
if get(job_key(number), 'state') ~= 'waiting' then return 0 end
count(number)
return 1
