-- ARGV[2..]: states. Of the jobs in them: {reason and count of those that are queued, in pairs}, how many runs they are of.
local waits, is_open, runs_open = {}, {}, 0
for index = 2, #ARGV do
  for _, number in ipairs(redis.call('ZRANGE', P .. 'state:' .. ARGV[index], 0, -1)) do
    local run, reason = unpack(redis.call('HMGET', job_key(number), 'run', 'reason'))
    if not is_open[run] then is_open[run], runs_open = true, runs_open + 1 end
    if ARGV[index] == 'queued' then waits[reason or ''] = (waits[reason or ''] or 0) + 1 end
  end
end
local flat = {}
for reason, count in pairs(waits) do
  flat[#flat + 1] = reason
  flat[#flat + 1] = count
end
return {flat, runs_open}
