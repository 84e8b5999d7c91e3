// What is written: heading, list of lines, the chosen line and the state of its node.

const ROW = 18;
/** Characters of a line that is only named. */
const MOST_TEXT = 150;
const MOST_CAUSES = 6;
const MOST_EFFECTS = 8;

/** An element with text and attributes. */
function element(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function showHeading(run) {
  const { head } = run;
  const { violation } = head;
  const banner = document.getElementById("banner").classList;
  banner.toggle("bad", violation !== null);
  banner.toggle("open", violation === null && head.is_inconclusive);
  document.getElementById("verdict").textContent = violation ? `${violation.invariant} does not hold` : head.verdict;
  document.getElementById("detail").textContent = violation ? `at ${seconds(violation.at_ns)} s: ${violation.detail} (${violation.spec})` : "";
  const faults = `${head.faults.length} faults`;
  const turning = head.turning ? ` · point of no return at ${seconds(head.turning.at_ns)} s, event ${head.turning.event + 1} (r)` : "";
  document.getElementById("run").textContent =
    `${head.scenario} · seed ${head.seed} · digest ${head.digest} · ${faults} · kraftsim ${head.version} (${head.commit})${turning}`;
  const commands = document.getElementById("commands");
  for (const [label, command] of head.commands) {
    const row = element("div", "", { class: "command" });
    const copy = element("button", "copy", { type: "button" });
    copy.addEventListener("click", () => copied(command, copy));
    row.append(element("span", label), element("code", command), copy);
    commands.append(row);
  }
}

async function copied(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A page of a file may have no clipboard: select the text instead.
    const range = document.createRange();
    range.selectNodeContents(button.previousSibling);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    if (!document.execCommand("copy")) {
      button.textContent = "selected: press Ctrl-C";
      return;
    }
  }
  button.textContent = "copied";
  setTimeout(() => (button.textContent = "copy"), 1200);
}

class List {
  constructor(run, filter, view, pick) {
    Object.assign(this, { run, filter, view, pick });
    this.box = document.getElementById("list");
    this.tall = document.getElementById("tall");
    this.rows = document.getElementById("rows");
    this.box.addEventListener("scroll", () => this.draw());
    this.rows.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row) pick(Number(row.dataset.line), true);
    });
    const longest = Math.max(0, ...run.head.nodes.map((name) => name.length));
    this.width = longest + 1;
  }

  draw() {
    const { filter, run } = this;
    this.tall.style.height = `${filter.shown.length * ROW}px`;
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW) - 5);
    const last = Math.min(filter.shown.length, first + Math.ceil(this.box.clientHeight / ROW) + 10);
    this.rows.style.top = `${first * ROW}px`;
    const rows = [];
    for (let place = first; place < last; place++) {
      const line = filter.shown[place];
      const mark = " *>!"[run.relation[line]];
      const text = `${mark} ${seconds(run.at[line]).padStart(11)} ${String(run.event[line]).padStart(7)} ${run.name(run.node[line]).padEnd(this.width)} ${run.text(line)}`;
      const row = element("div", text, { class: "row", role: "option", id: `line${line}`, "aria-selected": line === this.view.line });
      row.dataset.line = line;
      row.classList.toggle("picked", line === this.view.line);
      row.classList.toggle("dim", filter.isDim(line));
      row.classList.toggle("chain", run.relation[line] === RELATION.CHAIN);
      row.classList.toggle("fault", run.is(line, "fault") || run.is(line, "down") || run.is(line, "error"));
      row.classList.toggle("violation", line === run.violation);
      rows.push(row);
    }
    this.rows.replaceChildren(...rows);
    if (this.view.line >= 0) this.box.setAttribute("aria-activedescendant", `line${this.view.line}`);
  }

  /** Scrolls until the chosen line is seen. */
  reveal(line) {
    this.tall.style.height = `${this.filter.shown.length * ROW}px`;
    const top = this.filter.placeOf(line) * ROW;
    const { scrollTop, clientHeight } = this.box;
    if (top < scrollTop + ROW || top > scrollTop + clientHeight - 2 * ROW) this.box.scrollTop = top - clientHeight / 2;
    this.draw();
  }
}

/** The chosen line, its causes and effects, and its node before and after its event. */
function showEvent(run, view, pick) {
  const [event, state] = [document.getElementById("event"), document.getElementById("state")];
  const chosen = view.line;
  if (chosen < 0) {
    event.replaceChildren(element("p", "Click on a lane or a line. Press ? for the keys.", { class: "faint" }));
    state.replaceChildren();
    return;
  }
  const link = (line) => {
    const p = element("p", "", { class: "text" });
    const text = `${seconds(run.at[line])} ${run.name(run.node[line])}: ${run.text(line)}`;
    const short = text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}…` : text;
    const a = element("a", short, { href: `#line=${line}`, title: text });
    a.addEventListener("click", (clicked) => {
      clicked.preventDefault();
      pick(line, true);
    });
    p.append(a);
    return p;
  };
  const parts = [
    element("h2", `${seconds(run.at[chosen], 9)} s · event ${run.event[chosen]} · ${run.name(run.node[chosen]) || "the run"}`),
    element("p", run.text(chosen), { class: "text" }),
  ];
  // Of timers that fired one after the other the last one is enough.
  const isTimer = (line) => line !== undefined && run.is(line, "timer");
  const chain = run.causes(chosen).slice(1);
  const causes = chain.filter((line, n) => !(isTimer(line) && isTimer(chain[n - 1])));
  if (causes.length) {
    parts.push(element("h2", `caused by (${causes.length})`), ...causes.slice(0, MOST_CAUSES).map(link));
    if (causes.length > MOST_CAUSES) parts.push(element("p", `and ${causes.length - MOST_CAUSES} before`, { class: "faint" }));
  }
  const effects = [];
  for (let line = chosen + 1; line < run.count && effects.length <= MOST_EFFECTS; line++) {
    if (run.cause[line] === chosen) effects.push(line);
  }
  if (effects.length) parts.push(element("h2", "led to"), ...effects.slice(0, MOST_EFFECTS).map(link));
  if (effects.length > MOST_EFFECTS) parts.push(element("p", "and more", { class: "faint" }));
  event.replaceChildren(...parts);
  state.replaceChildren(...stateOf(run, chosen));
}

/** A server's state before and after an event. */
function stateOf(run, line) {
  const node = run.node[line];
  if (node < 0 || run.head.clients[node]) return [];
  const [first, last] = run.eventOf(line);
  const [before, after] = [run.stateBefore(node, first), run.stateBefore(node, last + 1)];
  const table = element("table");
  const show = (value) => (value === undefined ? "" : String(value));
  for (const key of [...new Set([...after.keys(), ...before.keys()])].sort()) {
    const row = element("tr");
    const value = element("td");
    if (show(before.get(key)) !== show(after.get(key))) {
      row.className = "changed";
      if (before.has(key)) value.append(element("span", show(before.get(key)), { class: "was" }), " ");
    }
    value.append(show(after.get(key)));
    row.append(element("td", key), value);
    table.append(row);
  }
  return [element("h2", `${run.name(node)} after this event`), table];
}

const KEYS = [
  ["n, p", "next, previous line"], ["e, E", "next, previous event of this node"], ["l, L", "next, previous change of the active controller"],
  ["c, C", "next, previous commit (the high watermark rises)"],
  ["d, D", "next, previous leader of a partition"], ["w, W", "next, previous high watermark of a partition, at its leader"],
  ["f, F", "next, previous fault"], ["b", "what caused the chosen line"],
  ["v", "the violation"], ["r", "the point of no return"], ["+, -", "zoom, around the chosen line"], ["space", "move to the chosen line"], ["←, →", "move"], ["0", "the whole run"],
  ["/", "search"], ["t", "light or dark"], ["Esc", "choose nothing"], ["?", "these keys"],
];

/** What the colours mean. */
function legend() {
  const of = (title, colours) => {
    const p = element("p", `${title}: `);
    for (const [name, colour] of colours) {
      const dot = element("span", "■ ");
      dot.style.color = colour;
      p.append(dot, `${name}  `);
    }
    return p;
  };
  return [
    of("roles", Object.entries(ROLE_COLOURS)),
    of("requests (responses are dotted)", [...Object.entries(API_COLOURS), ["others", OTHER_API]]),
    of("operations", OUTCOMES.map((outcome) => [outcome.name, outcome.colour])),
    of("faults", Object.entries(FAULT_COLOURS)),
    element("p", "A cross: the message is lost. A bar: it is held up, and sent again later. ×2: it is delivered once more. Red: a cause of the violation."),
  ];
}

function showKeys() {
  const dialog = document.getElementById("keys");
  const table = element("table");
  for (const [keys, what] of KEYS) {
    const row = element("tr");
    const cell = element("td");
    keys.split(", ").forEach((key) => cell.append(element("kbd", key), " "));
    row.append(cell, element("td", what));
    table.append(row);
  }
  const close = element("button", "close", { type: "button" });
  close.addEventListener("click", () => dialog.close());
  const about = element("p", "Ctrl and the wheel zoom, dragging moves; a click on a node's name hides its lines. Marks: ! the violation, > a cause of it, * what may have led to it.");
  dialog.replaceChildren(table, ...legend(), about, close);
  dialog.showModal();
}
