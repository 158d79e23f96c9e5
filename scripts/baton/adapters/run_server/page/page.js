// Shows one run as it goes on. What a model wrote is only ever set as text, never as markup.
"use strict";

const at = (id) => document.getElementById(id);
const main = document.querySelector("main");
let token = "";
let listening = null; // the AbortController of the run that is shown

function say(text) { at("note").textContent = text; }

function made(kind, text, name) {
  const element = document.createElement(kind);
  if (text !== undefined) element.textContent = text;
  if (name) element.className = name;
  return element;
}

async function ask(path, headers, signal) {
  const all = { Authorization: "Bearer " + token, ...headers };
  return fetch(path, { headers: all, signal, cache: "no-store", credentials: "omit" });
}

// -- the door -------------------------------------------------------------------------------------------------------

async function enter(given) {
  token = given;
  const answer = await ask("/runs").catch(() => null);
  if (answer && answer.ok) {
    sessionStorage.setItem("token", token); // this tab's and this port's alone
    at("door").hidden = true;
    main.hidden = false;
    list(await answer.json());
    say("");
    return;
  }
  if (answer && answer.status === 401) sessionStorage.removeItem("token");
  main.hidden = true;
  at("door").hidden = false;
  if (given) say(answer ? "That is not the token." : "The server does not answer.");
}

at("door").addEventListener("submit", (event) => {
  event.preventDefault();
  enter(at("token").value.trim());
  at("token").value = "";
});

// -- the runs -------------------------------------------------------------------------------------------------------

function list(runs) {
  const rows = runs.map((run) => {
    const button = made("button", run.id + " · " + run.status);
    button.type = "button";
    button.dataset.run = run.id;
    button.addEventListener("click", () => show(run.id));
    const row = made("li");
    row.append(button);
    return row;
  });
  at("runs").replaceChildren(...(rows.length ? rows : [made("li", "No runs yet.")]));
}

async function look() {
  const answer = await ask("/runs").catch(() => null);
  if (answer && answer.ok) list(await answer.json());
  else if (answer && answer.status === 401) enter("");
}

at("again").addEventListener("click", look);

// -- one run --------------------------------------------------------------------------------------------------------

function step(number, agent) {
  const id = "step-" + number;
  let box = at(id);
  if (!box) {
    box = made("article");
    box.id = id;
    box.append(made("h3", "Step " + number + (agent ? ": " + agent : "")), made("pre"));
    at("steps").append(box);
  }
  return box;
}

const told = {
  step_start(event) {
    const box = step(event.step, event.agent);
    box.className = "running";
    box.querySelector("pre").replaceChildren(); // a step that begins anew says everything anew
    at("end")?.remove();
    return "Step " + event.step + " is at work.";
  },
  text_delta(event) {
    step(event.step).querySelector("pre").append(event.text);
  },
  step_complete(event) {
    const box = step(event.step);
    box.className = "completed";
    box.querySelector("pre").textContent = event.output;
  },
  pipeline_complete() {
    return "Completed.";
  },
  error(event) {
    if (event.step !== null && event.step !== undefined) step(event.step).className = "failed";
    at("end")?.remove();
    const end = made("pre", event.message, "failed");
    end.id = "end";
    at("steps").append(end);
    return "Failed.";
  },
};

async function show(run) {
  if (listening) listening.abort();
  const mine = (listening = new AbortController());
  at("title").textContent = run;
  at("steps").replaceChildren();
  for (const button of at("runs").querySelectorAll("button")) {
    button.setAttribute("aria-current", String(button.dataset.run === run));
  }
  let last = "0";
  while (listening === mine) {
    try {
      const headers = { "Last-Event-ID": last, Accept: "text/event-stream" };
      const answer = await ask("/runs/" + encodeURIComponent(run) + "/events", headers, mine.signal);
      if (answer.status === 401) return enter("");
      if (answer.status === 404) { say("There is no such run any more."); return look(); }
      if (answer.status === 204) return look(); // its end was told, and there is no more
      if (answer.ok) {
        for await (const event of eventsIn(answer.body)) {
          if (listening !== mine) return;
          const note = told[event.type]?.(event.data);
          if (note) say(note);
          last = event.id;
        }
      }
    } catch (error) {
      if (listening === mine) say("Not connected; trying again.");
    }
    if (listening === mine) await new Promise((done) => setTimeout(done, 1000));
  }
}

async function* eventsIn(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const event = {};
      for (const line of part.split("\n")) {
        const colon = line.indexOf(":");
        if (colon > 0) event[line.slice(0, colon)] = line.slice(colon + 1).trimStart();
      }
      if (event.data) yield { id: event.id, type: event.event, data: JSON.parse(event.data) };
    }
  }
}

// -- the beginning --------------------------------------------------------------------------------------------------

// What stands behind "#" is sent to no server and in no Referer; it is taken out of the address at once.
const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) history.replaceState(null, "", "/");
enter(given || sessionStorage.getItem("token") || "");
