// The page: reads the run, or two runs, takes what its user does, and writes what is shown into the address.

/** The search may hold up the page so long, ms. */
const SEARCH_MS = 12;
/** So long before the violation, and behind it, the first view reaches on a canvas of this width; ns, pixels. */
const [BEFORE, BEHIND, USUAL_WIDTH] = [2e9, 2e8, 1100];

class Page {
  constructor(runs) {
    this.kinds = [...new Set(runs.flatMap((run) => run.kinds))];
    this.apis = [...new Set(runs.flatMap((run) => run.apis.flat()))].toSorted();
    const hasViolation = runs.some((run) => run.violation >= 0);
    this.usualPast = runs[0].head.parted !== null ? "parted" : hasViolation ? "lit" : "all";
    this.settings = new Settings(this.usualPast);
    const end = Math.max(1, ...runs.map((run) => run.end));
    this.view = { from: 0, to: end, end, line: -1, at: 0, side: 0, pins: [null, null] };
    this.sides = runs.map((run, side) => {
      const canvas = document.getElementById(side ? "other-timeline" : "timeline");
      canvas.hidden = false;
      const filter = new Filter(run, this.settings);
      return { run, filter, timeline: new Timeline(run, filter, this.view, side, canvas) };
    });
    document.getElementById("runs").classList.toggle("two", runs.length > 1);
    this.map = new RunMap(runs[0], this.view);
    this.list = new List(this.sides, this.view, (line, move) => this.pick(line, move));
    this.isWaiting = false;
    this.message = "";
    for (const name of ["pick", "theme", "escape", "redraw"]) this[name] = this[name].bind(this);
  }

  get here() {
    return this.sides[this.view.side];
  }

  redraw() {
    if (this.isWaiting) return;
    this.isWaiting = true;
    requestAnimationFrame(() => {
      this.isWaiting = false;
      this.sides.forEach(({ timeline }) => timeline.draw());
      this.map.draw();
      this.list.draw();
      const { filter, timeline } = this.here;
      document.getElementById("found").textContent = this.message || [filter.progress(), timeline.note].filter((text) => text).join("; ");
      this.message = "";
      clearTimeout(this.later);
      // Browsers refuse many changes of the address in a short time.
      this.later = setTimeout(() => {
        history.replaceState(null, "", addressOf(this));
        showTable(this.sides, this.view, (name) => this.hide(name));
        this.sides.forEach((side) => describe(side, this.view));
      }, 150);
    });
  }

  /** Chooses a line, and moves the view to it if asked to. */
  pick(line, move, side = this.view.side) {
    const { view } = this;
    [view.line, view.side] = [line, side];
    if (line >= 0) {
      const { run, filter } = this.here;
      view.at = run.at[line];
      if (!filter.isShown[line]) filter.pin(line);
      if (move && (view.at <= view.from || view.at >= view.to)) this.center(view.at);
      this.list.reveal(line);
    }
    showEvent(this.here.run, view, this.pick);
    this.redraw();
  }

  center(at) {
    const half = (this.view.to - this.view.from) / 2;
    this.show(at - half, at + half);
  }

  show(from, to) {
    const { view } = this;
    const end = view.end * BEYOND;
    const span = Math.max(1000, Math.min(to - from, end));
    view.from = Math.max(0, Math.min(from, end - span));
    view.to = view.from + span;
    this.redraw();
  }

  /** By default around the chosen line, if it is seen. */
  zoom(factor, at = this.middle()) {
    const { from, to } = this.view;
    this.show(at - (at - from) * factor, at + (to - at) * factor);
  }

  middle() {
    const { from, to, line, at } = this.view;
    return line >= 0 && at >= from && at <= to ? at : (from + to) / 2;
  }

  /** The settings have changed. */
  update() {
    showControls(this);
    this.sides.forEach(({ filter }) => filter.update());
    clearTimeout(this.searching);
    this.search();
    if (this.view.line >= 0) this.list.reveal(this.view.line);
    this.redraw();
  }

  /** Searches a little, and goes on when the browser has done what else there is to do. */
  search() {
    const isMore = this.sides.map(({ filter }) => filter.search(SEARCH_MS)).some((more) => more);
    // The texts of a page that was just opened are still to come.
    const isEarly = this.sides.some(({ filter }) => filter.isWaiting());
    if (isMore) this.searching = setTimeout(() => this.search(), isEarly ? 30 : 0);
    this.redraw();
  }

  /** Ends a search with what it has found; false if there is none. */
  stopSearch() {
    if (!this.sides.some(({ filter }) => filter.isSearching())) return false;
    this.sides.forEach(({ filter }) => filter.stop());
    this.redraw();
    return true;
  }

  escape() {
    if (!this.stopSearch()) this.pick(-1, false);
  }

  hide(name) {
    if (!this.settings.hidden.delete(name)) this.settings.hidden.add(name);
    this.update();
  }

  /** The next or previous of some lines. */
  step(lines, back) {
    const { run } = this.here;
    const here = this.view.line >= 0 ? this.view.line : back ? run.count : run.lineAt(this.view.from) - 1;
    const found = back ? lines.findLast((line) => line < here) : lines.find((line) => line > here);
    if (found !== undefined) return this.pick(found, true);
    this.message = `nothing ${back ? "before" : "behind"} this line`;
    this.redraw();
  }

  stepEvent(back) {
    if (this.view.line < 0) return;
    const { run, filter } = this.here;
    const [first, last] = run.eventOf(this.view.line);
    const node = run.node[this.view.line];
    for (let line = back ? first - 1 : last + 1; line >= 0 && line < run.count; line += back ? -1 : 1) {
      if (run.node[line] === node && filter.isShown[line]) return this.pick(line, true);
    }
  }

  /** To the point of no return. */
  turn() {
    const { run } = this.sides[0];
    if (!run.head.turning) return;
    const line = run.event.findIndex((event) => event > run.head.turning.event);
    this.pick(line < 0 ? run.count - 1 : line, true, 0);
  }

  /** To the first line that only one of two runs has; from there to that of the other run. */
  parting() {
    const { parted } = this.sides[0].run.head;
    if (parted === null) return;
    const side = this.view.line === parted ? 1 - this.view.side : this.view.side;
    const line = Math.min(parted, this.sides[side].run.count - 1);
    this.pick(line, true, side);
  }

  /** Keeps the chosen event as A (0) or B (1). */
  pin(n) {
    const { view } = this;
    if (view.line < 0) return;
    view.pins[n] = { side: view.side, line: view.line };
    this.showPins();
  }

  showPins() {
    const unpin = () => {
      this.view.pins = [null, null];
      this.showPins();
    };
    showPins(this.sides, this.view, this.pick, unpin);
    this.redraw();
  }

  theme() {
    const root = document.documentElement;
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    this.redraw();
  }

  readAddress() {
    const { side, line, from, to } = readAddress(location.hash, this);
    this.show(from, to);
    this.update();
    this.pick(line, true, side);
    this.showPins();
  }

  /** The first view: where the runs part, or the violation, or the whole run. */
  begin() {
    const { run } = this.sides[0];
    const { parted } = run.head;
    const first = this.usualPast === "parted" ? Math.min(parted, run.count - 1) : run.violation;
    const part = Math.min(1, this.sides[0].timeline.canvas.clientWidth / USUAL_WIDTH);
    if (first >= 0) this.show(run.at[first] - BEFORE * part, run.at[first] + BEHIND * part);
    this.update();
    this.pick(first, first >= 0);
  }
}

async function main() {
  const head = (id) => JSON.parse(document.getElementById(id).textContent);
  const isDark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  const prefixes = document.getElementById("other-head") ? ["", "other-"] : [""];
  showHeading(head("head"));
  prefixes.slice(1).forEach((prefix) => showBanner(head(`${prefix}head`), prefix));
  const page = new Page(await Promise.all(prefixes.map((prefix) => Run.read(prefix))));
  addControls(page);
  page.sides.forEach((_, side) => onTimeline(side, page));
  onMap(page.map, page);
  window.addEventListener("resize", page.redraw);
  window.addEventListener("hashchange", () => page.readAddress());
  document.getElementById("nodes").addEventListener("toggle", page.redraw);
  if (location.hash.length > 1) page.readAddress();
  else page.begin();
  showParting(page.sides, page.pick);
  requestAnimationFrame(() => {
    performance.mark("drawn");
    document.body.dataset.ready = "lines";
  });
  await Promise.all(page.sides.map(({ run }) => run.readTexts((part) => page.list.read(run, part))));
  showEvent(page.here.run, page.view, page.pick);
  showParting(page.sides, page.pick);
  page.showPins();
  performance.mark("texts");
  document.body.dataset.ready = "texts";
}

main().catch((error) => {
  document.querySelector(".banner").classList.add("bad");
  document.getElementById("verdict").textContent = "This page cannot be shown";
  document.getElementById("detail").textContent = `(a browser of 2023 or later is needed): ${error}`;
});
