-- ARGV[2]: job; ARGV[3]: {state: true, ..} from which; ARGV[4]: to which; ARGV[5]: fields of the job.
-- The work of a job that is over is landed or dropped, or is back again; its attempt stays as it is.
-- 0: the job is in another state, or its agent is open, and nothing was changed.
local key = job_key(ARGV[2])
local from, state = cjson.decode(ARGV[3]), get(key, 'state')
if state == '' or not from[state] or get(key, 'is_open') == '1' then return 0 end
set_fields(key, cjson.decode(ARGV[5]))
if ARGV[4] == state then tell(ARGV[2], state) else set_state(ARGV[2], ARGV[4]) end
return 1
