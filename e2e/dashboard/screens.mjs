// Shows the dashboard to a browser: every screen, light and dark, wide and narrow, by axe-core; then what a person does there.
//   node screens.mjs BASE LINK PROXY PICTURES
// It prints what is wrong, one line each, and exits with 1 if anything is.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import http from "node:http";

const require = createRequire(process.env.NODE_MODULES + "/");
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [base, link, proxy, pictures] = process.argv.slice(2);
const wrong = [];
const check = (ok, text) => { if (!ok) wrong.push(text); };

// ask has the proxy refuse, or permit, a request.
const ask = (url) => new Promise((done) => {
  const { hostname, port } = new URL(proxy);
  const r = http.get({ hostname, port, path: url, headers: { host: new URL(url).host } }, (x) => { x.resume(); x.on("end", done); });
  r.on("error", done);
});

const screens = ["/", "/live", "/live?by=host", "/denied", "/learn", "/policy", "/policy/whatif", "/clients", "/decisions", "/reports", "/why?q=https%3A%2F%2Fportal.azure.com",
  "/decide?host=a.sub.example.com&port=80&scheme=http&client=127.0.0.1", "/login"];
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 390]) {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 }, bypassCSP: false });
    const page = await context.newPage();
    page.on("console", (m) => { if (m.type() === "error") wrong.push(`${page.url()}: console: ${m.text()}`); });
    page.on("pageerror", (e) => wrong.push(`${page.url()}: ${e}`));
    for (const path of screens) {
      await page.goto(base + path, { waitUntil: "domcontentloaded" });
      const name = path.replace(/[?=%].*/, "").replaceAll("/", "-").replace(/^-/, "") || "overview";
      if (width === 1280 || path === "/" || path === "/denied") {
        await page.screenshot({ path: `${pictures}/${name}-${colorScheme}-${width}.png`, fullPage: path !== "/policy" });
      }
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      check(overflow <= 0, `${path} at ${width}: the page is ${overflow} px too wide`);
      if (path === "/denied" && width === 1280) {
        const cut = await page.evaluate(() => { const t = document.querySelector(".scroll"); return t.scrollWidth - t.clientWidth; });
        check(cut <= 0, `the table of Denied at ${width}: ${cut} px are cut`);
      }
      // In a world of its own: the pages' policy permits no script but theirs.
      const client = await context.newCDPSession(page);
      const { frameTree } = await client.send("Page.getFrameTree");
      const { executionContextId } = await client.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
      const run = async (expression) => (await client.send("Runtime.evaluate", { expression, contextId: executionContextId, awaitPromise: true, returnByValue: true })).result.value;
      await run(axe + ";0");
      const found = await run("axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 120)).slice(0, 3).join(' | ')))");
      check(Array.isArray(found), `${path}: axe did not run`);
      for (const v of found || []) wrong.push(`axe: ${path} ${colorScheme} ${width}: ${v}`);
      if (path === "/login") { // and it would find something
        await page.evaluate(() => document.querySelector("main").append(document.createElement("input")));
        const bad = await run("axe.run().then(r => r.violations.map(v => v.id))");
        check(bad.includes("label"), "axe finds no fault in a field without a label");
      }
      await client.detach();
    }
    await context.close();
  }
}

// A row appears while traffic flows; what was sent is text.
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
const page = await context.newPage();
await page.goto(base + "/live?q=" + encodeURIComponent("decision = deny"));
await page.locator("#live-state", { hasText: "live" }).waitFor();
const row = page.locator("#live tbody tr", { hasText: "appears.example.com" });
await ask("http://appears.example.com/");
await row.first().waitFor();
await page.getByRole("button", { name: "Pause" }).click();
await ask("http://paused.example.com/");
await page.waitForTimeout(1500);
check(await page.locator("#live tbody tr", { hasText: "paused.example.com" }).count() === 0, "a row came while the page was paused");
await page.getByRole("button", { name: "Go on" }).click();
await page.locator("#live tbody tr", { hasText: "paused.example.com" }).first().waitFor();
await page.screenshot({ path: `${pictures}/live-row.png` });
await row.first().getByRole("link").click();
await page.getByText("host_not_listed").first().waitFor();
check((await page.locator("pre").first().textContent()).includes("DENIED"), "the why of a row does not say that it was denied");

// With the keyboard alone: the first stop leads to the content.
await page.goto(base + "/denied");
await page.keyboard.press("Tab");
check(await page.evaluate(() => document.activeElement.className) === "skip", "the first stop is not the way to the content");

// Without script: log in, approve from Denied, see it in force.
const plain = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 1280, height: 900 } });
const form = await plain.newPage();
for (const path of screens) {
  const r = await form.goto(base + path);
  check(r.status() === 200, `${path} without script: ${r.status()}`);
}
await form.goto(base + "/denied");
await form.locator("tr", { hasText: "appears.example.com" }).getByRole("link", { name: "decide" }).click();
await form.getByLabel("for 4 hours").check();
await form.getByLabel("Reason").fill("CHG-1");
await form.getByRole("button", { name: "Decide" }).click();
check((await form.content()).includes("Nothing was changed"), "somebody who is not logged in may decide");
await form.goto(link);
await form.getByRole("button", { name: "Log in" }).click();
check((await form.content()).includes("You are logged in as"), "the link does not log in");
await form.goto(base + "/denied");
await form.locator("tr", { hasText: "appears.example.com" }).getByRole("link", { name: "decide" }).click();
await form.screenshot({ path: `${pictures}/decide-form.png`, fullPage: true });
await form.getByLabel("for 4 hours").check();
await form.getByLabel("Reason").fill("CHG-1042");
await form.getByRole("button", { name: "Decide" }).click();
check((await form.content()).includes("approved 1"), "the approval is not confirmed");
for (let i = 0; i < 100; i++) { // in force within a second, on a machine that has time
  await form.goto(base + "/denied");
  if ((await form.locator("tr", { hasText: "appears.example.com" }).textContent()).includes("now allowed by")) break;
  await form.waitForTimeout(200);
  if (i === 99) wrong.push("what was approved is not in force");
}
await form.goto(base + "/denied");
await form.locator("tr", { hasText: "paused.example.com" }).getByRole("link", { name: "decide" }).click();
await form.getByLabel("reject").check();
await form.getByLabel("Reason").fill("not ours");
await form.getByRole("button", { name: "Decide" }).click();
check((await form.content()).includes("rejected 1"), "the rejection is not confirmed");
await form.goto(base + "/policy");
const phase = form.locator("form", { hasText: "Phase onboarding" });
await phase.getByLabel("Reason").fill("CHG-7");
await phase.getByRole("button", { name: "Start" }).click();
check((await form.content()).includes("Phase onboarding is on until"), "the phase was not started");
for (let i = 0; i < 100; i++) { // what is ended before it was taken over was never on, and is not recorded as started
  await form.goto(base + "/policy");
  if ((await form.locator("form", { hasText: "Phase onboarding" }).textContent()).includes("onboarding: on")) break;
  await form.waitForTimeout(200);
  if (i === 99) wrong.push("the phase is not on");
}
const again = form.locator("form", { hasText: "Phase onboarding" });
await again.getByLabel("Reason").fill("done");
await again.getByRole("button", { name: "End" }).click();
check((await form.content()).includes("no longer switched on"), "the phase was not ended");
for (let i = 0; i < 100; i++) {
  await form.goto(base + "/decisions");
  const text = await form.content();
  if (["CHG-1042", "not ours", "CHG-7"].every((x) => text.includes(x))) break;
  await form.waitForTimeout(200);
  if (i === 99) wrong.push("Decisions does not have what was decided");
}
await form.screenshot({ path: `${pictures}/decisions-made.png`, fullPage: true });
await form.getByRole("button", { name: "Log out" }).click();
await form.goto(base + "/policy");
check((await form.content()).includes("log in</a> first"), "logging out does not end the session");

// The report prints: nothing is cut, hosts are whole.
await page.goto(base + "/reports");
await page.locator("main li a").first().click();
await page.waitForURL(/reports\/\d/);
for (let i = 0; i < 100 && !(await page.content()).includes("Audit report"); i++) await page.waitForTimeout(200);
await page.screenshot({ path: `${pictures}/report.png` });
for (const width of [1280, 420]) {
  await page.setViewportSize({ width, height: 900 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check(overflow <= 0, `the report at ${width}: ${overflow} px too wide`);
}
await page.pdf({ path: `${pictures}/report.pdf`, preferCSSPageSize: true });
await browser.close();
for (const w of [...new Set(wrong)]) console.log(w);
process.exit(wrong.length ? 1 : 0);
