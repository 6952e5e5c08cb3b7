// The pages work without this script. It refreshes a page that waits for a job, and shows live requests.
const refresh = Number(document.body.dataset.refresh);
if (refresh) setInterval(() => { if (!document.activeElement?.matches("input, textarea, select")) location.reload(); }, 1000 * refresh);
const table = document.querySelector("#live tbody");
const acts = document.getElementById("live-acts");
if (table && acts) {
  const most = 200; // rows kept
  const state = document.getElementById("live-state");
  const pause = document.getElementById("pause");
  const row = document.getElementById("live-row");
  const waiting = [];
  let paused = false;
  let missed = 0;
  acts.hidden = false;

  // Data is set as text, never as markup: it may be hostile.
  const show = (e) => {
    const tr = row.content.firstElementChild.cloneNode(true);
    const cells = tr.children;
    cells[0].textContent = e.ts.slice(0, 19).replace("T", " ");
    cells[1].textContent = e.client;
    cells[2].textContent = e.group;
    cells[3].textContent = e.method;
    const a = cells[4].firstElementChild;
    a.textContent = e.target;
    a.href = "/why?q=" + encodeURIComponent(e.id);
    const word = cells[5].firstElementChild;
    word.textContent = e.decision + (e.count ? " ×" + e.count : "");
    if (["allow", "deny", "would_deny"].includes(e.decision)) word.className = e.decision;
    cells[6].textContent = e.reason;
    cells[7].textContent = e.rule;
    table.prepend(tr);
  };
  const take = (frame) => {
    frame.rows.forEach(show);
    while (table.children.length > most) table.lastElementChild.remove();
    state.textContent = frame.more ? "+" + frame.more.toLocaleString("en") + " more" : "live";
  };
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", paused);
    pause.textContent = paused ? "Go on" : "Pause";
    if (paused) {
      state.textContent = "paused";
      return;
    }
    waiting.splice(0).forEach(take);
    if (missed) state.textContent = "+" + missed.toLocaleString("en") + " more";
    missed = 0;
  });
  const q = new URLSearchParams(location.search).get("q");
  const source = new EventSource("/live/events" + (q ? "?q=" + encodeURIComponent(q) : ""));
  source.onopen = () => { state.textContent = paused ? "paused" : "live"; };
  source.onerror = () => { state.textContent = "not connected; trying again"; };
  source.onmessage = (m) => {
    const frame = JSON.parse(m.data);
    if (!paused) return take(frame);
    waiting.push(frame);
    if (waiting.length > 10) {
      const old = waiting.shift();
      missed += old.rows.length + old.more;
    }
    state.textContent = "paused";
  };
}
