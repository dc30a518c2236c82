-- The head goes on, or one that clears up. ARGV[2]: line; ARGV[3]: job; ARGV[4]: id of the landing;
-- ARGV[5]: the landing as JSON; ARGV[6]: milliseconds that the next step may take; ARGV[7]: what the job says of it.
-- 0: it is neither (any more), and nothing was changed.
local key, number = ARGV[2], ARGV[3]
if is_head(key, number, ARGV[4]) then
  set_until(key, ARGV[6])
  watch_head(key)
elseif not is_clearing(number, ARGV[4]) then
  return 0
end
note_landing(number, ARGV[5], ARGV[7])
return 1
