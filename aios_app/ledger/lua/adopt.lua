-- ARGV[2]: job; ARGV[3]: its fields as JSON; ARGV[4]: the cause for which it is lost in a ledger that was written again.
-- Its machine tells what became of it. 0: somebody has told, or decided otherwise, and nothing was changed.
local number, fields = ARGV[2], cjson.decode(ARGV[3])
local key = job_key(number)
if get(key, 'state') ~= 'lost' or get(key, 'cause') ~= ARGV[4] then return 0 end
redis.call('ZREM', P .. 'state:lost', number)
redis.call('HSET', key, 'cause', '')
set_fields(key, fields)
redis.call('ZADD', P .. 'state:' .. fields.state, fields.since_ms, number)
redis.call('HSET', P .. 'attempt:' .. fields.attempt, 'job', number, 'agent', fields.agent_key)
if fields.is_open == '1' and fields.weight ~= '0' then
  redis.call('SADD', machine_key(fields.machine) .. ':slots', number)
end
if (tonumber(fields.finished_ms) or 0) > 0 then count(number) end
if fields.state == 'queued' then enqueue(number, number, 'for a free slot') end
tell(number, fields.state)
return 1
