-- A landing is over; of the head, the next one's begins. ARGV[2]: line; ARGV[3]: job; ARGV[4]: id of the landing;
-- ARGV[5]: the landing as JSON; ARGV[6]: milliseconds that the next head has for its first step;
-- ARGV[7]: what the job says of it; ARGV[8]: 1: only if the head's time is over.
-- Returns {1, the machine that is to watch the new head, or '', 1 if there is a new head};
-- {0, '', 0}: it neither is the head nor clears up, or has time left.
local key, number = ARGV[2], ARGV[3]
if is_clearing(number, ARGV[4]) then
  redis.call('HDEL', CLEARING, number)
  note_landing(number, ARGV[5], ARGV[7])
  return {1, '', 0}
end
if not is_head(key, number, ARGV[4]) then return {0, '', 0} end
if ARGV[8] == '1' and (tonumber(get(line_key(key) .. ':head', 'until_ms')) or 0) > now() then return {0, '', 0} end
note_landing(number, ARGV[5], ARGV[7])
return {1, move_up(key, ARGV[6])}
