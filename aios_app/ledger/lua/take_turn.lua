-- ARGV[2]: attempt. Gives the attempt the time at which its lane lets its agent start, once; returns the
-- milliseconds until then.
local attempt = P .. 'attempt:' .. ARGV[2]
local job = job_key(get(attempt, 'job'))
local stagger = tonumber(get(machine_key(get(job, 'machine')), 'stagger_ms:' .. get(job, 'lane'))) or 0
if stagger == 0 then return 0 end
local turn = tonumber(get(attempt, 'turn_ms'))
if not turn then
  local lane = lane_key(get(job, 'lane'))
  turn = math.max(now(), tonumber(get(lane, 'spawn_ms')) or 0)
  redis.call('HSET', lane, 'spawn_ms', turn + stagger)
  redis.call('HSET', attempt, 'turn_ms', turn)
end
return math.max(0, turn - now())
