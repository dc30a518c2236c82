-- ARGV[2]: the count of changes that the writer knows of; ARGV[3..]: name and row, in pairs.
-- 0: there was another change meanwhile, and nothing was written.
local count = P .. 'catalog:rev'
if (redis.call('GET', count) or '0') ~= ARGV[2] then return 0 end
for index = 3, #ARGV, 2 do redis.call('HSET', P .. 'catalog', ARGV[index], ARGV[index + 1]) end
redis.call('INCR', count)
return 1
