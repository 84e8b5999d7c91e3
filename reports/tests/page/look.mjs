// Opens run pages in headless Chromium, uses them, and takes screenshots. It is no part of `cargo test`:
//
//     kraftsim replay ci --seed 0 --out one
//     kraftsim replay ci --seed 0 --bug Kip101TruncateToHighWatermark --html run.html
//     kraftsim replay ci --seed 0 --bug Kip101TruncateToHighWatermark --html two.html --against one/ci-0x0000000000000000.json
//     npm install playwright-core && node reports/tests/page/look.mjs run.html two.html FOLDER [CHROMIUM]
//
// Exit code 0: no error on a page, and each step had the effect that it should have.
import { chromium } from "playwright-core";
import assert from "node:assert/strict";
import path from "node:path";

const [one, two, folder, executablePath = "/usr/bin/chromium"] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"] });
const page = await browser.newPage({ viewport: { width: 1500, height: 950 } });
const problems = [];
page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
page.on("pageerror", (error) => problems.push(String(error)));
page.on("request", (request) => request.url().startsWith("file:") || problems.push(`a request: ${request.url()}`));
page.on("dialog", (dialog) => problems.push(`a dialog: ${dialog.message()}`));

async function open(file, hash = "") {
  await page.goto("about:blank");
  await page.goto(`file://${path.resolve(file)}${hash}`);
  await page.waitForFunction(() => document.body.dataset.ready === "texts");
  await settled();
}
const address = () => page.evaluate(() => Object.fromEntries(new URLSearchParams(location.hash.slice(1))));
/** Drawn, and the address written. */
async function settled() {
  await page.evaluate(() => new Promise((then) => requestAnimationFrame(() => setTimeout(then, 250))));
}
async function press(...keys) {
  for (const key of keys) await page.keyboard.press(key);
  await settled();
}
async function shot(name, fullPage = false) {
  await settled();
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage });
}
const found = () => page.textContent("#found");

await open(one);
assert.equal(await page.isVisible(".banner.bad"), true, "a run that violates a claim");
const violation = (await address()).line;
assert.match(await page.textContent("#event"), /operations that the verdict names \([1-9]/);
await shot("violation");

// Keys.
await press("0");
assert.equal((await address()).from, undefined, "the whole run");
await shot("overview");
await press("v", ..."++++++++++");
assert.equal((await address()).line, violation);
await press("b");
assert.ok(Number((await address()).line) < Number(violation), "what caused it");
await press("Escape", "0", "l");
const leader = (await address()).line;
assert.ok(leader !== undefined, "a change of leadership");
await press("l");
const next = (await address()).line;
assert.ok(Number(next) > Number(leader), "the next one");
await press("c");
assert.ok(Number((await address()).line) > Number(next), "the next commit");
await press("r");
assert.ok(Number((await address()).line) < Number(violation), "the point of no return");
await press("o");
assert.match(await page.textContent("#event .text"), /Invoked/, "an operation that the verdict names");
await press("Escape", "0", "f");
assert.match(await page.textContent("#event .text"), /^FAULT/);
let pairs = 0;
for (let n = 0; n < 9 && !pairs; n++) {
  const links = await page.$$eval("#event h2", (all) => all.map((of) => of.textContent).find((text) => text.startsWith("links (")));
  pairs = Number(links?.match(/\d+/)[0] ?? 0);
  if (pairs) assert.match(await page.textContent("#event"), /broker-102 (↔|→) /);
  else await press("f");
}
assert.ok(pairs > 1, "a fault of links");
await press(..."++++");
await shot("links");
await page.focus("#list");
const before = Number((await address()).line);
await press("ArrowDown");
assert.ok(Number((await address()).line) > before, "arrows in the list");

// Filters, and an address that leads back.
await press("v");
await page.selectOption("#past", "chain");
await page.selectOption("#apis", "Fetch");
await shot("filtered");
const filtered = await page.evaluate(() => location.hash);
await open(one, filtered);
assert.deepEqual(await page.evaluate(() => location.hash), filtered, "an address leads back");
assert.equal(await page.inputValue("#apis"), "Fetch");
await page.selectOption("#past", "all");
await page.selectOption("#apis", "");
const text = await page.textContent("#event .text");
await page.click(".row >> nth=5");
assert.notEqual(await page.textContent("#event .text"), text, "a click chooses a line");

// The difference of the state between two events.
await press("v", "]", "r", "[");
const pinned = await page.textContent("#pins");
assert.match(pinned, /broker-101: \d+ differ/);
assert.match(pinned, /high watermark- \d+\+ \d+/);
const withPins = await address();
assert.ok(withPins.a !== undefined && withPins.b === `0.${violation}`);
await shot("pins");
await page.click("#pins button");
assert.equal(await page.textContent("#pins"), "");

// The table of nodes, which hides and shows a node by keyboard.
await press("v");
await page.click("#nodes summary");
await settled();
const row = await page.$$eval("#table tr", (rows) => rows.map((of) => of.textContent).find((text) => text.startsWith("controller-3")));
assert.match(row, /^controller-3Leader2\d+\d+/);
const all = await found();
await page.focus("#table button >> nth=3");
await press("Enter");
assert.equal((await address()).hide, "broker-101");
assert.notEqual(await found(), all);
await press("Enter");
assert.equal(await found(), all, "shown again");
await page.click("#nodes summary");
for (const [selector, attribute] of [["#list", "aria-activedescendant"], [".row.picked", "aria-posinset"], ["#timeline", "aria-label"]]) {
  assert.ok(await page.getAttribute(selector, attribute), `${selector} ${attribute}`);
}

// Search.
await press("/");
await page.keyboard.type("no line says this");
await page.waitForFunction(() => /^[12] lines?(;|$)/.test(document.getElementById("found").textContent));
await press("Escape");
assert.equal(await found(), all, "the search is over");
await press("/");
await page.evaluate(() => {
  const found = document.getElementById("found");
  const escape = () => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true }));
  new MutationObserver(() => found.textContent.includes("Esc stops") && escape()).observe(found, { childList: true });
});
await page.keyboard.type("§");
await page.waitForTimeout(700);
assert.match(await found(), /lines; stopped at \d+ %/, "a search that is stopped");
await press("Escape");
assert.equal(await found(), all);

// Light and dark, keys, copy.
const theme = await page.evaluate(() => document.documentElement.dataset.theme);
await press("t");
assert.notEqual(await page.evaluate(() => document.documentElement.dataset.theme), theme);
await shot("dark");
await press("?");
assert.equal(await page.isVisible("#keys"), true);
await shot("keys");
await page.click("#keys button");
await page.click(".command button");
await page.waitForSelector(".command button:text('copied')");

// Narrow windows: nothing is wider than the window.
for (const width of [800, 380]) {
  await page.setViewportSize({ width, height: 900 });
  await open(one);
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, `${width} pixels`);
  await page.click("#moves button[aria-label='the point of no return']");
  await settled();
  assert.ok(Number((await address()).line) < Number(violation));
  await shot(`narrow-${width}`, true);
}

// Two runs.
await page.setViewportSize({ width: 1500, height: 950 });
await open(two);
const parted = (await address()).line;
assert.match(await page.textContent("#parting"), /lines are the same.*causes of its first line.*causes of its first line/s);
assert.equal(await page.isVisible("#other-timeline"), true);
const lit = await page.$$eval(".row", (rows) => rows.map((of) => [Number(of.dataset.line), of.classList.contains("dim")]));
const chain = await page.$$eval(".row.chain", (rows) => rows.map((of) => Number(of.dataset.line)));
assert.ok(lit.every(([line, isDim]) => isDim === (line < Number(parted) && !chain.includes(line))), "what both have is dim");
await shot("against");
await press("x");
assert.deepEqual([(await address()).line, (await address()).run], [parted, "other"]);
await shot("against-other");
await browser.close();
assert.deepEqual(problems, []);
