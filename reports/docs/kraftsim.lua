-- A post-dissector for captures of `kraftsim replay --pcap`: labels each message with its RPC, nodes, roles,
-- LeaderEpoch, offsets and fate, which are in the comment of its packet, so also those that Wireshark's Kafka dissector
-- does not know.

local kraftsim = Proto("kraftsim", "kraftsim")

local fields = {
    event = ProtoField.uint64("kraftsim.event", "Event"),
    api = ProtoField.string("kraftsim.api", "API"),
    version = ProtoField.int16("kraftsim.version", "API version"),
    kind = ProtoField.string("kraftsim.kind", "Request or response"),
    from = ProtoField.string("kraftsim.from", "From"),
    to = ProtoField.string("kraftsim.to", "To"),
    fate = ProtoField.string("kraftsim.fate", "Fate"),
    message = ProtoField.string("kraftsim.message", "Message"),
}

-- The fields of messages that have a name of their own here; the text of a message has all of them as name=value.
-- Offsets have 64 bits.
local numbers = {
    { "LeaderEpoch", ProtoField.int32("kraftsim.leader_epoch", "LeaderEpoch"), { "leaderEpoch" } },
    { "ReplicaEpoch", ProtoField.int64("kraftsim.replica_epoch", "ReplicaEpoch"), { "replicaEpoch" }, true },
    {
        "CurrentLeaderEpoch",
        ProtoField.int32("kraftsim.current_leader_epoch", "CurrentLeaderEpoch"),
        { "currentLeaderEpoch" },
    },
    { "FetchOffset", ProtoField.int64("kraftsim.fetch_offset", "FetchOffset"), { "fetchOffset" }, true },
    { "LastOffset", ProtoField.int64("kraftsim.last_offset", "LastOffset"), { "lastOffset" }, true },
    { "BaseOffset", ProtoField.int64("kraftsim.base_offset", "BaseOffset"), { "baseOffset" }, true },
    { "HighWatermark", ProtoField.int64("kraftsim.high_watermark", "HighWatermark"), { "highWatermark" }, true },
}

kraftsim.fields = {
    fields.event, fields.api, fields.version, fields.kind, fields.from, fields.to, fields.fate, fields.message,
    numbers[1][2], numbers[2][2], numbers[3][2], numbers[4][2], numbers[5][2], numbers[6][2], numbers[7][2],
}

local comments = Field.new("frame.comment")

-- The first value of a field in the text of a message.
local function number(message, names)
    for _, name in ipairs(names) do
        local value = message:match("%f[%w]" .. name .. "=(%-?%d+)")
        if value then return tonumber(value) end
    end
end

function kraftsim.dissector(buffer, pinfo, tree)
    local comment = comments()
    if not comment then return end
    local first, message, fate = comment.value:match("^([^\n]*)\n(.*)\n([^\n]*)$")
    if not first then return end
    local event, api, version, kind, from, to = first:match("^event (%d+): (%S+) v(%d+) (%S+), (.-) to (.*)$")
    if not event then return end
    local branch = tree:add(kraftsim, buffer(0, 0), "kraftsim: " .. api .. " " .. kind)
    branch:add(fields.event, UInt64.new(tonumber(event)))
    branch:add(fields.api, api)
    branch:add(fields.version, tonumber(version))
    branch:add(fields.kind, kind)
    branch:add(fields.from, from)
    branch:add(fields.to, to)
    branch:add(fields.fate, fate)
    branch:add(fields.message, message)
    local label = {}
    for _, shown in ipairs(numbers) do
        local value = number(message, shown[3])
        if value then
            branch:add(shown[2], shown[4] and Int64.new(value) or value)
            label[#label + 1] = shown[1] .. "=" .. value
        end
    end
    local lost = fate:find("^not delivered") and " [not delivered]" or ""
    pinfo.cols.protocol = "KAFKA"
    local numbers_text = table.concat(label, " ")
    pinfo.cols.info = ("%s v%s %s%s, %s to %s %s"):format(api, version, kind, lost, from, to, numbers_text)
end

register_postdissector(kraftsim)

-- Wireshark takes only port 9092 for Kafka.
DissectorTable.get("tcp.port"):add(9093, Dissector.get("kafka"))
