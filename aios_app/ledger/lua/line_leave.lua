-- The head's landing is over, and the next one's begins. ARGV[2]: line; ARGV[3]: job; ARGV[4]: id of the landing;
-- ARGV[5]: the landing as JSON; ARGV[6]: milliseconds that the next head has for its first step;
-- ARGV[7]: what the job says of it; ARGV[8]: 1: only if the head's time is over.
-- Returns {1, the machine that is to watch the new head}; {0, ''}: it is not the head, or has time left.
local key, number = ARGV[2], ARGV[3]
local head = line_key(key) .. ':head'
if not is_head(key, number, ARGV[4]) then return {0, ''} end
if ARGV[8] == '1' and (tonumber(get(head, 'until_ms')) or 0) > now() then return {0, ''} end
redis.call('LPOP', line_key(key))
redis.call('HDEL', P .. 'lines', number)
redis.call('SET', landing_key(number), ARGV[5])
redis.call('HSET', job_key(number), 'landing', ARGV[7])
tell(number, get(job_key(number), 'state'))
local left = redis.call('LRANGE', line_key(key), 0, -1)
if #left == 0 then
  redis.call('DEL', head)
  return {1, ''}
end
appoint(key, ARGV[6])
for place, other in ipairs(left) do say_place(other, place, get(head, 'label')) end
return {1, watch_head(key)}
