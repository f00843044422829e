-- As load.lua; each connection waits so many ms, the third argument, after each answer.

dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "load.lua")

local begin = init
local pause = 0
-- So many waits are of any length, so that not all ask at once.
local spread = 4000

function init(args)
  begin(args)
  pause = tonumber(args[3])
end

function delay()
  if spread == 0 then return pause end
  spread = spread - 1
  return math.random(0, pause)
end
