// The list of lines below the lanes: only the rows that are seen exist.

const ROW = 18;

class List {
  constructor(sides, view, pick) {
    Object.assign(this, { sides, view, pick });
    this.box = document.getElementById("list");
    this.tall = document.getElementById("tall");
    this.rows = document.getElementById("rows");
    this.box.addEventListener("scroll", () => this.draw());
    this.rows.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row) pick(Number(row.dataset.line), true);
    });
    const names = sides.flatMap(({ run }) => run.head.nodes);
    this.width = Math.max(0, ...names.map((name) => name.length)) + 1;
  }

  /** Draws the rows that are seen, of the run whose line is chosen. */
  draw() {
    const { filter, run } = this.sides[this.view.side];
    this.tall.style.height = `${filter.shown.length * ROW}px`;
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW) - 5);
    const last = Math.min(filter.shown.length, first + Math.ceil(this.box.clientHeight / ROW) + 10);
    this.rows.style.top = `${first * ROW}px`;
    const rows = [];
    for (let place = first; place < last; place++) {
      const line = filter.shown[place];
      const mark = " *>!"[run.relation[line]];
      const text = `${mark} ${seconds(run.at[line]).padStart(11)} ${String(run.event[line]).padStart(7)} ${run.name(run.node[line]).padEnd(this.width)} ${run.text(line)}`;
      const row = element("div", text, {
        class: "row", role: "option", id: `line${line}`, "aria-selected": line === this.view.line,
        "aria-setsize": filter.shown.length, "aria-posinset": place + 1,
      });
      row.dataset.line = line;
      row.classList.toggle("picked", line === this.view.line);
      row.classList.toggle("dim", filter.isDim(line));
      row.classList.toggle("chain", run.relation[line] === RELATION.CHAIN);
      row.classList.toggle("fault", run.is(line, "fault") || run.is(line, "down") || run.is(line, "error"));
      row.classList.toggle("violation", line === run.violation || run.relation[line] === RELATION.ITSELF);
      rows.push(row);
    }
    this.rows.replaceChildren(...rows);
    const id = `line${this.view.line}`;
    if (document.getElementById(id)) this.box.setAttribute("aria-activedescendant", id);
    else this.box.removeAttribute("aria-activedescendant");
  }

  /** A part of the texts of a run is there: shows those of rows that are seen. */
  read(run, part) {
    if (run !== this.sides[this.view.side].run) return;
    const isOf = (row) => Math.floor(Number(row.dataset.line) / run.head.lines_in_text) === part;
    if ([...this.rows.children].some(isOf)) this.draw();
  }

  /** Scrolls until the chosen line is seen. */
  reveal(line) {
    const { filter } = this.sides[this.view.side];
    this.tall.style.height = `${filter.shown.length * ROW}px`;
    const top = filter.placeOf(line) * ROW;
    const { scrollTop, clientHeight } = this.box;
    if (top < scrollTop + ROW || top > scrollTop + clientHeight - 2 * ROW) this.box.scrollTop = top - clientHeight / 2;
    this.draw();
  }
}
