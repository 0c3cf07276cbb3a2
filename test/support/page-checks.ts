// Programs for a browser's page that say what is wrong with it.

/** Texts whose contrast is below 4.5 (WCAG 2.2, 1.4.3), with the ratio. */
export const contrast = `(() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!colour.endsWith(", 0)") && colour !== "transparent") return colour;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches ? "rgb(18, 18, 18)" : "rgb(255, 255, 255)";
  };
  return [...document.querySelectorAll("p,a,h1,h2,h3,label,td,th,span,pre,button,code,small,dt,dd,li,summary,caption")].filter((one) => one.textContent.trim() !== "").map((one) => {
    const [a, b] = [light(getComputedStyle(one).color), light(behind(one))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), one.textContent.slice(0, 40)];
  }).filter(([ratio]) => ratio < 4.5);
})()`;

/** Pixels by which the page is wider than its window. */
export const overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";

/** Headings that skip a level, tables without a caption, head cells without a scope, ids that are there twice. */
export const structure = `(() => {
  const problems = [];
  let before = 0;
  for (const one of document.querySelectorAll("h1,h2,h3,h4,h5,h6")) {
    const level = Number(one.tagName[1]);
    if (level > before + 1) problems.push("heading " + one.textContent + " skips a level");
    before = level;
  }
  for (const one of document.querySelectorAll("table"))
    if (!one.caption || !one.caption.textContent.trim()) problems.push("a table without a caption");
  for (const one of document.querySelectorAll("th")) if (!one.scope) problems.push("a head cell without a scope");
  for (const one of document.querySelectorAll("svg"))
    if (one.getAttribute("aria-hidden") !== "true" && !one.getAttribute("aria-label")) problems.push("a picture without a text");
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  if (new Set(ids).size !== ids.length) problems.push("an id twice");
  if (document.querySelectorAll("main").length !== 1 || document.documentElement.lang === "") problems.push("no landmark or language");
  return problems;
})()`;
