-- ARGV[2]: {run: {..}, jobs: [{..}]} as JSON; ARGV[3..]: agent key and prompt, in pairs. Writes the whole plan and opens its stage.
-- Again for the same run: nothing.
local plan = cjson.decode(ARGV[2])
local run = plan.run.number
if redis.call('EXISTS', run_key(run)) == 1 then return 0 end
set_fields(run_key(run), plan.run)
for index = 3, #ARGV, 2 do redis.call('HSET', run_key(run) .. ':prompts', ARGV[index], ARGV[index + 1]) end
redis.call('ZADD', P .. 'runs', run, run)
for _, job in ipairs(plan.jobs) do
  local number = job.number
  set_fields(job_key(number), job)
  redis.call('RPUSH', run_key(run) .. ':jobs', number)
  redis.call('ZADD', P .. 'state:' .. job.state, job.since_ms, number)
  redis.call('HSET', P .. 'attempt:' .. job.attempt, 'job', number, 'agent', job.agent_key)
  if job.finished_ms == nil or job.finished_ms == '0' then
    redis.call('SADD', run_key(run) .. ':stage:' .. job.stage, number)
  end
  if job.is_open == '1' and job.weight ~= '0' then
    redis.call('SADD', machine_key(job.machine) .. ':slots', number)
  end
  if job.machine ~= '' then redis.call('SADD', P .. 'machines', job.machine) end
end
redis.call('XADD', P .. 'events', 'MAXLEN', '~', EVENTS_KEPT, '*', 'kind', 'run', 'run', run, 'job', 0, 'state', '')
open_stage(run, tonumber(plan.run.stage))
advance(run)
return 1
