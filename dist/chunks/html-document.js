import{t as e}from"./visible.js";import{createHash as t}from"node:crypto";const n={"&":`&amp;`,"<":`&lt;`,">":`&gt;`,'"':`&quot;`,"'":`&#39;`};function r(e){return e.replace(/[&<>"']/g,e=>n[e]??e)}const i=(t,n)=>r(e(t,n)),a=(e,t)=>`<code>${i(e,t)}</code>`,o=e=>e.split(`
`).map(e=>i(e)).join(`
`),s={pass:`✓`,fail:`✗`,warn:`!`,"not-run":`–`},c=e=>`<span class="badge ${e}"><span aria-hidden="true">${s[e]}</span> ${e}</span>`;function l(e,t,n){return n===``?``:`<section aria-labelledby="${e}">\n<h2 id="${e}">${t}</h2>\n${n}\n</section>`}function u(e){let t=e.flatMap(([e,t])=>t===null?[]:[`<div><dt>${e}</dt><dd>${t}</dd></div>`]);return t.length===0?``:`<dl>${t.join(`
`)}</dl>`}const d=e=>e.toLocaleString(`en`),f=(e,t,n=`${t}s`)=>`${d(e)} ${e===1?t:n}`,p=`
:root{color-scheme:light dark;--paper:#fff;--ink:#1b2028;--soft:#f3f5f8;--line:#c9ced6;--dim:#4d5663;--good:#116329;--part:#7a4d00;--bad:#a40e26;--link:#0550ae;--within:#57708f;--promised:#1a7f37;--outside:#cf222e;--goodbox:#e6f4ea;--badbox:#fdebec}
@media (prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;--soft:#1b2028;--line:#454c56;--dim:#a5b0bd;--good:#56d364;--part:#e3b341;--bad:#ff8f86;--link:#79c0ff;--within:#8193ab;--promised:#3fb950;--outside:#f85149;--goodbox:#0f2417;--badbox:#2d1215}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0;background:var(--paper);color:var(--ink)}
main{max-width:62rem;margin:0 auto;padding:1rem}
h1{font-size:1.35rem;line-height:1.3;margin:.5rem 0;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.25rem 0 .5rem;padding-bottom:.2rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:0}
a{color:var(--link)}
p,li,dd,th,td,caption,pre,h3{unicode-bidi:isolate;overflow-wrap:anywhere}
code,pre{font:.85rem/1.45 ui-monospace,SFMono-Regular,Menlo,monospace}
pre{background:var(--soft);border:1px solid var(--line);border-radius:6px;margin:.5rem 0;padding:.6rem;overflow-x:auto;white-space:pre-wrap}
small{font-size:.8rem;color:var(--dim);font-weight:400}
ul{margin:.4rem 0;padding-left:1.25rem}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.verdict{font-size:1.1rem;font-weight:600;border:1px solid;border-left-width:6px;border-radius:6px;padding:.7rem .9rem;margin:.75rem 0}
.verdict.pass{color:var(--good);background:var(--goodbox)}
.verdict.fail{color:var(--bad);background:var(--badbox)}
.verdict.answer{background:var(--soft);border-color:var(--line);border-left-color:var(--link);font-weight:400}
.badge{font-weight:600;white-space:nowrap}
.badge.pass,.promised,.good{color:var(--good)}.badge.fail,.outside,.missing{color:var(--bad)}.badge.warn{color:var(--part)}.badge.not-run{color:var(--dim)}
dl{margin:.5rem 0;display:grid;gap:.3rem .75rem}
dl div{display:grid;grid-template-columns:minmax(6rem,11rem) 1fr;gap:.75rem}
dt{color:var(--dim)}dd{margin:0;min-width:0}
.checks{list-style:none;padding:0;margin:0}
.checks>li{border:1px solid var(--line);border-left-width:5px;border-radius:6px;padding:.6rem .8rem;margin:.6rem 0}
.checks>li.pass{border-left-color:var(--good)}.checks>li.fail{border-left-color:var(--bad)}.checks>li.warn{border-left-color:var(--part)}
.checks h3{display:flex;flex-wrap:wrap;gap:.2rem .75rem;align-items:baseline}
.checks p{margin:.35rem 0}
summary{cursor:pointer;min-height:1.75rem;color:var(--link)}
table{border-collapse:collapse;width:100%;margin:1rem 0 .5rem;font-size:.9rem}
caption{text-align:left;font-weight:600;padding-bottom:.3rem}
caption small{display:block}
th,td{text-align:left;vertical-align:middle;padding:.2rem .5rem .2rem 0;border-bottom:1px solid var(--line)}
tbody th{font-weight:400}
tbody th small{display:block}
thead th{font-weight:600;vertical-align:bottom}
.scroll{overflow-x:auto}
.number{text-align:right;font-variant-numeric:tabular-nums}
.number code{font-size:.75rem}
.scroll .number{white-space:nowrap;padding-left:.75rem}
.scroll .number small{display:block}
.scroll tbody th small{display:block}
.scroll tbody th{min-width:8rem}
.chart{table-layout:fixed}
.chart th:first-child{width:38%}
.chart .number{width:22%;text-align:right;padding-right:0;font-variant-numeric:tabular-nums;overflow-wrap:normal}
.bar{display:block;width:100%;height:1.1rem}
.axis{display:block;width:100%;height:1.1rem}
.axis text{font-size:.7rem;fill:var(--dim)}
.grid{stroke:var(--line);stroke-width:1}
rect.within{fill:var(--within)}rect.promised{fill:var(--promised)}rect.outside{fill:var(--outside)}
.key{font-size:.85rem;color:var(--dim)}
.swatch{display:inline-block;width:.8rem;height:.8rem;border-radius:2px;margin-left:.5rem}
.swatch.within{background:var(--within)}.swatch.promised{background:var(--promised)}.swatch.outside{background:var(--outside)}
.quiet{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
footer{margin:2.5rem 0 1rem;color:var(--dim);font-size:.85rem;border-top:1px solid var(--line);padding-top:.75rem}
@media (min-width:48rem){.chart th:first-child{width:15rem}.chart .number{width:8rem}h1{font-size:1.6rem}}
@media (max-width:30rem){dl div{grid-template-columns:1fr;gap:0}dl{gap:.6rem}}
@media print{details{display:block}details>*{display:block}}
`,m=`default-src 'none'; style-src 'sha256-${t(`sha256`).update(p).digest(`base64`)}'; img-src data:; base-uri 'none'; form-action 'none'`;function h(e,t,n){return`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${m}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${r(e)}</title>
<style>${p}</style>
</head>
<body>
<main>
${t}
<footer>
<p>Made by vllm-cpu-wheels ${i(n.version)}. ${n.note}</p>
</footer>
</main>
</body>
</html>
`}const g=e=>`<time datetime="${e.toISOString()}">${e.toISOString().slice(0,16).replace(`T`,` `)} UTC</time>`;export{d as a,f as c,r as d,a as i,l,g as n,u as o,c as r,o as s,h as t,i as u};