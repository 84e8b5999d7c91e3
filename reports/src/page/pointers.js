// Mouse and touch on the canvases.

/** Moves, choices and tips on a drawn run. `page` is what `main` offers. */
function onTimeline(side, page) {
  const { run, timeline } = page.sides[side];
  const { view } = page;
  const { canvas } = timeline;
  const tip = document.getElementById("tip");
  let drag = null;
  canvas.addEventListener("wheel", (event) => {
    const span = view.to - view.from;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      if (event.deltaY) page.zoom(event.deltaY > 0 ? 1.25 : 0.8, timeline.atX(event.offsetX));
    } else if (event.deltaX || event.shiftKey) {
      event.preventDefault();
      const away = ((event.deltaX || event.deltaY) / timeline.width) * span;
      page.show(view.from + away, view.to + away);
    }
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    drag = { x: event.offsetX, from: view.from, to: view.to, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = [event.offsetX, event.offsetY];
    if (drag) {
      drag.moved ||= Math.abs(x - drag.x) > 3;
      const away = ((drag.x - x) / (timeline.width - timeline.label)) * (drag.to - drag.from);
      if (drag.moved) page.show(drag.from + away, drag.to + away);
      return;
    }
    const what = x > timeline.label ? tips(run, timeline, x, y) : [];
    tip.hidden = !what.length;
    tip.textContent = what.join("\n");
    const wide = Math.min(490, timeline.width);
    tip.style.left = `${canvas.offsetLeft + Math.min(x + 12, Math.max(0, timeline.width - wide))}px`;
    tip.style.top = `${canvas.offsetTop + y + 14}px`;
  });
  canvas.addEventListener("pointercancel", () => (drag = null));
  canvas.addEventListener("pointerleave", () => (tip.hidden = true));
  canvas.addEventListener("pointerup", (event) => {
    const was = drag;
    drag = null;
    if (!was || was.moved) return;
    const [x, y] = [event.offsetX, event.offsetY];
    const name = run.head.nodes[Math.floor((y - AXIS) / LANE)];
    if (x <= timeline.label && name !== undefined) return page.hide(name);
    if (x <= timeline.label) return;
    const operation = timeline.operationAt(x, y);
    page.pick(operation >= 0 ? run.operations.from[operation] : timeline.nearest(x, y), false, side);
  });
}

/** What is drawn at a point: operations, lines, faults with the links that they affect. */
function tips(run, timeline, x, y) {
  const [line, operation] = [timeline.nearest(x, y), timeline.operationAt(x, y)];
  const of = (fault) => [fault.what, ...(fault.links.length ? [`  ${fault.links.map((pair) => run.pair(pair)).join(", ")}`] : [])];
  return [
    ...(operation >= 0 ? [timeline.operationText(operation)] : []),
    ...(line >= 0 ? [`${seconds(run.at[line])} s  ${run.text(line)}`] : []),
    ...timeline.faultsAt(x, y).flatMap(of),
  ];
}

/** Chooses a part of the run, or its middle, on the map. */
function onMap(map, page) {
  let begin = null;
  const at = (event) => (event.offsetX / map.canvas.clientWidth) * page.view.end;
  map.canvas.addEventListener("pointerdown", (event) => {
    begin = { at: at(event), x: event.offsetX };
    map.canvas.setPointerCapture(event.pointerId);
  });
  map.canvas.addEventListener("pointermove", (event) => {
    if (begin && Math.abs(event.offsetX - begin.x) > 3) page.show(Math.min(begin.at, at(event)), Math.max(begin.at, at(event)));
  });
  map.canvas.addEventListener("pointerup", (event) => {
    if (begin && Math.abs(event.offsetX - begin.x) <= 3) page.center(begin.at);
    begin = null;
  });
}
