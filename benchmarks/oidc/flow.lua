-- The authorization code flow of somebody who is signed in: GET authorize, then POST token with the
-- code that came back. Half of the requests are one, half the other.
local authorize = os.getenv("AUTHORIZE")
local cookie = { ["Cookie"] = os.getenv("COOKIE") }
local form = os.getenv("BODY") .. "&code="
local token_path = os.getenv("TOKEN_PATH")
local headers = {
  ["Content-Type"] = "application/x-www-form-urlencoded",
  ["Authorization"] = os.getenv("AUTHORIZATION"),
}
local threads, codes = {}, {}
flows, refused = 0, 0

function setup(thread)
  table.insert(threads, thread)
end

function request()
  local code = table.remove(codes)
  if code then
    return wrk.format("POST", token_path, headers, form .. code)
  end
  return wrk.format("GET", authorize, cookie)
end

function response(status, received, body)
  local location = received["Location"] or received["location"]
  local code = location and location:match("[?&]code=([^&]+)")
  if code then
    table.insert(codes, code)
  elseif status == 200 and body:find("id_token", 1, true) then
    flows = flows + 1
  else
    refused = refused + 1
  end
end

function done(summary, latency)
  local finished, failed = 0, 0
  for _, thread in ipairs(threads) do
    finished = finished + thread:get("flows")
    failed = failed + thread:get("refused")
  end
  io.write(string.format("RESULT %d %d %d %d %d\n", finished, summary.duration,
    latency:percentile(50), latency:percentile(99), failed))
end
