// The map above the lanes: the whole run, and the part of it that is seen.

class RunMap {
  constructor(run, view) {
    Object.assign(this, { run, view, canvas: document.getElementById("map") });
    this.busy = this.density();
  }

  /** Messages in each of 600 parts of the run. */
  density() {
    const parts = new Uint32Array(600);
    const { arrows, at } = this.run;
    arrows.from.forEach((line) => parts[Math.min(599, Math.floor((at[line] / (this.view.end + 1)) * 600))]++);
    return parts;
  }

  draw() {
    const { context: c, width, height } = Timeline.sized(this.canvas, 46);
    const style = getComputedStyle(document.documentElement);
    const [rule, bad, warn] = ["--line", "--bad", "--warn"].map((name) => style.getPropertyValue(name).trim());
    const x = (at) => (at / this.view.end) * width;
    const most = Math.max(1, ...this.busy);
    c.fillStyle = rule;
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
      c.fillStyle = warn;
      c.fillRect(x(turning.at_ns) - 1, 0, 2, height);
    }
    if (violation) {
      c.fillStyle = bad;
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
}
