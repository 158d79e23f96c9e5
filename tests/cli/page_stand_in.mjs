// Runs the page of serve_runs.py without a browser: just enough of a document for it, and a word about each change.
// node page_stand_in.mjs PAGE.JS URL TOKEN RUN
import fs from "node:fs";

const [file, url, token, run] = process.argv.slice(2);

class Element {
  constructor(tag) {
    Object.assign(this, { tag, children: [], dataset: {}, hidden: true, className: "", id: "", text: "", on: {} });
  }
  get textContent() { return this.text + this.children.map((one) => one.textContent ?? one).join(""); }
  set textContent(text) { this.text = text; this.children = []; }
  append(...more) {
    for (const one of more) if (one instanceof Element) one.parent = this;
    this.children.push(...more);
  }
  replaceChildren(...more) { this.textContent = ""; this.append(...more); }
  addEventListener(name, act) { this.on[name] = act; }
  setAttribute() {}
  remove() { this.parent.children = this.parent.children.filter((one) => one !== this); }
  *below() { for (const one of this.children) if (one instanceof Element) { yield one; yield* one.below(); } }
  querySelectorAll(tag) { return [...this.below()].filter((one) => one.tag === tag); }
  querySelector(tag) { return this.querySelectorAll(tag)[0]; }
}

const named = Object.fromEntries(["note", "door", "token", "runs", "again", "title", "steps"].map((id) => [id, new Element("div")]));
const main = new Element("main");
let address = `#token=${token}`;
const kept = {};
const fetched = globalThis.fetch;
Object.assign(globalThis, {
  document: {
    getElementById: (id) => named[id] ?? [...named.steps.below()].find((one) => one.id === id) ?? null,
    querySelector: () => main,
    createElement: (tag) => new Element(tag),
  },
  location: { hash: address },
  history: { replaceState: (_state, _title, to) => { address = to; } },
  sessionStorage: { getItem: (name) => kept[name] ?? null, setItem: (name, text) => { kept[name] = text; }, removeItem() {} },
  fetch: (path, how) => fetched(url + path, { headers: how.headers, signal: how.signal }),
});

(0, eval)(`${fs.readFileSync(file, "utf8")}\nglobalThis.show = show;`);
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
while (main.hidden) await pause(10);
console.log(JSON.stringify({ address, door: named.door.hidden, token: kept.token }));
show(run);
for (let before = ""; ; await pause(5)) {
  const steps = named.steps.children.map((one) => [one.className, one.textContent]);
  const now = JSON.stringify({ note: named.note.textContent, steps });
  if (now !== before) console.log(now);
  before = now;
}
