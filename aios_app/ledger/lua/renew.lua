-- A new attempt of a job. ARGV[2]: job; ARGV[3]: {state: true, ..} from which; ARGV[4]: new attempt id;
-- ARGV[5]: fields of the job; ARGV[6]: order in the queue; ARGV[7]: the old attempt;
-- ARGV[8]: mode. 0: refused, nothing changed.
local number = ARGV[2]
local key = job_key(number)
local from = cjson.decode(ARGV[3])
if not from[get(key, 'state')] or get(key, 'is_open') == '1' or get(key, 'attempt') ~= ARGV[7] then return 0 end
redis.call('HSET', P .. 'attempt:' .. ARGV[4], 'job', number, 'mode', ARGV[8])
redis.call('HINCRBY', key, 'attempt_no', 1)
redis.call('HSET', key, 'attempt', ARGV[4], 'cause', '', 'note', '')
set_fields(key, cjson.decode(ARGV[5]))
redis.call('HSET', P .. 'attempt:' .. ARGV[4], 'agent', get(key, 'agent_key'))
set_state(number, 'queued')
enqueue(number, ARGV[6], 'for a free slot')
return 1
