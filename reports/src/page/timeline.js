// The drawn run: a lane for each node over time, messages as arrows, faults as shades.

const LANE = 34;
const AXIS = 20;
/** More arrows than this cannot be told apart: only causes of the violation and lost messages are drawn then. */
const MOST_ARROWS = 4000;
/** Of the chosen line's causes so many are drawn. */
const MOST_LINKS = 150;

/** Okabe and Ito's colours, which people with any colour vision can tell apart. */
const COLOURS = {
  blue: "#0072b2", sky: "#56b4e9", green: "#009e73", yellow: "#e6c700", orange: "#e69f00", red: "#d55e00", pink: "#cc79a7",
};
const ROLE_COLOURS = {
  Leader: COLOURS.green, Follower: COLOURS.sky, Candidate: COLOURS.orange, Prospective: COLOURS.yellow,
  Resigned: COLOURS.pink, Unattached: "#9a9a9a", Up: "#bdbdbd",
};
const API_COLOURS = {
  Fetch: "#8a8a8a", Vote: COLOURS.orange, BeginQuorumEpoch: COLOURS.green, EndQuorumEpoch: COLOURS.pink, Produce: COLOURS.blue,
  AlterPartition: COLOURS.yellow, BrokerHeartbeat: COLOURS.sky, BrokerRegistration: COLOURS.sky, AppendRecords: COLOURS.blue,
};
const OTHER_API = "#7570b3";
const FAULT_COLOURS = { network: COLOURS.orange, process: COLOURS.pink, clock: COLOURS.yellow, disk: COLOURS.red };
const OUTCOMES = [
  { name: "unanswered", colour: "#9a9a9a", shape: "broken" }, { name: "succeeded", colour: COLOURS.blue, shape: "bar" },
  { name: "failed", colour: COLOURS.red, shape: "hollow" }, { name: "unknown", colour: COLOURS.orange, shape: "broken" },
];
/** Of a fault so many pairs of nodes are joined by lines. */
const MOST_PAIRS = 12;
/** How far beyond the end of the run a view may reach, so that the last line is seen. */
const BEYOND = 1.02;

class Timeline {
  constructor(run, filter, view, side, canvas) {
    Object.assign(this, { run, filter, view, side, canvas });
    this.named = new Set(run.operations.named);
    this.label = 190;
  }

  /** The chosen line, if it is one of this run; -1 otherwise. */
  get chosen() {
    return this.view.side === this.side ? this.view.line : -1;
  }

  /** Makes a canvas as sharp as the screen, and returns its context and size. */
  static sized(canvas, height) {
    const [width, scale] = [canvas.clientWidth, window.devicePixelRatio || 1];
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    }
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    return { context, width, height };
  }

  x(at) {
    const { from, to } = this.view;
    return this.label + ((at - from) / (to - from)) * (this.width - this.label);
  }

  atX(x) {
    const { from, to } = this.view;
    return from + ((x - this.label) / (this.width - this.label)) * (to - from);
  }

  y(node) {
    return AXIS + node * LANE + LANE / 2;
  }

  /** The colour of a message's RPC: of the one inside, if it is forwarded. */
  static colourOf(names) {
    return API_COLOURS[names[names.length - 1]] ?? OTHER_API;
  }

  draw() {
    this.label = this.canvas.clientWidth < 640 ? 104 : 190;
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    this.ink = colour("--ink");
    this.faint = colour("--faint");
    this.rule = colour("--line");
    this.paper = colour("--paper");
    this.bad = colour("--bad");
    this.warn = colour("--warn");
    const sized = Timeline.sized(this.canvas, AXIS + this.run.head.nodes.length * LANE + 4);
    Object.assign(this, sized);
    const c = this.context;
    c.font = "11px system-ui, sans-serif";
    c.textBaseline = "middle";
    c.save();
    c.beginPath();
    c.rect(this.label, 0, this.width - this.label, this.height);
    c.clip();
    this.drawAxis(c);
    this.drawFaults(c);
    this.drawRoles(c);
    this.drawOperations(c);
    this.note = this.drawArrows(c);
    this.drawRoleNames(c);
    this.drawMarks(c);
    c.restore();
    this.drawLabels(c);
  }

  drawAxis(c) {
    const span = this.view.to - this.view.from;
    const rough = span / Math.max(2, (this.width - this.label) / 110);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((n) => n * power).find((step) => step >= rough);
    const digits = Math.max(0, Math.min(9, Math.ceil(9 - Math.log10(step))));
    c.strokeStyle = this.rule;
    c.fillStyle = this.faint;
    c.textAlign = "center";
    for (let at = Math.ceil(this.view.from / step) * step; at <= this.view.to; at += step) {
      const x = this.x(at);
      line(c, x, AXIS, x, this.height);
      if (x > this.label + 24) c.fillText(`${seconds(at, digits)} s`, x, AXIS / 2);
    }
  }

  drawFaults(c) {
    for (const fault of this.run.head.faults) {
      const [left, right] = [this.x(fault.from_ns), this.x(fault.to_ns ?? fault.from_ns)];
      if (right < this.label || left > this.width) continue;
      c.fillStyle = c.strokeStyle = FAULT_COLOURS[fault.class];
      for (const node of this.touched(fault)) {
        const y = this.y(node) - LANE / 2;
        const isCommon = fault.nodes.includes(node);
        c.globalAlpha = isCommon ? 0.16 : 0.07;
        c.fillRect(left, y + 1, Math.max(right - left, 2), LANE - 2);
        c.globalAlpha = isCommon ? 0.8 : 0.4;
        c.fillRect(left, y + 1, 2, LANE - 2);
        const begin = Math.max(left, this.label) + 5;
        const room = Math.min(right, this.nextFault(node, fault)) - begin - 3;
        const colour = c.fillStyle;
        c.textAlign = "left";
        c.globalAlpha = 0.9;
        c.fillStyle = this.faint;
        c.fillText(fitting(c, [this.faultText(fault, node), fault.kind], room), begin, y + LANE - 7);
        c.fillStyle = colour;
      }
      this.drawPairs(c, fault, left, right);
      c.globalAlpha = 1;
    }
  }

  /** Where the next fault begins in the lane of a node; of those that begin together the last has the label. */
  nextFault(node, fault) {
    const { faults } = this.run.head;
    const place = faults.indexOf(fault);
    const isNext = (other, n) =>
      (other.from_ns > fault.from_ns || (other.from_ns === fault.from_ns && n > place)) && this.touched(other).has(node);
    return Math.min(...faults.filter(isNext).map((other) => this.x(other.from_ns)));
  }

  /** The nodes in whose lanes a fault is drawn. */
  touched(fault) {
    return new Set([...fault.nodes, ...fault.links.flatMap(({ from, to }) => [from, to])]);
  }

  /** The kind of a fault, and the other ends of its links at a node. */
  faultText(fault, node) {
    const ends = fault.links.filter(({ from, to }) => from === node || to === node);
    const other = ({ from, to, both }) => `${both ? "↔" : from === node ? "→" : "←"} ${this.run.name(from === node ? to : from)}`;
    return [fault.kind, ends.map(other).join(", ")].join(" ");
  }

  /** Joins the ends of each link that a fault affects, at its begin; arrows show one-way links. */
  drawPairs(c, fault, left, right) {
    c.globalAlpha = 0.7;
    c.fillStyle = FAULT_COLOURS[fault.class];
    fault.links.slice(0, MOST_PAIRS).forEach(({ from, to, both }, n) => {
      const x = left + 5 + n * 5;
      if (x > right || x < this.label) return;
      const [y1, y2] = [this.y(from), this.y(to)];
      line(c, x, y1, x, y2);
      arrowHead(c, x, y2, y2 > y1);
      if (both) arrowHead(c, x, y1, y1 > y2);
    });
  }

  drawRoles(c) {
    this.run.roles.forEach((roles, node) => {
      const y = this.y(node);
      roles.forEach((role, n) => {
        const [left, right] = [this.x(role.at), n + 1 < roles.length ? this.x(roles[n + 1].at) : this.width];
        if (right < this.label || left > this.width || role.role === "Down") return;
        c.fillStyle = ROLE_COLOURS[role.role] ?? this.faint;
        c.fillRect(left, y - 3, Math.max(1, right - left), 6);
      });
    });
  }

  /** Role and epoch above each part of a lane that has the room for them, or the epoch alone. */
  drawRoleNames(c) {
    c.fillStyle = this.faint;
    c.textAlign = "left";
    this.run.roles.forEach((roles, node) => {
      roles.forEach(({ at, role, epoch }, n) => {
        if (epoch === null || role === "Down") return;
        const left = Math.max(this.x(at), this.label) + 4;
        const room = (n + 1 < roles.length ? Math.min(this.x(roles[n + 1].at), this.width) : this.width) - left;
        if (room < 8) return;
        const text = [`${role} ${epoch}`, String(epoch)].find((text) => c.measureText(text).width + 2 <= room);
        if (text) c.fillText(text, left, this.y(node) - 10);
      });
    });
  }

  /** Succeeded: a bar; failed: a hollow bar; unknown or unanswered: a broken one. Those that the verdict names are marked. */
  drawOperations(c) {
    const { client, from, to, outcome } = this.run.operations;
    const { begins, ends } = this.run;
    /** Where the last bar of a row and outcome ends: one that lies within it is not seen. */
    const painted = new Map();
    for (let n = 0; n < client.length; n++) {
      if (ends[n] < this.view.from || begins[n] > this.view.to || !this.isOperationShown(n)) continue;
      const [left, y] = [this.x(begins[n]), this.barY(n)];
      const wide = Math.max(2, this.x(ends[n]) - left);
      const isCause = this.run.relation[from[n]] >= RELATION.CHAIN || (to[n] >= 0 && this.run.relation[to[n]] >= RELATION.CHAIN);
      const row = y * OUTCOMES.length + outcome[n];
      const isMarked = isCause || this.named.has(n);
      if (!isMarked && left + wide <= (painted.get(row) ?? -1)) continue;
      painted.set(row, left + wide);
      c.globalAlpha = this.filter.isDim(from[n]) && !this.named.has(n) ? 0.25 : 0.9;
      c.fillStyle = c.strokeStyle = OUTCOMES[outcome[n]].colour;
      const { shape } = OUTCOMES[outcome[n]];
      if (shape === "bar" || wide < 5) c.fillRect(left, y, wide, 3);
      else if (shape === "hollow") c.strokeRect(left + 0.5, y + 0.5, wide - 1, 2);
      else this.drawBroken(c, left, y, wide);
      if (!isMarked) continue;
      c.globalAlpha = 1;
      c.strokeStyle = c.fillStyle = this.bad;
      c.strokeRect(left - 1.5, y - 1.5, wide + 3, 6);
      if (this.named.has(n)) this.drawNamed(c, left + wide / 2, y);
    }
    c.globalAlpha = 1;
  }

  drawBroken(c, left, y, wide) {
    c.setLineDash([4, 3]);
    c.lineWidth = 3;
    line(c, left, y + 1.5, left + wide, y + 1.5);
    c.lineWidth = 1;
    c.setLineDash([]);
  }

  /** A triangle above an operation that the verdict names. */
  drawNamed(c, x, y) {
    c.beginPath();
    c.moveTo(x, y - 2);
    c.lineTo(x - 4, y - 8);
    c.lineTo(x + 4, y - 8);
    c.fill();
  }

  /** Operations of one client overlap: three rows are enough to see it. */
  barY(n) {
    return this.y(this.run.operations.client[n]) + (n % 3) * 5 - 7;
  }

  isOperationShown(n) {
    const { from, to } = this.run.operations;
    return this.filter.isShown[from[n]] || (to[n] >= 0 && this.filter.isShown[to[n]]);
  }

  /** The operation that is drawn at a point, -1 if none is. */
  operationAt(x, y) {
    const { client } = this.run.operations;
    const node = Math.floor((y - AXIS) / LANE);
    for (let n = client.length - 1; n >= 0; n--) {
      if (client[n] !== node || Math.abs(this.barY(n) + 1.5 - y) > 3 || !this.isOperationShown(n)) continue;
      const [begin, end] = [this.run.begins[n], this.run.ends[n]];
      if (this.x(begin) - 3 <= x && x <= Math.max(this.x(end), this.x(begin) + 2) + 3) return n;
    }
    return -1;
  }

  /** An operation in words. */
  operationText(n) {
    const { names, name, outcome, to } = this.run.operations;
    const [begin, end] = [this.run.begins[n], this.run.ends[n]];
    const took = to[n] < 0 ? "" : ` after ${((end - begin) / 1e6).toFixed(3)} ms`;
    const named = this.named.has(n) ? "; the verdict names it" : "";
    return `${names[name[n]]}: ${OUTCOMES[outcome[n]].name}${took}${named}`;
  }

  /** Draws the arrows, and returns what to say of those that are not. */
  drawArrows(c) {
    const { run, filter } = this;
    const { from, to } = run.arrows;
    const visible = [];
    for (let n = 0; n < from.length; n++) {
      if (run.at[to[n]] < this.view.from || run.at[from[n]] > this.view.to) continue;
      if (filter.isShown[from[n]] || filter.isShown[to[n]]) visible.push(n);
    }
    let drawn = visible;
    if (visible.length > MOST_ARROWS) drawn = visible.filter((n) => run.relation[to[n]] >= RELATION.CHAIN || run.arrows.fate[n] !== FATE.DELIVERED);
    if (drawn.length > MOST_ARROWS) drawn = drawn.filter((n) => run.relation[to[n]] >= RELATION.CHAIN);
    // The chain of causes lies above all others.
    const isChain = (n) => run.relation[to[n]] >= RELATION.CHAIN;
    for (const n of drawn) if (!isChain(n)) this.drawArrow(c, n);
    for (const n of drawn) if (isChain(n)) this.drawArrow(c, n);
    c.globalAlpha = 1;
    const left = visible.length - drawn.length;
    return left ? `${left.toLocaleString("en")} of ${visible.length.toLocaleString("en")} messages are not drawn: zoom in, or choose an RPC` : "";
  }

  drawArrow(c, n) {
    const { run } = this;
    const [from, to, fate] = [run.arrows.from[n], run.arrows.to[n], run.arrows.fate[n]];
    const arrives = fate === FATE.DELIVERED || fate === FATE.AGAIN;
    let [x1, y1, x2, y2] = [this.x(run.at[from]), this.y(run.node[from]), this.x(run.at[to]), this.y(arrives ? run.node[to] : run.peer[to])];
    const isCause = this.filter.settings.past !== "all" && run.relation[to] >= RELATION.CHAIN;
    c.strokeStyle = c.fillStyle = isCause ? this.bad : Timeline.colourOf(run.apis[run.api[to]]);
    c.globalAlpha = this.filter.isDim(to) ? 0.12 : isCause ? 1 : 0.5;
    c.lineWidth = isCause ? 2.5 : 1;
    c.setLineDash(run.isRequest[to] ? [] : [2, 2]);
    if (!arrives) [x2, y2] = [x2, y1 + (y2 - y1) * 0.5];
    if (fate !== FATE.BLOCKED) line(c, x1, y1, x2, y2);
    c.setLineDash([]);
    if (fate === FATE.AGAIN) {
      c.textAlign = "left";
      c.fillText("×2", x2 + 4, y2 + (y1 - y2) * 0.2);
    }
    if (fate === FATE.DROPPED) {
      line(c, x2 - 3, y2 - 3, x2 + 3, y2 + 3);
      line(c, x2 - 3, y2 + 3, x2 + 3, y2 - 3);
    } else if (fate === FATE.BLOCKED) {
      line(c, x2, y2 - 4, x2, y2 + 4);
    } else if (y1 !== y2) {
      arrowHead(c, x2, y2, y2 > y1);
    }
    c.lineWidth = 1;
  }

  drawMarks(c) {
    const { run, view } = this;
    const taken = [];
    const mark = (at, colour, text, dash, isBefore) => {
      const x = this.x(at);
      c.strokeStyle = c.fillStyle = colour;
      c.setLineDash(dash);
      c.lineWidth = 1.5;
      line(c, x, 0, x, this.height);
      c.setLineDash([]);
      c.lineWidth = 1;
      const wide = c.measureText(text).width + 8;
      if (x < this.label || x > this.width) return;
      let left = isBefore ? x - wide : Math.min(x, this.width - wide);
      // One that would cover another stands before it.
      for (const [from, to] of taken) if (left < to && from < left + wide) left = from - wide - 1;
      taken.push([left, left + wide]);
      c.fillRect(left, 1, wide, AXIS - 3);
      c.fillStyle = this.paper;
      c.textAlign = "left";
      c.fillText(text, left + 4, AXIS / 2);
    };
    const { turning, violation } = run.head;
    if (violation) mark(violation.at_ns, this.bad, violation.invariant, [], false);
    if (turning) mark(turning.at_ns, this.warn, "point of no return", [5, 3], true);
    const { parted } = run.head;
    if (parted !== null && parted < run.count) mark(run.at[parted], this.ink, "first difference", [2, 2], true);
    view.pins.forEach((pin, n) => {
      if (pin !== null && pin.side === this.side) mark(run.at[pin.line], COLOURS.blue, "AB"[n], [1, 2], false);
    });
    if (this.chosen >= 0) {
      // Causes of the violation are drawn as such already.
      const chain = run.causes(this.chosen).slice(0, MOST_LINKS).filter((at) => run.node[at] >= 0);
      c.strokeStyle = this.ink;
      c.lineWidth = 1.5;
      c.setLineDash([6, 3]);
      for (let n = 1; n < chain.length; n++) {
        const [at, cause] = [chain[n - 1], chain[n]];
        const isRed = this.filter.settings.past !== "all" && run.relation[at] >= RELATION.CHAIN;
        if (!isRed) line(c, this.x(run.at[at]), this.y(run.node[at]), this.x(run.at[cause]), this.y(run.node[cause]));
      }
      c.setLineDash([]);
      if (run.node[this.chosen] >= 0) {
        c.beginPath();
        c.arc(this.x(run.at[this.chosen]), this.y(run.node[this.chosen]), 5, 0, 7);
        c.stroke();
      }
      c.lineWidth = 1;
    }
  }

  /** The names, with role, epoch and offsets at the chosen line or at the end of the view. */
  drawLabels(c) {
    const { run } = this;
    const isNarrow = this.label < 150;
    c.fillStyle = this.paper;
    c.fillRect(0, 0, this.label, this.height);
    const { at, until } = this.instant();
    c.fillStyle = this.faint;
    c.textAlign = "left";
    c.fillText(`at ${seconds(at, isNarrow ? 3 : 6)} s`, 8, AXIS / 2);
    c.save();
    c.beginPath();
    c.rect(0, 0, this.label - 2, this.height);
    c.clip();
    run.head.nodes.forEach((name, node) => {
      const y = this.y(node);
      c.fillStyle = this.filter.settings.hidden.has(name) ? this.rule : this.ink;
      c.font = `${isNarrow ? 11 : 12}px system-ui, sans-serif`;
      c.fillText(name, isNarrow ? 4 : 8, y - 7);
      if (run.head.clients[node]) return;
      const { role, epoch, watermark, end } = standing(run, node, until);
      const offsets = [["hw", watermark], ["end", isNarrow ? "" : end]].filter(([, offset]) => offset !== "");
      c.font = `${isNarrow ? 10 : 11}px system-ui, sans-serif`;
      c.fillStyle = this.faint;
      c.fillText([`${role} ${epoch}`, ...offsets.map((parts) => parts.join(" "))].join("  "), isNarrow ? 4 : 8, y + 7);
    });
    c.restore();
    c.font = "11px system-ui, sans-serif";
    c.strokeStyle = this.rule;
    run.head.nodes.forEach((_, node) => line(c, 0, this.y(node) + LANE / 2, this.width, this.y(node) + LANE / 2));
    line(c, this.label, 0, this.label, this.height);
  }

  /** What the labels are about: a time, and the line that follows it. */
  instant() {
    const { run, view } = this;
    if (this.chosen >= 0) return { at: run.at[this.chosen], until: this.chosen + 1 };
    // Beside another run: the time of the line that is chosen there.
    const at = view.line >= 0 ? view.at : view.to;
    return { at, until: run.lineAt(at) };
  }

  /** The line that is drawn nearest to a point, -1 if none is near. */
  nearest(x, y) {
    const { run, filter } = this;
    const node = Math.floor((y - AXIS) / LANE);
    if (node < 0 || node >= run.head.nodes.length) return -1;
    let [best, distance] = [-1, 9];
    const [first, last] = [run.lineAt(this.atX(x - 9)), run.lineAt(this.atX(x + 9))];
    for (let line = first; line < last; line++) {
      if (!filter.isShown[line] || run.node[line] !== node) continue;
      const away = Math.abs(this.x(run.at[line]) - x) - run.relation[line];
      if (away < distance) [best, distance] = [line, away];
    }
    return best;
  }

  /** The faults at a point. */
  faultsAt(x, y) {
    const [node, at] = [Math.floor((y - AXIS) / LANE), this.atX(x)];
    const slack = ((this.view.to - this.view.from) / this.width) * 3;
    return this.run.head.faults.filter(
      (fault) => this.touched(fault).has(node) && fault.from_ns - slack <= at && at <= (fault.to_ns ?? fault.from_ns) + slack,
    );
  }
}

/** The head of an arrow that ends at a point. */
function arrowHead(c, x, y, isDown) {
  const tip = isDown ? -4 : 4;
  c.beginPath();
  c.moveTo(x, y + tip / 4);
  c.lineTo(x - 3, y + tip * 1.5);
  c.lineTo(x + 3, y + tip * 1.5);
  c.fill();
}

/** Role, epoch and offsets of a server before a line. */
function standing(run, node, until) {
  const state = run.stateBefore(node, until);
  const isDown = state.get("process") === "down" || !state.size;
  const of = (name) => state.get(name) ?? "";
  return { role: isDown ? "down" : state.get("role") ?? "starts", epoch: isDown ? "" : of("epoch"), watermark: of("high watermark"), end: of("log end") };
}

/** The first of these texts for which there is room, or no text. */
function fitting(c, texts, room) {
  return texts.find((text) => c.measureText(text).width <= room) ?? "";
}

function line(c, x1, y1, x2, y2) {
  c.beginPath();
  c.moveTo(x1, y1);
  c.lineTo(x2, y2);
  c.stroke();
}
