// The page works without this file: it only saves a click and shows the seconds left.
const field = document.getElementById("verification_code");
const form = document.getElementById("code-form");
document.getElementById("continues").hidden = false;
const length = Number(field.dataset.length);

// Digits of any script count, as they do on the server.
function continueWhenComplete() {
  const digits = field.value.match(/\p{Nd}/gu) ?? [];
  if (digits.length === length) form.requestSubmit();
}
field.addEventListener("input", continueWhenComplete);
form.addEventListener("submit", (event) => {
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
});
window.addEventListener("pageshow", () => { delete form.dataset.sent; });

// Who types faster than this file loads is not kept waiting; a code that the browser put back
// after "back" or "reload" is an old one, and costs an attempt.
if (performance.getEntriesByType("navigation")[0]?.type === "navigate") continueWhenComplete();

const resend = document.getElementById("resend");
const status = document.getElementById("resend-status");
const label = resend.textContent;
const ready = Date.now() + Number(resend.dataset.wait) * 1000;

function tick() {
  const seconds = Math.ceil((ready - Date.now()) / 1000);
  resend.disabled = seconds > 0;
  resend.textContent = seconds > 0 ? resend.dataset.label.replace("{seconds}", seconds) : label;
  if (seconds > 0) {
    setTimeout(tick, 500);
  } else if (Number(resend.dataset.wait) > 0) {
    status.textContent = status.dataset.ready;
  }
}
tick();

// How far the mail is: asked ever more seldom, until there is nothing more to tell.
const mail = document.getElementById("mail");
let pause = 5500;

async function follow() {
  const answer = await fetch(mail.dataset.progress).catch(() => null);
  if (answer && !answer.ok) return;
  const { state, text } = answer ? await answer.json() : { text: mail.textContent };
  if (mail.textContent !== text) mail.textContent = text;
  if (state === "accepted" || state === "failed") return;
  pause = Math.min(pause * 1.5, 30000);
  setTimeout(follow, pause);
}
if (mail) setTimeout(follow, pause);
