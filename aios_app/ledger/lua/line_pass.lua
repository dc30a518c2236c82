-- The head's work is on its branch: the next one begins while it clears up. ARGV as of line_leave.lua, without the last.
-- Returns as that.
local key, number = ARGV[2], ARGV[3]
if not is_head(key, number, ARGV[4]) then return {0, '', 0} end
redis.call('HSET', CLEARING, number, ARGV[4])
note_landing(number, ARGV[5], ARGV[7])
return {1, move_up(key, ARGV[6])}
