// Shows the dashboard to a browser: every screen, light and dark, wide and narrow, by axe-core; then what a person does there.
//   node screens.mjs BASE LINK PROXY PICTURES
// It prints what is wrong, one line each, as it finds it, and exits with 1 if anything is.
import { accessible, ask, check, faults, keepHTML, launch, settled, until, watched, wrong } from "./browser.mjs";

const [base, link, proxy, pictures] = process.argv.slice(2);
const screens = ["/", "/live", "/live?by=host", "/denied", "/learn", "/policy", "/policy/whatif", "/clients", "/clients?a=127.0.0.1&b=127.0.0.2", "/decisions", "/reports",
  "/why?q=https%3A%2F%2Fportal.azure.com", "/why?q=ZZZZZZ", "/decide?host=a.sub.example.com&port=80&scheme=http&client=127.0.0.1", "/denied?q=hots+%3D+a", "/login"];
const nameOf = (path) => path.replace(/^\//, "").replace(/%[0-9A-F]{2}/g, "").replaceAll(/[^a-z0-9]+/gi, "-").slice(0, 40).replace(/-$/, "") || "overview";
const pictured = { "/": "overview", "/live": "live", "/denied": "denied", "/learn": "learn", "/policy": "policy", "/policy/whatif": "whatif", "/clients": "clients",
  "/decisions": "decisions", "/reports": "reports", "/login": "login" };
const browser = await launch();

// Somebody who may decide sees the most.
const first = await browser.newContext();
const way = await first.newPage();
await way.goto(link);
await way.getByRole("button", { name: "Log in" }).click();
await way.getByText("You are logged in as").waitFor();
const storageState = await first.storageState();
await first.close();

for (const width of [1280, 390]) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, storageState });
  const page = watched(await context.newPage());
  for (const path of screens) {
    const response = await page.goto(base + path, { waitUntil: "domcontentloaded" });
    if (width === 1280) await keepHTML(pictures, nameOf(path), response);
    await settled(page);
    for (const colorScheme of pictured[path] ? ["light", "dark"] : []) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `${pictures}/${pictured[path]}-${colorScheme}-${width}.png`, fullPage: path !== "/policy" });
    }
    if (path === "/denied" && width === 1280) {
      const cut = await page.evaluate(() => { const t = document.querySelector(".scroll"); return t.scrollWidth - t.clientWidth; });
      check(cut <= 0, `the table of Denied at ${width}: ${cut} px are cut`);
    }
    if (width === 390) { // each row is a block, with nothing at its side that one would have to scroll to
      const beside = await page.evaluate(() => [...document.querySelectorAll(".rows")].filter((t) => t.parentElement.scrollWidth > t.parentElement.clientWidth + 1).length);
      check(beside === 0, `${path} at ${width}: ${beside} tables are wider than the page`);
    }
    await accessible(context, page, `${path} at ${width}`, path === "/login" && width === 1280);
  }
  await context.close();
}

// A row appears while traffic flows; what was sent is text.
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
const page = watched(await context.newPage());
await page.goto(base + "/live?q=" + encodeURIComponent("decision = deny"));
await page.locator("#live-state", { hasText: "live" }).waitFor();
const row = page.locator("#live tbody tr", { hasText: "appears.example.com" });
await ask(proxy, "http://appears.example.com/");
await row.first().waitFor();
await page.getByRole("button", { name: "Pause" }).click();
await ask(proxy, "http://paused.example.com/");
await page.waitForTimeout(1500);
check(await page.locator("#live tbody tr", { hasText: "paused.example.com" }).count() === 0, "a row came while the page was paused");
await page.getByRole("button", { name: "Go on" }).click();
await page.locator("#live tbody tr", { hasText: "paused.example.com" }).first().waitFor();
await page.screenshot({ path: `${pictures}/live-row.png` });
await row.first().getByRole("link").click();
await page.getByText("host_not_listed").first().waitFor();
check((await page.locator("pre").first().textContent()).includes("DENIED"), "the why of a row does not say that it was denied");
await page.screenshot({ path: `${pictures}/why.png` });

// With the keyboard alone: the first stop leads to the content.
await page.goto(base + "/denied");
await page.keyboard.press("Tab");
check(await page.evaluate(() => document.activeElement.className) === "skip", "the first stop is not the way to the content");

// Without script every screen is there. Who is not logged in sees no form that changes something, and is refused without one.
const plain = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 1280, height: 900 } });
const form = await plain.newPage();
for (const path of screens) {
  const r = await form.goto(base + path);
  check(r.status() === 200, `${path} without script: ${r.status()}`);
  check(await form.locator("form[action='/decide'], form[action='/proposal'], form[action='/phase'], form[action='/mode']").count() === 0, `${path} has a form for somebody who is not logged in`);
}
const refused = await form.request.post(base + "/decide", { form: { host: "appears.example.com", port: "80", scheme: "http", client: "127.0.0.1", answer: "exact", reason: "CHG-1" } });
check(refused.status() === 403 && (await refused.text()).includes("Nothing was changed"), "somebody who is not logged in may decide");

// The denied row's decision: approved for a time, in force, and what was rejected.
await plain.addCookies(storageState.cookies);
await form.goto(base + "/denied");
await form.locator("tr", { hasText: "appears.example.com" }).getByRole("link", { name: "decide" }).click();
await form.screenshot({ path: `${pictures}/decide.png`, fullPage: true });
await form.getByLabel("for 4 hours").check();
await form.getByLabel("Reason").fill("CHG-1042");
await form.getByRole("button", { name: "Decide" }).click();
check((await form.content()).includes("approved 1"), "the approval is not confirmed");
await until("what was approved is in force", async () => {
  await form.goto(base + "/denied");
  return (await form.locator("tr", { hasText: "appears.example.com" }).textContent()).includes("now allowed by");
});
await form.locator("tr", { hasText: "paused.example.com" }).getByRole("link", { name: "decide" }).click();
await form.getByLabel("reject").check();
await form.getByLabel("Reason").fill("not ours");
await form.getByRole("button", { name: "Decide" }).click();
check((await form.content()).includes("rejected 1"), "the rejection is not confirmed");

// A phase is started and ended.
await form.goto(base + "/policy");
const phase = form.locator("form", { hasText: "Phase onboarding" });
await phase.getByLabel("Reason").fill("CHG-7");
await phase.getByRole("button", { name: "Start" }).click();
check((await form.content()).includes("Phase onboarding is on until"), "the phase was not started");
await until("the phase is on", async () => { // what is ended before it was taken over was never on, and is not recorded as started
  await form.goto(base + "/policy");
  return (await form.locator("form", { hasText: "Phase onboarding" }).textContent()).includes("onboarding: on");
});
const again = form.locator("form", { hasText: "Phase onboarding" });
await again.getByLabel("Reason").fill("done");
await again.getByRole("button", { name: "End" }).click();
check((await form.content()).includes("no longer switched on"), "the phase was not ended");
await until("Decisions has what was decided", async () => {
  await form.goto(base + "/decisions");
  const text = await form.content();
  return ["CHG-1042", "not ours", "CHG-7"].every((x) => text.includes(x));
});
await form.screenshot({ path: `${pictures}/decisions.png`, fullPage: true });

// The report prints: nothing is cut, hosts are whole. The page itself is looked at too.
await page.goto(base + "/reports");
await page.locator("main li a").first().click();
await page.waitForURL(/reports\/\d/);
await until("the report is made", async () => { await page.waitForTimeout(200); return (await page.content().catch(() => "")).includes("Audit report"); }); // the page loads itself again until then
const report = page.url();
for (const width of [1280, 420, 390]) {
  await page.setViewportSize({ width, height: 900 });
  await accessible(context, page, `the report at ${width}`);
  const cut = await page.evaluate(() => [...document.querySelectorAll("td, th, li, p")].filter((x) => x.scrollWidth > x.clientWidth + 1 && x.clientWidth > 0).map((x) => x.textContent.slice(0, 60)));
  check(cut.length === 0, `the report at ${width}: cut off: ${cut.slice(0, 3).join(" | ")}`);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `${pictures}/report-${colorScheme}-${width}.png` });
  }
  await page.emulateMedia({ colorScheme: "light" });
}
await keepHTML(pictures, "report", await page.goto(report));
await page.pdf({ path: `${pictures}/report.pdf`, preferCSSPageSize: true });
await browser.close();
process.exit(faults() ? 1 : 0);
