"""How a page looks: one style sheet, two sets of colours, no font or file from elsewhere."""

LIGHT = {
    "paper": "#fdfcf9",
    "raised": "#f5f3ed",
    "ink": "#1d1c1a",
    "soft": "#5f5c55",
    "rule": "#e2ded5",
    "good": "#1b6b45",
    "bad": "#a8321f",
    "series-1": "#1d5fa6",
    "series-2": "#b5450c",
    "series-3": "#14705a",
    "series-4": "#8a3c85",
    "series-5": "#836000",
    "series-6": "#566070",
}
DARK = {
    "paper": "#16171a",
    "raised": "#1f2125",
    "ink": "#e8e6e1",
    "soft": "#a5a29b",
    "rule": "#33353b",
    "good": "#79cf9f",
    "bad": "#f0907d",
    "series-1": "#7fb5f2",
    "series-2": "#f29b6c",
    "series-3": "#63c9a8",
    "series-4": "#d99bd5",
    "series-5": "#d8b54e",
    "series-6": "#a7b0bc",
}


def _colours(values: dict[str, str]) -> str:
    return " ".join(f"--{name}: {value};" for name, value in values.items())


STYLE = f"""
:root {{ {_colours(LIGHT)}
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --serif: Charter, "Bitstream Charter", "Iowan Old Style", "Source Serif 4", Georgia, serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace;
  color-scheme: light dark; }}
@media (prefers-color-scheme: dark) {{ :root {{ {_colours(DARK)} }} }}
* {{ box-sizing: border-box; }}
html {{ -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }}
body {{ margin: 0; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.6 var(--serif); }}
main {{ max-width: 52rem; margin: 0 auto; padding: 3.5rem 1.25rem 5rem; }}
h1 {{ font-size: clamp(1.6rem, 5vw, 2.25rem); line-height: 1.2; font-weight: 600;
  letter-spacing: -0.01em; margin: 0 0 1.25rem; text-wrap: balance; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.3rem; line-height: 1.3; font-weight: 600; margin: 3rem 0 0.75rem;
  overflow-wrap: anywhere; }}
h3 {{ font-size: 1.0625rem; line-height: 1.35; font-weight: 600; margin: 2rem 0 0.5rem;
  overflow-wrap: anywhere; }}
p {{ margin: 0 0 1rem; max-width: 38rem; overflow-wrap: anywhere; }}
pre {{ margin: 0 0 1.25rem; padding: 0.7rem 0.9rem; background: var(--raised); border-radius: 4px;
  overflow-x: auto; font: 0.875rem/1.5 var(--mono); }}
blockquote {{ margin: 0 0 1.5rem; padding: 0 0 0 1.1rem; border-left: 3px solid var(--rule); }}
blockquote p {{ margin: 0; white-space: pre-wrap; }}
cite {{ display: block; margin-top: 0.35rem; color: var(--soft); font: 0.875rem/1.5 var(--sans); }}
figure {{ margin: 2.25rem 0 2.5rem; }}
figcaption {{ font-weight: 600; line-height: 1.35; margin: 0 0 0.75rem; text-wrap: balance;
  overflow-wrap: anywhere; }}
.note {{ color: var(--soft); font: 0.875rem/1.5 var(--sans); }}
.note {{ margin: 0.5rem 0 0; }}
svg {{ display: block; width: 100%; height: auto; }}
svg.narrow {{ display: none; }}
svg text {{ paint-order: stroke; stroke: var(--paper); stroke-width: 3px;
  stroke-linejoin: round; }}
svg.chart text {{ font-family: var(--sans); }}
svg.chart .on, svg.chart .on text {{ stroke: none; }}
details {{ margin: 0 0 1.5rem; }}
summary {{ cursor: pointer; color: var(--soft); font: 0.9375rem/1.5 var(--sans); }}
details[open] > summary {{ margin-bottom: 0.75rem; }}
.scroll {{ overflow-x: auto; margin: 0 0 1.5rem; }}
table {{ border-collapse: collapse; width: 100%; font: 0.9375rem/1.45 var(--sans);
  font-variant-numeric: tabular-nums; }}
th, td {{ text-align: left; vertical-align: baseline; padding: 0.5rem 1.1rem 0.5rem 0;
  border-bottom: 1px solid var(--rule); overflow-wrap: break-word; }}
th:last-child, td:last-child {{ padding-right: 0; }}
th {{ color: var(--soft); font-weight: 500; white-space: nowrap;
  border-bottom-color: var(--soft); }}
.number {{ text-align: right; white-space: nowrap; }}
.good {{ color: var(--good); font-weight: 600; white-space: nowrap; }}
.bad {{ color: var(--bad); font-weight: 600; white-space: nowrap; }}
@media (max-width: 36rem) {{
  body {{ font-size: 1rem; }}
  main {{ padding: 2rem 1.1875rem 3.5rem; }}
  svg.wide {{ display: none; }}
  svg.narrow {{ display: block; }}
  table.cards, .cards tbody, .cards tr, .cards td {{ display: block; }}
  .cards thead {{ position: absolute; width: 1px; height: 1px; overflow: hidden;
    clip-path: inset(50%); }}
  .cards tr {{ padding: 0.75rem 0; border-bottom: 1px solid var(--rule); }}
  .cards tr:first-child {{ border-top: 1px solid var(--soft); }}
  .cards td {{ display: flex; justify-content: space-between; gap: 1.5rem; border: 0;
    padding: 0.1rem 0; text-align: right; }}
  .cards td::before {{ content: attr(data-name); color: var(--soft); font-weight: 400;
    text-align: left; white-space: nowrap; }}
  .cards td:first-child {{ display: block; text-align: left; font-weight: 600;
    padding-bottom: 0.25rem; }}
  .cards td:first-child::before {{ content: none; }}
}}
@media print {{ main {{ max-width: none; padding: 0; }} figure, tr {{ break-inside: avoid; }} }}
"""
