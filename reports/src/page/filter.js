// Which lines are shown, and the search, which goes through the texts step by step.

/** Lines that are searched between two looks at the clock. */
const SEARCHED_AT_ONCE = 500;

/** What the user chose, for both runs: kinds and nodes that are hidden, an RPC, what is lit, words that are searched. */
class Settings {
  constructor(past) {
    this.off = new Set(["timer", "connection", "disk"]);
    this.hidden = new Set(); // names of nodes
    this.api = "";
    this.past = past;
    this.words = "";
  }
}

class Filter {
  constructor(run, settings) {
    this.run = run;
    this.settings = settings;
    this.pinned = -1; // a line that is shown whatever the rest says
    this.all = new Int32Array(run.count);
    this.shown = this.all.subarray(0, 0);
    this.isShown = new Uint8Array(run.count);
    this.searched = null;
    this.update();
  }

  /** Lists the lines anew. Those with the words that are searched follow, by `search`. */
  update() {
    const { run } = this;
    run.relate(this.settings.past);
    this.isShown.fill(0);
    this.count = 0;
    this.searched = this.settings.words ? { line: 0, stopped: false } : null;
    const is = this.test();
    if (!this.searched) for (let line = 0; line < run.count; line++) if (is(line)) this.push(line);
    this.shown = this.all.subarray(0, this.count);
  }

  /** Is a line shown, apart from its text? */
  test() {
    const { run, settings } = this;
    const kinds = run.kinds.map((kind) => !settings.off.has(kind));
    const apis = run.apis.map((names) => !settings.api || names.includes(settings.api));
    const hidden = run.head.nodes.map((name) => settings.hidden.has(name));
    const least = { only: RELATION.PAST, chain: RELATION.CHAIN }[settings.past] ?? RELATION.NONE;
    // The chain of causes has no holes.
    const withChain = settings.past !== "all";
    return (line) =>
      this.isAlways(line) ||
      ((kinds[run.kind[line]] || (withChain && run.relation[line] >= RELATION.CHAIN)) &&
        !hidden[run.node[line]] &&
        (run.api[line] >= 0 ? apis[run.api[line]] : !settings.api) &&
        run.relation[line] >= least);
  }

  isAlways(line) {
    return line === this.run.violation || line === this.pinned;
  }

  /** Shows a line whatever the rest says; one that is yet to be searched comes in its turn. */
  pin(line) {
    this.pinned = line;
    if (this.isShown[line] || (this.searched && line >= this.searched.line)) return;
    const place = this.placeOf(line);
    this.all.copyWithin(place + 1, place, this.count);
    this.all[place] = line;
    this.isShown[line] = 1;
    this.shown = this.all.subarray(0, ++this.count);
  }

  push(line) {
    this.all[this.count++] = line;
    this.isShown[line] = 1;
  }

  /** Searches for so long; true if there is more to search. */
  search(milliseconds) {
    const { run, searched } = this;
    if (!this.isSearching()) return false;
    const [is, until] = [this.test(), performance.now() + milliseconds];
    const words = new RegExp(this.settings.words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "i");
    const names = run.head.nodes.map((name) => words.test(name));
    do {
      const end = Math.min(run.count, searched.line + SEARCHED_AT_ONCE);
      // What is not read yet is searched later.
      if (end > searched.line && !run.isRead(end - 1)) break;
      for (let line = searched.line; line < end; line++) {
        if (is(line) && (this.isAlways(line) || names[run.node[line]] || words.test(run.text(line)))) this.push(line);
      }
      searched.line = end;
    } while (searched.line < run.count && performance.now() < until);
    this.shown = this.all.subarray(0, this.count);
    return this.isSearching();
  }

  isSearching() {
    return this.searched !== null && !this.searched.stopped && this.searched.line < this.run.count;
  }

  /** Is the text that is to be searched next not there yet? */
  isWaiting() {
    return this.isSearching() && !this.run.isRead(this.searched.line);
  }

  stop() {
    if (this.searched) this.searched.stopped = true;
  }

  /** How far the search is, in words. */
  progress() {
    const lines = `${this.count.toLocaleString("en")} ${this.count === 1 ? "line" : "lines"}`;
    const part = this.searched ? Math.floor((100 * this.searched.line) / Math.max(1, this.run.count)) : 100;
    if (this.isSearching()) return `${lines}; ${part} % searched, Esc stops`;
    return this.searched?.stopped ? `${lines}; stopped at ${part} %` : lines;
  }

  /** Where a line is among those shown, or the next one. */
  placeOf(line) {
    return placeIn(this.shown, line);
  }

  isDim(line) {
    return ["lit", "parted"].includes(this.settings.past) && this.run.relation[line] === RELATION.NONE;
  }
}
