-- ARGV[2]: machine id; ARGV[3]: {most: of the jobs that any machine may take; placed: what such a job says of it;
-- agents: {key: why it cannot be started there, or ''}; closing: agents that make room for them elsewhere;
-- only_resumed: of the machine's own jobs those that go on with their conversation} as JSON.
-- Picks, in order, the waiting jobs that may begin; each holds its slot from now on, and each of the machine's others
-- says why it waits. A lane is the agents of one login: staggered, limited and parked together.
-- Returns {claimed job numbers, jobs in review whose agent should be closed to make room, 1 if a timer was set,
-- number and reason of jobs that any machine may take, number and reason of those whose agent is not there}.
local machine = machine_key(ARGV[2])
local at = now()
local slots = redis.call('SMEMBERS', machine .. ':slots')
local room = (tonumber(get(machine, 'max_agents')) or 0) - #slots
local timer_set = 0
local offer = cjson.decode(ARGV[3])
local SHARED = P .. 'machine::queue'
local MOST_TOLD, PAGE = 200, 100
-- Of the jobs that any machine may take, for which this one has no room, it looks at no more: there are no more agents
-- that could make room for them.
local most_looked_at = #slots + offer.closing

local lanes = {}
local function lane_of(number)
  local name = get(job_key(number), 'lane')
  if not lanes[name] then
    local key = lane_key(name)
    lanes[name] = {
      name = name, key = key, used = 0, wanted = 0,
      most = tonumber(get(machine, 'max:' .. name)),
      stagger = tonumber(get(machine, 'stagger_ms:' .. name)) or 0,
      next = tonumber(get(key, 'next_ms')) or 0,
      parked = tonumber(get(key, 'until_ms')) or 0,
    }
  end
  return lanes[name]
end
for _, number in ipairs(slots) do
  local lane = lane_of(number)
  lane.used = lane.used + 1
end

local function wake_at(due, timer)
  if tonumber(redis.call('ZSCORE', machine .. ':timers', timer)) ~= due then
    redis.call('ZADD', machine .. ':timers', due, timer)
    timer_set = 1
  end
end

local blocked = 0
-- Why the job cannot begin now; nothing where it can. One that only waits for its turn has its slot kept free.
local function obstacle(number, lane, weight)
  if lane.parked > at and get(P .. 'attempt:' .. get(job_key(number), 'attempt'), 'mode') == '' then
    wake_at(lane.parked, 'lane:' .. lane.name)
    return get(lane.key, 'reason')
  end
  if weight > 0 and lane.most and lane.used >= lane.most then
    lane.wanted = lane.wanted + 1
    return 'at most ' .. lane.most .. ' ' .. lane.name .. ' at a time'
  end
  if weight > 0 and weight > room then
    blocked = blocked + 1
    return 'for a free slot'
  end
  room, lane.used = room - weight, lane.used + weight
  if lane.next > at then
    wake_at(lane.next, 'stagger:' .. lane.name)
    return 'for its turn: ' .. lane.name .. ' start ' .. lane.stagger / 1000 .. ' s apart'
  end
end

local function begin(number, lane, weight, is_shared)
  if is_shared then
    redis.call('ZREM', SHARED, number)
    redis.call('HSET', job_key(number), 'machine', ARGV[2], 'placed', offer.placed)
  end
  if weight > 0 then redis.call('SADD', machine .. ':slots', number) end
  redis.call('ZREM', machine .. ':queue', number)
  redis.call('HSET', job_key(number), 'has_begun', 1)
  set_state(number, 'preparing')
  if lane.stagger > 0 then
    lane.next = at + lane.stagger
    redis.call('HSET', lane.key, 'next_ms', lane.next)
  end
end

local claimed, kept_waiting, without_agent = {}, {}, {}
local taken, looked_at = 0, 0

local function say(list, number, reason)
  if #list < 2 * MOST_TOLD then
    list[#list + 1] = number
    list[#list + 1] = reason
  end
end

local function look_at_own(number)
  local key = job_key(number)
  if offer.only_resumed and get(P .. 'attempt:' .. get(key, 'attempt'), 'mode') ~= 'resume' then return end
  local lane, weight = lane_of(number), tonumber(get(key, 'weight')) or 1
  local reason = obstacle(number, lane, weight)
  if not reason then
    begin(number, lane, weight, false)
    claimed[#claimed + 1] = number
  elseif get(key, 'reason') ~= reason then
    redis.call('HSET', key, 'reason', reason)
    tell(number, 'queued')
  end
end

local function look_at_shared(number)
  local key = job_key(number)
  local missing = offer.agents[get(key, 'agent_key')] or ''
  if missing ~= '' then return say(without_agent, number, missing) end
  local lane, weight = lane_of(number), tonumber(get(key, 'weight')) or 1
  local blocked_before = blocked
  local reason = obstacle(number, lane, weight)
  if not reason then
    begin(number, lane, weight, true)
    claimed[#claimed + 1] = number
    taken = taken + 1
    return
  end
  say(kept_waiting, number, reason)
  if blocked > blocked_before then
    looked_at = looked_at + 1
    if offer.closing > 0 then offer.closing, blocked = offer.closing - 1, blocked_before end
  end
end

-- The shared queue may be long: it is read page by page, as far as this machine may take something of it.
local page, at_page, passed = {}, 1, 0
local function next_shared()
  if taken >= offer.most or looked_at > most_looked_at then return nil end
  if at_page > #page then
    page, at_page = redis.call('ZRANGE', SHARED, passed - taken, passed - taken + PAGE - 1, 'WITHSCORES'), 1
    passed = passed + #page / 2
    if #page == 0 then return nil end
  end
  return page[at_page], tonumber(page[at_page + 1])
end

local own = redis.call('ZRANGE', machine .. ':queue', 0, -1, 'WITHSCORES')
local at_own = 1
while true do
  local shared, shared_order = next_shared()
  local order = tonumber(own[at_own + 1])
  if not shared and not order then break end
  if shared and (not order or shared_order < order) then
    at_page = at_page + 2
    look_at_shared(shared)
  else
    at_own = at_own + 2
    look_at_own(own[at_own - 2])
  end
end

-- Agents at rest make room, those first that have rested longest.
local resting = {}
for _, number in ipairs(slots) do
  local lane = lane_of(number)
  if redis.call('SISMEMBER', machine .. ':closing', number) == 1 then
    blocked, lane.wanted = blocked - 1, lane.wanted - 1
  elseif get(job_key(number), 'state') == 'review'
      and redis.call('SISMEMBER', machine .. ':kept', number) == 0 then
    resting[#resting + 1] = {tonumber(get(job_key(number), 'since_ms')), number}
  end
end
table.sort(resting, function(a, b) return a[1] < b[1] end)
local close = {}
for _, one in ipairs(resting) do
  local lane = lane_of(one[2])
  if blocked > 0 or lane.wanted > 0 then
    blocked, lane.wanted = blocked - 1, lane.wanted - 1
    close[#close + 1] = one[2]
    redis.call('SADD', machine .. ':closing', one[2])
  end
end
return {claimed, close, timer_set, kept_waiting, without_agent}
