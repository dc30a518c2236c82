-- Shared by the scripts of the line, put in front of each after the prelude.
local ORDINALS = {'', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth', 'tenth'}

local CLEARING = P .. 'lines:clearing'

local function line_key(key) return P .. 'line:' .. key end
local function landing_key(number) return job_key(number) .. ':landing' end

local function is_head(key, number, landing)
  return redis.call('LINDEX', line_key(key), 0) == number and get(line_key(key) .. ':head', 'landing') == landing
end

-- Its work is on the branch, and it clears up behind the line.
local function is_clearing(number, landing)
  return redis.call('HGET', CLEARING, number) == landing
end

local function note_landing(number, text, words)
  redis.call('SET', landing_key(number), text)
  redis.call('HSET', job_key(number), 'landing', words)
  tell(number, get(job_key(number), 'state'))
end

local function say_place(number, place, label)
  local words = 'lands on ' .. label
  if place > 1 then words = (ORDINALS[place] or 'number ' .. place) .. ' in line for ' .. label end
  redis.call('HSET', job_key(number), 'landing', words)
  tell(number, get(job_key(number), 'state'))
end

-- The machine of the second in line looks at the head when its time is over. Returns that machine, or ''.
local function watch_head(key)
  local second = redis.call('LINDEX', line_key(key), 1)
  if not second then return '' end
  local machine = get(job_key(second), 'machine')
  redis.call('ZADD', machine_key(machine) .. ':timers', get(line_key(key) .. ':head', 'until_ms'), 'line:' .. key)
  return machine
end

local function set_until(key, lease_ms)
  redis.call('HSET', line_key(key) .. ':head', 'until_ms', now() + tonumber(lease_ms))
end

-- Whoever stands first now may land.
local function appoint(key, lease_ms)
  local number = redis.call('LINDEX', line_key(key), 0)
  local landing = cjson.decode(redis.call('GET', landing_key(number)))
  redis.call('HSET', line_key(key) .. ':head', 'landing', landing.id, 'machine', get(job_key(number), 'machine'))
  set_until(key, lease_ms)
end

-- The head leaves and the others move up. Returns the machine that is to watch the new head, or '', and 1 if there is one.
local function move_up(key, lease_ms)
  redis.call('HDEL', P .. 'lines', redis.call('LPOP', line_key(key)))
  local head, left = line_key(key) .. ':head', redis.call('LRANGE', line_key(key), 0, -1)
  if #left == 0 then
    redis.call('DEL', head)
    return '', 0
  end
  appoint(key, lease_ms)
  for place, other in ipairs(left) do say_place(other, place, get(head, 'label')) end
  return watch_head(key), 1
end
