// Keeps preview and findings true to what is typed; without this file, "Show" and "Check" do.
// A preview is the answer to the form, in a frame of its own: nothing here makes markup of text.
const draft = document.getElementById("draft");
const show = document.getElementById("show-preview");
const findings = document.getElementById("findings");
const PAUSE = 400; // ms without a key
let frame = document.querySelector("iframe[name=preview]");
let shown = 0;
let waiting;
let known;

// A new frame each time: answers in the same one would pile up behind the Back button. It takes
// the place of the old one when it is there, so that nothing flickers.
function preview() {
  const fresh = frame.cloneNode();
  fresh.removeAttribute("src");
  fresh.name = show.formTarget = `preview-${++shown}`;
  fresh.className = "coming";
  frame.after(fresh);
  fresh.addEventListener("load", () => {
    if (fresh.name !== show.formTarget) return fresh.remove();
    frame.remove();
    frame = fresh;
    frame.className = "";
  }, { once: true });
  draft.requestSubmit(show);
}

function line(finding) {
  const item = document.createElement("li");
  const field = document.createElement("code");
  item.className = finding.fatal ? "failed" : "deferred";
  field.textContent = finding.field;
  item.append(field, ` ${finding.problem}`);
  return item;
}

async function check() {
  const body = new URLSearchParams(new FormData(draft));
  const answer = await fetch(location.pathname, { method: "POST", body, headers: { Accept: "application/json" } });
  if (!answer.headers.get("Content-Type")?.startsWith("application/json")) return;
  const text = await answer.text();
  if (text === known) return; // nothing new to read out
  known = text;
  const lines = JSON.parse(text).findings.map(line);
  if (!lines.length) {
    const item = document.createElement("li");
    item.className = "sent";
    item.textContent = "Nothing to complain of.";
    lines.push(item);
  }
  findings.replaceChildren(...lines);
}

draft.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => { preview(); check().catch(() => {}); }, PAUSE);
});
for (const view of document.querySelectorAll("[name=view]")) view.addEventListener("change", preview);
if (!frame.hasAttribute("src")) preview();
