// The page: reads the run, takes what its user does, and writes what is shown into the address.

async function main() {
  const head = JSON.parse(document.getElementById("head").textContent);
  const isDark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  showHeading({ head });
  const run = await Run.read(head);
  const view = { from: 0, to: run.end || 1, line: -1 };
  const filter = new Filter(run);
  const timeline = new Timeline(run, filter, view);
  const list = new List(run, filter, view, pick);
  const search = document.getElementById("search");
  let waiting = false;
  let address = 0;
  let message = "";

  const usualPast = filter.past;
  const apiNames = [...new Set(run.apis.flat())].toSorted();

  function redraw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      timeline.draw();
      list.draw();
      document.getElementById("found").textContent = message || timeline.note || `${filter.shown.length.toLocaleString("en")} lines`;
      message = "";
      // Browsers refuse many changes of the address in a short time.
      clearTimeout(address);
      address = setTimeout(setAddress, 150);
    });
  }

  /** Chooses a line, and moves the view to it if asked to or if it is not seen. */
  function pick(line, move) {
    view.line = line;
    if (line >= 0) {
      if (!filter.isShown[line]) {
        filter.pinned = line;
        filter.update();
      }
      const at = run.at[line];
      if (move && (at <= view.from || at >= view.to)) center(at);
      list.reveal(line);
    }
    showEvent(run, view, pick);
    redraw();
  }

  function center(at) {
    const half = (view.to - view.from) / 2;
    show(at - half, at + half);
  }

  function show(from, to) {
    const end = (run.end || 1) * BEYOND;
    const span = Math.max(1000, Math.min(to - from, end));
    view.from = Math.max(0, Math.min(from, end - span));
    view.to = view.from + span;
    redraw();
  }

  /** By default around the chosen line, if it is seen. */
  function zoom(factor, at = middle()) {
    show(at - (at - view.from) * factor, at + (view.to - at) * factor);
  }

  function middle() {
    const at = view.line >= 0 ? run.at[view.line] : -1;
    return at >= view.from && at <= view.to ? at : (view.from + view.to) / 2;
  }

  function update() {
    filter.update();
    if (view.line >= 0) list.reveal(view.line);
    else list.draw();
    redraw();
  }

  /** The next or previous of some lines. */
  function step(lines, back) {
    const here = view.line >= 0 ? view.line : back ? run.count : run.lineAt(view.from) - 1;
    const found = back ? lines.findLast((line) => line < here) : lines.find((line) => line > here);
    if (found !== undefined) return pick(found, true);
    message = `nothing ${back ? "before" : "behind"} this line`;
    redraw();
  }

  const ofKind = (kind) => Array.from(run.kind.keys()).filter((line) => run.is(line, kind));
  const faults = ofKind("fault");
  const keys = {
    n: () => step(Array.from(filter.shown), false), p: () => step(Array.from(filter.shown), true),
    e: () => stepEvent(false), E: () => stepEvent(true),
    l: () => step(run.leaders, false), L: () => step(run.leaders, true),
    c: () => step(run.commits, false), C: () => step(run.commits, true),
    d: () => step(run.partitionLeaders, false), D: () => step(run.partitionLeaders, true),
    w: () => step(run.partitionCommits, false), W: () => step(run.partitionCommits, true),
    f: () => step(faults, false), F: () => step(faults, true),
    b: () => view.line >= 0 && run.cause[view.line] >= 0 && pick(run.cause[view.line], true),
    v: () => run.violation >= 0 && pick(run.violation, true),
    " ": () => view.line >= 0 && center(run.at[view.line]),
    r: () => run.head.turning && pick(turningLine(), true),
    "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6), 0: () => show(0, run.end),
    ArrowLeft: () => show(view.from - (view.to - view.from) * 0.2, view.to - (view.to - view.from) * 0.2),
    ArrowRight: () => show(view.from + (view.to - view.from) * 0.2, view.to + (view.to - view.from) * 0.2),
    "/": () => search.focus(), t: theme, "?": showKeys, Escape: () => pick(-1, false),
  };

  function stepEvent(back) {
    if (view.line < 0) return;
    const [first, last] = run.eventOf(view.line);
    const node = run.node[view.line];
    for (let line = back ? first - 1 : last + 1; line >= 0 && line < run.count; line += back ? -1 : 1) {
      if (run.node[line] === node && filter.isShown[line]) return pick(line, true);
    }
  }

  function turningLine() {
    const line = run.event.findIndex((event) => event > run.head.turning.event);
    return line < 0 ? run.count - 1 : line;
  }

  function theme() {
    const root = document.documentElement;
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    redraw();
  }

  /** #line=12&from=1&to=2&without=..&hide=..&rpc=..&past=..&q=.. */
  function setAddress() {
    const parts = new URLSearchParams();
    if (view.line >= 0) parts.set("line", view.line);
    if (view.from > 0 || view.to < run.end) {
      parts.set("from", Math.round(view.from));
      parts.set("to", Math.round(view.to));
    }
    const off = run.kinds.filter((kind) => !filter.kinds.has(kind));
    parts.set("without", off.join(","));
    if (filter.hidden.size) parts.set("hide", Array.from(filter.hidden, (node) => run.name(node)).join(","));
    if (filter.api) parts.set("rpc", filter.api);
    if (filter.past !== usualPast) parts.set("past", filter.past);
    if (filter.words) parts.set("q", filter.words);
    history.replaceState(null, "", `#${parts}`);
  }

  function readAddress() {
    const parts = new URLSearchParams(location.hash.slice(1));
    const number = (name) => (/^\d+$/.test(parts.get(name) ?? "") ? Number(parts.get(name)) : null);
    if (parts.has("without")) {
      const off = parts.get("without").split(",");
      filter.kinds = new Set(run.kinds.filter((kind) => !off.includes(kind)));
    }
    const hidden = (parts.get("hide") ?? "").split(",").map((name) => run.head.nodes.indexOf(name));
    filter.hidden = new Set(hidden.filter((node) => node >= 0));
    filter.api = apiNames.includes(parts.get("rpc")) ? parts.get("rpc") : "";
    const isPast = run.violation >= 0 && ["lit", "only", "chain", "all"].includes(parts.get("past"));
    filter.past = isPast ? parts.get("past") : usualPast;
    filter.words = parts.get("q") ?? "";
    const [from, to, line] = [number("from"), number("to"), number("line")];
    if (from !== null && to !== null && from < to && from < run.end) show(from, to);
    else show(0, run.end);
    showControls();
    filter.update();
    pick(line !== null && line < run.count ? line : -1, true);
  }

  function showControls() {
    search.value = filter.words;
    document.getElementById("past").value = filter.past;
    document.getElementById("apis").value = filter.api;
    for (const button of document.getElementById("kinds").children) {
      button.setAttribute("aria-pressed", filter.kinds.has(button.textContent));
    }
  }

  function controls() {
    const kinds = document.getElementById("kinds");
    for (const kind of run.kinds.filter((kind) => kind !== "violation")) {
      const button = element("button", kind, { type: "button" });
      button.addEventListener("click", () => {
        if (!filter.kinds.delete(kind)) filter.kinds.add(kind);
        showControls();
        update();
      });
      kinds.append(button);
    }
    const apis = document.getElementById("apis");
    for (const api of apiNames) apis.append(element("option", api, { value: api }));
    apis.addEventListener("change", () => {
      filter.api = apis.value;
      update();
    });
    const past = document.getElementById("past");
    past.disabled = run.violation < 0;
    past.addEventListener("change", () => {
      filter.past = past.value;
      update();
    });
    search.addEventListener("input", () => {
      filter.words = search.value;
      update();
    });
    document.getElementById("fit").addEventListener("click", keys[0]);
    document.getElementById("theme").addEventListener("click", theme);
    document.getElementById("help").addEventListener("click", showKeys);
    document.addEventListener("keydown", (event) => {
      if (event.target === search) {
        if (event.key === "Escape") {
          event.preventDefault();
          search.value = filter.words = "";
          search.blur();
          update();
        }
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
      if (["BUTTON", "A"].includes(event.target.tagName) && [" ", "Enter"].includes(event.key)) return;
      const act = keys[event.key];
      if (!act || document.getElementById("keys").open) return;
      event.preventDefault();
      act();
    });
  }

  function pointers() {
    const { canvas, map } = timeline;
    const tip = document.getElementById("tip");
    const place = (event) => [event.offsetX, event.offsetY];
    let drag = null;
    canvas.addEventListener("wheel", (event) => {
      const span = view.to - view.from;
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        if (event.deltaY) zoom(event.deltaY > 0 ? 1.25 : 0.8, timeline.atX(event.offsetX));
      } else if (event.deltaX || event.shiftKey) {
        event.preventDefault();
        const away = ((event.deltaX || event.deltaY) / timeline.width) * span;
        show(view.from + away, view.to + away);
      }
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      drag = { x: event.offsetX, y: event.offsetY, from: view.from, to: view.to, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      const [x, y] = place(event);
      if (drag) {
        drag.moved ||= Math.abs(x - drag.x) > 3;
        const away = ((drag.x - x) / (timeline.width - LABEL)) * (drag.to - drag.from);
        if (drag.moved) show(drag.from + away, drag.to + away);
        return;
      }
      const line = x > LABEL ? timeline.nearest(x, y) : -1;
      const operation = x > LABEL ? timeline.operationAt(x, y) : -1;
      const what = [...(operation >= 0 ? [timeline.operationText(operation)] : []), ...(line >= 0 ? [`${seconds(run.at[line])} s  ${run.text(line)}`] : []), ...timeline.faultsAt(x, y).map((fault) => fault.what)];
      tip.hidden = x <= LABEL || !what.length;
      tip.textContent = what.join("\n");
      const left = Math.min(x + 12, Math.max(0, timeline.width - 490));
      Object.assign(tip.style, { left: `${left}px`, top: `${y + 14}px` });
    });
    canvas.addEventListener("pointercancel", () => (drag = null));
    canvas.addEventListener("pointerleave", () => (tip.hidden = true));
    canvas.addEventListener("pointerup", (event) => {
      const was = drag;
      drag = null;
      if (!was || was.moved) return;
      const [x, y] = place(event);
      const node = Math.floor((y - AXIS) / LANE);
      if (x <= LABEL && node >= 0 && node < run.head.nodes.length) {
        if (!filter.hidden.delete(node)) filter.hidden.add(node);
        update();
      } else if (x > LABEL) {
        const operation = timeline.operationAt(x, y);
        pick(operation >= 0 ? run.operations.from[operation] : timeline.nearest(x, y), false);
      }
    });
    let begin = null;
    const atMap = (event) => (event.offsetX / map.clientWidth) * run.end;
    map.addEventListener("pointerdown", (event) => {
      begin = { at: atMap(event), x: event.offsetX };
      map.setPointerCapture(event.pointerId);
    });
    map.addEventListener("pointermove", (event) => {
      if (begin && Math.abs(event.offsetX - begin.x) > 3) show(Math.min(begin.at, atMap(event)), Math.max(begin.at, atMap(event)));
    });
    map.addEventListener("pointerup", (event) => {
      if (begin && Math.abs(event.offsetX - begin.x) <= 3) center(begin.at);
      begin = null;
    });
    window.addEventListener("resize", redraw);
    window.addEventListener("hashchange", readAddress);
  }

  controls();
  pointers();
  if (location.hash.length > 1) {
    readAddress();
  } else {
    showControls();
    redraw();
    if (run.violation >= 0) {
      const at = run.at[run.violation];
      show(at - 2e9, at + 2e8);
      pick(run.violation, true);
    } else {
      pick(-1, false);
    }
  }
  document.body.dataset.ready = "lines";
  await run.readTexts((all) => {
    if (all && filter.words) update();
    else list.draw();
    if (all) {
      showEvent(run, view, pick);
      document.body.dataset.ready = "texts";
    }
  });
}

main().catch((error) => {
  document.getElementById("banner").classList.add("bad");
  document.getElementById("verdict").textContent = "This page cannot be shown";
  document.getElementById("detail").textContent = `(a browser of 2023 or later is needed): ${error}`;
});
