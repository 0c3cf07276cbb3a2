/** The first page's style: one column on a phone, where each table row becomes a card. */
export const FRONT_STYLE = `
:root{color-scheme:light dark;--line:#c9ced6;--soft:#f3f5f8;--good:#116329;--part:#7a4d00;--bad:#a40e26;--link:#0550ae}
@media (prefers-color-scheme:dark){:root{--line:#454c56;--soft:#1b2028;--good:#56d364;--part:#e3b341;--bad:#ff7b72;--link:#79c0ff}body{background:#0d1117;color:#e6edf3}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0}
main{max-width:72rem;margin:0 auto;padding:1rem}
h1{font-size:1.7rem;margin:.5rem 0}
h2{font-size:1.25rem;margin:2rem 0 .5rem}
h3{font-size:1rem;margin:0}
a{color:var(--link)}
label{display:block;font-weight:600;margin-bottom:.25rem}
select,textarea,button{font:inherit;color:inherit;background:var(--soft);border:1px solid var(--line);border-radius:6px;padding:.4rem .6rem}
select,textarea{width:100%;max-width:44rem}
textarea{font-family:ui-monospace,monospace;font-size:.85rem}
button{cursor:pointer;min-height:2.5rem}
form{display:inline-block;margin:0 .6rem 0 0}
form button{background:none;border:0;padding:0;min-height:1.5rem;color:var(--link);text-decoration:underline;text-align:left;overflow-wrap:anywhere}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
#answer{font-size:1.1rem;font-weight:600;min-height:1.6em}
.command{display:grid;grid-template-columns:1fr auto;align-items:center;gap:.25rem;margin:.75rem 0}
.command pre{grid-column:1/-1}
.command>button:first-child{grid-column:2}
#saved:empty{display:none}
pre{background:var(--soft);border:1px solid var(--line);border-radius:6px;margin:0;padding:.6rem;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85rem}
td code{overflow-wrap:anywhere}
.proven{color:var(--good)}.proven-emulated,.proven-but-isa{color:var(--part)}.withdrawn{color:var(--bad)}
.quiet{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.45rem .6rem;border-bottom:1px solid var(--line)}
td[data-label="Proven"],td[data-label="Size"]{white-space:nowrap}
tbody th{font-weight:400;overflow-wrap:anywhere}
@media (max-width:48rem){thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{display:block;border:1px solid var(--line);border-radius:6px;margin:.75rem 0;padding:.4rem}
th,td{display:block;border:0;padding:.15rem .4rem}td::before{content:attr(data-label) ": ";font-weight:600}}
`;

/** The picker. It holds no name of its own: what it knows of the wheels is in the page's JSON. */
export const FRONT_SCRIPT = `
"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const choices = JSON.parse(at("choices").textContent);
  const index = new URL(".", location.href).href;
  const { torch: torchIndex, address } = at("choices").dataset;
  for (const one of document.querySelectorAll("[data-here]"))
    one.textContent = one.textContent.replace(address, index);
  const flagsOf = (text) => {
    const lists = [...text.matchAll(/^\\s*(?:flags|Features)\\s*:(.*)$/gim)].map((m) => m[1].trim().split(/\\s+/));
    return lists.length === 0 ? null : new Set(lists.reduce((all, list) => all.filter((flag) => list.includes(flag))));
  };
  const show = (flags) => {
    const found = flags && choices.find(({ needs }) => needs.every((need) => flags.has(need)));
    at("commands").hidden = !found;
    if (!flags) {
      at("answer").textContent = "";
      return;
    }
    if (!found) {
      const last = choices.at(-1);
      const lacks = last ? last.needs.filter((need) => !flags.has(need)) : [];
      at("answer").textContent = "No wheel here runs on this CPU" + (last ? ": " + last.name + " needs " + lacks.join(", ") + "." : ".");
      return;
    }
    const pin = found.name + "==" + found.version;
    at("answer").textContent = "Your wheel: " + found.name + " " + found.version;
    at("saved").textContent = found.saved;
    const here = found.torch === "linked";
    const options = [index, ...(here ? [] : [torchIndex])].map((one) => "--extra-index-url " + one);
    at("pip").textContent = ["pip install", pin, ...options].join(" ");
    // uv stops at the first index that knows a name, so torch's index is not one of its extra indexes.
    at("uv").textContent = "uv pip install " + pin + " " + options[0] + (here ? "" : " --torch-backend=cpu");
    at("requirements").textContent = [...options, pin].join("\\n");
    at("dockerfile").textContent = [
      "FROM python:3.12-slim",
      "# torch.compile needs a C++ compiler when the program runs",
      "RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*",
      ["RUN pip install --no-cache-dir", pin, ...options].join(" "),
    ].join("\\n");
  };
  at("family").addEventListener("change", ({ target }) => {
    at("cpuinfo").value = "";
    show(target.value === "" ? null : new Set(target.value.split(" ")));
  });
  at("cpuinfo").addEventListener("input", ({ target }) => {
    at("family").value = "";
    const flags = flagsOf(target.value);
    show(flags);
    if (!flags && target.value.trim() !== "") at("answer").textContent = "There is no line of flags in this text.";
  });
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    const label = button.firstChild;
    button.addEventListener("click", async () => {
      const target = at(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(target.textContent);
        label.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(target);
        label.textContent = "Selected";
      }
      setTimeout(() => { label.textContent = "Copy"; }, 2000);
    });
  }
  at("picker").hidden = false;
})();
`;
