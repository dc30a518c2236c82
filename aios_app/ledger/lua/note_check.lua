-- ARGV[2]: job; ARGV[3]: turns; ARGV[4]: {check: true, ..} from which; ARGV[5]: fields of the job.
-- What becomes of the check of that turn. 0: the job has had a further turn, or its check is another (a further turn
-- that has begun has taken it away), and nothing was changed.
local key = job_key(ARGV[2])
local from = cjson.decode(ARGV[4])
if (tonumber(get(key, 'turns')) or 0) ~= tonumber(ARGV[3]) then return 0 end
if not from[get(key, 'check')] then return 0 end
set_fields(key, cjson.decode(ARGV[5]))
tell(ARGV[2], get(key, 'state'))
return 1
