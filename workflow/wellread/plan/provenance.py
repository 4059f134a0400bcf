"""What a result depends on besides files and settings: the code that made it, and its plate's rows of a table.

Snakemake compares params by value but does not see edits in imported modules, nor which rows of a shared table
belong to a plate. Hashes of both, passed as params, make exactly the right jobs run again.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

import pandas as pd

PACKAGE = Path(__file__).parents[1]


def fingerprint(*modules: str) -> str:
    """Hash the syntax trees of `modules` and of every wellread module they import, however deep.

    Blind to comments, docstrings and layout. Templates (.html, .css) in the folder of a package count too.
    """
    seen: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += _read(module)[1]
    digest = hashlib.sha256("".join(_read(module)[0] for module in sorted(seen)).encode())
    return digest.hexdigest()[:16]


def rows_hash(rows: pd.DataFrame) -> str:
    """Hash the rows of one plate, so that a change in another plate's rows changes nothing here."""
    return hashlib.sha256(rows.to_csv(index=False).encode()).hexdigest()[:16]


@cache
def _read(module: str) -> tuple[str, list[str]]:
    """The hash of one module (dots for folders) and the wellread modules it imports."""
    source = _source(module)
    tree = ast.parse(source.read_text())
    imports = sorted({name for node in ast.walk(tree) for name in _imported(node)})
    folder = source.parent.iterdir() if source.stem == "__init__" else []
    templates = [path.read_bytes() for path in sorted(folder) if path.suffix in (".html", ".css")]
    text = ast.dump(_without_docstrings(tree)).encode() + b"".join(templates)
    return hashlib.sha256(text).hexdigest(), imports


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and not node.level:
        names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    else:
        return []
    names = [name.removeprefix("wellread.") for name in names if name.startswith("wellread.")]
    return [name for name in names if _source(name).is_file()]


def _source(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _without_docstrings(tree: ast.Module) -> ast.Module:
    holders = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(tree):
        if isinstance(node, holders) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return tree
