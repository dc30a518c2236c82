-- Shared by all scripts, put in front of each. Keys: see keys.py.
-- ARGV[1] of every script is the generation that the caller knows; a writer of another one is refused.
if redis.replicate_commands then redis.replicate_commands() end -- Redis before 7 needs it to write after TIME

local P = 'aios:1:'
local EVENTS_KEPT = 20000
local AHEAD = 1e9

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function refuse_strangers()
  local generation = redis.call('HGET', P .. 'meta', 'generation')
  if not generation then return redis.error_reply('LOST no ledger in this database') end
  if generation ~= ARGV[1] then return redis.error_reply('STALE ' .. generation) end
  return nil
end

local function job_key(number) return P .. 'job:' .. number end
local function run_key(number) return P .. 'run:' .. number end
local function machine_key(id) return P .. 'machine:' .. id end
local function lane_key(name) return P .. 'lane:' .. name end
local function get(key, field) return redis.call('HGET', key, field) or '' end

local function tell(number, state)
  redis.call('XADD', P .. 'events', 'MAXLEN', '~', EVENTS_KEPT, '*',
    'kind', 'job', 'run', get(job_key(number), 'run'), 'job', number, 'state', state)
end

local function set_fields(key, fields)
  local flat = {}
  for name, value in pairs(fields) do
    flat[#flat + 1] = name
    flat[#flat + 1] = tostring(value)
  end
  if #flat > 0 then redis.call('HSET', key, unpack(flat)) end
end

-- States in which the check of a turn that is over goes on: its agent may be closed, and brought back.
local CHECKED_IN = {review = true, queued = true, preparing = true}

-- The one place that changes a job's state: the hash, the state sets, the machine's queue, the event.
local function set_state(number, state)
  local key = job_key(number)
  local old = get(key, 'state')
  local at = math.max(now(), tonumber(get(key, 'since_ms')) or 0) -- clients tell by it what is newer
  if old ~= '' then redis.call('ZREM', P .. 'state:' .. old, number) end
  redis.call('ZADD', P .. 'state:' .. state, at, number)
  redis.call('HSET', key, 'state', state, 'since_ms', at)
  if old == 'queued' then redis.call('ZREM', machine_key(get(key, 'machine')) .. ':queue', number) end
  if state ~= 'queued' then redis.call('HSET', key, 'reason', '') end
  if (state == 'running' or state == 'review') and (tonumber(get(key, 'started_ms')) or 0) == 0 then
    redis.call('HSET', key, 'started_ms', at)
  end
  if state ~= 'waiting' then redis.call('HSET', key, 'question', '') end
  local check = get(key, 'check')
  local is_pending = check == 'queued' or check == 'running'
  if state == 'running' or (is_pending and not CHECKED_IN[state]) then
    redis.call('HSET', key, 'check', '', 'check_ms', 0)
  end
  if state == 'running' and redis.call('HEXISTS', P .. 'lines', number) == 0 then
    redis.call('HSET', key, 'landing', '') -- what came of the last one is of what it was before
  end
  tell(number, state)
end

-- The job waits for a slot of its machine; those with the lowest order go first. What any machine may take and takes no
-- slot stands before all others: no machine reads on where it has no room.
local function enqueue(number, order, reason)
  local key = job_key(number)
  if get(key, 'machine') == '' and get(key, 'weight') == '0' then order = order - AHEAD end
  redis.call('ZADD', machine_key(get(key, 'machine')) .. ':queue', order, number)
  redis.call('HSET', key, 'reason', reason)
end

local function free_slot(number)
  local machine = machine_key(get(job_key(number), 'machine'))
  redis.call('SREM', machine .. ':slots', number)
  redis.call('SREM', machine .. ':closing', number)
  redis.call('SREM', machine .. ':kept', number)
end

local function open_stage(run, index)
  redis.call('HSET', run_key(run), 'stage', index)
  for _, number in ipairs(redis.call('SMEMBERS', run_key(run) .. ':stage:' .. index)) do
    if get(job_key(number), 'state') == 'queued' then enqueue(number, number, 'for a free slot') end
  end
end

-- Opens the next stage that has jobs once the open one has none left.
local function advance(run)
  local stage = tonumber(get(run_key(run), 'stage'))
  local last = tonumber(get(run_key(run), 'stages')) - 1
  while stage < last and redis.call('SCARD', run_key(run) .. ':stage:' .. stage) == 0 do
    stage = stage + 1
    open_stage(run, stage)
  end
end

-- Counts the job for its stage, once.
local function count(number)
  local key = job_key(number)
  local run = get(key, 'run')
  if redis.call('SREM', run_key(run) .. ':stage:' .. get(key, 'stage'), number) == 1 then advance(run) end
end

local function finish(number, state)
  local key = job_key(number)
  if tonumber(get(key, 'finished_ms')) == nil or get(key, 'finished_ms') == '0' then
    redis.call('HSET', key, 'finished_ms', now())
  end
  local run = get(key, 'run')
  if state == 'failed' and get(run_key(run), 'fail_fast') == '1' then
    for _, other in ipairs(redis.call('LRANGE', run_key(run) .. ':jobs', 0, -1)) do
      if other ~= tostring(number) and get(job_key(other), 'state') == 'queued'
          and get(job_key(other), 'has_begun') ~= '1' then
        redis.call('HSET', job_key(other), 'cause', 'not started: job ' .. number .. ' failed', 'finished_ms', now())
        set_state(other, 'stopped')
        redis.call('SREM', run_key(run) .. ':stage:' .. get(job_key(other), 'stage'), other)
      end
    end
  end
  count(number)
end

local refused = refuse_strangers()
if refused then return refused end
