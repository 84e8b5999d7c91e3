// Opens a run page in headless Chromium, uses it, and takes screenshots. It is no part of `cargo test`:
//
//     kraftsim replay ci --seed 0 --bug Kip101TruncateToHighWatermark --html run.html
//     npm install playwright-core && node reports/tests/page/look.mjs run.html FOLDER [CHROMIUM]
//
// Exit code 0: no error on the page, and each step had the effect that it should have.
import { chromium } from "playwright-core";
import assert from "node:assert/strict";
import path from "node:path";

const [file, folder, executablePath = "/usr/bin/chromium"] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"] });
const page = await browser.newPage({ viewport: { width: 1500, height: 950 } });
const problems = [];
page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
page.on("pageerror", (error) => problems.push(String(error)));
page.on("request", (request) => request.url().startsWith("file:") || problems.push(`a request: ${request.url()}`));

async function open(hash = "") {
  await page.goto("about:blank");
  const begin = Date.now();
  await page.goto(`file://${path.resolve(file)}${hash}`);
  await page.waitForFunction(() => document.body.dataset.ready);
  const first = Date.now() - begin;
  await page.waitForFunction(() => document.body.dataset.ready === "texts");
  console.log(`drawn after ${first} ms, all texts after ${Date.now() - begin} ms`);
}
const address = () => page.evaluate(() => Object.fromEntries(new URLSearchParams(location.hash.slice(1))));
/** Drawn, and the address written. */
async function settled() {
  await page.evaluate(() => new Promise((then) => requestAnimationFrame(() => setTimeout(then, 200))));
}
async function press(...keys) {
  for (const key of keys) await page.keyboard.press(key);
  await settled();
}
async function shot(name) {
  await settled();
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
}

await open();
assert.equal(await page.isVisible("#banner.bad"), true, "a run that violates a claim");
const violation = (await address()).line;
await shot("violation");
await press("0");
assert.equal((await address()).from, undefined, "the whole run");
await shot("overview");
await press("v", ..."++++++++++");
assert.equal((await address()).line, violation);
await press("b");
const cause = (await address()).line;
assert.ok(Number(cause) < Number(violation), "what caused it");
await page.selectOption("#past", "chain");
await page.selectOption("#apis", "Fetch");
await shot("filtered");
const filtered = await page.evaluate(() => location.hash);
await open(filtered);
assert.deepEqual(await page.evaluate(() => location.hash), filtered, "an address leads back");
assert.equal(await page.inputValue("#apis"), "Fetch");
await page.selectOption("#past", "all");
await page.selectOption("#apis", "");
await press("Escape", "0", "l");
const leader = (await address()).line;
assert.ok(leader !== undefined, "a change of leadership");
await press("l");
const next = (await address()).line;
assert.ok(Number(next) > Number(leader), "the next one");
await press("c");
assert.ok(Number((await address()).line) > Number(next), "the next commit");
await press("f");
const fault = await page.textContent("#event .text");
assert.match(fault, /^FAULT/);
await page.click(".row >> nth=9");
assert.notEqual(await page.textContent("#event .text"), fault, "a click chooses a line");
await press("t");
const theme = await page.evaluate(() => document.documentElement.dataset.theme);
assert.equal(theme, "dark");
await shot("dark");
const all = await page.textContent("#found");
await press("/");
await page.keyboard.type("no line says this");
await settled();
assert.match(await page.textContent("#found"), /^[12] lines$/, "the violation and the chosen line");
await press("Escape");
assert.equal(await page.textContent("#found"), all, "the search is over");
await press("?");
assert.equal(await page.isVisible("#keys"), true);
await shot("keys");
await page.click("#keys button");
await page.click(".command button");
await page.waitForSelector(".command button:text('copied')");
await browser.close();
assert.deepEqual(problems, []);
