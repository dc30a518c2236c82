-- Runs without the prelude. ARGV: version, instance, generation, last_run, last_job.
-- Makes the ledger where there is none; returns {generation, 1 if it was made}, or an error for a stranger.
-- Counters never stand behind what a machine knows to have been given: a server that took over may have missed it.
local P = 'aios:1:'
local meta = P .. 'meta'
if redis.call('EXISTS', meta) == 1 then
  if redis.call('HGET', meta, 'version') ~= ARGV[1] then
    return redis.error_reply('VERSION ' .. redis.call('HGET', meta, 'version'))
  end
  local owner = redis.call('HGET', meta, 'instance')
  if ARGV[2] ~= '' and owner == '' then redis.call('HSET', meta, 'instance', ARGV[2]) end
  if ARGV[2] ~= '' and owner ~= '' and owner ~= ARGV[2] then
    return redis.error_reply('INSTANCE another AIOS')
  end
  for index, name in ipairs({'last_run', 'last_job'}) do
    if tonumber(redis.call('HGET', meta, name) or 0) < tonumber(ARGV[3 + index]) then
      redis.call('HSET', meta, name, ARGV[3 + index])
    end
  end
  return {redis.call('HGET', meta, 'generation'), 0}
end
for _, machine in ipairs(redis.call('SMEMBERS', P .. 'machines')) do -- noted after the ledger was lost, before this
  redis.call('DEL', P .. 'machine:' .. machine)
end
redis.call('DEL', P .. 'machines')
redis.call('HSET', meta, 'version', ARGV[1], 'instance', ARGV[2], 'generation', ARGV[3],
  'last_run', ARGV[4], 'last_job', ARGV[5])
return {ARGV[3], 1}
