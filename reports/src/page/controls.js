// Keys, buttons, filters and the search box.

/** What each key does. `page` is what `main` offers. */
function keysOf(page) {
  const { view } = page;
  const here = () => page.sides[view.side];
  const ofKind = (kind) => {
    const { run } = here();
    const wanted = run.kinds.indexOf(kind);
    return Array.from(run.kind.keys()).filter((line) => run.kind[line] === wanted);
  };
  const named = () => {
    const { named: of, from } = here().run.operations;
    return of.map((n) => from[n]).sort((a, b) => a - b);
  };
  const both = (name, lines) => ({
    [name]: () => page.step(lines(), false),
    [name.toUpperCase()]: () => page.step(lines(), true),
  });
  const shift = (part) => page.show(view.from + (view.to - view.from) * part, view.to + (view.to - view.from) * part);
  return {
    n: () => page.step(here().filter.shown, false),
    p: () => page.step(here().filter.shown, true),
    e: () => page.stepEvent(false), E: () => page.stepEvent(true),
    ...both("l", () => here().run.leaders),
    ...both("c", () => here().run.commits),
    ...both("d", () => here().run.partitionLeaders),
    ...both("w", () => here().run.partitionCommits),
    ...both("f", () => ofKind("fault")),
    ...both("o", named),
    b: () => view.line >= 0 && here().run.cause[view.line] >= 0 && page.pick(here().run.cause[view.line], true),
    v: () => here().run.violation >= 0 && page.pick(here().run.violation, true),
    r: () => page.turn(),
    x: () => page.parting(),
    "[": () => page.pin(0), "]": () => page.pin(1),
    " ": () => view.line >= 0 && page.center(here().run.at[view.line]),
    "+": () => page.zoom(0.6), "=": () => page.zoom(0.6), "-": () => page.zoom(1 / 0.6), 0: () => page.show(0, view.end),
    ArrowLeft: () => shift(-0.2), ArrowRight: () => shift(0.2),
    "/": () => document.getElementById("search").focus(), t: page.theme, "?": showKeys, Escape: page.escape,
  };
}

/** Buttons for those without a keyboard: what they show, their key, and their name. */
const MOVES = [
  ["◀", "p", "previous line"], ["▶", "n", "next line"], ["leader", "l", "next change of the active controller"], ["commit", "c", "next commit"],
  ["fault", "f", "next fault"], ["named", "o", "next operation that the verdict names"], ["violation", "v", "the violation"],
  ["no return", "r", "the point of no return"], ["difference", "x", "the first difference of the runs"],
  ["A", "[", "pin the chosen event as A"], ["B", "]", "pin the chosen event as B"],
  ["−", "-", "zoom out"], ["+", "+", "zoom in"], ["fit", "0", "the whole run"],
];

/** The moves that this run has. */
function movesOf(page) {
  const { run } = page.sides[0];
  const isLeftOut = {
    v: run.violation < 0, r: !run.head.turning, x: run.head.parted === null, f: !run.head.faults.length,
    o: !run.operations.named.length, l: !run.leaders.length, c: !run.commits.length,
  };
  return MOVES.filter(([, key]) => !isLeftOut[key]);
}

function addControls(page) {
  const { settings } = page;
  const keys = keysOf(page);
  const [moves, kinds, apis, past, search] = ["moves", "kinds", "apis", "past", "search"].map((id) => document.getElementById(id));
  for (const [text, key, name] of movesOf(page)) {
    const button = element("button", text, { type: "button", title: `${name} (${key})`, "aria-label": name });
    button.addEventListener("click", keys[key]);
    moves.append(button);
  }
  for (const kind of page.kinds.filter((kind) => kind !== "violation")) {
    const button = element("button", kind, { type: "button" });
    button.addEventListener("click", () => {
      if (!settings.off.delete(kind)) settings.off.add(kind);
      page.update();
    });
    kinds.append(button);
  }
  for (const api of page.apis) apis.append(element("option", api, { value: api }));
  apis.addEventListener("change", () => {
    settings.api = apis.value;
    page.update();
  });
  const hasViolation = page.sides.some(({ run }) => run.violation >= 0);
  for (const option of past.options) {
    if (option.value === "parted") option.hidden = page.sides[0].run.head.parted === null;
    else if (option.value !== "all") option.hidden = !hasViolation;
  }
  past.disabled = [...past.options].filter((option) => !option.hidden).length < 2;
  past.addEventListener("change", () => {
    settings.past = past.value;
    page.update();
  });
  let typed = 0;
  search.addEventListener("input", () => {
    clearTimeout(typed);
    typed = setTimeout(() => {
      settings.words = search.value;
      page.update();
    }, 80);
  });
  document.getElementById("theme").addEventListener("click", page.theme);
  document.getElementById("help").addEventListener("click", showKeys);
  onKeys(page, keys, search);
}

function onKeys(page, keys, search) {
  document.addEventListener("keydown", (event) => {
    if (event.target === search) {
      if (event.key !== "Escape") return;
      event.preventDefault();
      if (page.stopSearch()) return;
      search.value = page.settings.words = "";
      search.blur();
      page.update();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
    if (["BUTTON", "A", "SUMMARY"].includes(event.target.tagName) && [" ", "Enter"].includes(event.key)) return;
    if (document.getElementById("keys").open) return;
    const isInList = event.target.id === "list";
    const act = isInList ? { ArrowDown: keys.n, ArrowUp: keys.p }[event.key] ?? keys[event.key] : keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

/** Shows the settings in the controls. */
function showControls({ settings }) {
  document.getElementById("search").value = settings.words;
  document.getElementById("past").value = settings.past;
  document.getElementById("apis").value = settings.api;
  for (const button of document.getElementById("kinds").children) {
    button.setAttribute("aria-pressed", !settings.off.has(button.textContent));
  }
}
