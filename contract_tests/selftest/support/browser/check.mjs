// Uses pages as their readers do, in Chromium without a network. Prints as JSON what is wrong, and
// how long each took to open, in milliseconds, and how many exchanges it lists.
// node check.mjs CHROMIUM FOLDER-FOR-PICTURES PAGE...
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [executablePath, pictures, ...pages] = process.argv.slice(2);
const axe = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const VIEWS = {
  light: { colorScheme: "light", viewport: { width: 1200, height: 800 } },
  dark: { colorScheme: "dark", viewport: { width: 1200, height: 800 } },
  phone: { colorScheme: "light", viewport: { width: 360, height: 740 } },
};
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
});
const wrong = [];
const opened = {};

for (const file of pages) {
  const url = pathToFileURL(file).href;
  // Every view of the first page; of others one, as they differ in their contents alone.
  for (const [view, options] of Object.entries(VIEWS).slice(0, file === pages[0] ? 3 : 1)) {
    const at = `${basename(file)}, ${view}`;
    const expect = (holds, what) => holds || wrong.push(`${at}: ${what}`);
    const context = await browser.newContext({ ...options, offline: true });
    const page = await context.newPage();
    page.on("console", (one) => one.type() === "error" && wrong.push(`${at}: ${one.text()}`));
    page.on("pageerror", (error) => wrong.push(`${at}: ${error}`));
    page.on("dialog", (one) => wrong.push(`${at}: ${one.message()}`));
    page.on("request", (one) => one.url().split("#")[0] === url || wrong.push(`${at}: ${one.url()}`));
    const began = performance.now();
    await page.goto(url);
    await settled(page);
    const exchanges = await page.locator(".exchanges > li").count();
    opened[at] = { milliseconds: Math.round(performance.now() - began), exchanges };
    const active = await page.evaluate(() => [
      ...Object.keys(window).filter((name) => name === "FORGED"),
      ...[...document.querySelectorAll("body *")].flatMap((one) => [
        ...(["IMG", "IFRAME", "OBJECT", "LINK", "BASE"].includes(one.tagName) ? [one.tagName] : []),
        ...one.getAttributeNames().filter((name) => name.startsWith("on") || name === "style"),
      ]),
    ]);
    expect(!active.length, `has ${active}`);
    expect((await page.locator("script").count()) === 1, "has another script");
    await page.screenshot({ path: join(pictures, `${basename(file, ".html")}-${view}.png`) });
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width <= options.viewport.width, `is ${width} px wide`);
    await page.evaluate(axe);
    // Thousands of rows are alike: a few of them are as good as all.
    const { violations } = await page.evaluate(() => {
      for (const one of [...document.querySelectorAll(".exchanges > li")].slice(300)) one.remove();
      return axe.run();
    });
    await page.reload();
    for (const { id, impact, nodes } of violations) {
      const is = ["serious", "critical"].includes(impact);
      expect(!is, `axe: ${id}, ${nodes.length} times, ${nodes[0].html.slice(0, 200)}`);
    }
    if (view === "light") await use(page, url, expect);
    await context.close();
  }
}
await browser.close();
console.log(JSON.stringify({ wrong, opened }));

async function use(page, url, expect) {
  for (const [name, rows] of Object.entries({
    judges: ".exchanges > li",
    breaks: ".cause[data-breaks]",
  })) {
    const row = page.locator(rows).first();
    if (!(await page.locator(`#filter select[name=${name}]`).count())) continue;
    await row.locator("summary").focus();
    await page.keyboard.press("Enter");
    expect(await isOpen(row), "Enter opens no row");
    const chosen = await row.evaluate((one, key) => one.dataset[key], name);
    await page.locator(`#filter select[name=${name}]`).selectOption(chosen);
    const left = await page
      .locator(`:is(${rows}):not([hidden])`)
      .evaluateAll((all, key) => all.map((one) => one.dataset[key]), name);
    expect(left.length > 0 && left.every((one) => one === chosen), `the filter leaves ${left}`);
    await page.locator("#filter button").click();
    await settled(page);
    const last = await page.locator(rows).last().getAttribute("id");
    await page.goto(`${url}#${last}`);
    await settled(page);
    const target = page.locator(`[id="${last}"]`);
    expect(await isOpen(target), "a shared link opens nothing");
    expect(await inside(page, target), "a shared link leads elsewhere");
  }
  const rule = page.locator(".judged > li").first();
  if (await rule.count()) {
    await rule.locator("summary").click();
    expect(await rule.locator("details").evaluate((one) => one.open), "a click opens no rule");
    await rule.locator("summary").focus();
    await page.keyboard.press("Enter");
    expect(!(await rule.locator("details").evaluate((one) => one.open)), "Enter closes no rule");
  }
  const cause = page.locator(".cause[data-rule]").first();
  if (await cause.count()) {
    await page.locator("h1").click(); // from there on, Tab moves
    for (let step = 0; step < 12 && !(await isOpen(cause)); step++) {
      await page.keyboard.press("Tab");
      const is = await cause.evaluate((one) => one.querySelector("summary") === document.activeElement);
      if (is) await page.keyboard.press("Enter");
    }
    expect(await isOpen(cause), "no way by keyboard to the first cause");
    const id = await cause.getAttribute("data-rule");
    await cause.locator("a.rule").click();
    const named = page.locator(`[id="rule-${id}"] > details`);
    expect(await named.evaluate((one) => one.open), "a link opens no rule");
    const all = await shown(page);
    await page.locator("#filter select[name=rule]").selectOption(id);
    const left = await shown(page);
    const rules = await page
      .locator(".exchanges > li:not([hidden])")
      .evaluateAll((rows) => rows.map((row) => row.dataset.rule.split(" ")));
    expect(left > 0 && left < all, `the filter leaves ${left} of ${all}`);
    expect(rules.every((one) => one.includes(id)), "the filter leaves others");
    await page.locator("#filter button").click();
    await settled(page);
    expect((await shown(page)) === all, "not all are shown again");
    const last = await page.locator(".exchanges > li.broken:has(details)").last().getAttribute("id");
    await page.goto(`${url}#${last}`);
    await settled(page);
    const target = page.locator(`[id="${last}"]`);
    expect(await target.locator("details").evaluate((one) => one.open), "a shared link opens nothing");
    expect(await inside(page, target), "a shared link leads elsewhere");
  }
  // A long page is printed as a short one is, but for minutes.
  if ((await shown(page)) < 1000) expect((await page.pdf()).length > 1000, "is not printed");
}

// A reset and a link are answered in a later task of the page: it has run when this one has.
function settled(page) {
  return page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
}

function isOpen(row) {
  return row.locator("details").evaluate((one) => one.open);
}

function shown(page) {
  return page.locator(".exchanges > li:not([hidden])").count();
}

async function inside(page, target) {
  const box = await target.boundingBox();
  return box !== null && box.y > -1 && box.y < page.viewportSize().height;
}
