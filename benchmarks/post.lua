-- For wrk: sends one request over and over, and prints the result as JSON at the end.
wrk.method = os.getenv("METHOD") or "POST"
wrk.body = os.getenv("BODY")
if wrk.body and wrk.body ~= "" then
  wrk.headers["Content-Type"] = "application/json"
end

local pause = tonumber(os.getenv("PAUSE"))
if pause and pause > 0 then
  function delay()
    return pause
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "seconds": %.6f, "refused": %d, "broken": %d, "p50": %.4f, "p99": %.4f}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
