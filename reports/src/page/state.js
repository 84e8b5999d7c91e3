// What nodes have said of themselves: the state of each at a line, and the difference of two states.

/** So many observations of a node lie between two states that are kept. */
const KEPT = 128;

class States {
  constructor(run, observed) {
    this.observed = observed;
    this.lines = run.head.nodes.map(() => []);
    this.places = run.head.nodes.map(() => []);
    observed.line.forEach((line, n) => {
      if (run.node[line] < 0) return;
      this.lines[run.node[line]].push(line);
      this.places[run.node[line]].push(n);
    });
    this.kept = run.head.nodes.map(() => [new Map()]);
  }

  /** The state of a node, by the observations up to this line (exclusive). */
  before(node, line) {
    const count = placeIn(this.lines[node], line);
    const [kept, from] = [this.kept[node], Math.floor(count / KEPT)];
    while (kept.length <= from) {
      const state = new Map(kept.at(-1));
      this.observe(state, node, (kept.length - 1) * KEPT, kept.length * KEPT);
      kept.push(state);
    }
    const state = new Map(kept[from]);
    this.observe(state, node, from * KEPT, count);
    return state;
  }

  /** Adds these observations of a node to a state. */
  observe(state, node, from, to) {
    for (let at = from; at < to; at++) {
      const n = this.places[node][at];
      apply(state, this.observed.what[n], this.observed.fields[n]);
    }
  }
}

/** What differs in two states: name, value before, value after (undefined: there was none). */
function differences(before, after) {
  const differing = [];
  for (const key of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const [was, is] = [shownValue(before.get(key)), shownValue(after.get(key))];
    if (was !== is) differing.push([key, was, is]);
  }
  return differing;
}

function shownValue(value) {
  return value === undefined ? undefined : String(value);
}

/** Adds what an observation says to a state. */
function apply(state, what, fields) {
  if (what === "Booted" || what === "Down") {
    state.clear();
    state.set("process", what === "Booted" ? "up" : "down");
    return;
  }
  if (what === "Probe") return;
  const { partition, ...rest } = fields;
  const of = partition ? `${partition} ` : "";
  if (what === "Deleted") {
    for (const key of [...state.keys()]) if (key.startsWith(of)) state.delete(key);
    return;
  }
  if (what === "BecameFollower") OF_LEADERS.forEach((key) => state.delete(of + key));
  if (what === "BecameLeader") state.delete(`${of}log end then`);
  for (const [name, value] of Object.entries(rest)) {
    const key = NAMES[`${what}.${name}`];
    if (key !== null) state.set(of + (key ?? `${what}.${name}`), value);
  }
  if (what === "BecameLeader") state.set(`${of}role`, "leader");
  if (what === "BecameFollower") state.set(`${of}role`, "follower");
  if (what === "LeadershipAnnounced") state.set("active controller", true);
  if (what === "LeadershipRenounced") state.set("active controller", false);
}

/** What only the leader of a partition has. */
const OF_LEADERS = ["epoch start", "partition epoch", "maximal ISR", "ISR", "ISR change in flight"];

/** Names of the fields of a state; null: it says nothing that lasts. */
const NAMES = {
  "RoleChanged.role": "role", "RoleChanged.epoch": "epoch", "RoleChanged.leader": "leader",
  "HighWatermark.offset": "high watermark", "HighWatermark.epoch": null, "HighWatermark.leading": null,
  "LeadershipAnnounced.epoch": "claimed epoch", "LeadershipRenounced.epoch": null,
  "Applied.end": "applied", "Published.offset": "published", "Truncated.end": "log end", "Written.end": "log end", "Truncated.epoch": null,
  "Lifecycle.state": "broker state", "Lifecycle.brokerEpoch": "broker epoch",
  "BecameLeader.epoch": "leader epoch", "BecameLeader.start": "epoch start",
  "BecameFollower.epoch": "leader epoch", "BecameFollower.end": "log end then",
  "LeaderHighWatermark.offset": "high watermark", "LeaderHighWatermark.epoch": null,
  "FollowerHighWatermark.offset": "high watermark", "FollowerHighWatermark.epoch": null,
  "IsrState.partitionEpoch": "partition epoch", "IsrState.maximal": "maximal ISR", "IsrState.effective": "ISR",
  "IsrState.inFlight": "ISR change in flight",
};
