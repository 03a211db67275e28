// Draws every figure of the page in the colours of the theme that the reader's system asks for.
"use strict";
(function () {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const light_palette = {
    text: "#1d2530", muted: "#77818f", grid: "#e3e7ec", panel: "#ffffff", gross: "#2563c9", net: "#c2620c",
    good: "#0f7a6c", bad: "#b83a1e", gross_band: "rgba(37,99,201,0.16)", net_band: "rgba(194,98,12,0.14)",
    diverging: [[0, "#b3470f"], [0.5, "#f3f4f6"], [1, "#1f5fbf"]], counting: [[0, "#eceff3"], [1, "#4a5563"]],
  };
  const dark_palette = {
    text: "#dfe5ec", muted: "#8b97a6", grid: "#2b333e", panel: "#171c23", gross: "#6ea5ff", net: "#f0a35e",
    good: "#45c8b0", bad: "#ff8b66", gross_band: "rgba(110,165,255,0.20)", net_band: "rgba(240,163,94,0.16)",
    diverging: [[0, "#ff9a57"], [0.5, "#252c35"], [1, "#6ea5ff"]], counting: [[0, "#222a33"], [1, "#c3ccd6"]],
  };

  // Only what stands under the name of a colour is looked up: other text stays as it is.
  function coloured(value, name, palette) {
    if (/color|colorscale$/.test(name)) {
      if (typeof value === "string") return Object.hasOwn(palette, value) ? palette[value] : value;
      if (Array.isArray(value)) return value.map((one) => coloured(one, name, palette));
    }
    if (Array.isArray(value)) return value.map((one) => coloured(one, "", palette));
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, coloured(one, key, palette)]));
    }
    return value;
  }

  function axis(given, palette) {
    return { gridcolor: palette.grid, zerolinecolor: palette.muted, zeroline: false, fixedrange: true,
             automargin: true, ...given };
  }

  function draw() {
    const palette = dark.matches ? dark_palette : light_palette;
    for (const [key, figure] of Object.entries(figures)) {
      const place = document.getElementById(key);
      const given = coloured(figure.layout, "", palette);
      for (const name of Object.keys(given)) if (/^[xy]axis/.test(name)) given[name] = axis(given[name], palette);
      const layout = {
        height: figure.height, autosize: true, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
        font: { family: "system-ui, sans-serif", size: 12, color: palette.text },
        margin: { l: 56, r: 12, t: 8, b: 44 },
        legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
        hoverlabel: { bgcolor: palette.panel, bordercolor: palette.muted, font: { color: palette.text } },
        ...given,
      };
      Plotly.react(place, coloured(figure.data, "", palette), layout, { responsive: true, displayModeBar: false });
    }
    document.documentElement.dataset.drawn = String(Object.keys(figures).length);
  }

  draw();
  dark.addEventListener("change", draw);
})();
