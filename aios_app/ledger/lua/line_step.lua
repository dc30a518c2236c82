-- The head goes on. ARGV[2]: line; ARGV[3]: job; ARGV[4]: id of the landing; ARGV[5]: the landing as JSON;
-- ARGV[6]: milliseconds that the next step may take; ARGV[7]: what the job says of it.
-- 0: it is not the head (any more), and nothing was changed.
local key, number = ARGV[2], ARGV[3]
if not is_head(key, number, ARGV[4]) then return 0 end
redis.call('SET', landing_key(number), ARGV[5])
redis.call('HSET', job_key(number), 'landing', ARGV[7])
set_until(key, ARGV[6])
watch_head(key)
tell(number, get(job_key(number), 'state'))
return 1
