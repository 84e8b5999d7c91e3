"use strict";
// The run: its lines as columns, and what follows from them.

/** Of a message: delivered, delivered once more, lost, or held up and sent again later. */
const FATE = { DELIVERED: 0, AGAIN: 1, DROPPED: 2, BLOCKED: 3 };
const RELATION = { NONE: 0, PAST: 1, CHAIN: 2, ITSELF: 3 };

/** The bytes of base64; browsers before 2025 have no function for it. */
function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let n = 0; n < text.length; n++) bytes[n] = text.charCodeAt(n);
  return bytes;
}

/** The JSON in a gzipped element. */
async function unpacked(id) {
  const stream = new Blob([bytesOf(document.getElementById(id).textContent)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

class Run {
  /** Everything but the texts, which follow (`texts`); the ids of its elements begin with `prefix`. */
  static async read(prefix) {
    const head = JSON.parse(document.getElementById(`${prefix}head`).textContent);
    const [columns, operations] = await Promise.all([unpacked(`${prefix}columns`), unpacked(`${prefix}operations`)]);
    return new Run(head, columns, operations, prefix);
  }

  constructor(head, columns, operations, prefix) {
    Object.assign(this, { head, operations, prefix });
    const count = (this.count = columns.at.length);
    this.kinds = columns.kinds;
    this.apis = columns.apis.map((names) => names.split("/"));
    this.at = new Float64Array(count);
    this.event = new Float64Array(count);
    this.node = Int16Array.from(columns.node);
    this.kind = Uint8Array.from(columns.kind);
    this.cause = new Int32Array(count);
    /** To the violation. */
    this.past = new Uint8Array(count);
    for (let line = 0, at = 0, event = 0; line < count; line++) {
      this.at[line] = at += columns.at[line];
      this.event[line] = event += columns.event[line];
      this.cause[line] = columns.cause[line] ? line - columns.cause[line] : -1;
      this.past[line] = columns.relation.charCodeAt(line) - 48;
    }
    this.end = count ? this.at[count - 1] : 0;
    this.api = new Int16Array(count).fill(-1);
    this.peer = new Int16Array(count).fill(-1);
    this.isRequest = new Uint8Array(count);
    const { api, peer, is_request } = columns.messages;
    const isMessage = this.kinds.map((kind) => ["sent", "received", "blocked", "dropped"].includes(kind));
    for (let line = 0, n = 0; line < count; line++) {
      if (!isMessage[this.kind[line]]) continue;
      this.api[line] = api[n];
      this.peer[line] = peer[n];
      this.isRequest[line] = is_request[n++];
    }
    if (api.length !== this.api.reduce((n, api) => n + (api >= 0), 0)) throw new Error("the columns of messages do not fit the lines");
    this.violation = this.past.indexOf(RELATION.ITSELF);
    this.texts = new Array(head.texts).fill(null);
    this.observed = columns.states;
    this.states = new States(this, columns.states);
    /** The relation that is shown: to the violation, or to the first line that the other run does not have. */
    this.relation = this.past;
    if (head.parted !== null) this.part(head.parted);
    this.follow();
    this.last();
  }

  /** Of two runs: what both have is dim, the first line that the other one does not have is lit with its causes. */
  part(first) {
    this.parted = new Uint8Array(this.count).fill(RELATION.PAST, first);
    this.causes(first).forEach((line) => (this.parted[line] = RELATION.CHAIN));
    if (first < this.count) this.parted[first] = RELATION.ITSELF;
  }

  /** Chooses the relation that is shown. */
  relate(past) {
    this.relation = past === "parted" && this.parted ? this.parted : this.past;
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
    this.observed.line.forEach((line, n) => {
      const [what, fields, node] = [this.observed.what[n], this.observed.fields[n], this.node[line]];
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

  /** When each operation begins and ends; one without an end lasts until that of the run. */
  last() {
    const { from, to } = this.operations;
    this.begins = Float64Array.from(from, (line) => this.at[line]);
    this.ends = Float64Array.from(to, (line) => (line < 0 ? this.end : this.at[line]));
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

  /** Is the text of a line there? */
  isRead(line) {
    return this.texts[Math.floor(line / this.head.lines_in_text)] !== null;
  }

  /** Reads the texts, one part after the other, and says which is there. */
  async readTexts(then) {
    // The elements stand behind the script.
    if (document.readyState === "loading") {
      await new Promise((done) => document.addEventListener("DOMContentLoaded", done, { once: true }));
    }
    for (let part = 0; part < this.texts.length; part++) {
      const id = `${this.prefix}text${part}`;
      this.texts[part] = await unpacked(id);
      document.getElementById(id).remove();
      then(part);
    }
  }

  name(node) {
    return node < 0 ? "" : this.head.nodes[node];
  }

  /** The faults that strike with this line. */
  faultsOf(line) {
    if (!this.is(line, "fault")) return [];
    return this.head.faults.filter((fault) => fault.from_ns === this.at[line] && this.text(line).endsWith(fault.what));
  }

  /** A pair of nodes whose links a fault affects. */
  pair({ from, to, both }) {
    return `${this.name(from)} ${both ? "↔" : "→"} ${this.name(to)}`;
  }

  /** The first line at or after this time. */
  lineAt(at) {
    return placeIn(this.at, at);
  }

  /** What a node has said of itself, in the lines up to this one (exclusive). */
  stateBefore(node, line) {
    return this.states.before(node, line);
  }

  /** The same with its whole event. */
  stateAfter(node, line) {
    return this.states.before(node, this.eventOf(line)[1] + 1);
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

/** 12.345678 s, with as many digits as the step between two labels needs; cut, not rounded, as in the log. */
function seconds(ns, digits = 6) {
  const unit = 10 ** (9 - digits);
  return (Math.floor(ns / unit) / 10 ** digits).toFixed(digits);
}

/** Where a number is in an ascending list, or the next greater one. */
function placeIn(list, number) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
