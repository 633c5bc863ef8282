"""A report as one HTML file that needs nothing else.

Does: escape every text, embed plots, set a policy that forbids scripts and any request.
Does not: phrase or compute anything.
"""

from __future__ import annotations

import base64
from pathlib import Path

from evals.report.blocks import Report

STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --page: #ffffff; --soft: #eef2f6;
  --line: #c3ccd6; --quiet: #52606d; --promote: #14713a; --reject: #b3261e;
  --inconclusive: #8a5a00; --ins: #d3f0dc; --del: #fbdcda; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e9ef; --page: #12171d; --soft: #1e262f;
  --line: #3b4753; --quiet: #a3afbb; --promote: #6fd196; --reject: #ff9a92;
  --inconclusive: #f0bd62; --ins: #17482a; --del: #5c2320; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, "Liberation Sans", sans-serif; margin: 0 auto;
  max-width: 72rem; padding: 1.5rem 1rem 4rem; color: var(--ink); background: var(--page);
  overflow-wrap: anywhere; }
h1, h2, h3 { line-height: 1.25; } h1 { font-size: 1.6rem; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 0.6rem; padding-top: 0.8rem;
  border-top: 1px solid var(--line); } h3 { font-size: 1rem; margin: 1.4rem 0 0.4rem; }
p { max-width: 46rem; } li { max-width: 46rem; }
.verdict { border-left: 6px solid var(--verdict); background: var(--soft); font-size: 1.12rem;
  padding: 0.8rem 1rem; margin: 0 0 0.8rem; max-width: none; }
.promote { --verdict: var(--promote); } .reject { --verdict: var(--reject); }
.inconclusive { --verdict: var(--inconclusive); }
h1 .outcome { color: var(--verdict); }
.quiet { max-width: none; } .quiet, figcaption { color: var(--quiet); font-size: 0.9rem; }
.scroll { overflow-x: auto; margin: 0.8rem 0; }
.scroll:focus-visible { outline: 2px solid var(--quiet); }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); padding-bottom: 0.3rem; }
th, td { border: 1px solid var(--line); padding: 0.35rem 0.55rem; text-align: left;
  vertical-align: top; overflow-wrap: normal; } thead th { background: var(--soft); }
td { min-width: 5.6rem; }
tbody th, thead th:first-child { position: sticky; left: 0; } tbody th { background: var(--page); } tr.promote th[scope=row], tr.reject th[scope=row],
tr.inconclusive th[scope=row] { border-left: 4px solid var(--verdict); }
tr td.outcome { color: var(--verdict); font-weight: 600; white-space: nowrap; }
figure { margin: 1rem 0; } img { width: 100%; min-width: 38rem; max-width: 60rem; height: auto; display: block; background: #ffffff;
  border: 1px solid var(--line); border-radius: 4px; }
code, pre { font: 0.85rem/1.5 ui-monospace, "Liberation Mono", monospace; }
td code { overflow-wrap: anywhere; }
pre { background: var(--soft); padding: 0.7rem 0.9rem; overflow-x: auto; }
pre.diff { white-space: pre-wrap; unicode-bidi: isolate; }
ins { background: var(--ins); } del { background: var(--del); }
@media print { :root { --ink: #000000; --page: #ffffff; --soft: #f3f3f3; --line: #999999;
  --quiet: #333333; --promote: #14713a; --reject: #b3261e; --inconclusive: #8a5a00;
  --ins: #d3f0dc; --del: #fbdcda; } body { font-size: 10pt; max-width: none; padding: 0; }
  .scroll { overflow: visible; } table { font-size: 7pt; } th, td { padding: 0.15rem 0.3rem; }
  td, img { min-width: 0; } tr, figure, .verdict { break-inside: avoid; }
  h2, h3 { break-after: avoid; } pre { white-space: pre-wrap; } }
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{{ report.title }}{% if report.outcome %}: {{ report.outcome }}{% endif %}</title>
<style>{{ style }}</style>
</head>
<body>
<main{% if report.outcome %} class="{{ report.outcome }}"{% endif %}>
<h1>{{ report.title }}{% if report.outcome %}: <span class="outcome">{{ report.outcome }}</span>{% endif %}</h1>
<p class="verdict">{{ report.verdict }}</p>
<p class="quiet">{{ report.statistics }}</p>
{% for text in report.introduction %}
<p>{{ text }}</p>
{% endfor %}
{% for section in report.sections %}
<section aria-labelledby="section-{{ loop.index }}">
<h2 id="section-{{ loop.index }}">{{ section.title }}</h2>
{% for block in section.blocks %}
{{ show(block) }}
{% endfor %}
</section>
{% endfor %}
</main>
</body>
</html>
"""

BLOCKS = {
    "Text": "<p>{{ block.text }}</p>",
    "Heading": "<h3>{{ block.text }}</h3>",
    "Bullets": """<ul>
{% for item in block.items %}
<li>{{ item }}</li>
{% endfor %}
</ul>""",
    "Table": """<div class="scroll" role="region" tabindex="0" aria-label="{{ block.caption }}">
<table>
<caption>{{ block.caption }}</caption>
<thead><tr>
{% for name in block.header %}
<th scope="col">{{ breakable(name) }}</th>
{% endfor %}
</tr></thead>
<tbody>
{% for row in block.rows %}
<tr{% if block.outcomes %} class="{{ block.outcomes[loop.index0] }}"{% endif %}>
{% for cell in row %}
{% if loop.first %}
<th scope="row">{{ cell }}</th>
{% elif loop.index0 in block.code_columns and cell %}
<td><code>{{ cell }}</code></td>
{% else %}
<td{% if block.outcomes and block.header[loop.index0] == "outcome" %} class="outcome"{% endif %}>{{ cell }}</td>
{% endif %}
{% endfor %}
</tr>
{% endfor %}
</tbody>
</table>
</div>""",
    "Code": "<pre><code>{{ block.text }}</code></pre>",
    "Figure": """<figure>
<div class="scroll" role="region" tabindex="0" aria-label="{{ block.caption }}">
<img src="data:image/png;base64,{{ image(block.file) }}" alt="{{ block.alternative }}">
</div>
<figcaption>{{ block.caption }}</figcaption>
</figure>""",
    "Diff": """<p>{{ block.label }}</p>
<pre class="diff">
{%- for piece in block.pieces -%}
{%- if piece.kind == "deleted" -%}<del>{{ piece.text }}</del>
{%- elif piece.kind == "inserted" -%}<ins>{{ piece.text }}</ins>
{%- else -%}{{ piece.text }}
{%- endif -%}
{%- endfor -%}
</pre>""",
    "Markdown": "{{ rendered(block.text) }}",
}
"""Kind of block -> its template."""


def report_html(report: Report, directory: Path) -> str:
    """The whole page.

    Args:
        directory: where the plots of the report are, which become part of the page.
    """
    from jinja2 import Environment
    from markdown_it import MarkdownIt
    from markupsafe import Markup, escape

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    templates = {kind: environment.from_string(source) for kind, source in BLOCKS.items()}
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    def image(file: str) -> str:
        return base64.b64encode((directory / file).read_bytes()).decode()

    def rendered(text: str) -> Markup:
        # The renderer escapes HTML in the text itself.
        return Markup(markdown.render(text))

    def breakable(name: str) -> Markup:
        # A long name such as schema_conformance would make its column as wide as itself.
        return escape(name).replace("_", Markup("_<wbr>"))

    def show(block: object) -> Markup:
        template = templates[type(block).__name__]
        return Markup(
            template.render(block=block, image=image, rendered=rendered, breakable=breakable)
        )

    return environment.from_string(PAGE).render(report=report, style=Markup(STYLE), show=show)
