import { BarChart } from "echarts/charts";
import { GridComponent, MarkLineComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import type { BenchRow } from "../all.ts";

use([BarChart, GridComponent, MarkLineComponent, SVGRenderer]);

const WIDTH = 900;
const ROW = 22;
const HEAD = 20;

/** Ratios as bars, the peer's 1 as a line: SVG. */
export function plotOf(rows: readonly BenchRow[]): string {
  const chart = init(null, null, {
    renderer: "svg",
    ssr: true,
    width: WIDTH,
    height: HEAD + rows.length * ROW + 40,
  });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    grid: {
      left: 40,
      right: 60,
      top: HEAD,
      bottom: 30,
      outerBoundsMode: "same",
      outerBoundsContain: "axisLabel",
    },
    xAxis: { type: "value", name: "ratio", min: 0 },
    yAxis: {
      type: "category",
      inverse: true,
      data: rows.map(({ name }) => name),
      axisLabel: { fontSize: 11, width: 380, overflow: "truncate" },
    },
    series: [
      {
        type: "bar",
        data: rows.map(({ ratio }) => Number(ratio.toFixed(3))),
        label: { show: true, position: "right", fontSize: 11 },
        itemStyle: { color: "#2563eb" },
        markLine: {
          symbol: "none",
          data: [{ xAxis: 1 }],
          lineStyle: { color: "#b91c1c" },
          label: { formatter: "peer" },
        },
      },
    ],
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
