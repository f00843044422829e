-- What is asked stands in the file of the first argument, a line each: a path, or a path,
-- a tab and a JSON body. The second argument is the number of threads: each takes its own
-- lines, so that none is asked twice before all were asked once.

local threads = 0

function setup(thread)
  thread:set("nth", threads)
  threads = threads + 1
end

local asked = {}
local next_one, step = 0, 1

function init(args)
  for line in io.lines(args[1]) do
    local path, body = line:match("^([^\t]*)\t(.*)$")
    if path then
      local headers = { ["Content-Type"] = "application/json" }
      asked[#asked + 1] = wrk.format("POST", path, headers, body)
    else
      asked[#asked + 1] = wrk.format("GET", line)
    end
  end
  next_one, step = nth, tonumber(args[2])
end

function request()
  local one = asked[next_one % #asked + 1]
  next_one = next_one + step
  return one
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'LOAD {"requests":%d,"us":%d,"broken":%d,"refused":%d,"late":%d,"p50_us":%d,"p99_us":%d}\n',
    summary.requests, summary.duration, errors.connect + errors.read + errors.write,
    errors.status, errors.timeout, latency:percentile(50), latency:percentile(99)))
end
