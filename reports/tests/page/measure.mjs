// Measures a run page in headless Chromium: its size, how long it takes until it is painted and drawn, and what the user
// does. It is no part of `cargo test`:
//
//     npm install playwright-core && node reports/tests/page/measure.mjs run.html [RUNS] [CHROMIUM]
//
// Prints medians in ms, with the least and the greatest.
import { chromium } from "playwright-core";
import { statSync } from "node:fs";
import path from "node:path";

const [file, runs = "9", executablePath = "/usr/bin/chromium"] = process.argv.slice(2);
const measured = new Map();
const note = (what, ms) => measured.set(what, [...(measured.get(what) ?? []), ms]);

async function once() {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"] });
  const page = await browser.newPage({ viewport: { width: 1500, height: 950 } });
  await page.goto(`file://${path.resolve(file)}`);
  await page.waitForFunction(() => document.body.dataset.ready === "texts");
  // Times since the navigation began.
  const times = await page.evaluate(() => ({
    "first paint": performance.getEntriesByName("first-contentful-paint")[0].startTime,
    "lanes and lines drawn": performance.getEntriesByName("drawn")[0].startTime,
    "all texts there": performance.getEntriesByName("texts")[0].startTime,
  }));
  Object.entries(times).forEach(([what, ms]) => note(what, ms));
  /** From what the user does to the next frame in which this holds. */
  const timed = async (what, act, holds = "true") => {
    note(what, await page.evaluate(`new Promise((then) => {
      const begin = performance.now();
      ${act};
      const look = () => (${holds} ? setTimeout(() => then(performance.now() - begin), 0) : requestAnimationFrame(look));
      requestAnimationFrame(look);
    })`));
  };
  const key = (name) => `document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "${name}", bubbles: true }))`;
  await timed("the whole run (0)", key("0"));
  await timed("jump to the next leader (l)", `${key("Escape")}; ${key("l")}`);
  await timed("jump to the next commit (c)", key("c"));
  await timed("zoom in (+)", key("+"));
  await timed("another RPC", `const apis = document.getElementById("apis"); apis.value = "Fetch"; apis.dispatchEvent(new Event("change"))`);
  await timed("all RPCs", `const apis = document.getElementById("apis"); apis.value = ""; apis.dispatchEvent(new Event("change"))`);
  const search = (words) => `const box = document.getElementById("search"); box.value = "${words}"; box.dispatchEvent(new Event("input"))`;
  const found = (count) => `/^${count} lines?(;|$)/.test(document.getElementById("found").textContent)`;
  await timed("search, little found", search("no line says this"), found("[012]"));
  await timed("search, much found", search("fetch"), found("[\\d,]{5,}"));
  await browser.close();
}

for (let run = 0; run < Number(runs); run++) await once();
console.log(`size: ${(statSync(file).size / 1e6).toFixed(2)} MB`);
for (const [what, all] of measured) {
  const sorted = all.toSorted((a, b) => a - b);
  const [least, median, most] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)].map((ms) => ms.toFixed(0));
  console.log(`${what}: ${median} (${least} to ${most})`);
}
