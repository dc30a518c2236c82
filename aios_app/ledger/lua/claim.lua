-- ARGV[2]: machine id. Picks, in order, the waiting jobs that may begin; each holds its slot from now on.
-- Returns {claimed job numbers, jobs in review whose agent should be closed to make room}.
local machine = machine_key(ARGV[2])
local room = tonumber(get(machine, 'max_agents')) or 0
room = room - redis.call('SCARD', machine .. ':slots')
local claimed, blocked = {}, 0
for _, number in ipairs(redis.call('ZRANGE', machine .. ':queue', 0, -1)) do
  local key = job_key(number)
  local weight = tonumber(get(key, 'weight')) or 1
  if weight <= room or weight == 0 then
    if weight > 0 then
      room = room - weight
      redis.call('SADD', machine .. ':slots', number)
    end
    redis.call('ZREM', machine .. ':queue', number)
    redis.call('HSET', key, 'has_begun', 1)
    set_state(number, 'preparing')
    claimed[#claimed + 1] = number
  else
    blocked = blocked + 1
  end
end

local close = {}
local wanted = blocked - redis.call('SCARD', machine .. ':closing')
if wanted > 0 then
  local resting = {}
  for _, number in ipairs(redis.call('SMEMBERS', machine .. ':slots')) do
    if get(job_key(number), 'state') == 'review'
        and redis.call('SISMEMBER', machine .. ':closing', number) == 0
        and redis.call('SISMEMBER', machine .. ':kept', number) == 0 then
      resting[#resting + 1] = {tonumber(get(job_key(number), 'since_ms')), number}
    end
  end
  table.sort(resting, function(a, b) return a[1] < b[1] end)
  for index = 1, math.min(wanted, #resting) do
    close[index] = resting[index][2]
    redis.call('SADD', machine .. ':closing', close[index])
  end
end
return {claimed, close}
