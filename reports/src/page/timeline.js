// The drawn run: a lane for each node over time, messages as arrows, faults as shades; and the map above it.

const LABEL = 190;
const LANE = 34;
const AXIS = 20;
/** More arrows than this cannot be told apart: only causes of the violation and lost messages are drawn then. */
const MOST_ARROWS = 6000;
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
  AlterPartition: COLOURS.red, BrokerHeartbeat: COLOURS.sky, BrokerRegistration: COLOURS.sky, AppendRecords: COLOURS.blue,
};
const OTHER_API = "#7570b3";
const FAULT_COLOURS = { network: COLOURS.orange, process: COLOURS.pink, clock: COLOURS.yellow, disk: COLOURS.red };
const OUTCOMES = [
  { name: "unanswered", colour: "#9a9a9a" }, { name: "succeeded", colour: COLOURS.blue },
  { name: "failed", colour: COLOURS.red }, { name: "unknown", colour: COLOURS.yellow },
];
/** How far beyond the end of the run a view may reach, so that the last line is seen. */
const BEYOND = 1.02;

class Timeline {
  constructor(run, filter, view) {
    Object.assign(this, { run, filter, view });
    this.canvas = document.getElementById("timeline");
    this.map = document.getElementById("map");
    this.busy = this.density();
  }

  /** Messages in each of 600 parts of the run. */
  density() {
    const parts = new Uint32Array(600);
    this.run.arrows.from.forEach((line) => parts[Math.min(599, Math.floor((this.run.at[line] / (this.run.end + 1)) * 600))]++);
    return parts;
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
    return LABEL + ((at - from) / (to - from)) * (this.width - LABEL);
  }

  atX(x) {
    const { from, to } = this.view;
    return from + ((x - LABEL) / (this.width - LABEL)) * (to - from);
  }

  y(node) {
    return AXIS + node * LANE + LANE / 2;
  }

  /** The colour of a message's RPC: of the one inside, if it is forwarded. */
  static colourOf(names) {
    return API_COLOURS[names[names.length - 1]] ?? OTHER_API;
  }

  draw() {
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
    c.rect(LABEL, 0, this.width - LABEL, this.height);
    c.clip();
    this.drawAxis(c);
    this.drawFaults(c);
    this.drawRoles(c);
    this.drawOperations(c);
    this.note = this.drawArrows(c);
    this.drawMarks(c);
    c.restore();
    this.drawLabels(c);
    this.drawMap();
  }

  drawAxis(c) {
    const span = this.view.to - this.view.from;
    const rough = span / Math.max(2, (this.width - LABEL) / 110);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((n) => n * power).find((step) => step >= rough);
    const digits = Math.max(0, Math.min(9, Math.ceil(9 - Math.log10(step))));
    c.strokeStyle = this.rule;
    c.fillStyle = this.faint;
    c.textAlign = "center";
    for (let at = Math.ceil(this.view.from / step) * step; at <= this.view.to; at += step) {
      const x = this.x(at);
      line(c, x, AXIS, x, this.height);
      if (x > LABEL + 24) c.fillText(`${seconds(at, digits)} s`, x, AXIS / 2);
    }
  }

  drawFaults(c) {
    for (const fault of this.run.head.faults) {
      const [left, right] = [this.x(fault.from_ns), this.x(fault.to_ns ?? fault.from_ns)];
      if (right < LABEL || left > this.width) continue;
      c.fillStyle = FAULT_COLOURS[fault.class];
      for (const node of fault.nodes) {
        const y = this.y(node) - LANE / 2;
        c.globalAlpha = 0.16;
        c.fillRect(left, y + 1, Math.max(right - left, 2), LANE - 2);
        c.globalAlpha = 0.8;
        c.fillRect(left, y + 1, 2, LANE - 2);
        if (right - left > 50) {
          c.textAlign = "left";
          c.save();
          c.beginPath();
          c.rect(left, y, right - left, LANE);
          c.clip();
          c.fillText(fault.kind, Math.max(left, LABEL) + 5, y + LANE - 7);
          c.restore();
        }
      }
      c.globalAlpha = 1;
    }
  }

  drawRoles(c) {
    this.run.roles.forEach((roles, node) => {
      const y = this.y(node);
      roles.forEach((role, n) => {
        const [left, right] = [this.x(role.at), n + 1 < roles.length ? this.x(roles[n + 1].at) : this.width];
        if (right < LABEL || left > this.width || role.role === "Down") return;
        c.fillStyle = ROLE_COLOURS[role.role] ?? this.faint;
        c.fillRect(left, y - 3, Math.max(1, right - left), 6);
        if (role.epoch !== null && right - left > 75) {
          c.fillStyle = this.faint;
          c.textAlign = "left";
          c.fillText(`${role.role} ${role.epoch}`, Math.max(left, LABEL) + 4, y - 10);
        }
      });
    });
  }

  drawOperations(c) {
    const { client, from, to, outcome } = this.run.operations;
    for (let n = 0; n < client.length; n++) {
      const [begin, end] = this.lasts(n);
      if (end < this.view.from || begin > this.view.to || !this.isOperationShown(n)) continue;
      const left = this.x(begin);
      c.globalAlpha = this.filter.isDim(from[n]) ? 0.2 : 0.9;
      c.fillStyle = OUTCOMES[outcome[n]].colour;
      c.fillRect(left, this.barY(n), Math.max(1.5, this.x(end) - left), 3);
      if (this.run.relation[from[n]] >= RELATION.CHAIN || (to[n] >= 0 && this.run.relation[to[n]] >= RELATION.CHAIN)) {
        c.globalAlpha = 1;
        c.strokeStyle = this.bad;
        c.strokeRect(left - 1.5, this.barY(n) - 1.5, Math.max(1.5, this.x(end) - left) + 3, 6);
      }
    }
    c.globalAlpha = 1;
  }

  /** When an operation begins and ends. */
  lasts(n) {
    const { from, to } = this.run.operations;
    return [this.run.at[from[n]], to[n] < 0 ? this.run.end : this.run.at[to[n]]];
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
      const [begin, end] = this.lasts(n);
      if (this.x(begin) - 3 <= x && x <= Math.max(this.x(end), this.x(begin) + 2) + 3) return n;
    }
    return -1;
  }

  /** An operation in words. */
  operationText(n) {
    const { names, name, outcome, to } = this.run.operations;
    const [begin, end] = this.lasts(n);
    const took = to[n] < 0 ? "" : ` after ${((end - begin) / 1e6).toFixed(3)} ms`;
    return `${names[name[n]]}: ${OUTCOMES[outcome[n]].name}${took}`;
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
    for (const n of drawn) this.drawArrow(c, n);
    c.globalAlpha = 1;
    const left = visible.length - drawn.length;
    return left ? `${left.toLocaleString("en")} of ${visible.length.toLocaleString("en")} messages are not drawn: zoom in, or choose an RPC` : "";
  }

  drawArrow(c, n) {
    const { run } = this;
    const [from, to, fate] = [run.arrows.from[n], run.arrows.to[n], run.arrows.fate[n]];
    const arrives = fate === FATE.DELIVERED || fate === FATE.AGAIN;
    let [x1, y1, x2, y2] = [this.x(run.at[from]), this.y(run.node[from]), this.x(run.at[to]), this.y(arrives ? run.node[to] : run.peer[to])];
    const isCause = this.filter.past !== "all" && run.relation[to] >= RELATION.CHAIN;
    c.strokeStyle = c.fillStyle = isCause ? this.bad : Timeline.colourOf(run.apis[run.api[to]]);
    c.globalAlpha = this.filter.isDim(to) ? 0.12 : isCause ? 1 : 0.5;
    c.lineWidth = isCause ? 2 : 1;
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
      const tip = y2 > y1 ? -4 : 4;
      c.beginPath();
      c.moveTo(x2, y2 + tip / 4);
      c.lineTo(x2 - 3, y2 + tip * 1.5);
      c.lineTo(x2 + 3, y2 + tip * 1.5);
      c.fill();
    }
    c.lineWidth = 1;
  }

  drawMarks(c) {
    const { run, view } = this;
    const mark = (at, colour, text, dash, isBefore) => {
      const x = this.x(at);
      c.strokeStyle = c.fillStyle = colour;
      c.setLineDash(dash);
      c.lineWidth = 1.5;
      line(c, x, 0, x, this.height);
      c.setLineDash([]);
      c.lineWidth = 1;
      const wide = c.measureText(text).width + 8;
      const left = isBefore ? x - wide : Math.min(x, this.width - wide);
      if (x < LABEL || x > this.width) return;
      c.fillRect(left, 1, wide, AXIS - 3);
      c.fillStyle = this.paper;
      c.textAlign = "left";
      c.fillText(text, left + 4, AXIS / 2);
    };
    const { turning, violation } = run.head;
    if (turning) mark(turning.at_ns, this.warn, "point of no return", [5, 3], true);
    if (violation) mark(violation.at_ns, this.bad, violation.invariant, [], false);
    if (view.line >= 0) {
      const chain = run.causes(view.line).slice(0, MOST_LINKS);
      c.strokeStyle = this.ink;
      c.lineWidth = 1.5;
      c.beginPath();
      chain.forEach((at, n) => {
        if (run.node[at] >= 0) c[n ? "lineTo" : "moveTo"](this.x(run.at[at]), this.y(run.node[at]));
      });
      c.stroke();
      if (run.node[view.line] >= 0) {
        c.beginPath();
        c.arc(this.x(run.at[view.line]), this.y(run.node[view.line]), 5, 0, 7);
        c.stroke();
      }
      c.lineWidth = 1;
    }
  }

  /** The names, with role, epoch and high watermark at the chosen line or at the end of the view. */
  drawLabels(c) {
    const { run, view } = this;
    c.fillStyle = this.paper;
    c.fillRect(0, 0, LABEL, this.height);
    const at = view.line >= 0 ? run.at[view.line] : view.to;
    const until = view.line >= 0 ? view.line + 1 : run.lineAt(at);
    c.fillStyle = this.faint;
    c.textAlign = "left";
    c.fillText(`at ${seconds(at, 6)} s`, 8, AXIS / 2);
    run.head.nodes.forEach((name, node) => {
      const y = this.y(node);
      c.fillStyle = this.filter.hidden.has(node) ? this.rule : this.ink;
      c.font = "12px system-ui, sans-serif";
      c.fillText(name, 8, y - 7);
      c.font = "11px system-ui, sans-serif";
      c.fillStyle = this.faint;
      if (!run.head.clients[node]) {
        const state = run.stateBefore(node, until);
        const isDown = state.get("process") === "down" || !state.size;
        const role = isDown ? "down" : `${state.get("role") ?? "starts"} ${state.get("epoch") ?? ""}`;
        const offsets = [["hw", "high watermark"], ["end", "log end"]].filter(([, name]) => state.has(name));
        c.fillText([role, ...offsets.map(([short, name]) => `${short} ${state.get(name)}`)].join("  "), 8, y + 7);
      }
      c.strokeStyle = this.rule;
      line(c, 0, y + LANE / 2, this.width, y + LANE / 2);
    });
    line(c, LABEL, 0, LABEL, this.height);
  }

  drawMap() {
    const { context: c, width, height } = Timeline.sized(this.map, 46);
    const x = (at) => (at / (this.run.end || 1)) * width;
    const most = Math.max(1, ...this.busy);
    c.fillStyle = this.rule;
    this.busy.forEach((count, n) => {
      const tall = (count / most) * (height - 18);
      c.fillRect((n / 600) * width, height - tall, width / 600 + 0.5, tall);
    });
    c.globalAlpha = 0.5;
    this.run.head.faults.forEach((fault, n) => {
      c.fillStyle = FAULT_COLOURS[fault.class];
      c.fillRect(x(fault.from_ns), 2 + (n % 4) * 3, Math.max(2, x(fault.to_ns ?? fault.from_ns) - x(fault.from_ns)), 2);
    });
    c.globalAlpha = 1;
    c.fillStyle = COLOURS.green;
    this.run.leaders.forEach((line) => c.fillRect(x(this.run.at[line]) - 1, 14, 2, height - 14));
    const { turning, violation } = this.run.head;
    if (turning) {
      c.fillStyle = COLOURS.orange;
      c.fillRect(x(turning.at_ns) - 1, 0, 2, height);
    }
    if (violation) {
      c.fillStyle = this.bad;
      c.fillRect(x(violation.at_ns) - 1, 0, 2, height);
    }
    const [left, right] = [x(this.view.from), x(this.view.to)];
    c.fillStyle = COLOURS.blue;
    c.globalAlpha = 0.18;
    c.fillRect(left, 0, Math.max(2, right - left), height);
    c.globalAlpha = 1;
    c.strokeStyle = COLOURS.blue;
    c.strokeRect(left + 0.5, 0.5, Math.max(2, right - left) - 1, height - 1);
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
      (fault) => fault.nodes.includes(node) && fault.from_ns - slack <= at && at <= (fault.to_ns ?? fault.from_ns) + slack,
    );
  }
}

function line(c, x1, y1, x2, y2) {
  c.beginPath();
  c.moveTo(x1, y1);
  c.lineTo(x2, y2);
  c.stroke();
}
