// Shared by the stories of the dashboard: a browser, faults, axe-core, pictures, and the HTML of each page for a checker.
import { createRequire } from "node:module";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import http from "node:http";

const require = createRequire(process.env.NODE_MODULES + "/");
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

// A fault is printed when it is found, in case the story hangs later.
const said = new Set();
export const wrong = (text) => {
  if (!said.has(text)) console.log(text);
  said.add(text);
};
export const check = (ok, text) => { if (!ok) wrong(text); };
export const faults = () => said.size;

export const launch = () => chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });

// watched reports errors of a page's script, and violations of its Content-Security-Policy, as faults of the story.
export const watched = (page) => {
  page.on("console", (m) => { if (m.type() === "error" && !/status of 4\d\d/.test(m.text())) wrong(`${page.url()}: console: ${m.text()}`); });
  page.on("pageerror", (e) => wrong(`${page.url()}: ${e}`));
  return page;
};

// ask requests a URL through the proxy, from an address of this machine, and returns the status.
export const ask = (proxy, url, from = "127.0.0.1") => new Promise((done) => {
  const { hostname, port } = new URL(proxy);
  const u = new URL(url);
  const options = { hostname, port, localAddress: from, headers: { host: u.host } };
  const tunnel = u.protocol === "https:";
  const r = http.request({ ...options, method: tunnel ? "CONNECT" : "GET", path: tunnel ? `${u.hostname}:${u.port || 443}` : url });
  r.on("connect", (x, socket) => { socket.destroy(); done(x.statusCode); });
  r.on("response", (x) => { x.resume(); x.on("end", () => done(x.statusCode)); });
  r.on("error", () => done(0));
  r.end();
});

// until calls done repeatedly, until it returns true.
export const until = async (what, done) => {
  for (const end = Date.now() + 30_000; Date.now() < end; await new Promise((next) => setTimeout(next, 100))) {
    if (await done()) return;
  }
  wrong("in vain: " + what);
};

// keepHTML saves what the server sent, for an HTML checker.
export const keepHTML = async (dir, name, response) => {
  mkdirSync(`${dir}/html`, { recursive: true });
  writeFileSync(`${dir}/html/${name}.html`, await response.body());
};

// settled waits until a page no longer refreshes itself.
export const settled = async (page) => {
  await until(`${page.url()} has what it waits for`, async () => await page.locator("body[data-refresh]").count().catch(() => 1) === 0);
};

const widthOver = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

// accessible checks a page with axe-core, light and dark. The themes differ only in colours, so the dark
// one is checked only for these.
export const accessible = async (context, page, what, prove = false) => {
  await settled(page);
  const over = await widthOver(page);
  check(over <= 0, `${what}: the page is ${over} px too wide`);
  // In an isolated world: the pages' policy permits no other scripts.
  const client = await context.newCDPSession(page);
  const { frameTree } = await client.send("Page.getFrameTree");
  const { executionContextId } = await client.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
  const run = async (expression) => (await client.send("Runtime.evaluate", { expression, contextId: executionContextId, awaitPromise: true, returnByValue: true })).result.value;
  await run(axe + ";0");
  const violations = "r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 120)).slice(0, 3).join(' | '))";
  for (const [colorScheme, options] of [["light", "{}"], ["dark", "{runOnly: ['color-contrast', 'link-in-text-block']}"]]) {
    await page.emulateMedia({ colorScheme });
    const found = await run(`axe.run(${options}).then(${violations})`);
    check(Array.isArray(found), `${what}: axe did not run`);
    for (const v of found || []) wrong(`axe: ${what}, ${colorScheme}: ${v}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  if (prove) { // it would find something
    await page.evaluate(() => document.querySelector("main").append(document.createElement("input")));
    const bad = await run("axe.run().then(r => r.violations.map(v => v.id))");
    check(bad?.includes("label"), `${what}: axe finds no fault in a field without a label`);
  }
  await client.detach();
};
