// What people do on the dashboard by logging in: with script and by keyboard, and again without script.
//   node people.mjs BASE PROXY SITE PORT PICTURES
// SITE is the directory of the proxy's configuration, PORT that of an origin that answers. Every user has the same password. It
// prints what is wrong, one line each, as it finds it, and exits with 1 if anything is.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { accessible, ask, check, faults, keepHTML, launch, until, watched } from "./browser.mjs";

const [base, proxy, site, port, pictures] = process.argv.slice(2);
const password = "correct horse battery";
const file = (name) => { try { return readFileSync(`${site}/${name}`, "utf8"); } catch { return ""; } };
const line = (entry) => file("lists/approved.txt").split("\n").find((l) => l.startsWith(entry + " ")) || "";
const browser = await launch();

// A person is a browser of one's own.
const person = async (name, script) => {
  const context = await browser.newContext({ javaScriptEnabled: script, viewport: { width: 1280, height: 900 } });
  const page = script ? watched(await context.newPage()) : await context.newPage();
  const text = () => page.locator("main").innerText();
  const logIn = async (secret = password) => {
    await page.goto(base + "/login");
    if (script) { // by keyboard
      for (let i = 0; i < 40 && await page.evaluate(() => document.activeElement.name) !== "user"; i++) await page.keyboard.press("Tab");
      await page.keyboard.type(name);
      await page.keyboard.press("Tab");
      await page.keyboard.type(secret);
      await Promise.all([page.waitForResponse((r) => r.request().method() === "POST"), page.keyboard.press("Enter")]);
      await page.waitForLoadState();
    } else {
      await page.getByLabel("User").fill(name);
      await page.getByLabel("Password").fill(secret);
      await page.locator("form.login").getByRole("button", { name: "Log in" }).click();
    }
    return text();
  };
  const post = async (path, fields) => { const r = await page.request.post(base + path, { form: fields }); return { status: r.status(), text: await r.text() }; };
  const decidePath = (host) => `/decide?host=${host}&port=${port}&scheme=http&client=127.0.0.1`;
  // fill chooses an answer and gives a reason, on the page of a host or of a proposal, and answers.
  const fill = async (answer, reason) => {
    const radio = page.locator(`input[name=answer][value=${answer}]`);
    if (script) { // by keyboard
      await page.locator("input[name=answer]").first().focus();
      for (let i = 0; i < 6 && !(await radio.isChecked()); i++) await page.keyboard.press(i ? "ArrowDown" : "Space");
      await page.keyboard.press("Tab");
      await page.keyboard.type(reason);
      await Promise.all([page.waitForResponse((r) => r.request().method() === "POST"), page.keyboard.press("Enter")]);
      await page.waitForLoadState();
    } else {
      await radio.check();
      await page.locator("main").getByLabel("Reason").fill(reason);
      await page.locator("main form").getByRole("button").last().click();
    }
    return text();
  };
  return { context, page, text, logIn, post, decidePath, fill };
};

const writes = "form[action='/decide'], form[action='/proposal'], form[action='/phase'], form[action='/mode']";
const obeyed = [ // each with a form that would be obeyed
  ["/decide", { host: "never.example.com", port, scheme: "http", client: "127.0.0.1", answer: "exact", reason: "x", made: "zzzzzzzzzzzz" }],
  ["/proposal", { group: "wac", entry: "updates.alpha.example:443", answer: "approve", reason: "x", made: "zzzzzzzzzzzz" }],
  ["/phase", { phase: "onboarding", act: "start", for: "1h", reason: "x", made: "zzzzzzzzzzzz" }],
  ["/mode", { group: "wac", mode: "enforce", force: "1", reason: "x", made: "zzzzzzzzzzzz" }],
];
// refused has every form that changes something be refused, and nothing be changed by it.
const refused = async (p, who, word) => {
  const before = ["lists/approved.txt", "phases.yaml", "learn.yaml", "webproxy.yaml"].map(file).join();
  for (const [path, fields] of obeyed) {
    const r = await p.post(path, fields);
    check(r.status === 403 && r.text.includes(word), `${who}: POST ${path}: ${r.status}`);
  }
  check(["lists/approved.txt", "phases.yaml", "learn.yaml", "webproxy.yaml"].map(file).join() === before, `${who} changed something`);
};
const forms = (p) => p.page.locator(writes).count();

// The log is read once, for Learn.
const reading = await person("", false);
await until("the log is read", async () => {
  await reading.page.goto(base + "/learn");
  return (await reading.text()).includes("updates.alpha.example");
});
await reading.context.close();

// A wrong password logs nobody in, and says no more than that.
const anna = await person("anna", true);
check((await anna.logIn("not this password")).includes("The name or the password is wrong"), "a wrong password is not said to be wrong");
await accessible(anna.context, anna.page, "/login after a wrong password at 1280");
await refused(anna, "after a wrong password", "must be logged in");

// A reader sees everything, no form that changes something, and is refused by POST.
const rita = await person("rita", true);
check((await rita.logIn()).includes("You are logged in as rita"), "the reader is not logged in");
for (const path of ["/policy", "/learn", rita.decidePath("never.example.com"), "/proposal?group=wac&entry=updates.alpha.example%3A443"]) {
  const r = await rita.page.goto(base + path);
  check(r.status() === 200 && (await rita.text()).includes("You are a reader"), `${path}: a reader is not told so: ${r.status()}`);
  check(await forms(rita) === 0, `${path} has a form for a reader`);
  await keepHTML(pictures, "reader" + path.replace(/[^a-z]+/g, "-").slice(0, 20), r);
}
await refused(rita, "a reader", "is a reader");

// A session ends when somebody logs out, when the user is removed, and with another role; its cookie is then worth nothing.
const cookies = await rita.context.cookies();
check(cookies.length === 1 && cookies[0].httpOnly && cookies[0].sameSite === "Strict", `the cookie is ${JSON.stringify(cookies)}`);
execFileSync(process.env.WEBPROXY, ["dashboard", "user", "role", "rita", "approver", "-c", `${site}/webproxy.yaml`], { stdio: "pipe" });
await rita.page.goto(base + "/policy");
check(await rita.page.getByRole("button", { name: "Log out" }).count() === 0 && await forms(rita) === 0, "another role does not end the session");
execFileSync(process.env.WEBPROXY, ["dashboard", "user", "role", "rita", "reader", "-c", `${site}/webproxy.yaml`], { stdio: "pipe" });
await refused(rita, "after the role was changed", "must be logged in");
await rita.context.close();

check((await anna.logIn()).includes("You are logged in as anna"), "anna is not logged in");
for (const [path, name] of [["/policy", "policy-forms"], ["/learn", "learn-forms"], [anna.decidePath("one.example.com"), "decide-form"], ["/proposal?group=wac&entry=updates.alpha.example%3A443", "proposal"]]) {
  for (const width of [390, 1280]) {
    await anna.page.setViewportSize({ width, height: 900 });
    const r = await anna.page.goto(base + path);
    check(await forms(anna) > 0, `${path} has no form for an approver`);
    await accessible(anna.context, anna.page, `${path} for an approver at ${width}`);
    for (const colorScheme of ["light", "dark"]) {
      await anna.page.emulateMedia({ colorScheme });
      await anna.page.screenshot({ path: `${pictures}/${name}-${colorScheme}-${width}.png`, fullPage: true });
    }
    await keepHTML(pictures, name, r);
  }
}
await anna.page.emulateMedia({ colorScheme: "light" });

// Without script: five wrong passwords lock out, here, whoever it is.
const lena = await person("lena", false);
for (let i = 0; i < 5; i++) check((await lena.logIn("guess number " + i)).includes("is wrong"), `guess ${i} is not said to be wrong`);
check((await lena.logIn()).includes("Locked out after too many wrong passwords"), "the right password after five wrong ones logs in");
await refused(lena, "somebody who is locked out", "must be logged in");
await lena.context.close();

const bert = await person("bert", false);
check((await bert.logIn()).includes("You are logged in as bert"), "bert is not logged in");

// An approval from Denied lands in the list file and takes effect; a rejection is remembered. By anna with script and the
// keyboard, by bert without script.
for (const [p, name, host, not] of [[anna, "anna", "one.example.com", "no-one.example.com"], [bert, "bert", "two.example.com", "no-two.example.com"]]) {
  check(await ask(proxy, `http://${host}:${port}/`) === 403, `${host} is let through before it is approved`);
  await ask(proxy, `http://${not}:${port}/`);
  await until(`${host} is on Denied`, async () => { await p.page.goto(base + "/denied"); return (await p.text()).includes(`${not}:${port}`); });
  await p.page.locator("tr", { hasText: host }).filter({ hasNotText: not }).getByRole("link", { name: "decide" }).click();
  const said = await p.fill("exact", `CHG-${name}`);
  check(said.includes("approved 1") && said.includes(`in the name of ${name}`), `the approval of ${host} is not confirmed: ${said.slice(0, 300)}`);
  check(line(`http://${host}:${port}`).includes(`by=${name} reason=CHG-${name}`) || line(`${host}:${port}`).includes(`by=${name} reason=CHG-${name}`), `${host} is not in the list:\n${file("lists/approved.txt")}`);
  await until(`${host} is let through`, async () => await ask(proxy, `http://${host}:${port}/`) === 200);
  await p.page.goto(base + p.decidePath(not));
  check((await p.fill("reject", `no-${name}`)).includes("rejected 1"), `the rejection of ${not} is not confirmed`);
  check(file("learn.yaml").includes(`no-${name}`) && !line(`${not}:${port}`), `the rejection of ${not} is not kept`);
}

// From Learn: one is approved and in force, one is rejected and not proposed again.
const proposal = (name) => `/proposal?group=wac&entry=${encodeURIComponent(`updates.${name}.example:443`)}`;
const fresh = async (p) => { // the page of Learn as it is after the last answer
  await until("Learn was read again", async () => { await p.page.goto(base + "/learn"); return !(await p.text()).includes("reading the log"); });
};
for (const [p, name, yes, not] of [[anna, "anna", "alpha", "beta"], [bert, "bert", "gamma", "delta"]]) {
  await fresh(p);
  await p.page.goto(base + proposal(yes));
  check((await p.fill("approve", `CHG-learn-${name}`)).includes("approved 1"), `updates.${yes}.example is not approved`);
  check(line(`updates.${yes}.example:443`).includes(`by=${name} reason=CHG-learn-${name}`), `updates.${yes}.example is not in the list:\n${file("lists/approved.txt")}`);
  await until(`updates.${yes}.example is in force`, async () => {
    await p.page.goto(base + `/why?q=${encodeURIComponent(`https://updates.${yes}.example`)}&client=127.0.0.2`);
    return (await p.text()).includes("ALLOWED");
  });
  await ask(proxy, `https://updates.${yes}.example/`, "127.0.0.2");
  await fresh(p);
  await p.page.goto(base + proposal(not));
  check((await p.fill("reject", `no-learn-${name}`)).includes("rejected 1"), `updates.${not}.example is not rejected`);
  await fresh(p);
  check(!(await p.text()).includes(`updates.${not}.example`), `updates.${not}.example is proposed again`);
}
// All that nothing speaks against, for one reason.
await fresh(bert);
await bert.page.locator("main").getByLabel("Reason").fill("CHG-bulk");
await bert.page.getByRole("button", { name: /Approve all/ }).click();
check(line("login.microsoftonline.com:443").includes("by=bert reason=CHG-bulk"), `what nothing speaks against is not in the list:\n${file("lists/approved.txt")}`);

// Two at once: the second is told who decided what, and nothing is overwritten.
await fresh(anna);
const both = async (path) => { for (const p of [anna, bert]) await p.page.goto(base + path); };
await both(anna.decidePath("both.example.com"));
check((await anna.fill("exact", "CHG-first")).includes("approved 1"), "the first of two is not heard");
let told = await bert.fill("reject", "not ours at all");
check(told.includes("anna approved") && told.includes("CHG-first"), `the second is not told who decided: ${told.slice(0, 300)}`);
check(await bert.page.locator("input[name=reason]").inputValue() === "not ours at all", "what the second had written is lost");
check(!file("learn.yaml").includes("not ours at all") && file("lists/approved.txt").includes("CHG-first"), "the second overwrote the first");
told = await bert.fill("reject", "not ours, on second thoughts");
if (told.includes("the policy was changed after the page was made")) { // it is, within a second
  told = await bert.fill("reject", "not ours, on second thoughts");
}
check(told.includes("rejected 1"), `after being told, the second cannot decide: ${told.slice(0, 300)}`);
await both(proposal("epsilon"));
told = await bert.fill("reject", "no-epsilon");
check(told.includes("rejected 1"), `the first of two is not heard: ${told.slice(0, 300)}`);
told = await anna.fill("approve", "CHG-late");
check(told.includes("bert rejected updates.epsilon.example:443 (no-epsilon)"), `the second is not told who decided: ${told.slice(0, 300)}`);
check(!line("updates.epsilon.example:443"), "the second overwrote the first");
await both("/policy");
for (const [p, button, reason] of [[anna, "Start", "CHG-9"], [bert, "End", "done"]]) {
  const form = p.page.locator("form", { hasText: "Phase onboarding" });
  await form.getByLabel("Reason").fill(reason);
  await form.getByRole("button", { name: button }).click();
}
told = await bert.text();
check(told.includes("anna started phase onboarding (CHG-9)") && file("phases.yaml").includes("CHG-9"), `the second is not told who started the phase: ${told.slice(0, 300)}`);

// After logging out the cookie from before is worth nothing.
for (const [p, who] of [[anna, "anna"], [bert, "bert"]]) {
  const kept = await p.context.cookies();
  await p.page.getByRole("button", { name: "Log out" }).click();
  await p.context.addCookies(kept);
  await p.page.goto(base + "/policy");
  check(await forms(p) === 0 && await p.page.getByRole("button", { name: "Log out" }).count() === 0, `${who}: logging out does not end the session`);
  await refused(p, `${who} after logging out`, "must be logged in");
}
await until("Decisions has who logged in and who failed to", async () => {
  await anna.page.goto(base + "/decisions");
  const text = await anna.text();
  return ["logged in to the dashboard with a password, as approver", "a login of lena to the dashboard failed", "lena is locked out", "CHG-anna", "no-bert"].every((x) => text.includes(x));
});
await anna.page.screenshot({ path: `${pictures}/decisions-people.png`, fullPage: true });
await browser.close();
process.exit(faults() ? 1 : 0);
