// What the canvas shows, for those who cannot see it: a table of the nodes, and a description of the part that is seen.

/** The servers' roles and offsets, and the faults in force, at the chosen line; a click on a name hides a node's lines. */
function showTable(sides, view, hide) {
  const box = document.getElementById("nodes");
  if (!box.open) return;
  const { run, timeline, filter } = sides[view.side];
  const { at, until } = timeline.instant();
  const table = element("table");
  table.append(element("caption", `at ${seconds(at, 9)} s${sides.length > 1 ? `, ${run.head.title}` : ""}`));
  const top = element("tr");
  for (const name of ["node (press to hide its lines)", "role", "epoch", "high watermark", "log end", "faults"]) top.append(element("th", name, { scope: "col" }));
  table.append(top);
  run.head.nodes.forEach((name, node) => {
    const row = element("tr");
    const button = element("button", name, { type: "button", "aria-pressed": !filter.settings.hidden.has(name) });
    button.addEventListener("click", () => hide(name));
    const head = element("th", "", { scope: "row" });
    head.append(button);
    const faults = run.head.faults.filter((fault) => fault.from_ns <= at && at <= (fault.to_ns ?? fault.from_ns));
    const here = faults.filter((fault) => timeline.touched(fault).has(node)).map((fault) => timeline.faultText(fault, node));
    const is = run.head.clients[node] ? { role: "client", epoch: "", watermark: "", end: "" } : standing(run, node, until);
    row.append(head, ...[is.role, is.epoch, is.watermark, is.end, here.join("; ")].map((text) => element("td", text)));
    table.append(row);
  });
  const focused = document.activeElement?.closest("#table button")?.textContent;
  document.getElementById("table").replaceChildren(table);
  [...table.querySelectorAll("button")].find((button) => button.textContent === focused)?.focus();
}

/** Describes a canvas. */
function describe({ run, timeline, filter }, view) {
  const chosen = timeline.chosen >= 0 ? `; chosen: ${run.text(timeline.chosen)}` : "";
  const of = run.head.is_of_two ? `${run.head.title}: ` : "";
  timeline.canvas.setAttribute(
    "aria-label",
    `${of}${run.head.nodes.length} nodes from ${seconds(view.from, 3)} s to ${seconds(view.to, 3)} s; ${filter.progress()}${chosen}`,
  );
}
