-- ARGV[2]: job; ARGV[3]: fields. Something shown of the job has changed, its state has not.
if redis.call('EXISTS', job_key(ARGV[2])) == 0 then return 0 end
set_fields(job_key(ARGV[2]), cjson.decode(ARGV[3]))
tell(ARGV[2], get(job_key(ARGV[2]), 'state'))
return 1
