-- ARGV[2]: how many jobs. Gives a run number and that many job numbers away; they are never given again.
local jobs = tonumber(ARGV[2])
local run = redis.call('HINCRBY', P .. 'meta', 'last_run', 1)
local last = redis.call('HINCRBY', P .. 'meta', 'last_job', jobs)
return {run, last - jobs + 1, now()}
