-- A landing takes its place at the end of its line. ARGV[2]: line; ARGV[3]: its label; ARGV[4]: job;
-- ARGV[5]: the landing as JSON; ARGV[6]: milliseconds that a head has for its first step.
-- Returns {1, the machine that has to watch the head from now on, or '', 1 if it is the head};
-- {0, '', 0}: the job has a landing that is not over, or there is no such job.
local key, number = ARGV[2], ARGV[4]
if redis.call('EXISTS', job_key(number)) == 0 then return {0, '', 0} end
if redis.call('HEXISTS', CLEARING, number) == 1 then return {0, '', 0} end
if redis.call('HSETNX', P .. 'lines', number, key) == 0 then return {0, '', 0} end
redis.call('SET', landing_key(number), ARGV[5])
local place = redis.call('RPUSH', line_key(key), number)
redis.call('HSET', line_key(key) .. ':head', 'label', ARGV[3])
if place == 1 then appoint(key, ARGV[6]) end
say_place(number, place, ARGV[3])
return {1, place == 2 and watch_head(key) or '', place == 1 and 1 or 0}
