"""Shows openapi.yaml: as it stands, and as a page. The page holds no script, and loads nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from starlette.responses import HTMLResponse, Response

from .. import documents

PATH = Path(__file__).resolve().parents[2] / "openapi.yaml"
_METHODS = ("get", "put", "post", "patch", "delete")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_Part = dict[str, Any]


def document() -> Response:
    """Answer the document itself."""
    return Response(_text(), media_type="application/yaml")


def page() -> Response:
    """Answer the page."""
    return HTMLResponse(_page(), headers={"Content-Security-Policy": _POLICY})


@cache
def _text() -> str:
    return PATH.read_text(encoding="utf-8")


@cache
def _page() -> str:
    return rendered(documents.read(_text(), PATH.name))


def rendered(spec: _Part) -> str:
    """Render a document of OpenAPI 3.1 as a page."""
    info, schemas = spec["info"], spec["components"]["schemas"]
    operations = list(_operations(spec))
    parts = [
        f"<h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>",
        f"<p class=lead>{_inline(info.get('summary', ''))}</p>",
        _prose(info.get("description", "")),
        '<p><a href="/openapi.yaml">openapi.yaml</a></p>',
        "<h2>Operations</h2>",
        *(_operation(spec, *one) for one in operations),
        "<h2>Schemas</h2>",
        *(_schema(name, one) for name, one in schemas.items()),
    ]
    items = [*((one[2]["operationId"], one[2]["operationId"]) for one in operations),
             *((f"schema-{name}", name) for name in schemas)]  # fmt: skip
    links = "".join(f'<a href="#{escape(to)}">{escape(name)}</a>' for to, name in items)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style>"
        f"<nav><b>{escape(info['title'])}</b>{links}</nav><main>{''.join(parts)}</main></html>"
    )


def _operations(spec: _Part) -> Iterator[tuple[str, str, _Part]]:
    for path, item in spec["paths"].items():
        for method in _METHODS:
            if method in item:
                yield method, path, item[method]


def _operation(spec: _Part, method: str, path: str, one: _Part) -> str:
    parts = [_prose(one.get("description", "")), _notes(one)]
    parameters = [_found(spec, parameter) for parameter in one.get("parameters", [])]
    if parameters:
        rows = [_row(told["name"], told, told["schema"], required=told.get("required", False))
                for told in parameters]  # fmt: skip
        parts.append(f"<h4>Parameters</h4><table>{''.join(rows)}</table>")
    if "requestBody" in one:
        parts.append(f"<h4>Request</h4>{_content(spec, one['requestBody'])}")
    for status, told in one["responses"].items():
        response = _found(spec, told)
        parts.append(
            f'<h4><span class="code s{escape(status[:1])}">{escape(status)}</span>'
            f"{_source(response)}</h4>{_prose(response.get('description', ''))}{_notes(response)}"
            f"{_content(spec, response)}"
        )
    word = f'<span class="method {method}">{method.upper()}</span>'
    return (
        f'<section id="{escape(one["operationId"])}"><h3>{word} <code>{escape(path)}</code></h3>'
        f"<p class=lead>{_inline(one.get('summary', ''))}{_source(one)}</p>"
        f"{''.join(parts)}</section>"
    )


def _content(spec: _Part, holder: _Part) -> str:
    parts = []
    for media_type, told in holder.get("content", {}).items():
        parts.append(f"<p>{_type(told['schema'])} as <code>{escape(media_type)}</code></p>")
        for name, example in told.get("examples", {}).items():
            value = json.dumps(_found(spec, example)["value"], indent=2, ensure_ascii=False)
            parts.append(
                f"<details><summary>{escape(name)}</summary><pre>{escape(value)}</pre></details>"
            )
    return "".join(parts)


def _schema(name: str, one: _Part) -> str:
    required = one.get("required", [])
    rows = [_row(key, told, told, required=key in required)
            for key, told in one.get("properties", {}).items()]  # fmt: skip
    table = f"<table>{''.join(rows)}</table>" if rows else f"<p>{_type(one)}</p>"
    prose = _prose(one.get("description", ""))
    about = f"<h3>{escape(name)}{_source(one)}</h3>{prose}{_notes(one)}{table}"
    return f'<section id="schema-{escape(name)}">{about}</section>'


def _row(name: str, one: _Part, schema: _Part, *, required: bool) -> str:
    """Render a property or a parameter, which has its source, and its schema."""
    default = schema.get("default")
    told = (
        ""
        if default is None
        else f" <span>default <code>{escape(json.dumps(default))}</code></span>"
    )
    star = ' <b title="required">required</b>' if required else ""
    return (
        f"<tr><td><code>{escape(name)}</code>{star}</td>"
        f"<td>{_type(schema)}{told}</td>"
        f"<td>{_inline(one.get('description', ''))}{_source(one)}{_notes(one)}</td></tr>"
    )


def _type(schema: _Part) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#schema-{escape(name)}">{escape(name)}</a>'
    if "allOf" in schema:
        return " and ".join(map(_type, schema["allOf"]))
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    kinds = schema.get("type", "any")
    if kinds == "array":
        return f"list of {_type(schema['items'])}"
    told = kinds if isinstance(kinds, str) else " or ".join(kinds)
    return escape(f"{told}, {schema['format']}" if "format" in schema else told)


def _source(one: _Part) -> str:
    """Render how a thing is known; where its source has a name, that is its title."""
    source = one.get("x-source")
    if not source:
        return ""
    mark = escape(source["mark"])
    titled = f' title="{escape(source["in"])}"' if "in" in source else ""
    return f' <span class="source {mark}"{titled}>{mark}</span>'


def _notes(one: _Part) -> str:
    """Render what is known of a thing beyond its description, each by its name."""
    return "".join(
        f'<p>{_inline(one[f"x-{name}"])} <span class="source {name}">{name}</span></p>'
        for name in ("derived", "observed", "assumed")
        if f"x-{name}" in one
    )


def _found(spec: _Part, told: _Part) -> _Part:
    """Follow a reference."""
    while "$ref" in told:
        found: Any = spec
        for key in told["$ref"].removeprefix("#/").split("/"):
            found = found[key.replace("~1", "/").replace("~0", "~")]
        told = found
    return told


def _prose(text: str) -> str:
    """Render paragraphs and numbered lists."""
    made = []
    for block in re.split(r"\n\s*\n", text.strip()) if text.strip() else []:
        items = re.split(r"^\d+\. ", block, flags=re.MULTILINE)
        if len(items) > 1 and not items[0].strip():
            listed = "".join(f"<li>{_inline(item)}</li>" for item in items[1:])
            made.append(f"<ol>{listed}</ol>")
        else:
            made.append(f"<p>{_inline(block)}</p>")
    return "".join(made)


def _inline(text: str) -> str:
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
    return re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", text)


_STYLE = """
:root{color-scheme:light dark;--ink:#1b2430;--dim:#5b6878;--line:#dfe4ea;--back:#fff;
--soft:#f5f7f9;--link:#0b5cad}
@media(prefers-color-scheme:dark){:root{--ink:#e4e9ef;--dim:#9aa7b5;--line:#2c3743;--back:#12171d;
--soft:#1a2129;--link:#6db3f8}}
*{box-sizing:border-box}
body{margin:0;display:flex;color:var(--ink);background:var(--back);
font:15px/1.55 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
nav{position:sticky;top:0;height:100vh;overflow:auto;flex:0 0 17rem;padding:1.6rem 1.2rem;
background:var(--soft);border-right:1px solid var(--line);font-size:13.5px}
nav b{display:block;margin-bottom:.8rem}nav a{display:block;padding:.18rem 0;color:var(--dim)}
main{flex:1;min-width:0;max-width:56rem;padding:1.6rem 2.4rem 6rem}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
h1{font-size:1.9rem;margin:.2rem 0}h1 small{font-size:1rem;color:var(--dim);font-weight:400}
h2{margin:2.6rem 0 .6rem;padding-bottom:.3rem;border-bottom:1px solid var(--line)}
h3{margin:0 0 .4rem;font-size:1.05rem}h4{margin:1.1rem 0 .3rem;font-size:.92rem}
section{margin:1rem 0;padding:1.1rem 1.3rem;border:1px solid var(--line);border-radius:8px;
scroll-margin-top:1rem;overflow-x:auto}
section:target{border-color:var(--link)}p{margin:.4rem 0}.lead{color:var(--dim)}
code,pre{font:13px/1.5 ui-monospace,"SFMono-Regular",Menlo,"DejaVu Sans Mono",monospace}
pre{margin:.4rem 0;padding:.8rem 1rem;background:var(--soft);border-radius:6px;overflow:auto}
table{width:100%;border-collapse:collapse;font-size:14px}
td{padding:.4rem .6rem .4rem 0;border-top:1px solid var(--line);vertical-align:top}
td:first-child{width:14rem}td b{color:#b4481e;font-weight:500;font-size:12px}
td span{color:var(--dim)}summary{cursor:pointer;color:var(--dim)}
.method,.code{display:inline-block;padding:.05rem .5rem;border-radius:4px;color:#fff;
font:600 12px/1.6 ui-monospace,"DejaVu Sans Mono",monospace}
.get,.s2{background:#1a7f4b}.post{background:#0b5cad}.s4{background:#a8591b}
.put,.patch,.delete,.s5{background:#9b2c2c}
.source{padding:0 .45rem;border:1px solid var(--line);border-radius:9px;font-size:11.5px;
font-weight:400;color:var(--dim)}.derived,.assumed{border-style:dashed}
@media(max-width:760px){nav{display:none}main{padding:1rem}}
""".strip()
