// Which lines are shown.

class Filter {
  constructor(run) {
    this.run = run;
    this.kinds = new Set(run.kinds);
    this.kinds.delete("timer");
    this.kinds.delete("connection");
    this.kinds.delete("disk");
    this.hidden = new Set(); // nodes
    this.api = "";
    this.pinned = -1; // a line that is shown whatever the rest says
    this.past = run.violation >= 0 ? "lit" : "all";
    this.words = "";
    this.shown = new Int32Array(0);
    this.isShown = new Uint8Array(run.count);
    this.update();
  }

  /** Lists the lines anew. */
  update() {
    const { run } = this;
    const kinds = run.kinds.map((kind) => this.kinds.has(kind));
    const apis = run.apis.map((names) => !this.api || names.includes(this.api));
    const needle = this.words.toLowerCase();
    const least = { only: RELATION.PAST, chain: RELATION.CHAIN }[this.past] ?? RELATION.NONE;
    const shown = [];
    this.isShown.fill(0);
    for (let line = 0; line < run.count; line++) {
      const isPinned = line === run.violation || line === this.pinned;
      // The chain of causes has no holes.
      const isKind = kinds[run.kind[line]] || (this.past !== "all" && run.relation[line] >= RELATION.CHAIN);
      const is =
        isPinned ||
        (isKind &&
          !this.hidden.has(run.node[line]) &&
          (run.api[line] >= 0 ? apis[run.api[line]] : !this.api) &&
          run.relation[line] >= least &&
          (!needle || this.has(line, needle)));
      if (is) {
        shown.push(line);
        this.isShown[line] = 1;
      }
    }
    this.shown = Int32Array.from(shown);
  }

  has(line, needle) {
    return this.run.text(line).toLowerCase().includes(needle) || this.run.name(this.run.node[line]).includes(needle);
  }

  /** Where a line is among those shown, or the next one. */
  placeOf(line) {
    let [low, high] = [0, this.shown.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.shown[middle] < line) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  isDim(line) {
    return this.past === "lit" && this.run.relation[line] === RELATION.NONE;
  }
}
