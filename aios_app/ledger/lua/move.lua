-- The one step by which a job comes into another state.
-- ARGV[2]: attempt; ARGV[3]: {state: true, ..} from which; ARGV[4]: to which ('' stays); ARGV[5]: fields of the job;
-- ARGV[6]: {ends: the attempt is over, finishes: counts for its stage, result: of the attempt, as JSON}.
-- 0: the attempt is stale or over, or the job is in another state, and nothing was changed.
local attempt = P .. 'attempt:' .. ARGV[2]
local number = redis.call('HGET', attempt, 'job')
if not number or get(job_key(number), 'attempt') ~= ARGV[2] or get(attempt, 'ended') == '1' then return 0 end
local from, options = cjson.decode(ARGV[3]), cjson.decode(ARGV[6])
local state = get(job_key(number), 'state')
if not from[state] then return 0 end

set_fields(job_key(number), cjson.decode(ARGV[5]))
if options.finishes and get(attempt, 'result') == '' then
  redis.call('HSET', attempt, 'result', options.result)
  local machine = get(job_key(number), 'machine')
  if machine ~= '' then redis.call('SADD', machine_key(machine) .. ':unreported', ARGV[2]) end
end
if options.ends then
  redis.call('HSET', attempt, 'ended', 1)
  redis.call('HSET', job_key(number), 'is_open', 0)
  redis.call('EXPIRE', attempt, 90 * 86400)
  free_slot(number)
end
local to = ARGV[4]
if to == '' or to == state then tell(number, state) else set_state(number, to) end
if options.finishes then finish(number, to) end
return 1
