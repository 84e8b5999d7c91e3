// What is written: heading, the chosen line and the state of its node, the difference of two events, and of two runs.

/** Characters of a line that is only named. */
const MOST_TEXT = 150;
/** The same, of one among many. */
const FEW_TEXT = 95;
const MOST_CAUSES = 6;
const MOST_EFFECTS = 8;
const MOST_NAMED = 12;
/** Of two runs: the last lines that both have, and the first that differ. */
const MOST_SHARED = 4;
const MOST_DIFFERENT = 6;

/** An element with text and attributes. */
function element(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** The banner of a run. */
function showBanner(head, prefix) {
  const of = (id) => document.getElementById(prefix + id);
  const { violation } = head;
  const banner = of("verdict").parentElement;
  banner.hidden = false;
  banner.classList.toggle("bad", violation !== null);
  banner.classList.toggle("open", violation === null && head.is_inconclusive);
  const which = head.is_of_two ? `${head.title}: ` : "";
  of("verdict").textContent = which + (violation ? `${violation.invariant} does not hold` : head.verdict);
  of("detail").textContent = violation ? `at ${seconds(violation.at_ns)} s: ${violation.detail} (${violation.spec})` : "";
  of("title").textContent = head.title;
  of("title").hidden = !head.is_of_two;
}

function showHeading(head) {
  showBanner(head, "");
  const faults = `${head.faults.length} faults`;
  const turning = head.turning ? ` · point of no return at ${seconds(head.turning.at_ns)} s, event ${head.turning.event + 1} (r)` : "";
  document.getElementById("run").textContent =
    `${head.scenario} · seed ${head.seed} · digest ${head.digest} · ${faults} · kraftsim ${head.version} (${head.commit})${turning}`;
  const commands = document.getElementById("commands");
  for (const [label, command] of head.commands) {
    const row = element("div", "", { class: "command" });
    const copy = element("button", "copy", { type: "button", "aria-label": `copy the command: ${label}` });
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

/** A link to a line. */
function lineLink(run, line, pick, side, most = MOST_TEXT) {
  const p = element("p", "", { class: "text" });
  const text = `${seconds(run.at[line])} ${run.name(run.node[line])}: ${run.text(line)}`;
  const short = text.length > most ? `${text.slice(0, most)}…` : text;
  const a = element("a", short, { href: `#line=${line}`, title: text });
  a.addEventListener("click", (clicked) => {
    clicked.preventDefault();
    pick(line, true, side);
  });
  p.append(a);
  return p;
}

/** Links to some lines under a heading, and how many there are besides. */
function links(title, lines, most, run, pick, side, text = MOST_TEXT) {
  if (!lines.length) return [];
  const parts = [element("h2", title), ...lines.slice(0, most).map((line) => lineLink(run, line, pick, side, text))];
  if (lines.length > most) parts.push(element("p", `and ${(lines.length - most).toLocaleString("en")} more`, { class: "faint" }));
  return parts;
}

/** What caused a line, the latest first: of timers that fired one after the other the last one is enough. */
function causesOf(run, line) {
  const isTimer = (line) => line !== undefined && run.is(line, "timer");
  const chain = run.causes(line).slice(1);
  return chain.filter((line, n) => !(isTimer(line) && isTimer(chain[n - 1])));
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
  const parts = [
    element("h2", `${seconds(run.at[chosen], 9)} s · event ${run.event[chosen]} · ${run.name(run.node[chosen]) || "the run"}`),
    element("p", run.text(chosen), { class: "text" }),
  ];
  for (const fault of run.faultsOf(chosen).filter(({ links }) => links.length)) {
    parts.push(element("h2", `links (${fault.links.length} pairs)`));
    parts.push(...fault.links.map((pair) => element("p", run.pair(pair), { class: "text" })));
  }
  const causes = causesOf(run, chosen);
  parts.push(...links(`caused by (${causes.length})`, causes, MOST_CAUSES, run, pick, view.side));
  const effects = [];
  for (let line = chosen + 1; line < run.count; line++) if (run.cause[line] === chosen) effects.push(line);
  parts.push(...links("led to", effects, MOST_EFFECTS, run, pick, view.side));
  const { named, from } = run.operations;
  if (chosen === run.violation) {
    parts.push(...links(`operations that the verdict names (${named.length})`, named.map((n) => from[n]), MOST_NAMED, run, pick, view.side));
  }
  event.replaceChildren(...parts);
  state.replaceChildren(...stateOf(run, chosen));
}

/** A server's state before and after an event. */
function stateOf(run, line) {
  const node = run.node[line];
  if (node < 0 || run.head.clients[node]) return [];
  const [first, last] = run.eventOf(line);
  const [before, after] = [run.stateBefore(node, first), run.stateBefore(node, last + 1)];
  const changed = new Map(differences(before, after).map(([key, was]) => [key, was]));
  const table = element("table", "", { "aria-label": `state of ${run.name(node)}` });
  // What the event changed comes first.
  const rest = [...after.keys()].filter((key) => !changed.has(key)).sort();
  for (const key of [...changed.keys(), ...rest]) {
    const row = element("tr");
    const value = element("td");
    if (changed.has(key)) {
      row.className = "changed";
      if (changed.get(key) !== undefined) value.append(element("del", changed.get(key)), " ");
    }
    value.append(shownValue(after.get(key)) ?? "");
    row.append(element("th", key, { scope: "row" }), value);
    table.append(row);
  }
  return [element("h2", `${run.name(node)} after this event`), table];
}

/** The difference of the servers between two pinned events, as `inspect state --diff` prints it: what was, and is. */
function showPins(sides, view, pick, unpin) {
  const box = document.getElementById("pins");
  const [a, b] = view.pins;
  if (!a && !b) return box.replaceChildren();
  const parts = [element("h2", "from event A to event B")];
  view.pins.forEach((pin, n) => {
    if (!pin) return parts.push(element("p", `${"AB"[n]}: choose a line and press ${"[]"[n]}`, { class: "faint" }));
    const { run } = sides[pin.side];
    const p = lineLink(run, pin.line, pick, pin.side);
    p.prepend(`${"AB"[n]}: `);
    parts.push(p);
  });
  if (a && b) parts.push(...pinned(sides, a, b));
  const clear = element("button", "remove A and B", { type: "button" });
  clear.addEventListener("click", unpin);
  parts.push(clear);
  box.replaceChildren(...parts);
}

function pinned(sides, a, b) {
  const [first, second] = [a, b].map((pin) => sides[pin.side].run);
  const parts = [];
  first.head.nodes.forEach((name, node) => {
    const other = second.head.nodes.indexOf(name);
    if (first.head.clients[node] || other < 0) return;
    const differing = differences(first.stateAfter(node, a.line), second.stateAfter(other, b.line));
    if (!differing.length) return;
    const isOfEvent = [first.name(first.node[a.line]), second.name(second.node[b.line])].includes(name);
    const box = element("details");
    box.open = isOfEvent;
    box.append(element("summary", `${name}: ${differing.length} differ`));
    for (const [key, was, is] of differing) {
      box.append(element("p", key, { class: "key" }));
      if (was !== undefined) box.append(element("p", `- ${was}`, { class: "text was" }));
      if (is !== undefined) box.append(element("p", `+ ${is}`, { class: "text is" }));
    }
    parts.push(box);
  });
  return parts.length ? parts : [element("p", "no server differs", { class: "faint" })];
}

/** Of two runs: the last lines of both, the first that differ, and their causes. */
function showParting(sides, pick) {
  const box = document.getElementById("parting");
  if (sides.length < 2) return box.replaceChildren();
  const { parted } = sides[0].run.head;
  if (parted === null) return box.replaceChildren(element("p", "both runs have the same lines"));
  const shared = Array.from({ length: Math.min(MOST_SHARED, parted) }, (_, n) => parted - Math.min(MOST_SHARED, parted) + n);
  const parts = links(`${parted.toLocaleString("en")} lines are the same; the last of them`, shared, MOST_SHARED, sides[0].run, pick, 0, FEW_TEXT);
  sides.forEach(({ run }, side) => {
    const first = Array.from({ length: Math.min(MOST_DIFFERENT, run.count - parted) }, (_, n) => parted + n);
    parts.push(element("h2", `${"+-"[side]} ${run.head.title}`, { class: "parted" }));
    if (!first.length) parts.push(element("p", "it ends here", { class: "faint" }));
    parts.push(...first.map((line) => lineLink(run, line, pick, side, FEW_TEXT)));
    const causes = first.length ? causesOf(run, parted) : [];
    parts.push(...links("causes of its first line, the nearest first", causes, MOST_CAUSES, run, pick, side, FEW_TEXT));
  });
  box.replaceChildren(...parts);
}

const KEYS = [
  ["n, p", "next, previous line"], ["e, E", "next, previous event of this node"], ["l, L", "next, previous change of the active controller"],
  ["c, C", "next, previous commit (the high watermark rises)"],
  ["d, D", "next, previous leader of a partition"], ["w, W", "next, previous high watermark of a partition, at its leader"],
  ["f, F", "next, previous fault"], ["b", "what caused the chosen line"],
  ["v", "the violation"], ["r", "the point of no return"], ["o, O", "next, previous operation that the verdict names"],
  ["x", "the first difference of two runs; again: in the other run"], ["[, ]", "pin the chosen event as A, as B: the difference of the servers"], ["+, -", "zoom, around the chosen line"], ["space", "move to the chosen line"], ["←, →", "move"], ["0", "the whole run"],
  ["/", "search"], ["t", "light or dark"], ["Esc", "stop the search, choose nothing"], ["?", "these keys"],
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
    of("operations", OUTCOMES.map((outcome) => [`${outcome.name} (${outcome.shape})`, outcome.colour])),
    element("p", "A triangle: the verdict names this operation."),
    of("faults", Object.entries(FAULT_COLOURS)),
    element("p", "A cross: the message is lost. A bar: it is held up, and sent again later. ×2: it is delivered once more. A thick red line: the chain of causes of the violation. A dashed line: the causes of the chosen line. A dashed brown line: the point of no return. Lines between lanes in a shade: the links that a fault affects."),
  ];
}

function showKeys() {
  const dialog = document.getElementById("keys");
  if (dialog.open) return;
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
