-- As load.lua; each connection waits so many ms, the third argument, after each answer.

dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "load.lua")

local begin = init
local pause, first = 0, true

function init(args)
  begin(args)
  pause = tonumber(args[3])
end

function delay()
  -- Not all at once.
  if next_spread then
    next_spread = next_spread - 1
    if next_spread == 0 then next_spread = nil end
    return math.random(0, pause)
  end
  return pause
end

next_spread = 4000
