-- ARGV[2]: attempt. Returns its hash and that of its job, flat; nothing where there is no such attempt.
local attempt = redis.call('HGETALL', P .. 'attempt:' .. ARGV[2])
local number = redis.call('HGET', P .. 'attempt:' .. ARGV[2], 'job')
if not number then return {} end
return {attempt, redis.call('HGETALL', job_key(number))}
