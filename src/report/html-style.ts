/** The report's style; no rule needs a file, a font or a script. */
export const REPORT_STYLE = `
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
`;
