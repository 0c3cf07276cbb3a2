const e=({why:e,remedy:t})=>`  why:    ${e.replaceAll(`
`,`
          `)}\n  remedy: ${t}\n`,t=({stack:e,cause:t})=>`${e}\n${t instanceof Error?t.stack:``}\n`,n=e=>e.replace(/[&<>]/g,e=>({"&":`&amp;`,"<":`&lt;`,">":`&gt;`})[e]??e).replaceAll(`
`,`<br>`),r=({code:e,what:t,why:r,remedy:i})=>`### ❌ ${n(t)}\n\n**Why:** ${n(r)}\n\n**Remedy:** ${n(i)}\n\n<sub>${e}</sub>\n`;export{r as n,t as r,e as t};