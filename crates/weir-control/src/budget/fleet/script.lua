-- What a gateway asks of the shared ledger, all at once. `script.rs` writes the words and reads the answer; `../fleet.rs`
-- says what it is for.
--
-- KEYS[1] the epoch: since when this memory is there, in milliseconds of the server's clock.
-- KEYS[2] the gateways: a hash of id -> "lapses_at:turn:incarnation:epoch". The epoch is there when the gateway grants nothing
--         by itself any more.
-- KEYS[3..] accounts: each a hash of gateway -> "settled:committed:incarnation", absolute amounts of that gateway.
--
-- Amounts are doubles here, exact up to 2^53; they are written with %.0f because tostring would cut them to 14 digits.

local FORGOTTEN_MS = 24 * 3600 * 1000

local at = 0
local function word()
  at = at + 1
  return ARGV[at]
end
local function number()
  return tonumber(word())
end

local id, incarnation, turn = word(), word(), number()
local lease_ms, warm_ms = number(), number()
local has_told_all, wants_peers = word() == '1', word() == '1'
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

-- A command that was given up may be carried out after later ones of the same gateway. It must change nothing.
local members = redis.call('HGETALL', KEYS[2])
local alive, gateways, states = {}, 1, {}
for i = 1, #members, 2 do
  local lapses_at, last, its, state = string.match(members[i + 1], '^(%d+):(%d+):([^:]*):(.*)$')
  lapses_at = tonumber(lapses_at)
  if members[i] == id then
    if tonumber(last) >= turn then
      return { 'late', last }
    end
  elseif lapses_at > now then
    alive[members[i]] = its
    states[#states + 1] = state
    gateways = gateways + 1
  elseif lapses_at + FORGOTTEN_MS < now then
    redis.call('HDEL', KEYS[2], members[i])
  end
end

-- Accounts as they are now: what this gateway says of itself, what others have said.
local accounts, is_lost = {}, false
for n = 1, number() do
  local account = { key = KEYS[2 + n], settled = number(), committed = number(), ttl_ms = number() }
  local was_written = word() == '1'
  -- What gateways had settled that this memory no longer knows.
  for _ = 1, number() do
    local gateway, settled = word(), word()
    redis.call('HSETNX', account.key, gateway, settled .. ':' .. settled .. ':')
  end
  local fields = redis.call('HGETALL', account.key)
  account.others_settled, account.others_reserved = 0, 0
  account.inherited, account.peers = 0, {}
  for i = 1, #fields, 2 do
    local settled, committed, its = string.match(fields[i + 1], '^(%d+):(%d+):(.*)$')
    settled, committed = tonumber(settled), tonumber(committed)
    if fields[i] == id then
      account.is_written = true
      -- What an earlier run of this gateway had settled is its own; it may know less of it.
      if its ~= incarnation and settled > account.settled then
        account.inherited = settled - account.settled
        account.settled = account.settled + account.inherited
        account.committed = account.committed + account.inherited
      end
    else
      account.others_settled = account.others_settled + settled
      -- Reservations lapse with their gateway.
      if alive[fields[i]] == its and committed > settled then
        account.others_reserved = account.others_reserved + committed - settled
      end
      if wants_peers and settled > 0 then
        account.peers[#account.peers + 1] = fields[i]
        account.peers[#account.peers + 1] = string.format('%.0f', settled)
      end
    end
  end
  is_lost = is_lost or (was_written and not account.is_written)
  accounts[n] = account
end

-- Memory that was lost begins anew, and grants nothing until gateways have had time to say again what they have, and
-- each of them has stopped granting by itself.
local epoch = redis.call('GET', KEYS[1])
if not epoch or is_lost then
  epoch = string.format('%.0f', now)
  redis.call('SET', KEYS[1], epoch)
end
local has_waited = now >= tonumber(epoch) + warm_ms
local is_ready = has_waited and has_told_all
local is_whole = is_ready
for _, state in ipairs(states) do
  is_whole = is_whole and state == epoch
end
redis.call('HSET', KEYS[2], id,
  string.format('%.0f:%.0f:%s:%s', now + lease_ms, turn, incarnation, is_ready and epoch or ''))

local answers = {}
for n = 1, number() do
  local wants, answer = {}, { 0 }
  for place = 1, number() do
    local account, amount, limit, is_enforced = accounts[number()], number(), number(), word() == '1'
    wants[place] = { account, amount }
    if account.committed + account.others_settled + account.others_reserved + amount > limit then
      answer[#answer + 1] = place
      if is_enforced and answer[1] == 0 then
        answer[1] = place
      end
    end
  end
  if is_whole and answer[1] == 0 then
    for _, want in ipairs(wants) do
      want[1].committed = want[1].committed + want[2]
    end
  end
  answers[n] = answer
end

local others = {}
for n, account in ipairs(accounts) do
  if account.settled > 0 or account.committed > 0 then
    redis.call('HSET', account.key, id, string.format('%.0f:%.0f:%s', account.settled, account.committed, incarnation))
    redis.call('PEXPIRE', account.key, account.ttl_ms)
  elseif account.is_written then
    redis.call('HDEL', account.key, id)
  end
  others[n] = {
    string.format('%.0f', account.others_settled), string.format('%.0f', account.others_reserved),
    string.format('%.0f', account.inherited), account.peers,
  }
end

local state = is_whole and 'whole' or (has_waited and 'closing' or 'filling')
return { state, epoch, gateways, others, answers }
