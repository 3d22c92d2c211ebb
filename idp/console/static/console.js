// Every page works without this file: it only shows the steps of a test without leaving the page.
// Nothing here makes markup of text, so that Trusted Types need no exception.
const form = document.getElementById("draft");
const steps = document.getElementById("steps");

function line(kind, text, name = "span") {
  const element = document.createElement(name);
  element.className = kind;
  element.textContent = text;
  return element;
}

function row(step) {
  const item = document.createElement("li");
  item.className = step.ok ? "ok" : "wrong";
  item.append(line("name", step.name), " ", line("time", `${Math.round(step.seconds * 1000)} ms`));
  if (step.detail) item.append(line("detail", step.detail));
  if (step.advice) item.append(line("advice", step.advice, "strong"));
  return item;
}

function show(answer) {
  const problems = Object.entries(answer.problems).map(([path, problem]) => `${path} ${problem}`);
  if (problems.length) {
    steps.replaceChildren(...problems.map((problem) => line("problem", problem, "p")));
    return;
  }
  const worked = answer.steps.every((step) => step.ok);
  const list = line("steps", "", "ol");
  list.append(...answer.steps.map(row));
  steps.replaceChildren(line("verdict", worked ? "The mail was accepted." : "It did not work.", "p"), list);
}

form.addEventListener("submit", async (event) => {
  const button = event.submitter;
  if (button?.value !== "test") return;
  event.preventDefault();
  button.disabled = true;
  steps.replaceChildren(line("hint", "Sending …", "p"));
  const body = new URLSearchParams(new FormData(form));
  body.set("do", "test");
  try {
    const answer = await fetch(location.pathname, { method: "POST", body, headers: { Accept: "application/json" } });
    if (!answer.headers.get("Content-Type")?.startsWith("application/json")) throw new Error("signed out");
    show(await answer.json());
  } catch {
    steps.replaceChildren(line("problem", "The server did not answer. Load this page again.", "p"));
  } finally {
    button.disabled = false;
  }
});
