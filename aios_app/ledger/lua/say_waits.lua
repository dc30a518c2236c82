-- ARGV[2]: machine id, '' for the jobs that any may take; ARGV[3..]: job and reason, in pairs.
local queue = machine_key(ARGV[2]) .. ':queue'
for index = 3, #ARGV, 2 do
  local number, reason = ARGV[index], ARGV[index + 1]
  if redis.call('ZSCORE', queue, number) and get(job_key(number), 'reason') ~= reason then
    redis.call('HSET', job_key(number), 'reason', reason)
    tell(number, 'queued')
  end
end
return 1
