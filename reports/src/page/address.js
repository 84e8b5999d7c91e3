// What is shown, as the fragment of the address: #line=12&from=1&to=2&without=..&hide=..&rpc=..&past=..&q=..&run=other&a=..&b=..

const PASTS = ["parted", "lit", "only", "chain", "all"];

/** The fragment for a view and its settings. */
function addressOf({ view, settings, usualPast, kinds }) {
  const parts = new URLSearchParams();
  if (view.line >= 0) parts.set("line", view.line);
  if (view.side) parts.set("run", "other");
  view.pins.forEach((pin, n) => pin && parts.set("ab"[n], `${pin.side}.${pin.line}`));
  if (view.from > 0 || view.to < view.end) {
    parts.set("from", Math.round(view.from));
    parts.set("to", Math.round(view.to));
  }
  parts.set("without", kinds.filter((kind) => settings.off.has(kind)).join(","));
  if (settings.hidden.size) parts.set("hide", [...settings.hidden].join(","));
  if (settings.api) parts.set("rpc", settings.api);
  if (settings.past !== usualPast) parts.set("past", settings.past);
  if (settings.words) parts.set("q", settings.words);
  return `#${parts}`;
}

/** Takes the settings of a fragment, and returns the rest of it; what makes no sense is left out. */
function readAddress(fragment, { sides, view, settings, usualPast, kinds, apis }) {
  const parts = new URLSearchParams(fragment.slice(1));
  const number = (name) => (/^\d{1,16}$/.test(parts.get(name) ?? "") ? Number(parts.get(name)) : null);
  const names = (name) => (parts.get(name) ?? "").split(",");
  if (parts.has("without")) settings.off = new Set(names("without").filter((kind) => kinds.includes(kind)));
  settings.hidden = new Set(names("hide").filter((name) => sides.some(({ run }) => run.head.nodes.includes(name))));
  settings.api = apis.includes(parts.get("rpc")) ? parts.get("rpc") : "";
  const isPast = PASTS.includes(parts.get("past")) && document.querySelector(`#past option[value=${parts.get("past")}]:not([hidden])`);
  settings.past = isPast ? parts.get("past") : usualPast;
  settings.words = parts.get("q") ?? "";
  const side = parts.get("run") === "other" && sides.length > 1 ? 1 : 0;
  view.pins = ["a", "b"].map((name) => {
    const [of, line] = (parts.get(name) ?? "").split(".").map(Number);
    return line >= 0 && Number.isInteger(line) && line < (sides[of]?.run.count ?? 0) ? { side: of, line } : null;
  });
  const [from, to, line] = [number("from"), number("to"), number("line")];
  const isPart = from !== null && to !== null && from < to && from < view.end;
  return { side, line: line !== null && line < sides[side].run.count ? line : -1, from: isPart ? from : 0, to: isPart ? to : view.end };
}
