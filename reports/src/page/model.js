"use strict";
// The run: its lines as columns, and what follows from them.

/** Of a message: delivered, delivered once more, lost, or held up and sent again later. */
const FATE = { DELIVERED: 0, AGAIN: 1, DROPPED: 2, BLOCKED: 3 };
const RELATION = { NONE: 0, PAST: 1, CHAIN: 2, ITSELF: 3 };

/** The JSON in a gzipped element. */
async function unpacked(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

class Run {
  /** Everything but the texts, which follow (`texts`). */
  static async read(head) {
    const [columns, operations] = await Promise.all([unpacked("columns"), unpacked("operations")]);
    return new Run(head, columns, operations);
  }

  constructor(head, columns, operations) {
    Object.assign(this, { head, operations });
    const count = (this.count = columns.at.length);
    this.kinds = columns.kinds;
    this.apis = columns.apis.map((names) => names.split("/"));
    this.at = new Float64Array(count);
    this.event = new Float64Array(count);
    this.node = Int16Array.from(columns.node);
    this.kind = Uint8Array.from(columns.kind);
    this.cause = new Int32Array(count);
    this.relation = new Uint8Array(count);
    for (let line = 0, at = 0, event = 0; line < count; line++) {
      this.at[line] = at += columns.at[line];
      this.event[line] = event += columns.event[line];
      this.cause[line] = columns.cause[line] ? line - columns.cause[line] : -1;
      this.relation[line] = columns.relation.charCodeAt(line) - 48;
    }
    this.end = count ? this.at[count - 1] : 0;
    this.api = new Int16Array(count).fill(-1);
    this.peer = new Int16Array(count).fill(-1);
    this.isRequest = new Uint8Array(count);
    const { line: lines, api, peer, is_request } = columns.messages;
    lines.forEach((line, n) => {
      this.api[line] = api[n];
      this.peer[line] = peer[n];
      this.isRequest[line] = is_request[n];
    });
    this.violation = this.relation.indexOf(RELATION.ITSELF);
    this.texts = new Array(head.texts).fill(null);
    this.states = columns.states;
    this.follow();
  }

  is(line, kind) {
    return this.kinds[this.kind[line]] === kind;
  }

  /** What is drawn: messages from end to end, roles over time; and what the keys lead to. */
  follow() {
    const [SENT, RECEIVED] = ["sent", "received"].map((kind) => this.kinds.indexOf(kind));
    const lost = new Set(["dropped", "blocked"].map((kind) => this.kinds.indexOf(kind)));
    this.arrows = { from: [], to: [], fate: [] };
    const delivered = new Uint8Array(this.count);
    for (let line = 0; line < this.count; line++) {
      const sent = this.cause[line];
      if (this.kind[line] === RECEIVED && sent >= 0 && this.kind[sent] === SENT) {
        this.arrow(sent, line, delivered[sent] ? FATE.AGAIN : FATE.DELIVERED);
        delivered[sent] = 1;
      } else if (lost.has(this.kind[line])) {
        const from = sent >= 0 && this.kind[sent] === SENT ? sent : line;
        this.arrow(from, line, this.is(line, "dropped") ? FATE.DROPPED : FATE.BLOCKED);
      }
    }
    this.roles = this.head.nodes.map(() => []);
    this.leaders = []; // of the quorum
    this.commits = []; // of the metadata log
    this.partitionLeaders = [];
    this.partitionCommits = [];
    let highest = -1;
    this.states.line.forEach((line, n) => {
      const [what, fields, node] = [this.states.what[n], this.states.fields[n], this.node[line]];
      if (node < 0) return;
      const roles = this.roles[node];
      if (this.head.clients[node]) return;
      if (what === "RoleChanged") {
        roles.push({ line, at: this.at[line], role: fields.role, epoch: fields.epoch });
        if (fields.role === "Leader") this.leaders.push(line);
      } else if (what === "Booted") {
        roles.push({ line, at: this.at[line], role: "Up", epoch: null });
      } else if (what === "Down") {
        roles.push({ line, at: this.at[line], role: "Down", epoch: null });
      } else if (what === "LeadershipRenounced") {
        this.leaders.push(line);
      } else if (what === "HighWatermark" && fields.offset > highest) {
        highest = fields.offset;
        this.commits.push(line);
      } else if (what === "BecameLeader") {
        this.partitionLeaders.push(line);
      } else if (what === "LeaderHighWatermark") {
        this.partitionCommits.push(line);
      }
    });
  }

  arrow(from, to, fate) {
    this.arrows.from.push(from);
    this.arrows.to.push(to);
    this.arrows.fate.push(fate);
  }

  /** The text of a line, if its part is there. */
  text(line) {
    const part = this.texts[Math.floor(line / this.head.lines_in_text)];
    return part === null ? "…" : part[line % this.head.lines_in_text];
  }

  /** Reads the texts, one part after the other, and says so. */
  async readTexts(then) {
    for (let part = 0; part < this.texts.length; part++) {
      this.texts[part] = await unpacked(`text${part}`);
      document.getElementById(`text${part}`).remove();
      then(part + 1 === this.texts.length);
    }
  }

  name(node) {
    return node < 0 ? "" : this.head.nodes[node];
  }

  /** The first line at or after this time. */
  lineAt(at) {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at[middle] < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The role of a server at a time. */
  roleAt(node, at) {
    const roles = this.roles[node];
    let found = null;
    for (const role of roles) {
      if (role.at > at) break;
      found = role;
    }
    return found;
  }

  /** What a node has said of itself, in the states up to this line (exclusive). */
  stateBefore(node, line) {
    const state = new Map();
    for (let n = 0; n < this.states.line.length && this.states.line[n] < line; n++) {
      if (this.node[this.states.line[n]] === node) apply(state, this.states.what[n], this.states.fields[n]);
    }
    return state;
  }

  /** The first and the last line of the same event. */
  eventOf(line) {
    let [first, last] = [line, line];
    while (first > 0 && this.event[first - 1] === this.event[line]) first--;
    while (last + 1 < this.count && this.event[last + 1] === this.event[line]) last++;
    return [first, last];
  }

  /** A line and what caused it, the latest first. */
  causes(line) {
    const chain = [];
    for (let at = line; at >= 0; at = this.cause[at]) chain.push(at);
    return chain;
  }
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

/** 12.345678 s, with as many digits as the step between two labels needs. */
function seconds(ns, digits = 6) {
  return (ns / 1e9).toFixed(digits);
}
