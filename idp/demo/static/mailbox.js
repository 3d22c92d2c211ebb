"use strict";

// The list follows the mailbox while it is looked at.
const list = document.getElementById("mails");
if (list) {
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(location.href).catch(() => null);
    if (!answer?.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const latest = page.getElementById("mails");
    if (latest.innerHTML === list.innerHTML) return;
    const focused = document.activeElement?.getAttribute("href");
    list.replaceChildren(...latest.childNodes);
    if (focused) list.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }, 2000);
}

const button = document.getElementById("copy");
if (button) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const code = document.getElementById("verification-code").textContent;
    await navigator.clipboard.writeText(code);
    document.getElementById("copied").textContent = "Copied";
  });
}
